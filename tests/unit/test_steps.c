/* SPDX-License-Identifier: MIT
 *
 * steps.c: what is computed, what is compared, and what it says when a body is
 * not what it should be.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>

#include "steps.h"

#define SHA_ABC \
  "sha-256=ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define MD5_ABC "md5=900150983cd24fb0d6963f7d28e17f72"

/* ---- what fails on demand --------------------------------------------------
 */

static bool no_memory, no_update;

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
int __real_EVP_DigestUpdate(EVP_MD_CTX *sum, const void *data, size_t length);
int __wrap_EVP_DigestUpdate(EVP_MD_CTX *sum, const void *data, size_t length);

void *__wrap_malloc(size_t size) {
  return no_memory ? NULL : __real_malloc(size);
}

int __wrap_EVP_DigestUpdate(EVP_MD_CTX *sum, const void *data, size_t length) {
  return no_update ? 0 : __real_EVP_DigestUpdate(sum, data, length);
}

/* ---- the steps ------------------------------------------------------------
 */

static void expect(struct steps_plan *plan, const char *text,
                   const char *whose) {
  struct digest digest;
  assert_int_equal(digest_parse(text, &digest, NULL), 0);
  steps_expect(plan, &digest, whose);
}

/* Feeds text byte by byte; the steps are to be freed. */
static struct steps *through(const struct steps_plan *plan, const char *text,
                             int code) {
  struct steps *steps;
  assert_true(steps_wanted(plan));
  assert_int_equal(steps_new(&steps, plan), 0);
  for (const char *p = text; *p != '\0'; p++)
    steps_feed(steps, p, 1);
  assert_int_equal(steps_fed(steps), strlen(text));
  assert_int_equal(steps_end(steps), code);
  assert_int_equal(steps_why(steps)[0] == '\0', code == 0);
  return steps;
}

static void nothing_is_wanted(void **state) {
  struct steps_plan plan;
  (void)state;
  memset(&plan, 0, sizeof(plan));
  assert_false(steps_wanted(&plan));
}

/* The text is given away, once, and not while memory is short. */
static void text_is_kept_for_it(struct steps *steps) {
  no_memory = true;
  char *taken = steps_take_digest(steps);
  no_memory = false;
  assert_non_null(taken);
  assert_string_equal(taken, SHA_ABC);
  free(taken);
  assert_null(steps_take_digest(steps));
}

/* As if there were nothing in the way of it, it would be called compared. */
static void a_digest_that_fails_is_told(void **state) {
  struct steps_plan plan;
  struct steps *steps;
  (void)state;
  memset(&plan, 0, sizeof(plan));
  expect(&plan, MD5_ABC, "the checksum");
  plan.record = DIGEST_SHA256;
  assert_int_equal(steps_new(&steps, &plan), 0);
  no_update = true;
  steps_feed(steps, "abc", 3);
  no_update = false;
  assert_int_equal(steps_end(steps), ERR_UNSUPPORTED);
  assert_string_equal(steps_why(steps), "a digest could not be computed");
  assert_null(steps_take_digest(steps));
  steps_free(steps);
}

static void all_promises_are_compared(void **state) {
  struct steps_plan plan;
  struct steps *steps;
  char text[DIGEST_TEXT];
  (void)state;
  memset(&plan, 0, sizeof(plan));
  plan.record = DIGEST_SHA256;
  expect(&plan, MD5_ABC, "the checksum");
  expect(&plan, SHA_ABC, "the header");
  steps = through(&plan, "abc", 0);
  assert_string_equal(digest_text(steps_digest(steps), text), SHA_ABC);
  text_is_kept_for_it(steps);
  steps_free(steps);
  steps = through(&plan, "abd", ERR_MISMATCH);
  assert_non_null(strstr(steps_why(steps), "the checksum does not agree"));
  steps_free(steps);
  plan.expected[0] = plan.expected[1]; /* the second one is the wrong one */
  plan.expected[1].value[0] ^= 1;
  steps = through(&plan, "abc", ERR_MISMATCH);
  assert_non_null(strstr(steps_why(steps), "the header does not agree"));
  steps_free(steps);
}

static void digests_go_before_checks(void **state) {
  struct steps_plan plan;
  struct steps *steps;
  (void)state;
  memset(&plan, 0, sizeof(plan));
  plan.check = CHECK_JSON;
  steps = through(&plan, "[1]", 0);
  assert_int_equal(steps_digest(steps)->type, DIGEST_NONE);
  steps_free(steps);
  steps = through(&plan, "[1", ERR_MALFORMED);
  assert_non_null(strstr(steps_why(steps), "no JSON"));
  steps_free(steps);
  expect(&plan, MD5_ABC, "the checksum");
  steps = through(&plan, "abd", ERR_MISMATCH);
  assert_non_null(strstr(steps_why(steps), "the checksum"));
  steps_free(steps);
  steps = through(&plan, "abc", ERR_MALFORMED);
  steps_free(steps);
}

static void gzip_must_be_whole(void **state) {
  static const char empty[] = "\x1f\x8b\x08\0\0\0\0\0\0\x03\x03\0\0\0\0\0"
                              "\0\0\0";
  struct steps_plan plan;
  struct steps *steps;
  (void)state;
  memset(&plan, 0, sizeof(plan));
  plan.check = CHECK_GZIP;
  for (size_t length = 0; length <= 20; length++) {
    assert_int_equal(steps_new(&steps, &plan), 0);
    steps_feed(steps, empty, length);
    assert_int_equal(steps_end(steps), length == 20 ? 0 : ERR_MALFORMED);
    steps_free(steps);
  }
}

/* JSON is looked for in what comes out. */
static void unpacked_json(void **state) {
  struct steps_plan plan;
  struct unpack_limits limits;
  struct steps *steps;
  (void)state;
  memset(&plan, 0, sizeof(plan));
  plan.check = CHECK_JSON;
  plan.unpack = UNPACK_GZIP;
  plan.unpack_limits.max_bytes = 7;
  steps = through(&plan, "packed", 0);
  assert_false(steps_need_bytes(steps));
  assert_int_equal(steps_unpack(steps, &limits), UNPACK_GZIP);
  assert_int_equal(limits.max_bytes, 7);
  assert_int_equal(steps_unpacked(steps, "[1", 2), 0);
  assert_int_equal(steps_unpacked_end(steps), ERR_MALFORMED);
  steps_unpack_failed(steps, ERR_MALFORMED);
  assert_non_null(strstr(steps_why(steps), "no JSON"));
  steps_free(steps);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(nothing_is_wanted),
      cmocka_unit_test(all_promises_are_compared),
      cmocka_unit_test(a_digest_that_fails_is_told),
      cmocka_unit_test(digests_go_before_checks),
      cmocka_unit_test(gzip_must_be_whole),
      cmocka_unit_test(unpacked_json),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
