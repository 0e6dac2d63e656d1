/* SPDX-License-Identifier: MIT
 *
 * The system says that it lost data (a flush fails once): what it may have
 * lost must not be called done, in this batch or in the next, and is fetched
 * again by the next run. syncfs() is ours here.
 */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "session_rig.h"
#include "store.h"

static int flushes, fail_at;
static _Atomic bool no_memory; /* for the words of a loss, once */

char *__real_strdup(const char *text);
char *__wrap_strdup(const char *text);

char *__wrap_strdup(const char *text) {
  bool short_of_it = strcmp(text, STORE_LOST_REASON) == 0 &&
                     atomic_exchange(&no_memory, false);
  return short_of_it ? NULL : __real_strdup(text);
}

int syncfs(int fd) {
  (void)fd;
  if (++flushes != fail_at)
    return 0;
  errno = EIO;
  return -1;
}

#ifdef HAVE_SYNCFS
static struct rig rig;
static char path[256];

static int hold_all(struct rig *r, const struct rig_item *item) {
  session_mark_started(r->session, item->id, false);
  return RIG_HOLD;
}

static void settle_held(struct rig *r, uint64_t id) {
  struct session_result result = {
      .id = id, .state = TASK_DONE, .attempts = 1, .reason = ""};
  session_mark_written(r->session, id, false);
  session_settle(r->session, &result);
  r->settled++;
  r->held--;
}

/* All but the last in one turn of the loop, so that nothing is written after
   the word of the loss; the last one's file is being written meanwhile. */
static void settle_in_two_steps(struct rig *r) {
  if (r->held == 3000)
    for (uint64_t id = 1; id < 3000; id++)
      settle_held(r, id);
  else if (r->held == 1 && r->worst_trouble != 0)
    settle_held(r, 3000);
}

static void lost_pages_are_never_called_done(void **state) {
  (void)state;
  rig_init(&rig);
  rig.durable = true;
  rig.window = 3000;
  rig.verdict = hold_all;
  rig.tick = settle_in_two_steps;
  rig_manifest(&rig, "list", 0, 3000, "a", path, sizeof path);
  flushes = 0;
  fail_at = 1;
  rig_session(&rig, path);
  assert_int_equal(rig.worst_trouble, ERR_IO);
  assert_int_equal(rig.last_trouble, 0);
  assert_int_equal(rig.committed, 3000);
  assert_int_equal(rig.counts.failed, 3000);
  assert_int_equal(rig.counts.done, 0);
  rig.verdict = NULL;
  rig.tick = NULL;
  rig_session(&rig, path);
  assert_int_equal(rig.delivered, 3000);
  for (size_t i = 0; i < rig.item_count; i++) {
    assert_true(rig.items[i].failed_before);
    assert_true(rig.items[i].started);
    assert_false(rig.items[i].written);
  }
  assert_int_equal(rig.counts.done, 3000);
  assert_int_equal(rig.counts.failed, 0);
  rig_session(&rig, path);
  assert_int_equal(rig.delivered, 0);
  rig_fini(&rig);
}

/* A batch that is given up would never be heard of again. */
static void a_loss_is_told_when_memory_is_short(void **state) {
  (void)state;
  rig_init(&rig);
  rig.durable = true;
  rig_manifest(&rig, "list", 0, 100, "a", path, sizeof path);
  flushes = 0;
  fail_at = 1;
  no_memory = true;
  rig_session(&rig, path);
  assert_false(no_memory);
  assert_int_equal(rig.committed, 100);
  assert_true(rig.counts.failed > 0);
  rig_session(&rig, path);
  assert_int_equal(rig.counts.done, 100);
  rig_fini(&rig);
}

static void flush_comes_before_every_commit(void **state) {
  (void)state;
  rig_init(&rig);
  rig.durable = true;
  rig_manifest(&rig, "list", 0, 2000, "a", path, sizeof path);
  flushes = fail_at = 0;
  rig_session(&rig, path);
  assert_true(flushes > 0);
  assert_in_range(rig.counts.commits, flushes, flushes + 2);
  rig.durable = false;
  flushes = 0;
  rig_manifest(&rig, "list", 0, 4000, "a", path, sizeof path);
  rig_session(&rig, path);
  assert_int_equal(rig.delivered, 2000);
  assert_int_equal(flushes, 0);
  rig_fini(&rig);
}

static void say_length(struct rig *r, const uint64_t *ids, size_t count) {
  (void)ids;
  session_file_put(r->session, "grown", -1, (int64_t)(r->settled + count),
                   r->settled + count);
}

/* A gap in a growing file stays: nothing behind it may count in this run. */
static void after_a_loss_no_length_is_kept(void **state) {
  int64_t bytes = 0;
  uint64_t records = 0;
  (void)state;
  rig_init(&rig);
  rig.durable = true;
  rig.record = say_length;
  rig.window = 3000;
  rig_manifest(&rig, "list", 0, 20000, "a", path, sizeof path);
  flushes = 0;
  fail_at = 2; /* a slow store may have all others in the second batch */
  rig_session(&rig, path);
  assert_true(flushes >= 2);
  assert_true(rig.counts.done > 0);
  assert_true(rig.counts.failed > 0);
  assert_int_equal(rig.counts.done + rig.counts.failed, 20000);
  rig_open(&rig);
  assert_int_equal(
      session_file_get(rig.session, "grown", &bytes, &records, &rig.msg), 0);
  assert_int_equal(bytes, rig.counts.done);
  rig_close(&rig, false);
  rig.record = NULL;
  rig_session(&rig, path);
  assert_int_equal(rig.counts.done, 20000);
  rig_fini(&rig);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(lost_pages_are_never_called_done),
      cmocka_unit_test(after_a_loss_no_length_is_kept),
      cmocka_unit_test(a_loss_is_told_when_memory_is_short),
      cmocka_unit_test(flush_comes_before_every_commit),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
#else
int main(void) {
  return 77; /* there is no syncfs() to fail here */
}
#endif
