/* SPDX-License-Identifier: MIT
 *
 * Where a body goes, the loop's side: see sink.h. What happens on the pool, and
 * after what.
 */
#include "config.h"

#include "sink_impl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "steps.h"

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

/* ---- life --------------------------------------------------------------- */

static void on_tap_passed(struct tap *tap, struct block *chain) {
  struct sink *sink = LINK_ENTRY(tap, struct sink, tap);
  while (chain != NULL) {
    struct block *next = chain->tap_next;
    sink__block_put(sink->sinks, chain);
    chain = next;
  }
  sink__tell_room(sink);
  sink__feed_starved(sink->sinks);
}

static void on_tap_ended(struct tap *tap);
static void on_unpacked(struct sink_unpack *work);

static void init_tap(struct sink *sink, const struct sink_target *target) {
  if (target->steps == NULL)
    return;
  sink->unpack.kind = steps_unpack(target->steps, &sink->unpack.limits);
  sink->unpack.steps = target->steps;
  sink->unpack.ended = on_unpacked;
  sink->unpack.job.task = target->task;
  sink->unpack.job.priority = target->priority;
  tap_init(&sink->tap, sink->sinks->pool, target->steps, target->task);
  sink->tap.job.priority = target->priority;
  sink->tap.passed = on_tap_passed;
  sink->tap.ended = on_tap_ended;
}

static void init_writes(struct sink *sink) {
  sink->main.sink = sink->flush.sink = sink;
  for (int i = 0; i < SINK_WRITES; i++)
    sink->write[i].sink = sink;
}

/* What is kept of an earlier attempt is on the disk. */
static int take_kept(struct sink *sink, const struct sink_target *target) {
  struct range before = {0, target->offset};
  struct ranges whole = {&before, 1, 0};
  const struct ranges *kept = target->kept != NULL ? target->kept : &whole;
  int code = ranges_add_all(&sink->written, kept);
  if (code == 0)
    code = ranges_add_all(&sink->durable, kept);
  sink->main.offset = target->offset;
  sink->end = ranges_end(kept);
  sink->spilled = sink->end > 0 || target->size > (int64_t)SINK_SPILL;
  return code;
}

static void free_parts(struct sink *sink) {
  ranges_fini(&sink->written);
  ranges_fini(&sink->flushing);
  ranges_fini(&sink->durable);
  sink_job_fini(&sink->job);
}

struct sink *sink_open(struct sinks *sinks, void *owner,
                       const struct sink_target *target) {
  struct sink *sink = calloc(1, sizeof(*sink));
  if (sink == NULL)
    return NULL;
  sink->sinks = sinks;
  sink->owner = owner;
  sink->size = target->size;
  init_writes(sink);
  sink_job_init(&sink->job, sinks->dirfd, target);
  sink->job.flush = sinks->durable;
  sink->job.allocate = sinks->allocate;
  sink->job.job.task = target->task;
  sink->job.job.priority = target->priority;
  sink->checked = target->steps == NULL;
  init_tap(sink, target);
  if (take_kept(sink, target) != 0 || sink->job.name == NULL) {
    free_parts(sink);
    free(sink);
    return NULL;
  }
  sinks->live++;
  return sink;
}

static void free_others(struct sink *sink) {
  while (sink->others != NULL) {
    struct sink_writer *writer = sink->others;
    sink->others = writer->next;
    if (writer->filling != NULL)
      sink__block_put(sink->sinks, writer->filling);
    free(writer);
  }
}

static void destroy(struct sink *sink) {
  struct sinks *sinks = sink->sinks;
  list_remove(&sink->starved);
  if (sink->memory != NULL)
    sink__block_put(sinks, sink->memory);
  if (sink->main.filling != NULL)
    sink__block_put(sinks, sink->main.filling);
  free_others(sink);
  sink__put_chain(sinks, sink->first);
  tap_fini(&sink->tap);
  free_parts(sink);
  sinks->live--;
  if (sink->want_finish)
    sinks->finishing--;
  free(sink);
}

int64_t sink_length(const struct sink *sink) {
  return sink->main.offset;
}

int64_t sink_progress(const struct sink *sink) {
  if (!sink->spilled || sink->tap.steps == NULL)
    return 0;
  return job_progressed(sink->unpack.file != NULL ? &sink->unpack.job
                                                  : &sink->tap.job);
}

