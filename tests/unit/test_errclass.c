/* SPDX-License-Identifier: MIT
 *
 * Failures are counted by what they have in common, and found again on the way
 * down to the single task.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "errclass.h"

static struct snap_task task(uint64_t id, enum task_state state,
                             const char *host, const char *reason) {
  return (struct snap_task){
      .id = id, .state = state, .host = host, .name = "name", .reason = reason};
}

static void assert_kind(const char *reason, const char *want) {
  char buf[ERRCLASS_CAP];
  struct snap_task one = task(1, TASK_FAILED, "h", reason);
  assert_string_equal(errclass_kind(&one, buf, sizeof buf), want);
}

static void test_kinds_forget_the_single_case(void **state) {
  (void)state;
  assert_kind("HTTP 404 Not Found", "HTTP 404 Not Found");
  assert_kind("Failed to connect to 127.0.0.1 port 81 after 3 ms: Couldn't "
              "connect to server",
              "Couldn't connect to server");
  assert_kind("Could not resolve host: nowhere.example",
              "Could not resolve host");
  assert_kind("transfer closed with 1234 bytes remaining to read",
              "transfer closed with N bytes remaining to read");
  assert_kind("https://a.example:443: name not found", "name not found");
  assert_kind("", "no reason given");
  assert_kind("odd: ", "odd");
}

static void test_kinds_hosts_tasks(void **state) {
  const struct snap_task tasks[] = {
      task(1, TASK_FAILED, "a", "HTTP 404 Not Found"),
      task(2, TASK_FAILED, "b", "HTTP 404 Not Found"),
      task(3, TASK_FAILED, "b", "HTTP 404 Not Found"),
      task(4, TASK_WAITING, "b", "reset after 7 bytes"),
      task(5, TASK_EXPIRED, "b", "reset after 9 bytes"),
      task(6, TASK_ACTIVE, "b", "HTTP 404 Not Found"),
      task(7, TASK_WAITING, "b", ""),
  };
  const struct snapshot snap = {.tasks = tasks, .task_count = 7};
  struct errclass_path path = {0};
  struct errclass_table table;
  (void)state;
  errclass_init(&table);
  assert_int_equal(errclass_count(&table, &path, &snap), 0);
  assert_int_equal(table.count, 2);
  assert_int_equal(table.failed, 4);
  assert_int_equal(table.waiting, 1);
  assert_string_equal(table.row[0].name, "HTTP 404 Not Found");
  assert_int_equal(table.row[0].failed, 3);
  assert_int_equal(table.row[1].failed, 1);
  assert_int_equal(table.row[1].waiting, 1);
  path.level = ERRCLASS_HOSTS;
  snprintf(path.kind, sizeof path.kind, "%s", table.row[0].name);
  assert_int_equal(errclass_count(&table, &path, &snap), 0);
  assert_int_equal(table.count, 2);
  assert_string_equal(table.row[0].name, "b");
  path.level = ERRCLASS_TASKS;
  snprintf(path.host, sizeof path.host, "b");
  assert_int_equal(errclass_count(&table, &path, &snap), 0);
  assert_int_equal(table.count, 2);
  assert_int_equal(table.row[0].id, 2);
  assert_int_equal(table.row[1].id, 3);
  errclass_fini(&table);
}

/* A server that thinks of a new sentence each time must not cost a row each. */
static void test_rows_have_a_ceiling(void **state) {
  enum { MANY = 6000 };
  static struct snap_task tasks[MANY];
  static char reasons[MANY][16];
  struct errclass_path path = {0};
  struct errclass_table table;
  (void)state;
  for (int i = 0; i < MANY; i++) {
    snprintf(reasons[i], sizeof reasons[i], "%c%c%c%c", 'a' + i % 26,
             'a' + i / 26 % 26, 'a' + i / 676 % 26, 'a' + i / 17576);
    tasks[i] = task((uint64_t)i + 1, TASK_FAILED, "h", reasons[i]);
  }
  const struct snapshot snap = {.tasks = tasks, .task_count = MANY};
  errclass_init(&table);
  assert_int_equal(errclass_count(&table, &path, &snap), 0);
  assert_true(table.count < MANY);
  assert_int_equal(table.failed, MANY);
  errclass_fini(&table);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_kinds_forget_the_single_case),
      cmocka_unit_test(test_kinds_hosts_tasks),
      cmocka_unit_test(test_rows_have_a_ceiling),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
