/* SPDX-License-Identifier: MIT
 *
 * A task's way from its start to its end: request, answer, body, and what
 * follows from how they went.
 *
 *   start -> head -> body ... -> done -+-> complete -> sink named -> settled
 *                                      +-> redirect -> queued for the new host
 *                                      +-> throttled -> queued, host gated
 *                                      +-> failure -> sink cut -> wait or fail
 *
 * A task gives its permits back as soon as its transfer has ended; the file is
 * finished on the pool's time. While a sink lets go, task->after says what
 * comes then.
 *
 * Thread: the loop's.
 */
#include "config.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "answer.h"
#include "engine_priv.h"

#define REDIRECTS_MAX 20
#define DISCARD_MAX (256 << 10) /* of the body of an error page */

static struct engine *engine_of(const struct transfer *transfer) {
  return LINK_ENTRY(transfer->pool, struct engine, transfers);
}

/* ---- ends --------------------------------------------------------------- */

static void settle(struct engine *e, struct task *task, enum task_state state) {
  struct session_result result;
  memset(&result, 0, sizeof(result));
  result.id = task->id;
  result.state = state;
  result.bytes = task->got;
  result.status = task->status;
  result.attempts = task->attempts;
  result.reason = task->reason != NULL ? task->reason : "";
  result.path = task->name != NULL ? task->name : "";
  result.renamed = task->renamed;
  session_settle(e->session, &result);
}

void fetch_fail(struct engine *e, struct task *task, const char *why) {
  if (why != NULL)
    task_set_reason(task, why);
  eventlog_add(&e->log, LOG_ERROR, task->id, "%s: %s",
               task->name != NULL ? task->name : task->url,
               task->reason != NULL ? task->reason : "failed");
  settle(e, task, TASK_FAILED);
  task_set_state(&e->counts, task, TASK_FAILED);
  engine__retire(e, task);
}

void fetch_adopt(struct engine *e, struct task *task, int64_t bytes) {
  task->size = task->got = bytes;
  task_set_state(&e->counts, task, TASK_VERIFYING);
  settle(e, task, TASK_DONE);
}

void fetch_committed(void *arg, const uint64_t *ids, size_t count) {
  struct engine *e = arg;
  for (size_t i = 0; i < count; i++) {
    struct task *task = idmap_find(&e->tasks, ids[i]);
    if (task == NULL || task->state != TASK_VERIFYING)
      continue;
    task_set_state(&e->counts, task, TASK_DONE);
    engine__retire(e, task);
  }
}

/* ---- partial files ------------------------------------------------------- */

static void forget_partial(struct engine *e, struct task *task) {
  if (task->has_partial)
    session_partial_put(e->session, task->id, NULL);
  task->has_partial = false;
  task->resumed = task->got = 0;
}

static void keep_partial(struct engine *e, struct task *task, int64_t durable) {
  struct session_partial partial;
  if (durable <= 0) {
    forget_partial(e, task);
    return;
  }
  memset(&partial, 0, sizeof(partial));
  partial.durable = durable;
  partial.size = task->size;
  memcpy(partial.etag, task->etag, sizeof(partial.etag));
  memcpy(partial.last_modified, task->last_modified,
         sizeof(partial.last_modified));
  session_partial_put(e->session, task->id, &partial);
  task->has_partial = true;
}

static void on_durable(void *owner, int64_t bytes) {
  struct task *task = owner;
  struct engine *e = task->engine;
  keep_partial(e, task, bytes);
}

/* ---- what comes after a cut ------------------------------------------------ */

static void to_queue(struct engine *e, struct task *task) {
  task_set_state(&e->counts, task, TASK_QUEUED);
  scheduler_ready(&e->scheduler, task, engine_now());
}

static void cancel(struct engine *e, struct task *task) {
  task_set_reason(task, "cancelled");
  forget_partial(e, task);
  settle(e, task, TASK_CANCELLED);
  task_set_state(&e->counts, task, TASK_CANCELLED);
  engine__retire(e, task);
}

