/* SPDX-License-Identifier: MIT
 *
 * How many connections pay: see pace.h.
 *
 * Pure; one thread.
 */
#include "config.h"

#include "pace.h"

#include <string.h>

#define REST_FIRST_NS ((uint64_t)20 * 1000000000)
#define REST_MOST_NS ((uint64_t)160 * 1000000000)

void pace_init(struct pace *p, uint64_t now_ns) {
  memset(p, 0, sizeof(*p));
  p->target = 1;
  p->window_ns = now_ns;
  p->rest_ns = REST_FIRST_NS;
}

static void open_window(struct pace *p, const struct pace_sample *sample,
                        uint64_t now_ns) {
  p->window_ns = now_ns;
  p->bytes = sample->bytes;
  p->seen = sample->connections;
}

static void rest(struct pace *p, uint64_t now_ns) {
  p->rest_until_ns = now_ns + p->rest_ns;
  if (p->rest_ns < REST_MOST_NS)
    p->rest_ns *= 2;
}

static bool grow(struct pace *p, unsigned most) {
  unsigned before = p->target;
  p->windows = 0;
  p->target = before * 2 < most ? before * 2 : most;
  return p->target != before;
}

/* The rate of a whole window at the target. */
static bool judge(struct pace *p, double rate, unsigned most, uint64_t now_ns) {
  if (p->base == 0 ||
      (p->target > p->base && rate >= PACE_GAIN * p->base_rate)) {
    p->base = p->target;
    p->base_rate = rate;
    return now_ns >= p->rest_until_ns && grow(p, most);
  }
  if (p->target > p->base) {
    if (++p->windows < PACE_WINDOWS)
      return false;
    p->target = p->base;
    rest(p, now_ns);
    return true;
  }
  p->base_rate = (p->base_rate + rate) / 2;
  return now_ns >= p->rest_until_ns && grow(p, most);
}

bool pace_step(struct pace *p, const struct pace_sample *sample,
               uint64_t now_ns) {
  double rate;
  if (p->target > sample->most) {
    p->target = sample->most;
    if (p->base > p->target)
      p->base = 0;
    open_window(p, sample, now_ns);
    return true;
  }
  if (sample->connections < p->target || sample->connections != p->seen) {
    open_window(p, sample, now_ns); /* they are still coming, or going */
    return false;
  }
  if (now_ns - p->window_ns < sample->window_ns)
    return false;
  rate = (double)(sample->bytes - p->bytes) * 1e9 /
         (double)(now_ns - p->window_ns);
  open_window(p, sample, now_ns);
  return judge(p, rate, sample->most, now_ns);
}

void pace_refused(struct pace *p, unsigned connections, uint64_t now_ns) {
  p->target = connections > 1 ? connections : 1;
  p->base = 0; /* measured anew */
  p->windows = 0;
  rest(p, now_ns);
}
