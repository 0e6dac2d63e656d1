/* SPDX-License-Identifier: MIT
 *
 * idmap.c: find what was put in, not what was taken out, at any load.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "idmap.h"
#include "task.h"

#define TASKS 5000

static void finds_what_is_in_it(void **state) {
  struct idmap map;
  struct task *task = calloc(TASKS, sizeof(*task));
  (void)state;
  assert_non_null(task);
  idmap_init(&map);
  assert_null(idmap_find(&map, 1));
  for (size_t i = 0; i < TASKS; i++) {
    /* Numbers of several sources: close together, far apart. */
    task[i].id = ((uint64_t)(i % 3) << TASK_ORDINAL_BITS) + i / 3 + 1;
    assert_int_equal(idmap_add(&map, &task[i]), 0);
  }
  for (size_t i = 0; i < TASKS; i += 2)
    idmap_remove(&map, task[i].id);
  for (size_t i = 0; i < TASKS; i++) {
    const struct task *found = idmap_find(&map, task[i].id);
    if (i % 2 == 0)
      assert_null(found);
    else
      assert_ptr_equal(found, &task[i]);
  }
  idmap_remove(&map, 999999);
  idmap_fini(&map);
  free(task);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(finds_what_is_in_it),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
