/* SPDX-License-Identifier: MIT
 *
 * Where a body goes, the loop's side: see sink.h. The file operations are in
 * sink_job.c.
 */
#include "config.h"

#include "sink.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sink_job.h"
#include "steps.h"
#include "tap.h"

#define FIRST_BUFFER (16u << 10)
#define SPARE_BLOCKS 16
#define SMALL_BLOCK (64u << 10) /* while the budget is nearly used up */

struct sink {
  struct sinks *sinks;
  void *owner;
  struct sink_job job;        /* its result and the open file live here too */
  struct tap tap;             /* takes nothing unless there are steps */
  struct block *memory;       /* the body so far, until it spills */
  struct block *filling;      /* the block that takes data now */
  struct block *first, *last; /* full blocks, waiting for a job */
  unsigned waiting;
  int64_t offset; /* where the next byte goes */
  int64_t size;
  struct link starved;
  struct link complete; /* among those complete, or unchecked */
  bool spilled, wants_room, running;
  bool checking, checked; /* the steps at its end; none are done at once */
  bool ending;            /* only its tap is waited for */
  bool want_checkpoint, want_finish, want_cut, want_keep;
};

void sinks_init(struct sinks *sinks, struct pool *pool, int dirfd, bool durable,
                uint64_t buffer_limit, const struct sink_ops *ops) {
  memset(sinks, 0, sizeof(*sinks));
  sinks->pool = pool;
  sinks->dirfd = dirfd;
  sinks->durable = durable;
  sinks->buffer_limit = buffer_limit;
  sinks->ops = ops;
  list_init(&sinks->starved);
  list_init(&sinks->complete);
  list_init(&sinks->unchecked);
}

void sinks_fini(struct sinks *sinks) {
  while (sinks->spare != NULL) {
    struct block *block = sinks->spare;
    sinks->spare = block->next;
    free(block);
  }
}

/* ---- buffers ------------------------------------------------------------ */

static struct block *block_get(struct sinks *sinks, size_t cap) {
  struct block *block = sinks->spare;
  if (sinks->buffer_bytes + cap > sinks->buffer_limit)
    return NULL;
  if (cap == SINK_BLOCK && block != NULL) {
    sinks->spare = block->next;
    sinks->spare_count--;
  } else {
    block = malloc(sizeof(*block) + cap);
  }
  if (block == NULL)
    return NULL;
  memset(block, 0, sizeof(*block));
  block->cap = cap;
  block->holders = 1;
  sinks->buffer_bytes += cap;
  return block;
}

static void block_put(struct sinks *sinks, struct block *block) {
  if (--block->holders > 0)
    return;
  sinks->buffer_bytes -= block->cap;
  if (block->cap == SINK_BLOCK && sinks->spare_count < SPARE_BLOCKS) {
    block->next = sinks->spare;
    sinks->spare = block;
    sinks->spare_count++;
  } else {
    free(block);
  }
}

static void put_chain(struct sinks *sinks, struct block *block) {
  while (block != NULL) {
    struct block *next = block->next;
    block_put(sinks, block);
    block = next;
  }
}

/* Somebody gave memory back: whoever found none may ask again. */
static void feed_starved(struct sinks *sinks) {
  struct link hungry;
  struct link *link;
  list_init(&hungry);
  while ((link = list_take(&sinks->starved)) != NULL)
    list_append(&hungry, link);
  while ((link = list_take(&hungry)) != NULL) {
    struct sink *sink = LINK_ENTRY(link, struct sink, starved);
    sink->wants_room = false;
    sinks->ops->room(sink->owner);
  }
}

static size_t starve(struct sink *sink) {
  sink->wants_room = true;
  if (!link_on_list(&sink->starved))
    list_append(&sink->sinks->starved, &sink->starved);
  return SINK_FULL;
}

/* Its own jobs have made room. */
static void tell_room(struct sink *sink) {
  if (!sink->wants_room || link_on_list(&sink->starved))
    return;
  sink->wants_room = false;
  sink->sinks->ops->room(sink->owner);
}

/* ---- life --------------------------------------------------------------- */

static void on_tap_passed(struct tap *tap, struct block *chain) {
  struct sink *sink = LINK_ENTRY(tap, struct sink, tap);
  while (chain != NULL) {
    struct block *next = chain->tap_next;
    block_put(sink->sinks, chain);
    chain = next;
  }
  tell_room(sink);
  feed_starved(sink->sinks);
}

static void on_tap_ended(struct tap *tap);

