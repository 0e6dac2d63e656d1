/* SPDX-License-Identifier: MIT
 *
 * scheduler.c, hosts.c and task.c: who starts, in what order, within which
 * limits. The clock is an argument; the loop only carries the alarm.
 */
#include "config.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "scheduler.h"

#define NS ((uint64_t)1000000000)
#define STARTS_MAX 4096

struct bench {
  uv_loop_t loop;
  struct hosts hosts;
  struct resolver resolver;
  struct task_counts counts;
  struct scheduler s;
  struct task *started[STARTS_MAX];
  size_t count;
  struct task *made[STARTS_MAX];
  uint64_t ids;
  uint64_t now;
};

static void on_start(void *arg, struct task *task) {
  struct bench *b = arg;
  task_set_state(&b->counts, task, TASK_ACTIVE);
  b->started[b->count++] = task;
}

static void on_wake(void *arg) {
  (void)arg;
}

static int open_bench(void **state) {
  struct bench *b = calloc(1, sizeof(*b));
  assert_non_null(b);
  uv_loop_init(&b->loop);
  assert_int_equal(hosts_init(&b->hosts), 0);
  b->resolver.off = true;
  assert_int_equal(scheduler_init(&b->s, &b->loop, &b->hosts, &b->resolver,
                                  &b->counts, on_start, on_wake, b),
                   0);
  b->now = uv_hrtime();
  semaphore_resize(&b->s.net, 4, b->now);
  *state = b;
  return 0;
}

static int close_bench(void **state) {
  struct bench *b = *state;
  scheduler_close(&b->s);
  uv_run(&b->loop, UV_RUN_DEFAULT);
  uv_loop_close(&b->loop);
  scheduler_fini(&b->s);
  hosts_fini(&b->hosts);
  for (size_t i = 0; i < b->ids; i++)
    task_free(b->made[i]);
  free(b);
  return 0;
}

static struct task *add_ranked(struct bench *b, const char *url,
                               int32_t priority, int64_t deadline) {
  struct session_item item;
  struct task *task;
  memset(&item, 0, sizeof(item));
  item.id = ++b->ids;
  item.url = url;
  item.priority = priority;
  item.deadline_unix = deadline;
  task = task_new(&item);
  assert_non_null(task);
  b->made[b->ids - 1] = task;
  task_enter(&b->counts, task);
  assert_int_equal(hosts_get(&b->hosts, url, b->now, &task->host, NULL), 0);
  scheduler_ready(&b->s, task, b->now);
  return task;
}

static struct task *add(struct bench *b, const char *url) {
  return add_ranked(b, url, 0, INT64_MAX);
}

static void end(struct bench *b, struct task *task) {
  scheduler_ended(&b->s, task->host, b->now);
}

static void answered(struct bench *b, struct host *host, uint64_t sent_ns,
                     enum governor_outcome outcome, double wait_s) {
  struct throttle_hint hint;
  struct scheduler_answer answer = {sent_ns, outcome, &hint};
  memset(&hint, 0, sizeof(hint));
  hint.has_wait = wait_s >= 0;
  hint.wait_s = wait_s;
  scheduler_answered(&b->s, host, &answer, b->now);
}

static void starts_no_more_than_the_net_semaphore_admits(void **state) {
  struct bench *b = *state;
  for (int i = 0; i < 10; i++)
    add(b, "http://a/");
  scheduler_run(&b->s, b->now);
  assert_int_equal(b->count, 4);
  assert_int_equal(b->s.net.used, 4);
  assert_int_equal(b->s.runnable, 6);
  end(b, b->started[0]);
  scheduler_run(&b->s, b->now);
  assert_int_equal(b->count, 5);
  /* First come, first served. */
  for (size_t i = 0; i < b->count; i++)
    assert_int_equal(b->started[i]->id, i + 1);
  semaphore_resize(&b->s.net, 100, b->now);
  scheduler_run(&b->s, b->now);
  assert_int_equal(b->count, 10);
}

