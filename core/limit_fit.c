/* SPDX-License-Identifier: MIT
 *
 * Limits from intervals and from probes. Thread: any; pure.
 */
#include "config.h"

#include "limit_fit.h"

#include <math.h>
#include <string.h>

#define FIT_LEAST 3       /* intervals */
#define FIT_MOST 10       /* then the old ones are forgotten */
#define FIT_ERROR 0.02    /* share of the limit that it may be off */
#define FIT_LEFT 1.5      /* how far off the line, in errors */
#define COUNT_ERROR 0.4   /* requests that a count is off by itself, ... */
#define TIME_ERROR_S 0.01 /* ... by when things happen, ... */
#define TRIP_ERROR 0.04   /* ... and by how latency varies */
#define SAVED_LEAST 0.8   /* savings, as a share of what the stop took: less */
#define SAVED_MOST 1.2    /* may be a window's, more is none */
#define SAVED_ALL 0.97    /* the bucket was not full when the stop ended */
#define SAVED_REQUESTS 10 /* fewer are lost in the error */
#define STEP_LEAST_S 1.0  /* a shorter step tells nothing */

void limit_fit_add(struct limit_fit *f, const struct limit_interval *i) {
  if (f->count == FIT_MOST)
    memset(f, 0, sizeof *f);
  f->count++;
  f->s += i->s;
  f->open += i->open_s;
  f->accepted += i->accepted;
  f->open_open += i->open_s * i->open_s;
  f->open_accepted += i->open_s * i->accepted;
  f->accepted_accepted += i->accepted * i->accepted;
}

bool limit_fit_solve(const struct limit_fit *f, double latency_s,
                     struct limit_estimate *out) {
  double n = f->count;
  if (f->count < FIT_LEAST)
    return false;
  double spread = f->open_open - f->open * f->open / n;
  double both = f->open_accepted - f->open * f->accepted / n;
  double all = f->accepted_accepted - f->accepted * f->accepted / n;
  if (spread <= 0 || both <= 0)
    return false;
  double limit = both / spread;
  double saved = (f->accepted - limit * f->open) / n;
  double stop = limit * (f->s - f->open) / n;
  double left = sqrt(fmax(all - limit * both, 0) / (n - 1));
  double error = COUNT_ERROR + (TIME_ERROR_S + TRIP_ERROR * latency_s) * limit;
  if (error / sqrt(spread) > FIT_ERROR * limit || left > FIT_LEFT * error ||
      saved < fmax(SAVED_LEAST * stop, SAVED_REQUESTS) ||
      saved > SAVED_MOST * stop)
    return false;
  *out = (struct limit_estimate){.limit = limit, .saved = saved};
  if (saved > SAVED_ALL * stop) {
    out->saved = HUGE_VAL;
    out->limit = fmax(limit, f->accepted / f->s);
  }
  return true;
}

void limit_steps_add(struct limit_steps *p, struct limit_point point) {
  if (p->count < sizeof p->at / sizeof *p->at)
    p->at[p->count++] = point;
}

static double between_s(struct limit_point from, struct limit_point to) {
  return to.ns > from.ns ? (double)(to.ns - from.ns) / 1e9 : 0;
}

static double starts_between(struct limit_point from, struct limit_point to) {
  return to.starts > from.starts ? (double)(to.starts - from.starts) : 0;
}

double limit_steps_limit(const struct limit_steps *p, double saved,
                         struct limit_point end) {
  double limit = 0;
  for (unsigned i = 0; i < p->count; i++) {
    double s = between_s(p->at[i], end);
    if (s >= STEP_LEAST_S)
      limit = fmax(limit, (starts_between(p->at[i], end) - saved) / s);
  }
  return limit;
}

double limit_steps_saved(const struct limit_steps *p, double limit,
                         struct limit_point end) {
  double saved = 0;
  for (unsigned i = 0; i < p->count; i++)
    saved = fmax(saved, starts_between(p->at[i], end) -
                            limit * between_s(p->at[i], end));
  return saved;
}
