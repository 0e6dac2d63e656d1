/* SPDX-License-Identifier: MIT
 *
 * Averages, histograms and series. A clock that goes backwards counts as
 * standing still. Thread: one; pure.
 */
#include "config.h"

#include "stats.h"

#include <math.h>
#include <string.h>

#define NS_PER_S 1000000000ull

static double seconds_between(uint64_t from_ns, uint64_t to_ns) {
  return to_ns > from_ns ? (double)(to_ns - from_ns) / 1e9 : 0;
}

void meter_init(struct meter *m, double tau_s, uint64_t now_ns) {
  m->tau_s = tau_s;
  meter_restart(m, now_ns);
}

void meter_restart(struct meter *m, uint64_t now_ns) {
  m->weighted = 0;
  m->start_ns = m->last_ns = now_ns;
}

void meter_add(struct meter *m, double amount, uint64_t now_ns) {
  if (now_ns > m->last_ns) {
    m->weighted *= exp(-seconds_between(m->last_ns, now_ns) / m->tau_s);
    m->last_ns = now_ns;
  }
  m->weighted += amount;
}

double meter_rate(const struct meter *m, uint64_t now_ns) {
  double since = seconds_between(m->last_ns, now_ns);
  double age = seconds_between(m->start_ns, now_ns);
  /* Within the first second: what came so far, as if in a whole second; or
   * the first packet would show an absurd rate. */
  if (age < 1)
    age = 1;
  return m->weighted * exp(-since / m->tau_s) /
         (m->tau_s * -expm1(-age / m->tau_s));
}

/* ---- histogram --------------------------------------------------------- */

#define SUB_BITS 4
#define SUB (1u << SUB_BITS)

unsigned histogram_bucket(uint64_t value) {
  if (value < SUB)
    return (unsigned)value;
  unsigned exponent = 63u - (unsigned)__builtin_clzll(value);
  unsigned sub = (unsigned)(value >> (exponent - SUB_BITS)) & (SUB - 1);
  return (exponent - SUB_BITS + 1) * SUB + sub;
}

uint64_t histogram_bucket_from(unsigned bucket) {
  if (bucket < SUB)
    return bucket;
  return (uint64_t)(SUB + bucket % SUB) << (bucket / SUB - 1);
}

/* The middle of a bucket's values. */
static uint64_t bucket_value(unsigned bucket) {
  if (bucket < SUB)
    return bucket;
  return histogram_bucket_from(bucket) + ((1ull << (bucket / SUB - 1)) >> 1);
}

void histogram_reset(struct histogram *h) {
  memset(h, 0, sizeof *h);
}

void histogram_record(struct histogram *h, uint64_t value) {
  uint32_t *slot = &h->bucket[histogram_bucket(value)];
  if (*slot < UINT32_MAX)
    ++*slot;
  h->count++;
  if (value > h->max)
    h->max = value;
}

void histogram_restore(struct histogram *h, uint64_t value, uint64_t count) {
  uint32_t *slot = &h->bucket[histogram_bucket(value)];
  uint32_t most = UINT32_MAX - *slot;
  uint32_t more = count < most ? (uint32_t)count : most;
  *slot += more;
  h->count += more;
  if (more > 0 && value > h->max)
    h->max = value;
}

/* Over two histograms (b may be NULL): the window's halves are never added up
 * in memory. */
static uint64_t quantile_of(const struct histogram *a,
                            const struct histogram *b, double q) {
  uint64_t count = a->count + (b ? b->count : 0);
  uint64_t max = b && b->max > a->max ? b->max : a->max;
  if (count == 0)
    return 0;
  double want = ceil(q * (double)count);
  uint64_t rank = want < 1 ? 1 : (uint64_t)want, seen = 0;
  if (rank >= count)
    return max;
  for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
    seen += a->bucket[i] + (b ? (uint64_t)b->bucket[i] : 0);
    if (seen >= rank)
      return bucket_value(i) < max ? bucket_value(i) : max;
  }
  return max;
}

uint64_t histogram_quantile(const struct histogram *h, double q) {
  return quantile_of(h, NULL, q);
}

