/* SPDX-License-Identifier: MIT
 *
 * Bytes a second: leaky buckets over bodies, in total, for a host and for one
 * transfer, by pausing transfers and never by sleeping.
 *
 * A transfer whose bucket is not due pauses and stands in line; when the
 * bucket is due the first in line takes one chunk, whatever its size, and the
 * time for it is owed. So the bytes go out evenly, in turns, and a new limit
 * counts from the next chunk on.
 *
 * libcurl's own limit is an average over three seconds for each transfer; it
 * is not used.
 *
 * Thread: the loop's.
 */
#ifndef SPATE_BANDWIDTH_H
#define SPATE_BANDWIDTH_H

#include <stdbool.h>
#include <stdint.h>

#include "alarm.h"
#include "bucket.h"
#include "heap.h"
#include "list.h"

/* One limit with those who wait for it. */
struct byte_limit {
  struct bucket bucket;
  struct link line;      /* of struct byte_waiter */
  struct heap_node node; /* in the bandwidth's heap while somebody waits */
};

/* Embedded in what waits; zeroed by the owner before its first use. */
struct byte_waiter {
  struct link link;
  struct byte_limit *granted; /* its turn has come: one chunk is free */
  void (*go)(struct byte_waiter *waiter);
};

struct bandwidth {
  struct heap due; /* limits by the time of their next chunk */
  struct alarm alarm;
  void *arg;
};

int bandwidth_init(struct bandwidth *b, uv_loop_t *loop) MUST_CHECK;
void bandwidth_close(struct bandwidth *b); /* the loop must run on */
void bandwidth_fini(struct bandwidth *b);

void byte_limit_init(struct byte_limit *limit, double per_s, uint64_t now_ns);

/* The limit is about to be freed; nobody may stand in its line. */
void bandwidth_forget(struct bandwidth *b, struct byte_limit *limit);

/* Takes effect at the next chunk. */
void bandwidth_set(struct bandwidth *b, struct byte_limit *limit, double per_s,
                   uint64_t now_ns);

/* May length bytes pass all of the limits (NULL entries are passed over)?
 * True: they are counted. False: the waiter stands in the line of the one that
 * is in the way, and go is called when to ask again. */
bool bandwidth_pass(struct bandwidth *b, struct byte_limit *const *limits,
                    unsigned count, struct byte_waiter *waiter, size_t length,
                    uint64_t now_ns) MUST_CHECK;

/* Out of any line. */
void bandwidth_leave(struct byte_waiter *waiter);

#endif
