/* SPDX-License-Identifier: MIT
 *
 * Checksum files that are fetched: --checksum-file URL. They come one after
 * the other before the first task is taken from the session, so that every
 * body knows from its first byte what it has to be; tries, time-outs, proxy
 * and credentials are those of any request.
 *
 * Foreign bytes: at most CHECKSUM_FETCH_BYTES of each, and what is read of
 * them is checksum_file.h's to judge. A redirect away from https is refused.
 *
 * One that cannot be had, or has no line that is one, ends the run before
 * anything has been started: status 2, as with a file that cannot be read.
 *
 * Thread: the loop's.
 */
#ifndef SPATE_CHECKSUM_FETCH_H
#define SPATE_CHECKSUM_FETCH_H

#include <stdbool.h>

#include "err.h"

#define CHECKSUM_FETCH_BYTES ((size_t)16 << 20)

struct engine;
struct checksum_fetch;

/* Is it a URL, and no file? */
bool checksum_fetch_is_url(const char *text);

/* Plans to fetch those of --checksum-file; e->checksums is there. */
int checksum_fetch_init(struct engine *e, struct errmsg *msg) MUST_CHECK;
/* At the end of each turn of the loop: begins what is due. */
void checksum_fetch_turn(struct engine *e);
/* The run stops: no more. */
void checksum_fetch_stop(struct engine *e);
void checksum_fetch_fini(struct engine *e);

/* No task may begin yet. */
bool checksum_fetch_busy(const struct engine *e);

#endif
