/* SPDX-License-Identifier: MIT
 *
 * semaphore: order, priorities, resizing, callbacks that use it again, and
 * the bug that must not go unseen.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "retry.h"
#include "semaphore.h"

#define MS 1000000ull

struct client {
  struct semaphore_waiter w;
  struct semaphore *s;
  int id;
};

static int order[64], granted_count;

static void note(struct semaphore_waiter *w) {
  order[granted_count++] = ((struct client *)w->arg)->id;
}

static void clients_init(struct client *c, int n, struct semaphore *s) {
  memset(c, 0, (size_t)n * sizeof *c);
  granted_count = 0;
  for (int i = 0; i < n; i++) {
    c[i].w.granted = note;
    c[i].w.arg = &c[i];
    c[i].s = s;
    c[i].id = i;
  }
}

static void permits_are_bounded(void **state) {
  struct semaphore s;
  (void)state;
  semaphore_init(&s, "net", 2);
  assert_true(semaphore_try_acquire(&s));
  assert_true(semaphore_try_acquire(&s));
  assert_false(semaphore_try_acquire(&s));
  assert_int_equal(s.used, 2);
  semaphore_release(&s, 0);
  assert_true(semaphore_try_acquire(&s));
}

static void waiters_are_served_in_order_within_a_priority(void **state) {
  struct semaphore s;
  struct client c[6];
  const int priority[6] = {0, 5, 0, 5, -1, 9}, want[6] = {5, 1, 3, 0, 2, 4};
  (void)state;
  semaphore_init(&s, "net", 1);
  clients_init(c, 6, &s);
  assert_true(semaphore_try_acquire(&s));
  for (int i = 0; i < 6; i++) {
    c[i].w.priority = priority[i];
    assert_false(semaphore_acquire(&s, &c[i].w, 0));
  }
  assert_int_equal(s.waiting, 6);
  for (int i = 0; i < 6; i++) {
    semaphore_release(&s, 0);
    assert_int_equal(granted_count, i + 1);
    assert_int_equal(order[i], want[i]);
    assert_int_equal(s.used, 1);
  }
  assert_int_equal(s.waiting, 0);
}

static void nobody_overtakes_a_waiter(void **state) {
  struct semaphore s;
  struct client c[1];
  (void)state;
  semaphore_init(&s, "net", 0);
  clients_init(c, 1, &s);
  assert_false(semaphore_acquire(&s, &c[0].w, 0));
  s.limit = 1; /* as if between the growth and the grant */
  assert_false(semaphore_try_acquire(&s));
  semaphore_resize(&s, 1, 0);
  assert_int_equal(granted_count, 1);
}

static void resizing_grows_at_once_and_drains(void **state) {
  struct semaphore s;
  struct client c[4];
  (void)state;
  semaphore_init(&s, "host", 1);
  clients_init(c, 4, &s);
  assert_true(semaphore_try_acquire(&s));
  for (int i = 0; i < 4; i++)
    assert_false(semaphore_acquire(&s, &c[i].w, 0));
  semaphore_resize(&s, 3, 0);
  assert_int_equal(granted_count, 2);
  assert_int_equal(s.used, 3);
  semaphore_resize(&s, 1, 0);
  assert_int_equal(s.used, 3);
  semaphore_release(&s, 0);
  semaphore_release(&s, 0);
  assert_int_equal(granted_count, 2); /* still draining */
  assert_int_equal(s.used, 1);
  semaphore_release(&s, 0);
  assert_int_equal(granted_count, 3);
  assert_int_equal(s.used, 1);
}

static void a_cancelled_waiter_is_not_granted(void **state) {
  struct semaphore s;
  struct client c[3];
  (void)state;
  semaphore_init(&s, "net", 1);
  clients_init(c, 3, &s);
  assert_true(semaphore_try_acquire(&s));
  for (int i = 0; i < 3; i++)
    assert_false(semaphore_acquire(&s, &c[i].w, 0));
  semaphore_cancel(&s, &c[1].w);
  semaphore_cancel(&s, &c[1].w); /* twice does no harm */
  assert_int_equal(s.waiting, 2);
  semaphore_resize(&s, 9, 0);
  assert_int_equal(granted_count, 2);
  assert_int_equal(order[0], 0);
  assert_int_equal(order[1], 2);
}

static void count_and_release(struct semaphore_waiter *w) {
  granted_count++;
  semaphore_release(((struct client *)w->arg)->s, 0);
}

/* 200,000 nested calls would overflow the stack. */
static void a_callback_may_release_without_deep_stacks(void **state) {
  enum { MANY = 200000 };
  static struct client c[MANY];
  struct semaphore s;
  (void)state;
  semaphore_init(&s, "disk", 1);
  clients_init(c, MANY, &s);
  assert_true(semaphore_try_acquire(&s));
  for (int i = 0; i < MANY; i++) {
    c[i].w.granted = count_and_release;
    assert_false(semaphore_acquire(&s, &c[i].w, 0));
  }
  semaphore_release(&s, 0);
  assert_int_equal(granted_count, MANY);
  assert_int_equal(s.used, 0);
  assert_int_equal(s.waiting, 0);
}

