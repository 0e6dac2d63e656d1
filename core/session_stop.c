/* SPDX-License-Identifier: MIT
 *
 * The running session's start, its pump and its orderly end. The loop's
 * thread.
 *
 * The idle handle runs while a feed can go on, for a slice of time an
 * iteration; everything a feed waits for ends in session__kick().
 */
#include "config.h"

#include "session_impl.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "spool.h"

#define SLICE_NS UINT64_C(2000000)
#define SLICE_STEPS 64  /* between two looks at the clock */
#define PATIENCE_MS 200 /* for the second line of a list */
#define RETRY_MS 1000
#define SEND_TRIES 3

/* ---- the pump ---------------------------------------------------------- */

static bool redo_idle(const struct session *s) {
  return s->redo_count == 0 && s->redo.chunk == NULL && s->redo.ahead == NULL &&
         !feed__busy(&s->redo) && !session__sweeping(s);
}

static void check_exhausted(struct session *s) {
  if (s->told_exhausted || !s->feeds[0].done || !redo_idle(s))
    return;
  s->told_exhausted = true;
  if (s->hooks.exhausted != NULL)
    s->hooks.exhausted(s->hooks.arg);
}

bool session_exhausted(const struct session *s) {
  return s->told_exhausted;
}

/* One line of some feed; shuffled, each of them has the same chance. */
static bool step_one(struct session *s) {
  if (feed__step(&s->redo))
    return true;
  if (!s->rules.shuffle)
    return feed__step(&s->feeds[0]);
  unsigned first = (unsigned)order_random(&s->rules.seed) % SESSION_FEEDS;
  for (unsigned i = 0; i < SESSION_FEEDS; i++)
    if (feed__step(&s->feeds[(first + i) % SESSION_FEEDS]))
      return true;
  return false;
}

static bool step(struct session *s) {
  bool moved = false;
  for (int i = 0; i < SLICE_STEPS && s->room > 0 && !s->stopping; i++) {
    if (!step_one(s))
      return moved;
    moved = true;
  }
  return moved;
}

static void on_idle(uv_idle_t *idle) {
  struct session *s = idle->data;
  uint64_t end = uv_hrtime() + SLICE_NS;
  bool moved;
  do
    moved = step(s);
  while (moved && s->room > 0 && !s->stopping && uv_hrtime() < end);
  if (!moved || s->room == 0 || s->stopping)
    uv_idle_stop(idle);
  if (!s->stopping)
    check_exhausted(s);
}

void session__kick(struct session *s) {
  if (s->loop != NULL && !s->stopping && !s->ended)
    uv_idle_start(&s->idle, on_idle);
}

void session_hosts_changed(struct session *s) {
  if (s->loop == NULL || s->stopping)
    return;
  feed__ask_full(s);
  session__kick(s);
}

void session_order(struct session *s, const struct session_order *order) {
  s->rules = (struct order_rules){.deadlines = order->deadlines,
                                  .shuffle = order->shuffle,
                                  .seed = order->seed};
  s->slice_seed = order_random(&s->rules.seed);
}

void session_want(struct session *s, unsigned room) {
  s->room = room;
  if (room > 0)
    session__kick(s);
}

void session__ask(struct session *s, uint64_t id) {
  struct store_batch *b = session__filling(s);
  if (STORE_PUSH(b, ask) < 0) {
    session__tell_once(s, ERR_NOMEM, err_text(ERR_NOMEM));
    return;
  }
  b->asks[b->ask_count++] = id;
  session__schedule(s);
}

void session_redeliver(struct session *s, uint64_t id, bool note) {
  if (store__push((void **)&s->redo_ids, &s->redo_cap, s->redo_count,
                  sizeof *s->redo_ids) < 0)
    return;
  if (note)
    session__ask(s, id);
  s->redo_ids[s->redo_count++] = id;
  s->told_exhausted = false;
  session__kick(s);
}

/* ---- what comes in ----------------------------------------------------- */

