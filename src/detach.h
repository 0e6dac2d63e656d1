/* SPDX-License-Identifier: MIT
 *
 * -D: a run without a terminal. The process forks before it has threads, locks
 * or a session; the child goes on in a session of its own and keeps the
 * working directory, the parent waits until the run is really going and then
 * says how to look at it. A run with a screen cannot fork any more: for
 * `:detach` it stops and is gone on with by such a process.
 *
 * Thread: the main thread.
 */
#ifndef SPATE_DETACH_H
#define SPATE_DETACH_H

#include <stdbool.h>

#include "err.h"
#include "options.h"

/* Returns in the child alone. The parent ends with 0 once detach_started() was
 * called there, or with the child's exit status. dir: what to name to those
 * who want to look; quiet: say nothing. keep_input: standard input is read. */
int detach_begin(const char *dir, bool quiet, bool keep_input,
                 struct errmsg *msg) MUST_CHECK;

/* The run goes: the parent may leave, and messages are of no use any more.
 * Does nothing where there is no parent. False: it has been killed meanwhile;
 * whoever did it does not want the run. */
bool detach_started(void);

/* A run that had a screen has stopped, and goes on without: this process
 * becomes `spate resume -D` in dir, which says how to look at it. Returns an
 * errno value when that fails. */
int detach_hand_over(const char *dir, const struct options *options);

#endif
