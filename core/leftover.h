/* SPDX-License-Identifier: MIT
 *
 * A .part in a task's way. One that a cancelled task of this session has left
 * is taken over by a task of the same object (url_object_hash64()): a list's
 * URL that was cancelled and then added by hand goes on where the other one
 * stopped. Anything else is somebody's file and stays.
 *
 * Thread: the loop's.
 */
#ifndef SPATE_LEFTOVER_H
#define SPATE_LEFTOVER_H

#include <stdbool.h>
#include <stdint.h>

struct engine;
struct task;

/* What a task fetches, as the session writes it down when it leaves a .part; 0
 * is nobody else's (a POST's answer). */
uint64_t leftover_object(const struct task *task);

/* The task, which has neither transfer nor sink any more, waits until it is
 * known whose the file is, and then goes on or fails. False: nobody can be
 * asked. */
bool leftover_ask(struct engine *e, struct task *task);

#endif