static void act_after(struct engine *e, struct task *task) {
  enum task_after after = task->after;
  task->after = AFTER_NOTHING;
  switch (after) {
  case AFTER_WAIT:
    task_set_state(&e->counts, task, TASK_WAITING);
    if (scheduler_wait(&e->scheduler, task, task->after_due_ns) != 0)
      fetch_fail(e, task, err_text(ERR_NOMEM));
    break;
  case AFTER_FAIL:
    fetch_fail(e, task, NULL);
    break;
  case AFTER_PAUSE:
    task_set_state(&e->counts, task, TASK_PAUSED);
    break;
  case AFTER_CANCEL:
    cancel(e, task);
    break;
  case AFTER_QUEUE:
  case AFTER_NOTHING:
    to_queue(e, task);
    break;
  }
}

/* The transfer is gone; the sink, if any, lets go first. */
static void let_go(struct engine *e, struct task *task, enum task_after after,
                   bool keep) {
  task->after = after;
  if (task->sink != NULL)
    sink_cut(task->sink, keep);
  else
    act_after(e, task);
}

static void drop_transfer(struct engine *e, struct task *task) {
  struct host *host = task->transfer->host;
  bandwidth_leave(&task->byte_turn);
  transfer_cancel(task->transfer);
  task->transfer = NULL;
  scheduler_ended(&e->scheduler, host, engine_now());
}

void fetch_cut(struct engine *e, struct task *task) {
  enum task_after after = task->cancel_wanted  ? AFTER_CANCEL
                          : task->pause_wanted ? AFTER_PAUSE
                                               : AFTER_QUEUE;
  task->cancel_wanted = task->pause_wanted = false;
  switch (task->state) {
  case TASK_ACTIVE:
    if (task->transfer != NULL) {
      drop_transfer(e, task);
      let_go(e, task, after, after != AFTER_CANCEL);
    } else if (after != AFTER_QUEUE) {
      task->after = after; /* it is letting go already */
    }
    break;
  case TASK_QUEUED:
  case TASK_WAITING:
  case TASK_PAUSED:
    scheduler_remove(&e->scheduler, task);
    task->after = after;
    if (after != AFTER_QUEUE)
      act_after(e, task);
    break;
  default: /* its file is being finished; that is quicker than undoing it */
    break;
  }
}

/* ---- the sink ends ---------------------------------------------------------- */

static void take_name(struct task *task, const char *name) {
  char *copy;
  if (strcmp(task->name, name) == 0)
    return;
  copy = strdup(name);
  if (copy == NULL)
    return;
  free(task->name);
  task->name = copy;
  task->renamed = true;
}

/* The disk would not take it. No server's fault: no attempt is lost. */
static void disk_failure(struct engine *e, struct task *task,
                         const struct sink_result *result) {
  char why[200];
  if (result->code == ERR_FULL) {
    keep_partial(e, task, result->durable);
    task->resumed = task->got = result->durable;
    if (task->attempts > 0)
      task->attempts--;
    engine__hold(e, ERR_FULL, "the disk is full");
    to_queue(e, task);
    return;
  }
  if (result->code == ERR_CHANGED) { /* the .part is not what it was */
    forget_partial(e, task);
    to_queue(e, task);
    return;
  }
  if (result->code == ERR_EXISTS)
    snprintf(why, sizeof(why), "%s", err_text(ERR_EXISTS));
  else
    snprintf(why, sizeof(why), "cannot write the file: %s",
             result->saved_errno != 0 ? strerror(result->saved_errno)
                                      : err_text(result->code));
  fetch_fail(e, task, why);
}

static void on_sink_ended(void *owner, const struct sink_result *result) {
  struct task *task = owner;
  struct engine *e = task->engine;
  task->sink = NULL;
  task->own_part = task->own_part || result->part;
  if (task->transfer != NULL)
    drop_transfer(e, task); /* it failed while the body still came */
  if (result->code != 0) {
    task->after = AFTER_NOTHING;
    disk_failure(e, task, result);
    return;
  }
  if (task->state == TASK_VERIFYING) {
    session_mark_written(e->session, task->id);
    take_name(task, result->name);
    if (task->has_partial)
      session_partial_put(e->session, task->id, NULL);
    settle(e, task, TASK_DONE);
    return;
  }
  if (task->after == AFTER_CANCEL) {
    forget_partial(e, task);
  } else {
    keep_partial(e, task, result->durable);
    task->resumed = task->got = result->durable;
  }
  act_after(e, task);
}

