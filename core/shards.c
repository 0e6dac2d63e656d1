/* SPDX-License-Identifier: MIT
 *
 * Shards, the loop's side: which record goes into which frame, and which frame
 * when to the pool. See shards.h; the life of the files is in shard_life.c,
 * what earlier runs left is taken up in shard_load.c.
 *
 * Thread: the loop's, but shards_free().
 */
#include "config.h"

#include "shards_impl.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MEGA ((uint64_t)1 << 20)
#define LINGER_PACKED_NS (1000 * MEGA) /* few large frames compress better */
#define LINGER_PLAIN_NS (100 * MEGA)
#define FRAME_RECORDS 1024 /* are as much as one callback may settle */
#define OUT_MAX ((size_t)512 << 20)

/* ---- frames -------------------------------------------------------------- */

static struct frame *frame_new(struct shards *s) {
  struct frame *frame = calloc(1, sizeof *frame);
  if (frame == NULL)
    return NULL;
  frame->shards = s;
  frame->fd = -1;
  bytes_init(&frame->out, OUT_MAX);
  return frame;
}

static void give_packer(struct shards *s, struct frame *frame) {
  if (frame->packer != NULL)
    s->packers[s->packer_count++] = frame->packer;
  frame->packer = NULL;
}

void shards__frame_free(struct frame *frame) {
  struct shards *s = frame->shards;
  give_packer(s, frame);
  if (frame->scribing)
    scribe_fini(&frame->scribe);
  if (frame->fd >= 0)
    close(frame->fd);
  free(frame->buffer);
  bytes_fini(&frame->out);
  *s->config.memory -= frame->weight + frame->counted;
  free(frame);
}

/* Its records are in their shard, or never will be. */
void shards__frame_over(struct frame *frame, int code, int saved_errno) {
  struct shards *s = frame->shards;
  struct record *r = frame->first;
  while (r != NULL) {
    struct record *next = r->next;
    s->waiting--;
    s->config.ops->stored(s->config.arg, r, code, saved_errno);
    record_free(r);
    r = next;
  }
  frame->first = NULL;
  shards__frame_free(frame);
}

static void count_out(struct frame *frame) {
  uint64_t now = frame->out.cap;
  *frame->shards->config.memory += now - frame->counted;
  frame->counted = now;
}

/* ---- packing --------------------------------------------------------------
 */

static bool take_packer(struct shards *s, struct frame *frame) {
  if (s->packer_count > 0)
    frame->packer = s->packers[--s->packer_count];
  else if (packer_new(&frame->packer, s->config.codec) != 0)
    return false;
  return true;
}

static void on_pack_work(struct job *job) {
  struct frame *frame = (struct frame *)(void *)job;
  struct shards *s = frame->shards;
  shard_job_pack(frame, &s->plan, shards__single(s));
}

static void on_packed(struct job *job) {
  struct frame *frame = (struct frame *)(void *)job;
  struct shards *s = frame->shards;
  s->packing--;
  s->jobs--;
  frame->state = FRAME_READY;
  give_packer(s, frame);
  count_out(frame);
  for (struct record *r = frame->first; r != NULL; r = r->next)
    s->config.ops->packed(s->config.arg, r);
  shards__stream_pump(frame->stream);
}

/* As many at once as may run: the others need no context yet. */
static void start_packing(struct shards *s) {
  unsigned most = s->config.pool->sem[JOB_CPU].limit;
  if (most > SHARD_PACKERS)
    most = SHARD_PACKERS;
  for (unsigned i = 0; i < s->config.count; i++) {
    struct stream *stream = &s->streams[i];
    for (struct link *l = stream->frames.next; l != &stream->frames;
         l = l->next) {
      struct frame *frame = LINK_ENTRY(l, struct frame, link);
      if (frame->state != FRAME_WAITING)
        continue;
      if (s->packing >= most || !take_packer(s, frame))
        return;
      frame->state = FRAME_PACKING;
      s->packing++;
      s->jobs++;
      pool_submit(s->config.pool, &frame->job, JOB_CPU, "shard packed",
                  on_pack_work, on_packed);
    }
  }
}

/* ---- big ones ---------------------------------------------------------------
 */

static void on_piece_work(struct job *job) {
  struct frame *frame = (struct frame *)(void *)job;
  shard_job_piece(frame, frame->shards->config.dirfd, &frame->over);
}

static void on_piece_done(struct job *job) {
  struct frame *frame = (struct frame *)(void *)job;
  struct shard_file *file = frame->stream->file;
  frame->shards->jobs--;
  file->big = NULL;
  file->state = FILE_OPEN;
  count_out(frame);
  if (frame->code != 0) {
    file->ragged = file->ragged || frame->written > 0;
    list_remove(&frame->link);
    shards__frame_over(frame, frame->code, frame->saved_errno);
  }
  shards__stream_pump(file->stream);
}

/* The next piece of the big one at the head of its stream's line. */
void shards__big_step(struct frame *frame) {
  struct shards *s = frame->shards;
  struct shard_file *file = frame->stream->file;
  if (frame->out.len >= MEGA || frame->over) {
    shards__append_piece(file, frame);
    return;
  }
  if (frame->packer == NULL && !take_packer(s, frame))
    return; /* asked again at the next turn */
  if (!frame->scribing) {
    if (scribe_init(&frame->scribe, &s->plan, frame->packer) != 0)
      return;
    frame->scribing = true;
    scribe_begin(&frame->scribe, frame->first);
  }
  file->state = FILE_APPENDING;
  s->jobs++;
  pool_submit(s->config.pool, &frame->job, JOB_CPU, "shard packed",
              on_piece_work, on_piece_done);
}

