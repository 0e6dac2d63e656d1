/* SPDX-License-Identifier: MIT
 *
 * Programs run on finished files: --exec.
 *
 * A command is split into words once, as a shell would but without one, and
 * {} in a word stands for the file's path (behind the last word when no word
 * has it). With a shell the command is handed to sh -c as it is, {} being "$1"
 * in whatever quotes it stands, so that no name is ever read as a command or as
 * several words.
 *
 * Each program is a process group of its own, under a semaphore that can be
 * resized while they run. They are started one after the other, in the order
 * of their permits, off the loop (child.h): many short ones would starve it. A
 * program reads nothing; what it says comes line by line, up to a ceiling. One
 * that takes longer than the time limit, or is not wanted any more, gets
 * SIGTERM and two seconds later SIGKILL, its children with it.
 *
 * Thread: the loop's, but exec_command_init(), which is pure.
 */
#ifndef SPATE_EXEC_H
#define SPATE_EXEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "child.h"
#include "err.h"
#include "list.h"
#include "semaphore.h"

#define EXEC_WORDS 256
#define EXEC_LINE 512 /* of what a program says; longer ones are cut */
#define EXEC_LINES 20 /* told of one program */
#define EXEC_KILL_MS 2000

/* ---- commands --------------------------------------------------------------
 */

struct exec_command {
  char **words; /* {} still in them; NULL behind the last */
  size_t count;
  bool shell;
};

/* ERR_SYNTAX for quotes that do not match, nothing to run, too many words. */
int exec_command_init(struct exec_command *command, const char *text,
                      bool shell, struct errmsg *msg) MUST_CHECK;
void exec_command_fini(struct exec_command *command);

/* The words for a path, NULL behind the last: free() frees them all. */
char **exec_command_for(const struct exec_command *command, const char *path);

/* ---- programs ---------------------------------------------------------------
 */

struct exec;

struct execs {
  /* resized by commands, read by the snapshot */
  struct semaphore sem;
  double timeout_s; /* 0 none */
  /* read only */
  unsigned live; /* running and waiting ones */
  uint64_t started, failed, timed_out;
  uint64_t wall_ns;
  uint64_t cpu_us; /* of those that have ended, their children included */
  /* private */
  uv_loop_t *loop;
  struct exec_command command;
  struct link all;
  struct link ready; /* they have their permit */
  bool starting;     /* one of them, on a pool thread */
  struct children children;
};

struct exec_result {
  int code;   /* 0: it ended with status 0; ERR_CLOSED: stopped; ERR_IO */
  int status; /* its exit status; -1 none */
  int signal; /* that ended it; 0 none */
  bool timed_out;
  const char *why;  /* what went wrong, for a person; "" nothing did */
  const char *said; /* its last line; "" none */
  double seconds;
};

struct exec_ops {
  /* A line that the program said. */
  void (*line)(void *owner, const char *line);
  /* Once for each exec_start(), never from inside it. */
  void (*ended)(void *owner, const struct exec_result *result);
};

/* Takes the command over. */
void execs_init(struct execs *execs, uv_loop_t *loop, uint32_t limit,
                double timeout_s, struct exec_command *command);
void execs_fini(struct execs *execs); /* none may live */
static inline bool execs_wanted(const struct execs *execs) {
  return execs->command.count > 0;
}

/* Runs the command on path as soon as there is a permit. NULL without
 * memory. ops is a constant. */
struct exec *exec_start(struct execs *execs, const char *path, int priority,
                        void *owner, const struct exec_ops *ops);

/* It is not wanted any more: ended follows (ERR_CLOSED), when the process is
 * gone. */
void exec_stop(struct exec *exec);
void execs_stop_all(struct execs *execs);

#endif