static void a_long_queue_of_one_host_does_not_hold_up_another(void **state) {
  struct bench *b = *state;
  for (int i = 0; i < 1000; i++)
    add(b, "http://slow/");
  add(b, "http://fast/");
  semaphore_resize(&b->s.net, 2, b->now);
  scheduler_run(&b->s, b->now);
  assert_int_equal(b->count, 2);
  assert_string_equal(b->started[1]->host->name, "fast");
  semaphore_resize(&b->s.net, 2000, b->now);
  scheduler_run(&b->s, b->now);
  assert_int_equal(b->count, 1001);
}

static void a_host_keeps_to_its_own_limit(void **state) {
  struct bench *b = *state;
  struct task *first = add(b, "http://a/");
  for (int i = 0; i < 5; i++)
    add(b, "http://a/");
  for (int i = 0; i < 2; i++)
    add(b, "http://b/");
  hosts_set_per_host(&b->hosts, 1, b->now);
  scheduler_run(&b->s, b->now);
  assert_int_equal(b->count, 2); /* one each, though net admits four */
  end(b, first);
  scheduler_run(&b->s, b->now);
  assert_int_equal(b->count, 3);
  hosts_set_per_host(&b->hosts, 0, b->now);
  scheduler_recheck_all(&b->s);
  semaphore_resize(&b->s.net, 100, b->now);
  scheduler_run(&b->s, b->now);
  assert_int_equal(b->count, 8);
}

static void starts_are_evenly_spaced(void **state) {
  struct bench *b = *state;
  semaphore_resize(&b->s.net, 1000, b->now);
  bucket_set_rate(&b->s.rate, 100, b->now);
  for (int i = 0; i < 200; i++)
    add(b, "http://a/");
  /* One second in steps of a millisecond: a hundred starts, never two. */
  for (int ms = 0; ms < 1000; ms++) {
    size_t before = b->count;
    scheduler_run(&b->s, b->now);
    assert_true(b->count - before <= 1);
    b->now += NS / 1000;
  }
  assert_in_range(b->count, 99, 101);
}

static void priority_goes_before_deadline_before_arrival(void **state) {
  struct bench *b = *state;
  add(b, "http://a/");                      /* 1 */
  add_ranked(b, "http://a/", 0, 2000);      /* 2 */
  add_ranked(b, "http://a/", -1, 10);       /* 3 */
  add_ranked(b, "http://a/", 7, INT64_MAX); /* 4 */
  add_ranked(b, "http://a/", 0, 1000);      /* 5 */
  add_ranked(b, "http://a/", 7, 5000);      /* 6 */
  add(b, "http://a/");                      /* 7 */
  static const uint64_t order[] = {6, 4, 5, 2, 1, 7, 3};
  semaphore_resize(&b->s.net, 100, b->now);
  scheduler_run(&b->s, b->now);
  assert_int_equal(b->count, 7);
  for (size_t i = 0; i < 7; i++)
    assert_int_equal(b->started[i]->id, order[i]);
  assert_int_equal(b->s.ranked, 0);
}

static void a_priority_counts_across_hosts_and_retries(void **state) {
  struct bench *b = *state;
  struct task *again;
  semaphore_resize(&b->s.net, 1, b->now);
  add(b, "http://a/"); /* 1 */
  add(b, "http://b/"); /* 2 */
  scheduler_run(&b->s, b->now);
  again = b->started[0];
  again->attempts = 1;
  task_set_state(&b->counts, again, TASK_QUEUED);
  scheduler_ready(&b->s, again, b->now);
  add_ranked(b, "http://c/", 3, INT64_MAX); /* 3 */
  add_ranked(b, "http://a/", 2, INT64_MAX); /* 4 */
  static const uint64_t order[] = {1, 3, 4};
  for (size_t i = 1; i < 3; i++) {
    end(b, b->started[i - 1]);
    scheduler_run(&b->s, b->now);
    assert_int_equal(b->count, i + 1);
    assert_int_equal(b->started[i]->id, order[i]);
  }
}

