/* SPDX-License-Identifier: MIT
 *
 * The manifest reader and its `text` format: a URL a line, optionally a tab
 * and an output name; blank lines and # comments are passed over. Pure.
 */
#include "config.h"

#include "manifest.h"

#include <stdlib.h>
#include <string.h>

#include "url.h"

#define BUF_CAP (2 * MANIFEST_BLOCK + MANIFEST_LINE_CAP)

int manifest_init(struct manifest *manifest,
                  const struct manifest_format *format) {
  *manifest = (struct manifest){.format = format, .line = 1};
  manifest->buf = malloc(BUF_CAP + 1); /* a NUL behind an unended last line */
  return manifest->buf == NULL ? ERR_NOMEM : 0;
}

void manifest_fini(struct manifest *manifest) {
  free(manifest->buf);
  manifest->buf = NULL;
}

void manifest_seek(struct manifest *manifest, uint64_t offset, uint64_t line) {
  manifest->head = manifest->tail = manifest->scanned = 0;
  manifest->offset = offset;
  manifest->line = line;
  manifest->skipping = false;
  manifest->ended = false;
}

char *manifest_space(struct manifest *manifest, size_t *room) {
  size_t unread = manifest->tail - manifest->head;
  if (unread > MANIFEST_BLOCK)
    return NULL;
  memmove(manifest->buf, manifest->buf + manifest->head, unread);
  manifest->scanned -= manifest->head;
  manifest->head = 0;
  manifest->tail = unread;
  *room = MANIFEST_BLOCK;
  return manifest->buf + unread;
}

void manifest_filled(struct manifest *manifest, size_t bytes) {
  manifest->tail += bytes;
}

void manifest_end(struct manifest *manifest) {
  manifest->ended = true;
}

int manifest_next(struct manifest *manifest, struct manifest_line *line) {
  return manifest->format->next(manifest, line);
}

uint64_t manifest_offset(const struct manifest *manifest) {
  return manifest->offset;
}

uint64_t manifest_wants(const struct manifest *manifest) {
  return manifest->offset + (manifest->tail - manifest->head);
}

uint64_t manifest_line_number(const struct manifest *manifest) {
  return manifest->line;
}

/* ---- URLs -------------------------------------------------------------- */

static uint64_t object_hash(const char *url, const char *out) {
  uint64_t hash = url_object_hash64(url, out);
  return hash == OBJECT_BAD ? 1 : hash;
}

static const char *url_fault(const char *url) {
  struct url_parts parts;
  int rc = url_split(url, URL_ALLOW_HTTP, &parts);
  if (rc == 0)
    return NULL;
  return parts.why != NULL ? parts.why : err_text(rc);
}

/* ---- text -------------------------------------------------------------- */

static bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r';
}

static bool bad(struct manifest_line *line, const char *why) {
  line->why = why;
  line->object = OBJECT_BAD;
  return true;
}

bool manifest_parse_text(char *text, size_t length,
                         struct manifest_line *line) {
  *line = (struct manifest_line){
      .url = text,
      .deadline_unix = INT64_MAX,
      .line = line->line,
      .end = line->end,
  };
  while (length > 0 && is_blank(text[length - 1]))
    length--;
  while (length > 0 && is_blank(text[0])) {
    text++;
    length--;
  }
  if (length == 0 || text[0] == '#')
    return false;
  if (memchr(text, '\0', length) != NULL)
    return bad(line, "a NUL byte in the line");
  text[length] = '\0';
  line->url = text;
  char *tab = memchr(text, '\t', length);
  if (tab != NULL) {
    char *end = tab;
    while (is_blank(*tab))
      tab++;
    while (end > text && is_blank(end[-1]))
      end--;
    *end = '\0';
    line->out = tab;
  }
  const char *why = url_fault(line->url);
  if (why != NULL)
    return bad(line, why);
  line->object = object_hash(line->url, line->out);
  return true;
}

/* Cuts the next line, returns its length or -1 for "more bytes are needed". */
static ptrdiff_t cut(struct manifest *m, char **text, bool *too_long) {
  char *start = m->buf + m->head;
  char *newline = NULL;
  if (m->tail > m->scanned)
    newline = memchr(m->buf + m->scanned, '\n', m->tail - m->scanned);
  m->scanned = m->tail;
  size_t length =
      (size_t)(newline != NULL ? newline - start : m->buf + m->tail - start);
  if (newline == NULL && length > MANIFEST_LINE_CAP) {
    m->skipping = true; /* drop it now: the buffer has a ceiling */
    m->offset += length;
    m->head = m->tail;
    length = 0;
  }
  if (newline == NULL && (!m->ended || (length == 0 && !m->skipping)))
    return -1;
  *too_long = m->skipping || length > MANIFEST_LINE_CAP;
  *text = start;
  m->skipping = false;
  m->head += length + (newline != NULL);
  m->offset += length + (newline != NULL);
  m->scanned = m->head;
  m->line++;
  return (ptrdiff_t)length;
}

static int text_next(struct manifest *m, struct manifest_line *line) {
  for (;;) {
    char *text;
    bool too_long;
    uint64_t begin = m->offset;
    ptrdiff_t length = cut(m, &text, &too_long);
    if (length < 0)
      return 0;
    line->line = m->line - 1;
    line->end = m->offset;
    if (too_long) {
      line->url = "";
      line->out = NULL;
      return bad(line, "the line is longer than 64 KB");
    }
    if (begin == 0 && length >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
      text += 3; /* a byte order mark */
      length -= 3;
    }
    if (manifest_parse_text(text, (size_t)length, line))
      return 1;
  }
}

const struct manifest_format manifest_text = {"text", text_next};