static void on_retry(uv_timer_t *timer) {
  struct session *s = timer->data;
  s->trouble_feed = 0;
  session__tell_trouble(s, NULL);
  session__kick(s);
}

void session__feed_trouble(struct session *s, int code, const char *text) {
  s->trouble_feed = code;
  session__tell_trouble(s, text);
  if (!s->stopping)
    uv_timer_start(&s->retry_timer, on_retry, RETRY_MS, 0);
}

static void on_patience(uv_timer_t *timer) {
  struct session *s = timer->data;
  bool decided = false;
  for (int i = 0; i < SESSION_FEEDS; i++)
    if (s->feeds[i].text_ready)
      decided |= manifest_hurry(&s->feeds[i].text);
  if (decided)
    session__kick(s);
}

void session__patience(struct session *s) {
  if (!s->stopping && !uv_is_active((uv_handle_t *)&s->patience_timer))
    uv_timer_start(&s->patience_timer, on_patience, PATIENCE_MS, 0);
}

/* Recorded at once: after a kill it tells a whole list from one cut off. A
 * list of which no line was read yet is recorded when one is. */
static void note_received(struct session *s, struct source *source) {
  bool before = source->received;
  source->fault = spool_fault(source->spooler);
  source->received = source->fault == 0;
  if (source->received == before || source->first_object == 0)
    return;
  session__source_touch(s, source);
  session_hurry(s);
}

void session__poll_spools(struct session *s) {
  bool ended;
  int code, trouble = 0;
  for (size_t i = 0; i < s->source_count; i++) {
    if (s->sources[i].spooler == NULL)
      continue;
    spool_state(s->sources[i].spooler, &ended, &code);
    if (ended)
      note_received(s, &s->sources[i]);
    if (code != 0)
      trouble = code;
  }
  if (trouble != s->trouble_spool) {
    s->trouble_spool = trouble;
    session__tell_trouble(s, trouble == 0 ? NULL
                                          : "standard input cannot be kept in "
                                            "the session's directory");
  }
}

static void on_job(void *arg, struct store_job *job) {
  struct session *s = arg;
  switch (job->kind) {
  case JOB_BATCH:
    session__batch_done(s, job);
    break;
  case JOB_GROW:
    s->grow_busy = false;
    if (job->rc == 0 && marks_map(s->marks) < 0)
      session__feed_trouble(s, ERR_NOMEM, NULL);
    break;
  case JOB_CALL:
    if (job->owner != NULL)
      session__join_worked(s, job);
    else
      session__add_worked(s, job);
    break;
  case JOB_ASK:
    session__asked_worked(s, job);
    break;
  case JOB_STOP:
    s->ended = true;
    break;
  default:
    feed__job_done(job->owner, job);
  }
}

static void on_store_trouble(void *arg, int code, const char *text) {
  struct session *s = arg;
  s->trouble_store = code;
  session__tell_trouble(s, text);
}

static void on_wake(uv_async_t *wake) {
  struct session *s = wake->data;
  session__poll_spools(s);
  store_thread_poll(s->thread);
  index__step(s);
  if (s->stopping)
    session__stop_step(s);
  else
    session__kick(s);
}

/* ---- handles ---------------------------------------------------------- */

static void on_closed(uv_handle_t *handle) {
  struct session *s = handle->data;
  if (--s->open_handles > 0)
    return;
  s->loop = NULL;
  if (s->stopped != NULL)
    s->stopped(s->stopped_arg);
}

static void close_handles(struct session *s) {
  uv_handle_t *all[] = {(uv_handle_t *)&s->wake, (uv_handle_t *)&s->idle,
                        (uv_handle_t *)&s->commit_timer,
                        (uv_handle_t *)&s->retry_timer,
                        (uv_handle_t *)&s->patience_timer};
  s->open_handles = sizeof all / sizeof *all;
  for (size_t i = 0; i < sizeof all / sizeof *all; i++)
    uv_close(all[i], on_closed);
}

/* ---- start ------------------------------------------------------------- */