static void a_throttled_host_waits_and_sends_one_canary(void **state) {
  struct bench *b = *state;
  for (int i = 0; i < 10; i++)
    add(b, "http://a/");
  for (int i = 0; i < 2; i++)
    add(b, "http://b/");
  semaphore_resize(&b->s.net, 2, b->now);
  scheduler_run(&b->s, b->now); /* one of a, one of b */
  semaphore_resize(&b->s.net, 100, b->now);
  answered(b, b->started[0]->host, b->now, GOVERNOR_THROTTLED, 2.0);
  end(b, b->started[0]);
  scheduler_run(&b->s, b->now);
  assert_int_equal(b->count, 3); /* b goes on, a does not */
  b->now += 2 * NS - 1;
  scheduler_run(&b->s, b->now);
  assert_int_equal(b->count, 3);
  b->now += 2;
  scheduler_run(&b->s, b->now);
  assert_int_equal(b->count, 4); /* the canary alone */
  answered(b, b->started[3]->host, b->now, GOVERNOR_OK, -1);
  end(b, b->started[3]);
  scheduler_run(&b->s, b->now);
  assert_int_equal(b->count, 12);
}

static void stragglers_do_not_lengthen_the_back_off(void **state) {
  struct bench *b = *state;
  struct host *host;
  uint64_t sent = b->now;
  add(b, "http://a/");
  scheduler_run(&b->s, b->now);
  host = b->started[0]->host;
  b->now += NS / 10;
  answered(b, host, sent, GOVERNOR_THROTTLED, -1);
  for (int i = 0; i < 20; i++)
    answered(b, host, sent, GOVERNOR_THROTTLED, -1);
  assert_int_equal(host->throttled_in_row, 1);
  assert_true(host->held_until_ns <= b->now + NS);
}

/* ---- governors that come and go ----------------------------------------- */

static void turn(struct bench *b, bool on) {
  assert_int_equal(hosts_set_adaptive(&b->hosts, on, b->now), 0);
  scheduler_recheck_all(&b->s);
}

/* Has no governor and exactly these limits. */
static void assert_fixed(const struct host *host, double rate, unsigned most) {
  assert_null(host->governor);
  assert_true(host->bucket.per_s == rate);
  assert_int_equal(host->sem.limit, most);
}

static void a_host_gets_its_limits_back_when_adaptive_ends(void **state) {
  struct bench *b = *state;
  struct host *a = add(b, "http://a/")->host, *c = add(b, "http://c/")->host;
  hosts_set_per_host(&b->hosts, 300, b->now);
  hosts_set_rate(&b->hosts, 500, b->now);
  turn(b, true);
  assert_non_null(c->governor);
  assert_true(a->bucket.per_s == 20); /* as at the start of a run */
  assert_int_equal(a->sem.limit, 16);
  scheduler_run(&b->s, b->now);
  assert_int_equal(b->count, 2);
  b->now += NS / 10;
  /* What they do lowers both. */
  answered(b, a, b->now - 1, GOVERNOR_THROTTLED, -1);
  answered(b, c, b->now - 1, GOVERNOR_TIMEOUT, -1);
  assert_true(a->bucket.per_s < 20);
  assert_true(c->sem.limit < 16);
  turn(b, false);
  assert_fixed(a, 500, 300);
  assert_fixed(c, 500, 300);
  hosts_set_per_host(&b->hosts, 0, b->now);
  hosts_set_rate(&b->hosts, 0, b->now);
  turn(b, true);
  turn(b, false);
  assert_fixed(c, 0, UINT32_MAX);
}

static void tasks_that_a_governor_held_start_when_it_goes(void **state) {
  struct bench *b = *state;
  turn(b, true);
  for (int i = 0; i < 40; i++)
    add(b, "http://a/");
  semaphore_resize(&b->s.net, 100, b->now);
  scheduler_run(&b->s, b->now);
  assert_in_range(b->count, 1, 2); /* 20/s */
  turn(b, false);
  scheduler_run(&b->s, b->now);
  assert_int_equal(b->count, 40);
}

