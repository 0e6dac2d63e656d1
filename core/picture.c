/* SPDX-License-Identifier: MIT
 *
 * Snapshots: how they are made, shared and dropped. See snapshot.h.
 *
 * A snapshot is one structure with an arena behind it for rows and strings:
 * one allocation or few, freed as a whole.
 *
 * Thread: made on the loop's; references are counted atomically.
 */
#include "config.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "engine_priv.h"
#include "finish.h"
#include "snap_segments.h"
#include "split.h"

#define ROWS_MAX 2000
#define SEGMENTS_TEXT 8000
#define ROWS_QUEUED 200 /* of those that wait for their turn */
#define HOSTS_MAX 500
#define RATE_IS_KNOWN_S 5 /* before it, what will be missed is a guess */
#define ARENA_CHUNK (64u << 10)

struct arena_chunk {
  struct arena_chunk *next;
  size_t used, cap;
  _Alignas(max_align_t) char data[];
};

struct picture {
  struct snapshot snapshot; /* first: what others see */
  atomic_uint references;
  struct arena_chunk *arena;
  bool starved; /* an allocation failed */
};

/* ---- references
 * ---------------------------------------------------------------- */

void snapshot_ref(const struct snapshot *snap) {
  struct picture *picture = (struct picture *)(uintptr_t)snap;
  atomic_fetch_add_explicit(&picture->references, 1, memory_order_relaxed);
}

void snapshot_unref(const struct snapshot *snap) {
  struct picture *picture = (struct picture *)(uintptr_t)snap;
  struct arena_chunk *chunk, *next;
  if (picture == NULL || atomic_fetch_sub_explicit(&picture->references, 1,
                                                   memory_order_acq_rel) != 1)
    return;
  for (chunk = picture->arena; chunk != NULL; chunk = next) {
    next = chunk->next;
    free(chunk);
  }
  free(picture);
}

/* ---- arena
 * ------------------------------------------------------------------------ */

static void *take(struct picture *p, size_t size) {
  struct arena_chunk *chunk = p->arena;
  void *memory;
  size = (size + 15) & ~(size_t)15;
  if (chunk == NULL || chunk->cap - chunk->used < size) {
    size_t cap = size > ARENA_CHUNK ? size : ARENA_CHUNK;
    chunk = malloc(sizeof(*chunk) + cap);
    if (chunk == NULL) {
      p->starved = true;
      return NULL;
    }
    chunk->next = p->arena;
    chunk->used = 0;
    chunk->cap = cap;
    p->arena = chunk;
  }
  memory = chunk->data + chunk->used;
  chunk->used += size;
  return memory;
}

static const char *text(struct picture *p, const char *from) {
  size_t length;
  char *copy;
  if (from == NULL || *from == '\0')
    return "";
  length = strlen(from) + 1;
  copy = take(p, length);
  if (copy == NULL)
    return "";
  memcpy(copy, from, length);
  return copy;
}

/* ---- rows
 * -------------------------------------------------------------------------- */

static int64_t eta_of(const struct task *task, double rate) {
  if (task->state != TASK_ACTIVE || task->size < 0)
    return -1;
  return eta_seconds(task->size - task->got, rate);
}

static void put_segment(char *buf, size_t cap, size_t *used,
                        const struct split *split, int slot, uint64_t now) {
  const struct part *part = split->part[slot];
  const struct segment *segment = &split->map.slot[slot];
  struct snap_segment out;
  memset(&out, 0, sizeof(out));
  out.first = segment->first;
  out.at = segment->at;
  out.end = segment->end;
  out.bytes_per_s = meter_rate(&part->rate, now);
  out.receiving = part->good;
  snprintf(out.host, sizeof(out.host), "%.120s", part->transfer->host->name);
  (void)snap_segment_put(buf, cap, used, &out);
}

