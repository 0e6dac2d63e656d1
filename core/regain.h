/* SPDX-License-Identifier: MIT
 *
 * What a run that was killed had written of a file, and had not flushed: it is
 * looked at, flushed and taken over by the next run, as if it had been.
 *
 * It counts only where it is beyond doubt that the file is as that run left it:
 * the same boot (unflushed.h), the same file by its inode, as long as it has to
 * be, and not changed since. A flush that fails says that the system lost it.
 *
 * Thread: the loop's, but regain_flush(), which blocks and belongs to a job.
 */
#ifndef SPATE_REGAIN_H
#define SPATE_REGAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "session.h"

struct engine;
struct task;

/* Remembers what the session says about a task that is delivered. */
void regain_note(struct task *task, const struct session_unflushed *known);

/* Looks at the .part (*size becomes its length, -1 if there is none) and
 * flushes it. True: what is known of it is there and on the disk. */
bool regain_flush(int dirfd, const char *part,
                  const struct session_unflushed *known, int64_t *size);

/* The file of this inode and size, which has the task's name, is the one whose
 * .part was known: it was whole when it got it. */
bool regain_named(const struct task *task, uint64_t inode, int64_t size);

/* Ends what regain_note() began: with flushed the task goes on behind it. */
void regain_take(struct engine *e, struct task *task, bool flushed);

#endif
