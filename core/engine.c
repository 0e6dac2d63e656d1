/* SPDX-License-Identifier: MIT
 *
 * The engine: its thread, its loop, how it starts and how it ends. See
 * engine.h for the front door and engine_priv.h for the other rooms.
 *
 * Thread: engine_start, engine_join and engine_free belong to others; all the
 * rest belongs to the loop's. What crosses threads is in engine_door.c.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "checksum_fetch.h"
#include "engine_config.h"
#include "engine_priv.h"
#include "finish.h"
#include "memory.h"
#include "sigmask.h"
#include "split.h"
#include "twins.h"
#include "verify.h"

#define TICK_MS 100u
#define SECOND_NS ((uint64_t)1000000000)
#define CHECKPOINT_NS SECOND_NS
#define GRACE_NS (SECOND_NS + SECOND_NS / 2) /* for transfers after a stop */
#define LAST_PICTURE_MS 10u
#define GIVE_BACK_S 8 /* between two times that free memory is returned */
#define BUFFERS ((uint64_t)64 << 20)

uint64_t engine_now(void) {
  return uv_hrtime();
}

int64_t engine__unix_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- the ends of tasks ------------------------------------------------------
 */

static void trim(struct engine *e, struct link *list, size_t *count,
                 size_t ceiling) {
  while (*count > ceiling) {
    struct task *oldest = LINK_ENTRY(list->prev, struct task, all);
    list_remove(&oldest->all);
    if (list == &e->recent_failed)
      idmap_remove(&e->failed, oldest->id);
    task_free(oldest);
    (*count)--;
  }
}

static void tell(struct engine *e, struct task *task) {
  struct engine_event event;
  if (e->hooks.event == NULL ||
      (task->state == TASK_DONE && !e->config.want_done_events))
    return;
  memset(&event, 0, sizeof(event));
  event.state = task->state;
  event.task = task->id;
  event.url = task_shown_url(task);
  event.path = task->name != NULL ? task->name : "";
  event.reason = task->reason != NULL ? task->reason : "";
  event.digest = task->digest != NULL ? task->digest : "";
  event.bytes = task->got;
  event.status = task->status;
  event.attempts = task->attempts;
  e->hooks.event(e->hooks.arg, &event);
}

void engine__retire(struct engine *e, struct task *task) {
  bool done = task->state == TASK_DONE;
  task->ended_unix = (int64_t)time(NULL);
  meter_add(&e->done_rate, 1, engine_now());
  tell(e, task);
  if (done)
    twins_note(e, task);
  list_remove(&task->all);
  e->live_weight -= task->weight;
  task_lighten(task);
  idmap_remove(&e->tasks, task->id);
  outputs_remove(&e->outputs, task);
  if (!done) {
    control__drop_recent(e, task->id);  /* it may have failed before */
    (void)!idmap_add(&e->failed, task); /* else it is on the screen alone */
  }
  list_prepend(done ? &e->recent_done : &e->recent_failed, &task->all);
  if (done)
    trim(e, &e->recent_done, &e->recent_done_count, ENGINE_RECENT_DONE - 1);
  else
    trim(e, &e->recent_failed, &e->recent_failed_count,
         ENGINE_RECENT_FAILED - 1);
  if (done)
    e->recent_done_count++;
  else
    e->recent_failed_count++;
  uint64_t id = task->id;
  twins_settle(e, task); /* the task may be gone from the screen by then */
  if (!done)
    control_retired(e, id);
}

/* ---- stopping
 * ----------------------------------------------------------------- */

void engine__stop(struct engine *e) {
  if (e->stopping)
    return;
  e->stopping = true;
  e->stop_deadline_ns = engine_now() + GRACE_NS;
  hold__update(e);
  finish_hold(e);
  eventlog_add(&e->log, LOG_INFO, 0, "stopping: no new requests");
  if (e->frozen) /* they will not move: cut them now */
    e->stop_deadline_ns = engine_now();
}

static void cut_all(struct engine *e) {
  struct link *next;
  for (struct link *l = e->live.next; l != &e->live; l = next) {
    struct task *task = LINK_ENTRY(l, struct task, all);
    next = l->next;
    if (task->state == TASK_ACTIVE && fetch_moves(task))
      fetch_cut(e, task);
    else if (task->state == TASK_VERIFYING && task->sink != NULL)
      fetch_cut(e, task); /* it may be long in digests or unpacking */
  }
  finish_stop(e);
}

