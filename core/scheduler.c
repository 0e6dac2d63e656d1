/* SPDX-License-Identifier: MIT
 *
 * Which task starts next, and when: see scheduler.h.
 */
#include "config.h"

#include "scheduler.h"

#include <string.h>

#include "order.h"

#define NS 1e9
#define SHUFFLE_TURNS 1024 /* how far a shuffled task may fall back */
#define FULL_MOST 512u     /* ready tasks of a host that may not start */
#define FULL_LEAST 32u
#define FULL_HOSTS 16u /* more full hosts than these share that room */
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

static bool goes_before(const struct scheduler *s, const struct task *a,
                        const struct task *b) {
  if (a->priority != b->priority)
    return a->priority > b->priority;
  if (a->deadline_unix != b->deadline_unix && !s->shuffle)
    return a->deadline_unix < b->deadline_unix;
  return a->turn < b->turn;
}

/* Highest priority first, then earliest deadline (not when shuffled), then by
 * turn. */
static void insert(const struct scheduler *s, struct link *line,
                   struct task *task) {
  struct link *after = line->prev;
  while (after != line &&
         goes_before(s, task, LINK_ENTRY(after, struct task, queued)))
    after = after->prev;
  list_append(after->next, &task->queued);
}

void scheduler_ready(struct scheduler *s, struct task *task, uint64_t now_ns) {
  struct host *host = task->host;
  task->ready_ns = now_ns;
  task->turn = s->arrivals++;
  if (s->shuffle)
    task->turn += order_random(&s->seed) % SHUFFLE_TURNS;
  /* A redirect's next request is none of the failures that the budget is for.
   */
  insert(s,
         task->attempts > 0 && !task->following ? &host->again : &host->ready,
         task);
  host->ready_count++;
  s->ready++;
  task->ranked = task->priority != 0;
  s->ranked += task->ranked;
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
  s->ranked -= task->ranked;
  host->ready_count--;
  if (host->ready_count == 0 && link_on_list(&host->runnable))
    list_remove(&host->runnable);
  if (host->full_at > 0 && host->ready_count < host->full_at / 2) {
    host->full_at = 0;
    s->full_hosts--;
    s->relieved = true;
  }
}

bool scheduler_is_full(struct scheduler *s, struct host *host) {
  unsigned most = FULL_MOST / (unsigned)(1 + s->full_hosts / FULL_HOSTS);
  if (host->full_at > 0)
    return true;
  if (most < FULL_LEAST)
    most = FULL_LEAST;
  if (link_on_list(&host->runnable) || host->ready_count < most)
    return false;
  host->full_at = host->ready_count;
  s->full_hosts++;
  return true;
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
  struct link *line = list_empty(&host->again) ? &host->ready : &host->again;
  struct task *task;
  if (list_empty(line))
    return NULL;
  task = LINK_ENTRY(line->next, struct task, queued);
  take(s, task);
  return task;
}

/* ---- events of hosts ------------------------------------------------------
 */

void scheduler_ended(struct scheduler *s, struct host *host, uint64_t now_ns) {
  semaphore_release(&s->net, now_ns);
  semaphore_release(&host->sem, now_ns);
  if (host->due.place == 0)
    ring_add(s, host);
}

/* The gate of a throttled host, for answers to what no governor has sent. */
static void close_gate(struct host *host, const struct scheduler_answer *a,
                       uint64_t now_ns) {
  bool straggler = a->sent_ns < host->held_since_ns;
  bool told = a->hint != NULL && a->hint->has_wait;
  double wait_s = told ? a->hint->wait_s : THROTTLE_FIRST_S;
  uint64_t until;
  if (straggler && !told)
    return;
  if (!straggler) {
    host->throttled_in_row++;
    host->held_since_ns = now_ns;
  }
  for (unsigned i = 1; i < host->throttled_in_row && !told; i++)
    if (wait_s < THROTTLE_MAX_S)
      wait_s *= 2;
  until = now_ns + (uint64_t)(wait_s * NS);
  if (until > host->held_until_ns)
    host->held_until_ns = until;
  host->canary = true;
}

static void open_gate(struct host *host, uint64_t now_ns) {
  if (host->held_until_ns > now_ns)
    return; /* a straggler's success says nothing about the gate */
  host->canary = false;
  host->throttled_in_row = 0;
}

