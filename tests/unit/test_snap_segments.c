/* SPDX-License-Identifier: MIT
 *
 * snap_segments.c: there and back, a text that is full, texts that no engine
 * writes.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "snap_segments.h"

static void segments_come_back(void **state) {
  struct snap_segment a = {0, 5, 10, 1500.7, true, "one.example"};
  struct snap_segment b = {10, 10, (int64_t)1 << 50, 0, false, "a;b"};
  struct snap_segment read;
  char text[200];
  const char *at = text;
  size_t used = 0;
  (void)state;
  assert_true(snap_segment_put(text, sizeof text, &used, &a));
  assert_true(snap_segment_put(text, sizeof text, &used, &b));
  assert_int_equal(used, strlen(text));
  assert_true(snap_segment_next(&at, &read));
  assert_int_equal(read.at, 5);
  assert_int_equal((int)read.bytes_per_s, 1500);
  assert_true(read.receiving);
  assert_string_equal(read.host, "one.example");
  assert_true(snap_segment_next(&at, &read));
  assert_true(read.end == (int64_t)1 << 50);
  assert_false(read.receiving);
  assert_string_equal(read.host, "a_b");
  assert_false(snap_segment_next(&at, &read));
}

static void full_text_stays_whole(void **state) {
  struct snap_segment segment = {0, 5, 10, 15, true, "host"};
  struct snap_segment read;
  char text[40];
  const char *at = text;
  size_t used = 0;
  int count = 0;
  (void)state;
  while (snap_segment_put(text, sizeof text, &used, &segment))
    count++;
  assert_int_equal(count, 2);
  while (snap_segment_next(&at, &read))
    count--;
  assert_int_equal(count, 0);
  assert_int_equal(*at, '\0');
}

static void malformed_text_ends_the_list(void **state) {
  static const char *const texts[] = {
      "",           "x",
      "1-2",        "1-2-3",
      "3-2-4 1 h",  "1-4-3 1 h",
      "1-2-3 -1 h", "1-2-3 1",
      "1--3 1 h",   "99999999999999999999-1-1 1 h"};
  struct snap_segment read;
  (void)state;
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    const char *at = texts[i];
    assert_false(snap_segment_next(&at, &read));
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(segments_come_back),
      cmocka_unit_test(full_text_stays_whole),
      cmocka_unit_test(malformed_text_ends_the_list),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
