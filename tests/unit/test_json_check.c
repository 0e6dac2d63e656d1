/* SPDX-License-Identifier: MIT
 *
 * json_check.c: what is JSON and what is not, in pieces of any size, and that
 * it says the same as jansson does.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "json_check.h"

static bool is_json(const char *text, size_t length, size_t piece) {
  struct json_check check;
  json_check_init(&check);
  for (size_t at = 0; at < length; at += piece)
    (void)json_check_feed(&check, text + at,
                          length - at < piece ? length - at : piece);
  return json_check_end(&check);
}

static void expect(const char *const *texts, size_t count, bool good) {
  for (size_t i = 0; i < count; i++)
    for (size_t piece = 1; piece <= strlen(texts[i]) + 1; piece++)
      if (is_json(texts[i], strlen(texts[i]), piece) != good)
        fail_msg("%s: %s (in pieces of %zu)", texts[i],
                 good ? "refused" : "taken", piece);
}

#define COUNT(list) (sizeof(list) / sizeof(*(list)))

static const char *const good[] = {
    "{}",
    "[]",
    "0",
    "-0",
    "\"\"",
    "true",
    "false",
    "null",
    " [ ] ",
    "\xef\xbb\xbf{}",
    "[1,2,3]",
    "{\"a\":1}",
    "{\"a\":{\"b\":[{},[],\"\"]}}",
    "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\uD83D\"",
    "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\"",
    "1.5e-10",
    "-12E+3",
    "0.0",
    "0e1",
    "123",
    "[0,-1.25 ,\n1e9]\r\n",
    "\"\x7f\"",
    "{\"\\u0041\":null}",
    "[true,false,null]",
};

static const char *const bad[] = {
    "",
    " ",
    "\xef\xbb\xbf",
    " \xef\xbb\xbf{}",
    "\xef\xbb{}",
    "{",
    "[",
    "]",
    "}",
    "[}",
    "{]",
    "[1,]",
    "[,1]",
    "{,}",
    "{\"a\"}",
    "{\"a\":}",
    "{\"a\":1,}",
    "{a:1}",
    "{\"a\":1 \"b\":2}",
    "{1:2}",
    "[1 2]",
    "01",
    "-",
    "+1",
    ".5",
    "1.",
    "1e",
    "1e+",
    "-a",
    "0x10",
    "1.e1",
    "00",
    "nul",
    "nulll",
    "True",
    "tru e",
    "\"",
    "\"\\",
    "\"\\x\"",
    "\"\\u12\"",
    "\"\\u12g4\"",
    "\"\t\"",
    "\"\x01\"",
    "\"\xff\"",
    "\"\xc0\x80\"",
    "\"\xed\xa0\x80\"",
    "\"\xf4\x90\x80\x80\"",
    "\"\xe2\x82\"",
    "\"\xc3",
    "{} {}",
    "1 2",
    "[] x",
    "'a'",
    "{\"a\":1}}",
    "<html>",
    "\xc3\xa4",
    "NaN",
    "Infinity",
    "[1,\v2]",
    "// x\n1",
};

static void good_texts_are_taken(void **state) {
  (void)state;
  expect(good, COUNT(good), true);
}

static void bad_texts_are_refused(void **state) {
  (void)state;
  expect(bad, COUNT(bad), false);
  assert_false(is_json("[1]\0", 4, 4));
  assert_false(is_json("\"a\0\"", 4, 4));
}

static void place_of_the_fault(void **state) {
  struct json_check check;
  (void)state;
  json_check_init(&check);
  assert_true(json_check_feed(&check, "[1, ", 4));
  assert_false(json_check_feed(&check, "2, }", 4));
  assert_int_equal(check.offset, 7);
  assert_non_null(check.why);
  assert_false(json_check_feed(&check, "1]", 2));
  assert_int_equal(check.offset, 7);
}

static void depth_has_a_ceiling(void **state) {
  char *text = malloc(2 * JSON_DEPTH + 2);
  (void)state;
  assert_non_null(text);
  for (int over = 0; over < 2; over++) {
    size_t depth = JSON_DEPTH + (size_t)over;
    memset(text, '[', depth);
    memset(text + depth, ']', depth);
    assert_int_equal(is_json(text, 2 * depth, 100), !over);
  }
  free(text);
}

/* Texts damaged at random: jansson must agree, apart from what it refuses for
 * reasons of its own (\u0000, lone surrogates). */
static void agrees_with_jansson(void **state) {
  static const char seed[] =
      "{\"key\": [1, -2.5e3, \"te\\nxt\", true, {\"\xc3\xa4\": null}], "
      "\"other\": {\"deep\": [[[]], {}]}}";
  static const char bytes[] = "{}[]\",:0123.eE+-truefalsn \\\"\xc3\xa4\n";
  unsigned random = 1;
  size_t length = sizeof(seed) - 1, taken = 0;
  char text[sizeof(seed)];
  (void)state;
  for (int round = 0; round < 60000; round++) {
    bool ours, theirs;
    json_t *json;
    memcpy(text, seed, sizeof(seed));
    for (int i = 0; i < 1 + round % 3; i++) {
      random = random * 1103515245u + 12345u;
      text[(random >> 8) % length] =
          bytes[(random >> 20) % (sizeof(bytes) - 1)];
    }
    ours = is_json(text, length, 7);
    json = json_loadb(text, length, JSON_DECODE_ANY, NULL);
    theirs = json != NULL;
    json_decref(json);
    taken += ours;
    if (ours != theirs && strstr(text, "\\u") == NULL)
      fail_msg("%s: %d, jansson %d", text, ours, theirs);
  }
  assert_true(taken > 1000 && taken < 30000); /* both kinds were there */
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(good_texts_are_taken),
      cmocka_unit_test(bad_texts_are_refused),
      cmocka_unit_test(place_of_the_fault),
      cmocka_unit_test(depth_has_a_ceiling),
      cmocka_unit_test(agrees_with_jansson),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
