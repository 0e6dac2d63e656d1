/* SPDX-License-Identifier: MIT
 *
 * The storage thread: takes jobs in their order, does them on the store, and
 * hands them back to the loop through uv_async_send().
 *
 * What crosses: a job belongs to the thread from store_thread_post() until
 * the done callback gets it on the loop's thread. Trouble (a full disk) is a
 * code and a text under the lock, told on the loop when it changes.
 */
#ifndef SPATE_STORE_THREAD_H
#define SPATE_STORE_THREAD_H

#include <uv.h>

#include "store.h"

enum store_job_kind {
  JOB_BATCH, /* batch: flush, write; tried again until it works */
  JOB_NEXT,  /* source, after, ended -> loaded, count */
  JOB_LOAD,  /* source, number, objects -> loaded[0] or none */
  JOB_GROW,  /* room for more marks; tried again until it works */
  JOB_CALL,  /* call(job), which sets rc */
  JOB_ASK,   /* the same, of somebody else */
  JOB_SWEEP, /* call(job) -> rc, loaded[0] or none */
  JOB_STOP,  /* the last one: marks to disk, the run's end, checkpoint */
};

struct store_job {
  enum store_job_kind kind;
  void *owner;               /* borrowed: whose it is */
  struct store_batch *batch; /* borrowed */
  void (*call)(struct store_job *job);
  uint32_t source, number;
  int64_t after;
  bool ended, objects, finished;
  uint64_t run;
  struct store_loaded *loaded[STORE_AHEAD];
  size_t count;
  int rc;
  struct store_job *next; /* private */
};

struct store_thread_config {
  struct store *store;       /* borrowed: the thread's until it has ended */
  struct marks *marks;       /* borrowed */
  int dirfd;                 /* output directory */
  struct store_file lists[SESSION_LISTS]; /* fd -1: none; name, fd borrowed */
  bool durable;
  uv_async_t *wake; /* borrowed; store_thread_poll() answers it */
  void (*done)(void *arg, struct store_job *job);
  void (*trouble)(void *arg, int code, const char *text);
  void *arg;
};

struct store_thread;

int store_thread_start(struct store_thread **out,
                       const struct store_thread_config *config) MUST_CHECK;
void store_thread_post(struct store_thread *thread, struct store_job *job);

/* From now on a batch that cannot be written is given up after a moment. */
void store_thread_hurry(struct store_thread *thread);

/* Calls back for what is done. The loop's thread. */
void store_thread_poll(struct store_thread *thread);

/* Joins the thread: after JOB_STOP came back. Takes NULL. */
void store_thread_free(struct store_thread *thread);

#endif
