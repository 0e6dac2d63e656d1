/* SPDX-License-Identifier: MIT
 *
 * verdict.c: what answers and errors mean, and what they say of the load.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include <curl/curl.h>

#include "answer.h"
#include "verdict.h"

struct sample {
  struct answer answer;
  struct verdict_input in;
  struct verdict out;
};

static void begin(struct sample *s, int status, const char *page) {
  memset(s, 0, sizeof(*s));
  answer_reset(&s->answer);
  s->answer.status = status;
  s->in.answer = &s->answer;
  s->in.curl_text = "";
  s->in.page = page;
  s->in.page_len = strlen(page);
  s->in.now_unix = 1000;
  s->in.deadline_unix = INT64_MAX;
}

static void is(struct sample *s, enum fail_class class,
               enum governor_outcome outcome) {
  verdict_of(&s->out, &s->in);
  assert_int_equal(s->out.class, class);
  assert_int_equal(s->out.outcome, outcome);
}

static void status_means(int status, const char *page, enum fail_class class,
                         enum governor_outcome outcome) {
  struct sample s;
  begin(&s, status, page);
  is(&s, class, outcome);
}

static void codes_are_told_apart(void **state) {
  (void)state;
  status_means(200, "", FAIL_NONE, GOVERNOR_OK);
  status_means(404, "", FAIL_PERMANENT, GOVERNOR_OK);
  status_means(401, "", FAIL_PERMANENT, GOVERNOR_OK);
  status_means(403, "", FAIL_PERMANENT, GOVERNOR_OK);
  status_means(410, "", FAIL_PERMANENT, GOVERNOR_OK);
  status_means(304, "", FAIL_PERMANENT, GOVERNOR_OK);
  status_means(429, "", FAIL_THROTTLED, GOVERNOR_THROTTLED);
  status_means(500, "", FAIL_PASSING, GOVERNOR_ERROR);
  status_means(502, "", FAIL_PASSING, GOVERNOR_ERROR);
  status_means(503, "", FAIL_PASSING, GOVERNOR_ERROR);
  status_means(504, "", FAIL_PASSING, GOVERNOR_TIMEOUT);
  status_means(408, "", FAIL_PASSING, GOVERNOR_TIMEOUT);
}

static void pages_that_ask_to_slow_down_throttle(void **state) {
  struct sample s;
  (void)state;
  status_means(503, "<Error><Code>SlowDown</Code></Error>", FAIL_THROTTLED,
               GOVERNOR_THROTTLED);
  status_means(403, "{\"message\":\"API Rate Limit exceeded\"}", FAIL_THROTTLED,
               GOVERNOR_THROTTLED);
  status_means(404, "rate limit", FAIL_PERMANENT, GOVERNOR_OK);
  begin(&s, 503, "");
  s.answer.hint.has_wait = true;
  s.answer.hint.wait_s = 3;
  is(&s, FAIL_THROTTLED, GOVERNOR_THROTTLED);
}

static void lists_of_the_user_count(void **state) {
  static char word[] = "please wait";
  char *words[] = {word};
  const int codes[] = {420};
  struct verdict_rules rules = {codes, 1, words, 1};
  struct sample s;
  (void)state;
  begin(&s, 420, "");
  s.in.rules = &rules;
  is(&s, FAIL_THROTTLED, GOVERNOR_THROTTLED);
  begin(&s, 403, "PLEASE WAIT a little");
  s.in.rules = &rules;
  is(&s, FAIL_THROTTLED, GOVERNOR_THROTTLED);
  begin(&s, 403, "rate limit"); /* the built-in words are replaced */
  s.in.rules = &rules;
  is(&s, FAIL_PERMANENT, GOVERNOR_OK);
}

static void expired_urls_are_not_just_forbidden(void **state) {
  struct sample s;
  (void)state;
  status_means(403, "<Message>Request has expired</Message>", FAIL_EXPIRED,
               GOVERNOR_OK);
  status_means(400, "<Code>ExpiredToken</Code>", FAIL_EXPIRED, GOVERNOR_OK);
  begin(&s, 403, "<Code>AccessDenied</Code>");
  s.in.deadline_unix = 999;
  is(&s, FAIL_EXPIRED, GOVERNOR_OK);
  begin(&s, 403, "<Code>AccessDenied</Code>");
  s.in.deadline_unix = 1001;
  is(&s, FAIL_PERMANENT, GOVERNOR_OK);
}

