/* SPDX-License-Identifier: MIT
 *
 * Answers with status 200 that are not what was wanted: types, sizes, and the
 * sentences about them.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "expect.h"

static bool fits(const char *types, const char *type) {
  const struct expect expect = {.types = types};
  char why[200] = "";
  bool good = expect_head(&expect, type, 5, why, sizeof why);
  if (!good) {
    assert_non_null(strstr(why, types));
    assert_non_null(strstr(why, *type != '\0' ? type : "no type"));
  }
  return good;
}

static void test_types(void **state) {
  (void)state;
  assert_true(fits("image/png", "image/png"));
  assert_true(fits("image/png", "IMAGE/PNG; q=1"));
  assert_true(fits("image/*", "image/webp"));
  assert_true(fits("text/csv, image/*", "image/gif"));
  assert_true(fits("text/html", " text/html;charset=utf-8"));
  assert_false(fits("image/png", "image/pngx"));
  assert_false(fits("image/pngx", "image/png"));
  assert_false(fits("image/*", "images/png"));
  assert_false(fits("image/*", "image"));
  assert_false(fits("image/*", "text/html"));
  assert_false(fits("text/csv,image/*", "application/json"));
  assert_false(fits("text/csv", ""));
}

static void test_lists(void **state) {
  (void)state;
  assert_int_equal(expect_types_check("a/b"), 0);
  assert_int_equal(expect_types_check("a/b, c/*,d/e+f"), 0);
  const char *const bad[] = {"",     "a",       "a/",    "/b",
                             "a/b,", "a/b;c=d", "a/b/c", "a/b c/d"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    if (expect_types_check(bad[i]) != ERR_SYNTAX)
      fail_msg("'%s' was taken for a list of types", bad[i]);
}

static void test_sizes(void **state) {
  (void)state;
  const struct expect expect = {.min_size = 10, .max_size = 20};
  char why[200];
  assert_true(expect_head(&expect, "", -1, why, sizeof why));
  assert_true(expect_head(&expect, "", 10, why, sizeof why));
  assert_true(expect_head(&expect, "", 20, why, sizeof why));
  assert_false(expect_head(&expect, "", 9, why, sizeof why));
  assert_non_null(strstr(why, "at least 10"));
  assert_non_null(strstr(why, "has 9"));
  assert_false(expect_head(&expect, "", 21, why, sizeof why));
  assert_non_null(strstr(why, "at most 20"));
  assert_true(expect_body(&expect, 9, false, why, sizeof why));
  assert_false(expect_body(&expect, 9, true, why, sizeof why));
  assert_true(expect_body(&expect, 20, true, why, sizeof why));
  assert_false(expect_body(&expect, 21, false, why, sizeof why));
}

static void test_nothing_expected(void **state) {
  (void)state;
  const struct expect expect = {0};
  char why[200];
  assert_true(expect_head(&expect, "", 0, why, sizeof why));
  assert_true(expect_body(&expect, 0, true, why, sizeof why));
  assert_true(expect_body(&expect, INT64_MAX, true, why, sizeof why));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_types),
      cmocka_unit_test(test_lists),
      cmocka_unit_test(test_sizes),
      cmocka_unit_test(test_nothing_expected),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
