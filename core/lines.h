/* SPDX-License-Identifier: MIT
 *
 * A manifest read from a file by blocking calls: for what happens before the
 * loop runs (recognising, comparing) and in readers outside of it.
 *
 * Any one thread.
 */
#ifndef SPATE_LINES_H
#define SPATE_LINES_H

#include <stdint.h>

#include "err.h"
#include "manifest.h"

struct lines {
  /* private */
  struct manifest text;
  int fd;
  bool at_end;
};

/* fd is borrowed, and read from its beginning. */
int lines_init(struct lines *lines, int fd,
               const struct manifest_format *format) MUST_CHECK;
void lines_fini(struct lines *lines);
void lines_seek(struct lines *lines, uint64_t offset, uint64_t line);

/* Reads a table's header; ERR_SYNTAX: see lines_why(). */
int lines_head(struct lines *lines) MUST_CHECK;
const char *lines_why(const struct lines *lines);

/* 1 and a line, 0 at the end, or an error. */
int lines_next(struct lines *lines, struct manifest_line *line) MUST_CHECK;

/* Where the next line begins, and its number. */
uint64_t lines_offset(const struct lines *lines);
uint64_t lines_number(const struct lines *lines);

#endif
