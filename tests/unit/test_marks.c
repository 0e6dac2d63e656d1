/* SPDX-License-Identifier: MIT
 *
 * Marks: they come back after closing, belong to their chunk alone, forget
 * WRITTEN after a boot, survive torn pages without lending marks.
 */
#include "config.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "chunk.h"
#include "marks.h"

static char dir[64];
static int dirfd_;

static int setup(void **state) {
  (void)state;
  snprintf(dir, sizeof dir, "/tmp/spate-marks-XXXXXX");
  assert_non_null(mkdtemp(dir));
  dirfd_ = open(dir, O_RDONLY | O_DIRECTORY);
  return dirfd_ < 0;
}

static int teardown(void **state) {
  (void)state;
  unlinkat(dirfd_, "marks", 0);
  close(dirfd_);
  rmdir(dir);
  return 0;
}

static struct marks *open_marks(uint64_t boot) {
  struct marks *marks = NULL;
  struct errmsg msg;
  assert_int_equal(marks_open(&marks, dirfd_, "marks", boot, &msg), 0);
  return marks;
}

static void marks_come_back(void **state) {
  (void)state;
  struct marks *marks = open_marks(7);
  int slot = marks_take(marks, 42);
  assert_true(slot >= 0);
  for (uint32_t i = 0; i < CHUNK_LINES; i++)
    marks_set(marks, slot, i,
              i % 3 == 0   ? MARK_NONE
              : i % 3 == 1 ? MARK_STARTED
                           : MARK_WRITTEN);
  marks_close(marks);
  marks = open_marks(7);
  assert_int_equal(marks_find(marks, 41), -1);
  slot = marks_find(marks, 42);
  assert_true(slot >= 0);
  for (uint32_t i = 0; i < CHUNK_LINES; i++)
    assert_int_equal(marks_get(marks, slot, i), i % 3 == 0   ? MARK_NONE
                                                : i % 3 == 1 ? MARK_STARTED
                                                             : MARK_WRITTEN);
  marks_close(marks);
}

/* A name that was taken is no mark, and touches none. */
static void names_that_were_taken_come_back(void **state) {
  (void)state;
  struct marks *marks = open_marks(7);
  int slot = marks_take(marks, 42);
  assert_true(slot >= 0);
  for (uint32_t i = 0; i < CHUNK_LINES; i++) {
    marks_set(marks, slot, i, i % 3 == 0 ? MARK_NONE : MARK_STARTED);
    marks_set_taken(marks, slot, i, i % 5 == 0);
  }
  marks_set_taken(marks, slot, 10, false);
  marks_close(marks);
  marks = open_marks(8);
  slot = marks_find(marks, 42);
  assert_true(slot >= 0);
  for (uint32_t i = 0; i < CHUNK_LINES; i++) {
    assert_int_equal(marks_get(marks, slot, i),
                     i % 3 == 0 ? MARK_NONE : MARK_STARTED);
    assert_int_equal(marks_taken(marks, slot, i), i % 5 == 0 && i != 10);
  }
  marks_drop(marks, slot);
  slot = marks_take(marks, 43);
  assert_false(marks_taken(marks, slot, 5));
  marks_close(marks);
}

static void written_is_forgotten_after_a_boot(void **state) {
  (void)state;
  const uint64_t boots[] = {8, 0}; /* another one, and unknown ones */
  for (int i = 0; i < 2; i++) {
    struct marks *marks = open_marks(i == 0 ? 7 : 0);
    int slot = marks_take(marks, 1);
    marks_set(marks, slot, 100, MARK_WRITTEN);
    marks_set(marks, slot, 101, MARK_STARTED);
    marks_set(marks, slot, 102, MARK_TAINTED);
    marks_close(marks);
    marks = open_marks(boots[i]);
    slot = marks_find(marks, 1);
    assert_int_equal(marks_get(marks, slot, 100), MARK_STARTED);
    assert_int_equal(marks_get(marks, slot, 101), MARK_STARTED);
    assert_int_equal(marks_get(marks, slot, 102), MARK_STARTED);
    assert_int_equal(marks_get(marks, slot, 103), MARK_NONE);
    marks_drop(marks, slot);
    marks_close(marks);
  }
}

static void taint_spares_nobody_who_began(void **state) {
  (void)state;
  struct marks *marks = open_marks(7);
  int slot = marks_take(marks, 5);
  marks_set(marks, slot, 4000, MARK_WRITTEN);
  marks_set(marks, slot, 4001, MARK_STARTED);
  marks_taint(marks);
  assert_int_equal(marks_get(marks, slot, 4000), MARK_TAINTED);
  assert_int_equal(marks_get(marks, slot, 4001), MARK_TAINTED);
  assert_int_equal(marks_get(marks, slot, 4002), MARK_NONE);
  marks_close(marks);
}

