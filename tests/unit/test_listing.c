/* SPDX-License-Identifier: MIT
 *
 * A cursor stays in its list and in sight, whatever moves it and however the
 * list changes, also where a list is longer than 32 bits count.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "listing.h"

static void check(const struct listing *l) {
  assert_true(l->count == 0 ? l->at == 0 : l->at < l->count);
  assert_true(l->top <= l->at);
  if (l->page > 0)
    assert_true(l->at - l->top < l->page);
  if (l->count >= l->page)
    assert_true(l->top + l->page <= l->count);
  else
    assert_int_equal(l->top, 0);
}

static void test_moves_are_cut_at_the_ends(void **state) {
  struct listing l = {0};
  (void)state;
  listing_show(&l, 10, 4);
  listing_move(&l, -5);
  assert_int_equal(l.at, 0);
  listing_move(&l, 100);
  listing_show(&l, 10, 4);
  assert_int_equal(l.at, 9);
  assert_int_equal(l.top, 6);
  listing_show(&l, 3, 4);
  assert_int_equal(l.at, 2);
  assert_int_equal(l.top, 0);
  listing_show(&l, 0, 4);
  assert_int_equal(l.at, 0);
}

static void test_longer_than_32_bits(void **state) {
  struct listing l = {0};
  uint64_t count = UINT64_C(50000000000);
  (void)state;
  listing_show(&l, count, 20);
  listing_move(&l, (int64_t)count + 1);
  listing_show(&l, count, 20);
  assert_true(l.at == count - 1);
  assert_true(l.top == count - 20);
}

static void test_anything_goes(void **state) {
  struct listing l = {0};
  unsigned random = 1;
  (void)state;
  for (int i = 0; i < 200000; i++) {
    random = random * 1103515245u + 12345u;
    listing_move(&l, (int64_t)(random >> 16) % 61 - 30);
    random = random * 1103515245u + 12345u;
    listing_show(&l, (random >> 16) % 50, (random >> 8) % 12);
    check(&l);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_moves_are_cut_at_the_ends),
      cmocka_unit_test(test_longer_than_32_bits),
      cmocka_unit_test(test_anything_goes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