static struct client again;

static void acquire_again(struct semaphore_waiter *w) {
  struct client *c = w->arg;
  note(w);
  assert_false(semaphore_acquire(c->s, &again.w, 0));
}

static void a_callback_may_acquire(void **state) {
  struct semaphore s;
  struct client c[2];
  (void)state;
  semaphore_init(&s, "cpu", 1);
  clients_init(c, 2, &s);
  memset(&again, 0, sizeof again);
  again.w.granted = note;
  again.w.arg = &again;
  again.id = 42;
  c[0].w.granted = acquire_again;
  assert_true(semaphore_try_acquire(&s));
  assert_false(semaphore_acquire(&s, &c[0].w, 0));
  assert_false(semaphore_acquire(&s, &c[1].w, 0));
  semaphore_release(&s, 0);
  semaphore_release(&s, 0);
  semaphore_release(&s, 0);
  assert_int_equal(granted_count, 3);
  assert_int_equal(order[1], 1); /* the one that came again goes behind */
  assert_int_equal(order[2], 42);
}

static void waiting_times_are_recorded(void **state) {
  struct histogram_window waits;
  struct semaphore s;
  struct client c[2];
  (void)state;
  semaphore_init(&s, "net", 1);
  histogram_window_init(&waits, 60, 0);
  s.waits = &waits;
  clients_init(c, 2, &s);
  assert_true(semaphore_acquire(&s, &c[0].w, 5 * MS));
  assert_false(semaphore_acquire(&s, &c[1].w, 10 * MS));
  semaphore_release(&s, 110 * MS);
  assert_int_equal(histogram_window_count(&waits), 2);
  assert_int_equal(histogram_window_quantile(&waits, 0.5), 0);
  assert_int_equal(histogram_window_max(&waits), 100 * MS);
  semaphore_note_wait(&s, 3);
  assert_int_equal(histogram_window_count(&waits), 3);
}

static void releasing_what_is_not_held_aborts(void **state) {
  int status = 0;
  char text[200] = "";
  int pipe_fd[2];
  (void)state;
  assert_int_equal(pipe(pipe_fd), 0);
  pid_t child = fork();
  if (child == 0) {
    struct rlimit no_core = {0, 0};
    struct semaphore s;
    setrlimit(RLIMIT_CORE, &no_core);
    signal(SIGABRT, SIG_DFL);
    dup2(pipe_fd[1], 2);
    semaphore_init(&s, "exec", 4);
    semaphore_release(&s, 0);
    _exit(0);
  }
  assert_true(child > 0);
  close(pipe_fd[1]);
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_true(read(pipe_fd[0], text, sizeof text - 1) > 0);
  close(pipe_fd[0]);
  assert_true(WIFSIGNALED(status));
  assert_int_equal(WTERMSIG(status), SIGABRT);
  assert_non_null(strstr(text, "exec"));
}

/* Any mixture of calls: never more than the limit is granted, nobody waits
 * while a permit is free. */
static void random_use_keeps_the_invariants(void **state) {
  struct rng r;
  struct semaphore s;
  struct client c[32];
  uint32_t held = 0;
  (void)state;
  rng_seed(&r, 7);
  semaphore_init(&s, "net", 4);
  clients_init(c, 32, &s);
  for (int step = 0; step < 20000; step++) {
    struct client *one = &c[rng_next(&r) % 32];
    granted_count = 0;
    switch (rng_next(&r) % 4) {
    case 0:
      one->w.priority =
          one->w.queued ? one->w.priority : (int)(rng_next(&r) % 3);
      if (!one->w.queued)
        held += semaphore_acquire(&s, &one->w, 0);
      break;
    case 1:
      if (held > 0) {
        held--;
        semaphore_release(&s, 0);
      }
      break;
    case 2:
      semaphore_cancel(&s, &one->w);
      break;
    default:
      if (rng_next(&r) % 8 == 0)
        semaphore_resize(&s, (uint32_t)(rng_next(&r) % 9), 0);
    }
    held += (uint32_t)granted_count;
    assert_int_equal(held, s.used);
    assert_true(s.waiting == 0 || s.used >= s.limit);
    uint32_t queued = 0;
    for (int i = 0; i < 32; i++)
      queued += c[i].w.queued;
    assert_int_equal(queued, s.waiting);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(permits_are_bounded),
      cmocka_unit_test(waiters_are_served_in_order_within_a_priority),
      cmocka_unit_test(nobody_overtakes_a_waiter),
      cmocka_unit_test(resizing_grows_at_once_and_drains),
      cmocka_unit_test(a_cancelled_waiter_is_not_granted),
      cmocka_unit_test(a_callback_may_release_without_deep_stacks),
      cmocka_unit_test(a_callback_may_acquire),
      cmocka_unit_test(waiting_times_are_recorded),
      cmocka_unit_test(releasing_what_is_not_held_aborts),
      cmocka_unit_test(random_use_keeps_the_invariants),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