static void errors_of_the_network(void **state) {
  struct sample s;
  (void)state;
  begin(&s, 0, "");
  s.in.curl_code = CURLE_COULDNT_CONNECT;
  is(&s, FAIL_PASSING, GOVERNOR_ERROR);
  assert_string_not_equal(s.out.why, "");
  begin(&s, 200, "");
  s.in.curl_code = CURLE_PARTIAL_FILE;
  s.in.curl_text = "transfer closed with 5 bytes remaining to read";
  is(&s, FAIL_PASSING, GOVERNOR_ERROR);
  assert_string_equal(s.out.why, s.in.curl_text);
  begin(&s, 0, "");
  s.in.curl_code = CURLE_OPERATION_TIMEDOUT;
  is(&s, FAIL_PASSING, GOVERNOR_TIMEOUT);
  /* The status of an error page that broke off says more than the break. */
  begin(&s, 404, "");
  s.in.curl_code = CURLE_WRITE_ERROR;
  is(&s, FAIL_PERMANENT, GOVERNOR_OK);
  assert_string_equal(s.out.why, "HTTP 404 Not Found");
}

static void ftp_means(int code, int reply, const char *text,
                      enum fail_class class) {
  struct sample s;
  begin(&s, 0, text);
  s.in.protocol = protocol_find("ftp", 3);
  s.in.curl_code = code;
  s.in.reply = reply;
  verdict_of(&s.out, &s.in);
  assert_int_equal(s.out.class, class);
}

static void replies_of_ftp_servers_are_told_apart(void **state) {
  (void)state;
  ftp_means(CURLE_REMOTE_FILE_NOT_FOUND, 550, "550 No such file.",
            FAIL_PERMANENT);
  ftp_means(CURLE_REMOTE_ACCESS_DENIED, 550, "550 x", FAIL_PERMANENT);
  ftp_means(CURLE_LOGIN_DENIED, 530, "530 Login incorrect.", FAIL_PERMANENT);
  ftp_means(CURLE_LOGIN_DENIED, 530, "530 Sorry, the maximum number of clients",
            FAIL_THROTTLED);
  ftp_means(CURLE_WEIRD_SERVER_REPLY, 421, "421 Too many connections from here",
            FAIL_THROTTLED);
  ftp_means(CURLE_WEIRD_SERVER_REPLY, 421, "421 Closing down", FAIL_PASSING);
  ftp_means(CURLE_OPERATION_TIMEDOUT, 421, "421 Too many", FAIL_THROTTLED);
  ftp_means(CURLE_FTP_COULDNT_RETR_FILE, 425, "425 x", FAIL_PASSING);
  ftp_means(CURLE_PARTIAL_FILE, 426, "426 x", FAIL_PASSING);
  ftp_means(CURLE_FTP_COULDNT_RETR_FILE, 450, "450 x", FAIL_PASSING);
  ftp_means(CURLE_FTP_COULDNT_RETR_FILE, 451, "451 x", FAIL_PASSING);
  ftp_means(CURLE_FTP_COULDNT_RETR_FILE, 553, "553 x", FAIL_PERMANENT);
  /* The last reply is not why. */
  ftp_means(CURLE_OPERATION_TIMEDOUT, 550, "550 x", FAIL_PASSING);
  ftp_means(CURLE_RECV_ERROR, 226, "226 x", FAIL_PASSING);
  ftp_means(CURLE_PARTIAL_FILE, 226, "226 x", FAIL_PASSING);
  ftp_means(CURLE_PEER_FAILED_VERIFICATION, 0, "", FAIL_PERMANENT);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(codes_are_told_apart),
      cmocka_unit_test(pages_that_ask_to_slow_down_throttle),
      cmocka_unit_test(lists_of_the_user_count),
      cmocka_unit_test(expired_urls_are_not_just_forbidden),
      cmocka_unit_test(errors_of_the_network),
      cmocka_unit_test(replies_of_ftp_servers_are_told_apart),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
