/* SPDX-License-Identifier: MIT
 *
 * What a server's headers say about how fast it may be asked: Retry-After
 * (RFC 9110 section 10.2.3), RateLimit and RateLimit-Policy
 * (draft-ietf-httpapi-ratelimit-headers, its structured and its older forms),
 * X-RateLimit-*, retry-after-ms, x-ms-retry-after-ms. Malformed values are
 * passed over.
 *
 * Pure; any thread.
 */
#ifndef SPATE_THROTTLE_H
#define SPATE_THROTTLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zero it before the first header of an answer. */
struct throttle_hint {
  bool has_wait, has_remaining, has_reset, has_limit, has_window;
  double wait_s;      /* ask again after this long */
  double remaining;   /* requests left ... */
  double reset_s;     /* ... until the quota is renewed, from now */
  double limit;       /* the quota ... */
  double window_s;    /* ... for this long */
  bool wait_is_exact; /* private: from a header in ms, which wins */
};

/* Longer waits and resets than this are not believed. */
#define THROTTLE_MOST_S (7 * 86400)

/* Takes one header in; neither name nor value need be terminated. True when it
 * was one of these headers and told something. Of several quotas in one header
 * the one that allows the fewest requests a second counts. */
bool throttle_header(struct throttle_hint *hint, const char *name,
                     size_t name_len, const char *value, size_t value_len,
                     int64_t now_unix);

/* Starts a second that the quota allows: remaining / reset; negative when the
 * hint does not say. */
double throttle_rate(const struct throttle_hint *hint);

#endif
