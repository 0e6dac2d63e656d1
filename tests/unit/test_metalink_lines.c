/* SPDX-License-Identifier: MIT
 *
 * Metalinks as lines: what a manifest's reader makes of them is what the
 * document says, with names that stay inside.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "manifest.h"
#include "metalink_lines.h"

#define HEAD                                                           \
  "<?xml version=\"1.0\"?>\n<metalink xmlns=\"urn:ietf:params:xml:ns:" \
  "metalink\">"
#define TAIL "</metalink>"
#define SHA "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static char *lines_of(const char *document) {
  char *text = NULL;
  size_t length = 0;
  struct errmsg msg;
  assert_int_equal(
      metalink_lines(document, strlen(document), &text, &length, &msg), 0);
  assert_int_equal(strlen(text), length);
  return text;
}

static struct manifest manifest;

static void read_lines(const char *text) {
  size_t room, length = strlen(text);
  assert_int_equal(manifest_init(&manifest, &manifest_jsonl), 0);
  char *space = manifest_space(&manifest, &room);
  assert_true(room >= length);
  memcpy(space, text, length);
  manifest_filled(&manifest, length);
  manifest_end(&manifest);
}

static void files_become_tasks(void **state) {
  char *text =
      lines_of(HEAD "<file name=\"dir/a.iso\"><size>77</size>"
                    "<hash type=\"sha-256\">" SHA "</hash>"
                    "<hash type=\"md5\">0123456789abcdef0123456789abcdef</hash>"
                    "<url priority=\"3\">http://third/a</url>"
                    "<url priority=\"1\">ftp://first/a</url>"
                    "<url priority=\"2\">https://second/a</url></file>"
                    "<file name=\"../../b\"><url>http://h/b</url></file>"
                    "<file name=\"none\"><url>gopher://h/none</url></file>" TAIL);
  struct manifest_line line;
  (void)state;
  read_lines(text);
  assert_int_equal(manifest_next(&manifest, &line), 1);
  assert_null(line.why);
  assert_string_equal(line.url, "https://second/a");
  assert_string_equal(line.out, "dir/a.iso");
  assert_int_equal(line.fields->mirror_count, 1);
  assert_string_equal(line.fields->mirrors[0], "http://third/a");
  assert_string_equal(line.fields->checksum, "sha-256=" SHA);
  assert_int_equal(line.fields->size, 77);
  assert_int_equal(manifest_next(&manifest, &line), 1);
  assert_null(line.why);
  assert_string_equal(line.url, "http://h/b");
  assert_string_equal(line.out, "__/__/b");
  assert_int_equal(manifest_next(&manifest, &line), 1);
  assert_non_null(line.why); /* not lost: told */
  assert_int_equal(manifest_next(&manifest, &line), 0);
  manifest_fini(&manifest);
  free(text);
}

static void many_long_urls_fit_into_a_line(void **state) {
  size_t cap = 20 * 8000, at;
  char *document = malloc(cap), *text;
  struct manifest_line line;
  (void)state;
  at = (size_t)snprintf(document, cap, HEAD "<file name=\"a\">");
  for (int i = 0; i < 18; i++) {
    at += (size_t)snprintf(document + at, cap - at, "<url>http://h/%02d", i);
    memset(document + at, 'x', 7000);
    at += 7000;
    at += (size_t)snprintf(document + at, cap - at, "</url>");
  }
  snprintf(document + at, cap - at, "</file>" TAIL);
  text = lines_of(document);
  read_lines(text);
  assert_int_equal(manifest_next(&manifest, &line), 1);
  assert_null(line.why);
  assert_in_range(line.fields->mirror_count, 7, 8);
  assert_memory_equal(line.url, "http://h/00xxx", 14);
  manifest_fini(&manifest);
  free(text);
  free(document);
}

static void known_by_its_beginning(void **state) {
  static const char *const yes[] = {HEAD TAIL, "\xef\xbb\xbf" HEAD TAIL,
                                    "\n <!-- c -->" HEAD TAIL};
  static const char *const no[] = {
      "", "http://h/urn:ietf:params:xml:ns:metalink", "<?xml?><html/>",
      "{\"url\":\"urn:ietf:params:xml:ns:metalink\"}"};
  (void)state;
  for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
    assert_true(metalink_detect(yes[i], strlen(yes[i])));
  for (size_t i = 0; i < sizeof no / sizeof *no; i++)
    assert_false(metalink_detect(no[i], strlen(no[i])));
}

static void a_broken_one_is_refused(void **state) {
  char *text;
  size_t length;
  struct errmsg msg;
  (void)state;
  assert_int_equal(metalink_lines(HEAD, strlen(HEAD), &text, &length, &msg),
                   ERR_SYNTAX);
  assert_non_null(strstr(msg.text, "metalink"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(files_become_tasks),
      cmocka_unit_test(many_long_urls_fit_into_a_line),
      cmocka_unit_test(known_by_its_beginning),
      cmocka_unit_test(a_broken_one_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
