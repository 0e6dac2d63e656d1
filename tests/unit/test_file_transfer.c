/* SPDX-License-Identifier: MIT
 *
 * What an FTP or SFTP server says of a file, put as an HTTP answer: whole, the
 * rest of it, nothing left, changed meanwhile.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "file_transfer.h"

#define WHEN 784111777 /* the example of RFC 9110 section 5.6.7 */
#define DATE "Sun, 06 Nov 1994 08:49:37 GMT"

static struct answer a;

static void whole_file(void **state) {
  (void)state;
  file_transfer_answer(&a, 0, 1234, WHEN, "", true);
  assert_int_equal(a.status, 200);
  assert_int_equal(a.content_length, 1234);
  assert_string_equal(a.last_modified, DATE);
  assert_false(a.has_range);
  assert_false(a.accepts_ranges);
}

static void nothing_is_known(void **state) {
  (void)state;
  file_transfer_answer(&a, 0, -1, -1, "", true);
  assert_int_equal(a.status, 200);
  assert_int_equal(a.content_length, -1);
  assert_string_equal(a.last_modified, "");
}

static void empty_file(void **state) {
  (void)state;
  file_transfer_answer(&a, 0, -1, WHEN, "", false);
  assert_int_equal(a.status, 200);
  assert_int_equal(a.content_length, 0);
}

/* libcurl says that all is well, but nothing came of what was announced. */
static void nothing_came(void **state) {
  (void)state;
  file_transfer_answer(&a, 0, 500, WHEN, "", false);
  assert_int_equal(a.content_length, 500);
}

static void rest_of_the_same_file(void **state) {
  (void)state;
  file_transfer_answer(&a, 100, 900, WHEN, DATE, true);
  assert_int_equal(a.status, 206);
  assert_true(a.has_range);
  assert_int_equal(a.range_first, 100);
  assert_int_equal(a.range_last, 999);
  assert_int_equal(a.range_size, 1000);
  assert_int_equal(a.content_length, 900);
}

static void rest_of_a_changed_file_does_not_fit(void **state) {
  (void)state;
  file_transfer_answer(&a, 100, 900, WHEN + 1, DATE, true);
  assert_int_equal(a.status, 206);
  assert_false(a.has_range);
  file_transfer_answer(&a, 100, 900, -1, DATE, true);
  assert_false(a.has_range);
  file_transfer_answer(&a, 100, -1, WHEN, DATE, true);
  assert_false(a.has_range);
  file_transfer_answer(&a, 100, 900, WHEN, "\"etag\"", true);
  assert_false(a.has_range);
}

static void nothing_is_left(void **state) {
  (void)state;
  file_transfer_answer(&a, 1000, -1, WHEN, DATE, false);
  assert_int_equal(a.status, 416);
  assert_true(a.has_range);
  assert_int_equal(a.range_size, 1000);
  file_transfer_answer(&a, 1000, 0, WHEN + 1, DATE, false);
  assert_int_equal(a.status, 416);
  assert_false(a.has_range);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(whole_file),
      cmocka_unit_test(nothing_is_known),
      cmocka_unit_test(empty_file),
      cmocka_unit_test(nothing_came),
      cmocka_unit_test(rest_of_the_same_file),
      cmocka_unit_test(rest_of_a_changed_file_does_not_fit),
      cmocka_unit_test(nothing_is_left),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