bool sink_spilled(const struct sink *sink) {
  return sink->spilled;
}

void sink_set_time(struct sink *sink, int64_t unix_s) {
  sink->job.time = unix_s;
}

/* ---- the job that goes alone --------------------------------------------- */

/* Its digest is wrong, but some pieces of it are good: all but these. */
static bool is_mendable(const struct sink *sink, const struct ranges **bad) {
  return sink->tap.code == ERR_MISMATCH && sink->spilled &&
         sink->sinks->store == NULL && steps_damage(sink->tap.steps, bad);
}

/* What is bad is not there. Without memory nothing is. */
static void forget_damage(struct sink *sink) {
  const struct ranges *bad;
  if (!is_mendable(sink, &bad) || ranges_remove_all(&sink->durable, bad) != 0)
    ranges_clear(&sink->durable);
}

static void end(struct sink *sink) {
  struct sinks *sinks = sink->sinks;
  struct sink_result result;
  struct ranges durable;
  char name[NAME_CAP];
  void *owner = sink->owner;
  bool bad, packed = sink->unpack.code != 0;
  sink->ending = true;
  sink->wants_room = false;
  list_remove(&sink->starved);
  if (sink->tap.steps != NULL)
    tap_cut(&sink->tap);
  if (sink->tap.running) /* its code and its steps are the pool's still */
    return;
  /* When it was not approved of the job has only cleaned up. */
  bad = sink->tap.code != 0;
  if (sink->tap.code == ERR_MISMATCH)
    forget_damage(sink);
  result.code = bad      ? sink->tap.code
                : packed ? sink->unpack.code
                         : sink->job.code;
  result.saved_errno = bad      ? sink->tap.saved_errno
                       : packed ? sink->unpack.saved_errno
                                : sink->job.saved_errno;
  result.named = result.code == 0 && (sink->job.action == SINK_FINISH ||
                                      sink->job.action == SINK_STORE);
  result.lacking = sink->job.lacking;
  result.never = sink->job.never;
  result.part = sink->job.made_part;
  result.blocked = sink->job.blocked;
  result.inode = sink->job.inode;
  memcpy(name, sink->job.name, strlen(sink->job.name) + 1);
  result.name = name;
  durable = sink->durable; /* outlives the sink by a call */
  sink->durable = (struct ranges){0};
  result.durable = &durable;
  destroy(sink);
  sinks->ops->ended(owner, &result);
  ranges_fini(&durable);
  sink__feed_starved(sinks);
}

static void on_job_work(struct job *job) {
  sink_job_work((struct sink_job *)(void *)job);
}

/* What finds no memory here is fetched again after a cut. */
static void note_written(struct sink *sink, const struct block *blocks) {
  for (const struct block *b = blocks; b != NULL; b = b->next) {
    sink->done++;
    (void)!ranges_add(&sink->written, b->offset, b->offset + (int64_t)b->len);
  }
}

static void tell_written(struct sink *sink) {
  if (sink->written.count > 0)
    sink->sinks->ops->written(sink->owner, &sink->written, sink->job.inode);
}

static void set_durable(struct sink *sink, const struct ranges *from) {
  ranges_clear(&sink->durable);
  (void)!ranges_add_all(&sink->durable, from);
}

/* The body goes to where bodies are gathered. */
static void hand_over(struct sink *sink) {
  struct sinks *sinks = sink->sinks;
  struct sink_body body = {NULL, NULL, sink->end};
  if (sink->unpack.kind != UNPACK_NONE) /* not the size of what was received */
    body.size = sink->unpack.bytes;
  char part[NAME_CAP + 8];
  sink->running = true; /* nothing else may begin */
  if (sink->spilled) {
    snprintf(part, sizeof(part), "%s.part", sink->job.name);
    body.part = part;
  } else {
    body.data = sink->memory != NULL ? sink->memory->data : "";
  }
  sinks->store(sinks->store_arg, sink->owner, sink, &body);
}

void sink_drop_body(struct sink *sink) {
  if (sink->memory != NULL)
    sink__block_put(sink->sinks, sink->memory);
  sink->memory = NULL;
}

