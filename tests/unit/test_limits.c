/* SPDX-License-Identifier: MIT
 *
 * limits: what people type, what they get told, and that what is written can
 * be read again.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "limits.h"
#include "text.h"

static void check(enum limit_id id, const char *text, double want) {
  struct errmsg msg = {""};
  double value = -1;
  int code = limit_parse(id, text, &value, &msg);
  if (code != 0 || value != want)
    print_error("\"%s\": code %d, value %.17g, want %.17g: %s\n", text, code,
                value, want, msg.text);
  assert_int_equal(code, 0);
  assert_true(value == want);
}

static void forms_that_are_right(void **state) {
  (void)state;
  check(LIMIT_CONCURRENCY, "64", 64);
  check(LIMIT_RATE, "200/s", 200);
  check(LIMIT_RATE, "200", 200);
  check(LIMIT_RATE, "1.5/m", 1.5 / 60);
  check(LIMIT_RATE, "10/h", 10.0 / 3600);
  check(LIMIT_RATE, "0", 0);
  check(LIMIT_RATE, ".5/s", 0.5);
  check(LIMIT_BANDWIDTH, "500k", 512000);
  check(LIMIT_BANDWIDTH, "5M", 5 * 1048576.0);
  check(LIMIT_BANDWIDTH, "1.5G", 1.5 * 1073741824.0);
  check(LIMIT_BANDWIDTH, "1t", 1099511627776.0);
  check(LIMIT_BANDWIDTH, "1000", 1000);
  check(LIMIT_BANDWIDTH, "1.0001k", 1024);
  check(LIMIT_RETRY_WAIT, "0.25", 0.25);
  check(LIMIT_STALL_TIMEOUT, "30s", 30);
  check(LIMIT_ADAPTIVE, "on", 1);
  check(LIMIT_ADAPTIVE, "Yes", 1);
  check(LIMIT_ADAPTIVE, "true", 1);
  check(LIMIT_ADAPTIVE, "1", 1);
  check(LIMIT_ADAPTIVE, "OFF", 0);
  check(LIMIT_ADAPTIVE, "no", 0);
  check(LIMIT_ADAPTIVE, "false", 0);
  check(LIMIT_ADAPTIVE, "0", 0);
}

static void forms_that_are_wrong(void **state) {
  static const struct {
    enum limit_id id;
    const char *text;
    int code;
  } bad[] = {
      {LIMIT_CONCURRENCY, "", ERR_SYNTAX},
      {LIMIT_CONCURRENCY, "1.5", ERR_SYNTAX},
      {LIMIT_CONCURRENCY, "16x", ERR_SYNTAX},
      {LIMIT_CONCURRENCY, "-1", ERR_SYNTAX},
      {LIMIT_CONCURRENCY, " 4", ERR_SYNTAX},
      {LIMIT_CONCURRENCY, "0x10", ERR_SYNTAX},
      {LIMIT_CONCURRENCY, "0", ERR_USAGE},
      {LIMIT_CONCURRENCY, "10001", ERR_USAGE},
      {LIMIT_RATE, "fast", ERR_SYNTAX},
      {LIMIT_RATE, "5/d", ERR_SYNTAX},
      {LIMIT_RATE, "5 /s", ERR_SYNTAX},
      {LIMIT_RATE, "1e3", ERR_SYNTAX},
      {LIMIT_RATE, "nan", ERR_SYNTAX},
      {LIMIT_RATE, "inf", ERR_SYNTAX},
      {LIMIT_RATE, "1,5", ERR_SYNTAX},
      {LIMIT_RATE, "1.2.3", ERR_SYNTAX},
      {LIMIT_RATE, "1.", ERR_SYNTAX},
      {LIMIT_RATE, "1000001/s", ERR_USAGE},
      {LIMIT_RATE, "99999999999999999999999", ERR_SYNTAX},
      {LIMIT_BANDWIDTH, "5MB", ERR_SYNTAX},
      {LIMIT_BANDWIDTH, "10T", ERR_USAGE},
      {LIMIT_CPU_JOBS, "0", ERR_USAGE},
      {LIMIT_CONNECT_TIMEOUT, "0", ERR_USAGE},
      {LIMIT_ADAPTIVE, "", ERR_SYNTAX},
      {LIMIT_ADAPTIVE, "2", ERR_SYNTAX},
      {LIMIT_ADAPTIVE, "0.5", ERR_SYNTAX},
      {LIMIT_ADAPTIVE, "maybe", ERR_SYNTAX},
      {LIMIT_ADAPTIVE, "on ", ERR_SYNTAX},
      {LIMIT_CONCURRENCY, "on", ERR_SYNTAX},
  };
  (void)state;
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    struct errmsg msg = {""};
    double value = -1;
    int code = limit_parse(bad[i].id, bad[i].text, &value, &msg);
    if (code != bad[i].code)
      print_error("\"%s\": code %d, want %d\n", bad[i].text, code, bad[i].code);
    assert_int_equal(code, bad[i].code);
    assert_true(value == -1);
    assert_non_null(strstr(msg.text, limit_info(bad[i].id)->name));
    assert_non_null(strstr(msg.text, bad[i].text));
    assert_non_null(strstr(
        msg.text, bad[i].id == LIMIT_ADAPTIVE ? "give on or off" : "give "));
  }
}

static void an_error_is_safe_to_print(void **state) {
  struct errmsg msg;
  double value;
  (void)state;
  assert_int_equal(limit_parse(LIMIT_RATE, "\x1b[31m\n5", &value, &msg),
                   ERR_SYNTAX);
  assert_null(strchr(msg.text, '\x1b'));
  assert_null(strchr(msg.text, '\n'));
  assert_non_null(strstr(msg.text, "200/s"));
}

static void check_format(enum limit_id id, double value, const char *want) {
  char buf[32];
  assert_ptr_equal(limit_format(id, value, buf, sizeof buf), buf);
  assert_string_equal(buf, want);
}

static void people_like_short_forms(void **state) {
  (void)state;
  check_format(LIMIT_CONCURRENCY, 64, "64");
  check_format(LIMIT_RATE, 200, "200/s");
  check_format(LIMIT_RATE, 1.5 / 60, "1.5/m");
  check_format(LIMIT_RATE, 10.0 / 3600, "10/h");
  check_format(LIMIT_RATE, 100 * 1.1, "110/s");
  check_format(LIMIT_RATE, 0, "0");
  check_format(LIMIT_BANDWIDTH, 5 * 1048576.0, "5M");
  check_format(LIMIT_BANDWIDTH, 512000, "500k");
  check_format(LIMIT_BANDWIDTH, 1000, "1000");
  check_format(LIMIT_BANDWIDTH, 1126, "1.1k");
  check_format(LIMIT_BANDWIDTH, 1e13, "10000000000000");
  check_format(LIMIT_RETRY_WAIT, 0.25, "0.25");
  check_format(LIMIT_RETRY_WAIT, 60, "60");
  check_format(LIMIT_ADAPTIVE, 1, "on");
  check_format(LIMIT_ADAPTIVE, 0, "off");
}

static void what_is_written_can_be_read(void **state) {
  static const char *const rates[] = {
      "200/s", "1.5/m",      "10/h",   "0.001/h", "7/m",
      "1/h",   "999999.9/s", "3.25/h", "0.1/s",   "333.333/s"};
  (void)state;
  for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
    char buf[64];
    double value = 0, again = 0;
    assert_int_equal(limit_parse(LIMIT_RATE, rates[i], &value, NULL), 0);
    limit_format(LIMIT_RATE, value, buf, sizeof buf);
    assert_int_equal(limit_parse(LIMIT_RATE, buf, &again, NULL), 0);
    if (fabs(again - value) > value * 4e-3)
      print_error("%s -> %s\n", rates[i], buf);
    assert_true(fabs(again - value) <= value * 4e-3);
    if (i != 3)
      assert_true(fabs(again - value) <= value * 1e-12);
  }
  for (double bytes = 1; bytes < 1e13; bytes = floor(bytes * 1.37 + 1)) {
    char buf[64];
    double again = 0;
    limit_format(LIMIT_BANDWIDTH, bytes, buf, sizeof buf);
    assert_int_equal(limit_parse(LIMIT_BANDWIDTH, buf, &again, NULL), 0);
    assert_true(again == bytes);
  }
  for (double rate = 1; rate < 1e6; rate *= 1.1) { /* the keys [ and ] */
    char buf[64];
    double again = 0;
    limit_format(LIMIT_RATE, rate, buf, sizeof buf);
    assert_int_equal(limit_parse(LIMIT_RATE, buf, &again, NULL), 0);
    assert_true(fabs(again - rate) <= rate * 1e-8);
  }
}

