/* SPDX-License-Identifier: MIT
 *
 * GCRA. The time of the next start is kept as whole nanoseconds and a
 * fraction, so that a spacing of 333,333.3 ns or of an hour adds up without
 * drift. Thread: one; pure.
 */
#include "config.h"

#include "bucket.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#define LATE_NS 10000000ull  /* lateness that is made up for */
#define STALL_NS 50000000ull /* later than this was idleness after all */
#define STREAK_NS 1000000ull /* calls this close belong to one wake-up */
#define AVERAGE_S 10.0
/* Bounds what is owed: a jump this far ahead means a mistake of the caller. */
#define FAR_NS (365.0 * 86400e9)

void bucket_init(struct bucket *b, double per_s, uint64_t now_ns) {
  memset(b, 0, sizeof *b);
  b->per_s = per_s > 0 ? per_s : 0;
  b->spacing_ns = per_s > 0 ? 1e9 / per_s : 0;
  b->next_ns = b->seen_ns = now_ns;
  meter_init(&b->taken, AVERAGE_S, now_ns);
  meter_init(&b->held, AVERAGE_S, now_ns);
}

void bucket_restart(struct bucket *b, uint64_t now_ns) {
  bucket_init(b, b->per_s, now_ns);
}

static void move_next(struct bucket *b, uint64_t base_ns, double by_ns) {
  double whole = floor(fmin(by_ns, FAR_NS));
  b->next_frac = fmin(by_ns, FAR_NS) - whole;
  b->next_ns = base_ns + (uint64_t)whole;
}

void bucket_set_rate(struct bucket *b, double per_s, uint64_t now_ns) {
  double old = b->per_s;
  b->per_s = per_s > 0 ? per_s : 0;
  b->spacing_ns = per_s > 0 ? 1e9 / per_s : 0;
  if (b->per_s <= 0)
    return;
  if (old <= 0) {
    move_next(b, now_ns, 0);
    return;
  }
  if (b->next_ns <= now_ns)
    return;
  double ahead = (double)(b->next_ns - now_ns) + b->next_frac;
  move_next(b, now_ns, ahead * (old / b->per_s));
}

/* Drops idle time beyond one T. A caller that has been waiting, or is in the
 * middle of a wake-up, was not idle but late. */
static void forget_idle(struct bucket *b, uint64_t now_ns) {
  uint64_t late = now_ns > b->next_ns ? now_ns - b->next_ns : 0;
  bool busy = b->wait_since_ns != 0 || now_ns - b->seen_ns < STREAK_NS;
  double keep = b->spacing_ns;
  if (busy && late <= STALL_NS && keep < LATE_NS)
    keep = LATE_NS;
  if ((double)late > keep)
    move_next(b, now_ns - (uint64_t)ceil(keep), 0);
}

uint64_t bucket_next_ns(struct bucket *b, uint64_t now_ns) {
  if (b->per_s <= 0)
    return now_ns;
  forget_idle(b, now_ns);
  b->seen_ns = now_ns;
  if (b->next_ns > now_ns && b->wait_since_ns == 0)
    b->wait_since_ns = now_ns;
  return b->next_ns;
}

/* How long somebody has been held up by the bucket, not by what came after. */
static uint64_t held_ns(const struct bucket *b, uint64_t now_ns) {
  uint64_t until = b->next_ns < now_ns ? b->next_ns : now_ns;
  if (b->wait_since_ns == 0 || until <= b->wait_since_ns)
    return 0;
  return until - b->wait_since_ns;
}

void bucket_take(struct bucket *b, uint64_t n, uint64_t now_ns) {
  meter_add(&b->taken, (double)n, now_ns);
  if (b->per_s <= 0) {
    b->wait_since_ns = 0;
    return;
  }
  if (b->wait_since_ns != 0)
    meter_add(&b->held, (double)held_ns(b, now_ns) / 1e9, now_ns);
  forget_idle(b, now_ns);
  b->wait_since_ns = 0;
  b->seen_ns = now_ns;
  move_next(b, b->next_ns, b->next_frac + (double)n * b->spacing_ns);
}

void bucket_not_before(struct bucket *b, uint64_t at_ns) {
  if (b->next_ns < at_ns)
    move_next(b, at_ns, 0);
}

double bucket_level(const struct bucket *b, uint64_t now_ns) {
  return meter_rate(&b->taken, now_ns);
}

double bucket_throttled(const struct bucket *b, uint64_t now_ns) {
  struct meter held = b->held;
  meter_add(&held, (double)held_ns(b, now_ns) / 1e9, now_ns);
  return fmin(meter_rate(&held, now_ns), 1.0);
}
