/* SPDX-License-Identifier: MIT
 *
 * When a task is split, into how many parts, and how it ends: see split.h. One
 * part is split_part.c.
 *
 * Thread: the loop's.
 */
#include "config.h"

#include "split.h"

#include <stdlib.h>
#include <string.h>

#include "mirrors.h"
#include "request.h"

#define TRY_AGAIN_NS ((uint64_t)50000000) /* no permit was free */
#define WINDOW_LEAST_NS ((uint64_t)100000000)
#define WINDOW_MOST_NS ((uint64_t)500000000)
#define PACE_NS ((uint64_t)4000000)

static unsigned most_of(const struct engine *e, const struct task *task) {
  unsigned most = (unsigned)e->limit[LIMIT_SPLIT];
  if (task->fields != NULL && task->fields->split > 0)
    most = (unsigned)task->fields->split;
  if (task->own_split > 0)
    most = (unsigned)task->own_split;
  if (task->no_split || most < 1)
    most = 1;
  return most < SEGMENTS_MAX ? most : SEGMENTS_MAX;
}

unsigned split_running(const struct task *task) {
  return task->split != NULL ? task->split->running : 0;
}

void split_each(struct task *task, void (*act)(struct transfer *transfer)) {
  for (int i = 0; i < SEGMENTS_MAX; i++)
    if (task->split->part[i] != NULL)
      act(task->split->part[i]->transfer);
}

/* ---- beginning ------------------------------------------------------------
 */

static bool may_split(const struct engine *e, const struct task *task,
                      const struct transfer *transfer) {
  const struct answer *a = &transfer->answer;
  double least = e->limit[LIMIT_MIN_SPLIT];
  if (task->size < 0 || !transfer->host->protocol->http)
    return false;
  if (transfer->range_to >= 0) /* a gap between others: there are more */
    return true;
  return request_is_get(task->fields) && !task->no_split && task->resumable &&
         !a->encoded && (double)(task->size - task->got) >= 2 * least;
}

static void add_source(struct engine *e, struct split *split, const char *url) {
  struct split_source *source = &split->source[split->source_count++];
  source->url = url;
  if (hosts_get(&e->hosts, url, engine_now(), &source->host, NULL) != 0 ||
      !source->host->protocol->http)
    source->bad = true;
  source->home = source->host;
}

/* One that only the server has named. */
static void add_found(struct engine *e, struct split *split, const char *url) {
  struct split_source *source = &split->source[split->source_count];
  add_source(e, split, url);
  if (!mirrors_strict(split->task))
    return;
  source->strict = true;
  memcpy(source->etag, split->task->etag, sizeof(source->etag));
}

/* The task's own URL first, as it was answered, then its mirrors. */
static void add_sources(struct engine *e, struct split *split) {
  struct task *task = split->task;
  const struct task_fields *fields = task->fields;
  struct split_source *own;
  add_source(e, split, task->url);
  for (size_t i = 0; fields != NULL && i < fields->mirror_count &&
                     split->source_count < SPLIT_SOURCES;
       i++)
    add_source(e, split, fields->mirrors[i]);
  for (unsigned i = 0;
       i < mirrors_found(task, true) && split->source_count < SPLIT_SOURCES;
       i++)
    add_found(e, split, mirrors_url(task, i));
  own = &split->source[task->mirror < split->source_count ? task->mirror : 0];
  own->host = task->host;
  if (task->hop != NULL)
    own->hop = strdup(task->hop);
  own->tried = true;
  for (unsigned i = 0; i < split->source_count; i++)
    if (task->bad_mirrors & 1u << i)
      split->source[i].bad = true;
  if (task->mirror != task->validator_of)
    return;
  memcpy(own->etag, task->etag, sizeof(own->etag));
  memcpy(own->last_modified, task->last_modified, sizeof(own->last_modified));
}

static void free_split(struct split *split) {
  for (unsigned i = 0; i < split->source_count; i++)
    free(split->source[i].hop);
  segments_fini(&split->map);
  free(split);
}

