/* SPDX-License-Identifier: MIT
 *
 * One pipe for the process, since a handler can be given no argument.
 */
#include "config.h"

#include "signals.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "tty.h"

static int pipe_fds[2] = {-1, -1};

static const int handled[] = {SIGWINCH, SIGTSTP, SIGCONT};
static struct sigaction before[3];

static const int touched[] = {SIGINT, SIGTERM, SIGTSTP, SIGWINCH};
static struct sigaction saved[4];

static void on_signal(int number) {
  int error = errno;
  char byte = number == SIGWINCH ? 'W' : number == SIGTSTP ? 'Z' : 'C';
  /* A full pipe has enough to say already. */
  (void)!write(pipe_fds[1], &byte, 1);
  errno = error;
}

int signals_open(void) {
  if (tty_pipe(pipe_fds) != 0)
    return ERR_IO;
  for (int i = 0; i < 3; i++) {
    struct sigaction own = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    sigemptyset(&own.sa_mask);
    (void)sigaction(handled[i], &own, &before[i]);
  }
  return 0;
}

void signals_close(void) {
  for (int i = 0; i < 3; i++)
    (void)sigaction(handled[i], &before[i], NULL);
  for (int i = 0; i < 2; i++) {
    close(pipe_fds[i]);
    pipe_fds[i] = -1;
  }
}

int signals_fd(void) {
  return pipe_fds[0];
}

void signals_read(struct signals_seen *seen) {
  char bytes[64];
  ssize_t len;
  while ((len = read(pipe_fds[0], bytes, sizeof bytes)) > 0)
    for (ssize_t i = 0; i < len; i++) {
      seen->resized |= bytes[i] == 'W';
      seen->suspend |= bytes[i] == 'Z';
      seen->continued |= bytes[i] == 'C';
    }
}

void signals_stop_self(bool group) {
  struct sigaction own, other = {.sa_handler = SIG_IGN};
  sigemptyset(&other.sa_mask);
  (void)sigaction(SIGTSTP, &other, &own);
  if (group)
    (void)kill(0, SIGTSTP);
  other.sa_handler = SIG_DFL;
  (void)sigaction(SIGTSTP, &other, NULL);
  raise(SIGTSTP);
  (void)sigaction(SIGTSTP, &own, NULL);
}

void signals_save(void) {
  for (int i = 0; i < 4; i++)
    (void)sigaction(touched[i], NULL, &saved[i]);
}

void signals_restore(void) {
  for (int i = 0; i < 4; i++)
    (void)sigaction(touched[i], &saved[i], NULL);
}
