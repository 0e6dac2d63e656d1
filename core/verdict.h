/* SPDX-License-Identifier: MIT
 *
 * What the end of an exchange means: good, passing, permanent, throttled or
 * expired; what it says about the server's load; and a sentence for a person.
 *
 * Servers ask to slow down in more ways than 429: 503 with Retry-After, 503
 * and 403 with words such as SlowDown in the page. Pre-signed URLs die with a
 * 403 that speaks of expiry. The lists are the user's to extend.
 *
 * Pure; any thread.
 */
#ifndef SPATE_VERDICT_H
#define SPATE_VERDICT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "governor.h"
#include "retry.h"
#include "transfer.h"

#define VERDICT_WHY 300

/* More signs of throttling; borrowed. */
struct verdict_rules {
  const int *throttle_status; /* codes that always mean "slow down" */
  size_t throttle_status_count;
  char *const *throttle_words; /* in the page of a 400, 403 or 503; any case */
  size_t throttle_word_count;  /* 0: the built-in ones */
};

struct verdict_input {
  int curl_code;               /* 0 = CURLE_OK */
  const char *curl_text;       /* libcurl's sentence; "" none */
  const struct answer *answer; /* status 0: none came */
  const char *page;            /* beginning of the body of an error */
  size_t page_len;
  int64_t now_unix, deadline_unix; /* of the URL; INT64_MAX none */
  const struct verdict_rules *rules;
  const struct protocol *protocol; /* NULL: http */
  int reply;                       /* the last of an FTP server; 0 none */
};

struct verdict {
  enum fail_class class;
  enum governor_outcome outcome;
  bool worthless;        /* what has come is of no use: none of it is kept */
  char why[VERDICT_WHY]; /* "" when all is well */
};

void verdict_of(struct verdict *verdict, const struct verdict_input *input);

/* "Not Found" for 404; "" for one that is not known (RFC 9110 section 15). */
const char *verdict_status_text(int status);

#endif
