/* SPDX-License-Identifier: MIT
 *
 * The spooler: a thread that copies a stream into a file of the session as
 * it comes, so that its lines outlive the process and can be read again.
 *
 * The thread waits with poll(), so it can be stopped whatever the stream
 * does. A full disk makes it wait and try again; nothing that was read is
 * dropped. What it says to the loop are atomic values and a wake-up.
 */
#ifndef SPATE_SPOOL_H
#define SPATE_SPOOL_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "err.h"

struct spool;

/* Starts copying from in_fd (borrowed) to out_fd (taken, also on failure).
 * follow (borrowed until spool_free): in_fd is this file, which grows; its end
 * is not the stream's, but that it is cut short or another file takes its name
 * is (ERR_CHANGED). NULL: the end is the end.
 * wake (borrowed until spool_free) is sent after each change. */
int spool_start(struct spool **out, int in_fd, const char *follow, int out_fd,
                uv_async_t *wake) MUST_CHECK;

/* Packed input (plain.h) is unpacked; why it could not be to its end (the
 * stream has ended there), or 0. Once it has ended. */
int spool_fault(const struct spool *spool);

/* Bytes in the file; *ended: the stream is at its end and all is there.
 * *trouble: 0 or why it waits. Any thread. */
uint64_t spool_state(const struct spool *spool, bool *ended, int *trouble);

/* Stops the thread, waits for it (it answers at once) and frees. Takes
 * NULL. */
void spool_free(struct spool *spool);

#endif
