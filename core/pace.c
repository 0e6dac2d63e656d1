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
#define SHORT 5 /* such a share of a window is a short one */

void pace_init(struct pace *p, uint64_t now_ns) {
  memset(p, 0, sizeof(*p));
  p->target = 1;
  p->opened_ns = now_ns;
  p->rest_ns = REST_FIRST_NS;
}

static void open_window(struct pace *p, const struct pace_sample *sample,
                        uint64_t now_ns) {
  p->opened_ns = now_ns;
  p->opened_bytes = sample->bytes;
  p->half_ns = 0;
  p->seen = sample->connections;
}

static double rate_since(int64_t bytes, uint64_t ns,
                         const struct pace_sample *sample, uint64_t now_ns) {
  return (double)(sample->bytes - bytes) * 1e9 / (double)(now_ns - ns);
}

static void start_count(struct pace *p) {
  p->windows = p->passes = 0;
  p->sum = 0;
}

static void rest(struct pace *p, uint64_t now_ns) {
  p->rest_until_ns = now_ns + p->rest_ns;
  if (p->rest_ns < REST_MOST_NS)
    p->rest_ns *= 2;
}

/* Doubles; a last step that would be a small one is taken with it, since what
 * little it can bring is hard to see. */
static bool grow(struct pace *p, const struct pace_sample *sample,
                 uint64_t now_ns) {
  unsigned before = p->target, most = sample->most;
  bool room =
      sample->ceiling <= 0 || p->base_rate * PACE_GAIN < sample->ceiling;
  start_count(p);
  if (room && now_ns >= p->rest_until_ns)
    p->target = most < before * 3 ? most : before * 2;
  return p->target != before;
}

/* The share of what it could bring at best, as a factor. */
static double gain(const struct pace *p, double share) {
  return 1 + share * ((double)p->target / p->base - 1);
}

static double enough(const struct pace *p) {
  double half = gain(p, 0.5);
  return half < PACE_GAIN ? half : PACE_GAIN;
}

static bool accept(struct pace *p, double rate,
                   const struct pace_sample *sample, uint64_t now_ns) {
  if (sample->ceiling > 0 && ++p->passes < PACE_TWICE)
    return false;
  p->base = p->target;
  p->base_rate = rate;
  p->tried = 0;
  return grow(p, sample, now_ns);
}

/* ---- a larger number is being tried ---------------------------------------
 */

/* Both halves of a short window, so that what gathered in buffers on the way
 * is not taken for speed. */
static bool plainly_pays(const struct pace *p, const struct pace_sample *sample,
                         uint64_t now_ns) {
  double least = gain(p, 0.5) * p->base_rate;
  double first = (double)(p->half_bytes - p->opened_bytes) * 1e9 /
                 (double)(p->half_ns - p->opened_ns);
  return least > 0 && first >= least && now_ns > p->half_ns &&
         rate_since(p->half_bytes, p->half_ns, sample, now_ns) >= least;
}

static bool take_back(struct pace *p) {
  p->tried = p->target;
  p->tried_rate = p->sum / p->windows;
  p->target = p->base;
  start_count(p);
  return true;
}

static bool try_more(struct pace *p, const struct pace_sample *sample,
                     uint64_t now_ns) {
  uint64_t passed = now_ns - p->opened_ns, brief = sample->window_ns / SHORT;
  double rate;
  if (p->half_ns == 0 && passed >= brief / 2) {
    p->half_ns = now_ns;
    p->half_bytes = sample->bytes;
  }
  if (passed < brief)
    return false;
  rate = rate_since(p->opened_bytes, p->opened_ns, sample, now_ns);
  if (plainly_pays(p, sample, now_ns)) {
    open_window(p, sample, now_ns);
    return accept(p, rate, sample, now_ns);
  }
  if (passed < sample->window_ns)
    return false;
  open_window(p, sample, now_ns);
  p->sum += rate;
  p->windows++;
  if (rate >= enough(p) * p->base_rate)
    return accept(p, rate, sample, now_ns);
  p->passes = 0;
  return p->windows >= PACE_WINDOWS && take_back(p);
}

/* ---- the number that is known to pay --------------------------------------
 */

/* Was the taking back right? */
static bool settle_doubt(struct pace *p, double rate, unsigned most,
                         uint64_t now_ns) {
  unsigned tried = p->tried;
  p->sum += rate;
  if (++p->windows < PACE_DOUBTS)
    return false;
  p->tried = 0;
  p->base_rate = p->sum / p->windows;
  start_count(p);
  if (tried <= most && p->tried_rate >= PACE_GAIN * p->base_rate) {
    p->target = p->base = tried;
    p->base_rate = p->tried_rate;
    return true;
  }
  rest(p, now_ns);
  return false;
}

static bool hold(struct pace *p, const struct pace_sample *sample,
                 uint64_t now_ns) {
  double rate;
  if (now_ns - p->opened_ns < sample->window_ns)
    return false;
  rate = rate_since(p->opened_bytes, p->opened_ns, sample, now_ns);
  open_window(p, sample, now_ns);
  if (p->tried > 0)
    return settle_doubt(p, rate, sample->most, now_ns);
  p->base_rate = (p->base_rate + rate) / 2;
  return grow(p, sample, now_ns);
}

/* The first measurement, and those while more are on their way: the last
 * short window counts, since the ones before may have been slower. */
static bool measure(struct pace *p, const struct pace_sample *sample,
                    uint64_t now_ns) {
  if (now_ns - p->opened_ns < sample->window_ns / SHORT)
    return false;
  p->base_rate = rate_since(p->opened_bytes, p->opened_ns, sample, now_ns);
  open_window(p, sample, now_ns);
  return true;
}

bool pace_step(struct pace *p, const struct pace_sample *sample,
               uint64_t now_ns) {
  if (p->target > sample->most) {
    p->target = sample->most;
    if (p->base > p->target)
      p->base = 0;
    p->tried = 0;
    open_window(p, sample, now_ns);
    return true;
  }
  if (sample->connections != p->seen) { /* they are coming, or going */
    open_window(p, sample, now_ns);
    return false;
  }
  if (sample->connections < p->target) {
    if (sample->connections == p->base && p->base > 0)
      (void)measure(p, sample, now_ns);
    return false;
  }
  if (p->base == 0) {
    if (!measure(p, sample, now_ns))
      return false;
    p->base = p->target;
    return grow(p, sample, now_ns);
  }
  return p->target > p->base ? try_more(p, sample, now_ns)
                             : hold(p, sample, now_ns);
}

void pace_refused(struct pace *p, unsigned connections, uint64_t now_ns) {
  p->target = connections > 1 ? connections : 1;
  p->base = 0; /* measured anew */
  p->tried = 0;
  start_count(p);
  rest(p, now_ns);
}
