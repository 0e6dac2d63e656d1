/* SPDX-License-Identifier: MIT
 *
 * --strict: a look through a whole manifest before the first request. Reads
 * with the reader of the run, so that both agree on what is bad. Blocks; the
 * starting thread alone.
 */
#ifndef SPATE_STRICT_H
#define SPATE_STRICT_H

#include "err.h"

/* Reads fd from where it stands to its end and says each bad line (the first
 * ones of many) on standard error; ERR_SYNTAX when there is one. name: for
 * messages; format: as of --input-format; allow: the protocols that a URL may
 * have. */
int strict_check(int fd, const char *name, const char *format, unsigned allow,
                 struct errmsg *msg) MUST_CHECK;

/* Copies a stream into a file without a name, which can be read twice.
 * Returns its descriptor, at its beginning, or a negative code. */
int strict_spool(int fd, struct errmsg *msg) MUST_CHECK;

#endif
