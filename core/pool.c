/* SPDX-License-Identifier: MIT
 *
 * The offload pool: see pool.h.
 */
#include "config.h"

#include "pool.h"

#include <stddef.h>
#include <string.h>

#define JOB_OF_WAITER(w) \
  ((struct job *)((char *)(w)-offsetof(struct job, waiter)))

static void on_work(uv_work_t *request) {
  struct job *job = request->data;
  job->work(job);
}

static void on_done(uv_work_t *request, int status) {
  struct job *job = request->data;
  struct pool *pool = job->pool;
  enum job_kind kind = job->kind;
  (void)status; /* jobs are never cancelled once they are on the pool */
  loopwatch_enter(pool->watch, job->name);
  pool->running--;
  job->done(job); /* the job may be gone after this */
  semaphore_release(&pool->sem[kind], uv_hrtime());
  loopwatch_leave(pool->watch);
}

static void start(struct job *job) {
  job->request.data = job;
  uv_queue_work(job->pool->loop, &job->request, on_work, on_done);
}

static void on_granted(struct semaphore_waiter *waiter) {
  start(JOB_OF_WAITER(waiter));
}

void pool_init(struct pool *pool, uv_loop_t *loop, struct loopwatch *watch,
               uint32_t disk_jobs, uint32_t cpu_jobs) {
  memset(pool, 0, sizeof(*pool));
  pool->loop = loop;
  pool->watch = watch;
  semaphore_init(&pool->sem[JOB_DISK], "disk", disk_jobs);
  semaphore_init(&pool->sem[JOB_CPU], "cpu", cpu_jobs);
}

void pool_submit(struct pool *pool, struct job *job, enum job_kind kind,
                 const char *name, void (*work)(struct job *job),
                 void (*done)(struct job *job)) {
  job->pool = pool;
  job->kind = kind;
  job->name = name;
  job->work = work;
  job->done = done;
  memset(&job->waiter, 0, sizeof(job->waiter));
  job->waiter.granted = on_granted;
  pool->running++;
  if (semaphore_acquire(&pool->sem[kind], &job->waiter, uv_hrtime()))
    start(job);
}