static void on_room(void *owner) {
  struct task *task = owner;
  struct engine *e = task->engine;
  if (task->transfer != NULL && !e->paused)
    transfer_unpause(task->transfer);
}

const struct sink_ops fetch_sink_ops = {on_room, on_sink_ended, on_durable};

/* ---- start -------------------------------------------------------------------- */

static void count_start(struct engine *e, struct task *task, uint64_t now) {
  e->requests++;
  if (task->attempts > 1)
    e->retries++;
  meter_add(&e->request_rate, 1, now);
  task->host->requests++;
  meter_add(&task->host->request_rate, 1, now);
}

/* What is kept is of use only if the answer can be tied to it. */
static bool can_resume(const struct task *task) {
  return task->resumed > 0 &&
         (task->size >= 0 ||
          answer_if_range(task->etag, task->last_modified)[0] != '\0');
}

void fetch_start(void *arg, struct task *task) {
  struct engine *e = arg;
  struct transfer_request request;
  uint64_t now = engine_now();
  if (task->resumed > 0 && !can_resume(task))
    forget_partial(e, task);
  request.url = task_target(task);
  request.host = task->host;
  request.from = task->resumed;
  request.if_range = answer_if_range(task->etag, task->last_modified);
  request.foreign =
      task->hop != NULL && !url_same_origin(task->url, task->hop);
  task_set_state(&e->counts, task, TASK_ACTIVE);
  if (!task->following)
    task->attempts++;
  task->following = task->start_over = false;
  task->status = 0;
  if (transfer_start(&e->transfers, task, &request, &task->transfer) != 0) {
    scheduler_ended(&e->scheduler, task->host, now);
    task_set_reason(task, "the request could not be made");
    task->after_due_ns = now + 1000000000u;
    let_go(e, task, AFTER_WAIT, true);
    return;
  }
  count_start(e, task, now);
  if (e->paused)
    transfer_pause(task->transfer);
}

/* ---- head and body --------------------------------------------------------------- */

/* A 206 must be the range that was asked for, of the thing that is kept. */
static bool range_fits(const struct task *task,
                       const struct transfer *transfer) {
  const struct answer *a = &transfer->answer;
  if (transfer->range_from == 0 || !a->has_range ||
      a->range_first != transfer->range_from)
    return false;
  if (task->size >= 0 && a->range_size >= 0 && a->range_size != task->size)
    return false;
  if (a->range_size < 0 && a->range_last < a->range_first)
    return false;
  return a->etag[0] == '\0' || task->etag[0] == '\0' ||
         strcmp(a->etag, task->etag) == 0;
}

static void take_validators(struct task *task, const struct answer *answer) {
  memcpy(task->etag, answer->etag, sizeof(task->etag));
  memcpy(task->last_modified, answer->last_modified,
         sizeof(task->last_modified));
}

static void open_sink(struct engine *e, struct task *task, int64_t offset,
                      int64_t size) {
  struct sink_target target;
  task->size = size;
  task->resumed = task->got = offset;
  session_mark_started(e->session, task->id);
  target.name = task->name;
  target.ours = task->ours || task->own_part;
  target.replace = task->replace;
  target.rename = task->rename;
  target.offset = offset;
  target.size = size;
  task->sink = sink_open(&e->sinks, task, &target);
}

