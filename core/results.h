/* SPDX-License-Identifier: MIT
 *
 * A line of JSON for a task that has ended, for --results: ASCII, one object,
 * keys in a fixed order, null for what is not known. Names that are no UTF-8
 * have U+FFFD for each bad byte.
 *
 * Pure; any thread.
 */
#ifndef SPATE_RESULTS_H
#define SPATE_RESULTS_H

#include <stddef.h>
#include <stdint.h>

#include "err.h"

struct results_record {
  uint64_t task;
  const char *state;  /* "done", "failed", ... */
  const char *url;    /* redacted */
  const char *path;   /* NULL or "" none */
  const char *digest; /* likewise */
  const char *error;  /* likewise */
  int status;         /* 0 none */
  int attempts;
  int64_t bytes;
  int64_t started_unix_ms; /* 0: no request was needed */
  int64_t ended_unix_ms;
};

/* Text that grows; zero to begin with, kept between lines. */
struct results_text {
  char *data;
  size_t length, cap;
};
void results_text_fini(struct results_text *text);

/* Puts the record's line, newline included, in place of what was there. */
int results_line(struct results_text *text,
                 const struct results_record *record) MUST_CHECK;

/* Puts lines of such tasks, whose data was lost after all, behind what is
 * there: those that say "done" say "failed" for that reason. */
int results_lines_lost(struct results_text *text, const char *lines,
                       size_t length, const char *reason) MUST_CHECK;

#endif
