/* SPDX-License-Identifier: MIT
 *
 * throttle: the header forms seen in the wild, and that nonsense is passed
 * over without a trace.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "retry.h"
#include "throttle.h"

#define NOW 1700000000 /* Tue, 14 Nov 2023 22:13:20 GMT */

static bool feed(struct throttle_hint *h, const char *name, const char *value) {
  /* exact copies, so that reading beyond the end is seen by valgrind */
  size_t name_len = strlen(name), value_len = strlen(value);
  char *n = malloc(name_len + !name_len), *v = malloc(value_len + !value_len);
  assert_true(n && v);
  memcpy(n, name, name_len);
  memcpy(v, value, value_len);
  bool told = throttle_header(h, n, name_len, v, value_len, NOW);
  free(n);
  free(v);
  return told;
}

static void waits(void **state) {
  static const struct {
    const char *name, *value;
    double want;
  } row[] = {
      {"Retry-After", "120", 120},
      {"retry-after", " 1.5 \r\n", 1.5},
      {"RETRY-AFTER", "Tue, 14 Nov 2023 22:14:20 GMT", 60},
      {"x-ms-retry-after-ms", "250", 0.25},
      {"retry-after-ms", "1500", 1.5},
  };
  (void)state;
  for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
    struct throttle_hint h = {0};
    assert_true(feed(&h, row[i].name, row[i].value));
    assert_true(h.has_wait && fabs(h.wait_s - row[i].want) < 1e-9);
  }
  for (int order = 0; order < 2; order++) { /* milliseconds win */
    struct throttle_hint h = {0};
    feed(&h, order ? "Retry-After" : "retry-after-ms", order ? "1" : "20");
    feed(&h, order ? "retry-after-ms" : "Retry-After", order ? "20" : "1");
    assert_true(h.wait_s == 0.02);
  }
}

static void quotas(void **state) {
  static const struct {
    const char *name, *value;
    double remaining, reset_s;
  } row[] = {
      {"RateLimit", "\"default\";r=50;t=30", 50, 30},
      {"ratelimit", "\"a;b,c\";r=5;t=10", 5, 10},
      {"RateLimit", "default;r=50;t=30", 50, 30},
      {"RateLimit", "\"burst\";r=9;t=1, \"day\";r=100;t=3600", 100, 3600},
      {"RateLimit", "\"day\";r=100;t=3600, \"burst\";r=9;t=1", 100, 3600},
      {"RateLimit", "limit=100, remaining=50, reset=5", 50, 5},
      {"RateLimit", "\"x\"; r=7 ; t=3; pk=:abc:", 7, 3},
  };
  (void)state;
  for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
    struct throttle_hint h = {0};
    assert_true(feed(&h, row[i].name, row[i].value));
    if (!(h.remaining == row[i].remaining && h.reset_s == row[i].reset_s))
      print_error("%s: %g, %g\n", row[i].value, h.remaining, h.reset_s);
    assert_true(h.has_remaining && h.remaining == row[i].remaining);
    assert_true(h.has_reset && h.reset_s == row[i].reset_s);
  }
}

static void policies(void **state) {
  struct throttle_hint h = {0};
  (void)state;
  assert_true(feed(&h, "RateLimit-Policy", "\"default\";q=100;w=60"));
  assert_true(h.has_limit && h.limit == 100);
  assert_true(h.has_window && h.window_s == 60);
  assert_true(throttle_rate(&h) < 0);
}