static void on_head(void *owner, struct transfer *transfer) {
  struct task *task = owner;
  struct engine *e = engine_of(transfer);
  const struct answer *a = &transfer->answer;
  task->status = a->status;
  hosts_note_ttfb(transfer->host,
                  (transfer->head_ns - transfer->sent_ns) / 1000,
                  transfer->head_ns);
  if (a->status < 200 || a->status > 299 || task->sink != NULL)
    return;
  if (a->status == 206) {
    task->start_over = !range_fits(task, transfer);
    if (task->start_over)
      return;
    task->resumable = true;
    if (task->etag[0] == '\0')
      take_validators(task, a);
    open_sink(e, task, transfer->range_from,
              a->range_size >= 0 ? a->range_size : task->size);
    return;
  }
  task->resumable = a->accepts_ranges;
  take_validators(task, a);
  open_sink(e, task, 0, a->content_length);
}

static void on_turn(struct byte_waiter *waiter) {
  struct task *task = LINK_ENTRY(waiter, struct task, byte_turn);
  if (task->transfer != NULL && !task->engine->paused)
    transfer_unpause(task->transfer);
}

/* May so many bytes be taken now, by the limits on bytes a second? */
static bool bytes_may_pass(struct engine *e, struct task *task, size_t length,
                           uint64_t now) {
  struct byte_limit *const limits[] = {&e->all_bytes};
  if (task->bytes_paid)
    return true;
  task->byte_turn.go = on_turn;
  task->bytes_paid =
      bandwidth_pass(&e->bandwidth, limits, 1, &task->byte_turn, length, now);
  return task->bytes_paid;
}

static size_t on_body(void *owner, struct transfer *transfer, const char *data,
                      size_t length) {
  struct task *task = owner;
  struct engine *e = engine_of(transfer);
  uint64_t now;
  if (task->sink == NULL) {
    bool error_page = task->status < 200 || task->status > 299;
    return error_page && transfer->received < DISCARD_MAX ? length
                                                          : TRANSFER_BODY_ABORT;
  }
  now = engine_now();
  if (!bytes_may_pass(e, task, length, now) ||
      sink_write(task->sink, data, length) == SINK_FULL)
    return TRANSFER_BODY_PAUSE;
  task->bytes_paid = false;
  task->got += (int64_t)length;
  e->bytes += length;
  transfer->host->bytes += length;
  meter_add(&e->byte_rate, (double)length, now);
  meter_add(&e->byte_rate_long, (double)length, now);
  meter_add(&task->rate, (double)length, now);
  return length;
}

/* ---- done ------------------------------------------------------------------------- */

struct outcome {
  enum fail_class class;
  double wait_s; /* Retry-After; -1 none */
  char why[300];
};

static void say(struct outcome *o, const char *fmt, ...) PRINTF_LIKE(2, 3);

static void say(struct outcome *o, const char *fmt, ...) {
  va_list args;
  va_start(args, fmt);
  vsnprintf(o->why, sizeof(o->why), fmt, args);
  va_end(args);
}

static const char *status_text(int status) {
  static const struct {
    int status;
    const char *text;
  } known[] = {
      {400, "Bad Request"},         {401, "Unauthorized"},
      {403, "Forbidden"},           {404, "Not Found"},
      {408, "Request Timeout"},     {410, "Gone"},
      {416, "Range Not Satisfiable"}, {425, "Too Early"},
      {429, "Too Many Requests"},   {451, "Unavailable For Legal Reasons"},
      {500, "Internal Server Error"}, {502, "Bad Gateway"},
      {503, "Service Unavailable"}, {504, "Gateway Timeout"},
  };
  for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
    if (known[i].status == status)
      return known[i].text;
  return "";
}

/* The body is whole: as long as the answer said and, for a range, up to the
 * end of the file. */
static bool whole(const struct task *task, const struct transfer *transfer) {
  const struct answer *a = &transfer->answer;
  if (a->content_length >= 0 && transfer->received != a->content_length)
    return false;
  return task->size < 0 || sink_length(task->sink) == task->size;
}

