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

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "answer.h"
#include "date.h"
#include "engine_priv.h"
#include "mend.h"
#include "mirrors.h"
#include "pieces.h"
#include "request.h"
#include "split.h"
#include "verdict.h"
#include "verify.h"

#define SKEW_NS (60 * (uint64_t)1000000000)
#define MUCH (1 << 20)
#define DISCARD_MAX (256 << 10) /* of the body of an error page */

static struct engine *engine_of(const struct transfer *transfer) {
  return LINK_ENTRY(transfer->pool, struct engine, transfers);
}

bool fetch_moves(const struct task *task) {
  return task->transfer != NULL || task->split != NULL;
}

/* ---- start
 * -------------------------------------------------------------------- */

void fetch__count_request(struct engine *e, struct host *host, uint64_t now) {
  e->requests++;
  meter_add(&e->request_rate, 1, now);
  host->requests++;
  meter_add(&host->request_rate, 1, now);
}

/* Its pieces have digests: one that is of another file is found in the end, and
 * fetched again by itself. */
static bool is_vouched_for(const struct task *task) {
  return task->fields != NULL && task->fields->pieces != NULL &&
         task->size >= 0 && mend_left(task) &&
         pieces_fit(task->fields->pieces, task->size);
}

/* What is kept is of use only if the answer can be tied to it. */
static bool can_resume(const struct task *task) {
  if (!request_is_get(task->fields))
    return false;
  /* Without ranges what comes is all the rest. */
  if (!task->host->protocol->http &&
      (task->kept.count != 1 || ranges_prefix(&task->kept) == 0))
    return false;
  if (task->mirror != task->validator_of)
    return task->size >= 0;
  return answer_if_range(task->etag, task->last_modified)[0] != '\0' ||
         is_vouched_for(task);
}

/* What ties the request to what is kept. Mirrors have validators of their own;
 * they have the same file, says who named them, and the size has to agree. */
static const char *validator(const struct task *task) {
  return task->mirror == task->validator_of
             ? answer_if_range(task->etag, task->last_modified)
             : "";
}

/* The first bytes that are not there; of a file that is whole already the
 * answer to what comes behind it says so. */
static struct range first_gap(const struct task *task) {
  struct range gap;
  int64_t size = task->size >= 0 ? task->size : INT64_MAX;
  if (!ranges_gap(&task->kept, 0, size, &gap))
    gap.first = ranges_prefix(&task->kept), gap.end = size;
  return gap;
}

/* The permits and the count of a start that came to nothing. */
static void not_started(struct engine *e, struct task *task) {
  uint64_t now = engine_now();
  struct scheduler_answer gone = {now, GOVERNOR_GONE, NULL};
  scheduler_answered(&e->scheduler, task->host, &gone, now);
  scheduler_ended(&e->scheduler, task->host, now);
}

/* Its name is known to lead to a private address. */
static void refuse_private(struct engine *e, struct task *task) {
  struct host *host = task->host;
  struct verdict v;
  memset(&v, 0, sizeof(v));
  v.class = FAIL_PERMANENT;
  snprintf(v.why, sizeof(v.why), "%.200s: %s", host->name, FETCH_PRIVATE);
  fetch__go_home(task);
  fetch__failed(e, task, task->home, &v, -1);
}

void fetch_start(void *arg, struct task *task) {
  struct engine *e = arg;
  struct transfer_request request;
  struct range gap;
  uint64_t now = engine_now();
  if (task->deadline_unix <= (int64_t)time(NULL) + task->host->skew_s) {
    not_started(e, task);
    fetch_expire(e, task);
    return;
  }
  if (task->hop != NULL && !fetch__may_follow(e, task->home, task->host)) {
    not_started(e, task);
    refuse_private(e, task);
    return;
  }
  if (task->kept.count > 0 && !can_resume(task))
    fetch__forget_partial(e, task);
  gap = first_gap(task);
  memset(&request, 0, sizeof(request));
  request.url = task_target(task);
  request.host = task->host;
  request.from = gap.first;
  request.to = task->size >= 0 && gap.end < task->size ? gap.end - 1 : -1;
  request.if_range = validator(task);
  request.rule = task->host->rule;
  request.fields = task->fields;
  request.as_get = task->as_get;
  request.foreign =
      request.url != task->url && !url_same_origin(task->url, request.url);
  request.public_only = e->config.no_private_redirects && task->hop != NULL &&
                        strcmp(task->home->name, task->host->name) != 0;
  request.public_only = request.public_only ||
                        mirrors_public_only(e, task, task->mirror, task->host);
  task_set_state(&e->counts, task, TASK_ACTIVE);
  if (!task->following)
    task->attempts++;
  task->following = task->start_over = false;
  task->status = 0;
  if (transfer_start(&e->transfers, task, &request, &task->transfer) != 0) {
    not_started(e, task);
    task_set_reason(task, "the request could not be made");
    task->after_due_ns = now + 1000000000u;
    fetch__let_go(e, task, AFTER_WAIT, true);
    return;
  }
  /* Should this run be killed, the next one knows that it may have been sent.
   */
  if (!request_may_repeat(task->fields))
    session_mark_started(e->session, task->id, task->taken);
  fetch__count_request(e, task->host, now);
  if (task->started_unix_ms == 0)
    task->started_unix_ms = engine__unix_ms();
  if (task->attempts > 1)
    e->retries++;
  fetch_set_byte_limit(e, task);
  if (e->frozen)
    transfer_pause(task->transfer);
}

