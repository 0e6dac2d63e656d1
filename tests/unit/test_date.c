/* SPDX-License-Identifier: MIT
 *
 * date.c: the form that servers must send against libcurl's reader, the others,
 * and what is none. (Times of manifests: test_expiry.c.)
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <time.h>

#include <cmocka.h>
#include <curl/curl.h>

#include "date.h"
#include "err.h"

static void reads_every_day_as_libcurl_does(void **state) {
  (void)state;
  /* A day and some seconds further each time: 1970 to 2106. */
  for (int64_t at = 0; at < (int64_t)UINT32_MAX; at += 86400 + 4321) {
    time_t when = (time_t)at;
    struct tm tm;
    char text[64];
    int64_t read = -1;
    assert_non_null(gmtime_r(&when, &tm));
    assert_true(strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", &tm) >
                0);
    assert_int_equal(date_http(text, &read), 0);
    assert_int_equal(read, at);
    assert_int_equal(curl_getdate(text, NULL), at);
  }
}

static void reads_the_obsolete_forms(void **state) {
  static const char *const same[] = {
      "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994",
      "Sun, 06 Nov 1994 08:49:37 GMT", "sun, 06 nov 1994 08:49:37 gmt"};
  (void)state;
  for (size_t i = 0; i < sizeof(same) / sizeof(*same); i++) {
    int64_t read = 0;
    assert_int_equal(date_http(same[i], &read), 0);
    assert_int_equal(read, 784111777);
  }
}

static void refuses_what_is_no_date(void **state) {
  static const char *const bad[] = {"",
                                    "GMT",
                                    "May",
                                    "Sun, 06 Nov 1994",
                                    "Sun, 06 Nov 1994 24:49:37 GMT",
                                    "Sun, 06 Nov 1994 08:60:37 GMT",
                                    "Sun, 06 Nov 1994 08:49:61 GMT",
                                    "Sun, 06 Abc 1994 08:49:37 GMT",
                                    "784111777",
                                    "2021-01-01T00:00:00Z"};
  (void)state;
  for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
    int64_t read;
    assert_int_equal(date_http(bad[i], &read), ERR_SYNTAX);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(reads_every_day_as_libcurl_does),
      cmocka_unit_test(reads_the_obsolete_forms),
      cmocka_unit_test(refuses_what_is_no_date),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
