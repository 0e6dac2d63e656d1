/* SPDX-License-Identifier: MIT
 *
 * Requests signed as AWS and those who copy it want them: Signature Version 4,
 * with the header Authorization. Done here, since libcurl 7.88 signs path and
 * query as they stand in the URL, which is right for plain names only.
 *
 * Pure; any thread.
 */
#ifndef SPATE_SIGV4_H
#define SPATE_SIGV4_H

#include <stddef.h>
#include <stdint.h>

#include <curl/curl.h>

#include "err.h"

struct sigv4_request {
  const char *scheme;   /* PROVIDER1[:PROVIDER2[:REGION[:SERVICE]]] */
  const char *user_pwd; /* KEY:SECRET */
  const char *method, *url;
  const char *body; /* NULL none */
  size_t body_length;
  const struct curl_slist *headers; /* the others of the request */
  int64_t now_unix;
};

/* What --aws-sigv4 may be: 0 or ERR_SYNTAX. */
int sigv4_check(const char *scheme) MUST_CHECK;

/* Appends the lines that sign the request to *list; nothing where the request
 * has an Authorization of its own. ERR_SYNTAX (a URL that libcurl does not
 * take) or ERR_NOMEM. */
int sigv4_sign(const struct sigv4_request *request,
               struct curl_slist **list) MUST_CHECK;

#endif
