/* SPDX-License-Identifier: MIT
 *
 * The manifest reader: the same lines whatever the size of the blocks they
 * come in, offsets that can be read from again, ceilings that hold.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "manifest.h"

struct seen {
  size_t good, bad;
  uint64_t objects, lines, ends;
};

static void feed(struct manifest *m, const char *data, size_t length) {
  size_t room;
  char *space = manifest_space(m, &room);
  assert_non_null(space);
  assert_true(length <= room);
  memcpy(space, data, length);
  manifest_filled(m, length);
}

static void drain(struct manifest *m, struct seen *seen) {
  struct manifest_line line;
  while (manifest_next(m, &line)) {
    seen->good += line.why == NULL;
    seen->bad += line.why != NULL;
    seen->objects = seen->objects * 31 + line.object;
    seen->lines = seen->lines * 31 + line.line;
    seen->ends = seen->ends * 31 + line.end;
  }
}

static struct seen read_in(const char *data, size_t length, size_t block) {
  struct manifest m;
  struct seen seen = {0};
  assert_int_equal(manifest_init(&m, &manifest_text), 0);
  for (size_t at = 0; at < length; at += block) {
    feed(&m, data + at, length - at < block ? length - at : block);
    drain(&m, &seen);
  }
  manifest_end(&m);
  drain(&m, &seen);
  assert_int_equal(manifest_offset(&m), length);
  manifest_fini(&m);
  return seen;
}

static char *sample(size_t *length) {
  char *data = NULL;
  FILE *file = open_memstream(&data, length);
  assert_non_null(file);
  for (int i = 0; i < 500; i++) {
    fprintf(file, "http://h.example/%d?s=%d\tname-%d%s", i, i, i,
            i % 3 == 0 ? "\r\n" : "\n");
    if (i % 7 == 0)
      fputs("\n  # comment\n", file);
    if (i % 100 == 50)
      fprintf(file, "http://h.example/%070000d\n", i);
    if (i % 100 == 51)
      fprintf(file, "nonsense%c\n", i % 2 ? '\0' : 'x');
  }
  fputs("http://h.example/last", file);
  assert_int_equal(fclose(file), 0);
  return data;
}

static void blocks_of_any_size_give_the_same_lines(void **state) {
  (void)state;
  size_t length;
  char *data = sample(&length);
  struct seen whole = read_in(data, length, MANIFEST_BLOCK);
  assert_int_equal(whole.good, 501);
  assert_int_equal(whole.bad, 10);
  const size_t blocks[] = {1, 2, 3, 17, 4096, 65535, 65536, 65537, 100000};
  for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) {
    struct seen seen = read_in(data, length, blocks[i]);
    assert_memory_equal(&seen, &whole, sizeof seen);
  }
  free(data);
}

static void line_can_be_read_again_from_its_offset(void **state) {
  (void)state;
  static const char text[] = "http://h.example/a\n\nhttp://h.example/b\n"
                             "http://h.example/c\n";
  struct manifest m;
  struct manifest_line line;
  assert_int_equal(manifest_init(&m, &manifest_text), 0);
  feed(&m, text, sizeof text - 1);
  assert_int_equal(manifest_next(&m, &line), 1);
  assert_int_equal(line.end, 19);
  manifest_seek(&m, 19, 2);
  assert_int_equal(manifest_wants(&m), 19);
  feed(&m, text + 19, sizeof text - 1 - 19);
  assert_int_equal(manifest_next(&m, &line), 1);
  assert_string_equal(line.url, "http://h.example/b");
  assert_int_equal(line.line, 3);
  assert_int_equal(line.end, 39);
  manifest_fini(&m);
}

static uint64_t object_of(const char *text) {
  char copy[128];
  struct manifest_line line;
  snprintf(copy, sizeof copy, "%s", text);
  assert_true(manifest_parse_text(copy, strlen(copy), &line));
  assert_null(line.why);
  return line.object;
}

static void object_is_the_url_without_query_and_the_name(void **state) {
  (void)state;
  uint64_t a = object_of("https://h.example/a?X-Amz-Signature=1");
  assert_true(a == object_of("https://h.example/a?X-Amz-Signature=2"));
  assert_true(a == object_of("  https://h.example/a  \r"));
  assert_true(a != object_of("https://h.example/b"));
  assert_true(a != object_of("https://h.example/a\tname"));
  assert_true(a != object_of("http://h.example/a"));
  assert_true(a != OBJECT_BAD);
}

static void unusable_lines_say_why(void **state) {
  (void)state;
  const char *bad[] = {"no-scheme",
                       "http://",
                       "http:///path",
                       "ftp:nothing",
                       "http://h.example/with space",
                       "file:///etc/passwd"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    char copy[128];
    struct manifest_line line;
    snprintf(copy, sizeof copy, "%s", bad[i]);
    assert_true(manifest_parse_text(copy, strlen(copy), &line));
    if (line.why == NULL)
      fail_msg("accepted: %s", bad[i]);
    assert_int_equal(line.object, OBJECT_BAD);
  }
}

static void unread_bytes_have_a_ceiling(void **state) {
  (void)state;
  struct manifest m;
  struct manifest_line line;
  size_t room, fed = 0;
  assert_int_equal(manifest_init(&m, &manifest_text), 0);
  for (char *space; (space = manifest_space(&m, &room)) != NULL; fed += room) {
    memset(space, 'x', room);
    manifest_filled(&m, room);
  }
  assert_true(fed <= 2 * MANIFEST_BLOCK);
  assert_int_equal(manifest_next(&m, &line), 0); /* dropped: too long */
  assert_non_null(manifest_space(&m, &room));
  manifest_end(&m);
  assert_int_equal(manifest_next(&m, &line), 1);
  assert_non_null(line.why);
  assert_int_equal(manifest_next(&m, &line), 0);
  manifest_fini(&m);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(blocks_of_any_size_give_the_same_lines),
      cmocka_unit_test(line_can_be_read_again_from_its_offset),
      cmocka_unit_test(object_is_the_url_without_query_and_the_name),
      cmocka_unit_test(unusable_lines_say_why),
      cmocka_unit_test(unread_bytes_have_a_ceiling),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
