/* SPDX-License-Identifier: MIT
 *
 * What commands are made of: their table, which failed tasks words mean, a
 * host's limit as it is typed.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "command.h"
#include "failed_choice.h"
#include "host_limit.h"

static void test_names_are_found_again(void **state) {
  (void)state;
  for (int i = 0; i < COMMAND_COUNT; i++) {
    const struct command_info *info = command_info((enum command_kind)i);
    assert_int_equal(command_find(info->name), i);
    assert_true(info->help[0] != '\0');
  }
  assert_int_equal(command_find("explode"), -1);
  assert_int_equal(command_find(""), -1);
}

static void test_failed_tasks_by_words(void **state) {
  static const struct {
    const char *text;
    int code; /* 0: fits the one below */
  } cases[] = {
      {"", 0},
      {"all", 0},
      {NULL, 0},
      {"host:Example.org", 0},
      {"host:https://example.org:443", 0},
      {"host:other.org", 1},
      {"status:503", 0},
      {"status:5xx", 0},
      {"status:404", 1},
      {"status:4xx", 1},
      {"err:SERVICE", 0},
      {"err:nothing", 1},
      {"host:example.org status:5xx err:unavail", 0},
      {"host:example.org status:404", 1},
      {"status:50", ERR_SYNTAX},
      {"status:abc", ERR_SYNTAX},
      {"status:099", ERR_SYNTAX},
      {"status:404,", ERR_SYNTAX},
      {"status:404,5xx", 0},
      {"status:404,502", 1},
      {"err:http-503", 0},
      {"err:", ERR_SYNTAX},
      {"everything", ERR_SYNTAX},
      {"err:a err:a err:a err:a err:a err:a err:a err:a err:a", ERR_SYNTAX},
  };
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct failed_choice choice;
    struct errmsg msg = {""};
    int rc = failed_choice_parse(&choice, cases[i].text, &msg);
    if (rc == 0)
      rc = !failed_choice_fits_host(&choice, "example.org",
                                    "https://example.org:443") ||
           !failed_choice_fits_end(&choice, 503, "http-503",
                                   "503 Service Unavailable");
    if (rc != cases[i].code)
      fail_msg("'%s': %d, not %d (%s)", cases[i].text, rc, cases[i].code,
               msg.text);
  }
}

static void test_a_long_choice_is_refused(void **state) {
  char text[FAILED_CHOICE_CAP + 2];
  struct failed_choice choice;
  (void)state;
  memset(text, 'a', sizeof text - 1);
  memcpy(text, "err:", 4);
  text[sizeof text - 1] = '\0';
  assert_int_equal(failed_choice_parse(&choice, text, NULL), ERR_SYNTAX);
}

static void test_a_host_limit_is_read_and_written(void **state) {
  static const char *const good[] = {
      "example.org,per-host=4",
      "https://example.org:8443,per-host-rate=20/m",
      "bucket,per-host-limit-rate=5M",
      "h,per-host=0",
      "h,adaptive=on",
      "h,adaptive=off"};
  static const char *const bad[] = {"",
                                    "example.org",
                                    "example.org,",
                                    "h,rate=4",
                                    "h,concurrency=4",
                                    "h,per-host",
                                    "h,per-host=",
                                    "h,per-host=x",
                                    "h,adaptive=2",
                                    "h,adaptive=",
                                    ",per-host=4",
                                    "a b,per-host=4",
                                    "h,per-host=99999999"};
  (void)state;
  for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
    struct host_limit limit;
    struct errmsg msg = {""};
    char text[300];
    if (host_limit_parse(&limit, good[i], &msg) != 0)
      fail_msg("%s: %s", good[i], msg.text);
    assert_string_equal(host_limit_format(&limit, text, sizeof text), good[i]);
  }
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    struct host_limit limit;
    struct errmsg msg = {""};
    if (host_limit_parse(&limit, bad[i], &msg) == 0)
      fail_msg("'%s' was taken", bad[i]);
    assert_true(msg.text[0] != '\0');
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_names_are_found_again),
      cmocka_unit_test(test_failed_tasks_by_words),
      cmocka_unit_test(test_a_long_choice_is_refused),
      cmocka_unit_test(test_a_host_limit_is_read_and_written),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
