/* SPDX-License-Identifier: MIT
 *
 * err: every code has its own sentence and exit status; messages are cut at a
 * character's border.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "err.h"

static void every_code_has_its_sentence(void **state) {
  (void)state;
  const int code[] = {
#define CODE(name, value, text) name,
      ERR_TABLE(CODE)
#undef CODE
  };
  for (size_t i = 0; i < sizeof code / sizeof *code; i++) {
    assert_true(code[i] < 0);
    assert_string_not_equal(err_text(code[i]), err_text(-9999));
    for (size_t k = 0; k < i; k++) {
      assert_int_not_equal(code[i], code[k]);
      assert_string_not_equal(err_text(code[i]), err_text(code[k]));
    }
  }
}

static void errno_becomes_a_code(void **state) {
  (void)state;
  assert_int_equal(err_from_errno(ENOSPC), ERR_FULL);
  assert_int_equal(err_from_errno(EDQUOT), ERR_FULL);
  assert_int_equal(err_from_errno(EROFS), ERR_READONLY);
  assert_int_equal(err_from_errno(EACCES), ERR_READONLY);
  assert_int_equal(err_from_errno(EPERM), ERR_READONLY);
  assert_int_equal(err_from_errno(ENOMEM), ERR_NOMEM);
  assert_int_equal(err_from_errno(EEXIST), ERR_EXISTS);
  assert_int_equal(err_from_errno(ELOOP), ERR_UNSAFE);
  assert_int_equal(err_from_errno(ENOTDIR), ERR_UNSAFE);
  assert_int_equal(err_from_errno(EIO), ERR_IO);
}

static void exit_statuses_are_those_of_the_contract(void **state) {
  (void)state;
  assert_int_equal(err_exit_status(0), 0);
  assert_int_equal(err_exit_status(ERR_USAGE), 2);
  assert_int_equal(err_exit_status(ERR_SYNTAX), 2);
  assert_int_equal(err_exit_status(ERR_CHANGED), 2);
  assert_int_equal(err_exit_status(ERR_LOCKED), 3);
  assert_int_equal(err_exit_status(ERR_FULL), 3);
  assert_int_equal(err_exit_status(ERR_READONLY), 3);
  assert_int_equal(err_exit_status(ERR_CORRUPT), 3);
  assert_int_equal(err_exit_status(ERR_IO), 3);
  assert_int_equal(err_exit_status(ERR_NOMEM), 1);
  assert_int_equal(err_exit_status(ERR_EXISTS), 1);
}

static void set_formats_and_returns_the_code(void **state) {
  struct errmsg msg;
  (void)state;
  assert_int_equal(err_set(&msg, ERR_IO, "%s: line %d", "list", 7), ERR_IO);
  assert_string_equal(msg.text, "list: line 7");
  assert_int_equal(err_set(NULL, ERR_FULL, "nobody listens"), ERR_FULL);
}

static void a_long_message_is_cut_between_characters(void **state) {
  char text[1000];
  struct errmsg msg;
  (void)state;
  for (size_t shift = 0; shift < 4; shift++) {
    size_t n = shift;
    memset(text, 'x', shift);
    while (n + 4 < sizeof text) {
      memcpy(text + n, "\xf0\x9f\x98\x80", 4);
      n += 4;
    }
    text[n] = '\0';
    err_set(&msg, ERR_IO, "%s", text);
    size_t len = strlen(msg.text);
    assert_true(len < sizeof msg.text);
    assert_true(len >= sizeof msg.text - 5);
    assert_int_equal((len - shift) % 4, 0);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_code_has_its_sentence),
      cmocka_unit_test(errno_becomes_a_code),
      cmocka_unit_test(exit_statuses_are_those_of_the_contract),
      cmocka_unit_test(set_formats_and_returns_the_code),
      cmocka_unit_test(a_long_message_is_cut_between_characters),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