static void families_of_three(void **state) {
  static const char *const prefix[] = {"RateLimit-", "X-RateLimit-",
                                       "x-rate-limit-"};
  (void)state;
  for (int i = 0; i < 3; i++) {
    char name[3][40];
    const char *part[] = {"Limit", "Remaining", "Reset"};
    for (int k = 0; k < 3; k++) {
      memset(name[k], 0, sizeof name[k]);
      memcpy(name[k], prefix[i], strlen(prefix[i]));
      memcpy(name[k] + strlen(prefix[i]), part[k], strlen(part[k]));
    }
    struct throttle_hint h = {0};
    assert_true(feed(&h, name[0], "100, 100;w=60"));
    assert_true(feed(&h, name[1], "40"));
    assert_true(feed(&h, name[2], "20"));
    assert_true(h.limit == 100 && h.remaining == 40 && h.reset_s == 20);
    assert_true(throttle_rate(&h) == 2);
    assert_true(feed(&h, name[2], "1700000030")); /* the epoch */
    assert_true(h.reset_s == 30);
    assert_true(feed(&h, name[2], "1700000030500")); /* in milliseconds */
    assert_true(h.reset_s == 30.5);
    assert_true(feed(&h, name[2], "1699999000")); /* past */
    assert_true(h.reset_s == 0);
  }
}

static void nonsense_leaves_no_trace(void **state) {
  static const char *const row[][2] = {
      {"Retry-After", "-1"},
      {"Retry-After", "soon"},
      {"Retry-After", "99999999999999999999"},
      {"Retry-After", ""},
      {"retry-after-ms", "-5"},
      {"retry-after-ms", "nan"},
      {"retry-after-ms", "99999999999999"},
      {"X-RateLimit-Remaining", "-3"},
      {"X-RateLimit-Remaining", "many"},
      {"X-RateLimit-Reset", "1999999999"}, /* years from now */
      {"X-RateLimit-Reset", "tomorrow"},
      {"X-RateLimit-Reset", "999999999999999999999"},
      {"RateLimit", "\"a\""},
      {"RateLimit", "\"a\";r=x;t=y"},
      {"RateLimit", "\"a\";r=-5"},
      {"RateLimit", "\"unterminated;r=5"},
      {"RateLimit", ";;;,,,===\"\\"},
      {"RateLimit", "\"a\";r=5;t=99999999999"},
      {"RateLimit-Policy", "q"},
      {"Content-Length", "5"},
      {"X-Other", "5"},
      {"", "5"},
  };
  (void)state;
  for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
    struct throttle_hint h, zero = {0};
    memset(&h, 0, sizeof h);
    if (feed(&h, row[i][0], row[i][1]))
      print_error("%s: %s\n", row[i][0], row[i][1]);
    assert_false(h.has_wait || h.has_remaining || h.has_reset || h.has_limit);
    assert_true(h.wait_s == zero.wait_s && h.reset_s == zero.reset_s);
  }
}

static void random_values_give_sane_hints(void **state) {
  static const char *const names[] = {"RateLimit",       "RateLimit-Policy",
                                      "Retry-After",     "X-RateLimit-Reset",
                                      "RateLimit-Limit", "retry-after-ms"};
  static const char bytes[] = "\"\\;,=rtqw0123456789. -aX\t";
  struct rng r;
  (void)state;
  rng_seed(&r, 21);
  for (int i = 0; i < 100000; i++) {
    char value[64];
    struct throttle_hint h = {0};
    size_t n = rng_next(&r) % 40;
    for (size_t k = 0; k < n; k++)
      value[k] = bytes[rng_next(&r) % (sizeof bytes - 1)];
    value[n] = '\0';
    feed(&h, names[rng_next(&r) % 6], value);
    assert_true(h.wait_s >= 0 && h.wait_s <= THROTTLE_MOST_S);
    assert_true(h.reset_s >= 0 && h.reset_s <= THROTTLE_MOST_S);
    assert_true(h.remaining >= 0 && isfinite(h.remaining));
    assert_true(h.limit >= 0 && isfinite(h.limit));
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(waits),
      cmocka_unit_test(quotas),
      cmocka_unit_test(policies),
      cmocka_unit_test(families_of_three),
      cmocka_unit_test(nonsense_leaves_no_trace),
      cmocka_unit_test(random_values_give_sane_hints),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