/* How long it takes to tell one rate from another. */
static uint64_t window_of(const struct transfer *transfer) {
  uint64_t window = 3 * (transfer->head_ns - transfer->sent_ns);
  if (window < WINDOW_LEAST_NS)
    return WINDOW_LEAST_NS;
  return window < WINDOW_MOST_NS ? window : WINDOW_MOST_NS;
}

void split_consider(struct engine *e, struct task *task,
                    struct transfer *transfer) {
  const struct answer *a = &transfer->answer;
  struct split *split;
  struct part *part;
  int slot;
  if (!may_split(e, task, transfer))
    return;
  split = calloc(1, sizeof(*split));
  if (split == NULL)
    return;
  split->task = task;
  if (segments_init(&split->map, task->size, (int64_t)e->limit[LIMIT_MIN_SPLIT],
                    &task->kept) != 0) {
    free(split);
    return;
  }
  slot = segments_take(&split->map);
  if (slot < 0 || split->map.slot[slot].first != transfer->range_from ||
      (part = split__part_new(
           split, slot, task->mirror < SPLIT_SOURCES ? task->mirror : 0)) ==
          NULL) {
    free_split(split);
    return;
  }
  segments_reach(&split->map, slot,
                 a->has_range ? a->range_last + 1 : task->size);
  add_sources(e, split);
  split->source[part->source].running = 1;
  part->good = true;
  part->transfer = transfer;
  transfer->owner = part;
  transfer->ops = &split__ops;
  task->transfer = NULL;
  task->split = split;
  split->window_ns = window_of(transfer);
  pace_init(&split->pace, engine_now());
  list_append(&e->splits, &split->all);
}

/* ---- ending ----------------------------------------------------------------
 */

static void cut_part(struct engine *e, struct part *part) {
  struct transfer *transfer = part->transfer;
  struct host *host = transfer->host;
  struct scheduler_answer gone = {transfer->sent_ns, GOVERNOR_GONE, NULL};
  uint64_t now = engine_now();
  split__part_end(e, part);
  scheduler_answered(&e->scheduler, host, &gone, now);
  transfer_cancel(transfer);
  scheduler_ended(&e->scheduler, host, now);
}

void split_drop(struct engine *e, struct task *task) {
  struct split *split = task->split;
  if (split == NULL)
    return;
  for (int i = 0; i < SEGMENTS_MAX; i++)
    if (split->part[i] != NULL)
      cut_part(e, split->part[i]);
  fetch__leave_lines(e, task);
  list_remove(&split->all);
  free_split(split);
  task->split = NULL;
}

static bool any_source(const struct split *split) {
  for (unsigned i = 0; i < split->source_count; i++)
    if (!split->source[i].bad)
      return true;
  return false;
}

static void give_up(struct engine *e, struct task *task, struct host *host,
                    const struct verdict *failed, double wait_s) {
  split_drop(e, task);
  if (failed->class != FAIL_THROTTLED)
    fetch__go_home(task);
  fetch__failed(e, task, host, failed, wait_s);
}

void split__settle(struct engine *e, struct split *split, struct host *host,
                   const struct verdict *failed, double wait_s) {
  struct task *task = split->task;
  int64_t size = split->map.size;
  task->got = segments_got(&split->map);
  if (segments_whole(&split->map)) {
    split_drop(e, task);
    fetch__go_home(task);
    fetch__complete(e, task, size);
    return;
  }
  if (split->running > 0 || failed == NULL)
    return;
  /* Other sources may have it: but not for ever without a byte. */
  if (split->source_count > 1 && any_source(split) &&
      split->barren < (unsigned)e->limit[LIMIT_TRIES] * split->source_count &&
      failed->class != FAIL_THROTTLED && !task->start_over)
    return;
  give_up(e, task, host, failed, wait_s);
}

/* ---- turns -----------------------------------------------------------------
 */

/* The parts that have the most left to do go: what they leave is taken up by
 * those that stay. */
