/* SPDX-License-Identifier: MIT
 *
 * expiry: the signing schemes, in any spelling, and nothing for malformed
 * ones; the calendar against timegm().
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "expiry.h"
#include "retry.h"

#define DAY_2024 1704067200 /* 2024-01-01T00:00:00Z */

static void signed_urls(void **state) {
  static const struct {
    const char *query;
    int64_t want; /* -1: none */
  } row[] = {
      /* S3 V4 */
      {"X-Amz-Date=20240101T000000Z&X-Amz-Expires=3600", DAY_2024 + 3600},
      {"X-Amz-Expires=604800&x&X-Amz-Date=20240101T000000Z", DAY_2024 + 604800},
      {"x-amz-date=20240101T000000Z&X-AMZ-EXPIRES=60", DAY_2024 + 60},
      {"X%2DAmz%2DDate=20240101T000000Z&X-Amz-Expires=%36%30", DAY_2024 + 60},
      {"X-Amz-Date=20240101T000000Z&X-Amz-Expires=604801", -1},
      {"X-Amz-Date=20240101T000000Z&X-Amz-Expires=0", -1},
      {"X-Amz-Date=20240101T000000Z&X-Amz-Expires=-5", -1},
      {"X-Amz-Date=20240101T000000Z&X-Amz-Expires=6x", -1},
      {"X-Amz-Date=20240101T000000Z", -1},
      {"X-Amz-Expires=60", -1},
      {"X-Amz-Date=20240231T000000Z&X-Amz-Expires=60", -1},
      {"X-Amz-Date=20240101T250000Z&X-Amz-Expires=60", -1},
      {"X-Amz-Date=20240101&X-Amz-Expires=60", -1},
      {"X-Amz-Date=2024-01-01T00:00Z&X-Amz-Expires=60", -1},
      {"X-Amz-Date=&X-Amz-Expires=", -1},
      /* S3 V2, CloudFront */
      {"AWSAccessKeyId=A&Expires=1704067260&Signature=s", DAY_2024 + 60},
      {"awsaccesskeyid=A&expires=1704067260&signature=s", DAY_2024 + 60},
      {"Expires=1704067260&Signature=s&Key-Pair-Id=K", DAY_2024 + 60},
      {"Expires=1704067260&Signature=s", -1},
      {"Expires=1704067260", -1},
      {"AWSAccessKeyId=A&Expires=soon&Signature=s", -1},
      {"AWSAccessKeyId=A&Expires=60&Signature=s", -1},
      /* Google */
      {"X-Goog-Date=20240101T000000Z&X-Goog-Expires=900", DAY_2024 + 900},
      {"GoogleAccessId=a%40b&Expires=1704067260&Signature=s", DAY_2024 + 60},
      /* Alibaba OSS V1, V2, V4 */
      {"OSSAccessKeyId=A&Expires=1704067260&Signature=s", DAY_2024 + 60},
      {"x-oss-signature-version=OSS2&x-oss-expires=1704067260&x-oss-signature="
       "s",
       DAY_2024 + 60},
      {"x-oss-date=20240101T000000Z&x-oss-expires=7200&x-oss-signature=s",
       DAY_2024 + 7200},
      {"x-oss-expires=7200&x-oss-signature=s", -1},
      /* Azure */
      {"sv=2022&se=2024-01-01T00%3A01%3A00Z&sr=b&sig=x%2F", DAY_2024 + 60},
      {"se=2024-01-01T00:01Z&sig=x", DAY_2024 + 60},
      {"se=2024-01-01&sig=x", DAY_2024},
      {"se=2024-01-03&ske=2024-01-02&sig=x", DAY_2024 + 86400},
      {"se=2024-01-01T00:01Z", -1},
      {"se=never&sig=x", -1},
      {"se=1704067260&sig=x", -1},
      /* others */
      {"", -1},
      {"&&==&%&%4", -1},
      {"a=b", -1},
  };
  (void)state;
  for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
    char url[300];
    int64_t at = -1;
    snprintf(url, sizeof url, "https://b.example/k?%s#Expires=1", row[i].query);
    int code = expiry_from_url(url, &at);
    if ((code == 0) != (row[i].want >= 0) || at != row[i].want)
      print_error("%s: code %d, %lld\n", row[i].query, code, (long long)at);
    assert_int_equal(code, row[i].want >= 0 ? 0 : ERR_NOTFOUND);
    assert_int_equal(at, row[i].want);
  }
}

