/* SPDX-License-Identifier: MIT
 *
 * What the manifest's readers share; nobody else includes this.
 *
 *   manifest.c         the buffer, cutting lines, which format it is
 *   manifest_text.c, manifest_aria2.c, manifest_jsonl.c, manifest_csv.c
 *                      one form each (csv is tsv as well)
 *   manifest_record.c  what the forms have in common: fields and their values
 */
#ifndef SPATE_MANIFEST_IMPL_H
#define SPATE_MANIFEST_IMPL_H

#include "manifest.h"

struct json_t;

enum manifest_field {
  FIELD_URL,
  FIELD_URLS,
  FIELD_OUT,
  FIELD_DIR,
  FIELD_CHECKSUM,
  FIELD_CHECK,
  FIELD_HEADERS,
  FIELD_PRIORITY,
  FIELD_DEADLINE,
  FIELD_BODY,
  FIELD_METHOD,
  FIELD_SIZE,
  FIELD_SPLIT,
  FIELD_PIECES,
  FIELD_NONE /* a name that is not known */
};

#define RECORD_MIRRORS 32
#define RECORD_HEADERS 64

/* The lists and made texts of one line. */
struct manifest_record {
  struct task_fields fields;
  bool said;                           /* the line needs the fields */
  struct json_t *json;                 /* taken; what texts point into */
  const char *mirrors[RECORD_MIRRORS]; /* the first is the line's URL */
  const char *headers[RECORD_HEADERS];
  size_t used;
  char text[MANIFEST_LINE_CAP + 8 * RECORD_HEADERS];
};

/* A text of the line: NUL-terminated, though it may hold NULs itself. */
struct manifest_value {
  const char *text;
  size_t length;
};

/* ---- manifest.c ---- */

/* Cuts the next line out of the buffer: its length without the newline, or -1:
 * more bytes are needed. */
ptrdiff_t manifest__cut(struct manifest *m, char **text, bool *too_long);
/* The same for a form whose records are lines: tells line where it ends, and
 * passes over a byte order mark. */
ptrdiff_t manifest__cut_line(struct manifest *m, struct manifest_line *line,
                             char **text, bool *too_long);
/* Takes bytes with so many newlines in them. */
void manifest__take(struct manifest *m, size_t bytes, uint64_t newlines);
/* A whole line about which nothing is known yet, beginning at the head. */
void manifest__begin(const struct manifest *m, struct manifest_line *line);
/* It is bad; 1. */
int manifest__bad(struct manifest_line *line, const char *why);
int manifest__too_long(struct manifest_line *line);
/* The same with a sentence of the reader's own; ERR_SYNTAX. */
int manifest__fault(struct manifest *m, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Remembers a name that is not known. */
void manifest__unknown(struct manifest *m, const char *name, size_t length);
/* What is wrong with a URL; NULL nothing. */
const char *manifest__url_fault(const char *url);

static inline bool manifest__is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r';
}

/* ---- manifest_record.c ---- */

enum manifest_field manifest__field(const char *name, size_t length);

/* Begins a line with fields. */
void manifest__record(struct manifest *m, struct manifest_line *line);
/* Gives the line a value; ERR_SYNTAX: see manifest_why(). An empty text is no
 * value. */
int manifest__set(struct manifest *m, struct manifest_line *line,
                  enum manifest_field field, struct manifest_value value);
int manifest__set_number(struct manifest *m, struct manifest_line *line,
                         enum manifest_field field, int64_t number);
int manifest__add_url(struct manifest *m, struct manifest_value url);
/* "Name: value"; or name and value. */
int manifest__add_header(struct manifest *m, struct manifest_value header);
int manifest__add_header_pair(struct manifest *m, const char *name,
                              struct manifest_value value);
/* A JSON object or list of headers. */
int manifest__add_headers_json(struct manifest *m, const struct json_t *value);
/* The line is complete: judges it; 1. code: what setting its values gave. */
int manifest__close(struct manifest *m, struct manifest_line *line, int code);

#endif