static const char *segments_of(struct picture *p, const struct task *task,
                               uint64_t now) {
  char buf[SEGMENTS_TEXT];
  size_t used = 0;
  if (task->split == NULL)
    return "";
  buf[0] = '\0';
  for (int i = 0; i < SEGMENTS_MAX; i++)
    if (task->split->part[i] != NULL)
      put_segment(buf, sizeof(buf), &used, task->split, i, now);
  return text(p, buf);
}

static void fill_row(struct picture *p, struct snap_task *row,
                     struct task *task, const struct engine *e, uint64_t now) {
  row->id = task->id;
  row->state = task->state;
  row->name =
      task->name != NULL ? text(p, task->name) : text(p, task_shown_url(task));
  row->host = task->host != NULL ? text(p, task->host->name) : "";
  row->url = text(p, task_shown_url(task));
  row->reason = text(p, task->reason);
  row->size = task->size;
  row->got = task->got;
  row->worked = task->state == TASK_VERIFYING ? finish_progress(task) : 0;
  row->bytes_per_s =
      task->state == TASK_ACTIVE ? meter_rate(&task->rate, now) : 0;
  row->eta_s = eta_of(task, row->bytes_per_s);
  row->due_in_ms = -1;
  if (task->state == TASK_WAITING)
    row->due_in_ms = task->due.due_ns > now
                         ? (int64_t)((task->due.due_ns - now) / 1000000)
                         : 0;
  row->ended_unix = task->ended_unix;
  row->connections = (int)(task->transfer != NULL) + (int)split_running(task);
  row->attempt = task->attempts;
  row->tries = (int)e->limit[LIMIT_TRIES];
  row->status = task->status;
  row->http_version = task->http_version;
  row->etag = text(p, task->etag[0] != '\0' ? task->etag : task->last_modified);
  row->segments = segments_of(p, task, now);
  row->resolved_us = task->times.resolved_us;
  row->connected_us = task->times.connected_us;
  row->secured_us = task->times.secured_us;
  row->first_byte_us = task->times.first_byte_us;
  row->resumable = task->resumable;
  row->priority = task->priority;
  row->own_rate = task->own_rate;
  row->own_split = task->own_split;
  row->deadline_in_s = task->deadline_unix == INT64_MAX
                           ? INT64_MAX
                           : task->deadline_unix - (int64_t)time(NULL);
}

static size_t add_rows(struct picture *p, struct engine *e,
                       struct snap_task *rows, size_t count,
                       const struct link *list, unsigned states, size_t most,
                       uint64_t now) {
  size_t added = 0;
  for (const struct link *l = list->next;
       l != list && count < ROWS_MAX && added < most; l = l->next) {
    struct task *task = LINK_ENTRY((uintptr_t)l, struct task, all);
    if ((states & (1u << task->state)) == 0)
      continue;
    fill_row(p, &rows[count++], task, e, now);
    added++;
  }
  return count;
}

/* What moves first, then what waits, then what has ended: when there are more
 * than fit, the less telling ones are left out. */
static void add_tasks(struct picture *p, struct engine *e, uint64_t now) {
  const unsigned moving =
      1u << TASK_ACTIVE | 1u << TASK_WAITING | 1u << TASK_PAUSED;
  const unsigned ended = ~0u;
  size_t most = e->tasks.count + e->recent_done_count + e->recent_failed_count;
  struct snap_task *rows;
  size_t count = 0;
  if (most > ROWS_MAX)
    most = ROWS_MAX;
  rows = take(p, (most + 1) * sizeof(*rows));
  if (rows == NULL)
    return;
  count = add_rows(p, e, rows, count, &e->live, moving, ROWS_MAX, now);
  count = add_rows(p, e, rows, count, &e->live, 1u << TASK_VERIFYING,
                   ROWS_QUEUED, now);
  count = add_rows(p, e, rows, count, &e->live, 1u << TASK_QUEUED, ROWS_QUEUED,
                   now);
  count = add_rows(p, e, rows, count, &e->recent_failed, ended, ROWS_MAX, now);
  count = add_rows(p, e, rows, count, &e->recent_done, ended, ROWS_MAX, now);
  p->snapshot.tasks = rows;
  p->snapshot.task_count = count;
}

