/* SPDX-License-Identifier: MIT
 *
 * What is written of large files: it comes back after a kill, is forgotten
 * after a boot, and a record that a kill has torn is the one before it.
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

#include "unflushed.h"

#define NAME "unflushed"
#define BOOT 7
#define FIRST_HALF 4096 /* of the first slot; the other one behind it */
#define HALF 1024

static char dir[64];
static int dirfd_;

static int setup(void **state) {
  (void)state;
  snprintf(dir, sizeof dir, "/tmp/spate-unflushed-XXXXXX");
  assert_non_null(mkdtemp(dir));
  dirfd_ = open(dir, O_RDONLY | O_DIRECTORY);
  return dirfd_ < 0;
}

static int teardown(void **state) {
  (void)state;
  unlinkat(dirfd_, NAME, 0);
  close(dirfd_);
  rmdir(dir);
  return 0;
}

static struct unflushed *open_file(uint64_t boot) {
  return unflushed_open(dirfd_, NAME, boot);
}

static struct session_unflushed known_of(int64_t bytes) {
  struct session_unflushed known;
  memset(&known, 0, sizeof known);
  known.inode = 99;
  known.said_ns = bytes * 2;
  known.partial.durable = bytes;
  known.partial.size = 1000000;
  known.partial.range_count = 1;
  known.partial.ranges[0] = (struct range){bytes + 10, bytes + 20};
  snprintf(known.partial.etag, sizeof known.partial.etag, "\"v\"");
  return known;
}

static void put(struct unflushed *u, uint64_t id, bool busy, int64_t bytes) {
  struct session_unflushed known = known_of(bytes);
  unflushed_put(u, id, busy, &known);
}

/* The bytes that are known of a task; -1 nothing. */
static int64_t bytes_of(const struct unflushed *u, uint64_t id) {
  struct session_unflushed known;
  if (!unflushed_get(u, id, &known))
    return -1;
  return known.partial.durable;
}

/* As a kill would: what was mapped is there, and nobody has closed it. */
static void it_survives_a_kill(void **state) {
  (void)state;
  struct session_unflushed known, want = known_of(300);
  struct unflushed *dead = open_file(BOOT);
  assert_non_null(dead);
  put(dead, 1, true, 100);
  put(dead, 2, true, 200);
  put(dead, 1, true, 300);
  struct unflushed *u = open_file(BOOT);
  assert_non_null(u);
  assert_true(unflushed_get(u, 1, &known));
  assert_memory_equal(&known, &want, sizeof known);
  assert_int_equal(bytes_of(u, 2), 200);
  assert_int_equal(bytes_of(u, 3), -1);
  put(u, 1, true, 400);
  assert_int_equal(bytes_of(u, 1), 400);
  unflushed_close(u);
  unflushed_close(dead);
}

static void another_boot_forgets(void **state) {
  (void)state;
  struct unflushed *u = open_file(BOOT);
  put(u, 1, true, 100);
  unflushed_close(u);
  u = open_file(BOOT + 1);
  assert_int_equal(bytes_of(u, 1), -1);
  unflushed_close(u);
  u = open_file(BOOT); /* it was emptied, not only hidden */
  assert_int_equal(bytes_of(u, 1), -1);
  unflushed_close(u);
  assert_null(open_file(0));
}

static void what_is_dropped_stays_away(void **state) {
  (void)state;
  struct unflushed *u = open_file(BOOT);
  put(u, 1, true, 100);
  put(u, 1, true, 200);
  put(u, 2, true, 300);
  unflushed_drop(u, 1);
  unflushed_drop(u, 1);
  assert_int_equal(bytes_of(u, 1), -1);
  unflushed_close(u);
  u = open_file(BOOT);
  assert_int_equal(bytes_of(u, 1), -1);
  assert_int_equal(bytes_of(u, 2), 300);
  put(u, 3, true, 400); /* into its place */
  assert_int_equal(bytes_of(u, 3), 400);
  unflushed_give_up(u);
  put(u, 4, true, 500);
  assert_int_equal(bytes_of(u, 2), -1);
  assert_int_equal(bytes_of(u, 4), -1);
  unflushed_close(u);
  u = open_file(BOOT);
  assert_int_equal(bytes_of(u, 2), -1);
  assert_int_equal(bytes_of(u, 3), -1);
  unflushed_close(u);
}

