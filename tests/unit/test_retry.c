/* SPDX-License-Identifier: MIT
 *
 * retry: classes, jitter, Retry-After, the budget and the breaker.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <curl/curl.h>
#include <math.h>

#include "retry.h"

#define S 1000000000ull
#define T0 (1000 * S)
#define NOW_UNIX 784111777 /* Sun, 06 Nov 1994 08:49:37 GMT */

static void statuses_have_their_classes(void **state) {
  static const int passing[] = {0, 408, 425, 500, 502, 503, 504, 522, 421},
                   permanent[] = {400, 401, 403, 404, 405, 410,
                                  416, 451, 501, 505, 301, 304},
                   none[] = {200, 204, 206};
  (void)state;
  for (size_t i = 0; i < sizeof passing / sizeof *passing; i++)
    assert_int_equal(retry_class_http(passing[i]), FAIL_PASSING);
  for (size_t i = 0; i < sizeof permanent / sizeof *permanent; i++)
    assert_int_equal(retry_class_http(permanent[i]), FAIL_PERMANENT);
  for (size_t i = 0; i < sizeof none / sizeof *none; i++)
    assert_int_equal(retry_class_http(none[i]), FAIL_NONE);
  assert_int_equal(retry_class_http(429), FAIL_THROTTLED);
}

static void curl_codes_have_their_classes(void **state) {
  (void)state;
  assert_int_equal(retry_class_curl(CURLE_OK), FAIL_NONE);
  assert_int_equal(retry_class_curl(CURLE_COULDNT_CONNECT), FAIL_PASSING);
  assert_int_equal(retry_class_curl(CURLE_COULDNT_RESOLVE_HOST), FAIL_PASSING);
  assert_int_equal(retry_class_curl(CURLE_OPERATION_TIMEDOUT), FAIL_PASSING);
  assert_int_equal(retry_class_curl(CURLE_PARTIAL_FILE), FAIL_PASSING);
  assert_int_equal(retry_class_curl(CURLE_GOT_NOTHING), FAIL_PASSING);
  assert_int_equal(retry_class_curl(CURLE_URL_MALFORMAT), FAIL_PERMANENT);
  assert_int_equal(retry_class_curl(CURLE_PEER_FAILED_VERIFICATION),
                   FAIL_PERMANENT);
  assert_int_equal(retry_class_curl(CURLE_WRITE_ERROR), FAIL_LOCAL);
  assert_int_equal(retry_class_curl(CURLE_OUT_OF_MEMORY), FAIL_LOCAL);
  assert_string_equal(fail_class_name(FAIL_THROTTLED), "throttled");
  assert_string_equal(fail_class_name(FAIL_LOCAL), "local");
}

static void random_numbers_are_those_of_the_reference(void **state) {
  struct rng r = {{1, 2, 3, 4}};
  (void)state;
  /* xoshiro256** from the state 1, 2, 3, 4 */
  assert_true(rng_next(&r) == 11520);
  assert_true(rng_next(&r) == 0);
  assert_true(rng_next(&r) == 1509978240);
  assert_true(rng_next(&r) == 1215971899390074240u);
  /* splitmix64 from 1234567 */
  rng_seed(&r, 1234567);
  assert_true(r.s[0] == 6457827717110365317u);
  assert_true(r.s[1] == 3203168211198807973u);
}

static void back_off_is_uniform_below_a_growing_cap(void **state) {
  struct rng r;
  (void)state;
  rng_seed(&r, 42);
  for (unsigned attempt = 0; attempt < 70; attempt++) {
    double most = fmin(60, ldexp(1, (int)attempt)), sum = 0, top = 0;
    for (int i = 0; i < 2000; i++) {
      double s = (double)retry_backoff_ns(1, 60, attempt, &r) / 1e9;
      assert_true(s >= 0 && s <= most);
      sum += s;
      top = fmax(top, s);
    }
    assert_true(fabs(sum / 2000 - most / 2) < most * 0.05);
    assert_true(top > most * 0.98);
  }
  assert_int_equal(retry_backoff_ns(0, 60, 5, &r), 0);
  assert_int_equal(retry_backoff_ns(1, 0, 5, &r), 0);
}

static void retry_after_is_read(void **state) {
  static const struct {
    const char *value;
    double want; /* -1 = refused */
  } row[] = {
      {"120", 120},
      {"0", 0},
      {"1.5", 1.5},
      {" 7 ", 7},
      {"604800", 604800},
      {"Sun, 06 Nov 1994 08:50:37 GMT", 60},
      {"Sunday, 06-Nov-94 08:50:37 GMT", 60},
      {"Sun Nov  6 08:50:37 1994", 60},
      {"Sun, 06 Nov 1994 08:00:00 GMT", 0},
      {"-1", -1},
      {"+5", -1},
      {"", -1},
      {"soon", -1},
      {"604801", -1},
      {"99999999999999999999", -1},
      {"1e3", -1},
      {"5 s", -1},
      {"nan", -1},
      {"Sun, 06 Nov 2094 08:49:37 GMT", -1},
      {"Friday", -1},
      {"GMT", -1},
      {"120, 60", -1},
      {"0x10", -1},
  };
  (void)state;
  for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
    double s = -7;
    int code = retry_after_parse(row[i].value, NOW_UNIX, &s);
    if ((code == 0) != (row[i].want >= 0) || (code == 0 && s != row[i].want))
      print_error("\"%s\": code %d, %g\n", row[i].value, code, s);
    assert_int_equal(code, row[i].want < 0 ? ERR_SYNTAX : 0);
    assert_true(code < 0 ? s == -7 : s == row[i].want);
  }
}

