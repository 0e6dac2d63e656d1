/* SPDX-License-Identifier: MIT
 *
 * Which HTTP is spoken: decided when the program runs, by the libcurl that it
 * finds then, not by the one it was built with. And no request is made without
 * what it was to carry.
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

/* ---- texts of options -------------------------------------------------------
 */

static CURLoption lacking; /* the one that libcurl has no memory for */

CURLcode __real_curl_easy_setopt(CURL *easy, CURLoption option, ...);
CURLcode __wrap_curl_easy_setopt(CURL *easy, CURLoption option, ...);

CURLcode __wrap_curl_easy_setopt(CURL *easy, CURLoption option, ...) {
  va_list args;
  va_start(args, option);
  void *value = va_arg(args, void *);
  va_end(args);
  if (option == lacking && value != NULL)
    return CURLE_OUT_OF_MEMORY;
  return __real_curl_easy_setopt(easy, option, value);
}

/* 0 when the request is on its way. */
static int start(struct transfers *transfers, struct host *host) {
  const struct transfer_request request = {.url = "http://127.0.0.1:1/",
                                           .host = host,
                                           .from = 5,
                                           .to = -1,
                                           .if_range = ""};
  struct transfer *transfer = NULL;
  int code = transfer_start(transfers, NULL, &request, &transfer);
  if (code == 0)
    transfer_cancel(transfer);
  return code;
}

static void no_request_goes_without_its_texts(void **state) {
  static const CURLoption texts[] = {CURLOPT_PROXY,
                                     CURLOPT_NOPROXY,
                                     CURLOPT_INTERFACE,
                                     CURLOPT_CAINFO,
                                     CURLOPT_PROTOCOLS_STR,
                                     CURLOPT_USERAGENT,
                                     CURLOPT_USERPWD,
                                     CURLOPT_XOAUTH2_BEARER,
                                     CURLOPT_COOKIE,
                                     CURLOPT_RANGE,
                                     CURLOPT_REDIR_PROTOCOLS_STR};
  static const struct transfer_ops ops;
  uv_loop_t loop;
  struct loopwatch watch;
  struct transfers transfers;
  struct host host = {.protocol = protocol_find("http", 4)};
  double limits[LIMIT_COUNT] = {[LIMIT_CONCURRENCY] = 1};
  struct engine_config config = {.proxy = "http://127.0.0.1:2",
                                 .noproxy = "127.0.0.1",
                                 .interface = "lo",
                                 .cacert = "/none",
                                 .user_agent = "test",
                                 .user_pwd = "name:word",
                                 .bearer = "token",
                                 .cookie = "a=b",
                                 .protocols = PROTOCOL_USUAL};
  (void)state;
  assert_int_equal(uv_loop_init(&loop), 0);
  loopwatch_init(&watch);
  for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
    assert_int_equal(
        transfers_init(&transfers, &loop, &watch, &config, limits, &ops), 0);
    lacking = texts[i];
    assert_int_equal(start(&transfers, &host), ERR_NOMEM);
    lacking = 0;
    assert_int_equal(start(&transfers, &host), 0);
    transfers_fini(&transfers);
    uv_run(&loop, UV_RUN_DEFAULT);
  }
  assert_int_equal(uv_loop_close(&loop), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(http2_waits_for_a_libcurl_that_bears_it),
      cmocka_unit_test(what_is_asked_for_holds_with_any),
      cmocka_unit_test(the_library_in_use_decides),
      cmocka_unit_test(no_request_goes_without_its_texts),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