/* ---- head and body
 * --------------------------------------------------------------- */

static bool asked_range(const struct transfer *transfer) {
  return transfer->range_from > 0 || transfer->range_to >= 0;
}

/* A 206 must be the range that was asked for, of the thing that is kept. */
static bool range_fits(const struct task *task,
                       const struct transfer *transfer) {
  const struct answer *a = &transfer->answer;
  if (!asked_range(transfer) || !a->has_range ||
      a->range_first != transfer->range_from)
    return false;
  if (task->size >= 0 && a->range_size >= 0 && a->range_size != task->size)
    return false;
  if (a->range_last < a->range_first || a->encoded)
    return false;
  return a->etag[0] == '\0' || task->etag[0] == '\0' ||
         task->mirror != task->validator_of || strcmp(a->etag, task->etag) == 0;
}

static void take_validators(struct task *task, const struct answer *answer) {
  task->validator_of = task->mirror;
  memcpy(task->etag, answer->etag, sizeof(task->etag));
  memcpy(task->last_modified, answer->last_modified,
         sizeof(task->last_modified));
}

/* Goes on with what is kept. */
static void open_sink(struct engine *e, struct task *task, int64_t offset,
                      int64_t size) {
  struct sink_target target;
  char name[GATHER_NAME];
  task->size = size;
  task->got = ranges_total(&task->kept);
  if (!gathering(e))
    session_mark_started(e->session, task->id, task->taken);
  if (task->kept.count == 0) /* what its .part held goes */
    session_unflushed_put(e->session, task->id, false, NULL);
  memset(&target, 0, sizeof(target));
  target.task = task->id;
  target.priority = task->priority;
  target.name = gather_name(e, task, name, sizeof(name));
  target.ours = task->ours || task->own_part || gathering(e);
  target.replace = task->replace;
  target.unname = task->unname;
  target.rename = task->rename;
  target.offset = offset;
  target.kept = &task->kept;
  target.size = size;
  if (verify_open(e, task) != 0)
    return; /* the transfer ends for want of a sink */
  target.steps = task->steps;
  task->sink = sink_open(&e->sinks, task, &target);
}

/* The server's clock decides when a URL expires; its Date tells how far ours
 * is off. Looked at now and then: parsing dates is slow. */
static void learn_skew(const struct transfer *transfer) {
  struct host *host = transfer->host;
  int64_t theirs;
  if (transfer->answer.date[0] == '\0' ||
      (host->skew_ns != 0 && transfer->head_ns - host->skew_ns < SKEW_NS))
    return;
  if (date_http(transfer->answer.date, &theirs) < 0)
    return;
  host->skew_ns = transfer->head_ns;
  host->skew_s = theirs - (int64_t)time(NULL);
}

static uint32_t time_of(const struct transfer *transfer, CURLINFO what) {
  curl_off_t us = 0;
  curl_easy_getinfo(transfer->easy, what, &us);
  return us > 0 && us < UINT32_MAX ? (uint32_t)us : 0;
}

void fetch__note_head(struct task *task, const struct transfer *transfer) {
  task->times.resolved_us = time_of(transfer, CURLINFO_NAMELOOKUP_TIME_T);
  task->times.connected_us = time_of(transfer, CURLINFO_CONNECT_TIME_T);
  task->times.secured_us = time_of(transfer, CURLINFO_APPCONNECT_TIME_T);
  summary_type(transfer->answer.content_type, task->type);
  task->times.first_byte_us = time_of(transfer, CURLINFO_STARTTRANSFER_TIME_T);
  hosts_note_ttfb(transfer->host,
                  (transfer->head_ns - transfer->sent_ns) / 1000,
                  transfer->head_ns);
  transfer->host->reached = true; /* long before a large file's end */
  learn_skew(transfer);
}

