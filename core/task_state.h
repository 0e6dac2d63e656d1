/* SPDX-License-Identifier: MIT
 *
 * The states of a task: one list gives the enum, the names of CLI.md and the
 * letters of the screen. Front ends include this; struct task stays private.
 */
#ifndef SPATE_TASK_STATE_H
#define SPATE_TASK_STATE_H

/*        symbol          name         letter */
#define TASK_STATE_TABLE(X)                                                    \
  X(TASK_QUEUED, "queued", 'Q')       /* in the window, not started */         \
  X(TASK_WAITING, "waiting", 'R')     /* a retry or a throttle, with a time */ \
  X(TASK_ACTIVE, "active", 'D')       /* a transfer runs */                    \
  X(TASK_VERIFYING, "verifying", 'V') /* body complete; writing, checking */   \
  X(TASK_PAUSED, "paused", 'P')                                                \
  X(TASK_DONE, "done", 'C')                                                    \
  X(TASK_FAILED, "failed", 'E')                                                \
  X(TASK_CANCELLED, "cancelled", 'X')                                          \
  X(TASK_EXPIRED, "expired", 'T')

enum task_state {
#define TASK_STATE_ENUM(sym, name, letter) sym,
  TASK_STATE_TABLE(TASK_STATE_ENUM)
#undef TASK_STATE_ENUM
      TASK_STATE_COUNT
};

const char *task_state_name(enum task_state state);
char task_state_letter(enum task_state state);

#endif
