/* SPDX-License-Identifier: MIT
 *
 * What a good answer must look like besides its status: some servers send an
 * error page, a login form or an empty file with 200 OK.
 *
 * A type is "image/png" or "image" with a star behind the slash, several with
 * commas between them; parameters (RFC 9110 section 8.3.1) and case do not
 * count. Sizes are those of the whole file.
 *
 * Pure; any thread.
 */
#ifndef SPATE_EXPECT_H
#define SPATE_EXPECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

struct expect {
  const char *types;          /* comma list, borrowed; NULL: any */
  int64_t min_size, max_size; /* bytes; 0: no bound */
};

/* ERR_SYNTAX when it is no such list. */
int expect_types_check(const char *types) MUST_CHECK;

/* What an answer's head says: false, with a sentence in why, when it is not
 * what was expected. content_type "": none was sent; size -1: not known. */
bool expect_head(const struct expect *expect, const char *content_type,
                 int64_t size, char *why, size_t cap) MUST_CHECK;

/* The body so far (complete: all of it). */
bool expect_body(const struct expect *expect, int64_t bytes, bool complete,
                 char *why, size_t cap) MUST_CHECK;

#endif
