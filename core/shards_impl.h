/* SPDX-License-Identifier: MIT
 *
 * What the files of the shards share; nobody else includes this.
 *
 *   shards.c      records into frames, frames to the pool, turns, figures
 *   shard_life.c  a file from its number to its name; appends
 *   shard_load.c  making the whole; what earlier runs left
 *   shard_job.c   the work itself
 */
#ifndef SPATE_SHARDS_IMPL_H
#define SPATE_SHARDS_IMPL_H

#include "shard_job.h"

#define SHARD_PACKERS 64

/* One of the shards that are open at once, and what waits for it. */
struct stream {
  struct shards *shards;
  struct shard_file *file; /* NULL: none yet */
  struct link frames;      /* in the order in which they will be appended */
  uint64_t raw;            /* sent here so far */
};

struct shards {
  struct shards_config config;
  char *headers;
  struct scribe_plan plan;
  struct stream streams[SHARD_COUNT_MAX];
  struct link ending; /* files on their way to their name */
  struct link dead;   /* that could not be ended; a batch may need their fd */
  struct frame *filling;
  uint64_t frame_bytes; /* a frame is sent off at */
  struct packer *packers[SHARD_PACKERS + SHARD_COUNT_MAX];
  unsigned packer_count, packing;
  unsigned jobs;      /* on the pool */
  unsigned announced; /* files that wait for a transaction */
  unsigned next;      /* number of the next shard */
  bool blocked;
  uint64_t waiting; /* records */
  uint64_t closed, closed_records, unfinished;
  int64_t closed_bytes;
  uint64_t records_run, bytes_in, bytes_out;
};

/* WARC: a frame for each record. */
static inline bool shards__single(const struct shards *s) {
  return s->plan.form == FORM_WARC;
}

/* ---- shards.c ---- */
void shards__frame_free(struct frame *frame);
void shards__frame_over(struct frame *frame, int code, int saved_errno);
void shards__big_step(struct frame *frame);

/* ---- shard_life.c ---- */
struct shard_file *shards__file_new(struct shards *s);
void shards__file_free(struct shard_file *file); /* takes NULL */
/* Takes the next step of a stream, when one can be taken. */
void shards__stream_pump(struct stream *stream);
void shards__append_piece(struct shard_file *file, struct frame *frame);
/* From now on it is only ended; takes NULL. */
void shards__close(struct shard_file *file);
void shards__ending_pump(struct shards *s);

#endif