static const char *governor_phase_name(const struct governor *g, uint64_t now) {
  static const char *const names[] = {"start", "search", "hold", "probe"};
  if (g == NULL)
    return "";
  return governor_gate_until(g, now) != 0 ? "gate" : names[g->phase];
}

static const char *breaker_name(const struct breaker *breaker) {
  static const char *const names[] = {"closed", "resting", "canary"};
  return names[breaker->state];
}

static void fill_host(struct picture *p, struct snap_host *row,
                      const struct host *host, uint64_t now) {
  uint64_t held;
  row->name = text(p, host->origin);
  row->active = host->sem.used;
  row->limit = host->sem.limit == UINT32_MAX ? 0 : host->sem.limit;
  row->queued = host->ready_count;
  row->requests_per_s = meter_rate(&host->request_rate, now);
  row->rate_limit = host->bucket.per_s;
  row->byte_limit = host->byte_limit.bucket.per_s;
  row->paused = host->paused;
  row->requests = host->requests;
  row->errors = host->errors;
  row->throttled = host->throttled;
  row->bytes = host->bytes;
  held = scheduler_held_until(host, now);
  row->retry_in_ms = held > now ? (int64_t)((held - now) / 1000000) : -1;
  row->adaptive = host->governor != NULL;
  row->governor = governor_phase_name(host->governor, now);
  row->breaker = breaker_name(&host->breaker);
  if (host->ttfb != NULL) {
    row->ttfb_p50_us = histogram_window_quantile(host->ttfb, 0.5);
    row->ttfb_p99_us = histogram_window_quantile(host->ttfb, 0.99);
  }
}

static void add_hosts(struct picture *p, struct engine *e, uint64_t now) {
  size_t most = e->hosts.count < HOSTS_MAX ? e->hosts.count : HOSTS_MAX;
  struct snap_host *rows = take(p, (most + 1) * sizeof(*rows));
  size_t count = 0;
  if (rows == NULL)
    return;
  memset(rows, 0, (most + 1) * sizeof(*rows));
  for (const struct link *l = e->hosts.list.next;
       l != &e->hosts.list && count < most; l = l->next)
    fill_host(p, &rows[count++], LINK_ENTRY((uintptr_t)l, struct host, all),
              now);
  p->snapshot.hosts = rows;
  p->snapshot.host_count = count;
}

static void add_log(struct picture *p, const struct eventlog *log) {
  size_t count = log->count < SNAP_LOG ? (size_t)log->count : SNAP_LOG;
  struct snap_log *rows = take(p, (count + 1) * sizeof(*rows));
  if (rows == NULL)
    return;
  for (size_t i = 0; i < count; i++) {
    const struct eventlog_line *line =
        &log->lines[(log->count - count + i) % SNAP_LOG];
    rows[i].unix_ms = line->unix_ms;
    rows[i].level = line->level;
    rows[i].task = line->task;
    rows[i].text = text(p, line->text);
  }
  p->snapshot.log = rows;
  p->snapshot.log_count = count;
  p->snapshot.log_errors = log->errors;
  p->snapshot.log_lines = log->count;
}

/* ---- figures
 * ------------------------------------------------------------------------- */

static void fill_sem(struct snap_sem *out, const char *name,
                     const struct semaphore *sem, uint64_t waiting) {
  out->name = name;
  out->used = sem->used;
  out->limit = sem->limit;
  out->waiting = (uint32_t)waiting;
  if (sem->waits != NULL) {
    out->wait_p50_us = histogram_window_quantile(sem->waits, 0.5) / 1000;
    out->wait_p99_us = histogram_window_quantile(sem->waits, 0.99) / 1000;
  }
}

