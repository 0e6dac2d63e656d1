/* SPDX-License-Identifier: MIT
 *
 * Cookies of a file as browsers export it and curl reads it (Netscape's form):
 * which of them belong to a request. What servers set is not taken over, so
 * that nothing grows with the number of answers.
 *
 * Immutable once read; any thread.
 */
#ifndef SPATE_COOKIES_H
#define SPATE_COOKIES_H

#include <stdbool.h>
#include <stdint.h>

#include "bytes.h"
#include "err.h"

#define COOKIES_HEADER_MAX 8190 /* as libcurl and most servers have it */

struct cookies;

/* Reads the file. ERR_SYNTAX names the line that is no cookie; ERR_IO says why
 * without the path, which may be a secret in the wrong place. */
int cookies_read(struct cookies **out, const char *path,
                 struct errmsg *msg) MUST_CHECK;
void cookies_free(struct cookies *cookies);

/* Puts "a=b; c=d" into out for a request of url at that time, those of longer
 * paths first (RFC 6265 section 5.4), NUL behind it; nothing when there is
 * none. True when there is one. */
bool cookies_for(const struct cookies *cookies, const char *url,
                 int64_t now_unix, struct bytes *out);

#endif