static void every_default_is_in_its_range(void **state) {
  (void)state;
  for (int i = 0; i < LIMIT_COUNT; i++) {
    const struct limit_info *info = limit_info((enum limit_id)i);
    double preset = limit_default((enum limit_id)i);
    assert_true(preset >= info->min && preset <= info->max);
    assert_int_equal(limit_find(info->name), i);
  }
  assert_true(limit_default(LIMIT_CPU_JOBS) >= 1);
  assert_true(limit_default(LIMIT_ADAPTIVE) == 0);
  assert_int_equal(limit_find("--rate"), LIMIT_RATE);
  assert_int_equal(limit_find("rates"), -1);
  assert_int_equal(limit_find(""), -1);
}

static void a_decimal_comma_changes_nothing(void **state) {
  (void)state;
  if (!setlocale(LC_ALL, "de_DE.UTF-8"))
    skip();
  check(LIMIT_RATE, "1.5/m", 1.5 / 60);
  check_format(LIMIT_RETRY_WAIT, 0.25, "0.25");
  setlocale(LC_ALL, "C");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(forms_that_are_right),
      cmocka_unit_test(forms_that_are_wrong),
      cmocka_unit_test(an_error_is_safe_to_print),
      cmocka_unit_test(people_like_short_forms),
      cmocka_unit_test(what_is_written_can_be_read),
      cmocka_unit_test(every_default_is_in_its_range),
      cmocka_unit_test(a_decimal_comma_changes_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
