/* SPDX-License-Identifier: MIT
 *
 * digest_header.c: the fields of the RFCs, and what servers send instead.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "digest_header.h"

#define MD5_64 "kAFQmDzST7DWlj99KOF/cg=="
#define MD5_HEX "900150983cd24fb0d6963f7d28e17f72"
#define SHA256_64 "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0="
#define SHA256_HEX \
  "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

static void value_is(enum digest_field field, const char *value,
                     const char *text) {
  struct digest digest;
  char buf[DIGEST_TEXT];
  size_t length = strlen(value);
  char *exact = malloc(length + 1); /* so that a look behind it is found out */
  assert_non_null(exact);
  memcpy(exact, value, length);
  digest_header_parse(field, exact, length, &digest);
  free(exact);
  if (strcmp(digest_text(&digest, buf), text) != 0)
    fail_msg("%s: %s, not %s", value, buf, text);
}

static void fields_are_read(void **state) {
  const enum digest_field d = DIGEST_FIELD_DIGEST, r = DIGEST_FIELD_REPR;
  (void)state;
  value_is(d, "MD5=" MD5_64, "md5=" MD5_HEX);
  value_is(d, "md5=" MD5_64 " , SHA-256=" SHA256_64, "sha-256=" SHA256_HEX);
  value_is(d, "SHA-256=" SHA256_64 ",md5=" MD5_64, "sha-256=" SHA256_HEX);
  value_is(d, "SHA=qZk+NkcGgWq6PiVxeFDCbJzQ2J0=",
           "sha-1=a9993e364706816aba3e25717850c26c9cd0d89d");
  value_is(d, "SHA-256=" SHA256_HEX, "sha-256=" SHA256_HEX);
  value_is(r, "sha-256=:" SHA256_64 ":", "sha-256=" SHA256_HEX);
  value_is(DIGEST_FIELD_CONTENT, "sha-512=:short:, sha-256=:" SHA256_64 ":",
           "sha-256=" SHA256_HEX);
}

static void what_cannot_be_read_is_passed_over(void **state) {
  static const char *const bad[] = {
      "",
      ",",
      ",,,=,=,",
      "MD5",
      "MD5=",
      "=" MD5_64,
      "UNIXsum=30637",
      "MD5=" MD5_64 "=",
      "MD5=!" MD5_64,
      "sha-256=" MD5_64,
      " ",
      "\t,",
  };
  (void)state;
  for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
    value_is(DIGEST_FIELD_DIGEST, bad[i], "");
  value_is(DIGEST_FIELD_REPR, "sha-256=" SHA256_64, "");
  value_is(DIGEST_FIELD_REPR, "sha-256=:", "");
  value_is(DIGEST_FIELD_REPR, "sha-256=::", "");
  value_is(DIGEST_FIELD_NONE, "MD5=" MD5_64, "");
}

static void names_of_fields(void **state) {
  (void)state;
  assert_int_equal(digest_field_find("Digest", 6), DIGEST_FIELD_DIGEST);
  assert_int_equal(digest_field_find("REPR-digest", 11), DIGEST_FIELD_REPR);
  assert_int_equal(digest_field_find("Content-Digest", 14),
                   DIGEST_FIELD_CONTENT);
  assert_int_equal(digest_field_find("Want-Digest", 11), DIGEST_FIELD_NONE);
  assert_int_equal(digest_field_find("Digest:", 7), DIGEST_FIELD_NONE);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(fields_are_read),
      cmocka_unit_test(what_cannot_be_read_is_passed_over),
      cmocka_unit_test(names_of_fields),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
