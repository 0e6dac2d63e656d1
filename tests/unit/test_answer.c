/* SPDX-License-Identifier: MIT
 *
 * answer.c: heads of answers, well-formed, odd and hostile.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "answer.h"

static enum answer_line feed(struct answer *a, const char *line) {
  return answer_line(a, line, strlen(line));
}

static void reads_a_head(void **state) {
  struct answer a;
  (void)state;
  answer_reset(&a);
  assert_int_equal(feed(&a, "HTTP/1.1 206 Partial Content\r\n"), ANSWER_MORE);
  feed(&a, "Content-Length: 500\r\n");
  feed(&a, "content-range: bytes 100-599/1234\r\n");
  feed(&a, "ETag: \"abc\"\r\n");
  feed(&a, "Last-Modified:Tue, 15 Nov 1994 12:45:26 GMT\r\n");
  feed(&a, "Accept-Ranges: bytes\r\n");
  feed(&a, "Retry-After: 7\r\n");
  assert_int_equal(feed(&a, "\r\n"), ANSWER_END);
  assert_int_equal(a.status, 206);
  assert_int_equal(a.content_length, 500);
  assert_true(a.has_range);
  assert_int_equal(a.range_first, 100);
  assert_int_equal(a.range_last, 599);
  assert_int_equal(a.range_size, 1234);
  assert_string_equal(a.etag, "\"abc\"");
  assert_string_equal(a.last_modified, "Tue, 15 Nov 1994 12:45:26 GMT");
  assert_true(a.hint.has_wait);
  assert_true(a.hint.wait_s > 6.9 && a.hint.wait_s < 7.1);
  assert_true(a.accepts_ranges);
  assert_false(a.encoded);
}

static void a_new_status_line_begins_anew(void **state) {
  struct answer a;
  (void)state;
  answer_reset(&a);
  feed(&a, "HTTP/1.1 103 Early Hints\r\n");
  feed(&a, "ETag: \"early\"\r\n");
  feed(&a, "HTTP/1.1 200 OK\r\n");
  assert_int_equal(a.status, 200);
  assert_string_equal(a.etag, "");
  assert_int_equal(a.content_length, -1);
}

static void passes_over_what_is_malformed(void **state) {
  struct answer a;
  char longer[400];
  (void)state;
  answer_reset(&a);
  feed(&a, "HTTP/1.1\r\n");
  assert_int_equal(a.status, 0);
  feed(&a, "Content-Length: 12x\r\n");
  feed(&a, "Content-Length: -5\r\n");
  feed(&a, "Content-Length: 99999999999999999999999\r\n");
  assert_int_equal(a.content_length, -1);
  assert_true(a.length_bad);
  feed(&a, ": no name\r\n");
  feed(&a, "no colon\r\n");
  /* A cut validator would be a wrong one. */
  memset(longer, 'e', sizeof(longer));
  memcpy(longer, "ETag: \"", 7);
  longer[sizeof(longer) - 2] = '"';
  longer[sizeof(longer) - 1] = '\0';
  feed(&a, longer);
  assert_string_equal(a.etag, "");
}

static void lengths_are(const char *fields, int64_t length, bool bad) {
  struct answer a;
  answer_reset(&a);
  feed(&a, "HTTP/1.1 200 OK\r\n");
  for (const char *end; (end = strchr(fields, '\n')) != NULL; fields = end + 1)
    answer_line(&a, fields, (size_t)(end + 1 - fields));
  assert_int_equal(feed(&a, "\r\n"), ANSWER_END);
  assert_int_equal(a.content_length, length);
  assert_int_equal(a.length_bad, bad);
}

static void lengths_that_make_no_sense(void **state) {
  (void)state;
  lengths_are("Content-Length: 5\nContent-Length: 5\n", 5, false);
  lengths_are("Content-Length: 5\nContent-Length: 7\n", -1, true);
  lengths_are("Content-Length: 7\nContent-Length: x\n", -1, true);
  lengths_are("Content-Length: 99999999999999999999\n", -1, true);
  lengths_are("Content-Length:\n", -1, true);
  /* RFC 9112 section 6.3: chunks go first */
  lengths_are("Content-Length: 5\nTransfer-Encoding: chunked\n", -1, false);
  lengths_are("Transfer-Encoding: gzip, Chunked\nContent-Length: 5\n", -1,
              false);
  lengths_are("Transfer-Encoding: identity\nContent-Length: 5\n", 5, false);
}

static void range_is(const char *value, int code, int64_t first, int64_t last,
                     int64_t size) {
  int64_t f = -2, l = -2, s = -2;
  assert_int_equal(answer_content_range(value, strlen(value), &f, &l, &s),
                   code);
  if (code != 0)
    return;
  assert_int_equal(f, first);
  assert_int_equal(l, last);
  assert_int_equal(s, size);
}

static void reads_content_ranges(void **state) {
  (void)state;
  range_is("bytes 0-0/1", 0, 0, 0, 1);
  range_is("bytes 0-499/*", 0, 0, 499, -1);
  range_is("bytes */1234", 0, -1, -1, 1234);
  range_is("bytes */*", ERR_SYNTAX, 0, 0, 0);
  range_is("bytes 5-4/10", ERR_SYNTAX, 0, 0, 0);
  range_is("bytes 0-10/10", ERR_SYNTAX, 0, 0, 0);
  range_is("bytes 0-9/10x", ERR_SYNTAX, 0, 0, 0);
  range_is("bytes 0-9", ERR_SYNTAX, 0, 0, 0);
  range_is("items 0-9/10", ERR_SYNTAX, 0, 0, 0);
  range_is("bytes ", ERR_SYNTAX, 0, 0, 0);
  range_is("bytes 0-99999999999999999999/*", ERR_SYNTAX, 0, 0, 0);
}

static void resumes_with_strong_validators_only(void **state) {
  (void)state;
  assert_string_equal(answer_if_range("\"a\"", "date"), "\"a\"");
  assert_string_equal(answer_if_range("W/\"a\"", "date"), "");
  assert_string_equal(answer_if_range("", "date"), "date");
  assert_string_equal(answer_if_range("", ""), "");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(reads_a_head),
      cmocka_unit_test(a_new_status_line_begins_anew),
      cmocka_unit_test(passes_over_what_is_malformed),
      cmocka_unit_test(lengths_that_make_no_sense),
      cmocka_unit_test(reads_content_ranges),
      cmocka_unit_test(resumes_with_strong_validators_only),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
