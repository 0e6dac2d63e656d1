/* SPDX-License-Identifier: MIT
 *
 * order.c: which chunk comes next.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "order.h"

static void put(struct order *order, uint32_t number, int32_t priority,
                int64_t deadline, uint64_t hosts) {
  struct order_entry *entry = order_at(order, number);
  assert_non_null(entry);
  entry->state = ORDER_OPEN;
  entry->keys = (struct line_keys){
      .deadline_unix = deadline, .hosts = hosts, .priority = priority};
}

static int64_t next(struct order *order, struct order_rules *rules) {
  struct order_choice choice = {0};
  order_consider_all(&choice, rules, 0, order);
  if (!choice.found)
    return -1;
  order->entries[choice.number].state = ORDER_OVER;
  return choice.number;
}

static void priority_then_deadline_then_number(void **state) {
  (void)state;
  struct order order = {0};
  struct order_rules rules = {.deadlines = true};
  static const int64_t expected[] = {4, 3, 5, 1, 0, 2, -1};
  put(&order, 0, 0, 0, 1);
  put(&order, 1, 0, 500, 1);
  put(&order, 2, -1, 100, 1);
  put(&order, 3, 2, 900, 1);
  put(&order, 4, 2, 800, 1);
  put(&order, 5, 0, 400, 1);
  for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++)
    assert_int_equal(next(&order, &rules), expected[i]);
  order_fini(&order);
}

static void deadlines_count_only_where_they_are_asked_for(void **state) {
  (void)state;
  struct order order = {0};
  struct order_rules rules = {0};
  put(&order, 0, 0, 900, 1);
  put(&order, 1, 0, 100, 1);
  assert_int_equal(next(&order, &rules), 0);
  assert_int_equal(next(&order, &rules), 1);
  order_fini(&order);
}

static void chunks_of_full_hosts_are_passed_over(void **state) {
  (void)state;
  struct order order = {0};
  struct order_rules rules = {.full = 1 | 2};
  put(&order, 0, 9, 0, 1);
  put(&order, 1, 5, 0, 2 | 4);
  put(&order, 2, 1, 0, 0); /* nothing is known of it */
  put(&order, 3, 7, 0, 1 | 2);
  assert_int_equal(next(&order, &rules), 1);
  assert_int_equal(next(&order, &rules), 2);
  assert_int_equal(next(&order, &rules), -1);
  rules.full = 2;
  assert_int_equal(next(&order, &rules), 0);
  order_fini(&order);
}

static void shuffled_each_equal_has_its_chance(void **state) {
  (void)state;
  unsigned first[8] = {0};
  struct order_rules rules = {.shuffle = true, .seed = 42};
  for (int round = 0; round < 8000; round++) {
    struct order order = {0};
    for (uint32_t i = 0; i < 8; i++)
      put(&order, i, i < 6 ? 1 : 0, 100 + (int64_t)i, 1);
    first[next(&order, &rules)]++;
    order_fini(&order);
  }
  for (int i = 0; i < 6; i++)
    assert_in_range(first[i], 1333 - 250, 1333 + 250);
  assert_int_equal(first[6] + first[7], 0); /* a lower priority */
}

static void slices_are_even_and_all_are_drawn(void **state) {
  (void)state;
  unsigned count[ORDER_SLICES] = {0};
  struct order_rules rules = {.seed = 7};
  uint8_t left = UINT8_MAX;
  for (uint32_t i = 0; i < 8192; i++)
    count[order_slice(99, 3, i)]++;
  for (int i = 0; i < ORDER_SLICES; i++)
    assert_in_range(count[i], 900, 1150);
  while (left != 0) {
    int slice = order_pick_slice(&rules, left);
    assert_true(slice >= 0 && (left >> slice & 1) != 0);
    left = (uint8_t)(left & ~(1u << slice));
  }
  assert_int_equal(order_pick_slice(&rules, left), -1);
}

static void a_host_is_known_whatever_stands_around_it(void **state) {
  (void)state;
  uint64_t bit = order_host_bit("http://h7.example/a");
  assert_true(bit != 0 && (bit & (bit - 1)) == 0);
  assert_true(order_host_bit("https://H7.Example:8443?x") == bit);
  assert_true(order_host_bit("http://u:p@h7.example#f") == bit);
  assert_true(order_host_bit("http://h7.example:80") == bit);
  assert_true(order_host_bit("http://[::1]:80/") ==
              order_host_bit("http://[::1]/x"));
  assert_true(order_host_bit("http://h8.example/") != bit);
}

static void keys_keep_the_most_urgent_of_all_lines(void **state) {
  (void)state;
  struct line_keys keys = {0};
  line_keys_add(&keys, INT64_MAX, -3, 1);
  assert_int_equal(keys.priority, -3);
  assert_int_equal(keys.deadline_unix, 0);
  line_keys_add(&keys, 700, -5, 2);
  line_keys_add(&keys, 900, -4, 2);
  line_keys_add(&keys, -20, -9, 4); /* long ago, not "none" */
  assert_int_equal(keys.priority, -3);
  assert_int_equal(keys.deadline_unix, 1);
  assert_int_equal(keys.hosts, 7);
}

static void many_deadlines_take_few_passes(void **state) {
  (void)state;
  int64_t now = 1000000, at = now + 60;
  int passes = 0;
  for (; at < now + 7 * 86400; passes++)
    at = order_deadline_bound(at, now) + 1;
  assert_in_range(passes, 2, 30);
  assert_true(order_deadline_bound(0, now) == INT64_MAX);
  /* What is over goes in one pass, however long ago. */
  assert_true(order_deadline_bound(1, now) >= now);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(priority_then_deadline_then_number),
      cmocka_unit_test(deadlines_count_only_where_they_are_asked_for),
      cmocka_unit_test(chunks_of_full_hosts_are_passed_over),
      cmocka_unit_test(shuffled_each_equal_has_its_chance),
      cmocka_unit_test(slices_are_even_and_all_are_drawn),
      cmocka_unit_test(a_host_is_known_whatever_stands_around_it),
      cmocka_unit_test(keys_keep_the_most_urgent_of_all_lines),
      cmocka_unit_test(many_deadlines_take_few_passes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