static void pages_are_used_again_and_empty(void **state) {
  (void)state;
  struct stat st;
  struct marks *marks = open_marks(7);
  for (uint64_t key = 0; key < 1000; key++) {
    int slot = marks_take(marks, key);
    assert_true(slot >= 0);
    for (uint32_t i = 0; i < CHUNK_LINES; i += 511)
      assert_int_equal(marks_get(marks, slot, i), MARK_NONE);
    marks_set(marks, slot, 511, MARK_WRITTEN);
    marks_drop(marks, slot);
  }
  marks_close(marks);
  assert_int_equal(fstatat(dirfd_, "marks", &st, 0), 0);
  assert_int_equal(st.st_size, MARKS_STEP * 4096);
}

static void grows_by_blocks_that_are_on_the_disk(void **state) {
  (void)state;
  struct stat st;
  struct marks *marks = open_marks(7);
  for (uint64_t key = 0; key < MARKS_STEP; key++)
    assert_true(marks_take(marks, key) >= 0);
  assert_int_equal(marks_take(marks, 999), -1);
  assert_int_equal(marks_grow(marks), 0);
  assert_int_equal(marks_map(marks), 0);
  int slot = marks_take(marks, 999);
  assert_true(slot >= MARKS_STEP);
  marks_set(marks, slot, 8191, MARK_STARTED);
  marks_close(marks);
  assert_int_equal(fstatat(dirfd_, "marks", &st, 0), 0);
  assert_true(st.st_blocks * 512 >= st.st_size); /* no hole: no SIGBUS */
  marks = open_marks(7);
  assert_int_equal(marks_get(marks, marks_find(marks, 999), 8191),
                   MARK_STARTED);
  assert_true(marks_find(marks, MARKS_STEP - 1) >= 0);
  marks_close(marks);
}

static void a_page_is_needed_while_an_open_task_has_a_mark(void **state) {
  (void)state;
  uint8_t settled[CHUNK_BITMAP] = {0};
  struct marks *marks = open_marks(7);
  int slot = marks_take(marks, 9);
  assert_true(marks_only(marks, slot, settled));
  marks_set(marks, slot, 4097, MARK_WRITTEN);
  marks_set(marks, slot, CHUNK_LINES - 1, MARK_STARTED);
  chunk_bit_set(settled, 4097);
  chunk_bit_set(settled, 4096); /* without a mark */
  assert_false(marks_only(marks, slot, settled));
  chunk_bit_set(settled, CHUNK_LINES - 1);
  assert_true(marks_only(marks, slot, settled));
  marks_close(marks);
}

static void torn_page_lends_no_marks(void **state) {
  (void)state;
  char sectors[2][512];
  struct marks *marks = open_marks(7);
  int slot = marks_take(marks, 1);
  for (uint32_t i = 0; i < CHUNK_LINES; i++)
    marks_set(marks, slot, i, MARK_STARTED);
  marks_close(marks);
  int fd = openat(dirfd_, "marks", O_RDWR);
  assert_int_equal(pread(fd, sectors[0], 512, slot * 4096 + 1024), 512);
  /* The page passes to chunk 2, but one sector of it never gets to disk. */
  marks = open_marks(7);
  marks_drop(marks, marks_find(marks, 1));
  assert_int_equal(marks_take(marks, 2), slot);
  marks_close(marks);
  assert_int_equal(pwrite(fd, sectors[0], 512, slot * 4096 + 1024), 512);
  close(fd);
  marks = open_marks(7);
  assert_int_equal(marks_find(marks, 1), -1);
  slot = marks_find(marks, 2);
  assert_true(slot >= 0);
  for (uint32_t i = 0; i < CHUNK_LINES; i++)
    assert_int_equal(marks_get(marks, slot, i), MARK_NONE);
  marks_close(marks);
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
  const struct CMUnitTest tests[] = {
      T(marks_come_back),
      T(names_that_were_taken_come_back),
      T(written_is_forgotten_after_a_boot),
      T(taint_spares_nobody_who_began),
      T(pages_are_used_again_and_empty),
      T(grows_by_blocks_that_are_on_the_disk),
      T(a_page_is_needed_while_an_open_task_has_a_mark),
      T(torn_page_lends_no_marks),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
