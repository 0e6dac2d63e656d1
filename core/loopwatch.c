/* SPDX-License-Identifier: MIT
 *
 * The health of the loop: see loopwatch.h.
 */
#include "config.h"

#include "loopwatch.h"

#include <stdlib.h>
#include <string.h>
#include <uv.h>

#define SECOND_NS 1000000000u

void loopwatch_init(struct loopwatch *watch) {
  memset(watch, 0, sizeof(*watch));
  watch->slowest = "";
  watch->busy = -1;
  watch->second_start_ns = uv_hrtime();
  histogram_window_init(&watch->lag, 60, uv_hrtime());
}

void loopwatch_enter(struct loopwatch *watch, const char *name) {
  if (watch->depth++ > 0)
    return;
  watch->name = name;
  watch->entered_ns = uv_hrtime();
}

uint64_t loopwatch_present_ns(const struct loopwatch *watch) {
  return watch->depth > 0 ? uv_hrtime() - watch->entered_ns : 0;
}

/* Names are literals: their addresses tell them apart. What comes when the
 * table is full is not counted by name. */
static void charge(struct loopwatch *watch, uint64_t spent) {
  size_t at = ((uintptr_t)watch->name >> 3) % LOOPWATCH_NAMES;
  struct loopwatch_cost *cost = &watch->cost[at];
  for (int i = 0;
       cost->name != watch->name && cost->name != NULL && i < LOOPWATCH_NAMES;
       i++) {
    at = (at + 1) % LOOPWATCH_NAMES;
    cost = &watch->cost[at];
  }
  if (cost->name == NULL)
    cost->name = watch->name;
  if (cost->name != watch->name)
    return;
  cost->calls++;
  cost->total_ns += spent;
  if (spent > cost->max_ns)
    cost->max_ns = spent;
}

void loopwatch_leave(struct loopwatch *watch) {
  uint64_t spent;
  if (--watch->depth > 0)
    return;
  spent = uv_hrtime() - watch->entered_ns;
  watch->iteration_ns += spent;
  charge(watch, spent);
  if (spent > watch->slowest_ns) {
    watch->slowest_ns = spent;
    watch->slowest = watch->name;
  }
}

static void close_second(struct loopwatch *watch, uint64_t now) {
  uint64_t length = now - watch->second_start_ns;
  if (length < SECOND_NS)
    return;
  histogram_window_turn(&watch->lag, now);
  watch->busy = (double)watch->second_busy_ns / (double)length;
  watch->second_start_ns = now;
  watch->second_busy_ns = 0;
}

void loopwatch_turn(struct loopwatch *watch) {
  uint64_t now = uv_hrtime();
  if (watch->iteration_ns > 0) {
    histogram_window_record(&watch->lag, watch->iteration_ns);
    if (watch->iteration_ns > watch->lag_max_ns)
      watch->lag_max_ns = watch->iteration_ns;
    watch->second_busy_ns += watch->iteration_ns;
    watch->iteration_ns = 0;
  }
  close_second(watch, now);
}

double loopwatch_busy(const struct loopwatch *watch) {
  uint64_t length = uv_hrtime() - watch->second_start_ns;
  double share = watch->busy;
  if (share < 0)
    share = length > 0 ? (double)watch->second_busy_ns / (double)length : 0;
  return share < 1 ? share : 1;
}

uint64_t loopwatch_lag_p99_ns(const struct loopwatch *watch) {
  return histogram_window_quantile(&watch->lag, 0.99);
}

static int slower_first(const void *a, const void *b) {
  const struct loopwatch_cost *x = a, *y = b;
  return (x->max_ns < y->max_ns) - (x->max_ns > y->max_ns);
}

size_t loopwatch_slowest(const struct loopwatch *watch,
                         struct loopwatch_cost *out, size_t cap) {
  struct loopwatch_cost all[LOOPWATCH_NAMES];
  size_t count = 0;
  for (size_t i = 0; i < LOOPWATCH_NAMES; i++)
    if (watch->cost[i].name != NULL)
      all[count++] = watch->cost[i];
  if (count > 0)
    qsort(all, count, sizeof(all[0]), slower_first);
  if (count > cap)
    count = cap;
  memcpy(out, all, count * sizeof(all[0]));
  return count;
}

uint64_t loopwatch_lag_below(const struct loopwatch *watch, uint64_t ns) {
  return histogram_window_below(&watch->lag, ns);
}
