/* SPDX-License-Identifier: MIT
 *
 * Signal handling, see interrupt.h. The handler writes one byte and counts, or
 * leaves with _exit(): nothing in it may allocate or lock. The state is
 * global because handlers are.
 */
#include "config.h"

#include "interrupt.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "engine.h"

#define EXIT_INTERRUPTED 4

static int pipe_fds[2] = {-1, -1};
static int watch_fds[2] = {-1, -1};
static pthread_t watch_thread;
static volatile sig_atomic_t asked;
static void (*volatile give_back)(void);

static const int stop_signals[] = {SIGINT, SIGTERM, SIGHUP};
#define STOP_SIGNALS (sizeof stop_signals / sizeof stop_signals[0])

static void send_byte(char byte) {
  int saved = errno;
  ssize_t n = write(pipe_fds[1], &byte, 1);
  (void)n; /* a full pipe wakes the reader just as well */
  errno = saved;
}

static void on_stop(int number) {
  (void)number;
  if (asked) {
    if (give_back != NULL)
      give_back();
    _exit(EXIT_INTERRUPTED);
  }
  asked = 1;
  send_byte('s');
}

static void on_continue(int number) {
  (void)number;
  send_byte('c');
}

static void on_reload(int number) {
  (void)number;
  send_byte('r');
}

static void stop_set(sigset_t *set) {
  sigemptyset(set);
  for (size_t i = 0; i < STOP_SIGNALS; i++)
    sigaddset(set, stop_signals[i]);
  sigaddset(set, SIGCONT);
  sigaddset(set, SIGUSR1);
}

static int install(int number, void (*handler)(int)) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  stop_set(&action.sa_mask);
  return sigaction(number, &action, NULL);
}

static int make_pipe(int fds[2]) {
  if (pipe(fds) != 0)
    return ERR_IO;
  for (int i = 0; i < 2; i++) {
    fcntl(fds[i], F_SETFD, FD_CLOEXEC);
    fcntl(fds[i], F_SETFL, O_NONBLOCK);
  }
  return 0;
}

/* nohup and shells ignore signals for us on purpose; they stay ignored. */
static bool is_ignored(int number) {
  struct sigaction now;
  return sigaction(number, NULL, &now) == 0 && now.sa_handler == SIG_IGN;
}

int interrupt_init(struct errmsg *msg) {
  if (make_pipe(pipe_fds) != 0)
    return err_set(msg, ERR_IO, "cannot make a pipe: %s", strerror(errno));
  if (install(SIGPIPE, SIG_IGN) != 0 || install(SIGCONT, on_continue) != 0 ||
      install(SIGUSR1, on_reload) != 0)
    return err_set(msg, ERR_IO, "cannot handle signals");
  for (size_t i = 0; i < STOP_SIGNALS; i++)
    if (!is_ignored(stop_signals[i]) && install(stop_signals[i], on_stop) != 0)
      return err_set(msg, ERR_IO, "cannot handle signals");
  return 0;
}

void interrupt_block(void) {
  sigset_t set;
  stop_set(&set);
  pthread_sigmask(SIG_BLOCK, &set, NULL);
}

void interrupt_unblock(void) {
  sigset_t set;
  stop_set(&set);
  pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

int interrupt_fd(void) {
  return pipe_fds[0];
}

bool interrupt_stop_asked(void) {
  return asked != 0;
}

void interrupt_at_exit(void (*what)(void)) {
  give_back = what;
}

void interrupt_deliver(struct engine *engine) {
  char byte;
  while (read(pipe_fds[0], &byte, 1) == 1) {
    struct command command = {.kind = byte == 's'   ? CMD_STOP
                                      : byte == 'r' ? CMD_RELOAD
                                                    : CMD_SUSPENDED,
                              .origin = "signal"};
    /* An engine that has ended needs neither. */
    int rc = engine_command(engine, &command);
    (void)rc;
  }
}

static void *watch(void *arg) {
  struct pollfd p[2] = {{.fd = pipe_fds[0], .events = POLLIN},
                        {.fd = watch_fds[0], .events = POLLIN}};
  do {
    if (poll(p, 2, -1) > 0 && p[0].revents != 0)
      interrupt_deliver(arg);
  } while (p[1].revents == 0);
  return NULL;
}

int interrupt_watch_start(struct engine *engine, struct errmsg *msg) {
  if (make_pipe(watch_fds) != 0)
    return err_set(msg, ERR_IO, "cannot make a pipe: %s", strerror(errno));
  interrupt_block();
  int rc = pthread_create(&watch_thread, NULL, watch, engine);
  interrupt_unblock();
  if (rc == 0)
    return 0;
  close(watch_fds[0]);
  close(watch_fds[1]);
  return err_set(msg, ERR_NOMEM, "cannot start a thread: %s", strerror(rc));
}

void interrupt_watch_stop(void) {
  ssize_t n = write(watch_fds[1], "", 1);
  (void)n;
  pthread_join(watch_thread, NULL);
  close(watch_fds[0]);
  close(watch_fds[1]);
}
