/* SPDX-License-Identifier: MIT
 *
 * A name is taken from a standard descriptor that is a terminal; /dev/tty is
 * the last resort, and the way in where the device belongs to another user.
 */
#include "config.h"

#include "tty.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define QUEUE_MAX ((size_t)1 << 20)

static int open_name(const char *name, int flags) {
  return open(name, flags | O_NOCTTY | O_CLOEXEC);
}

static int open_both(struct tty *tty, const char *name) {
  tty->in_fd = open_name(name, O_RDWR);
  if (tty->in_fd < 0)
    return ERR_IO;
  tty->out_fd = open_name(name, O_RDWR | O_NONBLOCK);
  if (tty->out_fd >= 0 && tcgetattr(tty->in_fd, &tty->shell) == 0)
    return 0;
  tty_close(tty);
  return ERR_IO;
}

int tty_open(struct tty *tty, struct errmsg *msg) {
  static const int standard[] = {STDOUT_FILENO, STDERR_FILENO, STDIN_FILENO};
  char name[128];
  memset(tty, 0, sizeof *tty);
  tty->in_fd = tty->out_fd = -1;
  for (int i = 0; i < 3; i++)
    if (isatty(standard[i]) && ttyname_r(standard[i], name, sizeof name) == 0 &&
        open_both(tty, name) == 0)
      return 0;
  if (open_both(tty, "/dev/tty") == 0)
    return 0;
  return err_set(msg, ERR_UNSUPPORTED,
                 "there is no terminal to draw on; use --no-tui");
}

void tty_close(struct tty *tty) {
  if (tty->in_fd >= 0)
    close(tty->in_fd);
  if (tty->out_fd >= 0)
    close(tty->out_fd);
  free(tty->queue);
  memset(tty, 0, sizeof *tty);
  tty->in_fd = tty->out_fd = -1;
}

void tty_size(const struct tty *tty, int *rows, int *cols) {
  struct winsize size = {0};
  *rows = 24;
  *cols = 80;
  if (ioctl(tty->out_fd, TIOCGWINSZ, &size) != 0)
    return;
  if (size.ws_row > 0)
    *rows = size.ws_row;
  if (size.ws_col > 0)
    *cols = size.ws_col;
}

/* A terminal that is not the controlling one has no foreground group. */
bool tty_in_foreground(const struct tty *tty) {
  pid_t group = tcgetpgrp(tty->in_fd);
  return group < 0 || group == getpgrp();
}

void tty_set_modes(const struct tty *tty, const struct termios *modes) {
  while (tcsetattr(tty->in_fd, TCSANOW, modes) != 0 && errno == EINTR)
    continue;
}

int tty_put(struct tty *tty, const char *bytes, size_t len) {
  if (tty->len == 0)
    tty->head = 0;
  size_t need = tty->head + tty->len + len;
  if (need > QUEUE_MAX)
    return ERR_TOOBIG;
  if (need > tty->cap) {
    char *queue = realloc(tty->queue, need);
    if (queue == NULL)
      return ERR_NOMEM;
    tty->queue = queue;
    tty->cap = need;
  }
  memcpy(tty->queue + tty->head + tty->len, bytes, len);
  tty->len += len;
  return 0;
}

int tty_flush(struct tty *tty) {
  while (tty->len > 0) {
    ssize_t wrote = write(tty->out_fd, tty->queue + tty->head, tty->len);
    if (wrote < 0 && errno == EINTR)
      continue;
    if (wrote < 0)
      return errno == EAGAIN ? 1 : ERR_IO;
    tty->head += (size_t)wrote;
    tty->len -= (size_t)wrote;
  }
  return 0;
}

int tty_drain(struct tty *tty, int timeout_ms) {
  for (int waited = 0;; waited += 50) {
    int rc = tty_flush(tty);
    if (rc <= 0 || waited >= timeout_ms)
      return rc;
    struct pollfd fd = {.fd = tty->out_fd, .events = POLLOUT};
    (void)poll(&fd, 1, 50);
  }
}

void tty_force(struct tty *tty, const char *bytes, size_t len) {
  tty->len = 0;
  (void)tcflush(tty->out_fd, TCOFLUSH);
  if (tty_put(tty, bytes, len) == 0)
    (void)tty_flush(tty);
  tty->len = 0;
}

int tty_pipe(int fds[2]) {
#ifdef HAVE_PIPE2
  return pipe2(fds, O_CLOEXEC | O_NONBLOCK);
#else
  if (pipe(fds) != 0)
    return -1;
  for (int i = 0; i < 2; i++)
    if (fcntl(fds[i], F_SETFD, FD_CLOEXEC) != 0 ||
        fcntl(fds[i], F_SETFL, O_NONBLOCK) != 0) {
      close(fds[0]);
      close(fds[1]);
      return -1;
    }
  return 0;
#endif
}

int tty_scratch(void) {
#ifdef HAVE_MEMFD_CREATE
  int fd = memfd_create("spate", MFD_CLOEXEC);
  if (fd >= 0)
    return fd;
#endif
  char name[] = "/tmp/spate-XXXXXX";
  int file = mkostemp(name, O_CLOEXEC);
  if (file >= 0)
    unlink(name);
  return file;
}