static void times_of_columns(void **state) {
  static const struct {
    const char *text;
    int64_t want;
  } row[] = {
      {"1704067200", DAY_2024},
      {"1704067200123", DAY_2024},
      {"2024-01-01", DAY_2024},
      {"20240101", DAY_2024},
      {"2024-01-01T00:00:00Z", DAY_2024},
      {"2024-01-01 00:00", DAY_2024},
      {"2024-01-01T01:00:00+01:00", DAY_2024},
      {"2023-12-31T22:30:00-0130", DAY_2024},
      {"2024-01-01T02:00+02", DAY_2024},
      {"20240101T000000Z", DAY_2024},
      {"2024-01-01t00:00:00.123456z", DAY_2024},
      {"Mon, 01 Jan 2024 00:00:00 GMT", DAY_2024},
      {"Monday, 01-Jan-24 00:00:00 GMT", DAY_2024},
      {"2024-02-29", DAY_2024 + 59 * 86400},
      {"", -1},
      {"tomorrow", -1},
      {"17040672", -1},
      {"123", -1},
      {"-1704067200", -1},
      {"1704067200.5x", -1},
      {"2023-02-29", -1},
      {"2024-13-01", -1},
      {"2024-00-10", -1},
      {"2024-01-01T", -1},
      {"2024-01-01T24:00:00Z", -1},
      {"2024-01-01T00:60:00Z", -1},
      {"2024-01-01T00:00:00+24:00", -1},
      {"2024-01-01T00:00:00Zx", -1},
      {"2024-01-01T00:00:00 ", -1},
      {"2024/01/01", -1},
      {"1969-12-31", -1},
      {"99999999999999999999", -1},
  };
  (void)state;
  for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
    int64_t at = -1;
    int code = expiry_parse_time(row[i].text, &at);
    if ((code == 0) != (row[i].want >= 0) || at != row[i].want)
      print_error("\"%s\": code %d, %lld\n", row[i].text, code, (long long)at);
    assert_int_equal(code, row[i].want >= 0 ? 0 : ERR_SYNTAX);
    assert_int_equal(at, row[i].want);
  }
}

static void the_calendar_agrees_with_the_library(void **state) {
  struct rng r;
  (void)state;
  rng_seed(&r, 6);
  for (int i = 0; i < 20000; i++) {
    time_t t = (time_t)(rng_next(&r) % 253402300800u); /* up to 9999 */
    struct tm tm;
    char text[40];
    int64_t at = -1;
    assert_non_null(gmtime_r(&t, &tm));
    strftime(text, sizeof text, i % 2 ? "%Y-%m-%dT%H:%M:%SZ" : "%Y%m%dT%H%M%SZ",
             &tm);
    if (tm.tm_year + 1900 < 1970)
      continue;
    assert_int_equal(expiry_parse_time(text, &at), 0);
    assert_int_equal(at, t);
  }
}

static void random_queries_do_no_harm(void **state) {
  static const char *const piece[] = {
      "X-Amz-Date=",
      "X-Amz-Expires=",
      "20240101T000000Z",
      "60",
      "&",
      "=",
      "%",
      "%00",
      "%3",
      "se=",
      "sig=",
      "Expires=",
      "Signature",
      "2024-01-01",
      "#",
      "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
  };
  struct rng r;
  (void)state;
  rng_seed(&r, 13);
  for (int i = 0; i < 50000; i++) {
    char url[700] = "http://h/?";
    size_t n = strlen(url);
    int64_t at = -1;
    for (uint64_t k = rng_next(&r) % 8; k > 0; k--)
      n += (size_t)snprintf(url + n, sizeof url - n, "%s",
                            piece[rng_next(&r) % 16]);
    if (expiry_from_url(url, &at) == 0)
      assert_true(at > 0);
    else
      assert_int_equal(at, -1);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(signed_urls),
      cmocka_unit_test(times_of_columns),
      cmocka_unit_test(the_calendar_agrees_with_the_library),
      cmocka_unit_test(random_queries_do_no_harm),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
