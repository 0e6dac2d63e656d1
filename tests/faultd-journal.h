/* SPDX-License-Identifier: MIT
 *
 * The access journal and the counters of the fault server.
 *
 * The journal has a JSON object a line, written when an answer has ended:
 * t (monotonic arrival, microseconds), end, id, conn, method, target, status,
 * sent (body bytes), how ("ok", "reset", "cut", "stall", "empty", "gone" when
 * the client left first), and the headers range, if_range, host and, under
 * their own names in small letters, authorization, cookie and x-*.
 */
#ifndef FAULTD_JOURNAL_H
#define FAULTD_JOURNAL_H

#include <stdint.h>

#include "faultd-buf.h"
#include "faultd-request.h"

int journal_open(const char *path);
/* Writes what has gathered; called once an iteration of the loop. */
void journal_flush(void);
void journal_close(void);

/* Begins an entry in `line` (empty when no journal is kept). */
void journal_begin(struct buf *line, const struct request *req,
                   uint64_t connection, int64_t now_us);
/* Ends it and counts the request. */
void journal_end(struct buf *line, int status, int64_t sent, const char *how,
                 int64_t now_us);

void journal_connected(void);
void journal_disconnected(void);
void journal_stats(struct buf *out);
void journal_reset(void);

#endif
