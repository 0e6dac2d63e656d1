/* SPDX-License-Identifier: MIT
 *
 * pace.c against model lines: connections that are independent, a line that is
 * full with one, a server that takes two.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "pace.h"

#define MS ((uint64_t)1000000)

struct line {
  double each, all;     /* bytes/s of a connection, and of all together */
  double burst;         /* so many times the rate ... */
  uint64_t burst_until; /* ... before that */
  double ceiling;       /* that is known; 0 none */
};

/* Runs for so many seconds; connections join 30 ms after they are wanted. */
static unsigned run(struct pace *p, const struct line *line, unsigned most,
                    double seconds, uint64_t *now, int64_t *bytes,
                    unsigned *highest) {
  unsigned connections = 1;
  uint64_t wanted_ns = *now, end = *now + (uint64_t)(seconds * 1e9);
  for (; *now < end; *now += 10 * MS) {
    struct pace_sample sample = {*bytes, connections, most, 100 * MS,
                                 line->ceiling};
    double rate = line->each * connections;
    if (*now < line->burst_until)
      rate *= line->burst;
    if (pace_step(p, &sample, *now))
      wanted_ns = *now;
    if (p->target > *highest)
      *highest = p->target;
    if (*now - wanted_ns >= 30 * MS || p->target < connections)
      connections = p->target;
    *bytes += (int64_t)((rate < line->all ? rate : line->all) / 100);
  }
  return p->target;
}

static unsigned settle(double each, double all, unsigned most, double seconds,
                       unsigned *highest) {
  struct pace p;
  struct line line = {each, all, 1, 0, 0};
  uint64_t now = 5000 * MS;
  int64_t bytes = 0;
  *highest = 0;
  pace_init(&p, now);
  return run(&p, &line, most, seconds, &now, &bytes, highest);
}

static void independent_connections_are_all_used(void **state) {
  unsigned highest;
  (void)state;
  assert_int_equal(settle(20e6, 1e12, 16, 2, &highest), 16);
  assert_int_equal(settle(20e6, 1e12, 5, 2, &highest), 5);
  assert_int_equal(settle(20e6, 1e12, 1, 2, &highest), 1);
}

static void full_line_keeps_one(void **state) {
  unsigned highest;
  (void)state;
  assert_int_equal(settle(100e6, 100e6, 16, 5, &highest), 1);
  assert_int_equal(highest, 2); /* it was tried */
}

static void line_for_three_gets_four(void **state) {
  unsigned highest;
  (void)state;
  assert_int_equal(settle(20e6, 60e6, 16, 5, &highest), 4);
  assert_int_equal(highest, 8);
}

/* Each doubling takes the time to connect and a short window. */
static void sixteen_take_four_short_steps(void **state) {
  unsigned highest;
  (void)state;
  assert_int_equal(settle(20e6, 1e12, 16, 0.4, &highest), 16);
}

/* A last step of a tenth could not be told from noise. */
static void last_small_step_is_taken_with_the_one_before(void **state) {
  unsigned highest;
  (void)state;
  assert_int_equal(settle(20e6, 1e12, 9, 0.4, &highest), 9);
  assert_int_equal(settle(20e6, 1e12, 12, 0.4, &highest), 12);
}

/* What was buffered on the way comes first, and makes one connection look as
 * good as four: that may cost a second, not the splitting. */
static void burst_at_the_beginning_deceives_for_a_moment(void **state) {
  struct pace p;
  struct line line = {20e6, 1e12, 4, 5030 * MS, 0};
  uint64_t now = 5000 * MS;
  int64_t bytes = 0;
  unsigned highest = 0;
  (void)state;
  pace_init(&p, now);
  assert_int_equal(run(&p, &line, 16, 0.5, &now, &bytes, &highest), 2);
  assert_int_equal(run(&p, &line, 16, 2, &now, &bytes, &highest), 16);
}

