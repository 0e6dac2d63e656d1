/* SPDX-License-Identifier: MIT
 *
 * The manifest reader: its buffer, the cutting of lines, and which format a
 * manifest is of. Pure.
 */
#include "config.h"

#include "manifest.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "manifest_impl.h"
#include "url.h"

#include <jansson.h>

#define BUF_CAP (2 * MANIFEST_BLOCK + MANIFEST_LINE_CAP)

int manifest_init(struct manifest *manifest,
                  const struct manifest_format *format) {
  memset(manifest, 0, sizeof *manifest);
  manifest->format = format;
  manifest->line = 1;
  manifest->buf = malloc(BUF_CAP + 1); /* a NUL behind an unended last line */
  manifest->record = malloc(sizeof *manifest->record);
  if (manifest->buf != NULL && manifest->record != NULL) {
    manifest->record->json = NULL;
    return 0;
  }
  free(manifest->buf);
  free(manifest->record);
  manifest->buf = NULL;
  manifest->record = NULL;
  return ERR_NOMEM;
}

void manifest_fini(struct manifest *manifest) {
  free(manifest->buf);
  manifest->buf = NULL;
  if (manifest->record != NULL)
    json_decref(manifest->record->json);
  free(manifest->record);
  manifest->record = NULL;
}

void manifest_use(struct manifest *manifest,
                  const struct manifest_format *format, const char *hint) {
  manifest->format = format;
  manifest->hint = hint;
  manifest->columns = 0;
}

void manifest_seek(struct manifest *manifest, uint64_t offset, uint64_t line) {
  manifest->head = manifest->tail = manifest->scanned = 0;
  manifest->offset = offset;
  manifest->line = line;
  manifest->skipping = false;
  manifest->ended = manifest->hurried = false;
  if (offset == 0)
    manifest->columns = 0; /* the header comes first */
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

const char *manifest_why(const struct manifest *manifest) {
  return manifest->why;
}

bool manifest_lacks_head(const struct manifest *manifest) {
  return manifest->format->table && manifest->columns == 0 &&
         manifest->offset > 0;
}

/* ---- for the formats --------------------------------------------------- */

void manifest__take(struct manifest *m, size_t bytes, uint64_t newlines) {
  m->head += bytes;
  m->offset += bytes;
  m->scanned = m->head;
  m->line += newlines;
}

ptrdiff_t manifest__cut(struct manifest *m, char **text, bool *too_long) {
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
  manifest__take(m, length + (newline != NULL), 1);
  return (ptrdiff_t)length;
}

ptrdiff_t manifest__cut_line(struct manifest *m, struct manifest_line *line,
                             char **text, bool *too_long) {
  uint64_t begin = m->offset;
  ptrdiff_t length = manifest__cut(m, text, too_long);
  if (length < 0)
    return -1;
  line->next_line = m->line;
  line->end = m->offset;
  if (begin == 0 && length >= 3 && memcmp(*text, "\xef\xbb\xbf", 3) == 0) {
    *text += 3; /* a byte order mark */
    length -= 3;
  }
  return length;
}

void manifest__begin(const struct manifest *m, struct manifest_line *line) {
  *line = (struct manifest_line){.url = "",
                                 .deadline_unix = INT64_MAX,
                                 .line = m->line,
                                 .next_line = m->line,
                                 .end = m->offset};
}

int manifest__bad(struct manifest_line *line, const char *why) {
  line->why = why;
  line->object = OBJECT_BAD;
  return 1;
}

int manifest__too_long(struct manifest_line *line) {
  line->url = "";
  line->out = line->dir = NULL;
  line->fields = NULL;
  return manifest__bad(line, "the line is longer than 64 KB");
}

int manifest__fault(struct manifest *m, const char *fmt, ...) {
  va_list args;
  va_start(args, fmt);
  vsnprintf(m->why, sizeof m->why, fmt, args);
  va_end(args);
  return ERR_SYNTAX;
}

const char *manifest__url_fault(const char *url) {
  struct url_parts parts;
  int rc = url_split(url, PROTOCOL_ALL, &parts);
  if (rc == 0)
    return NULL;
  return parts.why != NULL ? parts.why : err_text(rc);
}

/* ---- names that are not known ------------------------------------------ */

void manifest__unknown(struct manifest *m, const char *name, size_t length) {
  char short_name[MANIFEST_NAME];
  if (length >= sizeof short_name)
    length = sizeof short_name - 1;
  memcpy(short_name, name, length);
  short_name[length] = '\0';
  for (unsigned i = 0; i < m->names; i++)
    if (strcmp(m->name[i], short_name) == 0)
      return;
  if (m->names < MANIFEST_NAMES)
    memcpy(m->name[m->names++], short_name, length + 1);
}

bool manifest_warning(struct manifest *m, char *text, size_t cap) {
  if (m->names_told == m->names)
    return false;
  snprintf(text, cap, "'%s' is not known and passed over, here and further on",
           m->name[m->names_told++]);
  return true;
}

/* ---- which format ------------------------------------------------------ */

static const struct manifest_format *const formats[] = {
    &manifest_auto,  &manifest_text, &manifest_aria2,
    &manifest_jsonl, &manifest_csv,  &manifest_tsv};

const struct manifest_format *manifest_format_named(const char *name) {
  for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
    if (strcmp(formats[i]->name, name) == 0)
      return formats[i];
  return NULL;
}

static bool has_suffix(const char *name, size_t length, const char *suffix) {
  size_t n = strlen(suffix);
  return length > n && strncasecmp(name + length - n, suffix, n) == 0;
}

static const struct manifest_format *by_name(const char *name) {
  static const struct {
    const char *suffix;
    const struct manifest_format *format;
  } suffixes[] = {{".jsonl", &manifest_jsonl}, {".ndjson", &manifest_jsonl},
                  {".json", &manifest_jsonl},  {".csv", &manifest_csv},
                  {".tsv", &manifest_tsv},     {".tab", &manifest_tsv},
                  {".aria2", &manifest_aria2}};
  size_t length = name != NULL ? strlen(name) : 0;
  if (length > 0 && has_suffix(name, length, ".gz"))
    length -= 3;
  else if (length > 0 && (has_suffix(name, length, ".zst") ||
                          has_suffix(name, length, ".zstd")))
    length = (size_t)(strrchr(name, '.') - name);
  for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++)
    if (has_suffix(name, length, suffixes[i].suffix))
      return suffixes[i].format;
  return &manifest_text;
}

