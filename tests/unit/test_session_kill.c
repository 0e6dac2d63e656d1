/* SPDX-License-Identifier: MIT
 *
 * A session that is killed with SIGKILL at random moments: what was reported
 * as committed never comes again, everything else comes exactly once a run,
 * and marks set before the kill are there after it.
 */
#include "config.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "session_rig.h"

#define LINES 40000
#define ROUNDS 40

enum fate { FATE_OPEN, FATE_DONE, FATE_FAILED };

/* What parent and children know together; survives any of them. */
static struct common {
  unsigned char fate[LINES + 1]; /* as committed was reported */
  unsigned char intent[LINES + 1];
  unsigned char mark[LINES + 1]; /* 1 started, 2 written */
  int seen[LINES + 1];           /* the round that delivered it last */
  int round;
  int again_after_commit, twice_in_a_run, marks_lost, deliveries;
} * common;

static struct rig rig;
static char path[256];

static int judge(struct rig *r, const struct rig_item *item) {
  uint64_t id = item->id;
  common->deliveries++;
  if (id > LINES)
    return TASK_DONE;
  if (common->fate[id] == FATE_DONE)
    common->again_after_commit++;
  if (common->seen[id] == common->round)
    common->twice_in_a_run++;
  common->seen[id] = common->round;
  /* A failed task that is tried again starts from its row. */
  if (common->fate[id] == FATE_OPEN &&
      ((common->mark[id] >= 1 && !item->started) ||
       (common->mark[id] == 2 && !item->written)))
    common->marks_lost++;
  int state = id % 50 == 0 && common->round < ROUNDS ? TASK_FAILED : TASK_DONE;
  common->intent[id] = state == TASK_FAILED ? FATE_FAILED : FATE_DONE;
  common->mark[id] = common->mark[id] > 0; /* begun anew: not whole */
  session_mark_started(r->session, id, false);
  common->mark[id] = 1;
  if (state == TASK_DONE) {
    session_mark_written(r->session, id, false);
    common->mark[id] = 2;
  }
  return state;
}

static void note_committed(const uint64_t *ids, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (ids[i] <= LINES)
      common->fate[ids[i]] = common->intent[ids[i]];
}

static pid_t start_child(void) {
  pid_t pid = fork();
  if (pid != 0)
    return pid;
  rig_session(&rig, path);
  _exit(0);
}

static void check_round(void) {
  assert_int_equal(common->again_after_commit, 0);
  assert_int_equal(common->twice_in_a_run, 0);
  assert_int_equal(common->marks_lost, 0);
}

static void killed_at_any_moment_loses_and_repeats_nothing(void **state) {
  (void)state;
  int killed = 0;
  common = mmap(NULL, sizeof *common, PROT_READ | PROT_WRITE,
                MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  assert_true(common != MAP_FAILED);
  rig_init(&rig);
  rig_manifest(&rig, "list", 0, LINES, "a", path, sizeof path);
  rig.quiet = true;
  rig.window = 200;
  rig.verdict = judge;
  rig.marks_itself = true;
  rig.saw_committed = note_committed;
  srand(4711);
  for (common->round = 1; common->round < ROUNDS; common->round++) {
    int status;
    pid_t pid = start_child();
    assert_true(pid > 0);
    usleep((useconds_t)(1000 + rand() % 25000));
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    killed += WIFSIGNALED(status);
    check_round();
  }
  assert_true(killed > ROUNDS / 4);
  common->round = ROUNDS;
  rig_session(&rig, path);
  check_round();
  assert_int_equal(rig.counts.done, LINES);
  assert_int_equal(rig.counts.failed, 0);
  for (int i = 1; i <= LINES; i++) { /* a commit may outrun its report */
    assert_int_equal(common->intent[i], FATE_DONE);
    assert_true(common->seen[i] == ROUNDS || common->fate[i] != FATE_FAILED);
  }
  print_message("# %d kills, %d deliveries of %d tasks\n", killed,
                common->deliveries, LINES);
  rig_session(&rig, path);
  assert_int_equal(rig.delivered, 0);
  rig_fini(&rig);
  munmap(common, sizeof *common);
}

/* ---- a pipe ------------------------------------------------------------ */

static int pipe_fd;

static int note_delivery(struct rig *r, const struct rig_item *item) {
  (void)r;
  common->deliveries++;
  common->seen[item->id <= LINES ? item->id : 0] = common->round;
  return RIG_HOLD;
}

static pid_t start_pipe_child(void) {
  pid_t pid = fork();
  if (pid != 0)
    return pid;
  rig_open(&rig);
  if (session_add_stream(rig.session, pipe_fd, &rig.msg) == 0)
    rig_run(&rig, false);
  _exit(0);
}

static void lines_of_a_pipe_survive_a_kill(void **state) {
  (void)state;
  int fds[2], status;
  char line[64];
  common = mmap(NULL, sizeof *common, PROT_READ | PROT_WRITE,
                MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  assert_true(common != MAP_FAILED);
  common->round = 1;
  rig_init(&rig);
  rig.window = 100000;
  rig.verdict = note_delivery;
  assert_int_equal(pipe(fds), 0);
  pipe_fd = fds[0];
  pid_t pid = start_pipe_child();
  for (int i = 0; i < 1000; i++) {
    int length = snprintf(line, sizeof line, "http://h.example/%d\n", i);
    assert_int_equal(write(fds[1], line, (size_t)length), length);
  }
  assert_int_equal(write(fds[1], "http://h.exam", 13), 13);
  for (int i = 0; i < 30000 && common->deliveries < 1000; i++)
    usleep(1000);
  kill(pid, SIGKILL);
  waitpid(pid, &status, 0);
  assert_int_equal(common->deliveries, 1000);
  close(fds[0]);
  close(fds[1]);
  rig.verdict = NULL;
  rig_session(&rig, NULL);
  assert_int_equal(rig.delivered, 1000);
  assert_int_equal(rig.bad_count, 1); /* it was cut off, and that is said */
  assert_int_equal(rig.bad_line[0], 1001);
  assert_string_equal(rig_find(&rig, 1000)->url, "http://h.example/999");
  rig_fini(&rig);
  munmap(common, sizeof *common);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(killed_at_any_moment_loses_and_repeats_nothing),
      cmocka_unit_test(lines_of_a_pipe_survive_a_kill),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
