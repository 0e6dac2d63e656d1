/* SPDX-License-Identifier: MIT
 *
 * Output names of tasks in memory: found under the name they were put in with,
 * whatever comes and goes beside them.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "outputs.h"
#include "task.h"

#define TASKS 3000

static struct task tasks[TASKS];
static char names[TASKS][24];

static void names_are_found_while_they_are_in(void **state) {
  (void)state;
  struct outputs o;
  uint64_t rng = 1;
  outputs_init(&o);
  assert_null(outputs_find(&o, "x"));
  for (int i = 0; i < TASKS; i++) {
    snprintf(names[i], sizeof names[i], "dir/%d", i);
    tasks[i].name = names[i];
    tasks[i].output_hash = 0;
    outputs_remove(&o, &tasks[i]); /* not in it: nothing happens */
  }
  for (int round = 0; round < 20000; round++) {
    rng = rng * 6364136223846793005u + 1442695040888963407u;
    struct task *task = &tasks[(rng >> 33) % TASKS];
    if (task->output_hash == 0) {
      assert_null(outputs_find(&o, task->name));
      assert_int_equal(outputs_add(&o, task), 0);
    } else {
      assert_ptr_equal(outputs_find(&o, task->name), task);
      outputs_remove(&o, task);
    }
  }
  size_t in = 0;
  for (int i = 0; i < TASKS; i++) {
    struct task *found = outputs_find(&o, names[i]);
    assert_ptr_equal(found, tasks[i].output_hash != 0 ? &tasks[i] : NULL);
    in += found != NULL;
  }
  assert_int_equal(in, o.count);
  outputs_fini(&o);
}

static void renamed_task_leaves_its_place(void **state) {
  (void)state;
  struct outputs o;
  struct task task = {.name = (char *)"a"};
  outputs_init(&o);
  assert_int_equal(outputs_add(&o, &task), 0);
  task.name = (char *)"b";
  outputs_remove(&o, &task);
  assert_int_equal(o.count, 0);
  assert_null(outputs_find(&o, "a"));
  outputs_fini(&o);
}

int main(void) {
  const struct CMUnitTest all[] = {
      cmocka_unit_test(names_are_found_while_they_are_in),
      cmocka_unit_test(renamed_task_leaves_its_place),
  };
  return cmocka_run_group_tests(all, NULL, NULL);
}