static void fill_jobs(struct snapshot *s, const struct engine *e) {
  const struct pool *pool = &e->pool;
  for (unsigned i = 0; i < pool->figure_count && i < SNAP_JOBS; i++) {
    const struct pool_figures *f = &pool->figures[i];
    s->job[i] = (struct snap_job){.name = f->name,
                                  .cpu = f->kind == JOB_CPU,
                                  .waiting = f->waiting,
                                  .running = f->running,
                                  .jobs = f->jobs,
                                  .cpu_us = f->cpu_ns / 1000,
                                  .waited_us = f->waited_ns / 1000,
                                  .longest_us = f->longest_ns / 1000,
                                  .longest_cpu_us = f->longest_cpu_ns / 1000};
  }
  s->exec_started = e->execs.started;
  s->exec_failed = e->execs.failed;
  s->exec_cpu_us = e->execs.cpu_us;
}

static void fill_limits(struct snapshot *s, struct engine *e, uint64_t now) {
  const struct scheduler *sched = &e->scheduler;
  bool full = sched->net.used >= sched->net.limit;
  memcpy(s->limit, e->limit, sizeof(s->limit));
  fill_sem(&s->sem[SNAP_NET], "net", &sched->net, full ? sched->runnable : 0);
  fill_sem(&s->sem[SNAP_DISK], "disk", &e->pool.sem[JOB_DISK],
           e->pool.sem[JOB_DISK].waiting);
  fill_sem(&s->sem[SNAP_CPU], "cpu", &e->pool.sem[JOB_CPU],
           e->pool.sem[JOB_CPU].waiting);
  fill_sem(&s->sem[SNAP_EXEC], "exec", &e->execs.sem, e->execs.sem.waiting);
  fill_jobs(s, e);
  s->rate_level = bucket_level(&sched->rate, now);
  s->rate_throttled = bucket_throttled(&sched->rate, now);
  s->band_throttled = bucket_throttled(&e->all_bytes.bucket, now);
}

static void count_bytes(struct snap_totals *total, const struct engine *e,
                        bool *known) {
  int64_t open = 0;
  for (const struct link *l = e->live.next; l != &e->live; l = l->next) {
    const struct task *task = LINK_ENTRY((uintptr_t)l, struct task, all);
    if (task->size < 0)
      *known = false;
    else if (task->size > task->got)
      open += task->size - task->got;
  }
  if (total->tasks < 0 || total->pending > e->tasks.count)
    *known = false; /* some are not even in the window */
  total->bytes_expected = *known ? (int64_t)e->bytes + open : -1;
}

static void fill_totals(struct snapshot *s, struct engine *e) {
  struct snap_totals *total = &s->total;
  struct session_counts counts;
  uint64_t settled;
  session_counts(e->session, &counts);
  total->tasks = counts.tasks;
  total->tasks_guess = counts.tasks_guess;
  total->queued = e->counts.in[TASK_QUEUED];
  total->waiting = e->counts.in[TASK_WAITING];
  total->active = e->counts.in[TASK_ACTIVE];
  total->verifying = e->counts.in[TASK_VERIFYING];
  total->paused = e->counts.in[TASK_PAUSED];
  /* Done is what the disk has; the session counts a task when it is handed
   * over, so those on their way are taken off. */
  total->done = counts.done_before + e->counts.in[TASK_DONE];
  total->done_before = counts.done_before;
  total->failed = counts.failed;
  total->cancelled = counts.cancelled;
  total->expired = counts.expired;
  total->bad_lines = counts.bad_lines;
  settled = total->done + counts.failed + counts.cancelled + counts.expired;
  total->pending = e->tasks.count;
  if (counts.tasks >= 0)
    total->pending =
        (uint64_t)counts.tasks > settled ? (uint64_t)counts.tasks - settled : 0;
  total->bytes = e->bytes;
  total->requests = e->requests;
  total->retries = e->retries;
  total->throttled = e->throttled;
  s->commits = counts.commits;
  s->commit_p50_ms = (double)counts.commit_p50_us / 1000;
  s->commit_p99_ms = (double)counts.commit_p99_us / 1000;
}

/* By bytes when every open task's size is known and none is left unread; by
 * tasks otherwise. */
