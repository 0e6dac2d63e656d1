/* SPDX-License-Identifier: MIT
 *
 * Where the control socket lies: DIR/.spate/ctl, mode 0600 in a directory of
 * mode 0700. A path may be longer than a socket address holds (108 bytes), so
 * it is reached through the directory's descriptor where the system shows
 * descriptors as directories (/proc/self/fd).
 *
 * Thread: any one.
 */
#ifndef SPATE_CTL_SOCKET_H
#define SPATE_CTL_SOCKET_H

#include "err.h"

/* Makes the socket and listens. dirfd is the session's directory, path its
 * name. Whoever calls holds the session's lock: a socket that lies there is a
 * dead process's, and is replaced. Returns the descriptor (not blocking) or a
 * negative code. */
int ctl_socket_listen(int dirfd, const char *path,
                      struct errmsg *msg) MUST_CHECK;

/* Connects to the run on the output directory dir. Returns the descriptor;
 * ERR_NOTFOUND when dir has no session or nobody runs it, ERR_UNSUPPORTED when
 * the run has no socket, with a sentence each. */
int ctl_socket_connect(const char *dir, struct errmsg *msg) MUST_CHECK;

#endif
