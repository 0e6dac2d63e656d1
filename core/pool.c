/* SPDX-License-Identifier: MIT
 *
 * The offload pool: see pool.h.
 */
#include "config.h"

#include "pool.h"

#include <stddef.h>
#include <string.h>
#include <time.h>

#define JOB_OF_WAITER(w) \
  ((struct job *)((char *)(w)-offsetof(struct job, waiter)))

static uint64_t thread_cpu_ns(void) {
  struct timespec at;
  if (clock_gettime(CLOCK_THREAD_CPUTIME_ID, &at) != 0)
    return 0;
  return (uint64_t)at.tv_sec * 1000000000u + (uint64_t)at.tv_nsec;
}

bool job_piece_over(const struct job *job) {
  return uv_hrtime() - job->began_ns >= POOL_PIECE_NS;
}

static void on_work(uv_work_t *request) {
  struct job *job = request->data;
  uint64_t cpu = thread_cpu_ns();
  job->began_ns = uv_hrtime();
  job->more = false;
  job->work(job);
  job->wall_ns = uv_hrtime() - job->began_ns;
  job->cpu_ns = thread_cpu_ns() - cpu;
}

/* The entry of that name; the last one takes all that find no room. */
static struct pool_figures *figures_of(struct pool *pool, const char *name,
                                       enum job_kind kind) {
  struct pool_figures *f;
  for (unsigned i = 0; i < pool->figure_count; i++)
    if (strcmp(pool->figures[i].name, name) == 0)
      return &pool->figures[i];
  if (pool->figure_count == POOL_FIGURES)
    return &pool->figures[POOL_FIGURES - 1];
  f = &pool->figures[pool->figure_count++];
  f->name = name;
  f->kind = kind;
  return f;
}

static void account(struct pool *pool, const struct job *job) {
  struct pool_figures *f = job->figures;
  f->running--;
  f->pieces++;
  f->cpu_ns += job->cpu_ns;
  f->wall_ns += job->wall_ns;
  if (job->wall_ns > f->longest_ns)
    f->longest_ns = job->wall_ns;
  if (job->cpu_ns > f->longest_cpu_ns)
    f->longest_cpu_ns = job->cpu_ns;
  if (job->wall_ns >= POOL_SLOW_NS && pool->slow != NULL)
    pool->slow(pool->arg, job, job->wall_ns);
}

static void queue(struct job *job);

static void on_done(uv_work_t *request, int status) {
  struct job *job = request->data;
  struct pool *pool = job->pool;
  enum job_kind kind = job->kind;
  (void)status; /* libuv's own cancelling is not used */
  loopwatch_enter(pool->watch, job->name);
  account(pool, job);
  if (job->more && !job->cancelled) {
    queue(job); /* behind those who wait: the permit is given back below */
  } else {
    pool->running--;
    job->figures->jobs++;
    job->done(job); /* the job may be gone after this */
  }
  semaphore_release(&pool->sem[kind], uv_hrtime());
  loopwatch_leave(pool->watch);
}

static void start(struct job *job) {
  job->figures->running++;
  job->request.data = job;
  uv_queue_work(job->pool->loop, &job->request, on_work, on_done);
}

static void on_granted(struct semaphore_waiter *waiter) {
  struct job *job = JOB_OF_WAITER(waiter);
  job->figures->waiting--;
  job->figures->waited_ns += uv_hrtime() - job->asked_ns;
  start(job);
}

static void queue(struct job *job) {
  memset(&job->waiter, 0, sizeof(job->waiter));
  job->waiter.granted = on_granted;
  job->waiter.priority = job->priority;
  job->asked_ns = uv_hrtime();
  if (semaphore_acquire(&job->pool->sem[job->kind], &job->waiter,
                        job->asked_ns))
    start(job);
  else
    job->figures->waiting++;
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
  job->more = job->cancelled = false;
  job->figures = figures_of(pool, name, kind);
  pool->running++;
  queue(job);
}

void job_cancel(struct job *job) {
  job->cancelled = true;
}

/* Nothing else depends on it: a figure for people. */
void job_progress(struct job *job, int64_t units) {
  atomic_store_explicit(&job->progress, units, memory_order_relaxed);
}

int64_t job_progressed(const struct job *job) {
  return atomic_load_explicit(&((struct job *)(uintptr_t)job)->progress,
                              memory_order_relaxed);
}