static int64_t time_left(const struct snapshot *s, bool sizes_known) {
  const struct snap_totals *t = &s->total;
  int64_t tasks = t->tasks >= 0 ? t->tasks : t->tasks_guess;
  int64_t settled = (int64_t)(t->done + t->failed + t->cancelled + t->expired);
  if (sizes_known)
    return eta_seconds(t->bytes_expected - (int64_t)t->bytes,
                       s->bytes_per_s_avg);
  if (tasks < 0)
    return -1;
  return eta_seconds(tasks - settled, s->done_per_s);
}

/* Earliest first keeps the most deadlines; what is left of the list is taken
 * to expire like what is known of it. */
static void fill_deadline(struct snapshot *s, const struct engine *e) {
  int64_t earliest = INT64_MAX, now = (int64_t)time(NULL);
  const struct snap_totals *t = &s->total;
  int64_t all = t->tasks >= 0 ? t->tasks : t->tasks_guess;
  double left, done;
  for (const struct link *l = e->live.next; l != &e->live; l = l->next) {
    const struct task *task = LINK_ENTRY((uintptr_t)l, struct task, all);
    if (task->deadline_unix < earliest)
      earliest = task->deadline_unix;
  }
  s->has_deadline = earliest != INT64_MAX;
  if (!s->has_deadline)
    return;
  s->deadline_in_s = earliest - now;
  left = all < 0 ? (double)t->pending
                 : (double)all - (double)(t->done + t->failed + t->cancelled +
                                          t->expired);
  if (left < 0)
    left = 0;
  done = s->deadline_in_s > 0 ? s->done_per_s * (double)s->deadline_in_s : 0;
  s->needed_per_s = s->deadline_in_s > 0 ? left / (double)s->deadline_in_s : 0;
  s->will_miss = left > done ? (int64_t)(left - done) : 0;
  if (s->t_s < RATE_IS_KNOWN_S)
    s->will_miss = -1;
}

static void fill_rates(struct snapshot *s, struct engine *e, uint64_t now) {
  double fast = meter_rate(&e->byte_rate, now);
  s->bytes_per_s = fast;
  s->bytes_per_s_avg = meter_rate(&e->byte_rate_long, now);
  if (fast > e->byte_peak && now - e->start_ns > 2000000000u)
    e->byte_peak = fast;
  s->bytes_per_s_peak = e->byte_peak > fast ? e->byte_peak : fast;
  s->requests_per_s = meter_rate(&e->request_rate, now);
  s->done_per_s = meter_rate(&e->done_rate, now);
  s->history_count =
      series_copy(&e->byte_series, s->history_bytes_per_s, SNAP_HISTORY);
  (void)series_copy(&e->request_series, s->history_requests_per_s,
                    SNAP_HISTORY);
}

static uint64_t resident_bytes(void) {
  size_t bytes = 0;
  return uv_resident_set_memory(&bytes) == 0 ? (uint64_t)bytes : 0;
}

static void fill_loop(struct snapshot *s, const struct loopwatch *watch) {
  static const double bound_ms[] = {0.1, 0.3, 1, 3, 10, 30, 100};
  struct loopwatch_cost slow[SNAP_SLOW];
  uint64_t before = 0;
  s->slow_count = (uint32_t)loopwatch_slowest(watch, slow, SNAP_SLOW);
  for (size_t i = 0; i < SNAP_SLOW; i++)
    s->slow[i].name = "";
  for (size_t i = 0; i < s->slow_count; i++)
    s->slow[i] = (struct snap_callback){slow[i].name, slow[i].calls,
                                        (double)slow[i].total_ns / 1e6,
                                        (double)slow[i].max_ns / 1e6};
  for (int i = 0; i < SNAP_LAG_BANDS; i++) {
    uint64_t below =
        i < SNAP_LAG_BANDS - 1
            ? loopwatch_lag_below(watch, (uint64_t)(bound_ms[i] * 1e6))
            : histogram_window_count(&watch->lag);
    s->lag_band[i] = below > before ? below - before : 0;
    before = below;
  }
}

