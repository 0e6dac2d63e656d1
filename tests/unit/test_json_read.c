/* SPDX-License-Identifier: MIT
 *
 * JSON is read while each allocation fails in turn: what comes is the whole
 * value or the word that memory was missing, never another value and never a
 * fault of the text. The linker puts this malloc() before the real one.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "json_read.h"
#include "manifest.h"

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);

static int left; /* until one fails; 0: none does */

void *__wrap_malloc(size_t size) {
  return left > 0 && --left == 0 ? NULL : __real_malloc(size);
}

static const char text[] =
    "{\"url\": \"http://h.example/a/long/path/that/makes/buffers/grow?n=1\", "
    "\"out\": \"name-of-some-length\", \"size\": 123456789012345678, "
    "\"urls\": [\"http://other.example/one\", \"http://third.example/two\"], "
    "\"headers\": {\"A\": \"b\", \"C\": \"d\"}}\n";

static void a_failed_allocation_is_told(void **state) {
  json_error_t error;
  bool starved = true;
  json_t *whole = json_read(text, strlen(text), 0, &error, &starved);
  int n = 0, told = 0;
  (void)state;
  assert_non_null(whole);
  assert_false(starved);
  do {
    left = ++n;
    json_t *value = json_read(text, strlen(text), 0, &error, &starved);
    if (left > 0) { /* none failed any more */
      left = 0;
      assert_true(json_equal(value, whole));
      json_decref(value);
      break;
    }
    assert_null(value);
    assert_true(starved);
    told++;
  } while (n < 10000);
  assert_true(told > 20 && told < 10000);
  json_decref(whole);
}

/* A key that found no room would make it bad, or another object. */
static void a_text_is_whole_or_none(void **state) {
  json_t *value = json_loads(
      "{\"a-key-for-which-the-buffer-has-to-grow-while-it-is-written\": 1, "
      "\"b\": \"another-text-that-takes-more-than-the-buffer-has-had\"}",
      0, NULL);
  char *whole = json_text(value, JSON_COMPACT);
  int n = 0, told = 0;
  (void)state;
  assert_non_null(whole);
  do {
    left = ++n;
    char *again = json_text(value, JSON_COMPACT);
    if (left > 0) {
      left = 0;
      assert_string_equal(again, whole);
      free(again);
      break;
    }
    assert_null(again);
    told++;
  } while (n < 10000);
  assert_true(told > 1 && told < 10000);
  free(whole);
  json_decref(value);
}

static void faults_of_the_text_are_none_of_memory(void **state) {
  json_error_t error;
  bool starved = true;
  (void)state;
  assert_null(json_read("{\"a\": ", 6, 0, &error, &starved));
  assert_false(starved);
  assert_int_equal(json_error_code(&error), json_error_premature_end_of_input);
}

static struct manifest_line read_line(struct manifest *m, const char *data,
                                      int nth) {
  struct manifest_line line;
  size_t room, length = strlen(data);
  char *space = manifest_space(m, &room);
  assert_true(space != NULL && length <= room);
  memcpy(space, data, length);
  manifest_filled(m, length);
  left = nth;
  assert_int_equal(manifest_next(m, &line), 1);
  return line;
}

/* The line is good, or starved; and good when it is read once more. */
static void read_with_failures(const struct manifest_format *format,
                               const char *head, const char *data) {
  for (int n = 1;; n++) {
    struct manifest m;
    struct manifest_line line;
    assert_int_equal(manifest_init(&m, format), 0);
    char both[1024];
    snprintf(both, sizeof both, "%s%s", head, data);
    line = read_line(&m, both, n);
    bool over = left > 0;
    left = 0;
    assert_int_equal(line.starved, !over);
    assert_int_equal(line.why != NULL, !over);
    if (!over) {
      manifest_seek(&m, strlen(head), 2);
      line = read_line(&m, data, 0);
    }
    assert_null(line.why);
    assert_false(line.starved);
    assert_int_equal(line.fields->header_count, 2);
    manifest_fini(&m);
    if (over) {
      assert_true(n > 5);
      return;
    }
  }
}

static void lines_are_starved_not_bad(void **state) {
  (void)state;
  read_with_failures(&manifest_jsonl, "", text);
  read_with_failures(&manifest_csv, "url,headers\n",
                     "http://h.example/a,\"{\"\"A\"\": \"\"b\"\", "
                     "\"\"C\"\": \"\"d\"\"}\"\n");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_failed_allocation_is_told),
      cmocka_unit_test(a_text_is_whole_or_none),
      cmocka_unit_test(faults_of_the_text_are_none_of_memory),
      cmocka_unit_test(lines_are_starved_not_bad),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