static void own_word_before_rule_before_general(void **state) {
  static const struct host_rule rules[] = {{.name = "on",
                                            .host = "on",
                                            .per_host = -1,
                                            .per_host_rate = -1,
                                            .byte_rate = -1,
                                            .adaptive = 1},
                                           {.name = "off",
                                            .host = "off",
                                            .per_host = -1,
                                            .per_host_rate = -1,
                                            .byte_rate = -1,
                                            .adaptive = 0}};
  struct bench *b = *state;
  struct host_limit own = {.name = "off", .limit = LIMIT_ADAPTIVE, .value = 1};
  unsigned known = 0;
  b->hosts.rules = rules;
  b->hosts.rule_count = 2;
  struct host *on = add(b, "http://on/")->host;
  struct host *off = add(b, "http://off/")->host;
  struct host *any = add(b, "http://any/")->host;
  for (int general = 0; general < 2; general++) {
    turn(b, general == 1);
    assert_non_null(on->governor);
    assert_null(off->governor);
    assert_int_equal(any->governor != NULL, general == 1);
  }
  assert_int_equal(hosts_set_own(&b->hosts, &own, b->now, &known), 0);
  assert_int_equal(known, 1);
  assert_non_null(off->governor);
  turn(b, false);
  assert_non_null(off->governor);
  own.value = 0;
  snprintf(own.name, sizeof(own.name), "on");
  assert_int_equal(hosts_set_own(&b->hosts, &own, b->now, &known), 0);
  assert_fixed(on, 0, UINT32_MAX);
  /* For those to come, too. */
  snprintf(own.name, sizeof(own.name), "later");
  own.value = 1;
  assert_int_equal(hosts_set_own(&b->hosts, &own, b->now, &known), 0);
  assert_int_equal(known, 0);
  assert_non_null(add(b, "http://later/")->host->governor);
}

/* Retry-After is kept through both changes, and a canary goes first. */
static void a_retry_after_outlives_both_changes(void **state) {
  for (int on = 0; on < 2; on++) {
    struct bench *b = *state;
    size_t before = b->count;
    const char *url = on == 1 ? "http://on/" : "http://off/";
    turn(b, on == 0);
    for (int i = 0; i < 10; i++)
      add(b, url);
    semaphore_resize(&b->s.net, b->s.net.used + 1, b->now);
    scheduler_run(&b->s, b->now);
    assert_int_equal(b->count, before + 1);
    struct host *host = b->started[before]->host;
    semaphore_resize(&b->s.net, 100, b->now);
    answered(b, host, b->now, GOVERNOR_THROTTLED, 5.0);
    end(b, b->started[before]);
    turn(b, on == 1);
    assert_int_equal(host->governor != NULL, on == 1);
    assert_true(scheduler_held_until(host, b->now) >= b->now + 5 * NS - 1);
    b->now += 5 * NS - 1000;
    scheduler_run(&b->s, b->now);
    assert_int_equal(b->count, before + 1);
    b->now += 2000;
    scheduler_run(&b->s, b->now);
    assert_int_equal(b->count, before + 2);
    answered(b, host, b->now, GOVERNOR_OK, -1);
    end(b, b->started[before + 1]);
    for (int i = 0; i < 20; i++, b->now += NS / 10)
      scheduler_run(&b->s, b->now);
    assert_int_equal(b->count, before + 10);
    if (on == 1) /* nothing of the wait was taken for a limit */
      assert_true(governor_rate(host->governor) >= 20);
  }
}

static void what_was_sent_before_teaches_a_governor_nothing(void **state) {
  struct bench *b = *state;
  semaphore_resize(&b->s.net, 100, b->now);
  for (int i = 0; i < 60; i++)
    add(b, "http://a/");
  scheduler_run(&b->s, b->now);
  assert_int_equal(b->count, 60);
  struct host *host = b->started[0]->host;
  uint64_t sent = b->now;
  b->now += NS / 100;
  turn(b, true);
  for (int i = 0; i < 30; i++) {
    answered(b, host, sent, GOVERNOR_OK, -1);
    end(b, b->started[i]);
  }
  for (int i = 30; i < 60; i++) {
    answered(b, host, sent, GOVERNOR_THROTTLED, 1.0);
    end(b, b->started[i]);
  }
  assert_true(governor_rate(host->governor) == 20);
  assert_int_equal(host->governor->reactions, 0);
  /* But the wait is kept. */
  assert_true(scheduler_held_until(host, b->now) >= b->now + NS - 1);
  for (int i = 0; i < 30; i++)
    add(b, "http://a/");
  scheduler_run(&b->s, b->now);
  assert_int_equal(b->count, 60);
}

