/* SPDX-License-Identifier: MIT
 *
 * digest.c against the values of the standards, and its text forms.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "digest.h"

static void sum_is(enum digest_type type, const char *text, const char *hex) {
  struct digest_sum sum;
  struct digest digest;
  char buf[DIGEST_HEX];
  assert_int_equal(digest_sum_init(&sum, type), 0);
  for (const char *p = text; *p != '\0'; p++) /* byte by byte */
    digest_sum_add(&sum, p, 1);
  assert_int_equal(digest_sum_end(&sum, &digest), 0);
  digest_sum_fini(&sum);
  assert_string_equal(digest_hex(&digest, buf), hex);
}

static void values_are_those_of_the_standards(void **state) {
  (void)state;
  sum_is(DIGEST_MD5, "abc", "900150983cd24fb0d6963f7d28e17f72");
  sum_is(DIGEST_SHA1, "abc", "a9993e364706816aba3e25717850c26c9cd0d89d");
  sum_is(DIGEST_SHA256, "abc",
         "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  sum_is(DIGEST_SHA256, "",
         "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  sum_is(DIGEST_SHA512, "abc",
         "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
         "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f");
}

static void names_are_found_as_people_write_them(void **state) {
  static const struct {
    const char *name;
    enum digest_type type;
  } row[] = {
      {"sha-256", DIGEST_SHA256}, {"SHA256", DIGEST_SHA256},
      {"Sha-512", DIGEST_SHA512}, {"sha1", DIGEST_SHA1},
      {"SHA-1", DIGEST_SHA1},     {"MD5", DIGEST_MD5},
      {"md-5", DIGEST_NONE},      {"sha", DIGEST_NONE},
      {"sha-2567", DIGEST_NONE},  {"sha-", DIGEST_NONE},
      {"", DIGEST_NONE},          {"none", DIGEST_NONE},
      {"sha--256", DIGEST_NONE},  {"-sha256", DIGEST_NONE},
  };
  (void)state;
  for (size_t i = 0; i < sizeof(row) / sizeof(*row); i++)
    if (digest_find(row[i].name, strlen(row[i].name)) != row[i].type)
      fail_msg("%s: not %s", row[i].name, digest_name(row[i].type));
}

static void text_goes_there_and_back(void **state) {
  struct digest digest, again;
  struct errmsg msg;
  char buf[DIGEST_TEXT];
  (void)state;
  assert_int_equal(
      digest_parse("MD5=900150983CD24FB0d6963f7d28e17f72", &digest, &msg), 0);
  assert_string_equal(digest_text(&digest, buf),
                      "md5=900150983cd24fb0d6963f7d28e17f72");
  assert_int_equal(
      digest_from_base64(DIGEST_MD5, "kAFQmDzST7DWlj99KOF/cg==", 24, &again),
      0);
  assert_true(digest_equal(&digest, &again));
  again.value[15] ^= 1;
  assert_false(digest_equal(&digest, &again));
  memset(&again, 0, sizeof(again));
  assert_string_equal(digest_text(&again, buf), "");
}

static void what_is_no_digest_is_refused(void **state) {
  static const char *const bad[] = {
      "",
      "sha-256",
      "=",
      "crc32=00000000",
      "md5=",
      "md5=900150983cd24fb0d6963f7d28e17f7",
      "md5=900150983cd24fb0d6963f7d28e17f720",
      "md5=900150983cd24fb0d6963f7d28e17f7g",
      "md5= 00150983cd24fb0d6963f7d28e17f72",
  };
  static const char *const bad64[] = {
      "kAFQmDzST7DWlj99KOF/cg=",  "kAFQmDzST7DWlj99KOF/cg",
      "kAFQmDzST7DWlj99KOF/c===", "kAFQmDzST7DWlj99KOF/ cg=",
      "kAFQmDzST7DWlj99KOF_cg==",
  };
  struct digest digest;
  struct errmsg msg;
  (void)state;
  for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
    if (digest_parse(bad[i], &digest, &msg) != ERR_SYNTAX)
      fail_msg("taken: %s", bad[i]);
    assert_int_equal(digest.type, DIGEST_NONE);
  }
  for (size_t i = 0; i < sizeof(bad64) / sizeof(*bad64); i++)
    if (digest_from_base64(DIGEST_MD5, bad64[i], strlen(bad64[i]), &digest) !=
        ERR_SYNTAX)
      fail_msg("taken: %s", bad64[i]);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(values_are_those_of_the_standards),
      cmocka_unit_test(names_are_found_as_people_write_them),
      cmocka_unit_test(text_goes_there_and_back),
      cmocka_unit_test(what_is_no_digest_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
