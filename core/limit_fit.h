/* SPDX-License-Identifier: MIT
 *
 * What a server's limit is, reckoned from when its 429 came. A token bucket
 * that is empty at the beginning and at the end of a time, and never full in
 * between, has let in limit x time; one that was full has let in what it had
 * saved up besides. Two ways to use that:
 *
 * limit_fit: times between two 429, each with a stop in it. What came is the
 * savings of the stop and limit x the time the gate was open: a straight line,
 * whose slope and height least squares give.
 *
 * limit_steps: a probe, which raises the rate step by step from a full bucket
 * until a 429. Counted from the step that first exceeded the limit, what
 * started is the savings and limit x time; from any other it is less.
 *
 * Thread: any; pure.
 */
#ifndef SPATE_LIMIT_FIT_H
#define SPATE_LIMIT_FIT_H

#include <stdbool.h>
#include <stdint.h>

/* From one 429 to the next: how long, how much of it the gate was open. */
struct limit_interval {
  double s, open_s, accepted;
};

/* Zeroed to begin with; private. */
struct limit_fit {
  unsigned count;
  double s, open, accepted, open_open, open_accepted, accepted_accepted;
};

struct limit_estimate {
  double limit; /* requests/s */
  double saved; /* requests; HUGE_VAL: more than a stop lasts */
};

/* One more interval. Few count: after a while it begins again, since the limit
 * may have changed. */
void limit_fit_add(struct limit_fit *f, const struct limit_interval *i);

/* The limit, when the intervals show one to 2% and look like a bucket's that
 * saves up about what a stop takes. latency_s: of an answer. False: they do
 * not, as where windows are counted. */
bool limit_fit_solve(const struct limit_fit *f, double latency_s,
                     struct limit_estimate *out);

/* A time and how many had started by then. */
struct limit_point {
  uint64_t ns, starts;
};

/* The raises of a probe, from count = 0. */
struct limit_steps {
  unsigned count;
  struct limit_point at[16];
};

void limit_steps_add(struct limit_steps *p, struct limit_point point);

/* The limit when a 429 ends the probe (end: its request), given what a full
 * bucket has saved up. */
double limit_steps_limit(const struct limit_steps *p, double saved,
                         struct limit_point end);

/* What the bucket had saved up at least, given the limit. */
double limit_steps_saved(const struct limit_steps *p, double limit,
                         struct limit_point end);

#endif