static void govern(struct scheduler *s, struct host *host,
                   const struct scheduler_answer *a, uint64_t now_ns) {
  bool gated = governor_gate_until(host->governor, now_ns) != 0;
  governor_on_answer(host->governor, a->sent_ns, now_ns, a->outcome, a->hint);
  hosts_govern(s->hosts, host, now_ns);
  if (gated && governor_gate_until(host->governor, now_ns) == 0)
    bucket_not_before(&host->bucket, now_ns);
}

void scheduler_answered(struct scheduler *s, struct host *host,
                        const struct scheduler_answer *a, uint64_t now_ns) {
  if (a->outcome == GOVERNOR_GONE)
    breaker_gone(&host->breaker, now_ns);
  else
    breaker_note(&host->breaker, a->sent_ns,
                 a->outcome == GOVERNOR_OK || a->outcome == GOVERNOR_THROTTLED,
                 now_ns);
  if (host->governor != NULL && a->sent_ns >= host->governed_ns)
    govern(s, host, a, now_ns);
  else if (a->outcome == GOVERNOR_THROTTLED)
    close_gate(host, a, now_ns);
  if (a->outcome == GOVERNOR_OK)
    open_gate(host, now_ns);
  scheduler_recheck(s, host); /* the ring finds out what holds it now */
}

uint64_t scheduler_held_until(const struct host *host, uint64_t now_ns) {
  uint64_t until = host->held_until_ns;
  if (host->governor != NULL &&
      governor_gate_until(host->governor, now_ns) > until)
    until = governor_gate_until(host->governor, now_ns);
  if (host->breaker.state == BREAKER_RESTING &&
      host->breaker.rest_until_ns > until)
    until = host->breaker.rest_until_ns;
  return until > now_ns ? until : 0;
}

/* ---- starting --------------------------------------------------------------
 */

/* Off the ring until at; an event brings back what no time does. */
static bool not_now(struct scheduler *s, struct host *host, uint64_t at,
                    uint64_t now_ns) {
  if (at > now_ns)
    hold(s, host, at);
  else
    ring_remove(s, host);
  return false;
}

static bool gate_is_open(struct scheduler *s, struct host *host,
                         uint64_t now_ns) {
  if (host->paused)
    return not_now(s, host, 0, now_ns);
  if (host->held_until_ns > now_ns)
    return not_now(s, host, host->held_until_ns, now_ns);
  if (host->canary && host->sem.used > 0)
    return not_now(s, host, 0, now_ns);
  if (host->governor == NULL || governor_may_start(host->governor, now_ns))
    return true;
  return not_now(s, host, governor_gate_until(host->governor, now_ns), now_ns);
}

static int32_t line_rank(const struct link *line) {
  return line->next == line
             ? INT32_MIN
             : LINK_ENTRY(line->next, struct task, queued)->priority;
}

/* A line to take from: tasks tried before, within their budget, else fresh
 * ones. */
static bool line_is_ready(struct scheduler *s, struct host *host,
                          struct link **line, uint64_t now_ns) {
  uint64_t at;
  *line = &host->ready;
  if (list_empty(&host->again) ||
      line_rank(&host->ready) > line_rank(&host->again))
    return true;
  at = retry_budget_next_ns(&host->budget, now_ns);
  if (at <= now_ns) {
    *line = &host->again;
    return true;
  }
  return list_empty(&host->ready) ? not_now(s, host, at, now_ns) : true;
}

/* May this host be asked now? Takes it off the ring when not. */
static bool host_is_free(struct scheduler *s, struct host *host,
                         uint64_t now_ns) {
  uint64_t at;
  if (!gate_is_open(s, host, now_ns))
    return false;
  if (!resolve_host(s->resolver, host, now_ns) ||
      host->sem.used >= host->sem.limit)
    return not_now(s, host, 0, now_ns);
  at = bucket_next_ns(&host->bucket, now_ns);
  return at <= now_ns || not_now(s, host, at, now_ns);
}

/* May it start one of its tasks? The breaker is asked last: it counts a yes as
 * a start. */