static void init_tap(struct sink *sink, const struct sink_target *target) {
  if (target->steps == NULL)
    return;
  tap_init(&sink->tap, sink->sinks->pool, target->steps, target->task);
  sink->tap.passed = on_tap_passed;
  sink->tap.ended = on_tap_ended;
}

struct sink *sink_open(struct sinks *sinks, void *owner,
                       const struct sink_target *target) {
  struct sink *sink = calloc(1, sizeof(*sink));
  if (sink == NULL)
    return NULL;
  sink->sinks = sinks;
  sink->owner = owner;
  sink->offset = target->offset;
  sink->size = target->size;
  sink->spilled = target->offset > 0 || target->size > (int64_t)SINK_SPILL;
  sink_job_init(&sink->job, sinks->dirfd, target);
  sink->job.flush = sinks->durable;
  sink->job.job.task = target->task;
  sink->checked = target->steps == NULL;
  init_tap(sink, target);
  if (sink->job.name == NULL) {
    free(sink);
    return NULL;
  }
  sinks->live++;
  return sink;
}

static void destroy(struct sink *sink) {
  struct sinks *sinks = sink->sinks;
  list_remove(&sink->starved);
  if (sink->memory != NULL)
    block_put(sinks, sink->memory);
  if (sink->filling != NULL)
    block_put(sinks, sink->filling);
  put_chain(sinks, sink->first);
  tap_fini(&sink->tap);
  sink_job_fini(&sink->job);
  sinks->live--;
  free(sink);
}

int64_t sink_length(const struct sink *sink) {
  return sink->offset;
}

bool sink_spilled(const struct sink *sink) {
  return sink->spilled;
}

/* ---- jobs --------------------------------------------------------------- */

static void pump(struct sink *sink);

static void queue_filling(struct sink *sink) {
  struct block *block = sink->filling;
  if (block == NULL)
    return;
  sink->filling = NULL;
  block->next = NULL;
  if (sink->last != NULL)
    sink->last->next = block;
  else
    sink->first = block;
  sink->last = block;
  sink->waiting++;
  (void)tap_take(&sink->tap, block);
}

static void end(struct sink *sink) {
  struct sinks *sinks = sink->sinks;
  struct sink_result result;
  char name[NAME_CAP];
  void *owner = sink->owner;
  bool bad = sink->tap.code != 0; /* then the job has only cleaned up */
  sink->ending = true;
  sink->wants_room = false;
  list_remove(&sink->starved);
  if (sink->tap.steps != NULL)
    tap_cut(&sink->tap);
  if (sink->tap.running)
    return;
  result.code = bad ? sink->tap.code : sink->job.code;
  result.saved_errno = bad ? sink->tap.saved_errno : sink->job.saved_errno;
  result.durable = sink->job.durable;
  result.part = sink->job.made_part;
  memcpy(name, sink->job.name, strlen(sink->job.name) + 1);
  result.name = name;
  destroy(sink);
  sinks->ops->ended(owner, &result);
  feed_starved(sinks);
}

static void on_job_work(struct job *job) {
  sink_job_work((struct sink_job *)(void *)job);
}

static void worked(struct sink *sink) {
  struct sinks *sinks = sink->sinks;
  enum sink_action action = sink->job.action;
  put_chain(sinks, sink->job.blocks);
  sink->job.blocks = NULL;
  sink->running = false;
  if (sink->job.code != 0 || action >= SINK_FINISH) {
    end(sink);
    return;
  }
  if (action == SINK_SYNC)
    sinks->ops->durable(sink->owner, sink->job.durable);
  tell_room(sink);
  pump(sink);
  feed_starved(sinks);
}

static void on_tap_ended(struct tap *tap) {
  struct sink *sink = LINK_ENTRY(tap, struct sink, tap);
  sink->checked = true;
  if (sink->ending)
    end(sink);
  else
    pump(sink);
}

static void on_job_done(struct job *job) {
  worked(LINK_ENTRY(job, struct sink, job.job));
}

/* ---- batches of small bodies --------------------------------------------- */

static void on_batch_work(struct job *job) {
  struct sink_batch *batch = (struct sink_batch *)(void *)job;
  for (unsigned i = 0; i < batch->count; i++)
    sink_job_work(&batch->sink[i]->job);
}

static void on_batch_done(struct job *job) {
  struct sink_batch *batch = (struct sink_batch *)(void *)job;
  batch->running = false;
  for (unsigned i = 0; i < batch->count; i++)
    worked(batch->sink[i]);
}

