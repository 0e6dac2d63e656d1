/* SPDX-License-Identifier: MIT
 *
 * partial.c: the record of a partial file there and back, and text that no
 * database should hold.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "partial.h"

static void sets_come_back_through_the_text(void **state) {
  struct ranges set = {0}, back = {0};
  struct session_partial partial = {.size = 1000}, read = {.size = 1000};
  char text[400];
  (void)state;
  assert_int_equal(ranges_add(&set, 0, 100), 0);
  assert_int_equal(ranges_add(&set, 200, 300), 0);
  assert_int_equal(ranges_add(&set, 999, 1000), 0);
  partial_set_ranges(&partial, &set);
  assert_int_equal(partial.durable, 100);
  partial_ranges_text(&partial, text, sizeof text);
  assert_string_equal(text, "200-299,999-999");
  read.durable = 100;
  partial_ranges_read(&read, text);
  assert_int_equal(partial_get_ranges(&read, &back), 0);
  assert_int_equal(back.count, 3);
  assert_int_equal(ranges_total(&back), 201);
  ranges_fini(&set);
  ranges_fini(&back);
}

static void of_too_many_the_large_ones_and_the_beginning_stay(void **state) {
  struct ranges set = {0};
  struct session_partial partial = {.size = 1 << 20};
  (void)state;
  assert_int_equal(ranges_add(&set, 0, 1), 0);
  for (int i = 1; i <= 100; i++)
    assert_int_equal(ranges_add(&set, i * 1000, i * 1000 + i + 1), 0);
  partial_set_ranges(&partial, &set);
  assert_int_equal(partial.durable, 1);
  assert_int_equal(partial.range_count, SESSION_RANGES);
  assert_int_equal(partial.ranges[0].first, 69000);
  ranges_fini(&set);
}

static unsigned ranges_in(const char *text) {
  struct session_partial partial = {.durable = 10, .size = 1000};
  partial_ranges_read(&partial, text);
  return partial.range_count;
}

static void malformed_text_is_not_believed(void **state) {
  (void)state;
  assert_int_equal(ranges_in(NULL), 0);
  assert_int_equal(ranges_in(""), 0);
  assert_int_equal(ranges_in("20-29"), 1);
  assert_int_equal(ranges_in("20-29,40-49"), 2);
  assert_int_equal(ranges_in("10-29"), 0); /* touches the beginning */
  assert_int_equal(ranges_in("20-1000"), 0);
  assert_int_equal(ranges_in("20-29,25-40"), 1);
  assert_int_equal(ranges_in("20-29,x"), 1);
  assert_int_equal(ranges_in("29-20"), 0);
  assert_int_equal(ranges_in("-5"), 0);
  assert_int_equal(ranges_in("20-29;40-49"), 0);
  assert_int_equal(ranges_in("20-99999999999999999999"), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(sets_come_back_through_the_text),
      cmocka_unit_test(of_too_many_the_large_ones_and_the_beginning_stay),
      cmocka_unit_test(malformed_text_is_not_believed),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
