/* SPDX-License-Identifier: MIT
 *
 * descriptors.c: raises the soft limit, never lowers it, and says how much the
 * hard one leaves. In processes of their own, since a limit does not come back.
 *
 * Skipped under valgrind (SPATE_VALGRIND): it keeps descriptors of its own above
 * the hard limit, and refuses to change that.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "descriptors.h"

struct outcome {
  unsigned fit;
  rlim_t soft;
};

/* What a process with these limits gets for so many transfers. */
static struct outcome ask(rlim_t soft, rlim_t hard, unsigned transfers) {
  struct outcome outcome = {0, 0};
  int ends[2], status;
  if (getenv("SPATE_VALGRIND") != NULL)
    skip();
  assert_int_equal(pipe(ends), 0);
  pid_t pid = fork();
  assert_true(pid >= 0);
  if (pid == 0) {
    struct rlimit limit = {soft, hard};
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
      _exit(1);
    outcome.fit = descriptors_for(transfers);
    getrlimit(RLIMIT_NOFILE, &limit);
    outcome.soft = limit.rlim_cur;
    _exit(write(ends[1], &outcome, sizeof(outcome)) != sizeof(outcome));
  }
  close(ends[1]);
  assert_int_equal(read(ends[0], &outcome, sizeof(outcome)), sizeof(outcome));
  close(ends[0]);
  assert_int_equal(waitpid(pid, &status, 0), pid);
  assert_int_equal(status, 0);
  return outcome;
}

static void raises_what_is_needed(void **state) {
  struct outcome o = ask(64, 400, 100);
  (void)state;
  assert_int_equal(o.fit, 100);
  assert_int_equal(o.soft, 100 * DESCRIPTORS_EACH + DESCRIPTORS_OWN);
}

static void lowers_nothing(void **state) {
  struct outcome o = ask(300, 400, 4);
  (void)state;
  assert_int_equal(o.fit, 4);
  assert_int_equal(o.soft, 300);
}

static void stays_below_the_hard_limit(void **state) {
  struct outcome o = ask(64, 256, 1000);
  (void)state;
  assert_int_equal(o.fit, (256 - DESCRIPTORS_OWN) / DESCRIPTORS_EACH);
  assert_int_equal(o.soft, 256);
}

static void begins_nothing_with_too_few(void **state) {
  (void)state;
  assert_int_equal(ask(40, 40, 1000).fit, 0);
  assert_int_equal(ask(DESCRIPTORS_LEAST - 1, DESCRIPTORS_LEAST - 1, 1).fit, 0);
  assert_true(ask(DESCRIPTORS_LEAST, DESCRIPTORS_LEAST, 1000).fit > 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(raises_what_is_needed),
      cmocka_unit_test(lowers_nothing),
      cmocka_unit_test(stays_below_the_hard_limit),
      cmocka_unit_test(begins_nothing_with_too_few),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
