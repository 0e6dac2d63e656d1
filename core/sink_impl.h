/* SPDX-License-Identifier: MIT
 *
 * A sink's inside, shared by the files that make it up:
 *
 *   sink.c        life, jobs, what comes after what
 *   sink_data.c   buffers and the data on its way into blocks
 *   sink_batch.c  small bodies: many in one job
 *   sink_job.c    the file operations
 *
 * Thread: the loop's; sink_job.h says what the jobs may touch.
 */
#ifndef SPATE_SINK_IMPL_H
#define SPATE_SINK_IMPL_H

#include "sink.h"
#include "sink_job.h"
#include "sink_unpack.h"
#include "tap.h"

/* Jobs that write blocks, at once for one sink. A file system lets one write to
 * a file at a time: a second job brings nothing and takes a core away. */
#define SINK_WRITES 1
#define SINK_WRITE_BLOCKS 4 /* in one of them */

struct sink_writer {
  struct sink *sink;
  struct sink_writer *next; /* among the sink's others */
  struct block *filling;    /* the block that takes data now */
  int64_t offset;           /* where the next byte goes */
};

struct sink {
  struct sinks *sinks;
  void *owner;
  struct sink_job job; /* its result and the open file live here too */
  struct sink_write write[SINK_WRITES];
  struct sink_write flush;
  struct ranges written;  /* by jobs that have ended */
  struct ranges flushing; /* what the flush under way is good for */
  struct ranges durable;
  struct tap tap;             /* takes nothing unless there are steps */
  struct sink_unpack unpack;  /* kind UNPACK_NONE: nothing is unpacked */
  struct block *unpacked;     /* by a batch, not taken over yet */
  struct block *memory;       /* the body so far, until it spills */
  struct sink_writer main;    /* of sink_write() */
  struct sink_writer *others; /* owned */
  struct block *first, *last; /* full blocks, waiting for a job */
  unsigned waiting;
  uint64_t queued, done;  /* blocks so far */
  uint64_t checkpoint_at; /* flush when so many are done */
  unsigned jobs;          /* writes and flush under way */
  int64_t end;            /* behind the last byte that was taken */
  int64_t size;
  struct link starved;
  struct link complete; /* among those complete, or unchecked */
  bool spilled, wants_room;
  bool running;           /* the job that goes alone, or waits for a batch */
  bool failed;            /* a block was not written: it ends */
  bool checking, checked; /* the steps at its end; none are done at once */
  bool passed;            /* the steps have seen all of a small body */
  bool ending;            /* only its tap is waited for */
  bool want_checkpoint, want_finish, want_cut, want_keep;
};

/* ---- sink.c ---- */
/* The job that goes alone has ended. */
void sink__worked(struct sink *sink);
/* Starts what can be started. */
void sink__pump(struct sink *sink);

/* ---- sink_data.c ---- */
struct block *sink__block_get(struct sinks *sinks, size_t cap);
void sink__block_put(struct sinks *sinks, struct block *block);
void sink__put_chain(struct sinks *sinks, struct block *block);
/* Somebody gave memory back: whoever found none may ask again. */
void sink__feed_starved(struct sinks *sinks);
/* Its own jobs have made room. */
void sink__tell_room(struct sink *sink);
/* The body in memory becomes the first block of a .part. */
void sink__spill(struct sink *sink);
/* What the writers have gathered waits to be written. */
void sink__queue_all(struct sink *sink);

/* ---- sink_batch.c ---- */
/* A complete small body waits for the next turn: for its steps, or to be
 * stored. */
void sink__wait_check(struct sink *sink);
void sink__wait_store(struct sink *sink);

#endif
