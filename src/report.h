/* SPDX-License-Identifier: MIT
 *
 * Reporters: front ends without a screen. A reporter turns snapshots and
 * events into text; report.c drives it between the engine, the signals and an
 * output that may be slow.
 *
 * Thread: the main thread.
 */
#ifndef SPATE_REPORT_H
#define SPATE_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "engine.h"
#include "outbuf.h"
#include "report_queue.h"

struct report;

struct report_ops {
  void (*begin)(struct report *report);
  void (*progress)(struct report *report, const struct snapshot *snap);
  void (*event)(struct report *report, const struct engine_event *event);
  void (*end)(struct report *report, const struct snapshot *snap, int status);
};

extern const struct report_ops report_json, report_line, report_none,
    report_quiet;

struct report {
  const struct report_ops *ops;
  struct outbuf out, err;
  const char *session_dir; /* borrowed */
  int64_t tasks;           /* known at the start; -1 unknown */
  bool verbose;
  double interval_s;
  uint64_t dropped; /* events that nobody took in time */
  /* report_line's own */
  bool tty;     /* the line is rewritten instead of repeated */
  bool line_up; /* something stands in the line */
};

/* Why a run has ended with STATUS_SYSTEM, on standard error, for all reporters:
 * what waited was shown while it waited, if at all. */
#define STATUS_SYSTEM 3
void report_cause(struct report *report, const struct snapshot *snap);

/* Lets the engine run to its end, reporting. Answers signals meanwhile.
 * Returns engine_join()'s status. */
int report_run(struct report *report, struct engine *engine,
               struct report_queue *queue);

#endif