void sink_stored(struct sink *sink, int code, int saved_errno) {
  sink->job.action = SINK_STORE;
  sink->job.code = code;
  sink->job.saved_errno = saved_errno;
  sink->running = false;
  end(sink);
}

void sink__worked(struct sink *sink) {
  struct sinks *sinks = sink->sinks;
  enum sink_action action = sink->job.action;
  if (sink->job.code == 0)
    note_written(sink, sink->job.blocks);
  sink__put_chain(sinks, sink->job.blocks);
  sink->job.blocks = NULL;
  sink->running = false;
  if (sink->job.code == 0 && action == SINK_KEEP)
    set_durable(sink, &sink->written);
  if (action == SINK_DROP)
    ranges_clear(&sink->durable);
  if (sink->job.code != 0 || action >= SINK_FINISH) {
    end(sink);
    return;
  }
  if (action == SINK_CLOSE) {
    hand_over(sink);
    return;
  }
  tell_written(sink);
  sink__tell_room(sink);
  sink__pump(sink);
  sink__feed_starved(sinks);
}

static void on_tap_ended(struct tap *tap) {
  struct sink *sink = LINK_ENTRY(tap, struct sink, tap);
  sink->checked = true;
  if (sink->ending)
    end(sink);
  else
    sink__pump(sink);
}

static void on_unpacked(struct sink_unpack *work) {
  struct sink *sink = LINK_ENTRY(work, struct sink, unpack);
  sink->running = false;
  if (work->code == ERR_CLOSED && sink->want_cut)
    work->code = 0; /* it was cut, as was wanted */
  if (work->code != 0)
    steps_unpack_failed(work->steps, work->code);
  sink__pump(sink);
}

static void on_job_done(struct job *job) {
  sink__worked(LINK_ENTRY(job, struct sink, job.job));
}

/* ---- blocks, side by side --------------------------------------------------
 */

static void on_write_work(struct job *job) {
  sink_write_work((struct sink_write *)(void *)job);
}

static void on_write_done(struct job *job) {
  struct sink_write *write = (struct sink_write *)(void *)job;
  struct sink *sink = write->sink;
  struct sinks *sinks = sink->sinks;
  bool flushed = write->blocks == NULL;
  write->busy = false;
  sink->jobs--;
  if (write->code != 0) {
    sink->failed = true;
    sink->job.code = write->code;
    sink->job.saved_errno = write->saved_errno;
  } else {
    note_written(sink, write->blocks);
  }
  sink__put_chain(sinks, write->blocks);
  write->blocks = NULL;
  if (sink->failed) {
    if (sink->jobs == 0)
      end(sink);
    return;
  }
  if (flushed) {
    set_durable(sink, &sink->flushing);
    sinks->ops->durable(sink->owner, &sink->durable);
  } else {
    tell_written(sink);
  }
  sink__tell_room(sink);
  sink__pump(sink);
  sink__feed_starved(sinks);
}

static void submit(struct sink *sink, struct sink_write *write,
                   const char *name) {
  write->fd = sink->job.fd;
  write->busy = true;
  write->job.task = sink->job.job.task;
  write->job.priority = sink->job.job.priority;
  sink->jobs++;
  pool_submit(sink->sinks->pool, &write->job, JOB_DISK, name, on_write_work,
              on_write_done);
}

static void send_blocks(struct sink *sink, struct sink_write *write) {
  struct block *last = sink->first;
  write->blocks = last;
  sink->waiting--;
  for (int i = 1; i < SINK_WRITE_BLOCKS && last->next != NULL; i++) {
    last = last->next;
    sink->waiting--;
  }
  sink->first = last->next;
  last->next = NULL;
  if (sink->first == NULL)
    sink->last = NULL;
  submit(sink, write, "block written");
}

/* What is written by now is flushed while more is written. */
static void start_flush(struct sink *sink) {
  if (!sink->want_checkpoint || sink->flush.busy || sink->job.fd < 0 ||
      sink->done < sink->checkpoint_at)
    return;
  sink->want_checkpoint = false;
  ranges_clear(&sink->flushing);
  if (ranges_add_all(&sink->flushing, &sink->written) == 0)
    submit(sink, &sink->flush, "file flushed");
}

