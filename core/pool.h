/* SPDX-License-Identifier: MIT
 *
 * The offload pool: work that would block the loop, on libuv's threads.
 *
 * libuv's pool is one queue without priorities. So each kind of job has a
 * semaphore of its own, and their limits together stay below the number of
 * threads: jobs of one kind wait here, in order, and never keep another kind
 * from a thread. A job is embedded in the structure it works on; that memory
 * belongs to the job from pool_submit() until its done callback.
 *
 * Thread: submit and done on the loop's; work on a pool thread, which may
 * touch only what hangs on the job.
 */
#ifndef SPATE_POOL_H
#define SPATE_POOL_H

#include <uv.h>

#include "err.h"
#include "loopwatch.h"
#include "semaphore.h"

enum job_kind { JOB_DISK, JOB_CPU, JOB_KINDS };

struct job {
  /* private */
  uv_work_t request;
  struct semaphore_waiter waiter;
  struct pool *pool;
  enum job_kind kind;
  const char *name;
  void (*work)(struct job *job);
  void (*done)(struct job *job);
};

struct pool {
  /* private */
  uv_loop_t *loop;
  struct loopwatch *watch;
  /* read by the snapshot, resized by commands */
  struct semaphore sem[JOB_KINDS];
  uint64_t running; /* submitted and not done, waiting ones included */
};

/* loop and watch are borrowed. */
void pool_init(struct pool *pool, uv_loop_t *loop, struct loopwatch *watch,
               uint32_t disk_jobs, uint32_t cpu_jobs);

/* Runs job->work on a pool thread as soon as its kind has a permit, then done
 * on the loop. name is a literal, for the list of slow callbacks. */
void pool_submit(struct pool *pool, struct job *job, enum job_kind kind,
                 const char *name, void (*work)(struct job *job),
                 void (*done)(struct job *job));

#endif
