/* SPDX-License-Identifier: MIT
 *
 * limit_fit: the limit of a bucket from intervals between 429 and from a probe;
 * nothing where something else limits.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>

#include "limit_fit.h"

#define S 1000000000ull

/* Empty at the 429, a stop, then so many seconds until the next. */
static struct limit_interval of_bucket(double limit, double burst,
                                       double stop_s, double open_s) {
  return (struct limit_interval){
      .s = stop_s + open_s,
      .open_s = open_s,
      .accepted = floor(fmin(burst, limit * stop_s) + limit * open_s),
  };
}

static void add(struct limit_fit *f, double limit, double burst,
                const double *open_s, int count) {
  for (int i = 0; i < count; i++) {
    struct limit_interval one = of_bucket(limit, burst, 1.2, open_s[i]);
    limit_fit_add(f, &one);
  }
}

static const double open_s[] = {0.8, 1.6, 2.7, 4.4};

static void a_bucket_that_was_full_shows_limit_and_burst(void **state) {
  struct limit_fit f = {0};
  struct limit_estimate e;
  (void)state;
  add(&f, 20, 21, open_s, 4); /* 24 would have been saved up */
  assert_true(limit_fit_solve(&f, 0.12, &e));
  assert_true(fabs(e.limit - 20) < 0.4);
  assert_true(fabs(e.saved - 21) < 1.5);
}

static void a_bucket_that_was_not_full_shows_its_limit(void **state) {
  struct limit_fit f = {0};
  struct limit_estimate e;
  (void)state;
  add(&f, 20, 100, open_s, 4);
  assert_true(limit_fit_solve(&f, 0.12, &e));
  assert_true(fabs(e.limit - 20) < 0.4);
  assert_true(isinf(e.saved));
}

static void two_intervals_are_too_few(void **state) {
  struct limit_fit f = {0};
  struct limit_estimate e;
  (void)state;
  add(&f, 20, 100, open_s, 2);
  assert_false(limit_fit_solve(&f, 0.12, &e));
}

static void intervals_of_one_length_tell_nothing(void **state) {
  static const double alike[] = {1.6, 1.61, 1.59, 1.6};
  struct limit_fit f = {0};
  struct limit_estimate e;
  (void)state;
  add(&f, 20, 100, alike, 4);
  assert_false(limit_fit_solve(&f, 0.12, &e));
}

/* Nothing is saved up where windows are counted. */
static void windows_are_no_bucket(void **state) {
  struct limit_fit f = {0};
  struct limit_estimate e;
  (void)state;
  add(&f, 100, 0, open_s, 4);
  assert_false(limit_fit_solve(&f, 0.12, &e));
}

static void what_does_not_lie_on_a_line_is_refused(void **state) {
  struct limit_fit f = {0};
  struct limit_estimate e;
  (void)state;
  add(&f, 20, 100, open_s, 4);
  struct limit_interval other = of_bucket(26, 100, 1.2, 3);
  limit_fit_add(&f, &other);
  assert_false(limit_fit_solve(&f, 0.12, &e));
}

static void
a_new_limit_is_seen_after_old_intervals_are_forgotten(void **state) {
  struct limit_fit f = {0};
  struct limit_estimate e;
  (void)state;
  for (int i = 0; i < 3; i++)
    add(&f, 20, 100, open_s, 4);
  for (int i = 0; i < 3; i++)
    add(&f, 40, 200, open_s, 4);
  assert_true(limit_fit_solve(&f, 0.12, &e));
  assert_true(fabs(e.limit - 40) < 0.8);
}

/* 10 s at 99/s and 2 s at 110/s, then at 160/s until 100 saved ones are gone:
 * 1 of it took what was under the limit, or over by then. */
static void a_probe_shows_the_limit_given_the_burst(void **state) {
  struct limit_steps p = {0};
  (void)state;
  limit_steps_add(&p, (struct limit_point){.ns = 0, .starts = 0});
  limit_steps_add(&p, (struct limit_point){.ns = 10 * S, .starts = 990});
  limit_steps_add(&p, (struct limit_point){.ns = 12 * S, .starts = 1210});
  /* 20 of the 100 are used by then, 80 last for 80 / 60 s */
  struct limit_point end = {.ns = 12 * S + 4 * S / 3, .starts = 1210 + 213};
  assert_true(fabs(limit_steps_limit(&p, 100, end) - 100) < 0.5);
  assert_true(fabs(limit_steps_saved(&p, 100, end) - 100) < 1.5);
}

static void more_steps_than_there_is_room_for_do_no_harm(void **state) {
  struct limit_steps p = {0};
  (void)state;
  for (uint64_t i = 0; i < 100; i++)
    limit_steps_add(&p, (struct limit_point){.ns = i * S, .starts = i * 50});
  struct limit_point end = {.ns = 100 * S, .starts = 5000};
  assert_true(fabs(limit_steps_limit(&p, 0, end) - 50) < 0.01);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_bucket_that_was_full_shows_limit_and_burst),
      cmocka_unit_test(a_bucket_that_was_not_full_shows_its_limit),
      cmocka_unit_test(two_intervals_are_too_few),
      cmocka_unit_test(intervals_of_one_length_tell_nothing),
      cmocka_unit_test(windows_are_no_bucket),
      cmocka_unit_test(what_does_not_lie_on_a_line_is_refused),
      cmocka_unit_test(a_new_limit_is_seen_after_old_intervals_are_forgotten),
      cmocka_unit_test(a_probe_shows_the_limit_given_the_burst),
      cmocka_unit_test(more_steps_than_there_is_room_for_do_no_harm),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