static void judge_status(struct outcome *o, const struct transfer *transfer) {
  const struct answer *a = &transfer->answer;
  o->class = retry_class_http(a->status);
  if (a->retry_after[0] != '\0' &&
      retry_after_parse(a->retry_after, (int64_t)time(NULL), &o->wait_s) != 0)
    o->wait_s = -1;
  if (a->status == 503 && o->wait_s >= 0)
    o->class = FAIL_THROTTLED;
  if (o->class == FAIL_NONE)
    o->class = FAIL_PERMANENT; /* a 3xx that leads nowhere */
  say(o, "HTTP %d %s", a->status, status_text(a->status));
}

static void judge(struct outcome *o, struct task *task,
                  const struct transfer *transfer, CURLcode code) {
  o->class = FAIL_NONE;
  o->wait_s = -1;
  o->why[0] = '\0';
  if (task->start_over) {
    o->class = FAIL_PASSING;
    say(o, "the range does not fit what is kept; starting over");
  } else if (transfer->answer.status >= 300) {
    judge_status(o, transfer);
  } else if (code != CURLE_OK) {
    o->class = retry_class_curl((int)code);
    say(o, "%s", transfer->error[0] != '\0' ? transfer->error
                                            : curl_easy_strerror(code));
  } else if (task->sink == NULL) {
    o->class = FAIL_PASSING;
    say(o, "the server sent no answer");
  } else if (!whole(task, transfer)) {
    o->class = FAIL_PASSING;
    say(o, "the body ended early: %lld of %lld bytes",
        (long long)sink_length(task->sink), (long long)task->size);
  }
}

static void go_home(struct task *task) {
  if (task->hop == NULL)
    return;
  free(task->hop);
  task->hop = NULL;
  task->redirects = 0;
  task->host = task->home;
}

/* 3xx with a Location. Returns false when it leads nowhere. */
static bool redirect(struct engine *e, struct task *task,
                     struct transfer *transfer, struct outcome *o) {
  char *where = NULL, *copy;
  const char *why = NULL;
  struct host *host = NULL;
  int status = transfer->answer.status;
  if (status < 301 || status > 308 || status == 304 || status == 305)
    return false;
  curl_easy_getinfo(transfer->easy, CURLINFO_REDIRECT_URL, &where);
  if (where == NULL)
    return false;
  if (++task->redirects > REDIRECTS_MAX) {
    say(o, "more than %d redirects", REDIRECTS_MAX);
    return false;
  }
  if (hosts_get(&e->hosts, where, (uint32_t)e->limit[LIMIT_PER_HOST],
                e->limit[LIMIT_PER_HOST_RATE], engine_now(), &host,
                &why) != 0) {
    say(o, "redirected to a URL that is refused: %s", why ? why : "");
    return false;
  }
  copy = strdup(where);
  if (copy == NULL)
    return false;
  free(task->hop);
  task->hop = copy;
  task->host = host;
  task->following = true;
  return true;
}

static void retry_later(struct engine *e, struct task *task,
                        const struct outcome *o) {
  uint64_t wait = retry_backoff_ns(
      e->limit[LIMIT_RETRY_WAIT], e->limit[LIMIT_RETRY_MAX_WAIT],
      (unsigned)(task->attempts > 0 ? task->attempts - 1 : 0), &e->rng);
  if (o->wait_s > 0 && (double)wait < o->wait_s * 1e9)
    wait = (uint64_t)(o->wait_s * 1e9);
  task->after_due_ns = engine_now() + wait;
  eventlog_add(&e->log, LOG_WARN, task->id, "%s: %s; try %d of %d in %.1f s",
               task->name, o->why, task->attempts + 1,
               (int)e->limit[LIMIT_TRIES], (double)wait / 1e9);
  let_go(e, task, AFTER_WAIT, true);
}

static void throttle(struct engine *e, struct task *task,
                     struct host *host, uint64_t sent_ns,
                     const struct outcome *o) {
  e->throttled++;
  host->throttled++;
  if (task->attempts > 0)
    task->attempts--; /* being asked to wait is no failure */
  scheduler_throttled(&e->scheduler, host, sent_ns, o->wait_s, engine_now());
  eventlog_add(&e->log, LOG_INFO, task->id, "%s: %s; the host is left alone",
               host->name, o->why);
  let_go(e, task, AFTER_QUEUE, true);
}

