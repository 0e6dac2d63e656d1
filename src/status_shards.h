/* SPDX-License-Identifier: MIT
 *
 * What spate status says of the shards of a session. The main thread.
 */
#ifndef SPATE_STATUS_SHARDS_H
#define SPATE_STATUS_SHARDS_H

#include <jansson.h>
#include <stdint.h>

#include "err.h"

/* What is in them and settled. */
struct shard_sum {
  uint64_t shards, open, records;
  int64_t bytes;
};

int shard_sum_read(struct shard_sum *sum, const char *dir,
                   struct errmsg *msg) MUST_CHECK;
/* null when there are none. */
json_t *shard_sum_json(const struct shard_sum *sum);
/* A line, or nothing. */
void shard_sum_print(const struct shard_sum *sum);

#endif