void histogram_window_init(struct histogram_window *w, double span_s,
                           uint64_t now_ns) {
  memset(w, 0, sizeof *w);
  w->half_ns = (uint64_t)(span_s * 1e9 / 2);
  w->turned_ns = now_ns;
}

void histogram_window_record(struct histogram_window *w, uint64_t value) {
  histogram_record(&w->half[w->current], value);
}

void histogram_window_turn(struct histogram_window *w, uint64_t now_ns) {
  uint64_t age = now_ns > w->turned_ns ? now_ns - w->turned_ns : 0;
  if (age < w->half_ns)
    return;
  if (age >= 2 * w->half_ns)
    histogram_reset(&w->half[w->current]);
  w->current ^= 1;
  histogram_reset(&w->half[w->current]);
  w->turned_ns = now_ns;
}

uint64_t histogram_window_quantile(const struct histogram_window *w, double q) {
  return quantile_of(&w->half[0], &w->half[1], q);
}

uint64_t histogram_window_max(const struct histogram_window *w) {
  return w->half[0].max > w->half[1].max ? w->half[0].max : w->half[1].max;
}

uint64_t histogram_window_count(const struct histogram_window *w) {
  return w->half[0].count + w->half[1].count;
}

uint64_t histogram_window_below(const struct histogram_window *w,
                                uint64_t value) {
  unsigned end = histogram_bucket(value);
  uint64_t sum = 0;
  for (unsigned i = 0; i < end; i++)
    sum += (uint64_t)w->half[0].bucket[i] + w->half[1].bucket[i];
  return sum;
}

/* ---- series -------------------------------------------------------------- */

#define GAP_FROM_S 5 /* seconds missed that no slow timer explains */

static void append(struct series *s, double value) {
  s->value[(s->head + s->count) % SNAP_HISTORY] = value;
  if (s->count < SNAP_HISTORY)
    s->count++;
  else
    s->head = (s->head + 1) % SNAP_HISTORY;
}

static void append_gap(struct series *s, uint64_t seconds) {
  for (uint64_t i = 0; i < seconds && i < SNAP_HISTORY; i++)
    append(s, SERIES_GAP);
}

void series_init(struct series *s, uint64_t total, uint64_t now_ns) {
  memset(s, 0, sizeof *s);
  s->last_total = total;
  s->last_ns = s->second_ns = now_ns;
}

void series_restart(struct series *s, uint64_t total, uint64_t now_ns) {
  if (now_ns > s->second_ns)
    append_gap(s, (now_ns - s->second_ns) / NS_PER_S);
  s->last_total = total;
  s->last_ns = s->second_ns = now_ns;
}

size_t series_update(struct series *s, uint64_t total, uint64_t now_ns) {
  if (now_ns < s->second_ns + NS_PER_S)
    return 0;
  uint64_t seconds = (now_ns - s->second_ns) / NS_PER_S;
  uint64_t counted = total > s->last_total ? total - s->last_total : 0;
  double rate = (double)counted / seconds_between(s->last_ns, now_ns);
  /* The grid of seconds stays, so that a timer that is a little early or late
   * each time neither loses nor doubles one. */
  s->second_ns += seconds * NS_PER_S;
  s->last_ns = now_ns;
  s->last_total = total;
  size_t made = seconds < SNAP_HISTORY ? (size_t)seconds : SNAP_HISTORY;
  if (seconds >= GAP_FROM_S)
    append_gap(s, seconds);
  for (size_t i = 0; i < made && seconds < GAP_FROM_S; i++)
    append(s, rate);
  return made;
}

size_t series_copy(const struct series *s, double *out, size_t cap) {
  size_t count = s->count < cap ? s->count : cap;
  for (size_t i = 0; i < count; i++)
    out[i] = s->value[(s->head + s->count - count + i) % SNAP_HISTORY];
  return count;
}

int64_t eta_seconds(int64_t remaining, double per_s) {
  if (remaining == 0)
    return 0;
  if (remaining < 0 || !(per_s > 0))
    return -1;
  double seconds = ceil((double)remaining / per_s);
  /* Longer ones come from rates that fade away. */
  return seconds <= 365 * 86400.0 ? (int64_t)seconds : -1;
}
