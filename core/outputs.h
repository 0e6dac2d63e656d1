/* SPDX-License-Identifier: MIT
 *
 * The output names of the tasks in memory, so that two of them never write to
 * one file. (Tasks that were there earlier have their file, which whoever
 * creates the second one runs into.)
 *
 * Invariant: a task is in it from outputs_add() until outputs_remove(), under
 * the name that it had then.
 *
 * The loop's thread.
 */
#ifndef SPATE_OUTPUTS_H
#define SPATE_OUTPUTS_H

#include <stddef.h>

#include "err.h"

struct task;

struct outputs {
  struct task **slots; /* private: open addressing */
  size_t size;         /* private: 0 or a power of two */
  size_t count;
};

void outputs_init(struct outputs *outputs);
void outputs_fini(struct outputs *outputs);

/* The task with this output; NULL none. */
struct task *outputs_find(const struct outputs *outputs, const char *name);

/* The task's name must not be in it yet. */
int outputs_add(struct outputs *outputs, struct task *task) MUST_CHECK;

/* Takes a task that is not in it too. */
void outputs_remove(struct outputs *outputs, struct task *task);

#endif