static void break_byte(off_t at) {
  uint8_t byte;
  int fd = openat(dirfd_, NAME, O_RDWR);
  assert_int_equal(pread(fd, &byte, 1, at), 1);
  byte ^= 0x40;
  assert_int_equal(pwrite(fd, &byte, 1, at), 1);
  close(fd);
}

/* The first record of a slot is in its second half. */
static void a_torn_record_is_the_one_before(void **state) {
  (void)state;
  for (off_t at = 0; at < 400; at += 57) {
    struct unflushed *u = open_file(BOOT);
    put(u, 1, true, 100);
    put(u, 1, true, 200);
    unflushed_close(u);
    break_byte(FIRST_HALF + at);
    u = open_file(BOOT);
    assert_int_equal(bytes_of(u, 1), 100);
    put(u, 1, true, 300);
    assert_int_equal(bytes_of(u, 1), 300);
    unflushed_close(u);
    break_byte(FIRST_HALF + at);
    break_byte(FIRST_HALF + HALF + at);
    u = open_file(BOOT);
    assert_int_equal(bytes_of(u, 1), -1);
    unflushed_close(u);
    unlinkat(dirfd_, NAME, 0);
  }
}

static void a_full_file_gives_away_what_rests(void **state) {
  (void)state;
  struct unflushed *u = open_file(BOOT);
  for (uint64_t id = 1; id <= UNFLUSHED_SLOTS; id++)
    put(u, id, id != 5, (int64_t)id);
  put(u, 1000, true, 1000);
  assert_int_equal(bytes_of(u, 1000), 1000);
  assert_int_equal(bytes_of(u, 5), -1);
  put(u, 1001, true, 1001); /* all are busy */
  assert_int_equal(bytes_of(u, 1001), -1);
  for (uint64_t id = 1; id <= UNFLUSHED_SLOTS; id++)
    assert_int_equal(bytes_of(u, id), id == 5 ? -1 : (int64_t)id);
  unflushed_drop(u, 7);
  put(u, 1001, true, 1001);
  assert_int_equal(bytes_of(u, 1001), 1001);
  unflushed_close(u);
}

static void a_file_that_was_cut_is_made_whole(void **state) {
  (void)state;
  struct unflushed *u = open_file(BOOT);
  for (uint64_t id = 1; id <= UNFLUSHED_SLOTS; id++)
    put(u, id, true, (int64_t)id);
  unflushed_close(u);
  for (off_t length = 20000; length >= 0; length -= 4000) {
    int fd = openat(dirfd_, NAME, O_RDWR);
    assert_int_equal(ftruncate(fd, length), 0);
    close(fd);
    u = open_file(BOOT);
    assert_non_null(u);
    put(u, 999, true, 999);
    assert_int_equal(bytes_of(u, 999), 999);
    assert_int_equal(bytes_of(u, UNFLUSHED_SLOTS), -1);
    unflushed_close(u);
  }
}

static void without_a_file_nothing_is_known(void **state) {
  (void)state;
  assert_int_equal(symlinkat("elsewhere", dirfd_, NAME), 0);
  assert_null(open_file(BOOT));
  put(NULL, 1, true, 100);
  assert_int_equal(bytes_of(NULL, 1), -1);
  unflushed_drop(NULL, 1);
  unflushed_give_up(NULL);
  unflushed_close(NULL);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(it_survives_a_kill),
      TEST(another_boot_forgets),
      TEST(what_is_dropped_stays_away),
      TEST(a_torn_record_is_the_one_before),
      TEST(a_full_file_gives_away_what_rests),
      TEST(a_file_that_was_cut_is_made_whole),
      TEST(without_a_file_nothing_is_known),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