static int exit_status(struct engine *e) {
  struct session_counts counts;
  bool left = !e->exhausted || e->tasks.count > 0;
  session_counts(e->session, &counts);
  if (left && e->hold_code != 0)
    return err_exit_status(e->hold_code);
  if (left)
    return 4;
  if (e->untaken > 0)
    return err_exit_status(ERR_NOMEM);
  if (counts.failed > 0 || counts.expired > 0 || counts.bad_lines > 0)
    return 1;
  return gather_is_short(e) ? err_exit_status(ERR_IO) : 0;
}

static void close_handles(struct engine *e) {
  transfers_fini(&e->transfers);
  scheduler_close(&e->scheduler);
  bandwidth_close(&e->bandwidth);
  uv_close((uv_handle_t *)&e->async, NULL);
  uv_close((uv_handle_t *)&e->prepare, NULL);
  uv_close((uv_handle_t *)&e->tick, NULL);
}

/* Whoever waits for the end waits for this one; there is nothing else to do. */
static void publish_the_end(struct engine *e) {
  while (!door__publish(e, true))
    uv_sleep(LAST_PICTURE_MS);
}

static void on_session_stopped(void *arg) {
  struct engine *e = arg;
  e->exit_status = exit_status(e);
  e->finished = true;
  uv_mutex_lock(&e->mutex);
  e->closed = true;
  uv_mutex_unlock(&e->mutex);
  door__take_commands(e); /* whoever asked too late is told so */
  publish_the_end(e);
  close_handles(e);
}

static void report_traffic(struct engine *e) {
  struct session_traffic since;
  since.bytes = e->bytes - e->reported.bytes;
  since.requests = e->requests - e->reported.requests;
  since.retries = e->retries - e->reported.retries;
  since.throttled = e->throttled - e->reported.throttled;
  if (since.requests == 0 && since.bytes == 0)
    return;
  session_traffic(e->session, &since);
  e->reported.bytes = e->bytes;
  e->reported.requests = e->requests;
  e->reported.retries = e->retries;
  e->reported.throttled = e->throttled;
}

static bool files_at_work(const struct engine *e) {
  return e->sinks.live > 0 || e->execs.live > 0 || e->adoptions > 0;
}

/* All files are written and only their commit is waited for. */
static bool only_commits_left(const struct engine *e) {
  return e->exhausted && e->tasks.count > 0 && !files_at_work(e) &&
         e->tasks.count == e->counts.in[TASK_VERIFYING];
}

/* Ends the run when nothing is left to do or a stop has come through. */
static void check_end(struct engine *e) {
  bool all_done = e->exhausted && e->tasks.count == 0;
  bool stopped =
      e->stopping && e->counts.in[TASK_ACTIVE] == 0 && !files_at_work(e);
  if (e->stopping)
    checksum_fetch_stop(e);
  if (e->session_stopping || e->lookups > 0 || e->probing ||
      checksum_fetch_busy(e) || (e->adds > 0 && !e->stopping))
    return;
  if (only_commits_left(e))
    session_hurry(e->session);
  if ((!all_done && !stopped) || !gather_end(e, all_done))
    return;
  e->session_stopping = true;
  if (e->untaken > 0)
    eventlog_add(&e->log, LOG_ERROR, 0,
                 "%llu tasks were left out, for there was no memory; the same "
                 "command takes them up",
                 (unsigned long long)e->untaken);
  report_traffic(e);
  session_stop(e->session, on_session_stopped, e);
}

/* ---- the loop's callbacks
 * -------------------------------------------------------- */

static void on_async(uv_async_t *async) {
  struct engine *e = async->data;
  loopwatch_enter(&e->watch, "command");
  door__take_commands(e);
  loopwatch_leave(&e->watch);
}