static int start_spools(struct session *s, struct errmsg *msg) {
  for (size_t i = 0; i < s->source_count; i++) {
    struct source *source = &s->sources[i];
    int fd;
    if (source->in_fd < 0)
      continue;
    int rc = session__spool_create(s, source->spool, &fd, msg);
    if (rc == 0) {
      rc = spool_start(&source->spooler, source->in_fd,
                       s->follow && source->path[0] != '\0' ? source->path
                                                            : NULL,
                       fd, &s->wake);
      if (rc < 0)
        err_set(msg, rc, "%s", err_text(rc));
    }
    if (rc < 0)
      return rc;
  }
  return 0;
}

static int begin_run(struct session *s, struct errmsg *msg) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  int rc = store_run_begin(s->store, s->boot,
                           (int64_t)now.tv_sec * 1000000000 + now.tv_nsec,
                           &s->run, &s->ours_since_unix_ns);
  if (rc == 0 && s->retry_only != NULL)
    rc = store_leave_failures(s->store, s->retry_only, s->run);
  return rc == 0 ? 0 : session__fault(s, rc, msg);
}

static void init_handles(struct session *s, uv_loop_t *loop) {
  uv_timer_init(loop, &s->commit_timer);
  uv_timer_init(loop, &s->retry_timer);
  uv_timer_init(loop, &s->patience_timer);
  uv_idle_init(loop, &s->idle);
  s->wake.data = s->commit_timer.data = s->retry_timer.data = s->idle.data = s;
  s->patience_timer.data = s;
}

/* What was begun is ended; the handles are closed by the loop's next turn,
 * before the session may be. */
static void abort_start(struct session *s) {
  for (size_t i = 0; i < s->source_count; i++) {
    spool_free(s->sources[i].spooler);
    s->sources[i].spooler = NULL;
  }
  if (s->thread != NULL) {
    s->stop_job = (struct store_job){.kind = JOB_STOP};
    store_thread_post(s->thread, &s->stop_job);
    store_thread_free(s->thread);
    s->thread = NULL;
  }
  s->ended = true;
  close_handles(s);
}

static void init_feeds(struct session *s) {
  for (int i = 0; i < SESSION_FEEDS; i++)
    s->feeds[i].session = s;
  s->redo.session = s->index_pin.session = s;
  s->redo.redo = s->index_pin.redo = true;
  s->index_pin.fd = -1;
}

/* What is known of the chunks; lists that have something to say about turns
 * are read on at once. */
static int load_order(struct session *s, struct errmsg *msg) {
  for (size_t i = 0; i < s->source_count; i++) {
    struct source *source = &s->sources[i];
    int rc = store_order(s->store, source);
    if (rc < 0)
      return session__fault(s, rc, msg);
    for (uint32_t n = 0; n < source->order.count && !source->index; n++) {
      const struct line_keys *keys = &source->order.entries[n].keys;
      source->index = keys->priority != 0 || s->rules.shuffle ||
                      (s->rules.deadlines && keys->deadline_unix != 0);
    }
    rc = store_order_ranks(s->store, source); /* needs no reading ahead */
    if (rc < 0)
      return session__fault(s, rc, msg);
  }
  return 0;
}

/* Where nothing is known yet, the first line decides. */
static void start_index(struct session *s) {
  for (size_t i = 0; i < s->source_count; i++)
    if (s->sources[i].index && !s->sources[i].ended)
      index__want(s, &s->sources[i]);
}

