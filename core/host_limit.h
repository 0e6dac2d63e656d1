/* SPDX-License-Identifier: MIT
 *
 * A limit of one host as it is typed and kept: "NAME,LIMIT=VALUE", as in
 * "api.example.org,per-host-rate=5/s". NAME is a host's name (every port and
 * scheme of it), an origin ("https://example.org:8443") or the name of a rule.
 *
 * Pure; any thread.
 */
#ifndef SPATE_HOST_LIMIT_H
#define SPATE_HOST_LIMIT_H

#include <stdbool.h>

#include "limits.h"
#include "url.h"

/* What one host can have a limit of its own for. */
enum host_own { OWN_PERMITS, OWN_RATE, OWN_BYTES, OWN_ADAPTIVE, OWN_COUNT };

struct host_limit {
  char name[URL_ORIGIN_CAP];
  enum limit_id limit;
  double value;
};

/* Their names, for people. */
#define HOST_OWN_NAMES \
  "per-host, per-host-rate, per-host-limit-rate and adaptive"

/* The place of one of these; -1: a host has no such limit. */
int host_own_of(enum limit_id limit);

/* A name that may be meant; the message says what is wrong with it. */
int host_name_check(const char *name, struct errmsg *msg) MUST_CHECK;

int host_limit_parse(struct host_limit *out, const char *text,
                     struct errmsg *msg) MUST_CHECK;

/* As parse reads it; returns buf. */
char *host_limit_format(const struct host_limit *limit, char *buf, size_t cap);

#endif
