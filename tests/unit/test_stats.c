/* SPDX-License-Identifier: MIT
 *
 * stats: averages that neither ramp up nor stick, quantiles within 3%, series
 * that lose no second.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>

#include "retry.h"
#include "stats.h"

#define S 1000000000ull
#define MS 1000000ull
#define T0 (12345 * S)

static void assert_close(double got, double want, double share) {
  if (!(fabs(got - want) <= share * want))
    print_error("got %g, want %g within %g%%\n", got, want, share * 100);
  assert_true(fabs(got - want) <= share * want);
}

static void a_meter_is_right_from_the_first_second(void **state) {
  struct meter m;
  (void)state;
  meter_init(&m, 10, T0);
  for (uint64_t t = T0; t < T0 + 30 * S; t += 10 * MS) {
    meter_add(&m, 5, t);
    if (t >= T0 + S)
      assert_close(meter_rate(&m, t), 500, 0.03);
    else
      assert_true(meter_rate(&m, t) <= 510);
  }
}

static void a_meter_follows_and_decays(void **state) {
  struct meter m;
  (void)state;
  meter_init(&m, 10, T0);
  uint64_t t = T0;
  for (; t < T0 + 60 * S; t += 10 * MS)
    meter_add(&m, 1, t);
  for (; t < T0 + 70 * S; t += 10 * MS)
    meter_add(&m, 3, t);
  /* one time constant later 1 - 1/e of the step is there */
  assert_close(meter_rate(&m, t), 100 + 200 * (1 - exp(-1)), 0.02);
  double before = meter_rate(&m, t);
  assert_close(meter_rate(&m, t + 10 * S), before * exp(-1), 0.01);
  assert_true(meter_rate(&m, t + 300 * S) < 1e-6);
}

static void a_meter_restarts_and_survives_a_backward_clock(void **state) {
  struct meter m;
  (void)state;
  meter_init(&m, 10, T0);
  meter_add(&m, 1e9, T0 + 5 * S);
  meter_restart(&m, T0 + 3600 * S);
  assert_true(meter_rate(&m, T0 + 3601 * S) == 0);
  meter_add(&m, 10, T0);
  assert_true(isfinite(meter_rate(&m, T0)));
  assert_close(meter_rate(&m, T0 + 3601 * S), 10, 0.1);
}

static int by_value(const void *a, const void *b) {
  uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return (x > y) - (x < y);
}

static void quantiles_are_within_three_percent(void **state) {
  enum { MANY = 20000 };
  static uint64_t value[MANY];
  static struct histogram h;
  struct rng r;
  (void)state;
  rng_seed(&r, 1);
  for (int range = 4; range <= 60; range += 8) {
    histogram_reset(&h);
    for (int i = 0; i < MANY; i++) {
      value[i] = (uint64_t)exp2(rng_unit(&r) * range);
      histogram_record(&h, value[i]);
    }
    qsort(value, MANY, sizeof *value, by_value);
    for (double q = 0.01; q < 1; q += 0.07) {
      uint64_t want = value[(size_t)ceil(q * MANY) - 1];
      double got = (double)histogram_quantile(&h, q);
      assert_true(fabs(got - (double)want) <= 0.0313 * (double)want + 0.5);
    }
    assert_int_equal(histogram_quantile(&h, 1), value[MANY - 1]);
    assert_int_equal(h.max, value[MANY - 1]);
    assert_int_equal(h.count, MANY);
  }
}

static void histograms_take_any_value(void **state) {
  static struct histogram h;
  (void)state;
  assert_true(sizeof h < 4096);
  histogram_reset(&h);
  assert_int_equal(histogram_quantile(&h, 0.5), 0);
  histogram_record(&h, 0);
  histogram_record(&h, UINT64_MAX);
  assert_int_equal(histogram_quantile(&h, 0), 0);
  assert_int_equal(histogram_quantile(&h, 0.5), 0);
  assert_true(histogram_quantile(&h, 1) == UINT64_MAX);
  histogram_reset(&h);
  for (uint64_t v = 0; v < 16; v++) {
    histogram_reset(&h);
    histogram_record(&h, v);
    histogram_record(&h, 1000);
    assert_int_equal(histogram_quantile(&h, 0.5), v);
  }
}

