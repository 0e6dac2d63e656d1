/* SPDX-License-Identifier: MIT
 *
 * The bytes of bodies as they pass: limits on bytes a second, and figures.
 *
 * Thread: the loop's.
 */
#include "config.h"

#include <stdlib.h>

#include "engine_priv.h"

void fetch_set_byte_limit(struct engine *e, struct task *task) {
  double rate =
      task->own_rate > 0 ? task->own_rate : e->limit[LIMIT_TRANSFER_BANDWIDTH];
  uint64_t now = engine_now();
  if (task->byte_limit != NULL) {
    bandwidth_set(&e->bandwidth, task->byte_limit, rate, now);
    return;
  }
  if (rate <= 0)
    return;
  task->byte_limit = malloc(sizeof(*task->byte_limit));
  if (task->byte_limit != NULL)
    byte_limit_init(task->byte_limit, rate, now);
}

void fetch__leave_lines(struct engine *e, struct task *task) {
  bandwidth_leave(&task->byte_turn);
  task->bytes_paid = false;
  if (task->byte_limit == NULL)
    return;
  bandwidth_forget(&e->bandwidth, task->byte_limit);
  free(task->byte_limit);
  task->byte_limit = NULL;
}

bool fetch__may_pass(struct engine *e, struct task *task, struct host *host,
                     struct byte_waiter *waiter, bool *paid, size_t length,
                     uint64_t now) {
  struct byte_limit *const limits[] = {task->byte_limit, &host->byte_limit,
                                       &e->all_bytes};
  if (!*paid)
    *paid = bandwidth_pass(&e->bandwidth, limits, 3, waiter, length, now);
  return *paid;
}

void fetch__count_bytes(struct engine *e, struct task *task, struct host *host,
                        size_t length, uint64_t now) {
  task->got += (int64_t)length;
  e->bytes += length;
  host->bytes += length;
  meter_add(&e->byte_rate, (double)length, now);
  meter_add(&e->byte_rate_long, (double)length, now);
  meter_add(&task->rate, (double)length, now);
}
