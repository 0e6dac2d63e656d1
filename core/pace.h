/* SPDX-License-Identifier: MIT
 *
 * How many connections a file is worth: as many as raise its throughput.
 *
 * It begins with one, measures, and doubles as long as a doubling brings at
 * least PACE_GAIN of what there was; a doubling that brings less in
 * PACE_WINDOWS windows (connections are slow at first) is taken back, and tried
 * again after a rest. A server that refuses one more, or throttles, sets the
 * mark as well.
 *
 * Pure; one thread, the clock (monotonic, ns) is passed in.
 */
#ifndef SPATE_PACE_H
#define SPATE_PACE_H

#include <stdbool.h>
#include <stdint.h>

#define PACE_GAIN 1.15
#define PACE_WINDOWS 5

struct pace {
  unsigned target; /* connections wanted; read it */
  /* private */
  unsigned base;    /* the number that paid so far; 0 not measured */
  double base_rate; /* bytes/s that it brought */
  unsigned windows; /* in which the present number did not pay */
  int64_t bytes;    /* when the window began */
  uint64_t window_ns, rest_until_ns, rest_ns;
  unsigned seen; /* connections in this window */
};

void pace_init(struct pace *p, uint64_t now_ns);

struct pace_sample {
  int64_t bytes;        /* that have come so far */
  unsigned connections; /* that receive */
  unsigned most;        /* allowed */
  uint64_t window_ns;   /* long enough to measure in */
};

/* Call it a few times in each window. True when target has changed. */
bool pace_step(struct pace *p, const struct pace_sample *sample,
               uint64_t now_ns);

/* The server does not want more than these. */
void pace_refused(struct pace *p, unsigned connections, uint64_t now_ns);

#endif
