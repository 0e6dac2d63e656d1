/* SPDX-License-Identifier: MIT
 *
 * The offload pool: work that would block the loop, on libuv's threads.
 *
 * libuv's pool is one queue without priorities. So each kind of job has a
 * semaphore of its own, and their limits together stay below the number of
 * threads: jobs of one kind wait here, in order, and never keep another kind
 * from a thread. A job is embedded in the structure it works on; that memory
 * belongs to the job from pool_submit() until its done callback. It is zeroed
 * before its first use.
 *
 * Long work goes in pieces: a work function that has used up its time
 * (job_piece_over) sets more and returns, and is called again when those who
 * waited meanwhile had their turn, those of a higher priority first. Between
 * two pieces it may be cancelled. How far it is it tells with job_progress().
 *
 * Thread: submit, cancel and done on the loop's; work on a pool thread, which
 * may touch only what hangs on the job.
 */
#ifndef SPATE_POOL_H
#define SPATE_POOL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <uv.h>

#include "err.h"
#include "loopwatch.h"
#include "semaphore.h"

#define POOL_PIECE_NS ((uint64_t)4000000)
#define POOL_FIGURES 12
/* A piece that takes longer than this is told to the slow callback. */
#define POOL_SLOW_NS ((uint64_t)1000000000)

enum job_kind { JOB_DISK, JOB_CPU, JOB_KINDS };

struct job {
  /* set by the owner before pool_submit() */
  uint64_t task; /* whom it works for; 0 none or several */
  int priority;  /* greater goes first among those of its kind who wait */
  /* set by the work function */
  bool more; /* it is not through: call it again */
  /* private */
  bool cancelled;
  _Atomic int64_t progress;
  uv_work_t request;
  struct semaphore_waiter waiter;
  struct pool *pool;
  enum job_kind kind;
  const char *name;
  void (*work)(struct job *job);
  void (*done)(struct job *job);
  struct pool_figures *figures;
  uint64_t asked_ns, began_ns, wall_ns, cpu_ns;
};

/* What the jobs of one name have cost so far. */
struct pool_figures {
  const char *name;
  enum job_kind kind;
  unsigned waiting, running;
  uint64_t jobs, pieces;
  uint64_t cpu_ns, wall_ns; /* of the pool's threads */
  uint64_t waited_ns;       /* for a permit, all jobs together */
  /* A piece that was kept from its core is long and has worked little. */
  uint64_t longest_ns, longest_cpu_ns;
};

struct pool {
  /* private */
  uv_loop_t *loop;
  struct loopwatch *watch;
  /* read by the snapshot, resized by commands */
  struct semaphore sem[JOB_KINDS];
  uint64_t running; /* submitted and not done, waiting ones included */
  struct pool_figures figures[POOL_FIGURES];
  unsigned figure_count;
  /* May be set: a piece took longer than POOL_SLOW_NS. */
  void (*slow)(void *arg, const struct job *job, uint64_t wall_ns);
  void *arg;
};

/* loop and watch are borrowed. */
void pool_init(struct pool *pool, uv_loop_t *loop, struct loopwatch *watch,
               uint32_t disk_jobs, uint32_t cpu_jobs);

/* Runs job->work on a pool thread as soon as its kind has a permit, then done
 * on the loop. name is a literal, for the list of slow callbacks and for the
 * figures. */
void pool_submit(struct pool *pool, struct job *job, enum job_kind kind,
                 const char *name, void (*work)(struct job *job),
                 void (*done)(struct job *job));

/* A job that was submitted is not to begin another piece; done follows all
 * the same, never from inside this call. */
void job_cancel(struct job *job);

/* How far it is, in units of its own (bytes); 0 before it said so. Told by the
 * work function, asked on any thread; it lasts from one submission to the
 * next. */
void job_progress(struct job *job, int64_t units);
int64_t job_progressed(const struct job *job);

/* For work functions: has this piece had its few milliseconds? */
bool job_piece_over(const struct job *job);

#endif