static void the_budget_is_a_fifth_and_a_few(void **state) {
  struct retry_budget b;
  unsigned taken = 0;
  (void)state;
  retry_budget_init(&b, T0);
  /* 100 requests/s, every one of which wants a retry, for 100 s */
  for (uint64_t i = 0; i < 10000; i++) {
    retry_budget_request(&b);
    taken += retry_budget_take(&b, T0 + i * S / 100);
  }
  assert_true(taken >= 2290 && taken <= 2310);
  retry_budget_init(&b, T0);
  for (taken = 0; retry_budget_take(&b, T0 + 3600 * S); taken++)
    ;
  assert_int_equal(taken, 50);
  uint64_t next = retry_budget_next_ns(&b, T0 + 3600 * S);
  assert_true(next > T0 + 3600 * S + S / 4 && next < T0 + 3600 * S + S / 2);
  assert_true(retry_budget_take(&b, next));
}

static void the_breaker_opens_and_closes(void **state) {
  struct breaker b;
  uint64_t t = T0;
  (void)state;
  breaker_init(&b);
  for (int i = 0; i < 7; i++)
    breaker_note(&b, t, false, t);
  assert_true(breaker_may_start(&b, t)); /* too few to judge */
  breaker_note(&b, t, false, t);
  assert_int_equal(b.state, BREAKER_RESTING);
  assert_false(breaker_may_start(&b, t + S));
  breaker_note(&b, t - S, true, t + S); /* a straggler changes nothing */
  assert_int_equal(b.state, BREAKER_RESTING);
  t = b.rest_until_ns;
  assert_true(breaker_may_start(&b, t));
  assert_false(breaker_may_start(&b, t)); /* one canary */
  breaker_note(&b, t - S, true, t);       /* not the canary's answer */
  assert_int_equal(b.state, BREAKER_CANARY);
  breaker_note(&b, t, false, t + S);
  assert_int_equal(b.state, BREAKER_RESTING);
  assert_int_equal(b.rest_until_ns, t + S + 4 * S); /* twice as long */
  t = b.rest_until_ns;
  assert_true(breaker_may_start(&b, t));
  breaker_gone(&b, t);
  assert_true(breaker_may_start(&b, t));
  breaker_note(&b, t, true, t + S);
  assert_int_equal(b.state, BREAKER_CLOSED);
  assert_true(breaker_may_start(&b, t + S));
}

static void the_breaker_minds_the_last_20_seconds_only(void **state) {
  struct breaker b;
  (void)state;
  breaker_init(&b);
  for (uint64_t i = 0; i < 1000; i++) /* two of five fail: it stays closed */
    breaker_note(&b, T0 + i * S / 20, i % 5 < 3, T0 + i * S / 20);
  assert_int_equal(b.state, BREAKER_CLOSED);
  uint64_t t = T0 + 200 * S;
  for (int i = 0; i < 7; i++)
    breaker_note(&b, t, false, t);
  assert_int_equal(b.state, BREAKER_CLOSED); /* the old ones are gone */
  breaker_note(&b, t + 21 * S, false, t + 21 * S);
  assert_int_equal(b.state, BREAKER_CLOSED);
}

static void the_rest_has_a_ceiling(void **state) {
  struct breaker b;
  uint64_t t = T0;
  (void)state;
  breaker_init(&b);
  for (int i = 0; i < 8; i++)
    breaker_note(&b, t, false, t);
  for (int i = 0; i < 20; i++) {
    t = b.rest_until_ns;
    assert_true(breaker_may_start(&b, t));
    breaker_note(&b, t, false, t);
    assert_true(b.rest_until_ns <= t + 60 * S);
  }
  assert_int_equal(b.rest_until_ns, t + 60 * S);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(statuses_have_their_classes),
      cmocka_unit_test(curl_codes_have_their_classes),
      cmocka_unit_test(random_numbers_are_those_of_the_reference),
      cmocka_unit_test(back_off_is_uniform_below_a_growing_cap),
      cmocka_unit_test(retry_after_is_read),
      cmocka_unit_test(the_budget_is_a_fifth_and_a_few),
      cmocka_unit_test(the_breaker_opens_and_closes),
      cmocka_unit_test(the_breaker_minds_the_last_20_seconds_only),
      cmocka_unit_test(the_rest_has_a_ceiling),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
