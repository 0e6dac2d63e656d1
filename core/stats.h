/* SPDX-License-Identifier: MIT
 *
 * Figures for people: averaged rates, histograms, one-second series and the
 * time that is left. Fixed memory, nothing is allocated.
 *
 * Thread: one; pure, the clock (monotonic, ns) is passed in.
 */
#ifndef SPATE_STATS_H
#define SPATE_STATS_H

#include <stddef.h>
#include <stdint.h>

#include "snapshot.h" /* SNAP_HISTORY */

/* ---- meter: an exponentially averaged rate ----------------------------- */

/* weighted = sum of amount * exp(-age / tau). The rate is weighted divided by
 * the integral of the same weights over the meter's age, so that it is
 * unbiased from the first second on instead of ramping up from zero. */
struct meter {
  /* private */
  double tau_s, weighted;
  uint64_t start_ns, last_ns;
};

void meter_init(struct meter *m, double tau_s, uint64_t now_ns);
/* Forgets everything: after a suspend, when the clock has jumped. */
void meter_restart(struct meter *m, uint64_t now_ns);
void meter_add(struct meter *m, double amount, uint64_t now_ns);
/* Amount a second; decays while nothing is added. */
double meter_rate(const struct meter *m, uint64_t now_ns);

/* ---- histogram --------------------------------------------------------- */

/* Log-linear: 16 buckets to each power of two, so that a value is known to
 * about 3%; 0..15 are exact. Covers all of uint64_t in under 4 KB. Counters
 * saturate. */
#define HISTOGRAM_BUCKETS 976

struct histogram {
  /* read only for others */
  uint64_t count, max;
  uint32_t bucket[HISTOGRAM_BUCKETS];
};

void histogram_reset(struct histogram *h);
void histogram_record(struct histogram *h, uint64_t value);
/* The value that a share q (0..1) of the records does not exceed; 0 when
 * empty, never above max. */
uint64_t histogram_quantile(const struct histogram *h, double q);

/* The bucket of a value, and the least value of a bucket. */
unsigned histogram_bucket(uint64_t value);
uint64_t histogram_bucket_from(unsigned bucket);
/* Puts back a bucket, named by a value of it, with its count; max is set by
 * who knows it, and is at least that value. */
void histogram_restore(struct histogram *h, uint64_t value, uint64_t count);

/* The last span/2 to span seconds: two halves that the caller's clock turns
 * over. Quantiles are over both. */
struct histogram_window {
  /* private */
  struct histogram half[2];
  uint64_t half_ns, turned_ns;
  int current;
};

void histogram_window_init(struct histogram_window *w, double span_s,
                           uint64_t now_ns);
void histogram_window_record(struct histogram_window *w, uint64_t value);
/* Call it at least once a second, and before reading. */
void histogram_window_turn(struct histogram_window *w, uint64_t now_ns);
uint64_t histogram_window_quantile(const struct histogram_window *w, double q);
uint64_t histogram_window_max(const struct histogram_window *w);
uint64_t histogram_window_count(const struct histogram_window *w);
/* How many records are below a value, to about 6% of that value. */
uint64_t histogram_window_below(const struct histogram_window *w,
                                uint64_t value);

/* ---- series: one-second rates of a counter ----------------------------- */

/* A second of a series in which nobody counted: the process was stopped. */
#define SERIES_GAP (-1.0)

struct series {
  /* private */
  double value[SNAP_HISTORY];
  size_t head, count;
  uint64_t last_total, last_ns, second_ns;
};

void series_init(struct series *s, uint64_t total, uint64_t now_ns);
/* Call it at any time with the counter's present total: once for each full
 * second that has passed a value is appended; a few seconds that were missed
 * share what was counted in them, more of them are a gap. Returns how many
 * were appended. */
size_t series_update(struct series *s, uint64_t total, uint64_t now_ns);
/* After a suspend: begins a new second and keeps the history; the seconds that
 * are missing are a gap. */
void series_restart(struct series *s, uint64_t total, uint64_t now_ns);
/* Copies the newest values, oldest first; returns how many. */
size_t series_copy(const struct series *s, double *out, size_t cap);

/* ---- time left ----------------------------------------------------------- */

/* Seconds that remaining takes at per_s, rounded up; -1 unknown (remaining
 * negative, no rate, or longer than a hundred years). */
int64_t eta_seconds(int64_t remaining, double per_s);

#endif
