/* SPDX-License-Identifier: MIT
 *
 * Names that servers gave: what was kept is there for the next run, and what
 * was cut off or never was a record is not.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "titles.h"

static char dir[] = "/tmp/spate-titles-XXXXXX";
static int dirfd_of_test;

static int make_dir(void **state) {
  (void)state;
  memcpy(dir + sizeof dir - 7, "XXXXXX", 6);
  if (mkdtemp(dir) == NULL)
    return -1;
  dirfd_of_test = open(dir, O_RDONLY | O_DIRECTORY);
  return mkdirat(dirfd_of_test, ".spate", 0700);
}

static int drop_dir(void **state) {
  (void)state;
  unlinkat(dirfd_of_test, ".spate/names", 0);
  unlinkat(dirfd_of_test, ".spate", AT_REMOVEDIR);
  close(dirfd_of_test);
  return rmdir(dir);
}

static void open_titles(struct titles *t, bool make) {
  struct errmsg msg;
  titles_init(t);
  assert_int_equal(titles_open(t, dirfd_of_test, TITLES_NAMES, make, &msg), 0);
}

static void without_a_file_nothing_is_known(void **state) {
  struct titles t;
  (void)state;
  open_titles(&t, false);
  assert_int_equal(t.fd, -1);
  assert_null(titles_find(&t, 1));
  titles_fini(&t);
  assert_int_not_equal(faccessat(dirfd_of_test, ".spate/names", F_OK, 0), 0);
}

static void names_outlive_a_run(void **state) {
  struct titles t;
  char name[32];
  (void)state;
  open_titles(&t, true);
  for (uint64_t i = 0; i < 1000; i++) {
    snprintf(name, sizeof name, "dir/a name %d", (int)i);
    assert_int_equal(titles_append(t.fd, i << 40 | i, name), 0);
    assert_null(titles_find(&t, i << 40 | i));
  }
  assert_int_equal(titles_append(t.fd, 5, "first"), 0);
  assert_int_equal(titles_append(t.fd, 5, "last"), 0);
  titles_fini(&t);
  open_titles(&t, false);
  for (uint64_t i = 0; i < 1000; i++) {
    snprintf(name, sizeof name, "dir/a name %d", (int)i);
    assert_string_equal(titles_find(&t, i << 40 | i), name);
  }
  assert_string_equal(titles_find(&t, 5), "last");
  assert_null(titles_find(&t, 6));
  assert_int_equal(titles_put(&t, 5, "now"), 0);
  assert_string_equal(titles_find(&t, 5), "now");
  titles_fini(&t);
}

static void what_is_cut_off_is_not_there(void **state) {
  static const char text[] = "\n7 4 good\n8 9 cut of"
                             "\n9 5 whole\n\nno record\n10 3 four\n11 0 \n"
                             "12 4 last";
  struct titles t;
  (void)state;
  open_titles(&t, true);
  assert_int_equal(write(t.fd, text, sizeof text - 1), sizeof text - 1);
  titles_fini(&t);
  open_titles(&t, false);
  assert_string_equal(titles_find(&t, 7), "good");
  assert_null(titles_find(&t, 8));
  assert_string_equal(titles_find(&t, 9), "whole");
  assert_null(titles_find(&t, 10));
  assert_null(titles_find(&t, 11));
  assert_null(titles_find(&t, 12));
  /* what comes next is a record of its own */
  assert_int_equal(titles_append(t.fd, 13, "next"), 0);
  titles_fini(&t);
  open_titles(&t, false);
  assert_string_equal(titles_find(&t, 13), "next");
  titles_fini(&t);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(without_a_file_nothing_is_known, make_dir,
                                      drop_dir),
      cmocka_unit_test_setup_teardown(names_outlive_a_run, make_dir, drop_dir),
      cmocka_unit_test_setup_teardown(what_is_cut_off_is_not_there, make_dir,
                                      drop_dir),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
