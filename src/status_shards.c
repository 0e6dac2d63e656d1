/* SPDX-License-Identifier: MIT
 *
 * See status_shards.h.
 */
#include "config.h"

#include "status_shards.h"

#include <inttypes.h>
#include <stdio.h>

#include "member.h"
#include "session.h"
#include "shards.h"
#include "text.h"

static int add_shard(void *arg, const char *name, int64_t bytes,
                     uint64_t records) {
  struct shard_sum *sum = arg;
  struct shard_name parts;
  if (!shard_name_parse(name, &parts))
    return 0;
  sum->shards += !parts.part;
  sum->open += parts.part;
  sum->records += records;
  sum->bytes += bytes;
  return 0;
}

int shard_sum_read(struct shard_sum *sum, const char *dir, struct errmsg *msg) {
  *sum = (struct shard_sum){0};
  return session_files_read(dir, add_shard, sum, msg);
}

json_t *shard_sum_json(const struct shard_sum *sum) {
  if (sum->shards + sum->open == 0)
    return json_null();
  json_t *o = json_object();
  member_whole(o, "shards", sum->shards);
  member_whole(o, "open", sum->open);
  member_whole(o, "records", sum->records);
  member_put(o, "bytes", json_integer(sum->bytes));
  return o;
}

void shard_sum_print(const struct shard_sum *sum) {
  char bytes[TEXT_NUMBER_CAP];
  if (sum->shards + sum->open > 0)
    printf("%-10s %" PRIu64 ", %" PRIu64 " open: %" PRIu64 " records in %s\n",
           "shards", sum->shards, sum->open, sum->records,
           text_bytes(bytes, sizeof bytes, sum->bytes));
}