static struct snap_spread spread_of(const struct histogram *values) {
  return (struct snap_spread){.count = values->count,
                              .p50 = histogram_quantile(values, 0.5),
                              .p90 = histogram_quantile(values, 0.9),
                              .p99 = histogram_quantile(values, 0.99),
                              .max = values->max};
}

static void fill_summary(struct picture *p, const struct summary *summary) {
  static const enum summary_by from[SNAP_BYS] = {[SNAP_BY_STATUS] =
                                                     SUMMARY_STATUS,
                                                 [SNAP_BY_HOST] = SUMMARY_HOST,
                                                 [SNAP_BY_TYPE] = SUMMARY_TYPE};
  struct snap_summary *out = &p->snapshot.summary;
  for (int by = 0; by < SNAP_BYS; by++) {
    struct summary_share shares[SNAP_SHARES];
    size_t count =
        summary_top(summary, from[by], shares, SNAP_SHARES, &out->others[by]);
    for (size_t i = 0; i < SNAP_SHARES; i++)
      out->share[by][i].name = i < count ? text(p, shares[i].name) : "";
    for (size_t i = 0; i < count; i++)
      out->share[by][i].tasks = shares[i].count;
  }
  out->size = spread_of(summary_values(summary, SUMMARY_SIZE));
  out->latency_us = spread_of(summary_values(summary, SUMMARY_LATENCY));
}

static void fill_health(struct snapshot *s, const struct engine *e) {
  s->loop_busy = loopwatch_busy(&e->watch);
  s->lag_p99_ms = (double)loopwatch_lag_p99_ns(&e->watch) / 1e6;
  s->lag_max_ms = (double)e->watch.lag_max_ns / 1e6;
  s->slowest = e->watch.slowest;
  s->slowest_ms = (double)e->watch.slowest_ns / 1e6;
  fill_loop(s, &e->watch);
  s->buffer_bytes = e->sinks.buffer_bytes;
  s->buffer_limit = e->sinks.buffer_limit;
  s->rss_bytes = resident_bytes();
}

static void fill_state(struct picture *p, struct engine *e, uint64_t now) {
  struct snapshot *s = &p->snapshot;
  struct timespec wall;
  clock_gettime(CLOCK_REALTIME, &wall);
  s->seq = ++e->snapshot_seq;
  s->t_s = (double)(now - e->start_ns) / 1e9;
  s->unix_ms = (int64_t)wall.tv_sec * 1000 + wall.tv_nsec / 1000000;
  s->session_dir = text(p, session_dir(e->session));
  s->paused = e->paused;
  s->stopping = e->stopping;
  s->finished = e->finished;
  s->exit_status = e->exit_status;
  s->hold = text(p, e->hold);
  s->reply_seq = e->reply_seq;
  s->reply_text = text(p, e->reply_text);
  s->look_task = e->look.task;
  s->look = text(p, look_text(e));
}

struct snapshot *picture_take(struct engine *e, uint64_t now_ns) {
  struct picture *p = calloc(1, sizeof(*p));
  bool sizes_known = true;
  if (p == NULL)
    return NULL;
  atomic_init(&p->references, 1);
  fill_state(p, e, now_ns);
  fill_totals(&p->snapshot, e);
  count_bytes(&p->snapshot.total, e, &sizes_known);
  fill_limits(&p->snapshot, e, now_ns);
  fill_rates(&p->snapshot, e, now_ns);
  fill_health(&p->snapshot, e);
  gather_picture(e, &p->snapshot.shards);
  p->snapshot.shards.name = text(p, p->snapshot.shards.name);
  fill_summary(p, session_summary(e->session));
  fill_deadline(&p->snapshot, e);
  p->snapshot.eta_s = time_left(&p->snapshot, sizes_known);
  add_tasks(p, e, now_ns);
  add_hosts(p, e, now_ns);
  add_log(p, &e->log);
  if (p->starved) {
    snapshot_unref(&p->snapshot);
    return NULL;
  }
  return &p->snapshot;
}