/* Every iteration ends here, outside of everybody's callbacks. */
static void on_prepare(uv_prepare_t *prepare) {
  struct engine *e = prepare->data;
  loopwatch_enter(&e->watch, "scheduler");
  sinks_turn(&e->sinks);
  gather_turn(e);
  intake_run(e);
  hold__watch_space(e);
  /* A disk that is slower than the servers: each body that waits for it costs
   * memory, and its time has begun to run. */
  e->scheduler.behind = e->sinks.finishing >= SINK_BACKLOG;
  scheduler_run(&e->scheduler, engine_now());
  split_turn(e);
  checksum_fetch_turn(e);
  check_end(e);
  loopwatch_leave(&e->watch);
  loopwatch_turn(&e->watch);
}

static void on_wake(void *arg) {
  (void)arg; /* the alarm has ended the wait; on_prepare does the rest */
}

static void every_second(struct engine *e, uint64_t now) {
  e->space_stale = true; /* others write to the disk too */
  for (int i = 0; i < 3; i++)
    histogram_window_turn(&e->waits[i], now);
  for (struct link *l = e->hosts.list.next; l != &e->hosts.list; l = l->next) {
    struct host *host = LINK_ENTRY(l, struct host, all);
    if (host->ttfb != NULL)
      histogram_window_turn(host->ttfb, now);
  }
  if (e->scheduler.full_hosts > 0)
    session_hosts_changed(e->session);
  if (now / SECOND_NS % GIVE_BACK_S == 0)
    memory_give_back();
  hold__check(e);
}

static void on_tick(uv_timer_t *timer) {
  struct engine *e = timer->data;
  uint64_t now = engine_now(), last = e->last_tick_ns;
  loopwatch_enter(&e->watch, "tick");
  e->last_tick_ns = now;
  series_update(&e->byte_series, e->bytes, now);
  series_update(&e->request_series, e->requests, now);
  if (now / SECOND_NS != last / SECOND_NS)
    every_second(e, now);
  if (now / CHECKPOINT_NS != last / CHECKPOINT_NS)
    fetch_checkpoint(e);
  if (e->stopping && now >= e->stop_deadline_ns)
    cut_all(e);
  split_tick(e);
  report_traffic(e);
  eventlog_flush(&e->log);
  (void)door__publish(e, false); /* else with the next tick */
  loopwatch_leave(&e->watch);
}

/* ---- the session's and the resolver's callbacks
 * -------------------------------------- */

static void on_bad_line(void *arg, const char *source, uint64_t line,
                        const char *why) {
  struct engine *e = arg;
  eventlog_add(&e->log, LOG_ERROR, 0, "%s:%llu: %s", source,
               (unsigned long long)line, why);
  if (e->hooks.event != NULL) {
    struct engine_event event;
    char where[300];
    memset(&event, 0, sizeof(event));
    snprintf(where, sizeof(where), "%s:%llu", source, (unsigned long long)line);
    event.state = TASK_FAILED;
    event.url = where;
    event.path = event.digest = "";
    event.reason = why;
    e->hooks.event(e->hooks.arg, &event);
  }
}

static void on_warning(void *arg, const char *source, const char *text) {
  struct engine *e = arg;
  struct engine_event event;
  eventlog_add(&e->log, LOG_WARN, 0, "%s: %s", source, text);
  if (e->hooks.event == NULL)
    return;
  memset(&event, 0, sizeof(event));
  event.warning = true;
  event.state = TASK_QUEUED;
  event.url = source;
  event.path = event.digest = "";
  event.reason = text;
  e->hooks.event(e->hooks.arg, &event);
}

static void on_exhausted(void *arg) {
  struct engine *e = arg;
  e->exhausted = true;
}

static void on_trouble(void *arg, int code, const char *text) {
  struct engine *e = arg;
  e->session_trouble = code != 0;
  if (code != 0) {
    engine__hold(e, code, text);
  } else if (e->hold_code != ERR_FULL && e->hold_code != ERR_READONLY) {
    hold__release(e);
  } /* else the disk is looked at before anything goes on */
  if (code == ERR_CORRUPT) /* waiting mends nothing */
    engine__stop(e);
}

static void on_resolved(void *arg, struct host *host, int code,
                        const char *text) {
  struct engine *e = arg;
  if (e->session_stopping) /* a slow answer: nothing can be settled any more */
    return;
  if (code != 0)
    fetch_unresolved(e, host, text);
  scheduler_recheck(&e->scheduler, host);
}

