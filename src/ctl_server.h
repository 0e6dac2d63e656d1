/* SPDX-License-Identifier: MIT
 *
 * The control socket: a front end for other programs, on a thread of its own
 * with its own poll loop. The engine waits for nobody here, nor does one
 * client for another: lines, clients, requests under way and answers not read
 * have ceilings, and a client that does not read is dropped.
 *
 * Thread: the functions belong to the main thread.
 */
#ifndef SPATE_CTL_SERVER_H
#define SPATE_CTL_SERVER_H

#include "engine.h"
#include "err.h"

#define CTL_CLIENTS 16
#define CTL_REQUESTS 32 /* of one client, under way */

struct ctl_server;

/* Makes the socket in the session's directory of the output directory dirfd,
 * whose path is dir; clients queue up until the start. */
int ctl_server_new(struct ctl_server **out, int dirfd, const char *dir,
                   struct errmsg *msg) MUST_CHECK;

int ctl_server_start(struct ctl_server *server, struct engine *engine,
                     struct errmsg *msg) MUST_CHECK;

/* Ends the thread and removes the socket. After engine_join() and before
 * engine_free(): the engine's thread answers into the server. Takes NULL. */
void ctl_server_free(struct ctl_server *server);

#endif
