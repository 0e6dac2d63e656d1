/* SPDX-License-Identifier: MIT
 *
 * Sinks: where a body goes. A small one stays in memory until it is complete
 * and is then created under its own name by a single job; a larger one grows
 * as NAME.part through positioned writes and gets its name when it is whole.
 *
 * Several writers may fill one .part, each at a place of its own; what has been
 * written, and what of it is flushed, is kept as sets of ranges.
 *
 * Invariants: what ends a sink (naming, cutting) is its only disk job; before
 * it blocks are written and flushed side by side. Digests and checks of the
 * body are cpu jobs of their own: beside the writing for a large body (tap.h),
 * before it, many bodies together, for small ones. All buffers count against
 * one budget; a sink that gets none says "full" and the transfers pause. Every
 * buffer that is filled can be written out at once, so that the budget always
 * comes free again.
 *
 * Nothing is ever written over a file that is not this session's, unless the
 * task says replace; links are never followed (names.h).
 *
 * Thread: the loop's; the jobs touch only what they were handed.
 */
#ifndef SPATE_SINK_H
#define SPATE_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "list.h"
#include "names.h"
#include "pool.h"
#include "ranges.h"

#define SINK_SPILL (256u << 10) /* bodies up to this size stay in memory */
#define SINK_BLOCK (1u << 20)   /* unit of writing for larger ones */
#define SINK_BLOCKS 8           /* waiting to be written, for one sink */
#define SINK_NO_TIME INT64_MIN  /* a file keeps the time of its writing */
#define SINK_FULL ((size_t)-1)

/* Small bodies that are complete go to the pool together, once a turn of the
 * loop: a job each costs more in wake-ups than in work. Files of one directory
 * are created one after the other in any case, so a second job starts only
 * when a full batch waits for it. */
#define SINK_BATCH 64
#define SINK_BATCHES 4
/* Complete bodies that wait for the disk or for their steps: with so many
 * nothing more should be fetched. Enough for half a second of most disks. */
#define SINK_BACKLOG 1024
/* Of bytes that go through their steps in one job, and bodies that are worth
 * starting a second one for. */
#define SINK_CHECK_BYTES (1u << 20)
#define SINK_CHECK_LEAST 16

struct sink;
struct sink_writer;
struct steps;

struct sink_batch {
  struct job job;
  struct sinks *sinks;
  bool running;
  unsigned count, at;
  size_t room; /* left for what is unpacked */
  struct sink *sink[SINK_BATCH];
};

/* How the end of a body went; valid during the call. */
struct sink_result {
  int code;         /* 0 or a negative error code */
  int saved_errno;  /* 0 none */
  const char *name; /* the name it got; differs when it was renamed */
  const struct ranges *durable; /* what of the .part is on the disk */
  int64_t lacking;              /* ERR_FULL before a byte was written: so many
                                   bytes do not fit; else 0 */
  bool never;                   /* not even if the disk were empty */
  bool named;                   /* the body has its name; else it was cut */
  bool part;      /* a .part was made and, unless named, may be there */
  uint64_t inode; /* of the .part; 0 not known */
  bool blocked;   /* ERR_EXISTS: by a .part that is somebody else's */
};

struct sink_ops {
  /* There is room again after SINK_FULL. */
  void (*room)(void *owner);
  /* Answer to sink_finish() and sink_cut(), and to a failed write at any time
   * before them. The sink is gone after it. */
  void (*ended)(void *owner, const struct sink_result *result);
  /* So much of the .part is on the disk now (sink_checkpoint). */
  void (*durable)(void *owner, const struct ranges *durable);
  /* So much of the .part is written, flushed or not, and more may follow. */
  void (*written)(void *owner, const struct ranges *written, uint64_t inode);
};

/* A complete body that is not to become a file of its own. */
struct sink_body {
  const char *data; /* all of it, until sink_drop_body(); NULL: in the file */
  const char *part; /* that file, for the call */
  int64_t size;
};

