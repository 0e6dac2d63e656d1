/* SPDX-License-Identifier: MIT
 *
 * The indexer: a thread that reads a list ahead of delivery, one chunk a job,
 * and says where the chunk stands, what is in it and what its lines say about
 * their turn. It has a reader of its own and, but for the first chunks, a low
 * priority: it takes time that nobody else wants.
 *
 * Crosses threads: a job is the poster's until it is posted and again from
 * when indexer_poll() gives it back; in between it is the thread's.
 */
#ifndef SPATE_INDEXER_H
#define SPATE_INDEXER_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "chunk.h"
#include "manifest.h"

/* What a line says, else when its URL expires; INT64_MAX none. */
int64_t line_deadline(const struct manifest_line *line);

struct index_job {
  /* asked */
  const char *path; /* borrowed while it is under way */
  const struct manifest_format *format;
  struct chunk_place place; /* offset and first_line; the rest is answered */
  uint64_t first_task;      /* the poster's: tasks of the list before it */
  bool whole;               /* nothing will be added to the file */
  /* answered */
  int rc; /* ERR_NOTFOUND: not enough lines yet */
  uint32_t count;
  uint64_t digest, first_object;
  uint64_t end, end_line; /* where the next chunk begins */
  uint8_t *objects;       /* of CHUNK_LINES; the receiver's */
  bool at_end;            /* there is nothing behind it */
};

struct indexer;

/* wake (borrowed) is sent after each job. */
int indexer_start(struct indexer **out, uv_async_t *wake) MUST_CHECK;
/* One job at a time. */
void indexer_post(struct indexer *indexer, struct index_job *job);
/* The job when it is done, else NULL. */
struct index_job *indexer_poll(struct indexer *indexer);
/* Ends the thread after the job at hand. Takes NULL. */
void indexer_free(struct indexer *indexer);

#endif
