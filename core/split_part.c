/* SPDX-License-Identifier: MIT
 *
 * One part of a split task: its source, its request, its answer, its end. See
 * split.h.
 *
 * Thread: the loop's; head and body run inside libcurl.
 */
#include "config.h"

#include "split.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "answer.h"
#include "mend.h"
#include "mirrors.h"
#include "redirect.h"

#define SOURCE_FAILURES 2 /* then another one, if there is any */

static struct engine *engine_of(const struct part *part) {
  return part->split->task->engine;
}

/* ---- life ------------------------------------------------------------------
 */

struct part *split__part_new(struct split *split, int slot, unsigned source) {
  struct part *part = calloc(1, sizeof(*part));
  if (part == NULL)
    return NULL;
  part->writer =
      sink_writer_open(split->task->sink, split->map.slot[slot].first);
  if (part->writer == NULL) {
    free(part);
    return NULL;
  }
  part->split = split;
  part->slot = slot;
  part->source = source;
  meter_init(&part->rate, 3, engine_now());
  split->part[slot] = part;
  split->running++;
  return part;
}

void split__part_end(struct engine *e, struct part *part) {
  struct split *split = part->split;
  struct split_source *source = &split->source[part->source];
  (void)e;
  if (part->got > 0)
    source->per_connection = meter_rate(&part->rate, engine_now());
  if (source->running > 0)
    source->running--;
  bandwidth_leave(&part->byte_turn);
  if (split->task->sink != NULL) /* else its writers went with it */
    sink_writer_close(part->writer);
  mend_note(split->task, part->source, split->map.slot[part->slot].first,
            split->map.slot[part->slot].at);
  segments_release(&split->map, part->slot);
  split->part[part->slot] = NULL;
  split->running--;
  free(part);
}

/* ---- starting --------------------------------------------------------------
 */

/* What one more connection to it would bring, as far as known. */
static double promise(const struct split *split, unsigned index, uint64_t now) {
  const struct split_source *source = &split->source[index];
  double rate = source->per_connection;
  unsigned parts = 0;
  double sum = 0;
  for (int i = 0; i < SEGMENTS_MAX; i++)
    if (split->part[i] != NULL && split->part[i]->source == index) {
      sum += meter_rate(&split->part[i]->rate, now);
      parts++;
    }
  return parts > 0 ? sum / parts : rate;
}

/* Those that nobody has asked yet first, then the quickest; -1 none. */
static int choose_source(const struct split *split, uint64_t now) {
  int best = -1;
  double most = -1;
  for (unsigned i = 0; i < split->source_count; i++) {
    const struct split_source *source = &split->source[i];
    double rate;
    if (source->bad)
      continue;
    if (!source->tried)
      return (int)i;
    rate = promise(split, i, now);
    if (rate > most) {
      most = rate;
      best = (int)i;
    }
  }
  return best;
}

static int start_transfer(struct engine *e, struct part *part,
                          const struct split_source *source) {
  const struct segment *segment = &part->split->map.slot[part->slot];
  struct transfer_request request;
  memset(&request, 0, sizeof(request));
  request.url = source->hop != NULL ? source->hop : source->url;
  request.host = source->host;
  request.from = segment->first;
  request.to = segment->end - 1;
  request.if_range = answer_if_range(source->etag, source->last_modified);
  request.rule = source->host->rule;
  request.fields = part->split->task->fields;
  request.foreign = !url_same_origin(part->split->task->url, request.url);
  request.public_only = e->config.no_private_redirects && source->hop != NULL &&
                        strcmp(source->home->name, source->host->name) != 0;
  request.public_only =
      request.public_only ||
      mirrors_public_only(e, part->split->task, part->source, source->host);
  request.ops = &split__ops;
  return transfer_start(&e->transfers, part, &request, &part->transfer);
}

static void not_started(struct engine *e, struct host *host, uint64_t now) {
  struct scheduler_answer gone = {now, GOVERNOR_GONE, NULL};
  scheduler_answered(&e->scheduler, host, &gone, now);
  scheduler_ended(&e->scheduler, host, now);
}

static unsigned others(const struct split *split, unsigned index) {
  unsigned count = 0;
  for (unsigned i = 0; i < split->source_count; i++)
    count += i != index && !split->source[i].bad;
  return count;
}

static void drop_source(struct engine *e, struct split *split, unsigned index,
                        const char *why) {
  struct split_source *source = &split->source[index];
  source->bad = true;
  split->task->bad_mirrors |= 1u << index;
  if (split->source_count > 1)
    eventlog_add(&e->log, LOG_WARN, split->task->id,
                 "%s: %s is not asked any more: %s", split->task->name,
                 source->host != NULL ? source->host->origin : "a mirror", why);
}

