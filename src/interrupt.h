/* SPDX-License-Identifier: MIT
 *
 * Signals as bytes in a pipe: the first INT, TERM or HUP asks the run to stop
 * and leaves everything resumable; the second ends the process at once with
 * status 4. PIPE is ignored. CONT after a stop tells that time has passed.
 * USR1 has the INI files read again.
 *
 * Threads other than the main one must not receive them: interrupt_block()
 * before they are made, interrupt_unblock() after.
 */
#ifndef SPATE_INTERRUPT_H
#define SPATE_INTERRUPT_H

#include <stdbool.h>

#include "err.h"

struct engine;

/* Installs the handlers; the process does this once. */
int interrupt_init(struct errmsg *msg) MUST_CHECK;

void interrupt_block(void);
void interrupt_unblock(void);

/* Readable when a signal has come (borrowed). */
int interrupt_fd(void);

/* Passes what has come on to the engine. Does not wait. */
void interrupt_deliver(struct engine *engine);

/* Delivers from a thread of its own, for front ends with another loop. */
int interrupt_watch_start(struct engine *engine, struct errmsg *msg) MUST_CHECK;
void interrupt_watch_stop(void);

/* Whether a signal has asked for the end. */
bool interrupt_stop_asked(void);

/* What gives the terminal back before the process ends at once; must be safe
 * in a signal handler. NULL: nothing. */
void interrupt_at_exit(void (*give_back)(void));

#endif
