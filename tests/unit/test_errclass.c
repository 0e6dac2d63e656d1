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

static void test_kinds_forget_the_single_case(void **state) {
  struct snap_task one = task(1, TASK_FAILED, "h", "HTTP 404 Not Found");
  struct snap_task two = task(2, TASK_FAILED, "h",
                              "Failed to connect to 127.0.0.1 port 81 after 3 "
                              "ms: Couldn't connect to server");
  struct snap_task same =
      task(3, TASK_FAILED, "h",
           "Failed to connect to 10.0.0.9 port 443 after 99 "
           "ms: Couldn't connect to server");
  char a[ERRCLASS_CAP], b[ERRCLASS_CAP];
  (void)state;
  one.status = 404;
  assert_string_equal(errclass_kind(&one, a, sizeof a), "http-404");
  assert_string_equal(errclass_kind(&two, a, sizeof a),
                      errclass_kind(&same, b, sizeof b));
  assert_string_not_equal(a, "http-404");
}

static void test_the_session_knows_of_more(void **state) {
  struct snap_task tasks[] = {task(1, TASK_FAILED, "http://a:80", "HTTP 404")};
  const struct snapshot snap = {.tasks = tasks, .task_count = 1};
  struct errclass_path path = {0};
  struct errclass_table table;
  (void)state;
  tasks[0].status = 404;
  errclass_init(&table);
  assert_int_equal(errclass_count(&table, &path, &snap), 0);
  assert_int_equal(errclass_raise(&table, "http-404", 5000), 0);
  assert_int_equal(errclass_raise(&table, "timeout", 9000), 0);
  assert_int_equal(errclass_raise(&table, "http-404", 3), 0);
  errclass_sort(&table);
  assert_string_equal(table.row[0].name, "timeout");
  assert_int_equal(table.row[0].id, 0);
  assert_int_equal(table.row[1].failed, 5000);
  assert_int_equal(table.row[1].known, 1);
  assert_int_equal(table.failed, 14000);
  path.level = ERRCLASS_HOSTS;
  snprintf(path.kind, sizeof path.kind, "http-404");
  assert_int_equal(errclass_count(&table, &path, &snap), 0);
  assert_string_equal(table.row[0].name, "a:80");
  errclass_fini(&table);
}

static void test_kinds_hosts_tasks(void **state) {
  struct snap_task tasks[] = {
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
  for (int i = 0; i < 7; i++)
    tasks[i].status = strncmp(tasks[i].reason, "HTTP", 4) == 0 ? 404 : 0;
  errclass_init(&table);
  assert_int_equal(errclass_count(&table, &path, &snap), 0);
  assert_int_equal(table.count, 2);
  assert_int_equal(table.failed, 4);
  assert_int_equal(table.waiting, 1);
  assert_string_equal(table.row[0].name, "http-404");
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

/* Many tasks of one kind are as many rows, and no more. */
static void test_many_tasks(void **state) {
  enum { MANY = 6000 };
  static struct snap_task tasks[MANY];
  struct errclass_path path = {.level = ERRCLASS_TASKS, .host = "h"};
  struct errclass_table table;
  char kind[ERRCLASS_CAP];
  (void)state;
  for (int i = 0; i < MANY; i++)
    tasks[i] = task((uint64_t)i + 1, TASK_FAILED, "h", "reset");
  snprintf(path.kind, sizeof path.kind, "%s",
           errclass_kind(&tasks[0], kind, sizeof kind));
  const struct snapshot snap = {.tasks = tasks, .task_count = MANY};
  errclass_init(&table);
  assert_int_equal(errclass_count(&table, &path, &snap), 0);
  assert_int_equal(table.count, MANY);
  assert_int_equal(table.row[MANY - 1].id, MANY);
  errclass_fini(&table);
}

/* Else the session's and the picture's count would be two rows. */
static void test_a_host_is_one_row_with_and_without_its_port(void **state) {
  static const char *const pairs[][2] = {
      {"http://127.0.0.1:8080/a:1/b", "127.0.0.1"},
      {"https://example.org:443", "example.org"},
      {"http://u:pw@Example.ORG/x?y=@z:9", "example.org"},
      {"http://[::1]:80/", "[::1]"},
      {"http://[::1]", "[::1]"},
      {"h", "h"},
      {"", ""},
  };
  (void)state;
  for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
    char name[ERRCLASS_CAP];
    errclass_host_name(pairs[i][0], name, sizeof name);
    assert_string_equal(name, pairs[i][1]);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_kinds_forget_the_single_case),
      cmocka_unit_test(test_kinds_hosts_tasks),
      cmocka_unit_test(test_the_session_knows_of_more),
      cmocka_unit_test(test_many_tasks),
      cmocka_unit_test(test_a_host_is_one_row_with_and_without_its_port),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