int session_start(struct session *s, uv_loop_t *loop,
                  const struct session_hooks *hooks, struct errmsg *msg) {
  s->hooks = *hooks;
  init_feeds(s);
  int rc = session__check_files(s, msg);
  if (rc == 0) {
    rc = session__adds_begin(s);
    if (rc < 0)
      err_set(msg, rc, "%s/%s: %s", s->dir, SESSION_DIR, err_text(rc));
  }
  if (rc == 0 && session__joins_begin(s) < 0)
    rc = err_set(msg, ERR_NOMEM, "%s", err_text(ERR_NOMEM));
  if (rc == 0)
    rc = load_order(s, msg);
  if (rc == 0)
    rc = begin_run(s, msg);
  if (rc < 0)
    return rc;
  struct store_thread_config config = {.store = s->store,
                                       .marks = s->marks,
                                       .dirfd = s->dirfd,
                                       .durable = s->durable,
                                       .wake = &s->wake,
                                       .done = on_job,
                                       .trouble = on_store_trouble,
                                       .arg = s};
  memcpy(config.lists, s->lists, sizeof config.lists);
  if (uv_async_init(loop, &s->wake, on_wake) < 0)
    return err_set(msg, ERR_IO, "the event loop has no descriptor left");
  init_handles(s, loop);
  s->loop = loop;
  rc = store_thread_start(&s->thread, &config);
  if (rc < 0)
    err_set(msg, rc, "the storage thread could not be started");
  if (rc == 0)
    rc = start_spools(s, msg);
  if (rc < 0)
    abort_start(s);
  else
    start_index(s);
  return rc;
}

/* ---- stop -------------------------------------------------------------- */

static bool all_settled(const struct session *s) {
  if (!s->feeds[0].done || s->batch_failed)
    return false;
  for (size_t i = 0; i < s->source_count; i++)
    if (!s->sources[i].gone && !s->sources[i].ended)
      return false;
  struct session_counts counts;
  session_counts(s, &counts);
  return counts.failed + counts.expired == 0 &&
         (int64_t)(counts.done + counts.cancelled) == counts.tasks;
}

static bool feeds_busy(const struct session *s) {
  bool busy = feed__busy(&s->redo) || feed__busy(&s->index_pin);
  for (int i = 0; i < SESSION_FEEDS; i++)
    busy |= feed__busy(&s->feeds[i]);
  return busy;
}

void session__stop_step(struct session *s) {
  if (s->ended) {
    if (uv_is_closing((uv_handle_t *)&s->wake))
      return;
    store_thread_free(s->thread);
    s->thread = NULL;
    session__adds_end(s);
    session__joins_end(s);
    session__asked_end(s);
    for (int i = 0; i < SESSION_FEEDS; i++)
      feed__fini(&s->feeds[i]);
    feed__fini(&s->redo);
    feed__fini(&s->index_pin);
    close_handles(s);
    return;
  }
  if (s->stop_posted || s->batch_busy || s->grow_busy || s->add_busy ||
      s->join_busy || s->asked_busy || feeds_busy(s))
    return;
  if (session__pending(s) && !s->batch_failed) {
    for (int i = 0; i < SEND_TRIES && !s->batch_busy; i++)
      session__send(s);
    if (s->batch_busy)
      return;
    s->batch_failed = true; /* no memory: the run has not ended well */
  }
  s->stop_posted = true;
  s->stop_job = (struct store_job){.kind = JOB_STOP,
                                   .run = s->batch_failed ? 0 : s->run,
                                   .finished = all_settled(s)};
  store_thread_post(s->thread, &s->stop_job);
}

void session_stop(struct session *s, void (*stopped)(void *arg), void *arg) {
  s->stopped = stopped;
  s->stopped_arg = arg;
  s->stopping = true;
  uv_idle_stop(&s->idle);
  uv_timer_stop(&s->commit_timer);
  uv_timer_stop(&s->retry_timer);
  uv_timer_stop(&s->patience_timer);
  for (size_t i = 0; i < s->source_count; i++) {
    struct source *source = &s->sources[i];
    bool ended;
    int trouble;
    if (source->spooler == NULL)
      continue;
    spool_state(source->spooler, &ended, &trouble);
    if (ended) {
      note_received(s, source);
      session__source_touch(s, source);
    }
    spool_free(source->spooler);
    source->spooler = NULL;
  }
  index__stop(s);
  store_thread_hurry(s->thread);
  session__stop_step(s);
}
