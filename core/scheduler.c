/* SPDX-License-Identifier: MIT
 *
 * Which task starts next, and when: see scheduler.h.
 */
#include "config.h"

#include "scheduler.h"

#include <string.h>

#define NS 1e9
#define THROTTLE_FIRST_S 0.5
#define THROTTLE_MAX_S 30.0

int scheduler_init(struct scheduler *s, uv_loop_t *loop, struct hosts *hosts,
                   struct resolver *resolver, struct task_counts *counts,
                   void (*start)(void *arg, struct task *task),
                   void (*wake)(void *arg), void *arg) {
  memset(s, 0, sizeof(*s));
  list_init(&s->ring);
  heap_init(&s->waiting);
  heap_init(&s->held);
  s->hosts = hosts;
  s->resolver = resolver;
  s->counts = counts;
  s->start = start;
  s->arg = arg;
  semaphore_init(&s->net, "net", 1);
  bucket_init(&s->rate, 0, uv_hrtime());
  return alarm_start(&s->alarm, loop, wake, arg);
}

void scheduler_close(struct scheduler *s) {
  alarm_close(&s->alarm);
}

void scheduler_fini(struct scheduler *s) {
  heap_fini(&s->waiting);
  heap_fini(&s->held);
}

/* ---- the ring ------------------------------------------------------------ */

static void ring_add(struct scheduler *s, struct host *host) {
  if (link_on_list(&host->runnable) || host->ready_count == 0)
    return;
  list_append(&s->ring, &host->runnable);
  s->runnable += host->ready_count;
}

static void ring_remove(struct scheduler *s, struct host *host) {
  if (!link_on_list(&host->runnable))
    return;
  list_remove(&host->runnable);
  s->runnable -= host->ready_count;
}

void scheduler_recheck(struct scheduler *s, struct host *host) {
  heap_remove(&s->held, &host->due);
  ring_add(s, host);
}

void scheduler_recheck_all(struct scheduler *s) {
  struct link *head = &s->hosts->list;
  for (struct link *l = head->next; l != head; l = l->next)
    scheduler_recheck(s, LINK_ENTRY(l, struct host, all));
}

/* Off the ring until due_ns. Without memory it stays on and is asked again. */
static void hold(struct scheduler *s, struct host *host, uint64_t due_ns) {
  if (heap_put(&s->held, &host->due, due_ns) == 0)
    ring_remove(s, host);
}

/* ---- tasks --------------------------------------------------------------- */

void scheduler_ready(struct scheduler *s, struct task *task, uint64_t now_ns) {
  struct host *host = task->host;
  task->ready_ns = now_ns;
  list_append(&host->ready, &task->queued);
  host->ready_count++;
  s->ready++;
  if (link_on_list(&host->runnable))
    s->runnable++;
  else if (host->due.place == 0)
    ring_add(s, host);
}

static void take(struct scheduler *s, struct task *task) {
  struct host *host = task->host;
  list_remove(&task->queued);
  if (link_on_list(&host->runnable))
    s->runnable--;
  s->ready--;
  host->ready_count--;
  if (host->ready_count == 0 && link_on_list(&host->runnable))
    list_remove(&host->runnable);
}

int scheduler_wait(struct scheduler *s, struct task *task, uint64_t due_ns) {
  return heap_put(&s->waiting, &task->due, due_ns);
}

void scheduler_remove(struct scheduler *s, struct task *task) {
  heap_remove(&s->waiting, &task->due);
  if (link_on_list(&task->queued))
    take(s, task);
}

struct task *scheduler_take_ready(struct scheduler *s, struct host *host) {
  struct task *task;
  if (list_empty(&host->ready))
    return NULL;
  task = LINK_ENTRY(host->ready.next, struct task, queued);
  take(s, task);
  return task;
}

/* ---- events of hosts ------------------------------------------------------ */

void scheduler_ended(struct scheduler *s, struct host *host, uint64_t now_ns) {
  semaphore_release(&s->net, now_ns);
  semaphore_release(&host->sem, now_ns);
  if (host->due.place == 0)
    ring_add(s, host);
}