static void refused_ones_are_left_alone_for_a_while(void **state) {
  struct pace p;
  struct line line = {20e6, 1e12, 1, 0, 0};
  uint64_t now = 5000 * MS;
  int64_t bytes = 0;
  unsigned highest = 0;
  (void)state;
  pace_init(&p, now);
  assert_int_equal(run(&p, &line, 8, 2, &now, &bytes, &highest), 8);
  pace_refused(&p, 2, now);
  assert_int_equal(run(&p, &line, 8, 15, &now, &bytes, &highest), 2);
  assert_int_equal(run(&p, &line, 8, 15, &now, &bytes, &highest), 8);
}

static void fewer_allowed_is_obeyed_at_once(void **state) {
  struct pace p;
  struct line line = {20e6, 1e12, 1, 0, 0};
  uint64_t now = 5000 * MS;
  int64_t bytes = 0;
  unsigned highest = 0;
  (void)state;
  pace_init(&p, now);
  assert_int_equal(run(&p, &line, 8, 2, &now, &bytes, &highest), 8);
  assert_int_equal(run(&p, &line, 3, 0.02, &now, &bytes, &highest), 3);
  assert_int_equal(run(&p, &line, 3, 1, &now, &bytes, &highest), 3);
  assert_int_equal(run(&p, &line, 8, 2, &now, &bytes, &highest), 8);
}

static unsigned settle_under(double each, double ceiling, double slow,
                             unsigned *highest) {
  struct pace p;
  struct line line = {each, ceiling, slow, 5030 * MS, ceiling};
  uint64_t now = 5000 * MS;
  int64_t bytes = 0;
  *highest = 0;
  pace_init(&p, now);
  return run(&p, &line, 16, 60, &now, &bytes, highest);
}

/* Nothing is tried that a limit leaves no room for, and a slow moment at the
 * beginning makes one more connection look good, never two more. */
static void limit_that_is_used_up_is_known(void **state) {
  unsigned highest;
  (void)state;
  assert_int_equal(settle_under(1e9, 4e6, 1, &highest), 1);
  assert_int_equal(highest, 1);
  assert_int_equal(settle_under(4e6, 4e6, 0.4, &highest), 2);
  assert_int_equal(highest, 2);
  assert_int_equal(settle_under(20e6, 160e6, 1, &highest), 8);
  assert_int_equal(highest, 8);
}

/* Under a limit for many, a moment is not believed. */
static void under_a_limit_it_must_pay_twice(void **state) {
  struct pace p;
  struct pace_sample sample = {0, 1, 16, 100 * MS, 1e12};
  uint64_t now = 5000 * MS;
  int64_t per_step = 200000; /* in 10 ms, whatever the connections */
  (void)state;
  pace_init(&p, now);
  for (int i = 0; i < 100; i++, now += 10 * MS) {
    if (pace_step(&p, &sample, now) && p.target == 2) {
      sample.connections = 2;
      per_step = 400000; /* for one short window */
    }
    assert_true(p.target <= 2);
    sample.bytes += per_step;
    if (sample.connections == 2 && p.passes == 1)
      per_step = 200000;
  }
  assert_int_equal(per_step, 200000); /* it was deceived once */
  assert_int_equal(p.target, 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(independent_connections_are_all_used),
      cmocka_unit_test(full_line_keeps_one),
      cmocka_unit_test(line_for_three_gets_four),
      cmocka_unit_test(sixteen_take_four_short_steps),
      cmocka_unit_test(last_small_step_is_taken_with_the_one_before),
      cmocka_unit_test(burst_at_the_beginning_deceives_for_a_moment),
      cmocka_unit_test(refused_ones_are_left_alone_for_a_while),
      cmocka_unit_test(fewer_allowed_is_obeyed_at_once),
      cmocka_unit_test(limit_that_is_used_up_is_known),
      cmocka_unit_test(under_a_limit_it_must_pay_twice),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