static void failed(struct engine *e, struct task *task, struct host *host,
                   uint64_t sent_ns, const struct outcome *o) {
  task_set_reason(task, o->why);
  if (o->class == FAIL_THROTTLED) {
    throttle(e, task, host, sent_ns, o);
    return;
  }
  host->errors++;
  if (task->start_over) { /* happens once: nothing is kept any more */
    forget_partial(e, task);
    task->attempts--;
    let_go(e, task, AFTER_QUEUE, false);
    return;
  }
  if (o->class == FAIL_PASSING && task->attempts < (int)e->limit[LIMIT_TRIES])
    retry_later(e, task, o);
  else
    let_go(e, task, AFTER_FAIL, o->class == FAIL_PASSING);
}

static void complete(struct engine *e, struct task *task) {
  task_set_reason(task, NULL);
  task->size = sink_length(task->sink);
  task_set_state(&e->counts, task, TASK_VERIFYING);
  sink_finish(task->sink);
}

/* 416 to the rest of a file that is kept whole: the size says so. */
static bool complete_already(struct engine *e, struct task *task,
                             const struct transfer *transfer) {
  const struct answer *a = &transfer->answer;
  if (a->status != 416 || transfer->range_from == 0)
    return false;
  if (a->has_range && a->range_size == task->resumed &&
      (task->size < 0 || task->size == task->resumed)) {
    open_sink(e, task, task->resumed, task->resumed);
    return task->sink != NULL;
  }
  task->start_over = true;
  return false;
}

static void on_done(void *owner, struct transfer *transfer, CURLcode code) {
  struct task *task = owner;
  struct engine *e = engine_of(transfer);
  struct host *host = transfer->host;
  uint64_t now = engine_now(), sent_ns = transfer->sent_ns;
  struct outcome o;
  long version = 0;
  bool follow = false;
  curl_easy_getinfo(transfer->easy, CURLINFO_HTTP_VERSION, &version);
  task->http_version = version >= CURL_HTTP_VERSION_2_0 ? 20 : 11;
  if (!complete_already(e, task, transfer)) {
    judge(&o, task, transfer, code);
    if (o.class != FAIL_NONE && code == CURLE_OK)
      follow = redirect(e, task, transfer, &o);
  } else {
    o.class = FAIL_NONE;
  }
  bandwidth_leave(&task->byte_turn);
  transfer_free(transfer);
  task->transfer = NULL;
  scheduler_ended(&e->scheduler, host, now);
  if (code != CURLE_OK && o.class == FAIL_PASSING)
    resolve_doubt(&e->resolver, host, now);
  if (o.class == FAIL_NONE || follow)
    scheduler_good(&e->scheduler, host, now);
  if (follow) {
    let_go(e, task, AFTER_QUEUE, true);
    return;
  }
  go_home(task);
  if (o.class == FAIL_NONE)
    complete(e, task);
  else
    failed(e, task, host, sent_ns, &o);
}

const struct transfer_ops fetch_transfer_ops = {on_head, on_body, on_done};

/* ---- the rest ------------------------------------------------------------------------ */

void fetch_unresolved(struct engine *e, struct host *host, const char *why) {
  struct task *task;
  struct outcome o;
  o.class = FAIL_PASSING;
  o.wait_s = -1;
  say(&o, "%s: %s", host->name, why);
  while ((task = scheduler_take_ready(&e->scheduler, host)) != NULL) {
    task->attempts++;
    task_set_reason(task, o.why);
    if (task->attempts < (int)e->limit[LIMIT_TRIES])
      retry_later(e, task, &o);
    else
      fetch_fail(e, task, NULL);
  }
}

void fetch_checkpoint(struct engine *e) {
  for (struct link *l = e->live.next; l != &e->live; l = l->next) {
    struct task *task = LINK_ENTRY(l, struct task, all);
    if (task->state == TASK_ACTIVE && task->sink != NULL &&
        task->transfer != NULL && sink_spilled(task->sink))
      sink_checkpoint(task->sink);
  }
}