static bool names_url(const char *cell, const char *end) {
  while (cell < end && (manifest__is_blank(*cell) || *cell == '"'))
    cell++;
  while (end > cell && (manifest__is_blank(end[-1]) || end[-1] == '"'))
    end--;
  enum manifest_field field = manifest__field(cell, (size_t)(end - cell));
  return field == FIELD_URL || field == FIELD_URLS;
}

static bool is_header(const char *line, const char *end, char separator) {
  for (const char *cell = line; cell <= end;) {
    const char *stop = memchr(cell, separator, (size_t)(end - cell));
    if (stop == NULL)
      stop = end;
    if (names_url(cell, stop))
      return true;
    cell = stop + 1;
  }
  return false;
}

static bool has_scheme(const char *at, const char *end) {
  for (; end - at >= 3; at++)
    if (memcmp(at, "://", 3) == 0)
      return true;
  return false;
}

/* An indented name=value; more: its end is not there yet. */
static bool is_option(const char *at, const char *end, bool *more) {
  if (at == end)
    *more = true;
  if (at == end || (*at != ' ' && *at != '\t'))
    return false;
  while (at < end && (*at == ' ' || *at == '\t'))
    at++;
  const char *name = at;
  while (at < end && ((*at >= 'a' && *at <= 'z') || *at == '-' ||
                      (*at >= '0' && *at <= '9')))
    at++;
  *more = at == end;
  return at < end && at > name && *at == '=';
}

/* line is the first one that counts; next what comes behind it. */
static const struct manifest_format *judge(const char *line, const char *end,
                                           const char *next,
                                           const char *data_end, bool whole,
                                           const char *name) {
  bool more = false;
  if (*line == '{' || *line == '[')
    return &manifest_jsonl;
  if (is_header(line, end, '\t') && memchr(line, '\t', (size_t)(end - line)))
    return &manifest_tsv;
  if (is_header(line, end, ','))
    return by_name(name) == &manifest_tsv ? &manifest_tsv : &manifest_csv;
  if (!has_scheme(line, end))
    return by_name(name);
  const char *tab = memchr(line, '\t', (size_t)(end - line));
  if (tab != NULL && has_scheme(tab, end))
    return &manifest_aria2;
  if (is_option(next, data_end, &more))
    return &manifest_aria2;
  return more && !whole ? NULL : &manifest_text;
}

const struct manifest_format *manifest_detect(const char *data, size_t length,
                                              bool whole, const char *name) {
  const char *at = data, *end = data + length;
  whole |= length >= MANIFEST_BLOCK;
  if (length >= 3 && memcmp(at, "\xef\xbb\xbf", 3) == 0)
    at += 3;
  while (at < end) {
    const char *newline = memchr(at, '\n', (size_t)(end - at));
    const char *stop = newline != NULL ? newline : end;
    while (at < stop && manifest__is_blank(*at))
      at++;
    bool counts = at < stop && *at != '#';
    if (newline == NULL && !whole && (!counts || (*at != '{' && *at != '[')))
      return NULL;
    if (counts)
      return judge(at, stop, newline != NULL ? newline + 1 : end, end, whole,
                   name);
    at = newline != NULL ? newline + 1 : end;
  }
  return whole ? by_name(name) : NULL;
}

static int auto_next(struct manifest *m, struct manifest_line *line) {
  const struct manifest_format *format = &manifest_text;
  if (m->offset == 0)
    format = manifest_detect(m->buf + m->head, m->tail - m->head,
                             m->ended || m->hurried, m->hint);
  if (format == NULL)
    return 0;
  m->format = format;
  return format->next(m, line);
}

const struct manifest_format manifest_auto = {"auto", auto_next, false};

static bool has_task_line(const char *at, const char *end) {
  while (at < end) {
    const char *newline = memchr(at, '\n', (size_t)(end - at));
    if (newline == NULL)
      return false;
    while (at < newline && manifest__is_blank(*at))
      at++;
    if (at < newline && *at != '#')
      return true;
    at = newline + 1;
  }
  return false;
}

bool manifest_hurry(struct manifest *m) {
  if (m->format != &manifest_auto || m->hurried || m->head == m->tail ||
      m->buf[m->tail - 1] != '\n')
    return false;
  m->hurried = has_task_line(m->buf + m->head, m->buf + m->tail);
  return m->hurried;
}
