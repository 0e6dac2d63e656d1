/* SPDX-License-Identifier: MIT
 *
 * The head of an HTTP answer, line by line, into the few facts the engine
 * works from. Malformed values count as absent; nothing here trusts a server.
 * Rules: RFC 9110 (field syntax section 5, Content-Range section 14.4).
 *
 * Pure; any thread.
 */
#ifndef SPATE_ANSWER_H
#define SPATE_ANSWER_H

#include <stddef.h>

#include "transfer.h"

enum answer_line {
  ANSWER_MORE, /* a status line or a field */
  ANSWER_END,  /* the empty line: the head is complete */
};

void answer_reset(struct answer *answer);

/* One line as it came, CRLF included. A status line begins a new head. */
enum answer_line answer_line(struct answer *answer, const char *line,
                             size_t length);

/* The validator to resume with: a strong ETag, else Last-Modified; "" when
 * there is none that may be used (RFC 9110 section 13.1.5). */
const char *answer_if_range(const char *etag, const char *last_modified);

/* "bytes 0-499/1234", "bytes * /1234" (without the space): 0 or ERR_SYNTAX. */
int answer_content_range(const char *value, size_t length, int64_t *first,
                         int64_t *last, int64_t *size) MUST_CHECK;

#endif
