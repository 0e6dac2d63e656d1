/* SPDX-License-Identifier: MIT
 *
 * Shards: bodies become records of a few large files instead of a file each.
 *
 *   add -> frame being filled -> packed (cpu job) -> appended (disk job)
 *       -> length and tasks committed in one transaction (session.h, Files)
 *
 * A frame is about SHARD_FRAME bytes of records, compressed so that it can be
 * read by itself; several are packed at once, and each stream (--shard-count)
 * appends its own in order. shard-NNNNN.EXT.part is the one a stream appends
 * to, shard-NNNNN.idx.part tells where each record is; when the next frame
 * would make it larger than --shard-size, or the run is complete, it gets its
 * ending and, once that is committed, its name.
 *
 * Exactly once. A length is kept with the tasks whose records it covers, so a
 * shard is cut to its length when it is opened again: what lies behind it is
 * of tasks that will be fetched again. A name is announced to the session
 * before a file of that name is made: so whatever is found at the announced
 * place is ours. A body that did not fit into memory is a frame of its own and
 * is packed and appended in pieces.
 *
 * Thread: new blocks and belongs to the starting thread; the rest to the
 * loop's. Jobs (shard_job.c) touch only what they were handed.
 */
#ifndef SPATE_SHARDS_H
#define SPATE_SHARDS_H

#include <stdbool.h>
#include <stdint.h>

#include "pool.h"
#include "scribe.h"
#include "session.h"

#define SHARD_FRAME (1u << 20)
#define SHARD_COUNT_MAX 64

struct shards_ops {
  /* The record's body was packed: its memory is not needed any more. */
  void (*packed)(void *arg, struct record *record);
  /* It is in its shard (code 0, and what is settled now goes with it), or it
   * could not be put there. The record is gone after it. */
  void (*stored)(void *arg, struct record *record, int code, int saved_errno);
  /* The disk is full: tried again when shards_turn() says so. */
  void (*full)(void *arg);
  void (*note)(void *arg, bool error, const char *text);
};

struct shards_config {
  struct pool *pool;       /* borrowed */
  struct session *session; /* borrowed */
  int dirfd;               /* output directory, borrowed */
  uint64_t *memory;        /* counts what waits here; borrowed */
  enum shard_form form;    /* FORM_FILES: only ends what earlier runs left */
  enum codec codec;
  const char *headers; /* borrowed */
  int64_t size;
  unsigned count; /* open at once */
  const struct shards_ops *ops;
  void *arg;
};

struct shards;

/* *out is NULL when there is nothing to do. */
int shards_new(struct shards **out, const struct shards_config *config,
               struct errmsg *msg) MUST_CHECK;
void shards_free(struct shards *shards); /* takes NULL */

/* Takes the record. */
void shards_add(struct shards *shards, struct record *record);

struct shards_turn {
  uint64_t now_ns;
  bool hurry;   /* nobody else makes progress: what waits goes out */
  bool blocked; /* everything waits for the disk */
  bool give_up; /* and will not wait any longer */
  bool lost;    /* nor will the session keep any length in this run */
};
/* At the end of every turn of the loop. */
void shards_turn(struct shards *shards, const struct shards_turn *turn);

/* The session's file hook. */
void shards_file_committed(struct shards *shards, const char *name);

/* True when nothing is under way any more. complete: no record is to come, so
 * that all shards get their names; else they stay open for the next run. */
bool shards_end(struct shards *shards, bool complete);

struct shards_figures {
  uint64_t shards;  /* with a name of their own, earlier runs included */
  uint64_t open;    /* that are appended to */
  uint64_t records; /* in all of them */
  int64_t bytes;    /* of all of them on the disk */
  uint64_t records_run, bytes_in_run, bytes_out_run; /* by this run */
  uint64_t waiting;    /* records not yet in a shard */
  uint64_t unfinished; /* that could not be ended or named; the next run will */
  /* Of the first one that is appended to; NULL none. Borrowed. */
  const char *name;
  uint64_t name_records;
  int64_t name_bytes;
};
void shards_figures(const struct shards *shards, struct shards_figures *f);

/* "shard-00007.jsonl.zst", perhaps with ".part"; false: it is none. Index
 * files are none. */
struct shard_name {
  unsigned number;
  enum shard_form form;
  enum codec codec;
  bool part;
};
bool shard_name_parse(const char *name, struct shard_name *parts);

#endif