static void send_batch(struct sinks *sinks, struct sink_batch *batch) {
  struct link *link;
  batch->sinks = sinks;
  batch->count = 0;
  while (batch->count < SINK_BATCH &&
         (link = list_take(&sinks->complete)) != NULL)
    batch->sink[batch->count++] = LINK_ENTRY(link, struct sink, complete);
  sinks->complete_count -= batch->count;
  batch->running = true;
  pool_submit(sinks->pool, &batch->job, JOB_DISK, "files created",
              on_batch_work, on_batch_done);
}

/* ---- the steps of small bodies ------------------------------------------- */

static void on_check_work(struct job *job) {
  struct sink_batch *batch = (struct sink_batch *)(void *)job;
  for (unsigned i = 0; i < batch->count; i++) {
    struct tap *tap = &batch->sink[i]->tap;
    const struct block *body = batch->sink[i]->memory;
    if (body != NULL)
      steps_feed(tap->steps, body->data, body->len);
    tap->code = steps_end(tap->steps);
  }
}

static void on_check_done(struct job *job) {
  struct sink_batch *batch = (struct sink_batch *)(void *)job;
  batch->running = false;
  for (unsigned i = 0; i < batch->count; i++) {
    batch->sink[i]->checked = true;
    batch->sink[i]->running = false;
    pump(batch->sink[i]);
  }
}

static void send_check(struct sinks *sinks, struct sink_batch *batch) {
  size_t bytes = 0;
  batch->sinks = sinks;
  batch->count = 0;
  while (batch->count < SINK_BATCH && bytes < SINK_CHECK_BYTES &&
         !list_empty(&sinks->unchecked)) {
    struct sink *sink =
        LINK_ENTRY(list_take(&sinks->unchecked), struct sink, complete);
    bytes += sink->memory != NULL ? sink->memory->len : 0;
    batch->sink[batch->count++] = sink;
  }
  sinks->unchecked_count -= batch->count;
  batch->running = true;
  pool_submit(sinks->pool, &batch->job, JOB_CPU, "digests", on_check_work,
              on_check_done);
}

static void turn_checks(struct sinks *sinks) {
  size_t least = 1;
  for (unsigned i = 0; i < SINK_BATCHES; i++)
    if (sinks->check[i].running)
      least = SINK_CHECK_LEAST;
  for (unsigned i = 0; i < SINK_BATCHES && sinks->unchecked_count >= least; i++)
    if (!sinks->check[i].running) {
      send_check(sinks, &sinks->check[i]);
      least = SINK_CHECK_LEAST;
    }
}

/* A complete body goes through its steps before anything else is done with
 * it; the rest of a large one is written meanwhile. */
static void start_check(struct sink *sink) {
  if (!sink->spilled) {
    sink->running = true;
    list_append(&sink->sinks->unchecked, &sink->complete);
    sink->sinks->unchecked_count++;
    return; /* sinks_turn() sends it */
  }
  queue_filling(sink);
  if (sink->checking ||
      (sink->first != NULL && tap_must_read(&sink->tap, sink->offset)))
    return;
  sink->checking = true;
  tap_finish(&sink->tap, sink->offset, sink->sinks->dirfd, sink->job.name);
}

void sinks_turn(struct sinks *sinks) {
  size_t least = 1; /* that a batch is worth starting for */
  if (sinks->unchecked_count > 0)
    turn_checks(sinks);
  for (unsigned i = 0; i < SINK_BATCHES; i++)
    if (sinks->batch[i].running)
      least = SINK_BATCH;
  for (unsigned i = 0; i < SINK_BATCHES && sinks->complete_count >= least; i++)
    if (!sinks->batch[i].running) {
      send_batch(sinks, &sinks->batch[i]);
      least = SINK_BATCH;
    }
}

static enum sink_action next_action(const struct sink *sink) {
  if (sink->want_cut)
    return sink->want_keep && sink->spilled ? SINK_KEEP : SINK_DROP;
  if (sink->want_finish && sink->checked && sink->tap.code != 0)
    return SINK_DROP;
  if (sink->want_finish && sink->checked)
    return sink->spilled ? SINK_FINISH : SINK_STORE;
  if (sink->want_checkpoint)
    return SINK_SYNC;
  return SINK_WRITE;
}

static const char *job_name(enum sink_action action) {
  return action == SINK_WRITE ? "block written" : "file written";
}