static const struct session_hooks session_hooks_template = {
    .item = intake_item,
    .accepts = intake_accepts,
    .full = intake_full,
    .of_host = control_of_host,
    .bad_line = on_bad_line,
    .committed = fetch_committed,
    .lost = fetch_lost,
    .exhausted = on_exhausted,
    .file = gather_file_committed,
    .trouble = on_trouble,
    .warning = on_warning};

/* ---- start
 * ------------------------------------------------------------------------------
 */

static void engine_main(void *arg) {
  struct engine *e = arg;
  sigmask_block(); /* signals are the main thread's business */
  uv_run(&e->loop, UV_RUN_DEFAULT);
}

static void init_figures(struct engine *e) {
  uint64_t now = engine_now();
  e->start_ns = e->last_tick_ns = now;
  meter_init(&e->byte_rate, 3, now);
  meter_init(&e->byte_rate_long, 12, now);
  meter_init(&e->request_rate, 10, now);
  meter_init(&e->done_rate, 12, now);
  series_init(&e->byte_series, 0, now);
  series_init(&e->request_series, 0, now);
  for (int i = 0; i < 3; i++)
    histogram_window_init(&e->waits[i], 60, now);
  rng_seed(&e->rng, now ^ (uint64_t)getpid());
  loopwatch_init(&e->watch);
}

static int open_log(struct engine *e, struct errmsg *msg) {
  const int flags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW;
  enum log_level least = e->config.want_done_events ? LOG_DEBUG : LOG_INFO;
  int fd;
  if (e->config.log_file != NULL)
    fd = open(e->config.log_file, flags & ~O_NOFOLLOW, 0600);
  else
    fd = openat(session_dirfd(e->session), SESSION_DIR "/log", flags, 0600);
  if (fd < 0 && e->config.log_file != NULL)
    return err_set(msg, err_from_errno(errno), "cannot write the log %s: %s",
                   e->config.log_file, strerror(errno));
  return eventlog_init(&e->log, &e->pool, fd, least);
}

static void on_slow_job(void *arg, const struct job *job, uint64_t wall_ns) {
  struct engine *e = arg;
  eventlog_add(&e->log, LOG_WARN, job->task, "slow on the pool: %s, %.1f s",
               job->name, (double)wall_ns / 1e9);
}

static void attach_waits(struct engine *e) {
  e->scheduler.net.waits = &e->waits[0];
  e->pool.sem[JOB_DISK].waits = &e->waits[1];
  e->pool.sem[JOB_CPU].waits = &e->waits[2];
  e->pool.slow = on_slow_job;
  e->pool.arg = e;
}

static int init_loop(struct engine *e) {
  if (uv_loop_init(&e->loop) != 0)
    return ERR_NOMEM;
  if (uv_async_init(&e->loop, &e->async, on_async) == 0)
    return 0;
  uv_loop_close(&e->loop);
  return ERR_NOMEM;
}

static void init_handles(struct engine *e) {
  uv_prepare_init(&e->loop, &e->prepare);
  uv_timer_init(&e->loop, &e->tick);
  e->async.data = e->prepare.data = e->tick.data = e;
  uv_prepare_start(&e->prepare, on_prepare);
  uv_timer_start(&e->tick, on_tick, 0, TICK_MS);
}

/* Limits of single hosts; what cannot be read was refused before. */
static int init_host_limits(struct engine *e) {
  struct host_limit limit;
  unsigned known;
  int code = 0;
  for (size_t i = 0; code == 0 && i < e->config.host_limits.count; i++) {
    code = host_limit_parse(&limit, e->config.host_limits.items[i], NULL);
    if (code == 0)
      code = hosts_set_own(&e->hosts, &limit, engine_now(), &known);
  }
  return code;
}

static int init_execs(struct engine *e, struct errmsg *msg) {
  struct exec_command command;
  int code = 0;
  memset(&command, 0, sizeof(command));
  if (e->config.exec != NULL)
    code =
        exec_command_init(&command, e->config.exec, e->config.exec_shell, msg);
  if (code == 0)
    execs_init(&e->execs, &e->loop, (uint32_t)e->limit[LIMIT_EXEC_JOBS],
               e->config.exec_timeout_s, &command);
  return code;
}

