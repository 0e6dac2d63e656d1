/* SPDX-License-Identifier: MIT
 *
 * Child processes, begun off the loop: a fork of this process, and waiting for
 * what comes of it, takes milliseconds that transfers would have to wait for.
 * So a pool thread calls posix_spawn(), which copies nothing, and the loop
 * hears of it; SIGCHLD then tells it who has ended.
 *
 * A child is a session of its own: kill(-pid) reaches what it has started. It
 * reads nothing, and both its outputs go into one descriptor.
 *
 * Thread: the loop's.
 */
#ifndef SPATE_CHILD_H
#define SPATE_CHILD_H

#include <sys/types.h>
#include <uv.h>

#include "list.h"

struct children {
  /* private */
  uv_loop_t *loop;
  unsigned count; /* those being started included */
  struct link all;
  uv_signal_t *watch; /* while there are any; NULL otherwise */
};

/* The caller's memory, which is to stay until it could not be started or has
 * ended. Set what is not private; zero the rest. */
struct child {
  char **words; /* borrowed until started is called; NULL behind the last */
  int output;   /* a descriptor, likewise */
  pid_t pid;    /* read it once it is started */
  /* code: 0 or libuv's error, and then it never was. */
  void (*started)(struct child *child, int code);
  void (*ended)(struct child *child, int status, int signal);
  /* private */
  struct children *children;
  struct link link;
  uv_work_t work;
  int code;
};

void children_init(struct children *children, uv_loop_t *loop);

/* 0 or libuv's error. started follows, never from inside this call; ended
 * follows that. One call at a time takes one thread of libuv's pool. */
int child_start(struct children *children, struct child *child);

#endif
