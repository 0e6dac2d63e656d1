/* SPDX-License-Identifier: MIT
 *
 * Two lines that ask for the same: the same URL into the same file, as when a
 * URL of a list is typed once more, or stands in it twice. The second task
 * waits until the first one is over. When that is done the file is there, and
 * the second is done with it, after a look at its own checksum; otherwise it is
 * tried as if it had been alone. Nothing is asked for twice, and neither task
 * is called done before the file is.
 *
 * URLs that differ in their query may be different things and are none of
 * these; nor are requests with a method, a body or headers of their own.
 *
 * Invariant: a task on engine.twins is in_intake, and its name is another
 * task's in engine.outputs.
 *
 * Thread: the loop's.
 */
#ifndef SPATE_TWINS_H
#define SPATE_TWINS_H

#include <stdbool.h>

struct engine;
struct task;

/* The task's name is taken. True when it waits for who has it. */
bool twins_hold(struct engine *e, struct task *task);

/* A task is over and has no name among the outputs any more. */
void twins_settle(struct engine *e, struct task *first);

/* A task that waits does so no longer: it is to be cut. */
void twins_leave(struct task *task);

/* A task is done; what it has fetched is remembered, of about the last
 * hundred thousand. */
void twins_note(struct engine *e, const struct task *task);

/* Has a task of this run fetched the same? */
bool twins_have_it(const struct engine *e, const struct task *task);

#endif
