/* SPDX-License-Identifier: MIT
 *
 * What shards do on the pool: pack frames, append them, make and name files.
 *
 * Invariants: of a file the first `length` bytes are whole frames; an append
 * that fails cuts it back to them. Frames and files belong to a job from
 * pool_submit() to its done callback.
 *
 * Thread: the functions here run on the pool (or, before the loop, on the
 * starting thread); the structs are the loop's.
 */
#ifndef SPATE_SHARD_JOB_H
#define SPATE_SHARD_JOB_H

#include "list.h"
#include "shards.h"

#define SHARD_NAME 48

enum frame_state {
  FRAME_WAITING, /* to be packed */
  FRAME_PACKING,
  FRAME_READY,
  FRAME_WRITING,
  FRAME_BIG, /* one record out of a file, in pieces */
};

struct frame {
  struct job job; /* first: the pool's */
  struct link link;
  struct shards *shards;
  struct stream *stream;
  enum frame_state state;
  struct record *first, *last;
  unsigned count;        /* of records */
  uint64_t raw;          /* bytes of bodies */
  uint64_t weight;       /* of the records, counted in memory */
  uint64_t counted;      /* of out, likewise */
  uint64_t since_ns;     /* when its first record came */
  struct packer *packer; /* while it is packed */
  struct record *next;   /* to be packed */
  struct scribe scribe;  /* valid while scribing */
  bool scribing;
  struct bytes out;
  int code, saved_errno;
  /* a big one */
  bool looked, packed, over;
  int fd;
  int64_t at;      /* in the body */
  int64_t written; /* behind the file's length */
  char *buffer;
};

enum file_state {
  FILE_PROBING,    /* a free number is looked for */
  FILE_ANNOUNCING, /* its name is on its way to the session */
  FILE_CREATING,
  FILE_OPEN,
  FILE_APPENDING,
  FILE_ENDING,
  FILE_COMMITTING, /* its last length is on its way */
  FILE_NAMING,
  FILE_GONE,
};

struct shard_file {
  struct job job;   /* first: the pool's */
  struct link link; /* of those that are being ended */
  struct shards *shards;
  struct stream *stream; /* NULL: being ended */
  enum file_state state;
  unsigned number;
  struct scribe_plan plan;
  enum codec codec;
  char name[SHARD_NAME], index[SHARD_NAME]; /* without ".part" */
  int dirfd, fd, index_fd;
  int64_t length, index_length; /* whole frames, and what is known of them */
  uint64_t records;
  struct link frames; /* that the append at hand writes */
  struct frame *big;  /* or the big one whose piece it writes */
  bool ragged;        /* something unfinished lies behind its length */
  /* results of a job */
  int64_t new_length, new_index_length;
  uint64_t new_records;
  int code, saved_errno;
};

void shard_names(struct shard_file *file);

/* Packs the next of the frame's records, all of which are in memory; the job
 * has more to do while some are left. */
void shard_job_pack(struct frame *frame, const struct scribe_plan *plan,
                    bool single);
/* The next piece of a big one goes to out. */
void shard_job_piece(struct frame *frame, int dirfd, bool *over);

/* The first number from file->number on of which nothing is there. */
void shard_job_probe(struct shard_file *file);
void shard_job_create(struct shard_file *file);
void shard_job_append(struct shard_file *file);
void shard_job_append_piece(struct shard_file *file);
void shard_job_end(struct shard_file *file);
void shard_job_name(struct shard_file *file);
/* Nothing was ever put in. */
void shard_job_discard(struct shard_file *file);

/* Opens a file of an earlier run and cuts it to its lengths. */
int shard_reopen(struct shard_file *file, struct errmsg *msg) MUST_CHECK;

#endif