static bool host_may_start(struct scheduler *s, struct host *host,
                           struct link **line, uint64_t now_ns) {
  if (!host_is_free(s, host, now_ns) || !line_is_ready(s, host, line, now_ns))
    return false;
  if (!breaker_may_start(&host->breaker, now_ns))
    return not_now(s, host, host->breaker.rest_until_ns, now_ns);
  return true;
}

static void count_start(struct scheduler *s, struct host *host, bool again,
                        uint64_t now_ns) {
  /* A canary begins a new count: the bucket must not allow two at once. */
  if (host->governor != NULL &&
      governor_gate_until(host->governor, now_ns) != 0)
    bucket_not_before(&host->bucket, now_ns);
  bucket_take(&s->rate, 1, now_ns);
  bucket_take(&host->bucket, 1, now_ns);
  if (again)
    (void)!retry_budget_take(&host->budget, now_ns);
  else
    retry_budget_request(&host->budget);
  if (host->governor != NULL) {
    governor_on_start(host->governor, now_ns);
    hosts_govern(s->hosts, host, now_ns);
  }
}

static bool take_permits(struct scheduler *s, struct host *host,
                         uint64_t now_ns) {
  if (!semaphore_try_acquire(&s->net))
    return false;
  if (semaphore_try_acquire(&host->sem))
    return true;
  semaphore_release(&s->net, now_ns);
  return false;
}

bool scheduler_extra(struct scheduler *s, struct host *host, uint64_t now_ns) {
  if (s->blocked || s->runnable > 0 || s->net.used >= s->net.limit ||
      bucket_next_ns(&s->rate, now_ns) > now_ns ||
      !host_is_free(s, host, now_ns) ||
      !breaker_may_start(&host->breaker, now_ns) ||
      !take_permits(s, host, now_ns))
    return false;
  count_start(s, host, false, now_ns);
  return true;
}

static bool start_one(struct scheduler *s, struct host *host, struct link *line,
                      uint64_t now_ns) {
  struct task *task = LINK_ENTRY(line->next, struct task, queued);
  if (!take_permits(s, host, now_ns))
    return false;
  take(s, task);
  count_start(s, host, line == &host->again, now_ns);
  semaphore_note_wait(&s->net, now_ns - task->ready_ns);
  if (link_on_list(&host->runnable)) { /* the next host's turn */
    list_remove(&host->runnable);
    list_append(&s->ring, &host->runnable);
  }
  s->start(s->arg, task);
  return true;
}

bool scheduler_probe(struct scheduler *s, uint64_t now_ns) {
  struct link *head = &s->hosts->list;
  for (struct link *l = head->next; l != head; l = l->next) {
    struct host *host = LINK_ENTRY(l, struct host, all);
    struct link *line = list_empty(&host->again) ? &host->ready : &host->again;
    if (!list_empty(line) && resolve_host(s->resolver, host, now_ns))
      return start_one(s, host, line, now_ns);
  }
  return false;
}

static int32_t rank_of(const struct host *host) {
  int32_t ready = line_rank(&host->ready), again = line_rank(&host->again);
  return ready > again ? ready : again;
}

/* The host whose turn it is: the first on the ring or, where tasks have
 * priorities, the first of those with the highest. */
static struct host *next_host(const struct scheduler *s) {
  struct host *best = LINK_ENTRY(s->ring.next, struct host, runnable);
  if (s->ranked == 0)
    return best;
  for (struct link *l = s->ring.next; l != &s->ring; l = l->next) {
    struct host *host = LINK_ENTRY(l, struct host, runnable);
    if (rank_of(host) > rank_of(best))
      best = host;
  }
  return best;
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
  if (s->blocked || s->behind) {
    alarm_set(&s->alarm, ALARM_NEVER);
    return;
  }
  wake_waiting(s, now_ns);
  while (!list_empty(&s->ring) && s->net.used < s->net.limit) {
    struct host *host = next_host(s);
    struct link *line = NULL;
    uint64_t at = bucket_next_ns(&s->rate, now_ns);
    if (at > now_ns) {
      rate_at = at;
      break;
    }
    if (host_may_start(s, host, &line, now_ns) &&
        !start_one(s, host, line, now_ns))
      break;
  }
  alarm_set(&s->alarm, earliest(s, rate_at));
}
