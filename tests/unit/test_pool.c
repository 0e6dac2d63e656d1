/* SPDX-License-Identifier: MIT
 *
 * pool.c on a real loop: pieces and turns, cancelling, and what its figures
 * say of the jobs.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "pool.h"

struct rig {
  uv_loop_t loop;
  struct loopwatch watch;
  struct pool pool;
  int order[16], count;
};

struct work {
  struct job job;
  struct rig *rig;
  int number, pieces, done;
  bool spin;
};

static int open_rig(void **state) {
  struct rig *rig = calloc(1, sizeof(*rig));
  assert_non_null(rig);
  uv_loop_init(&rig->loop);
  loopwatch_init(&rig->watch);
  pool_init(&rig->pool, &rig->loop, &rig->watch, 1, 1);
  *state = rig;
  return 0;
}

static int close_rig(void **state) {
  struct rig *rig = *state;
  assert_int_equal(rig->pool.running, 0);
  assert_int_equal(uv_loop_close(&rig->loop), 0);
  free(rig);
  return 0;
}

static void on_work(struct job *job) {
  struct work *work = (struct work *)(void *)job;
  while (work->spin && !job_piece_over(job))
    ;
  job->more = --work->pieces > 0;
  job_progress(job, job_progressed(job) + 1);
}

static void on_done(struct job *job) {
  struct work *work = (struct work *)(void *)job;
  work->done++;
  work->rig->order[work->rig->count++] = work->number;
}

static void submit(struct rig *rig, struct work *work, int number, int pieces,
                   bool spin) {
  work->done = 0;
  work->rig = rig;
  work->number = number;
  work->pieces = pieces;
  work->spin = spin;
  pool_submit(&rig->pool, &work->job, JOB_CPU, "test", on_work, on_done);
}

static void long_work_lets_others_pass(void **state) {
  struct rig *rig = *state;
  struct work work[3] = {0};
  submit(rig, &work[0], 0, 5, true);
  submit(rig, &work[1], 1, 1, false);
  submit(rig, &work[2], 2, 2, false);
  assert_int_equal(rig->pool.figures[0].waiting, 2);
  uv_run(&rig->loop, UV_RUN_DEFAULT);
  assert_int_equal(rig->count, 3);
  assert_int_equal(rig->order[0], 1); /* after the first piece of the first */
  assert_int_equal(rig->order[1], 2);
  assert_int_equal(rig->order[2], 0);
}

static void urgent_jobs_go_first(void **state) {
  struct rig *rig = *state;
  struct work work[4];
  memset(work, 0, sizeof(work));
  work[2].job.priority = 5;
  work[3].job.priority = 5;
  for (int i = 0; i < 4; i++)
    submit(rig, &work[i], i, i == 2 ? 2 : 1, false);
  uv_run(&rig->loop, UV_RUN_DEFAULT);
  assert_int_equal(rig->order[0], 0); /* it ran already */
  assert_int_equal(rig->order[1], 3); /* while the other waits for a piece */
  assert_int_equal(rig->order[2], 2);
  assert_int_equal(rig->order[3], 1);
}

static void progress_is_told(void **state) {
  struct rig *rig = *state;
  struct work work;
  memset(&work, 0, sizeof(work));
  submit(rig, &work, 0, 40, false);
  while (work.done == 0) {
    int64_t at = job_progressed(&work.job);
    uv_run(&rig->loop, UV_RUN_ONCE);
    assert_true(job_progressed(&work.job) >= at);
  }
  assert_int_equal(job_progressed(&work.job), 40);
}

static void figures_tell_jobs_pieces_and_time(void **state) {
  struct rig *rig = *state;
  const struct pool_figures *f = &rig->pool.figures[0];
  struct work work[2] = {0};
  submit(rig, &work[0], 0, 3, true);
  submit(rig, &work[1], 1, 1, true);
  uv_run(&rig->loop, UV_RUN_DEFAULT);
  assert_int_equal(rig->pool.figure_count, 1);
  assert_string_equal(f->name, "test");
  assert_int_equal(f->kind, JOB_CPU);
  assert_int_equal(f->jobs, 2);
  assert_int_equal(f->pieces, 4);
  assert_int_equal(f->waiting, 0);
  assert_int_equal(f->running, 0);
  assert_true(f->wall_ns >= 4 * POOL_PIECE_NS);
  assert_true(f->longest_ns >= POOL_PIECE_NS);
  assert_true(f->cpu_ns > 0 && f->cpu_ns <= f->wall_ns + POOL_PIECE_NS);
  assert_true(f->longest_cpu_ns > 0 && f->longest_cpu_ns <= f->cpu_ns);
  assert_true(f->waited_ns >= POOL_PIECE_NS);
}

static void note_slow(void *arg, const struct job *job, uint64_t wall_ns) {
  struct rig *rig = arg;
  assert_true(wall_ns >= POOL_SLOW_NS);
  rig->order[rig->count++] = (int)job->task;
}

static void sleep_long(struct job *job) {
  (void)job;
  uv_sleep(POOL_SLOW_NS / 1000000 + 50);
}

static void slow_job_names_its_task(void **state) {
  struct rig *rig = *state;
  struct work quick = {0}, slow = {0};
  rig->pool.slow = note_slow;
  rig->pool.arg = rig;
  slow.rig = rig;
  slow.number = 7;
  slow.job.task = 4711;
  submit(rig, &quick, 3, 1, false);
  pool_submit(&rig->pool, &slow.job, JOB_DISK, "slow", sleep_long, on_done);
  uv_run(&rig->loop, UV_RUN_DEFAULT);
  assert_int_equal(rig->count, 3);
  assert_int_equal(rig->order[0], 3);
  assert_int_equal(rig->order[1], 4711);
  assert_int_equal(rig->order[2], 7);
}

static void cancelled_job_ends_after_its_piece(void **state) {
  struct rig *rig = *state;
  struct work work = {0};
  submit(rig, &work, 0, 1000000, true);
  job_cancel(&work.job);
  uv_run(&rig->loop, UV_RUN_DEFAULT);
  assert_int_equal(work.done, 1);
  assert_int_equal(work.pieces, 999999);
}

int main(void) {
#define RIG(name) cmocka_unit_test_setup_teardown(name, open_rig, close_rig)
  const struct CMUnitTest tests[] = {
      RIG(long_work_lets_others_pass), RIG(urgent_jobs_go_first),
      RIG(progress_is_told),           RIG(figures_tell_jobs_pieces_and_time),
      RIG(slow_job_names_its_task),    RIG(cancelled_job_ends_after_its_piece),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