static void a_window_forgets(void **state) {
  static struct histogram_window w;
  (void)state;
  histogram_window_init(&w, 60, T0);
  histogram_window_record(&w, 1000);
  histogram_window_turn(&w, T0 + 29 * S);
  assert_int_equal(histogram_window_max(&w), 1000);
  histogram_window_turn(&w, T0 + 31 * S);
  histogram_window_record(&w, 10);
  assert_int_equal(histogram_window_count(&w), 2);
  assert_int_equal(histogram_window_quantile(&w, 0.5), 10);
  assert_int_equal(histogram_window_max(&w), 1000);
  histogram_window_turn(&w, T0 + 62 * S);
  assert_int_equal(histogram_window_count(&w), 1);
  assert_int_equal(histogram_window_max(&w), 10);
  histogram_window_turn(&w, T0 + 900 * S);
  assert_int_equal(histogram_window_count(&w), 0);
}

static void a_series_loses_no_second(void **state) {
  static struct series s;
  double out[SNAP_HISTORY];
  struct rng r;
  size_t made = 0;
  (void)state;
  rng_seed(&r, 3);
  series_init(&s, 0, T0);
  /* a timer that is up to 30 ms early or late, 100 units a second */
  for (uint64_t i = 1; i <= 200; i++) {
    uint64_t t = T0 + i * S - 30 * MS + rng_next(&r) % (60 * MS);
    made += series_update(&s, (t - T0) / (10 * MS), t);
  }
  assert_true(made >= 199 && made <= 200);
  assert_int_equal(series_copy(&s, out, SNAP_HISTORY), made);
  for (size_t i = 0; i < made; i++)
    assert_close(out[i], 100, 0.02);
}

static void a_series_fills_a_gap_and_rings(void **state) {
  static struct series s;
  double out[SNAP_HISTORY];
  (void)state;
  series_init(&s, 1000, T0);
  assert_int_equal(series_update(&s, 1100, T0 + S), 1);
  assert_int_equal(series_update(&s, 1100 + 4 * 50, T0 + 5 * S), 4);
  assert_int_equal(series_copy(&s, out, SNAP_HISTORY), 5);
  assert_close(out[0], 100, 1e-9);
  for (int i = 1; i < 5; i++)
    assert_close(out[i], 50, 1e-9);
  for (uint64_t i = 1; i <= SNAP_HISTORY + 7; i++)
    assert_int_equal(series_update(&s, 1300 + i * i, T0 + (5 + i) * S), 1);
  assert_int_equal(series_copy(&s, out, SNAP_HISTORY), SNAP_HISTORY);
  for (int i = 0; i < SNAP_HISTORY; i++)
    assert_close(out[i], 2 * (i + 8) - 1, 1e-9);
  assert_int_equal(series_copy(&s, out, 2), 2);
  assert_close(out[1], 2 * (SNAP_HISTORY + 7) - 1, 1e-9);
}

static void time_left(void **state) {
  (void)state;
  assert_int_equal(eta_seconds(1000, 100), 10);
  assert_int_equal(eta_seconds(1001, 100), 11);
  assert_int_equal(eta_seconds(0, 0), 0);
  assert_int_equal(eta_seconds(-1, 100), -1);
  assert_int_equal(eta_seconds(5, 0), -1);
  assert_int_equal(eta_seconds(5, NAN), -1);
  assert_int_equal(eta_seconds(INT64_MAX, 1e-3), -1);
  assert_int_equal(eta_seconds(200, 4.4e-6), -1); /* 528 days */
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_meter_is_right_from_the_first_second),
      cmocka_unit_test(a_meter_follows_and_decays),
      cmocka_unit_test(a_meter_restarts_and_survives_a_backward_clock),
      cmocka_unit_test(quantiles_are_within_three_percent),
      cmocka_unit_test(histograms_take_any_value),
      cmocka_unit_test(a_window_forgets),
      cmocka_unit_test(a_series_loses_no_second),
      cmocka_unit_test(a_series_fills_a_gap_and_rings),
      cmocka_unit_test(time_left),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