/* Starts the next job when none runs and there is something to do. */
static void pump(struct sink *sink) {
  enum sink_action action;
  if (sink->running || sink->ending)
    return;
  if (sink->want_finish && !sink->want_cut && !sink->checked)
    start_check(sink);
  action = next_action(sink);
  if (sink->running || (action == SINK_WRITE && sink->first == NULL))
    return;
  if (action != SINK_WRITE)
    queue_filling(sink);
  sink->want_checkpoint = false;
  sink->job.action = action;
  sink->job.blocks = sink->first;
  sink->first = sink->last = NULL;
  sink->waiting = 0;
  if (action == SINK_STORE) {
    sink->job.blocks = sink->memory;
    sink->memory = NULL;
  }
  sink->running = true;
  if (action == SINK_STORE) {
    list_append(&sink->sinks->complete, &sink->complete);
    sink->sinks->complete_count++;
    return; /* sinks_turn() sends it */
  }
  pool_submit(sink->sinks->pool, &sink->job.job, JOB_DISK, job_name(action),
              on_job_work, on_job_done);
}

/* ---- data --------------------------------------------------------------- */

/* The body in memory becomes the first block of a .part. */
static void spill(struct sink *sink) {
  sink->spilled = true;
  if (sink->memory == NULL)
    return;
  sink->filling = sink->memory;
  sink->memory = NULL;
  queue_filling(sink);
  pump(sink);
}

static size_t buffer_size(const struct sink *sink, size_t length) {
  size_t cap = sink->memory != NULL ? sink->memory->cap * 2 : FIRST_BUFFER;
  if (sink->memory == NULL && sink->size >= 0)
    cap = (size_t)sink->size; /* at most SINK_SPILL, else it were spilled */
  while (cap < (size_t)sink->offset + length)
    cap *= 2;
  return cap;
}

/* Makes room for length more bytes in memory, or spills; -1 = neither can be
 * done now. */
static int grow_memory(struct sink *sink, size_t length) {
  struct block *grown;
  size_t need = (size_t)sink->offset + length;
  size_t cap;
  if (need > SINK_SPILL) {
    spill(sink);
    return 0;
  }
  if (sink->memory != NULL && need <= sink->memory->cap)
    return 0;
  cap = buffer_size(sink, length);
  grown = block_get(sink->sinks, cap == 0 ? 1 : cap);
  if (grown == NULL && sink->memory == NULL)
    return -1;
  if (grown == NULL) {
    spill(sink);
    return 0;
  }
  if (sink->memory != NULL) {
    memcpy(grown->data, sink->memory->data, sink->memory->len);
    grown->len = sink->memory->len;
    block_put(sink->sinks, sink->memory);
  }
  sink->memory = grown;
  return 0;
}

/* A block with room for length bytes; the present one is queued when full. */
static bool want_block(struct sink *sink, size_t length) {
  struct block *block = sink->filling;
  if (block != NULL && block->cap - block->len >= length)
    return true;
  queue_filling(sink);
  pump(sink);
  if (sink->waiting >= SINK_BLOCKS || sink->tap.waiting >= SINK_BLOCKS) {
    sink->wants_room = true; /* its own job will tell */
    return false;
  }
  block = block_get(sink->sinks, SINK_BLOCK);
  if (block == NULL && length <= SMALL_BLOCK)
    block = block_get(sink->sinks, SMALL_BLOCK);
  if (block == NULL) {
    starve(sink);
    return false;
  }
  block->offset = sink->offset;
  sink->filling = block;
  return true;
}

size_t sink_write(struct sink *sink, const void *data, size_t length) {
  struct block *block;
  if (sink->ending)
    return SINK_FULL;
  if (!sink->spilled && grow_memory(sink, length) < 0)
    return starve(sink);
  if (sink->spilled && !want_block(sink, length))
    return SINK_FULL;
  block = sink->spilled ? sink->filling : sink->memory;
  memcpy(block->data + block->len, data, length);
  block->len += length;
  sink->offset += (int64_t)length;
  if (sink->spilled && block->len == block->cap) {
    queue_filling(sink);
    pump(sink);
  }
  return length;
}

void sink_checkpoint(struct sink *sink) {
  if (!sink->spilled || sink->want_finish || sink->want_cut)
    return;
  sink->want_checkpoint = true;
  pump(sink);
}

void sink_finish(struct sink *sink) {
  sink->want_finish = true;
  if (!sink->spilled && sink->memory == NULL)
    sink->memory = block_get(sink->sinks, 1); /* an empty file */
  pump(sink);
}

void sink_cut(struct sink *sink, bool keep) {
  sink->want_cut = true;
  sink->want_keep = keep;
  pump(sink);
}
