/* SPDX-License-Identifier: MIT
 *
 * The `aria2` format, aria2's input file: a line with the URLs of one file
 * (tabs between mirrors), then indented name=value lines. Blank lines and
 * # comments are passed over, between those lines too. A record is taken when
 * it is known to be whole: at the next URL, or at the end.
 *
 * Options without a URL before them belong to a record that was too long, or
 * to none: they are no tasks wherever reading begins. Pure.
 */
#include "config.h"

#include <string.h>

#include "manifest_impl.h"

#define ORPHAN "an option without a URL before it"

/* ---- what a record is -------------------------------------------------- */

enum kind { KIND_NOTHING, KIND_URL, KIND_OPTION };

static enum kind kind_of(const char *line, const char *end) {
  const char *at = line;
  while (at < end && manifest__is_blank(*at))
    at++;
  if (at == end || *at == '#')
    return KIND_NOTHING;
  return *line == ' ' || *line == '\t' ? KIND_OPTION : KIND_URL;
}

struct extent {
  size_t bytes;
  uint64_t newlines;
};

/* From the URL's line to the last of its options. 1; 0: more bytes are needed;
 * -1: it is too long. */
static int find_extent(const struct manifest *m, struct extent *extent) {
  const char *start = m->buf + m->head, *end = m->buf + m->tail;
  const char *at = start;
  uint64_t newlines = 0;
  *extent = (struct extent){0, 0};
  for (;;) {
    const char *newline = memchr(at, '\n', (size_t)(end - at));
    const char *stop = newline != NULL ? newline : end;
    bool over = (size_t)(stop - start) > MANIFEST_LINE_CAP;
    /* What lies beyond the ceiling must not count: it may not be there yet. */
    enum kind kind = kind_of(at, over ? start + MANIFEST_LINE_CAP + 1 : stop);
    /* The first byte of a line that is no option is enough. */
    if (at > start && kind == KIND_URL)
      return 1;
    if (over)
      return extent->bytes > 0 && kind == KIND_NOTHING ? 1 : -1;
    if (newline == NULL && !m->ended)
      return 0;
    newlines += newline != NULL;
    if (at == start || kind == KIND_OPTION)
      *extent =
          (struct extent){(size_t)(stop - start) + (newline != NULL), newlines};
    if (newline == NULL)
      return 1;
    at = newline + 1;
  }
}

/* ---- what it says ------------------------------------------------------ */

static struct manifest_value trim(char *text, char *end) {
  while (text < end && manifest__is_blank(*text))
    text++;
  while (end > text && manifest__is_blank(end[-1]))
    end--;
  *end = '\0';
  return (struct manifest_value){text, (size_t)(end - text)};
}

static int add_urls(struct manifest *m, char *text, char *end) {
  while (text <= end) {
    char *tab = memchr(text, '\t', (size_t)(end - text));
    char *stop = tab != NULL ? tab : end;
    struct manifest_value url = trim(text, stop);
    int rc = url.length > 0 ? manifest__add_url(m, url) : 0;
    if (rc < 0)
      return rc;
    text = stop + 1;
  }
  return 0;
}

static int set_option(struct manifest *m, struct manifest_line *line,
                      struct manifest_value name, struct manifest_value value) {
  static const struct {
    const char *name;
    enum manifest_field field;
  } known[] = {{"out", FIELD_OUT},
               {"dir", FIELD_DIR},
               {"checksum", FIELD_CHECKSUM},
               {"split", FIELD_SPLIT}};
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if (strcmp(known[i].name, name.text) == 0)
      return manifest__set(m, line, known[i].field, value);
  if (strcmp(name.text, "header") == 0)
    return manifest__add_header(m, value);
  if (strcmp(name.text, "referer") == 0)
    return manifest__add_header_pair(m, "Referer", value);
  if (strcmp(name.text, "user-agent") == 0)
    return manifest__add_header_pair(m, "User-Agent", value);
  manifest__unknown(m, name.text, name.length);
  return 0;
}

static int add_option(struct manifest *m, struct manifest_line *line,
                      char *text, char *end) {
  struct manifest_value whole = trim(text, end);
  char *sign = memchr(whole.text, '=', whole.length);
  if (sign == NULL)
    return manifest__fault(m, "an indented line that is no name=value");
  char *stop = (char *)whole.text + whole.length;
  struct manifest_value value = trim(sign + 1, stop);
  return set_option(m, line, trim((char *)whole.text, sign), value);
}

static int parse(struct manifest *m, struct manifest_line *line, char *text,
                 char *end) {
  char *newline = memchr(text, '\n', (size_t)(end - text));
  char *stop = newline != NULL ? newline : end;
  int rc = memchr(text, '\0', (size_t)(end - text)) != NULL
               ? manifest__fault(m, "a NUL byte in the line: a list is text in UTF-8")
               : add_urls(m, text, stop);
  while (rc == 0 && newline != NULL) {
    text = newline + 1;
    newline = memchr(text, '\n', (size_t)(end - text));
    stop = newline != NULL ? newline : end;
    if (kind_of(text, stop) == KIND_OPTION)
      rc = add_option(m, line, text, stop);
  }
  return rc;
}

/* ---- the reader -------------------------------------------------------- */

static int too_long(struct manifest *m, struct manifest_line *line) {
  char *text;
  bool cut_short;
  if (manifest__cut(m, &text, &cut_short) < 0)
    return 0;
  line->next_line = m->line;
  line->end = m->offset;
  manifest__too_long(line);
  if (!cut_short)
    line->why = "the URL and its options are longer than 64 KB";
  return 1;
}

/* Passes over what is no URL. False: more bytes are needed. */
static bool find_url(struct manifest *m) {
  if (m->offset == 0 && m->tail - m->head >= 3 &&
      memcmp(m->buf + m->head, "\xef\xbb\xbf", 3) == 0)
    manifest__take(m, 3, 0);
  for (;;) {
    const char *at = m->buf + m->head, *end = m->buf + m->tail;
    const char *newline = memchr(at, '\n', (size_t)(end - at));
    const char *stop = newline != NULL ? newline : end;
    enum kind kind = kind_of(at, stop);
    bool over = (size_t)(stop - at) > MANIFEST_LINE_CAP;
    if (kind == KIND_URL || over)
      return true;
    if (at == end || (newline == NULL && !m->ended))
      return false;
    if (kind == KIND_OPTION)
      manifest__unknown(m, ORPHAN, strlen(ORPHAN));
    manifest__take(m, (size_t)(stop - at) + (newline != NULL), 1);
  }
}

static int aria2_next(struct manifest *m, struct manifest_line *line) {
  struct extent extent;
  manifest__record(m, line);
  if (m->skipping)
    return too_long(m, line);
  if (m->offset == 0 && m->tail - m->head < 3 && !m->ended)
    return 0; /* perhaps a byte order mark */
  if (!find_url(m))
    return 0;
  manifest__begin(m, line);
  int rc = find_extent(m, &extent);
  if (rc == 0)
    return 0;
  if (rc < 0)
    return too_long(m, line);
  char *text = m->buf + m->head;
  manifest__take(m, extent.bytes, extent.newlines);
  line->next_line = m->line;
  line->end = m->offset;
  char *end = text + extent.bytes;
  if (end > text && end[-1] == '\n')
    end--;
  return manifest__close(m, line, parse(m, line, text, end));
}

const struct manifest_format manifest_aria2 = {"aria2", aria2_next, false};
