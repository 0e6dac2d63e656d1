/* SPDX-License-Identifier: MIT
 *
 * Which HTTP is spoken: decided when the program runs, by the libcurl that it
 * finds then, not by the one it was built with.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <curl/curl.h>

#include "transfer.h"

static void http2_waits_for_a_libcurl_that_bears_it(void **state) {
  (void)state;
  assert_int_equal(transfer_http_version(0, 0x075801), 11); /* 7.88.1 */
  assert_int_equal(transfer_http_version(0, 0x080d00), 11); /* 8.13.0 */
  assert_int_equal(transfer_http_version(0, 0x080e00), 20); /* 8.14.0 */
  assert_int_equal(transfer_http_version(0, 0x090000), 20);
}

static void what_is_asked_for_holds_with_any(void **state) {
  (void)state;
  assert_int_equal(transfer_http_version(20, 0x075801), 20);
  assert_int_equal(transfer_http_version(11, 0x080e00), 11);
}

/* The engine asks the library in use: here, the one this test runs with. */
static void the_library_in_use_decides(void **state) {
  (void)state;
  unsigned running = curl_version_info(CURLVERSION_NOW)->version_num;
  uv_loop_t loop;
  struct transfers transfers;
  double limits[LIMIT_COUNT] = {[LIMIT_CONCURRENCY] = 1};
  struct engine_config config = {0};
  static const struct transfer_ops ops;
  struct loopwatch watch;
  assert_int_equal(uv_loop_init(&loop), 0);
  loopwatch_init(&watch);
  assert_int_equal(
      transfers_init(&transfers, &loop, &watch, &config, limits, &ops), 0);
  assert_int_equal(transfers.http_version, running >= 0x080e00 ? 20 : 11);
  transfers_fini(&transfers);
  uv_run(&loop, UV_RUN_DEFAULT);
  assert_int_equal(uv_loop_close(&loop), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(http2_waits_for_a_libcurl_that_bears_it),
      cmocka_unit_test(what_is_asked_for_holds_with_any),
      cmocka_unit_test(the_library_in_use_decides),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