/* The size of the whole file as the answer says it; -1 it does not. */
static int64_t told_size(const struct answer *a) {
  return a->status == 206 ? a->range_size : a->content_length;
}

/* The size that the task's line gives; -1: none, or not of these bytes. */
static int64_t promised_size(const struct task *task,
                             const struct transfer *transfer) {
  return task->fields != NULL && !transfer->answer.encoded ? task->fields->size
                                                           : -1;
}

static bool has_size(const struct task *task, const struct transfer *transfer,
                     int64_t size, char *why) {
  int64_t promised = promised_size(task, transfer);
  if (promised < 0 || size < 0 || size == promised)
    return true;
  snprintf(why, VERDICT_WHY,
           "the file has %lld bytes, not the %lld that the list says",
           (long long)size, (long long)promised);
  return false;
}

/* Status and length may be good and the answer not what was wanted; why gets
 * VERDICT_WHY bytes. */
static bool is_expected(const struct engine *e, const struct task *task,
                        const struct transfer *transfer, char *why) {
  const struct expect *expect = &e->config.expect;
  const struct answer *a = &transfer->answer;
  if (!expect_head(expect, a->content_type, told_size(a), why, VERDICT_WHY) ||
      !has_size(task, transfer, told_size(a), why))
    return false;
  return task->sink == NULL ||
         expect_body(expect, task->got, false, why, VERDICT_WHY);
}

static void on_head(void *owner, struct transfer *transfer) {
  struct task *task = owner;
  struct engine *e = engine_of(transfer);
  const struct answer *a = &transfer->answer;
  char why[VERDICT_WHY];
  long version = 0;
  task->status = a->status;
  curl_easy_getinfo(transfer->easy, CURLINFO_HTTP_VERSION, &version);
  task->http_version = version >= CURL_HTTP_VERSION_2_0 ? 20 : 11;
  fetch__note_head(task, transfer);
  if (a->status < 200 || a->status > 299 || task->sink != NULL ||
      a->length_bad || !is_expected(e, task, transfer, why))
    return;
  if (!task->unnamed || a->status == 206 || !naming_begin(e, task, transfer))
    fetch__take_answer(e, task, transfer);
}

void fetch__take_answer(struct engine *e, struct task *task,
                        struct transfer *transfer) {
  const struct answer *a = &transfer->answer;
  gather_head(e, task, transfer);
  if (a->status == 206) {
    if (!range_fits(task, transfer)) {
      task->start_over = asked_range(transfer);
      return;
    }
    task->resumable = true;
    if (task->etag[0] == '\0')
      take_validators(task, a);
    open_sink(e, task, transfer->range_from,
              a->range_size >= 0 ? a->range_size : task->size);
  } else {
    task->resumable = a->accepts_ranges;
    take_validators(task, a);
    ranges_clear(&task->kept);
    open_sink(e, task, 0, a->content_length);
  }
  if (task->sink == NULL)
    return;
  mirrors_learn(e, task, transfer);
  split_consider(e, task, transfer);
}

static void on_turn(struct byte_waiter *waiter) {
  struct task *task = LINK_ENTRY(waiter, struct task, byte_turn);
  if (task->transfer != NULL && !task->engine->frozen)
    transfer_unpause(task->transfer);
}

/* A body that has no place to go to. */
size_t fetch__take_page(struct transfer *transfer, const char *data,
                        size_t length, bool expected) {
  int status = transfer->answer.status;
  bool error_page = status < 200 || status > 299 || !expected;
  transfer_keep_page(transfer, data, length);
  return error_page && transfer->received < DISCARD_MAX ? length
                                                        : TRANSFER_BODY_ABORT;
}

