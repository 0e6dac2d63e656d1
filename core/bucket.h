/* SPDX-License-Identifier: MIT
 *
 * A leaky bucket: evenly spaced starts (requests/s) or bytes (bytes/s), by
 * GCRA (the virtual scheduling algorithm of ITU-T I.371) on the monotonic
 * clock. T = 1/rate; t_next = max(t_next, now - T); one may go while
 * t_next <= now, each moves t_next by T. No bursts: idle time is not saved up
 * beyond one T. A wake-up that comes late is made up for, at most 10 ms of it.
 *
 * The way to use it, which is what tells lateness from idleness:
 *
 *   while (there is work) {
 *     at = bucket_next_ns(b, now);
 *     if (at > now) { set a timer to at; break; }
 *     bucket_take(b, 1, now);
 *     start one;
 *   }
 *
 * Thread: one; pure, the clock is passed in.
 */
#ifndef SPATE_BUCKET_H
#define SPATE_BUCKET_H

#include <stdint.h>

#include "stats.h"

struct bucket {
  /* read only for others */
  double per_s; /* 0 = unlimited */
  /* private */
  double spacing_ns, next_frac; /* T; fraction of next_ns, 0 <= x < 1 */
  uint64_t next_ns, seen_ns;
  uint64_t wait_since_ns; /* somebody waits since; 0 nobody */
  struct meter taken, held;
};

void bucket_init(struct bucket *b, double per_s, uint64_t now_ns);

/* Takes effect at the next start: t_next = now + (t_next - now) * old/new. */
void bucket_set_rate(struct bucket *b, double per_s, uint64_t now_ns);

/* When the next unit may go; <= now_ns: now. Asking while the answer lies
 * ahead counts as waiting, so ask only with work at hand. */
uint64_t bucket_next_ns(struct bucket *b, uint64_t now_ns);

/* Takes n units. More than are due may be taken (a block of bytes): the time
 * for them is owed afterwards. */
void bucket_take(struct bucket *b, uint64_t n, uint64_t now_ns);

/* Nothing goes before at_ns, and no idle time before it is saved up: when a
 * gate opens again, at_ns = now. What is owed stays owed. */
void bucket_not_before(struct bucket *b, uint64_t at_ns);

/* Units a second that went through of late (10 s average). */
double bucket_level(const struct bucket *b, uint64_t now_ns);

/* Share (0..1) of the last 10 s in which somebody waited for the bucket. */
double bucket_throttled(const struct bucket *b, uint64_t now_ns);

/* Forgets the averages and owes nothing: after a suspend. */
void bucket_restart(struct bucket *b, uint64_t now_ns);

#endif
