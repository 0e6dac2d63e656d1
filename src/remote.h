/* SPDX-License-Identifier: MIT
 *
 * A run that goes on in another process, as the screen needs it: snapshots out
 * of frames, commands as requests. The descriptor is readable when there is
 * something new; nothing here waits, but for a moment where a command is to be
 * sent and the run's socket is full.
 *
 * Thread: one.
 */
#ifndef SPATE_REMOTE_H
#define SPATE_REMOTE_H

#include "command.h"
#include "err.h"
#include "snapshot.h"

struct remote;

/* Attaches to the run on the output directory dir. Codes as ctl_ask(). */
int remote_open(struct remote **out, const char *dir,
                struct errmsg *msg) MUST_CHECK;
void remote_close(struct remote *remote); /* takes NULL */

int remote_fd(const struct remote *remote); /* borrowed */

/* Takes in what has come. The newest snapshot with a reference, or NULL before
 * the first. */
const struct snapshot *remote_snapshot(struct remote *remote);
void remote_release(struct remote *remote, const struct snapshot *snap);

/* Its answer is in a later snapshot. ERR_CLOSED: the connection is gone. */
int remote_command(struct remote *remote, const struct command *command);

void remote_every(struct remote *remote, unsigned interval_ms);
/* The tasks in sight; what has not changed is not sent. */
void remote_watch(struct remote *remote, const uint64_t *ids, size_t count);

/* NULL, or why no snapshot will come any more. */
const char *remote_lost(const struct remote *remote);

#endif
