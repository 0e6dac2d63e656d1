/* SPDX-License-Identifier: MIT
 *
 * The manifest reader: from blocks of bytes to task lines.
 *
 * The caller puts bytes where manifest_space() says (a file read lands in
 * place, nothing is copied but the tail of a cut line) and takes lines until
 * there is none left. A format is a function that takes one record out of the
 * buffer, so that others can join `text`; what it points to lives in the
 * buffer until the next call.
 *
 * Foreign bytes: a line over MANIFEST_LINE_CAP, with a NUL byte or without a
 * usable URL is a bad line, with a sentence why; it never stops the reader.
 *
 * Pure; any one thread at a time.
 */
#ifndef SPATE_MANIFEST_H
#define SPATE_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "fields.h"

#define MANIFEST_LINE_CAP ((size_t)64 * 1024)
#define MANIFEST_BLOCK ((size_t)256 * 1024)

/* The object of a line that cannot be used: equal for all of them, so that a
 * bad line that was put right does not make another manifest. */
#define OBJECT_BAD UINT64_C(0)

struct manifest_line {
  const char *url;
  const char *out;       /* NULL: none given */
  const char *dir;       /* directory for the output; NULL: none given */
  int64_t deadline_unix; /* may start before it; INT64_MAX: not said */
  int32_t priority;      /* larger ones go first; 0 is usual */
  const struct task_fields *fields; /* NULL: the line says nothing else */
  const char *why; /* NULL: a good line; else what is wrong with it */
  uint64_t object; /* digest of URL without query, and name */
  uint64_t line;   /* from 1 */
  uint64_t end;    /* byte offset behind it, its newline included */
};

struct manifest;

struct manifest_format {
  const char *name;
  /* 1 and a line, or 0: more bytes are needed. Skips what is no task. */
  int (*next)(struct manifest *manifest, struct manifest_line *line);
};

extern const struct manifest_format manifest_text;

struct manifest {
  const struct manifest_format *format;
  /* private */
  char *buf;
  size_t head, tail, scanned; /* unread bytes are buf[head..tail) */
  uint64_t offset;            /* of buf[head] in the source */
  uint64_t line;              /* number of the line at head */
  bool skipping;              /* inside a line that is too long */
  bool ended;
};

int manifest_init(struct manifest *manifest,
                  const struct manifest_format *format) MUST_CHECK;
void manifest_fini(struct manifest *manifest);

/* Forgets what is buffered: the next byte put in stands at this offset and
 * begins the line of this number. */
void manifest_seek(struct manifest *manifest, uint64_t offset, uint64_t line);

/* Where the next bytes belong: at most *room of them, MANIFEST_BLOCK or a bit
 * more; NULL while too much is unread. Moves what is unread, so lines taken
 * before are void. */
char *manifest_space(struct manifest *manifest, size_t *room);
void manifest_filled(struct manifest *manifest, size_t bytes);

/* Nothing comes after this: the last line needs no newline. */
void manifest_end(struct manifest *manifest);

int manifest_next(struct manifest *manifest, struct manifest_line *line);

/* The offset of the next unread byte, and of the next one to put in. */
uint64_t manifest_offset(const struct manifest *manifest);
uint64_t manifest_wants(const struct manifest *manifest);
/* The number of the next line. */
uint64_t manifest_line_number(const struct manifest *manifest);

/* Reads one line of a text manifest (without its newline; changed in place).
 * Returns false for a blank line or a comment. */
bool manifest_parse_text(char *text, size_t length, struct manifest_line *line);

#endif
