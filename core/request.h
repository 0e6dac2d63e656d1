/* SPDX-License-Identifier: MIT
 *
 * How a task's own method, body and headers come into a request, what a
 * redirect makes of them, and when such a request may be sent once more.
 *
 * The loop's thread.
 */
#ifndef SPATE_REQUEST_H
#define SPATE_REQUEST_H

#include <curl/curl.h>
#include <stdbool.h>

#include "err.h"
#include "fields.h"

/* fields may be NULL in all of these: a GET. */

/* The method: what fields say, POST where there is a body, else GET. */
const char *request_verb(const struct task_fields *fields);

bool request_is_get(const struct task_fields *fields);

/* Whether the method asks for no more when it is sent twice (RFC 9110 section
 * 9.2.2), or a header (Idempotency-Key) tells the server to see to that. */
bool request_may_repeat(const struct task_fields *fields);

/* A redirect with this status becomes a GET: 303 whatever it was, 301 and 302
 * of a POST (RFC 9110 section 15.4); 307 and 308 keep method and body. */
bool request_turns_get(const struct task_fields *fields, int status);

/* A list of its own: base without the headers that fields replace, then those
 * of fields. as_get: without those that describe a body. ERR_NOMEM. */
int request_headers(struct curl_slist **out, const struct curl_slist *base,
                    const struct task_fields *fields, bool as_get) MUST_CHECK;

/* Sets method and body; what fields point to is borrowed by the handle. NULL
 * makes it a GET again. */
int request_method(CURL *easy, const struct task_fields *fields) MUST_CHECK;

#endif
