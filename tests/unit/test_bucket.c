/* SPDX-License-Identifier: MIT
 *
 * bucket: exact over hours at 1/h and at a million a second, no bursts after
 * idleness, lateness made up for, rate changes at once.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>

#include "bucket.h"
#include "retry.h"

#define S 1000000000ull
#define MS 1000000ull
#define US 1000ull
#define T0 (77 * S + 123)

/* Starts all that may go now; returns how many. */
static unsigned drain(struct bucket *b, uint64_t now) {
  unsigned n = 0;
  while (bucket_next_ns(b, now) <= now) {
    bucket_take(b, 1, now);
    n++;
  }
  return n;
}

static void slow_rates_are_exact(void **state) {
  struct bucket b;
  (void)state;
  bucket_init(&b, 1.0 / 3600, T0);
  uint64_t now = T0;
  for (uint64_t i = 0; i < 1000; i++) {
    now = bucket_next_ns(&b, now);
    assert_true(llabs((long long)(now - T0 - i * 3600 * S)) <= 1);
    bucket_take(&b, 1, now);
  }
}

static void odd_rates_are_exact(void **state) {
  static const double rates[] = {3, 7, 333.3, 1e6, 123456.789};
  (void)state;
  for (size_t k = 0; k < sizeof rates / sizeof *rates; k++) {
    struct bucket b;
    uint64_t now = T0, n = 0;
    bucket_init(&b, rates[k], T0);
    for (; n < 3000000; n++) {
      now = bucket_next_ns(&b, now) > now ? bucket_next_ns(&b, now) : now;
      bucket_take(&b, 1, now);
    }
    double want = (double)(n - 1) / rates[k] * 1e9;
    assert_true(fabs((double)(now - T0) - want) < 2000);
  }
}

static void starts_are_spaced_evenly(void **state) {
  struct bucket b;
  uint64_t now = T0, last = 0;
  (void)state;
  bucket_init(&b, 500, T0);
  for (int i = 0; i < 1000; i++) {
    uint64_t at = bucket_next_ns(&b, now);
    now = at > now ? at : now;
    bucket_take(&b, 1, now);
    if (last)
      assert_int_equal(now - last, 2 * MS);
    last = now;
  }
}

static void idle_time_is_not_saved_up(void **state) {
  struct bucket b;
  (void)state;
  bucket_init(&b, 1000, T0);
  assert_int_equal(drain(&b, T0), 1);
  /* One that was saved, and the one that is due. */
  assert_int_equal(drain(&b, T0 + 3600 * S), 2);
  assert_int_equal(bucket_next_ns(&b, T0 + 3600 * S), T0 + 3600 * S + MS);
}

static void late_wakeups_are_made_up_for(void **state) {
  struct bucket b;
  struct rng r;
  uint64_t now = T0, n = 0;
  (void)state;
  rng_seed(&r, 5);
  bucket_init(&b, 5000, T0);
  while (now < T0 + 60 * S) {
    unsigned burst = drain(&b, now);
    assert_true(burst <= 22);
    n += burst;
    now = bucket_next_ns(&b, now) + rng_next(&r) % (4 * MS);
  }
  assert_true(fabs((double)n - 5000 * 60) < 5000 * 60 * 0.001);
}

static void a_stall_is_not_made_up_for(void **state) {
  struct bucket b;
  (void)state;
  bucket_init(&b, 10000, T0);
  drain(&b, T0);
  assert_true(drain(&b, T0 + 300 * MS) <= 2);
  drain(&b, T0 + 301 * MS);
  /* 30 ms late: 10 ms of it come back */
  unsigned n = drain(&b, T0 + 331 * MS);
  assert_true(n >= 99 && n <= 102);
}

static void bytes_are_owed_afterwards(void **state) {
  struct bucket b;
  uint64_t now = T0, bytes = 0;
  (void)state;
  bucket_init(&b, 500 * 1024, T0);
  while (now < T0 + 20 * S) {
    uint64_t at = bucket_next_ns(&b, now);
    now = at > now ? at + 700 * US : now;
    bucket_take(&b, 16384, now);
    bytes += 16384;
  }
  double rate = (double)bytes / 20;
  assert_true(fabs(rate - 500 * 1024) < 500 * 1024 * 0.005);
}