/* ---- records ----------------------------------------------------------------
 */

/* The stream with the shortest line. */
static struct stream *choose_stream(struct shards *s) {
  struct stream *best = &s->streams[0];
  for (unsigned i = 1; i < s->config.count; i++)
    if (s->streams[i].raw < best->raw)
      best = &s->streams[i];
  return best;
}

static void dispatch(struct shards *s, struct frame *frame) {
  struct stream *stream = choose_stream(s);
  frame->stream = stream;
  stream->raw += frame->raw + 1;
  list_append(&stream->frames, &frame->link);
}

static void flush(struct shards *s) {
  if (s->filling != NULL)
    dispatch(s, s->filling);
  s->filling = NULL;
}

static void put(struct frame *frame, struct record *record) {
  uint64_t weight = record_weight(record);
  record->next = NULL;
  if (frame->last != NULL)
    frame->last->next = record;
  else
    frame->first = record;
  frame->last = record;
  frame->count++;
  frame->raw += (uint64_t)record->size;
  frame->weight += weight;
  *frame->shards->config.memory += weight;
}

void shards_add(struct shards *s, struct record *record) {
  bool big = record->data == NULL;
  struct frame *frame = big ? NULL : s->filling;
  s->waiting++;
  if (frame == NULL) {
    frame = frame_new(s);
    if (frame == NULL) {
      s->waiting--;
      s->config.ops->stored(s->config.arg, record, ERR_NOMEM, 0);
      record_free(record);
      return;
    }
    frame->since_ns = uv_hrtime();
    if (!big)
      s->filling = frame;
  }
  put(frame, record);
  s->bytes_in += (uint64_t)record->size;
  if (big) {
    frame->state = FRAME_BIG;
    dispatch(s, frame);
  } else if (frame->raw >= s->frame_bytes || frame->count == FRAME_RECORDS) {
    flush(s);
  }
}

/* ---- turns
 * ------------------------------------------------------------------- */

static void give_up(struct shards *s, int code) {
  flush(s);
  for (unsigned i = 0; i < s->config.count; i++) {
    struct link *next;
    for (struct link *l = s->streams[i].frames.next; l != &s->streams[i].frames;
         l = next) {
      struct frame *frame = LINK_ENTRY(l, struct frame, link);
      struct shard_file *file = s->streams[i].file;
      next = l->next;
      if (frame->state == FRAME_PACKING ||
          (frame->state == FRAME_BIG && file != NULL &&
           file->state == FILE_APPENDING))
        continue;
      if (frame->written > 0 && file != NULL)
        file->ragged = true;
      list_remove(&frame->link);
      shards__frame_over(frame, code, 0);
    }
  }
}

void shards_turn(struct shards *s, const struct shards_turn *turn) {
  uint64_t linger =
      s->config.codec == CODEC_NONE ? LINGER_PLAIN_NS : LINGER_PACKED_NS;
  s->blocked = turn->blocked;
  if (s->filling != NULL &&
      (turn->hurry || turn->now_ns - s->filling->since_ns >= linger))
    flush(s);
  if (turn->give_up)
    give_up(s, turn->lost ? ERR_IO : ERR_FULL);
  start_packing(s);
  for (unsigned i = 0; i < s->config.count; i++)
    shards__stream_pump(&s->streams[i]);
  shards__ending_pump(s);
  if (s->announced > 0) /* somebody waits for the transaction */
    session_hurry(s->config.session);
}

bool shards_end(struct shards *s, bool complete) {
  if (complete)
    for (unsigned i = 0; i < s->config.count; i++)
      shards__close(s->streams[i].file);
  if (s->jobs > 0 || s->waiting > 0)
    return false;
  return !complete || list_empty(&s->ending);
}

void shards_figures(const struct shards *s, struct shards_figures *f) {
  *f = (struct shards_figures){.shards = s->closed,
                               .records = s->closed_records,
                               .bytes = s->closed_bytes,
                               .records_run = s->records_run,
                               .bytes_in_run = s->bytes_in,
                               .bytes_out_run = s->bytes_out,
                               .waiting = s->waiting,
                               .unfinished = s->unfinished};
  for (unsigned i = 0; i < s->config.count; i++) {
    const struct shard_file *file = s->streams[i].file;
    if (file == NULL)
      continue;
    if (f->name == NULL && file->state >= FILE_OPEN) {
      f->name = file->name;
      f->name_records = file->records;
      f->name_bytes = file->length;
    }
    f->open += file->state >= FILE_OPEN;
    f->records += file->records;
    f->bytes += file->length;
  }
  for (const struct link *l = s->ending.next; l != &s->ending; l = l->next) {
    const struct shard_file *file =
        LINK_ENTRY((uintptr_t)l, struct shard_file, link);
    f->open++;
    f->records += file->records;
    f->bytes += file->length;
  }
}

void shards_free(struct shards *s) {
  struct link *l;
  if (s == NULL)
    return;
  for (unsigned i = 0; i < s->config.count; i++)
    shards__file_free(s->streams[i].file);
  while ((l = list_take(&s->ending)) != NULL)
    shards__file_free(LINK_ENTRY(l, struct shard_file, link));
  while ((l = list_take(&s->dead)) != NULL)
    shards__file_free(LINK_ENTRY(l, struct shard_file, link));
  while (s->packer_count > 0)
    packer_free(s->packers[--s->packer_count]);
  free(s->headers);
  free(s);
}
