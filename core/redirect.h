/* SPDX-License-Identifier: MIT
 *
 * Which redirects are followed, for everybody who makes requests: those of
 * RFC 9110, section 15.4, that name another place (301, 302, 303, 307, 308),
 * so many of them, to URLs that a host may be made of. SFTP is never gone to:
 * that would be done with the user's keys, wherever it leads.
 *
 * Whether the host's addresses may be asked (--no-private-redirects) is found
 * out later, when they are known. Thread: the loop's.
 */
#ifndef SPATE_REDIRECT_H
#define SPATE_REDIRECT_H

#include <stdint.h>

#include "err.h"

#define REDIRECTS_MAX 20

struct host;
struct hosts;
struct transfer;

enum redirect_rule {
  REDIRECT_ANY,    /* of the protocols that are allowed */
  REDIRECT_HTTP,   /* http and https alone */
  REDIRECT_AS_SAFE /* the same, and never from https to http */
};

/* Where somebody's requests have been sent on to. */
struct redirect {
  enum redirect_rule rule;
  unsigned *count; /* of those followed so far */
  char **hop;      /* owned by the caller: the URL; NULL nowhere yet */
  const char *own; /* the URL at which it began; borrowed */
};

/* An answer of this status that names `where` (absolute; NULL nothing). 1: *hop
 * and *host are those to be asked next. 0: it is no redirect. An error: one
 * that is not followed; msg says why. */
int redirect_to(const struct redirect *redirect, struct hosts *hosts,
                int status, const char *where, uint64_t now_ns,
                struct host **host, struct errmsg *msg) MUST_CHECK;

/* The same of an answer that has ended. */
int redirect_follow(const struct redirect *redirect, struct hosts *hosts,
                    const struct transfer *transfer, uint64_t now_ns,
                    struct host **host, struct errmsg *msg) MUST_CHECK;

#endif