static void fast_bytes_survive_late_timers(void **state) {
  struct bucket b;
  uint64_t now = T0, bytes = 0;
  (void)state;
  bucket_init(&b, 400e6, T0);
  while (now < T0 + 5 * S) {
    while (bucket_next_ns(&b, now) <= now) {
      bucket_take(&b, 16384, now);
      bytes += 16384;
    }
    now = bucket_next_ns(&b, now) + 540 * US;
  }
  assert_true(fabs((double)bytes / 5 - 400e6) < 400e6 * 0.005);
}

static void a_new_rate_takes_effect_at_the_next_start(void **state) {
  struct bucket b;
  (void)state;
  bucket_init(&b, 1.0 / 3600, T0);
  drain(&b, T0);
  assert_int_equal(bucket_next_ns(&b, T0), T0 + 3600 * S);
  /* half an hour left of 1/h is half a second left of 1/s */
  bucket_set_rate(&b, 1, T0 + 1800 * S);
  assert_int_equal(bucket_next_ns(&b, T0 + 1800 * S), T0 + 1800 * S + S / 2);
  bucket_set_rate(&b, 0, T0 + 1800 * S);
  assert_true(bucket_next_ns(&b, T0 + 1800 * S) <= T0 + 1800 * S);
  bucket_set_rate(&b, 100, T0 + 1900 * S);
  assert_int_equal(drain(&b, T0 + 1900 * S), 1);
  assert_int_equal(bucket_next_ns(&b, T0 + 1900 * S), T0 + 1900 * S + 10 * MS);
}

static void rate_changes_do_not_add_starts(void **state) {
  struct bucket b;
  struct rng r;
  uint64_t now = T0;
  double due = 1;
  unsigned n = 0;
  (void)state;
  rng_seed(&r, 9);
  bucket_init(&b, 100, T0);
  for (int i = 0; i < 5000; i++) {
    n += drain(&b, now);
    now += MS;
    due += b.per_s / 1000;
    if (i % 50 == 0)
      bucket_set_rate(&b, 20 + (double)(rng_next(&r) % 300), now);
  }
  assert_true(fabs((double)n - due) <= 3);
}

static void unlimited_means_now(void **state) {
  struct bucket b;
  (void)state;
  bucket_init(&b, 0, T0);
  for (int i = 0; i < 1000; i++) {
    assert_true(bucket_next_ns(&b, T0) <= T0);
    bucket_take(&b, 1000000, T0);
  }
}

static void it_knows_its_level_and_how_much_it_held_back(void **state) {
  struct bucket b;
  uint64_t now = T0;
  (void)state;
  bucket_init(&b, 200, T0);
  for (; now < T0 + 30 * S; now += MS)
    drain(&b, now);
  assert_true(fabs(bucket_level(&b, now) - 200) < 4);
  assert_true(bucket_throttled(&b, now) > 0.97);
  bucket_restart(&b, now);
  /* work for half of what it lets through: nobody waits */
  for (int i = 0; i < 3000; i++, now += 10 * MS) {
    assert_true(bucket_next_ns(&b, now) <= now);
    bucket_take(&b, 1, now);
  }
  assert_true(fabs(bucket_level(&b, now) - 100) < 3);
  assert_true(bucket_throttled(&b, now) == 0);
}

static void a_huge_debt_stays_finite(void **state) {
  struct bucket b;
  (void)state;
  bucket_init(&b, 1.0 / 3600, T0);
  for (int i = 0; i < 100; i++)
    bucket_take(&b, UINT64_MAX, T0);
  uint64_t at = bucket_next_ns(&b, T0);
  assert_true(at > T0 && at < T0 + 200ull * 366 * 86400 * S);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(slow_rates_are_exact),
      cmocka_unit_test(odd_rates_are_exact),
      cmocka_unit_test(starts_are_spaced_evenly),
      cmocka_unit_test(idle_time_is_not_saved_up),
      cmocka_unit_test(late_wakeups_are_made_up_for),
      cmocka_unit_test(a_stall_is_not_made_up_for),
      cmocka_unit_test(bytes_are_owed_afterwards),
      cmocka_unit_test(fast_bytes_survive_late_timers),
      cmocka_unit_test(a_new_rate_takes_effect_at_the_next_start),
      cmocka_unit_test(rate_changes_do_not_add_starts),
      cmocka_unit_test(unlimited_means_now),
      cmocka_unit_test(it_knows_its_level_and_how_much_it_held_back),
      cmocka_unit_test(a_huge_debt_stays_finite),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
