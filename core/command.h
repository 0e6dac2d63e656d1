/* SPDX-License-Identifier: MIT
 *
 * Commands: what a front end asks of the engine. The terminal UI, the signal
 * handling, the control socket and the tests all send the same ones.
 *
 * A command is a plain value; strings are copied when it is sent. It is
 * answered in a later snapshot (reply_seq, reply_text), never synchronously.
 */
#ifndef SPATE_COMMAND_H
#define SPATE_COMMAND_H

#include <stdint.h>

#include "limits.h"

/*   symbol            name for people    argument */
#define COMMAND_TABLE(X)                                                 \
  X(CMD_STOP, "stop")       /* no new starts, finish briefly, commit */  \
  X(CMD_PAUSE_ALL, "pause") /* cut nothing off that cannot be resumed */ \
  X(CMD_RESUME_ALL, "resume")                                            \
  X(CMD_PAUSE_TASK, "pause-task")   /* task */                           \
  X(CMD_RESUME_TASK, "resume-task") /* task */                           \
  X(CMD_CANCEL_TASK, "cancel")      /* task */                           \
  X(CMD_RETRY_TASK, "retry")        /* task */                           \
  X(CMD_RETRY_FAILED, "retry-failed")                                    \
  X(CMD_SET_LIMIT, "set")       /* limit, value */                       \
  X(CMD_SUSPENDED, "suspended") /* the process was stopped and went on:  \
                                   restart the rate windows */

enum command_kind {
#define COMMAND_ENUM(sym, name) sym,
  COMMAND_TABLE(COMMAND_ENUM)
#undef COMMAND_ENUM
      COMMAND_COUNT
};

#define COMMAND_DETAIL 48

struct command {
  enum command_kind kind;
  uint64_t seq;  /* chosen by the sender, echoed in the snapshot */
  uint64_t task; /* where one is meant */
  enum limit_id limit;
  double value;       /* base units of limits.h */
  const char *origin; /* who asks: "ui", "signal", "socket"; a literal */
  char detail[COMMAND_DETAIL]; /* more of that: "pid 7 uid 0"; "" none */
  /* Called on the engine thread with 0 or a negative code and a sentence for a
   * person ("" when there is nothing to say); must not block. NULL: the next
   * snapshot tells. */
  void (*reply)(void *arg, uint64_t seq, int code, const char *text);
  void *reply_arg;
};

#endif