bool split__part_start(struct engine *e, struct split *split, uint64_t now) {
  int index = choose_source(split, now), slot;
  struct split_source *source;
  struct part *part;
  if (index < 0)
    return false;
  source = &split->source[index];
  if (!scheduler_extra(&e->scheduler, source->host, now))
    return false;
  if (source->hop != NULL &&
      !fetch__may_follow(e, source->home, source->host)) {
    not_started(e, source->host, now);
    drop_source(e, split, (unsigned)index, FETCH_PRIVATE);
    return false;
  }
  slot = segments_take(&split->map);
  part = split__part_new(split, slot, (unsigned)index);
  if (part == NULL)
    segments_release(&split->map, slot);
  if (part == NULL || start_transfer(e, part, source) != 0) {
    if (part != NULL)
      split__part_end(e, part);
    not_started(e, source->host, now);
    return false;
  }
  source->tried = true;
  source->running++;
  fetch__count_request(e, source->host, now);
  if (e->frozen)
    transfer_pause(part->transfer);
  return true;
}

/* ---- head and body ---------------------------------------------------------
 */

static bool differs(const char *a, const char *b) {
  return a[0] != '\0' && b[0] != '\0' && strcmp(a, b) != 0;
}

/* Why the answer cannot be used; NULL when it can. */
static const char *check(const struct part *part, const struct transfer *t) {
  const struct answer *a = &t->answer;
  const struct split_source *source = &part->split->source[part->source];
  int64_t size = part->split->map.size;
  if (differs(a->etag, source->etag) ||
      (a->etag[0] == '\0' && differs(a->last_modified, source->last_modified)))
    return "the file has changed, or is another one at each request";
  if (source->strict && strcmp(a->etag, source->etag) != 0)
    return "it has no ETag, or another one";
  if (a->status == 200)
    return a->content_length >= 0 && a->content_length != size
               ? "the file has another size"
               : "the server sent the whole file instead of a range";
  if (a->status != 206 || !a->has_range || a->range_last < a->range_first)
    return "the server did not say which range it sent";
  if (a->range_size >= 0 && a->range_size != size)
    return "the file has another size";
  if (a->range_first != t->range_from || a->range_last > t->range_to)
    return "the server sent another range than was asked for";
  if (a->length_bad ||
      (a->content_length >= 0 &&
       a->content_length != a->range_last - a->range_first + 1))
    return "the length of the range is not what it says";
  return a->encoded ? "the range came encoded" : NULL;
}

static void on_head(void *owner, struct transfer *transfer) {
  struct part *part = owner;
  struct split *split = part->split;
  struct split_source *source = &split->source[part->source];
  const struct answer *a = &transfer->answer;
  fetch__note_head(split->task, transfer);
  if (a->status < 200 || (a->status > 299 && a->status != 416))
    return;
  part->mismatch = check(part, transfer);
  if (part->mismatch != NULL)
    return;
  part->good = true;
  source->failures = 0;
  if (source->etag[0] == '\0' && source->last_modified[0] == '\0') {
    memcpy(source->etag, a->etag, sizeof(source->etag));
    memcpy(source->last_modified, a->last_modified,
           sizeof(source->last_modified));
  }
  segments_reach(&split->map, part->slot, a->range_last + 1);
}

static void on_turn(struct byte_waiter *waiter) {
  struct part *part = LINK_ENTRY(waiter, struct part, byte_turn);
  if (!engine_of(part)->frozen)
    transfer_unpause(part->transfer);
}

/* What goes beyond the range belongs to another part: there it ends. */
static size_t on_body(void *owner, struct transfer *transfer, const char *data,
                      size_t length) {
  struct part *part = owner;
  struct split *split = part->split;
  struct engine *e = engine_of(part);
  int64_t room = segments_room(&split->map, part->slot);
  size_t take = (int64_t)length < room ? length : (size_t)room;
  uint64_t now;
  if (!part->good)
    return fetch__take_page(transfer, data, length, true);
  if (room == 0)
    return TRANSFER_BODY_ABORT;
  if (hold__frozen(e))
    return TRANSFER_BODY_PAUSE;
  now = engine_now();
  part->byte_turn.go = on_turn;
  if (!fetch__may_pass(e, split->task, transfer->host, &part->byte_turn,
                       &part->bytes_paid, take, now) ||
      sink_writer_write(part->writer, data, take) == SINK_FULL)
    return TRANSFER_BODY_PAUSE;
  part->bytes_paid = false;
  part->got += (int64_t)take;
  split->barren = 0;
  segments_advance(&split->map, part->slot, (int64_t)take);
  fetch__count_bytes(e, split->task, transfer->host, take, now);
  meter_add(&part->rate, (double)take, now);
  return take == length ? length : TRANSFER_BODY_ABORT;
}

/* ---- done ------------------------------------------------------------------
 */