static int init_parts(struct engine *e, struct errmsg *msg) {
  uint64_t buffers = BUFFERS;
  int code;
  if (e->limit[LIMIT_CONCURRENCY] * (32 << 10) > (double)buffers)
    buffers = (uint64_t)(e->limit[LIMIT_CONCURRENCY] * (32 << 10));
  pool_init(&e->pool, &e->loop, &e->watch, (uint32_t)e->limit[LIMIT_DISK_JOBS],
            (uint32_t)e->limit[LIMIT_CPU_JOBS]);
  sinks_init(&e->sinks, &e->pool, session_dirfd(e->session), e->config.durable,
             buffers, &fetch_sink_ops);
  e->sinks.allocate = e->config.allocate;
  code = init_execs(e, msg);
  if (code != 0)
    return code;
  if (!gathering(e)) {
    code = titles_open(&e->titles, session_dirfd(e->session), TITLES_NAMES,
                       e->config.content_disposition ||
                           e->config.exists == EXISTS_RENAME,
                       msg);
    if (code != 0)
      return code;
  }
  code =
      titles_open(&e->urls, session_dirfd(e->session), TITLES_URLS, false, msg);
  if (code != 0)
    return code;
  e->empty_dir = intake_dir_is_empty(session_dirfd(e->session));
  e->resolver.loop = &e->loop;
  e->resolver.watch = &e->watch;
  e->resolver.ip_version = e->config.ip_version;
  e->resolver.off = transfer_proxied(&e->config) || e->config.resolve.count > 0;
  e->resolver.resolved = on_resolved;
  e->resolver.arg = e;
  byte_limit_init(&e->all_bytes, 0, engine_now());
  e->rules.throttle_status = e->config.throttle_status;
  e->rules.throttle_status_count = e->config.throttle_status_count;
  e->rules.throttle_words = e->config.throttle_words.items;
  e->rules.throttle_word_count = e->config.throttle_words.count;
  code = bandwidth_init(&e->bandwidth, &e->loop);
  if (code == 0)
    code = hosts_init(&e->hosts);
  e->hosts.adaptive = e->limit[LIMIT_ADAPTIVE] > 0;
  e->hosts.protocols = e->config.protocols;
  e->hosts.rules = e->config.rules;
  e->hosts.rule_count = e->config.rule_count;
  e->hosts.per_host = (uint32_t)e->limit[LIMIT_PER_HOST];
  e->hosts.per_host_rate = e->limit[LIMIT_PER_HOST_RATE];
  e->hosts.concurrency = (uint32_t)e->limit[LIMIT_CONCURRENCY];
  if (code == 0)
    code = init_host_limits(e);
  if (code == 0)
    code = open_log(e, msg);
  if (code == 0)
    code = verify_init(e, msg);
  if (code == 0)
    code = scheduler_init(&e->scheduler, &e->loop, &e->hosts, &e->resolver,
                          &e->counts, fetch_start, on_wake, e);
  if (code == 0)
    code = transfers_init(&e->transfers, &e->loop, &e->watch, &e->config,
                          e->limit, &fetch_transfer_ops);
  if (code != 0)
    return code;
  attach_waits(e);
  for (int i = 0; i < LIMIT_COUNT; i++)
    control_apply(e, (enum limit_id)i);
  return 0;
}

/* After a failed start: closes what is open and lets the loop forget it. */
static void abandon(struct engine *e) {
  close_handles(e);
  uv_run(&e->loop, UV_RUN_DEFAULT);
}

static void on_nobody_there(void *arg) {
  close_handles(arg);
}

/* Ends a session that has begun, on the caller's thread. */
static void give_up(struct engine *e) {
  e->stopping = e->session_stopping = true;
  uv_prepare_stop(&e->prepare);
  uv_timer_stop(&e->tick);
  session_stop(e->session, on_nobody_there, e);
  uv_run(&e->loop, UV_RUN_DEFAULT);
}