void scheduler_throttled(struct scheduler *s, struct host *host,
                         uint64_t sent_ns, double wait_s, uint64_t now_ns) {
  uint64_t until;
  bool straggler = sent_ns < host->held_since_ns;
  if (straggler && wait_s < 0)
    return;
  if (!straggler) {
    host->throttled_in_row++;
    host->held_since_ns = now_ns;
  }
  if (wait_s < 0) {
    wait_s = THROTTLE_FIRST_S;
    for (unsigned i = 1; i < host->throttled_in_row; i++)
      if (wait_s < THROTTLE_MAX_S)
        wait_s *= 2;
  }
  until = now_ns + (uint64_t)(wait_s * NS);
  if (until > host->held_until_ns)
    host->held_until_ns = until;
  host->canary = true;
  if (link_on_list(&host->runnable))
    hold(s, host, host->held_until_ns);
}

void scheduler_good(struct scheduler *s, struct host *host, uint64_t now_ns) {
  if (host->held_until_ns > now_ns || !host->canary)
    return; /* a straggler's success says nothing about the gate */
  host->canary = false;
  host->throttled_in_row = 0;
  scheduler_recheck(s, host);
}

/* ---- starting -------------------------------------------------------------- */

/* May this host start one now? Takes it off the ring when not. */
static bool host_may_start(struct scheduler *s, struct host *host,
                           uint64_t now_ns) {
  uint64_t at;
  if (host->held_until_ns > now_ns) {
    hold(s, host, host->held_until_ns);
    return false;
  }
  if (!resolve_host(s->resolver, host, now_ns) ||
      host->sem.used >= host->sem.limit ||
      (host->canary && host->sem.used > 0)) {
    ring_remove(s, host); /* an event brings it back */
    return false;
  }
  at = bucket_next_ns(&host->bucket, now_ns);
  if (at > now_ns) {
    hold(s, host, at);
    return false;
  }
  return true;
}

static void start_one(struct scheduler *s, struct host *host, uint64_t now_ns) {
  struct task *task = scheduler_take_ready(s, host);
  bucket_take(&s->rate, 1, now_ns);
  bucket_take(&host->bucket, 1, now_ns);
  semaphore_note_wait(&s->net, now_ns - task->ready_ns);
  if (link_on_list(&host->runnable)) { /* the next host's turn */
    list_remove(&host->runnable);
    list_append(&s->ring, &host->runnable);
  }
  s->start(s->arg, task);
}

static void wake_waiting(struct scheduler *s, uint64_t now_ns) {
  struct heap_node *node;
  for (node = heap_first(&s->waiting); node != NULL && node->due_ns <= now_ns;
       node = heap_first(&s->waiting)) {
    struct task *task = LINK_ENTRY(node, struct task, due);
    heap_remove(&s->waiting, node);
    task_set_state(s->counts, task, TASK_QUEUED);
    scheduler_ready(s, task, now_ns);
  }
  for (node = heap_first(&s->held); node != NULL && node->due_ns <= now_ns;
       node = heap_first(&s->held))
    scheduler_recheck(s, LINK_ENTRY(node, struct host, due));
}

static uint64_t earliest(const struct scheduler *s, uint64_t rate_at) {
  const struct heap_node *waiting = heap_first(&s->waiting);
  const struct heap_node *held = heap_first(&s->held);
  uint64_t due = rate_at;
  if (waiting != NULL && waiting->due_ns < due)
    due = waiting->due_ns;
  if (held != NULL && held->due_ns < due)
    due = held->due_ns;
  return due;
}

void scheduler_run(struct scheduler *s, uint64_t now_ns) {
  uint64_t rate_at = ALARM_NEVER;
  if (s->blocked) {
    alarm_set(&s->alarm, ALARM_NEVER);
    return;
  }
  wake_waiting(s, now_ns);
  while (!list_empty(&s->ring)) {
    struct host *host = LINK_ENTRY(s->ring.next, struct host, runnable);
    if (!host_may_start(s, host, now_ns))
      continue;
    if (s->net.used >= s->net.limit)
      break; /* comes on when a transfer ends */
    rate_at = bucket_next_ns(&s->rate, now_ns);
    if (rate_at > now_ns)
      break;
    rate_at = ALARM_NEVER;
    if (!semaphore_try_acquire(&s->net))
      break;
    if (!semaphore_try_acquire(&host->sem)) {
      semaphore_release(&s->net, now_ns);
      break;
    }
    start_one(s, host, now_ns);
  }
  alarm_set(&s->alarm, earliest(s, rate_at));
}
