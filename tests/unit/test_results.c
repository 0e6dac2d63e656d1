/* SPDX-License-Identifier: MIT
 *
 * Lines of results: what is written is read again by a JSON library as it was,
 * whatever bytes a name has.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "results.h"

static json_t *line_of(const struct results_record *record) {
  struct results_text text = {0};
  assert_int_equal(results_line(&text, record), 0);
  assert_true(text.length > 2);
  assert_int_equal(text.data[text.length - 1], '\n');
  assert_null(memchr(text.data, '\n', text.length - 1));
  for (size_t i = 0; i + 1 < text.length; i++)
    assert_in_range((unsigned char)text.data[i], 0x20, 0x7e);
  json_t *o = json_loadb(text.data, text.length, 0, NULL);
  assert_non_null(o);
  results_text_fini(&text);
  return o;
}

static const char *member(json_t *o, const char *name) {
  return json_string_value(json_object_get(o, name));
}

static void test_everything(void **state) {
  (void)state;
  const struct results_record record = {.task = (UINT64_C(3) << 40) | 7,
                                        .state = "done",
                                        .url = "http://h/a?sig=***",
                                        .path = "dir/\"a\"\\b",
                                        .digest = "sha-256=00ff",
                                        .status = 200,
                                        .attempts = 2,
                                        .bytes = INT64_C(5) << 40,
                                        .started_unix_ms = 1700000000123,
                                        .ended_unix_ms = 1700000001456};
  json_t *o = line_of(&record);
  assert_int_equal(json_integer_value(json_object_get(o, "task")), record.task);
  assert_string_equal(member(o, "state"), "done");
  assert_string_equal(member(o, "url"), record.url);
  assert_string_equal(member(o, "path"), record.path);
  assert_string_equal(member(o, "digest"), record.digest);
  assert_int_equal(json_integer_value(json_object_get(o, "status")), 200);
  assert_int_equal(json_integer_value(json_object_get(o, "attempts")), 2);
  assert_int_equal(json_integer_value(json_object_get(o, "bytes")),
                   record.bytes);
  assert_int_equal(json_integer_value(json_object_get(o, "started")),
                   record.started_unix_ms);
  assert_int_equal(json_integer_value(json_object_get(o, "ended")),
                   record.ended_unix_ms);
  assert_true(json_is_null(json_object_get(o, "error")));
  json_decref(o);
}

static void test_what_there_is_not(void **state) {
  (void)state;
  const struct results_record record = {
      .state = "failed", .url = "http://h/", .path = "", .error = "no\ngood"};
  static const char *const none[] = {"path", "digest", "status", "started"};
  json_t *o = line_of(&record);
  for (size_t i = 0; i < sizeof none / sizeof *none; i++)
    assert_true(json_is_null(json_object_get(o, none[i])));
  assert_string_equal(member(o, "error"), "no\ngood");
  assert_int_equal(json_object_size(o), 11);
  json_decref(o);
}

static const char *path_as_read(const char *path, char *out, size_t cap) {
  const struct results_record record = {
      .state = "done", .url = "u", .path = path};
  json_t *o = line_of(&record);
  assert_true(strlen(member(o, "path")) < cap);
  memcpy(out, member(o, "path"), strlen(member(o, "path")) + 1);
  json_decref(o);
  return out;
}

static void test_names_of_all_kinds(void **state) {
  (void)state;
  char out[512], every[256];
  static const char *const good[] = {
      "h\xc3\xa4user", "\xe6\x97\xa5\xe6\x9c\xac", "\xf0\x9f\x8c\x8a wave",
      "tab\there", "\x7f\x01\x1f"};
  for (size_t i = 0; i < sizeof good / sizeof *good; i++)
    assert_string_equal(path_as_read(good[i], out, sizeof out), good[i]);
  assert_string_equal(path_as_read("a\xff\xc3", out, sizeof out),
                      "a\xef\xbf\xbd\xef\xbf\xbd");
  for (int i = 0; i < 255; i++)
    every[i] = (char)(i + 1);
  every[255] = '\0';
  path_as_read(every, out, sizeof out); /* is JSON, whatever it says */
}

static void test_line_replaces_the_one_before(void **state) {
  (void)state;
  struct results_text text = {0};
  char url[3000];
  memset(url, '"', sizeof url - 1);
  url[sizeof url - 1] = '\0';
  struct results_record record = {.state = "done", .url = url};
  assert_int_equal(results_line(&text, &record), 0);
  assert_true(text.length > 2 * sizeof url - 2);
  record.url = "short";
  assert_int_equal(results_line(&text, &record), 0);
  assert_true(text.length < 200);
  results_text_fini(&text);
}

static void test_lines_of_lost_data_say_failed(void **state) {
  (void)state;
  static const char lines[] =
      "{\"task\":1,\"state\":\"done\",\"path\":\"a\\u00E4\",\"bytes\":7,"
      "\"digest\":\"md5=00\",\"error\":null}\n"
      "{\"task\":2,\"state\":\"cancelled\",\"path\":null,\"error\":\"x\"}\n";
  static const char wanted[] =
      "{\"task\":1,\"state\":\"failed\",\"path\":null,\"bytes\":7,"
      "\"digest\":null,\"error\":\"lost\"}\n"
      "{\"task\":2,\"state\":\"cancelled\",\"path\":null,\"error\":\"x\"}\n";
  struct results_text text = {0};
  assert_int_equal(results_lines_lost(&text, lines, sizeof lines - 1, "lost"),
                   0);
  assert_int_equal(text.length, sizeof wanted - 1);
  assert_memory_equal(text.data, wanted, text.length);
  results_text_fini(&text);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_everything),
      cmocka_unit_test(test_what_there_is_not),
      cmocka_unit_test(test_names_of_all_kinds),
      cmocka_unit_test(test_line_replaces_the_one_before),
      cmocka_unit_test(test_lines_of_lost_data_say_failed),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
