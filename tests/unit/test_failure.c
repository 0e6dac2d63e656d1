/* SPDX-License-Identifier: MIT
 *
 * Classes of failures, for spate's own sentences and libcurl's; filters.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "err.h"
#include "expect.h"
#include "failure.h"

static void test_classes(void **state) {
  static const struct {
    int status;
    const char *reason, *want;
  } cases[] = {
      {404, "HTTP 404 Not Found", "http-404"},
      {503, "HTTP 503 Service Unavailable", "http-503"},
      {403, "HTTP 403 Forbidden (the URL has expired)", "expired"},
      {200, "expected image/*, the answer is text/html", "unexpected"},
      {200, "the body ended early: 3 of 9 bytes", "truncated"},
      {200, "transfer closed with 17 bytes remaining to read", "truncated"},
      {200, "transfer closed with outstanding read data remaining",
       "truncated"},
      {0, "Invalid Content-Length: value", "protocol"},
      {0, "Connection timed out after 3001 milliseconds", "timeout"},
      {0, "Failed to connect to 127.0.0.1 port 1: Connection refused",
       "connection"},
      {200, "Recv failure: Connection reset by peer", "connection"},
      {0, "Could not resolve host: nowhere.invalid", "dns"},
      {0, "http://nowhere.invalid: unknown node or service", "dns"},
      {0, "SSL certificate problem: self-signed certificate", "tls"},
      {302, "more than 20 redirects", "redirect"},
      {200, "cannot write the file: Permission denied", "disk"},
      {0, "the file exists and is not of this session (see --overwrite)",
       "exists"},
      {0, "something nobody has thought of", "other"},
      {0, "", "other"},
      {0, NULL, "other"},
  };
  (void)state;
  char out[FAILURE_CLASS_CAP];
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    assert_string_equal(failure_class(cases[i].status, cases[i].reason, out),
                        cases[i].want);
}

/* What other modules say must stay in the class that is meant. */
static void test_sentences_of_the_tree(void **state) {
  const struct expect expect = {.types = "a/b", .min_size = 5, .max_size = 9};
  char why[200], out[FAILURE_CLASS_CAP];
  (void)state;
  assert_false(expect_head(&expect, "c/d", 6, why, sizeof why));
  assert_string_equal(failure_class(200, why, out), "unexpected");
  assert_false(expect_body(&expect, 10, false, why, sizeof why));
  assert_string_equal(failure_class(200, why, out), "unexpected");
  assert_string_equal(failure_class(200, err_text(ERR_EXISTS), out), "exists");
  assert_string_equal(failure_class(200, err_text(ERR_UNSAFE), out), "name");
  assert_string_equal(failure_class(200, err_text(ERR_FULL), out), "disk");
  assert_string_equal(failure_class(0, err_text(ERR_NOMEM), out), "local");
}

static void test_names(void **state) {
  (void)state;
  size_t count = 0;
  while (failure_class_name(count) != NULL) {
    assert_true(strlen(failure_class_name(count)) < FAILURE_CLASS_CAP);
    count++;
  }
  assert_true(count > 10);
  assert_string_equal(failure_class_name(count - 1), "other");
}

static void test_filters(void **state) {
  (void)state;
  const struct failure_filter none = {0};
  const struct failure_filter by_class = {.reason = "TIMEOUT"};
  const struct failure_filter by_text = {.reason = "not fou"};
  const struct failure_filter by_status = {.status = "404,5xx"};
  const struct failure_filter both = {.reason = "http-503", .status = "5XX"};
  assert_true(failure_matches(&none, 0, "other", ""));
  assert_true(failure_matches(&by_class, 0, "timeout", "too slow"));
  assert_false(failure_matches(&by_class, 0, "dns", "too slow"));
  assert_true(failure_matches(&by_text, 404, "http-404", "HTTP 404 Not Found"));
  assert_false(failure_matches(&by_text, 404, "http-404", "HTTP 404"));
  assert_true(failure_matches(&by_status, 404, "http-404", ""));
  assert_true(failure_matches(&by_status, 599, "http-599", ""));
  assert_false(failure_matches(&by_status, 403, "http-403", ""));
  assert_false(failure_matches(&by_status, 0, "timeout", ""));
  assert_true(failure_matches(&both, 503, "http-503", ""));
  assert_false(failure_matches(&both, 500, "http-500", ""));
}

static void test_status_lists(void **state) {
  (void)state;
  const char *const good[] = {"404", "5xx", "404,5XX,301"};
  const char *const bad[] = {"",    "40",  "4044",    "404,", ",404",
                             "x04", "4x4", "404 500", "000"};
  for (size_t i = 0; i < sizeof good / sizeof *good; i++)
    assert_int_equal(failure_status_check(good[i]), 0);
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    if (failure_status_check(bad[i]) != ERR_SYNTAX)
      fail_msg("'%s' was taken for a list", bad[i]);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_classes),
      cmocka_unit_test(test_sentences_of_the_tree),
      cmocka_unit_test(test_names),
      cmocka_unit_test(test_filters),
      cmocka_unit_test(test_status_lists),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