static void cut_surplus(struct engine *e, struct split *split) {
  while (split->running > split->pace.target) {
    struct part *most = NULL;
    for (int i = 0; i < SEGMENTS_MAX; i++) {
      struct part *part = split->part[i];
      if (part != NULL &&
          (most == NULL || segments_room(&split->map, part->slot) >=
                               segments_room(&split->map, most->slot)))
        most = part;
    }
    cut_part(e, most);
    split->task->got = segments_got(&split->map);
  }
}

/* Nobody works on it and nobody may: it waits in the queue like others. After
 * a failure that brought nothing this attempt has failed, or a task that never
 * finds a permit for its next one would be tried for ever. */
static void to_queue(struct engine *e, struct split *split) {
  struct task *task = split->task;
  struct verdict last = split->last;
  if (split->barren > 0 && split->failed != NULL) {
    give_up(e, task, split->failed, &last, -1);
    return;
  }
  split_drop(e, task);
  task->following = true; /* no attempt has failed */
  fetch__let_go(e, task, AFTER_QUEUE, true);
}

static void turn(struct engine *e, struct split *split, uint64_t now) {
  /* Connections that are good are kept when no new ones can be trusted. */
  if (split->running > split->pace.target && !split->task->no_split)
    cut_surplus(e, split);
  if (now < split->next_ns)
    return;
  while (split->running < split->pace.target && segments_to_take(&split->map)) {
    if (split__part_start(e, split, now))
      continue;
    if (split->running == 0)
      to_queue(e, split);
    else
      split->next_ns = now + TRY_AGAIN_NS;
    return;
  }
}

static unsigned receiving(const struct split *split) {
  unsigned count = 0;
  for (int i = 0; i < SEGMENTS_MAX; i++)
    if (split->part[i] != NULL && split->part[i]->good)
      count++;
  return count;
}

/* What is allowed for all files, or all of its only host, is allowed for it. */
static double ceiling_of(const struct engine *e, const struct split *split) {
  const struct host *only =
      split->source_count == 1 ? split->source[0].host : NULL;
  double most = e->all_bytes.bucket.per_s;
  double own = only != NULL ? only->byte_limit.bucket.per_s : 0;
  if (own > 0 && (most <= 0 || own < most))
    return own;
  return most;
}

static void measure(struct engine *e, struct split *split, uint64_t now) {
  struct pace_sample sample;
  if (now - split->measured_ns < PACE_NS)
    return;
  split->measured_ns = now;
  sample.bytes = split->task->got;
  /* While everything waits there is nothing to be measured. */
  sample.connections = e->frozen ? 0 : receiving(split);
  sample.most = most_of(e, split->task);
  sample.window_ns = split->window_ns;
  sample.ceiling = ceiling_of(e, split);
  pace_step(&split->pace, &sample, now);
}

void split_turn(struct engine *e) {
  struct link *next;
  uint64_t now;
  if (list_empty(&e->splits))
    return;
  now = engine_now();
  for (struct link *l = e->splits.next; l != &e->splits; l = next) {
    struct split *split = LINK_ENTRY(l, struct split, all);
    next = l->next;
    measure(e, split, now);
    if (split->running != split->pace.target)
      turn(e, split, now);
  }
}

/* A connection whose range is at its end, and that does not end by itself. */
static void finish_idle(struct engine *e, struct split *split) {
  bool any = false;
  for (int i = 0; i < SEGMENTS_MAX; i++) {
    struct part *part = split->part[i];
    if (part == NULL || !part->good || segments_room(&split->map, i) > 0)
      continue;
    cut_part(e, part);
    any = true;
  }
  if (any)
    split__settle(e, split, NULL, NULL, -1);
}

void split_tick(struct engine *e) {
  struct link *next;
  for (struct link *l = e->splits.next; l != &e->splits; l = next) {
    struct split *split = LINK_ENTRY(l, struct split, all);
    next = l->next;
    segments_set_least(&split->map, (int64_t)e->limit[LIMIT_MIN_SPLIT]);
    finish_idle(e, split);
  }
}
