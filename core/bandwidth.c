/* SPDX-License-Identifier: MIT
 *
 * Bytes a second: see bandwidth.h.
 */
#include "config.h"

#include "bandwidth.h"

#include <string.h>

static void rearm(struct bandwidth *b) {
  const struct heap_node *first = heap_first(&b->due);
  alarm_set(&b->alarm, first != NULL ? first->due_ns : ALARM_NEVER);
}

/* Calls on those in line as long as the limit is due. Whoever goes counts its
 * chunk at once (bandwidth_pass), so that the next turn lies in the future. */
static void serve(struct bandwidth *b, struct byte_limit *limit) {
  for (;;) {
    uint64_t now = uv_hrtime();
    uint64_t at = bucket_next_ns(&limit->bucket, now);
    struct link *link;
    struct byte_waiter *waiter;
    if (list_empty(&limit->line))
      return;
    if (at > now) {
      if (heap_put(&b->due, &limit->node, at) == 0)
        return;
      /* Without memory nobody may be left standing: let one pass early. */
    }
    link = list_take(&limit->line);
    waiter = LINK_ENTRY(link, struct byte_waiter, link);
    waiter->granted = limit;
    waiter->go(waiter);
  }
}

static void on_alarm(void *arg) {
  struct bandwidth *b = arg;
  uint64_t now = uv_hrtime();
  struct heap_node *first;
  for (first = heap_first(&b->due); first != NULL && first->due_ns <= now;
       first = heap_first(&b->due)) {
    heap_remove(&b->due, first);
    serve(b, LINK_ENTRY(first, struct byte_limit, node));
  }
  rearm(b);
}

int bandwidth_init(struct bandwidth *b, uv_loop_t *loop) {
  memset(b, 0, sizeof(*b));
  heap_init(&b->due);
  return alarm_start(&b->alarm, loop, on_alarm, b);
}

void bandwidth_close(struct bandwidth *b) {
  alarm_close(&b->alarm);
}

void bandwidth_fini(struct bandwidth *b) {
  heap_fini(&b->due);
}

void byte_limit_init(struct byte_limit *limit, double per_s, uint64_t now_ns) {
  memset(limit, 0, sizeof(*limit));
  list_init(&limit->line);
  bucket_init(&limit->bucket, per_s, now_ns);
}

void bandwidth_set(struct bandwidth *b, struct byte_limit *limit, double per_s,
                   uint64_t now_ns) {
  bucket_set_rate(&limit->bucket, per_s, now_ns);
  heap_remove(&b->due, &limit->node);
  serve(b, limit);
  rearm(b);
}

void bandwidth_forget(struct bandwidth *b, struct byte_limit *limit) {
  heap_remove(&b->due, &limit->node);
  rearm(b);
}

static bool stand_in_line(struct bandwidth *b, struct byte_limit *limit,
                          struct byte_waiter *waiter, uint64_t at) {
  if (limit->node.place == 0) {
    if (heap_put(&b->due, &limit->node, at) != 0)
      return false;
    rearm(b);
  }
  list_append(&limit->line, &waiter->link);
  return true;
}

bool bandwidth_pass(struct bandwidth *b, struct byte_limit *const *limits,
                    unsigned count, struct byte_waiter *waiter, size_t length,
                    uint64_t now_ns) {
  if (link_on_list(&waiter->link)) /* asked early: it has its place already */
    return false;
  for (unsigned i = 0; i < count; i++) {
    uint64_t at;
    if (limits[i] == NULL || limits[i]->bucket.per_s <= 0 ||
        limits[i] == waiter->granted)
      continue;
    at = bucket_next_ns(&limits[i]->bucket, now_ns);
    /* A due bucket with a line belongs to the first in that line. */
    if (at <= now_ns && list_empty(&limits[i]->line))
      continue;
    waiter->granted = NULL;
    if (stand_in_line(b, limits[i], waiter, at))
      return false;
  }
  waiter->granted = NULL;
  for (unsigned i = 0; i < count; i++)
    if (limits[i] != NULL)
      bucket_take(&limits[i]->bucket, length, now_ns);
  return true;
}

void bandwidth_leave(struct byte_waiter *waiter) {
  list_remove(&waiter->link);
  waiter->granted = NULL;
}
