/* SPDX-License-Identifier: MIT
 *
 * The event log as far as the interface has seen it: a snapshot carries the
 * newest lines only, these are gathered up to a ceiling.
 *
 * Lines that went by between two snapshots are missing here (the log file has
 * them), and a line says so. Pure.
 */
#ifndef SPATE_UI_LOGBOOK_H
#define SPATE_UI_LOGBOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "snapshot.h"

#define LOGBOOK_LINES 4096
#define LOGBOOK_FILTER 128

struct logbook_line {
  int64_t unix_ms;
  enum log_level level;
  uint64_t task;
  char *text; /* taken; untrusted */
};

struct logbook {
  struct logbook_line *line; /* taken; a ring */
  size_t head, count;
  uint64_t seen; /* lines of the run taken in or missed */
  enum log_level level;
  uint64_t task; /* only lines of this task; 0 all */
  char filter[LOGBOOK_FILTER];
};

void logbook_init(struct logbook *book);
void logbook_fini(struct logbook *book);
/* Takes in what is new; without memory lines are missing. */
void logbook_take(struct logbook *book, const struct snapshot *snap);

/* Lines that level and filter let through, and the n-th of them (oldest
 * first); NULL behind the end. */
size_t logbook_count(const struct logbook *book);
const struct logbook_line *logbook_at(const struct logbook *book, size_t n);

#endif