static size_t on_body(void *owner, struct transfer *transfer, const char *data,
                      size_t length) {
  struct task *task = owner;
  struct engine *e = engine_of(transfer);
  char why[VERDICT_WHY];
  uint64_t now;
  if (task->naming != NULL)
    return TRANSFER_BODY_PAUSE;
  if (task->sink == NULL)
    return fetch__take_page(transfer, data, length,
                            is_expected(e, task, transfer, why));
  if (hold__frozen(e)) /* or one that was not connected when the pause came */
    return TRANSFER_BODY_PAUSE;
  now = engine_now();
  task->byte_turn.go = on_turn;
  if (!fetch__may_pass(e, task, transfer->host, &task->byte_turn,
                       &task->bytes_paid, length, now) ||
      sink_write(task->sink, data, length) == SINK_FULL)
    return TRANSFER_BODY_PAUSE;
  task->bytes_paid = false;
  fetch__count_bytes(e, task, transfer->host, length, now);
  if (!expect_body(&e->config.expect, task->got, false, why, sizeof(why)))
    return TRANSFER_BODY_ABORT;
  return length;
}

/* ---- done
 * ------------------------------------------------------------------------- */

static void say(struct verdict *v, const char *fmt, ...) PRINTF_LIKE(2, 3);

static void say(struct verdict *v, const char *fmt, ...) {
  va_list args;
  va_start(args, fmt);
  vsnprintf(v->why, sizeof(v->why), fmt, args);
  va_end(args);
}

/* The body is whole: as long as the answer said and, for a range, up to the
 * end of the file. */
static bool whole(const struct task *task, const struct transfer *transfer) {
  const struct answer *a = &transfer->answer;
  if (a->content_length >= 0 && transfer->received != a->content_length)
    return false;
  return task->size < 0 || sink_length(task->sink) == task->size;
}

/* An answer that is good but for what was expected of it. */
static bool is_soft_error(struct verdict *v, const struct engine *e,
                          const struct task *task,
                          const struct transfer *transfer) {
  int status = transfer->answer.status;
  memset(v, 0, sizeof(*v));
  v->class = FAIL_PASSING;
  v->outcome = GOVERNOR_OK;
  v->worthless = true;
  if (status < 200 || status > 299 || is_expected(e, task, transfer, v->why))
    return false;
  if (!has_size(task, transfer, told_size(&transfer->answer), v->why))
    v->class = FAIL_PERMANENT;
  return true;
}

/* A good status over a head that cannot be what was asked for. */
static bool is_confused(struct verdict *v, const struct task *task,
                        const struct transfer *transfer) {
  const struct answer *a = &transfer->answer;
  if (task->sink != NULL || a->status < 200 || a->status > 299 ||
      !(a->length_bad || (a->status == 206 && !asked_range(transfer))))
    return false;
  memset(v, 0, sizeof(*v));
  v->class = FAIL_PASSING;
  say(v, a->length_bad ? "the header Content-Length is no length, or is there "
                         "twice with different ones"
                       : "the server sent a part that was not asked for");
  return true;
}

static void judge(struct verdict *v, const struct engine *e,
                  const struct task *task, const struct transfer *transfer,
                  CURLcode code) {
  struct verdict_input in;
  in.curl_code = (int)code;
  in.curl_text = transfer->error;
  in.answer = &transfer->answer;
  in.page = transfer->page;
  in.page_len = transfer->page_len;
  in.now_unix = (int64_t)time(NULL) + transfer->host->skew_s;
  in.deadline_unix = task->deadline_unix;
  in.rules = &e->rules;
  in.protocol = transfer->host->protocol;
  in.reply = transfer->reply;
  if (transfer->refused) {
    memset(v, 0, sizeof(*v));
    v->class = FAIL_PERMANENT;
    say(v, "%s: %s", transfer->host->name, FETCH_PRIVATE);
    return;
  }
  if (is_soft_error(v, e, task, transfer))
    return;
  if (is_confused(v, task, transfer))
    return;
  if (task->start_over) {
    memset(v, 0, sizeof(*v));
    v->class = FAIL_PASSING;
    say(v, "the answer does not fit what is kept; starting over");
    return;
  }
  verdict_of(v, &in);
  if (v->class != FAIL_NONE)
    return;
  if (task->sink == NULL) {
    v->class = FAIL_PASSING;
    v->outcome = GOVERNOR_ERROR;
    say(v, "the server sent no answer");
  } else if (!whole(task, transfer)) {
    v->class = FAIL_PASSING;
    v->outcome = GOVERNOR_ERROR;
    say(v, "the body ended early: %lld of %lld bytes",
        (long long)sink_length(task->sink), (long long)task->size);
  } else if (!expect_body(&e->config.expect, sink_length(task->sink), true,
                          v->why, sizeof(v->why))) {
    v->class = FAIL_PASSING;
    v->worthless = true;
  } else if (!has_size(task, transfer, sink_length(task->sink), v->why)) {
    v->class = FAIL_PERMANENT;
    v->worthless = true;
  }
}

