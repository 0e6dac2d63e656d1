/* SPDX-License-Identifier: MIT
 *
 * Commands: what a front end asks of the engine. The terminal UI, the signal
 * handling, the control socket and the tests all send the same ones.
 *
 * A command is a plain value; its text is copied when it is sent. It is
 * answered in a later snapshot (reply_seq, reply_text), never synchronously.
 *
 * The table is the one list of what can be asked: `spate ctl`, the methods of
 * the control socket and their help are made from it.
 */
#ifndef SPATE_COMMAND_H
#define SPATE_COMMAND_H

#include <stdint.h>

#include "limits.h"

/* What a command needs besides its kind. */
enum command_args {
  ARGS_LOCAL,      /* nothing; only this process may ask for it */
  ARGS_NONE,       /* nothing */
  ARGS_TASK,       /* task */
  ARGS_TASK_COUNT, /* task; value: a whole number */
  ARGS_TASK_BYTES, /* task; value: bytes a second */
  ARGS_TASK_URL,   /* task; text: "URL" or "URL MIRROR..." */
  ARGS_LIMIT,      /* limit, value */
  ARGS_HOST,       /* text: a host's name, or scheme://name:port */
  ARGS_HOST_LIMIT, /* the same; limit, value */
  ARGS_CHOICE,     /* text: which failed tasks, see failed_choice.h */
  ARGS_PATH,       /* text: the path of a manifest, from the root */
  ARGS_LINES,      /* text: manifest lines ("URL" or "URL<tab>NAME") */
};

/*   symbol, name for people, what it needs, help */
#define COMMAND_TABLE(X)                                                       \
  X(CMD_STOP, "stop", ARGS_NONE, "stop; 'spate resume' goes on later")         \
  X(CMD_PAUSE_ALL, "pause", ARGS_NONE, "pause everything")                     \
  X(CMD_RESUME_ALL, "resume", ARGS_NONE, "go on after a pause")                \
  X(CMD_PAUSE_TASK, "pause-task", ARGS_TASK, "pause one task")                 \
  X(CMD_RESUME_TASK, "resume-task", ARGS_TASK, "resume one task")              \
  X(CMD_CANCEL_TASK, "cancel", ARGS_TASK,                                      \
    "drop a task; what it has of its file stays as NAME.part")                 \
  X(CMD_DISCARD_TASK, "discard", ARGS_TASK,                                    \
    "drop a task and delete its NAME.part")                                    \
  X(CMD_RETRY_TASK, "retry", ARGS_TASK, "try a waiting or failed task now")    \
  X(CMD_RESTART_TASK, "restart", ARGS_TASK,                                    \
    "begin a task from nothing, whatever it has of its file")                  \
  X(CMD_RETRY_FAILED, "retry-failed", ARGS_CHOICE,                             \
    "try failed tasks again: all, or those of host:NAME, status:CODE, "        \
    "err:TEXT")                                                                \
  X(CMD_RAISE_TASK, "raise", ARGS_TASK, "a higher priority, by one")           \
  X(CMD_LOWER_TASK, "lower", ARGS_TASK, "a lower priority, by one")            \
  X(CMD_TOP_TASK, "top", ARGS_TASK, "before all others that wait")             \
  X(CMD_BOTTOM_TASK, "bottom", ARGS_TASK, "behind all others that wait")       \
  X(CMD_TASK_PRIORITY, "priority", ARGS_TASK_COUNT,                            \
    "this priority; larger ones go first, 0 is usual")                         \
  X(CMD_TASK_RATE, "task-rate", ARGS_TASK_BYTES,                               \
    "bytes a second for one task; 0: as per-transfer-limit-rate says")         \
  X(CMD_TASK_SPLIT, "task-split", ARGS_TASK_COUNT,                             \
    "connections for one task, at once; 0: as --split says")                   \
  X(CMD_TASK_URL, "url", ARGS_TASK_URL,                                        \
    "another URL for one task, such as one signed anew, and its mirrors")      \
  X(CMD_TASK_MIRROR, "mirror", ARGS_TASK_URL, "one more mirror for one task")  \
  X(CMD_PAUSE_HOST, "pause-host", ARGS_HOST, "ask this host for nothing")      \
  X(CMD_RESUME_HOST, "resume-host", ARGS_HOST, "go on with this host")         \
  X(CMD_SET_HOST, "set-host", ARGS_HOST_LIMIT,                                 \
    "per-host, per-host-rate, per-host-limit-rate or adaptive of one host")    \
  X(CMD_SET_LIMIT, "set", ARGS_LIMIT, "change a limit of the run")             \
  X(CMD_RELOAD, "reload", ARGS_NONE,                                           \
    "read the INI files again; limits that changed there hold at once")        \
  X(CMD_LOOK, "look", ARGS_TASK,                                               \
    "put all about one task into the snapshots that follow")                   \
  X(CMD_KEEP_LIMITS, "keep-limits", ARGS_NONE,                                 \
    "keep all limits as they are, for every run to come")                      \
  X(CMD_READ_AHEAD, "read-ahead", ARGS_NONE,                                   \
    "read the lists to their ends, to look at all of their lines")             \
  X(CMD_ADD, "add", ARGS_LINES, "add URLs, or lines from standard input")      \
  X(CMD_ADD_LIST, "add-list", ARGS_PATH, "add a manifest: a file of any form") \
  X(CMD_SUSPENDED, "suspended", ARGS_LOCAL, /* the process was stopped and     \
                                               went on: restart the rate       \
                                               windows */                      \
    "start the figures anew")

enum command_kind {
#define COMMAND_ENUM(sym, name, args, help) sym,
  COMMAND_TABLE(COMMAND_ENUM)
#undef COMMAND_ENUM
      COMMAND_COUNT
};

struct command_info {
  const char *name;
  enum command_args args;
  const char *help;
};

const struct command_info *command_info(enum command_kind kind);
/* The command of that name, or -1. */
int command_find(const char *name);

#define COMMAND_DETAIL 48
#define COMMAND_TEXT_MAX ((size_t)64 * 1024)

struct command {
  enum command_kind kind;
  uint64_t seq;  /* chosen by the sender, echoed in the snapshot */
  uint64_t task; /* where one is meant */
  enum limit_id limit;
  double value;       /* base units of limits.h, or see command_args */
  const char *text;   /* see command_args; NULL none; copied */
  const char *origin; /* who asks: "ui", "signal", "socket"; a literal */
  char detail[COMMAND_DETAIL]; /* more of that: "pid 7 uid 0"; "" none */
  /* Called on the engine thread with 0 or a negative code and a sentence for a
   * person ("" when there is nothing to say); must not block. NULL: the next
   * snapshot tells. */
  void (*reply)(void *arg, uint64_t seq, int code, const char *text);
  void *reply_arg;
};

#endif
