/* SPDX-License-Identifier: MIT
 *
 * Snapshots as JSON, for the control socket and the reporter. Member names are
 * a contract: some may be added, none renamed. A new object is the caller's;
 * NULL or fewer members when there is no memory.
 *
 * Thread: any one, like the snapshot.
 */
#ifndef SPATE_SNAPSHOT_JSON_H
#define SPATE_SNAPSHOT_JSON_H

#include <jansson.h>

#include "snapshot.h"

#define SNAPSHOT_JSON_HOSTS 64 /* rows of hosts at most */

/* Counts, rates, semaphores, deadline. */
json_t *snapshot_json_status(const struct snapshot *snap);

/* All of it; of the tasks the first so many rows. */
json_t *snapshot_json_whole(const struct snapshot *snap, size_t tasks);

/* {"in_s","needed_per_s","will_miss"}, or null without a deadline. */
json_t *snapshot_json_deadline(const struct snapshot *snap);

/* What the pool's jobs have cost, by name; what --exec has. */
json_t *snapshot_json_jobs(const struct snapshot *snap);
json_t *snapshot_json_programs(const struct snapshot *snap);

json_t *snapshot_json_semaphore(const struct snap_sem *sem);

/* {"name","value","number","unit","min","max","default"}; value as a person
 * would type it. */
json_t *snapshot_json_limit(const struct snapshot *snap, enum limit_id id);
json_t *snapshot_json_limits(const struct snapshot *snap);

/* Figures of the shards; null when bodies become files. */
json_t *snapshot_json_shards(const struct snapshot *snap);

#endif
