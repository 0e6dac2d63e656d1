/* SPDX-License-Identifier: MIT
 *
 * The terminal as a device: opened by name, its modes, its size, and a queue
 * of bytes that never blocks.
 *
 * The device is opened anew for input and for output, so the output can be
 * non-blocking without changing what the shell has (descriptors 0 to 2 are
 * never touched). A terminal that stops reading leaves bytes in the queue.
 * Owned by the thread that runs the interface.
 */
#ifndef SPATE_UI_TTY_H
#define SPATE_UI_TTY_H

#include <stdbool.h>
#include <stddef.h>
#include <termios.h>

#include "err.h"

struct tty {
  int in_fd, out_fd;
  struct termios shell; /* as it was found */
  char *queue;          /* taken; bytes that the terminal has not read yet */
  size_t head, len, cap;
};

/* ERR_UNSUPPORTED when there is no terminal. */
int tty_open(struct tty *tty, struct errmsg *msg) MUST_CHECK;
void tty_close(struct tty *tty);

/* 24 rows of 80 where the terminal does not say. */
void tty_size(const struct tty *tty, int *rows, int *cols);
/* False after `bg`: the terminal must be left alone. */
bool tty_in_foreground(const struct tty *tty);
void tty_set_modes(const struct tty *tty, const struct termios *modes);

/* ERR_NOMEM, or ERR_TOOBIG when the terminal has not read for long. */
int tty_put(struct tty *tty, const char *bytes, size_t len) MUST_CHECK;
/* Writes what the terminal takes now: 0 all, 1 something is left, ERR_IO the
 * terminal is gone. */
int tty_flush(struct tty *tty);
/* The same until all is written or the time is over. */
int tty_drain(struct tty *tty, int timeout_ms);
/* For a terminal that does not read: throws away what waits in the queue and
 * in the device, and writes bytes instead. */
void tty_force(struct tty *tty, const char *bytes, size_t len);
static inline bool tty_busy(const struct tty *tty) {
  return tty->len > 0;
}

/* A pipe that programs do not inherit and nobody waits at; as pipe2(). */
int tty_pipe(int fds[2]);

/* An unnamed file in memory, or in the temporary directory. */
int tty_scratch(void);

#endif
