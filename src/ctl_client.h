/* SPDX-License-Identifier: MIT
 *
 * Asking a run that goes on elsewhere: one request, one answer.
 *
 * Thread: the main thread; blocks for at most the time given.
 */
#ifndef SPATE_CTL_CLIENT_H
#define SPATE_CTL_CLIENT_H

#include <jansson.h>

#include "err.h"

#define CTL_TIMEOUT_MS 10000

/* Asks the run on the output directory dir. params is taken over (NULL none).
 * Returns 0 with *result, the caller's, or a code with a sentence: ERR_NOTFOUND
 * when nobody runs there, ERR_UNSUPPORTED when the run has no socket, ERR_IO
 * when it does not answer, or an rpc_code (ctl_rpc.h) when it refuses. */
int ctl_ask(const char *dir, const char *method, json_t *params, int timeout_ms,
            json_t **result, struct errmsg *msg) MUST_CHECK;

/* The same on a connection that is open. *rest (the caller's to free) and
 * *rest_len: what came behind the answer. */
int ctl_ask_on(int fd, const char *method, json_t *params, int timeout_ms,
               json_t **result, char **rest, size_t *rest_len,
               struct errmsg *msg) MUST_CHECK;

/* The exit status for such a code: 1 refused, 2 usage, 3 no run. */
int ctl_exit_status(int code);

#endif
