/* SPDX-License-Identifier: MIT
 *
 * task_state: the names are those of the design, letters differ, and a value
 * out of range does no harm.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "task_state.h"

static void names_are_those_of_the_contract(void **state) {
  static const char *const want[] = {"queued",    "waiting",   "active",
                                     "verifying", "paused",    "done",
                                     "failed",    "cancelled", "expired"};
  (void)state;
  assert_int_equal(TASK_STATE_COUNT, sizeof want / sizeof *want);
  for (int i = 0; i < TASK_STATE_COUNT; i++)
    assert_string_equal(task_state_name((enum task_state)i), want[i]);
}

static void letters_differ(void **state) {
  (void)state;
  for (int i = 0; i < TASK_STATE_COUNT; i++)
    for (int k = 0; k < i; k++)
      assert_int_not_equal(task_state_letter((enum task_state)i),
                           task_state_letter((enum task_state)k));
  assert_int_equal(task_state_letter(TASK_ACTIVE), 'D');
}

static void no_state_gives_a_question_mark(void **state) {
  (void)state;
  assert_string_equal(task_state_name(TASK_STATE_COUNT), "?");
  assert_int_equal(task_state_letter(TASK_STATE_COUNT), '?');
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(names_are_those_of_the_contract),
      cmocka_unit_test(letters_differ),
      cmocka_unit_test(no_state_gives_a_question_mark),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
