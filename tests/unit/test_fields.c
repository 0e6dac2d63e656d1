/* SPDX-License-Identifier: MIT
 *
 * The copy of a task's fields stands alone and says the same.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fields.h"

static void an_empty_record_copies(void **state) {
  (void)state;
  struct task_fields none;
  task_fields_init(&none);
  struct task_fields *copy = task_fields_copy(&none);
  assert_non_null(copy);
  assert_int_equal(copy->mirror_count, 0);
  assert_int_equal(copy->header_count, 0);
  assert_null(copy->method);
  assert_null(copy->body);
  assert_null(copy->checksum);
  assert_int_equal(copy->size, -1);
  free(copy);
}

static void a_copy_outlives_what_it_came_from(void **state) {
  (void)state;
  char mirror[] = "http://b.test/x", header[] = "X-A: 1", body[] = "a\0b";
  const char *mirrors[] = {mirror, "http://c.test/x"};
  const char *headers[] = {header};
  struct task_fields from;
  task_fields_init(&from);
  from.mirrors = mirrors;
  from.mirror_count = 2;
  from.headers = headers;
  from.header_count = 1;
  from.method = "PUT";
  from.body = body;
  from.body_length = 3;
  from.checksum = "md5=00";
  from.split = 7;
  struct task_fields *copy = task_fields_copy(&from);
  assert_non_null(copy);
  memset(mirror, '#', sizeof(mirror) - 1);
  memset(header, '#', sizeof(header) - 1);
  memset(body, '#', sizeof(body) - 1);
  mirrors[1] = headers[0] = NULL;
  assert_string_equal(copy->mirrors[0], "http://b.test/x");
  assert_string_equal(copy->mirrors[1], "http://c.test/x");
  assert_string_equal(copy->headers[0], "X-A: 1");
  assert_string_equal(copy->method, "PUT");
  assert_memory_equal(copy->body, "a\0b", 4);
  assert_int_equal(copy->body_length, 3);
  assert_string_equal(copy->checksum, "md5=00");
  assert_int_equal(copy->split, 7);
  free(copy);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(an_empty_record_copies),
      cmocka_unit_test(a_copy_outlives_what_it_came_from),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
