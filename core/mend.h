/* SPDX-License-Identifier: MIT
 *
 * Mending: a body whose digest is wrong, but whose pieces have digests of
 * their own (pieces.h), loses the bad ones alone. They are fetched again, from
 * another mirror where there is one, and the whole is compared once more.
 *
 * For that a task with such digests keeps in mind which mirror sent what, in
 * this run. The one that sent bad pieces is named, and not asked any more
 * unless it is the only one. After MEND_ROUNDS rounds it is as with any body
 * whose digest is wrong (verify.h).
 *
 * Thread: the loop's.
 */
#ifndef SPATE_MEND_H
#define SPATE_MEND_H

#include <stdbool.h>
#include <stdint.h>

#define MEND_ROUNDS 3

struct engine;
struct mend;
struct sink_result;
struct task;

/* These bytes came from the mirror of that number. Does nothing for a task
 * without digests of pieces. */
void mend_note(struct task *task, unsigned mirror, int64_t first, int64_t end);

/* Is there a round left for it? */
bool mend_left(const struct task *task);

/* After ERR_MISMATCH: true when some of the body was kept, and the task is
 * queued for the rest. */
bool mend_begin(struct engine *e, struct task *task,
                const struct sink_result *result);

void mend_free(struct mend *mend); /* takes NULL */

#endif
