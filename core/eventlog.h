/* SPDX-License-Identifier: MIT
 *
 * The event log: the newest lines in memory for the screen, all of them in a
 * file. Secrets are replaced and control characters made harmless before a
 * line is kept. Lines for the file are gathered and written by a job on the
 * pool: the loop never waits for the disk.
 *
 * Thread: the loop's.
 */
#ifndef SPATE_EVENTLOG_H
#define SPATE_EVENTLOG_H

#include <stdbool.h>
#include <stdint.h>

#include "pool.h"
#include "snapshot.h"

#define EVENTLOG_TEXT 240
#define EVENTLOG_PENDING (256u << 10) /* bytes waiting for the file */

struct eventlog_line {
  int64_t unix_ms;
  uint64_t task;
  enum log_level level;
  char text[EVENTLOG_TEXT];
};

struct eventlog {
  /* read by the snapshot */
  struct eventlog_line lines[SNAP_LOG];
  uint64_t count; /* ever added; the newest is lines[(count - 1) % SNAP_LOG] */
  uint64_t errors;
  enum log_level least; /* lines below it are dropped */
  /* private */
  struct job job;
  struct pool *pool;
  int fd;
  char *pending, *writing;
  size_t pending_len, writing_len;
  uint64_t lost; /* lines the file could not take in time */
  bool running;
};

/* fd is taken (closed by eventlog_fini); -1 = no file. */
int eventlog_init(struct eventlog *log, struct pool *pool, int fd,
                  enum log_level least) MUST_CHECK;

void eventlog_add(struct eventlog *log, enum log_level level, uint64_t task,
                  const char *fmt, ...) PRINTF_LIKE(4, 5);

/* Hands what is pending to the pool; call it now and then. */
void eventlog_flush(struct eventlog *log);

/* Writes the rest (blocks) and closes the file; no job may be running. */
void eventlog_fini(struct eventlog *log);

#endif