static void judge(struct verdict *v, struct engine *e, const struct part *part,
                  CURLcode code) {
  const struct transfer *t = part->transfer;
  struct verdict_input in;
  memset(&in, 0, sizeof(in));
  in.curl_code = (int)code;
  in.curl_text = t->error;
  in.answer = &t->answer;
  in.page = t->page;
  in.page_len = t->page_len;
  in.now_unix = (int64_t)time(NULL) + t->host->skew_s;
  in.deadline_unix = part->split->task->deadline_unix;
  in.rules = &e->rules;
  in.protocol = t->host->protocol;
  verdict_of(v, &in);
  if (t->refused) {
    v->class = FAIL_PERMANENT;
    snprintf(v->why, sizeof(v->why), "%.200s: %s", t->host->name,
             FETCH_PRIVATE);
  } else if (part->mismatch != NULL) {
    v->class = FAIL_PASSING;
    v->outcome = GOVERNOR_OK;
    snprintf(v->why, sizeof(v->why), "%s", part->mismatch);
  } else if (v->class == FAIL_NONE) {
    v->class = FAIL_PASSING;
    v->outcome = GOVERNOR_ERROR;
    snprintf(v->why, sizeof(v->why), "%s",
             part->good ? "the range ended early"
                        : "the server sent no answer");
  }
}

/* Later parts of this source ask there. */
static bool redirect(struct engine *e, const struct part *part) {
  struct split_source *source = &part->split->source[part->source];
  struct errmsg msg;
  const struct redirect to = {.rule = REDIRECT_HTTP,
                              .count = &source->redirects,
                              .hop = &source->hop,
                              .own = source->url};
  return redirect_follow(&to, &e->hosts, part->transfer, engine_now(),
                         &source->host, &msg) > 0;
}

/* The redirect may have been for once: from the beginning. */
static void forget_hop(struct engine *e, struct split_source *source) {
  free(source->hop);
  source->hop = NULL;
  source->redirects = 0;
  if (hosts_get(&e->hosts, source->url, engine_now(), &source->host, NULL) != 0)
    source->bad = true;
}

static void note_mismatch(struct engine *e, struct split *split, unsigned index,
                          const char *why) {
  struct task *task = split->task;
  if (others(split, index) > 0) {
    drop_source(e, split, index, why);
    return;
  }
  task->no_split = true;
  split->pace.target = 1;
  if (split->running == 0)
    task->start_over = true;
  eventlog_add(&e->log, LOG_WARN, task->id, "%s: no more segments: %s",
               task->name, why);
}

/* What the failure of a part means for those to come. */
static void note_failure(struct engine *e, struct split *split, unsigned index,
                         const struct verdict *v, bool mismatch, bool refused) {
  struct split_source *source = &split->source[index];
  uint64_t now = engine_now();
  split->barren++;
  split->last = *v;
  split->failed = source->host;
  source->failures++;
  split->next_ns = now + retry_backoff_ns(e->limit[LIMIT_RETRY_WAIT],
                                          e->limit[LIMIT_RETRY_MAX_WAIT],
                                          split->barren - 1, &e->rng);
  if (mismatch) {
    note_mismatch(e, split, index, v->why);
  } else if (refused) {
    pace_refused(&split->pace, split->running, now);
  } else if (v->class == FAIL_PERMANENT || v->class == FAIL_EXPIRED) {
    if (source->hop != NULL && source->failures <= SOURCE_FAILURES)
      forget_hop(e, source);
    else
      drop_source(e, split, index, v->why);
  }
  if (!source->bad && source->failures > SOURCE_FAILURES &&
      others(split, index) > 0)
    drop_source(e, split, index, v->why);
  if (split->running > 0)
    eventlog_add(&e->log, LOG_INFO, split->task->id,
                 "%s: a connection to %s: %s", split->task->name,
                 source->host != NULL ? source->host->name : "", v->why);
}

static void on_done(void *owner, struct transfer *transfer, CURLcode code) {
  struct part *part = owner;
  struct split *split = part->split;
  struct engine *e = engine_of(part);
  struct host *host = transfer->host;
  struct throttle_hint hint = transfer->answer.hint;
  bool finished = part->good && segments_room(&split->map, part->slot) == 0;
  bool mismatch = part->mismatch != NULL, follow, unreachable, refused;
  unsigned index = part->source;
  int status = transfer->answer.status;
  struct verdict v;
  memset(&v, 0, sizeof(v));
  v.outcome = GOVERNOR_OK;
  if (!finished)
    judge(&v, e, part, code);
  follow = !finished && redirect(e, part);
  unreachable = transfer_unreachable(transfer, code);
  fetch__report(e, transfer, follow ? GOVERNOR_OK : v.outcome);
  split__part_end(e, part);
  transfer_free(transfer);
  scheduler_ended(&e->scheduler, host, engine_now());
  if (unreachable || code != CURLE_OPERATION_TIMEDOUT)
    engine__note_reach(e, host, unreachable);
  if (finished || follow) {
    split__settle(e, split, host, NULL, -1);
    return;
  }
  if (v.class == FAIL_THROTTLED) {
    e->throttled++;
    host->throttled++;
  } else {
    host->errors++;
  }
  split->task->status = status;
  refused = v.class == FAIL_THROTTLED || status == 503 ||
            code == CURLE_COULDNT_CONNECT;
  note_failure(e, split, index, &v, mismatch, refused);
  split__settle(e, split, host, &v, hint.has_wait ? hint.wait_s : -1);
}

const struct transfer_ops split__ops = {on_head, on_body, on_done};
