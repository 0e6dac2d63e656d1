/* SPDX-License-Identifier: MIT
 *
 * How many connections a file is worth: as many as raise its throughput.
 *
 * It begins with one, measures, and doubles as long as a doubling pays. One
 * that plainly pays (half of what it could bring at best, in both halves of a
 * short window) is followed by the next at once, so that sixteen take a few
 * round trips. One that does not is given PACE_WINDOWS longer windows, because
 * connections are slow at first, to bring PACE_GAIN; then it is taken back.
 *
 * What there was before was measured for a moment only, and a moment can
 * deceive: after a taking back it is measured again, and if the larger number
 * had been better after all it comes back for good. Otherwise the next trial
 * is after a rest. Where the bytes of all together are limited there is less to
 * win and the chunks come in turns: nothing is tried that the limit leaves no
 * room for, and what is tried has to pay twice in a row. A server that refuses
 * one more, or throttles, sets the mark as well.
 *
 * Pure; one thread, the clock (monotonic, ns) is passed in.
 */
#ifndef SPATE_PACE_H
#define SPATE_PACE_H

#include <stdbool.h>
#include <stdint.h>

#define PACE_GAIN 1.15
#define PACE_WINDOWS 5
#define PACE_TWICE 2  /* must pay so often under a limit of bytes/s */
#define PACE_DOUBTS 3 /* windows that measure again after a taking back */

struct pace {
  unsigned target; /* connections wanted; read it */
  /* private */
  unsigned base;    /* the number that paid so far; 0 not measured */
  double base_rate; /* bytes/s that it brought */
  unsigned tried;   /* taken back, still in doubt; 0 none */
  double tried_rate;
  unsigned windows;            /* judged at the present number, */
  double sum;                  /* and their rates */
  unsigned passes;             /* that it paid, in a row */
  uint64_t opened_ns, half_ns; /* the window at hand; 0: half not over */
  int64_t opened_bytes, half_bytes;
  unsigned seen; /* connections in it */
  uint64_t rest_until_ns, rest_ns;
};

void pace_init(struct pace *p, uint64_t now_ns);

struct pace_sample {
  int64_t bytes;        /* that have come so far */
  unsigned connections; /* that receive */
  unsigned most;        /* allowed */
  uint64_t window_ns;   /* long enough to measure in */
  double ceiling;       /* bytes/s it cannot exceed by any means; 0 none */
};

/* Call it every few milliseconds. True when target has changed. */
bool pace_step(struct pace *p, const struct pace_sample *sample,
               uint64_t now_ns);

/* The server does not want more than these. */
void pace_refused(struct pace *p, unsigned connections, uint64_t now_ns);

#endif