static void start_alone(struct sink *sink, enum sink_action action) {
  sink->job.action = action;
  sink->job.blocks = sink->first;
  sink->first = sink->last = NULL;
  sink->waiting = 0;
  sink->running = true;
  if (action == SINK_STORE) {
    sink->job.blocks = sink->memory;
    sink->memory = NULL;
    sink__wait_store(sink);
    return;
  }
  pool_submit(sink->sinks->pool, &sink->job.job, JOB_DISK,
              action == SINK_WRITE ? "block written" : "file written",
              on_job_work, on_job_done);
}

static void start_writes(struct sink *sink) {
  if (sink->job.fd < 0 && sink->first != NULL) {
    start_alone(sink, SINK_WRITE); /* opens the file */
    return;
  }
  for (int i = 0; i < SINK_WRITES && sink->first != NULL; i++)
    if (!sink->write[i].busy)
      send_blocks(sink, &sink->write[i]);
  start_flush(sink);
}

/* ---- what comes next -------------------------------------------------------
 */

/* A complete body goes through its steps before anything else is done with
 * it; the rest of a large one is written meanwhile. */
static void start_check(struct sink *sink) {
  if (!sink->spilled) {
    sink__wait_check(sink);
    return;
  }
  sink__queue_all(sink);
  if (!steps_need_bytes(sink->tap.steps)) {
    sink->checked = true;
    return;
  }
  if (sink->checking || ((sink->first != NULL || sink->jobs > 0) &&
                         tap_must_read(&sink->tap, sink->end)))
    return;
  sink->checking = true;
  tap_finish(&sink->tap, sink->end, sink->sinks->dirfd, sink->job.name);
}

static enum sink_action next_action(const struct sink *sink) {
  const struct ranges *bad;
  if (sink->want_cut)
    return sink->want_keep && sink->spilled ? SINK_KEEP : SINK_DROP;
  if (sink->want_finish && sink->checked && sink->tap.code != 0)
    return is_mendable(sink, &bad) ? SINK_KEEP : SINK_DROP;
  if (sink->want_finish && sink->unpack.code != 0) /* full: it is tried again */
    return sink->unpack.code == ERR_FULL ? SINK_KEEP : SINK_DROP;
  if (sink->want_finish && sink->checked && sink->spilled)
    return sink->sinks->store != NULL ? SINK_CLOSE : SINK_FINISH;
  if (sink->want_finish && sink->checked)
    return SINK_STORE;
  return SINK_WRITE;
}

/* When everything is written. */
static void start_unpack(struct sink *sink) {
  if (sink->first != NULL || sink->jobs > 0) {
    start_writes(sink);
    return;
  }
  sink->running = true;
  sink_unpack_start(&sink->unpack, sink->sinks->pool, &sink->job);
}

void sink__pump(struct sink *sink) {
  enum sink_action action;
  if (sink->running || sink->ending || sink->failed)
    return;
  if (sink->want_finish && !sink->want_cut && !sink->checked)
    start_check(sink);
  if (sink->running)
    return;
  action = next_action(sink);
  if (action == SINK_WRITE) {
    start_writes(sink);
    return;
  }
  if (action == SINK_STORE && sink->sinks->store != NULL) {
    hand_over(sink);
    return;
  }
  sink__queue_all(sink);
  if ((action == SINK_FINISH || action == SINK_CLOSE) &&
      sink->unpack.kind != UNPACK_NONE && !sink->unpack.done)
    start_unpack(sink);
  else if (sink->jobs == 0)
    start_alone(sink, action);
}

void sink_checkpoint(struct sink *sink) {
  if (!sink->spilled || sink->want_finish || sink->want_cut ||
      sink->want_checkpoint || sink->flush.busy)
    return;
  sink__queue_all(sink);
  sink->want_checkpoint = true;
  sink->checkpoint_at = sink->queued;
  sink__pump(sink);
}

void sink_finish(struct sink *sink) {
  sink->sinks->finishing += !sink->want_finish;
  sink->want_finish = true;
  if (!sink->spilled && sink->memory == NULL)
    sink->memory = sink__block_get(sink->sinks, 1); /* an empty file */
  sink__pump(sink);
}

void sink_cut(struct sink *sink, bool keep) {
  sink->want_cut = true;
  sink->want_keep = keep;
  sink_unpack_cancel(&sink->unpack);
  sink__pump(sink);
}