static void set_time(struct task *task) {
  int64_t when;
  if (date_http(task->last_modified, &when) == 0)
    sink_set_time(task->sink, when);
}

void fetch__complete(struct engine *e, struct task *task, int64_t size) {
  task_set_reason(task, NULL);
  task->size = size;
  if (e->config.remote_time && task->last_modified[0] != '\0')
    set_time(task);
  task_set_state(&e->counts, task, TASK_VERIFYING);
  sink_finish(task->sink);
}

/* 416 to the rest of a file that is kept whole: the size says so. */
static bool complete_already(struct engine *e, struct task *task,
                             const struct transfer *transfer) {
  const struct answer *a = &transfer->answer;
  int64_t whole_size = ranges_prefix(&task->kept);
  if (a->status != 416 || !asked_range(transfer))
    return false;
  if (a->has_range && a->range_size == whole_size && whole_size > 0 &&
      task->kept.count == 1 && (task->size < 0 || task->size == whole_size)) {
    open_sink(e, task, whole_size, whole_size);
    return task->sink != NULL;
  }
  task->start_over = true;
  return false;
}

/* Tells the host's limits how it went. */
void fetch__report(struct engine *e, const struct transfer *transfer,
                   enum governor_outcome outcome) {
  struct scheduler_answer answer;
  if (outcome == GOVERNOR_ERROR && transfer->received >= MUCH)
    outcome = GOVERNOR_GONE; /* a long body breaks off: the host is not down */
  answer.sent_ns = transfer->sent_ns;
  answer.outcome = outcome;
  answer.hint = &transfer->answer.hint;
  scheduler_answered(&e->scheduler, transfer->host, &answer, engine_now());
}

static void release(struct engine *e, struct task *task) {
  struct host *host = task->transfer->host;
  if (task->sink != NULL)
    mend_note(task, task->mirror,
              task->transfer->answer.status == 206 ? task->transfer->range_from
                                                   : 0,
              sink_length(task->sink));
  fetch__leave_lines(e, task);
  transfer_free(task->transfer);
  task->transfer = NULL;
  scheduler_ended(&e->scheduler, host, engine_now());
}

static void on_done(void *owner, struct transfer *transfer, CURLcode code) {
  struct task *task = owner;
  struct engine *e = engine_of(transfer);
  struct host *host = transfer->host;
  struct throttle_hint hint = transfer->answer.hint;
  struct verdict v;
  bool follow = false, unreachable;
  if (naming_over(task, code))
    return;
  memset(&v, 0, sizeof(v));
  v.outcome = GOVERNOR_OK;
  if (!complete_already(e, task, transfer)) {
    judge(&v, e, task, transfer, code);
    if (v.class != FAIL_NONE && (code == CURLE_OK || transfer->aborted))
      follow = fetch__redirect(e, task, transfer, &v);
  }
  if (!host->protocol->http)
    task->status = transfer->reply;
  if (!follow)
    fetch__forbid_repeat(e, &v, task, transfer);
  unreachable = transfer_unreachable(transfer, code);
  fetch__report(e, transfer, follow ? GOVERNOR_OK : v.outcome);
  release(e, task);
  /* A time-out says neither: what was under way when the network went down
   * ends with one, and must not end the wait for it. */
  if (unreachable || code != CURLE_OPERATION_TIMEDOUT)
    engine__note_reach(e, host, unreachable);
  if (code != CURLE_OK && v.class == FAIL_PASSING)
    resolve_doubt(&e->resolver, host, engine_now());
  if (follow) {
    fetch__let_go(e, task, AFTER_QUEUE, true);
    return;
  }
  if (v.class != FAIL_THROTTLED) /* else the same hop is asked again */
    fetch__go_home(task);
  if (v.class == FAIL_NONE)
    fetch__complete(e, task, sink_length(task->sink));
  else
    fetch__failed(e, task, host, &v, hint.has_wait ? hint.wait_s : -1);
}

const struct transfer_ops fetch_transfer_ops = {on_head, on_body, on_done};

/* ---- the rest
 * ------------------------------------------------------------------------ */

void fetch_checkpoint(struct engine *e) {
  for (struct link *l = e->live.next; l != &e->live; l = l->next) {
    struct task *task = LINK_ENTRY(l, struct task, all);
    if (task->state == TASK_ACTIVE && task->sink != NULL && fetch_moves(task) &&
        sink_spilled(task->sink))
      sink_checkpoint(task->sink);
  }
}
