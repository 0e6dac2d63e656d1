/* SPDX-License-Identifier: MIT
 *
 * The file operations of a sink, as they run on the pool: create, write,
 * flush, rename, remove. They block and touch nothing but their own struct.
 *
 * Thread: init and fini on the loop's, work on a pool thread.
 */
#ifndef SPATE_SINK_JOB_H
#define SPATE_SINK_JOB_H

#include "sink.h"

struct block {
  struct block *next;
  struct block *tap_next; /* in the chain of its tap */
  unsigned holders;       /* who still needs it: the writer, the tap */
  int64_t offset;         /* in the file */
  size_t len, cap;
  char data[];
};

enum sink_action {
  SINK_WRITE,  /* blocks to the .part, which is opened first */
  SINK_CLOSE,  /* the same and close: somebody else reads it */
  SINK_FINISH, /* the same, flush if durable, rename */
  SINK_STORE,  /* one block as a new file under its own name */
  SINK_KEEP,   /* blocks, flush, close: the .part stays */
  SINK_DROP,   /* close and remove the .part */
};

struct sink_job {
  struct job job; /* first: the pool's */
  enum sink_action action;
  struct block *blocks;
  int dirfd;
  char *name;     /* output; replaced when it is renamed */
  int fd;         /* of the .part; -1 not open */
  int64_t resume; /* end of what is kept of an old .part */
  int64_t size;   /* expected; -1 unknown */
  int64_t kept;   /* bytes of it that are there */
  int64_t time;   /* of modification; SINK_NO_TIME */
  bool ours, replace, unname, rename, flush, allocate;
  /* results */
  int code, saved_errno;
  bool made_part;  /* or reopened one of this session */
  bool blocked;    /* somebody else's is there */
  uint64_t inode;  /* of the .part; 0 not known */
  int64_t lacking; /* see struct sink_result */
  bool never;
};

/* Blocks to a .part that is open, or its flush: side by side. */
struct sink_write {
  struct job job; /* first: the pool's */
  struct sink *sink;
  struct block *blocks; /* NULL: flush */
  int fd;
  bool busy;
  int code, saved_errno;
};

/* name is NULL afterwards when there was no memory. */
void sink_job_init(struct sink_job *job, int dirfd,
                   const struct sink_target *target);
void sink_job_fini(struct sink_job *job);

/* Carries out job->action. */
void sink_job_work(struct sink_job *job);

void sink_write_work(struct sink_write *write);

#endif
