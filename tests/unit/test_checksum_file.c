/* SPDX-License-Identifier: MIT
 *
 * checksum_file.c: the forms that sha256sum and others write, whatever the
 * blocks they come in.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "checksum_file.h"

#define MD5_A "900150983cd24fb0d6963f7d28e17f72"
#define MD5_B "d41d8cd98f00b204e9800998ecf8427e"
#define SHA_A "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define SHA_B "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static struct checksum_table *table_of(const char *text, size_t block) {
  struct checksum_table *table;
  size_t length = strlen(text);
  assert_int_equal(checksum_table_new(&table), 0);
  for (size_t at = 0; at < length; at += block)
    assert_int_equal(
        checksum_table_add(table, text + at,
                           length - at < block ? length - at : block),
        0);
  assert_int_equal(checksum_table_add(table, NULL, 0), 0);
  return table;
}

static void found(const struct checksum_table *table, const char *name,
                  const char *text) {
  struct digest digest;
  char buf[DIGEST_TEXT];
  checksum_table_find(table, name, &digest);
  if (strcmp(digest_text(&digest, buf), text) != 0)
    fail_msg("%s: %s, not %s", name, buf, text);
}

static void all_forms_in_blocks_of_any_size(void **state) {
  static const char text[] = "# made by hand\n"
                             "\n" SHA_A "  plain.txt\n" SHA_B " *binary.bin\r\n"
                             "\\" MD5_A "  odd\\nname\\\\\n"
                             "SHA256 (with (braces) = x) = " SHA_A "\n"
                             "MD5 (bsd) = " MD5_B "\n" MD5_B "  ./dir//sub/f\n"
                             "not a line\n" SHA_A " \n" MD5_A "x  y\n"
                             "MD5 (short) = 00\n" SHA_B "  last";
  (void)state;
  for (size_t block = 1; block < sizeof(text) + 1; block++) {
    struct checksum_table *table = table_of(text, block);
    assert_int_equal(checksum_table_count(table), 7);
    assert_int_equal(checksum_table_bad(table), 4);
    found(table, "plain.txt", "sha-256=" SHA_A);
    found(table, "a/b/plain.txt", "sha-256=" SHA_A);
    found(table, "binary.bin", "sha-256=" SHA_B);
    found(table, "odd\nname\\", "md5=" MD5_A);
    found(table, "with (braces) = x", "sha-256=" SHA_A);
    found(table, "bsd", "md5=" MD5_B);
    found(table, "f", "md5=" MD5_B);
    found(table, "last", "sha-256=" SHA_B);
    found(table, "nothing", "");
    checksum_table_free(table);
  }
}

static void equal_last_segments_are_told_apart_by_the_whole(void **state) {
  struct checksum_table *table =
      table_of(SHA_A "  a/f\n" SHA_B "  b/f\n" SHA_A "  c/g\n" SHA_A
                     "  d/g\n" MD5_A "  a/f\n",
               7);
  (void)state;
  found(table, "a/f", "sha-256=" SHA_A); /* the stronger one */
  found(table, "b/f", "sha-256=" SHA_B);
  found(table, "f", "");
  found(table, "x/f", "");
  found(table, "g", "sha-256=" SHA_A);
  checksum_table_free(table);
}

static void long_lines_and_nul_bytes_are_bad(void **state) {
  size_t size = CHECKSUM_LINE_CAP + 100;
  char *text = malloc(size + 1);
  struct checksum_table *table;
  (void)state;
  assert_non_null(text);
  memset(text, 'a', size);
  text[size - 10] = '\n';
  text[size] = '\0';
  table = table_of(text, 1000);
  assert_int_equal(checksum_table_count(table), 0);
  assert_int_equal(checksum_table_bad(table), 2);
  assert_int_equal(checksum_table_add(table, MD5_A "  a\0b\n", 38), 0);
  assert_int_equal(checksum_table_bad(table), 3);
  checksum_table_free(table);
  free(text);
}

static void many_entries_are_all_found(void **state) {
  enum { COUNT = 20000 };
  struct checksum_table *table;
  struct digest digest;
  char line[200], name[32];
  (void)state;
  assert_int_equal(checksum_table_new(&table), 0);
  memset(&digest, 0, sizeof(digest));
  digest.type = DIGEST_SHA1;
  for (int i = 0; i < COUNT; i++) {
    int n;
    memcpy(digest.value, &i, sizeof(i));
    snprintf(name, sizeof(name), "dir/%d", i);
    n = checksum_line_format(&digest, name, line, sizeof(line));
    assert_true(n > 0);
    assert_int_equal(checksum_table_add(table, line, (size_t)n), 0);
  }
  for (int i = 0; i < COUNT; i++) {
    int got;
    snprintf(name, sizeof(name), i % 2 ? "dir/%d" : "%d", i);
    checksum_table_find(table, name, &digest);
    memcpy(&got, digest.value, sizeof(got));
    assert_int_equal(got, i);
  }
  checksum_table_free(table);
}

static void lines_go_there_and_back(void **state) {
  static const char *const names[] = {
      "a", " lead", "*star", "\\", "a\nb\rc\\n", "SHA256 (x) = y", "\xff\xfe"};
  struct digest digest, again;
  char line[200];
  const char *name;
  (void)state;
  assert_int_equal(digest_parse("md5=" MD5_A, &digest, NULL), 0);
  for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
    int n = checksum_line_format(&digest, names[i], line, sizeof(line));
    assert_int_equal(n, (int)strlen(line));
    line[n - 1] = '\0';
    assert_int_equal(checksum_line_parse(line, &again, &name), 0);
    assert_string_equal(name, names[i]);
    assert_true(digest_equal(&digest, &again));
  }
  for (size_t cap = 40; cap > 0; cap--) {
    int n = checksum_line_format(&digest, "abcdefgh", line, cap);
    assert_int_equal(n, ERR_TOOBIG);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(all_forms_in_blocks_of_any_size),
      cmocka_unit_test(equal_last_segments_are_told_apart_by_the_whole),
      cmocka_unit_test(long_lines_and_nul_bytes_are_bad),
      cmocka_unit_test(many_entries_are_all_found),
      cmocka_unit_test(lines_go_there_and_back),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
