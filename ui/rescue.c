/* SPDX-License-Identifier: MIT
 *
 * One static state, since a signal handler can be given none. `armed` is
 * written last and cleared first.
 */
#include "config.h"

#include "rescue.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BYTES_MAX 1024
#define STACK_BYTES 65536

static struct {
  volatile sig_atomic_t armed;
  int tty_fd, stderr_fd;
  size_t len;
  char bytes[BYTES_MAX];
  struct termios modes;
} state;

/* Crashes are always ours; the others only where nobody handles them. */
static const struct {
  int number;
  bool crash;
} signals[] = {
    {SIGSEGV, true},  {SIGBUS, true},  {SIGABRT, true},
    {SIGILL, true},   {SIGFPE, true},  {SIGINT, false},
    {SIGTERM, false}, {SIGHUP, false}, {SIGQUIT, false},
};

#define SIGNALS (sizeof signals / sizeof signals[0])

static struct sigaction before[SIGNALS];
static bool replaced[SIGNALS];
static pid_t at_exit_of; /* the process for which it is registered */
static void *stack;

/* A terminal that does not read must not keep a crash from ending; what waits
 * in the device is then thrown away in favour of the good-bye. */
static void write_all(int fd, const char *bytes, size_t len) {
  for (int tries = 0; len > 0 && tries < 10; tries++) {
    ssize_t wrote = write(fd, bytes, len);
    if (wrote > 0) {
      bytes += wrote;
      len -= (size_t)wrote;
      continue;
    }
    struct pollfd out = {.fd = fd, .events = POLLOUT};
    if (wrote < 0 && errno == EAGAIN) {
      (void)poll(&out, 1, 50);
      if (tries == 5)
        (void)tcflush(fd, TCOFLUSH);
    } else if (wrote < 0 && errno != EINTR) {
      return;
    }
  }
}

void rescue_give_back(void) {
  if (!state.armed)
    return;
  state.armed = 0;
  write_all(state.tty_fd, state.bytes, state.len);
  (void)tcsetattr(state.tty_fd, TCSANOW, &state.modes);
  if (state.stderr_fd >= 0)
    (void)dup2(state.stderr_fd, STDERR_FILENO);
}

static void on_signal(int number) {
  rescue_give_back();
  signal(number, SIG_DFL);
  raise(number);
}

/* A library that gets no memory may end the process. */
static void on_exit_of_ours(void) {
  if (getpid() == at_exit_of)
    rescue_give_back();
}

static void use_own_stack(void) {
  stack = malloc(STACK_BYTES);
  stack_t own = {.ss_sp = stack, .ss_size = STACK_BYTES};
  if (stack != NULL && sigaltstack(&own, NULL) != 0) {
    free(stack);
    stack = NULL;
  }
}

void rescue_install(void) {
  use_own_stack();
  if (at_exit_of != getpid() && atexit(on_exit_of_ours) == 0)
    at_exit_of = getpid();
  for (size_t i = 0; i < SIGNALS; i++) {
    struct sigaction own = {.sa_handler = on_signal,
                            .sa_flags = SA_ONSTACK | SA_RESTART};
    sigemptyset(&own.sa_mask);
    replaced[i] = false;
    if (sigaction(signals[i].number, NULL, &before[i]) != 0)
      continue;
    if (!signals[i].crash && before[i].sa_handler != SIG_DFL)
      continue;
    replaced[i] = sigaction(signals[i].number, &own, NULL) == 0;
  }
}

void rescue_uninstall(void) {
  rescue_disarm();
  for (size_t i = 0; i < SIGNALS; i++)
    if (replaced[i])
      (void)sigaction(signals[i].number, &before[i], NULL);
  stack_t none = {.ss_flags = SS_DISABLE};
  if (stack != NULL && sigaltstack(&none, NULL) == 0)
    free(stack);
  stack = NULL;
}

void rescue_arm(int tty_fd, const char *bytes, size_t len,
                const struct termios *modes, int stderr_fd) {
  rescue_disarm();
  state.len = len < BYTES_MAX ? len : BYTES_MAX;
  memcpy(state.bytes, bytes, state.len);
  state.modes = *modes;
  state.tty_fd = tty_fd;
  state.stderr_fd = stderr_fd;
  state.armed = 1;
}

void rescue_disarm(void) {
  state.armed = 0;
}