static int start_session(struct engine *e, struct errmsg *msg) {
  struct session_hooks hooks = session_hooks_template;
  struct session_order order = {.deadlines = e->config.deadline_mode != 0,
                                .shuffle = e->config.shuffle,
                                .seed = rng_next(&e->rng)};
  hooks.arg = e;
  e->scheduler.shuffle = order.shuffle;
  e->scheduler.seed = order.seed;
  session_order(e->session, &order);
  const char *const lists[SESSION_LISTS] = {
      [SESSION_RESULTS] = e->config.results_file,
      [SESSION_CHECKSUMS] = e->config.checksums_file};
  int code = 0;
  if (gathering(e) && lists[SESSION_CHECKSUMS] != NULL)
    return err_set(msg, ERR_USAGE,
                   "--write-checksums is for files, and --output makes "
                   "shards of them");
  for (int i = 0; i < SESSION_LISTS && code == 0; i++)
    if (lists[i] != NULL)
      code = session_list_open(e->session, (enum session_list)i, lists[i], msg);
  return code != 0 ? code : session_start(e->session, &e->loop, &hooks, msg);
}

int engine_start(struct engine **out, struct session *session,
                 const struct engine_config *config,
                 const struct engine_hooks *hooks, struct errmsg *msg) {
  struct engine *e = calloc(1, sizeof(*e));
  int code = ERR_NOMEM;
  if (e == NULL || init_loop(e) != 0) {
    session_close(session, false);
    free(e);
    return err_set(msg, ERR_NOMEM, "no memory or descriptors for a loop");
  }
  if (engine_config_copy(&e->config, config) != 0) {
    session_close(session, false);
    uv_close((uv_handle_t *)&e->async, NULL);
    uv_run(&e->loop, UV_RUN_DEFAULT);
    uv_loop_close(&e->loop);
    free(e);
    return err_set(msg, ERR_NOMEM, "%s", err_text(ERR_NOMEM));
  }
  e->session = session;
  memcpy(e->limit, config->limit, sizeof(e->limit));
  if (hooks != NULL)
    e->hooks = *hooks;
  e->first.interval_ns = SECOND_NS;
  e->first.wake = e->hooks.wake;
  e->first.arg = e->hooks.arg;
  e->first.taken = true;
  e->watches = &e->first;
  e->log.fd = -1;
  list_init(&e->live);
  list_init(&e->splits);
  list_init(&e->incoming);
  list_init(&e->twins);
  list_init(&e->recent_done);
  list_init(&e->recent_failed);
  idmap_init(&e->tasks);
  idmap_init(&e->failed);
  outputs_init(&e->outputs);
  titles_init(&e->titles);
  titles_init(&e->urls);
  look_init(&e->look);
  uv_mutex_init(&e->mutex);
  init_figures(e);
  init_handles(e);
  code = init_parts(e, msg);
  if (code == 0)
    code = gather_open(e, msg);
  if (code == 0)
    code = start_session(e, msg);
  bool begun = code == 0;
  if (begun && uv_thread_create(&e->thread, engine_main, e) != 0)
    code = err_set(msg, ERR_NOMEM, "cannot start a thread");
  if (code != 0) {
    if (begun)
      give_up(e);
    else
      abandon(e);
    engine_free(e);
    return code;
  }
  *out = e;
  return 0;
}

/* ---- the end
 * --------------------------------------------------------------------- */

int engine_join(struct engine *e) {
  uv_thread_join(&e->thread);
  return e->exit_status;
}

static void free_tasks(struct link *list) {
  struct link *link;
  while ((link = list_take(list)) != NULL)
    task_free(LINK_ENTRY(link, struct task, all));
}

void engine_free(struct engine *e) {
  if (e == NULL)
    return;
  session_close(e->session, true);
  eventlog_fini(&e->log);
  uv_loop_close(&e->loop);
  free_tasks(&e->live);
  free_tasks(&e->recent_done);
  free_tasks(&e->recent_failed);
  idmap_fini(&e->tasks);
  idmap_fini(&e->failed);
  outputs_fini(&e->outputs);
  titles_fini(&e->titles);
  titles_fini(&e->urls);
  look_fini(&e->look);
  results_text_fini(&e->results);
  shards_free(e->shards);
  sinks_fini(&e->sinks);
  execs_fini(&e->execs);
  verify_fini(e);
  checksum_fetch_fini(e);
  scheduler_fini(&e->scheduler);
  bandwidth_fini(&e->bandwidth);
  hosts_fini(&e->hosts);
  engine_config_fini(&e->config);
  door__fini(e);
  free(e->wishes);
  free(e->fetched);
  uv_mutex_destroy(&e->mutex);
  free(e);
}
