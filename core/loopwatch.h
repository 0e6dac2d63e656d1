/* SPDX-License-Identifier: MIT
 *
 * The health of the loop: how busy it is, how long it stays away from the
 * kernel, and which callback was the slowest.
 *
 * Every callback of the engine is bracketed by enter and leave. "Lag" is the
 * time one iteration spent in callbacks: the longest that an event, a timer
 * or a person could have had to wait. Busy is the share of wall time spent in
 * callbacks over the last second.
 *
 * Thread: the loop's. Times are uv_hrtime() nanoseconds, read inside enter
 * and leave because the clock is what is measured.
 */
#ifndef SPATE_LOOPWATCH_H
#define SPATE_LOOPWATCH_H

#include <stddef.h>
#include <stdint.h>

#include "stats.h"

#define LOOPWATCH_NAMES 64 /* more callbacks than there are */

/* What all callbacks of one name have cost so far. */
struct loopwatch_cost {
  const char *name;
  uint64_t calls, total_ns, max_ns;
};

struct loopwatch {
  /* private */
  uint64_t entered_ns;
  const char *name;
  unsigned depth;
  uint64_t iteration_ns; /* spent in callbacks since the last turn */
  uint64_t second_start_ns, second_busy_ns;
  struct histogram_window lag; /* nanoseconds */
  double busy; /* 0..1, of the last full second; negative none yet */
  struct loopwatch_cost cost[LOOPWATCH_NAMES]; /* by the name's address */
  /* read by the snapshot */
  uint64_t lag_max_ns; /* of one iteration, since the start */
  const char *slowest; /* name of the longest callback; "" none yet */
  uint64_t slowest_ns;
};

void loopwatch_init(struct loopwatch *watch);

/* A callback begins; name is a literal. Nested pairs count once. */
void loopwatch_enter(struct loopwatch *watch, const char *name);
void loopwatch_leave(struct loopwatch *watch);

/* How long the callback at hand has taken; 0 outside of any. */
uint64_t loopwatch_present_ns(const struct loopwatch *watch);

/* The iteration is over and the loop is about to wait: called in uv_prepare. */
void loopwatch_turn(struct loopwatch *watch);

/* Share of the time spent in callbacks: of the last full second or, before
 * there is one, so far. */
double loopwatch_busy(const struct loopwatch *watch);

/* 99th percentile of the lag over the last minute, nanoseconds. */
uint64_t loopwatch_lag_p99_ns(const struct loopwatch *watch);

/* The callbacks that took longest at one time, the slowest first; returns how
 * many there are. */
size_t loopwatch_slowest(const struct loopwatch *watch,
                         struct loopwatch_cost *out, size_t cap);

/* Iterations of the last minute that took less than a time. */
uint64_t loopwatch_lag_below(const struct loopwatch *watch, uint64_t ns);

#endif