static void a_waiting_task_comes_back_in_time(void **state) {
  struct bench *b = *state;
  struct task *task = add(b, "http://a/");
  scheduler_run(&b->s, b->now);
  task_set_state(&b->counts, task, TASK_WAITING);
  assert_int_equal(scheduler_wait(&b->s, task, b->now + NS), 0);
  end(b, task);
  scheduler_run(&b->s, b->now + NS - 1);
  assert_int_equal(b->count, 1);
  scheduler_run(&b->s, b->now + NS);
  assert_int_equal(b->count, 2);
}

static void a_removed_task_does_not_start(void **state) {
  struct bench *b = *state;
  struct task *one = add(b, "http://a/"), *two = add(b, "http://a/");
  scheduler_remove(&b->s, one);
  scheduler_run(&b->s, b->now);
  assert_int_equal(b->count, 1);
  assert_ptr_equal(b->started[0], two);
  assert_int_equal(b->s.ready, 0);
  assert_int_equal(b->s.runnable, 0);
}

static void nothing_starts_while_blocked(void **state) {
  struct bench *b = *state;
  add(b, "http://a/");
  b->s.blocked = true;
  scheduler_run(&b->s, b->now);
  assert_int_equal(b->count, 0);
  b->s.blocked = false;
  scheduler_run(&b->s, b->now);
  assert_int_equal(b->count, 1);
}

static void nothing_starts_while_the_disk_is_behind(void **state) {
  struct bench *b = *state;
  add(b, "http://a/");
  b->s.behind = true;
  scheduler_run(&b->s, b->now);
  assert_int_equal(b->count, 0);
  b->s.behind = false;
  scheduler_run(&b->s, b->now);
  assert_int_equal(b->count, 1);
}

static void an_illegal_change_of_state_aborts(void **state) {
  int status = 0;
  pid_t pid = fork();
  (void)state;
  if (pid == 0) {
    struct task_counts counts = {{0}};
    struct task task;
    memset(&task, 0, sizeof(task));
    task.state = TASK_DONE;
    if (freopen("/dev/null", "w", stderr) == NULL)
      _exit(9);
    task_set_state(&counts, &task, TASK_ACTIVE);
    _exit(0);
  }
  assert_true(pid > 0);
  assert_int_equal(waitpid(pid, &status, 0), pid);
  assert_true(WIFSIGNALED(status));
  assert_int_equal(WTERMSIG(status), SIGABRT);
}

static void ends_of_tasks_are_final(void **state) {
  (void)state;
  for (int from = 0; from < TASK_STATE_COUNT; from++)
    for (int to = 0; to < TASK_STATE_COUNT; to++)
      if (task_state_final((enum task_state)from))
        assert_false(
            task_state_legal((enum task_state)from, (enum task_state)to));
}

int main(void) {
#define BENCH(name) \
  cmocka_unit_test_setup_teardown(name, open_bench, close_bench)
  const struct CMUnitTest tests[] = {
      BENCH(starts_no_more_than_the_net_semaphore_admits),
      BENCH(a_long_queue_of_one_host_does_not_hold_up_another),
      BENCH(a_host_keeps_to_its_own_limit),
      BENCH(starts_are_evenly_spaced),
      BENCH(priority_goes_before_deadline_before_arrival),
      BENCH(a_priority_counts_across_hosts_and_retries),
      BENCH(a_throttled_host_waits_and_sends_one_canary),
      BENCH(stragglers_do_not_lengthen_the_back_off),
      BENCH(a_host_gets_its_limits_back_when_adaptive_ends),
      BENCH(tasks_that_a_governor_held_start_when_it_goes),
      BENCH(own_word_before_rule_before_general),
      BENCH(a_retry_after_outlives_both_changes),
      BENCH(what_was_sent_before_teaches_a_governor_nothing),
      BENCH(a_waiting_task_comes_back_in_time),
      BENCH(a_removed_task_does_not_start),
      BENCH(nothing_starts_while_blocked),
      BENCH(nothing_starts_while_the_disk_is_behind),
      cmocka_unit_test(an_illegal_change_of_state_aborts),
      cmocka_unit_test(ends_of_tasks_are_final),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