/* What all sinks of an engine share. */
struct sinks {
  struct pool *pool; /* borrowed */
  int dirfd;         /* output directory, borrowed */
  bool durable;      /* flush a large file before it gets its name */
  bool allocate;     /* reserve the space of a large file when it is opened */
  const struct sink_ops *ops;
  /* When this is not NULL complete bodies are handed over instead of getting
   * a name; the sink waits for sink_stored(). */
  void (*store)(void *arg, void *owner, struct sink *sink,
                const struct sink_body *body);
  void *store_arg;
  uint64_t buffer_bytes, buffer_limit; /* in use, allowed */
  unsigned finishing; /* sinks that have their body and not ended yet */
  /* private */
  struct link starved;  /* sinks that found the budget used up */
  bool lacking;         /* and one, that the system gave nothing */
  struct link complete; /* small bodies to be stored */
  size_t complete_count;
  struct sink_batch batch[SINK_BATCHES];
  struct link unchecked; /* small bodies whose steps are to be done first */
  size_t unchecked_count;
  struct sink_batch check[SINK_BATCHES];
  struct block *spare; /* blocks to be used again */
  unsigned spare_count;
  unsigned live;
};

void sinks_init(struct sinks *sinks, struct pool *pool, int dirfd, bool durable,
                uint64_t buffer_limit, const struct sink_ops *ops);
/* Sends what is complete to the pool: call it at the end of every turn of the
 * loop. */
void sinks_turn(struct sinks *sinks);
/* Frees spare memory; no sink may be left. */
void sinks_fini(struct sinks *sinks);

struct sink_target {
  const char *name;          /* copied */
  bool ours;                 /* NAME.part is this session's if it exists */
  bool replace;              /* NAME may be replaced */
  bool unname;               /* NAME is ours: it goes when NAME.part is made */
  bool rename;               /* if NAME exists another is found */
  int64_t offset;            /* where sink_write() begins */
  const struct ranges *kept; /* what of NAME.part holds; NULL: the bytes
                                before offset. Empty: from scratch. Copied */
  int64_t size;              /* expected; -1 unknown */
  /* What is to be done with the bytes before the body gets its name; borrowed
   * until ended is called. NULL nothing. */
  struct steps *steps;
  uint64_t task; /* whom jobs are named after */
  int priority;  /* of its jobs */
};

/* Opens a sink; nothing touches the disk yet. NULL without memory. */
struct sink *sink_open(struct sinks *sinks, void *owner,
                       const struct sink_target *target);

/* Takes all of the data or, SINK_FULL, none of it (then room is called). */
size_t sink_write(struct sink *sink, const void *data, size_t length);

/* One more writer, at its own place in the file, for a sink with a .part.
 * NULL without memory. It takes data as sink_write() does; room concerns all
 * writers of a sink. To be closed before sink_finish() and sink_cut(). */
struct sink_writer *sink_writer_open(struct sink *sink, int64_t offset);
size_t sink_writer_write(struct sink_writer *writer, const void *data,
                         size_t length);
void sink_writer_close(struct sink_writer *writer);

/* The finished file gets this time of modification (Unix seconds). */
void sink_set_time(struct sink *sink, int64_t unix_s);

/* Where sink_write() goes on: the bytes before it have been taken. */
int64_t sink_length(const struct sink *sink);

/* Bytes of a large body that its steps, or then its unpacking, have gone
 * through; 0 for others. */
int64_t sink_progress(const struct sink *sink);

/* True once a .part is in use. */
bool sink_spilled(const struct sink *sink);

/* Flushes what has come so far and reports it, while more is written; for
 * large files, now and then. Does nothing for one in memory. */
void sink_checkpoint(struct sink *sink);

/* The body is complete: when its steps approve of it, it gets its name, else
 * nothing is left of it; but of a body some pieces of which are good (see
 * steps.h) these stay as NAME.part. Answered by ended. */
void sink_finish(struct sink *sink);

/* The transfer was cut. keep: what has come stays as NAME.part, flushed;
 * otherwise nothing is left behind. Answered by ended. */
void sink_cut(struct sink *sink, bool keep);

/* For whom bodies are handed over to. The body in memory is not needed any
 * more: */
void sink_drop_body(struct sink *sink);
/* It is stored (0), or could not be: answered by ended. */
void sink_stored(struct sink *sink, int code, int saved_errno);

#endif
