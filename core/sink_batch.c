/* SPDX-License-Identifier: MIT
 *
 * Small bodies that are complete: many of them in one job, for their digests
 * and to be created.
 *
 * Thread: the loop's, but the on_..._work functions.
 */
#include "config.h"

#include "sink_impl.h"
#include "steps.h"

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
    sink__worked(batch->sink[i]);
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

/* False: it is not through yet. */
static bool check_body(struct sink_batch *batch, struct sink *sink) {
  struct tap *tap = &sink->tap;
  const struct block *body = sink->memory;
  if (!sink->passed) {
    if (body != NULL)
      steps_feed(tap->steps, body->data, body->len);
    tap->code = steps_end(tap->steps);
    sink->passed = true;
  }
  if (tap->code != 0 || sink->unpack.kind == UNPACK_NONE)
    return true;
  sink->unpack.room = batch->room < UNPACK_SMALL ? batch->room : UNPACK_SMALL;
  sink->unpack.code =
      sink_unpack_memory(&sink->unpack, body, &sink->unpacked, &batch->job);
  if (sink->unpack.code == SINK_UNPACK_AGAIN)
    return false;
  if (sink->unpacked != NULL)
    batch->room -=
        batch->room < sink->unpacked->cap ? batch->room : sink->unpacked->cap;
  return true;
}

static void on_check_work(struct job *job) {
  struct sink_batch *batch = (struct sink_batch *)(void *)job;
  while (batch->at < batch->count) {
    if (!check_body(batch, batch->sink[batch->at])) {
      job->more = true;
      return;
    }
    job->more = ++batch->at < batch->count && job_piece_over(job);
    if (job->more)
      return;
  }
}

/* What was unpacked takes the place of the body; what was too much for memory
 * goes the way of large bodies. */
static void take_unpacked(struct sink *sink) {
  struct sinks *sinks = sink->sinks;
  if (sink->unpack.code != 0) {
    steps_unpack_failed(sink->tap.steps, sink->unpack.code);
    return;
  }
  if (sink->unpacked == NULL) {
    tap_close(&sink->tap); /* it has passed already */
    sink__spill(sink);
    return;
  }
  if (sink->memory != NULL)
    sink__block_put(sinks, sink->memory);
  sink->memory = sink->unpacked;
  sink->unpacked = NULL;
  sinks->buffer_bytes += sink->memory->cap;
  sink->unpack.done = true;
}

static void on_check_done(struct job *job) {
  struct sink_batch *batch = (struct sink_batch *)(void *)job;
  batch->running = false;
  for (unsigned i = 0; i < batch->count; i++) {
    batch->sink[i]->checked = true;
    batch->sink[i]->running = false;
    if (batch->sink[i]->tap.code == 0 &&
        batch->sink[i]->unpack.kind != UNPACK_NONE)
      take_unpacked(batch->sink[i]);
    sink__pump(batch->sink[i]);
  }
}

static void send_check(struct sinks *sinks, struct sink_batch *batch) {
  size_t bytes = 0;
  batch->sinks = sinks;
  batch->count = batch->at = 0;
  batch->room = UNPACK_ROOM;
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

/* ---- turns ----------------------------------------------------------------
 */

void sink__wait_check(struct sink *sink) {
  sink->running = true;
  list_append(&sink->sinks->unchecked, &sink->complete);
  sink->sinks->unchecked_count++;
}

void sink__wait_store(struct sink *sink) {
  list_append(&sink->sinks->complete, &sink->complete);
  sink->sinks->complete_count++;
}

void sinks_turn(struct sinks *sinks) {
  size_t least = 1; /* that a batch is worth starting for */
  if (sinks->lacking) {
    sinks->lacking = false;
    sink__feed_starved(sinks);
  }
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
