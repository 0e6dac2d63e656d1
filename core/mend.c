/* SPDX-License-Identifier: MIT
 *
 * Mending of bodies piece by piece: see mend.h.
 *
 * Thread: the loop's.
 */
#include "config.h"

#include "mend.h"

#include <stdlib.h>

#include "engine_priv.h"

#define MIRRORS 32 /* bits of task.bad_mirrors */

struct mend {
  unsigned rounds;
  struct ranges from[MIRRORS];
};

void mend_free(struct mend *mend) {
  for (unsigned i = 0; mend != NULL && i < MIRRORS; i++)
    ranges_fini(&mend->from[i]);
  free(mend);
}

/* Without memory nobody is blamed. */
void mend_note(struct task *task, unsigned mirror, int64_t first, int64_t end) {
  if (task->fields == NULL || task->fields->pieces == NULL || first >= end ||
      mirror >= MIRRORS)
    return;
  if (task->mend == NULL)
    task->mend = calloc(1, sizeof(*task->mend));
  if (task->mend == NULL)
    return;
  for (unsigned i = 0; i < MIRRORS; i++)
    (void)!ranges_remove(&task->mend->from[i], first, end);
  (void)!ranges_add(&task->mend->from[mirror], first, end);
}

bool mend_left(const struct task *task) {
  return task->mend == NULL || task->mend->rounds < MEND_ROUNDS;
}

/* ---- whose fault it is -----------------------------------------------------
 */

static void blame_one(struct engine *e, struct task *task, unsigned mirror,
                      int64_t bytes) {
  const char *why = NULL;
  struct host *host = NULL;
  if (hosts_get(&e->hosts, task_mirror_url(task, mirror), engine_now(), &host,
                &why) != 0)
    return;
  eventlog_add(&e->log, LOG_WARN, task->id,
               "%s: %s sent damaged pieces with %lld bytes", task->name,
               host->origin, (long long)bytes);
}

/* Bits of the mirrors that sent what is bad. */
static uint32_t blame(struct engine *e, struct task *task,
                      const struct ranges *bad) {
  uint32_t guilty = 0;
  for (unsigned i = 0; task->mend != NULL && i < MIRRORS; i++) {
    int64_t bytes = ranges_common(&task->mend->from[i], bad);
    if (bytes <= 0)
      continue;
    guilty |= UINT32_C(1) << i;
    blame_one(e, task, i, bytes);
  }
  return guilty;
}

static void find_bad(const struct ranges *good, int64_t size,
                     struct ranges *bad) {
  struct range gap;
  for (int64_t at = 0; ranges_gap(good, at, size, &gap); at = gap.end)
    if (ranges_add(bad, gap.first, gap.end) != 0)
      return;
}

bool mend_begin(struct engine *e, struct task *task,
                const struct sink_result *result) {
  struct ranges bad = {0};
  int64_t good = ranges_total(result->durable);
  uint32_t guilty;
  if (task->fields == NULL || task->fields->pieces == NULL || good <= 0 ||
      good >= task->size)
    return false;
  if (task->mend == NULL)
    task->mend = calloc(1, sizeof(*task->mend));
  if (task->mend == NULL || !mend_left(task))
    return false;
  task->mend->rounds++;
  find_bad(result->durable, task->size, &bad);
  guilty = blame(e, task, &bad);
  eventlog_add(&e->log, LOG_WARN, task->id,
               "%s: %lld of %lld bytes are damaged and fetched again",
               task->name, (long long)(task->size - good),
               (long long)task->size);
  ranges_fini(&bad);
  fetch__leave_mirrors(e, task, guilty);
  fetch__keep_partial(e, task, result);
  task->following = true; /* no attempt has failed: the rounds count */
  fetch__let_go(e, task, AFTER_QUEUE, true);
  return true;
}
