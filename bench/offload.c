/* SPDX-License-Identifier: MIT
 *
 * Work that is not transfers, on the loop and on the pool: what it costs the
 * loop, how it uses the cores, and what a counter comes to without locks.
 * bench/articles runs it; a line of JSON comes out.
 *
 *   offload lag      loop|pool CORES BLOCK_MS EVERY_MS SECONDS
 *   offload sort     loop|pool CORES LISTS NUMBERS
 *   offload squares  loop|pool CORES TIMES UPTO
 *   offload counter  loop|held|threads CORES TASKS STEPS
 *   offload digest   sha-256|...       CORES DIR NAME...
 *   offload unpack   zstd|gzip|xz|bzip2 CORES DIR NAME...  (DIR/NAME.part,
 * which is replaced by what it unpacks to)
 *
 * The loop, the pool and the watch are those of the engine. Lateness is that
 * of a beat every millisecond; a beat that was missed counts as late as it
 * was, so that a loop that stands still is not flattered by its silence.
 */
#include "config.h"

#include "pool.h"
#include "retry.h"
#include "sink_job.h"
#include "sink_unpack.h"
#include "tap.h"

#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define BEAT_NS ((uint64_t)1000000)
#define SQUARES_STEP 1000000 /* between two looks at the clock */

struct bench {
  uv_loop_t loop;
  struct loopwatch watch;
  struct pool pool;
  uv_timer_t beat, every;
  uv_idle_t idle;
  struct histogram late; /* nanoseconds */
  uint64_t due_ns, begun_ns;
  bool on_pool;
  uint64_t block_ns;
  /* units of work: lists, sums, tasks */
  struct unit *unit;
  uint64_t units, next, over, wrong;
  uint64_t size;    /* of a unit */
  uint64_t counter; /* the loop's */
  atomic_uint_fast64_t shared;
};

struct unit {
  struct job job; /* first: the pool's */
  struct bench *bench;
  uint64_t number, at, sum, held;
};

/* ---- the loop ---------------------------------------------------------------
 */

static void on_beat(uv_timer_t *timer) {
  struct bench *b = timer->data;
  uint64_t now = uv_hrtime();
  loopwatch_enter(&b->watch, "beat");
  for (; b->due_ns <= now; b->due_ns += BEAT_NS)
    histogram_record(&b->late, now - b->due_ns);
  loopwatch_leave(&b->watch);
}

static void open_bench(struct bench *b, bool on_pool, uint32_t cores) {
  uv_loop_init(&b->loop);
  loopwatch_init(&b->watch);
  pool_init(&b->pool, &b->loop, &b->watch, 1, cores);
  uv_timer_init(&b->loop, &b->beat);
  uv_timer_init(&b->loop, &b->every);
  uv_idle_init(&b->loop, &b->idle);
  b->beat.data = b->every.data = b->idle.data = b;
  b->on_pool = on_pool;
  b->begun_ns = uv_hrtime();
  b->due_ns = b->begun_ns + BEAT_NS;
  uv_timer_start(&b->beat, on_beat, 1, 1);
}

static void stop(struct bench *b) {
  uv_close((uv_handle_t *)&b->beat, NULL);
  uv_close((uv_handle_t *)&b->every, NULL);
  uv_close((uv_handle_t *)&b->idle, NULL);
}

static double cpu_seconds(void) {
  struct rusage use;
  getrusage(RUSAGE_SELF, &use);
  return (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
         (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6;
}

static int tell(struct bench *b, uint64_t wanted, uint64_t got) {
  double seconds = (double)(uv_hrtime() - b->begun_ns) / 1e9;
  printf("{\"seconds\": %.4f, \"cpu_s\": %.4f, \"late_ms_p50\": %.3f, "
         "\"late_ms_p99\": %.3f, \"late_ms_max\": %.3f, \"wanted\": %" PRIu64
         ", \"got\": %" PRIu64 ", \"wrong\": %" PRIu64 "}\n",
         seconds, cpu_seconds(),
         (double)histogram_quantile(&b->late, 0.5) / 1e6,
         (double)histogram_quantile(&b->late, 0.99) / 1e6,
         (double)b->late.max / 1e6, wanted, got, b->wrong);
  return uv_loop_close(&b->loop) == 0 && b->wrong == 0 ? 0 : 1;
}

/* ---- units: all at once on the pool, or one in each turn of the loop -------
 */

static void unit_over(struct unit *unit) {
  struct bench *b = unit->bench;
  if (++b->over == b->units)
    stop(b);
}

static void on_unit_done(struct job *job) {
  unit_over((struct unit *)(void *)job);
}

static void on_idle(uv_idle_t *idle) {
  struct bench *b = idle->data;
  struct unit *unit = &b->unit[b->next];
  unit->job.began_ns = uv_hrtime();
  unit->job.more = false;
  loopwatch_enter(&b->watch, "work");
  unit->job.work(&unit->job);
  loopwatch_leave(&b->watch);
  if (unit->job.more)
    return;
  b->next++;
  unit_over(unit);
}

static int run_units(struct bench *b, uint64_t units, uint64_t size,
                     void (*work)(struct job *job)) {
  b->unit = calloc(units, sizeof *b->unit);
  if (b->unit == NULL)
    return 1;
  b->units = units;
  b->size = size;
  for (uint64_t i = 0; i < units; i++) {
    b->unit[i].bench = b;
    b->unit[i].number = i;
    b->unit[i].job.work = work;
    if (b->on_pool)
      pool_submit(&b->pool, &b->unit[i].job, JOB_CPU, "work", work,
                  on_unit_done);
  }
  if (!b->on_pool)
    uv_idle_start(&b->idle, on_idle);
  uv_run(&b->loop, UV_RUN_DEFAULT);
  for (uint64_t i = 0; i < units; i++)
    b->wrong += b->unit[i].sum == 0;
  free(b->unit);
  return tell(b, units, b->over);
}

/* ---- sorting ----------------------------------------------------------------
 */

static int ascending(const void *a, const void *b) {
  const uint64_t *x = a, *y = b;
  return *x < *y ? -1 : *x > *y;
}

static void sort_list(struct job *job) {
  struct unit *unit = (struct unit *)(void *)job;
  uint64_t count = unit->bench->size;
  uint64_t *list = malloc(count * sizeof *list);
  struct rng rng;
  if (list == NULL)
    return;
  rng_seed(&rng, unit->number + 1);
  for (uint64_t i = 0; i < count; i++)
    list[i] = rng_next(&rng);
  qsort(list, count, sizeof *list, ascending);
  unit->sum = 1;
  for (uint64_t i = 1; i < count; i++)
    if (list[i - 1] > list[i])
      unit->sum = 0; /* counted as wrong */
  free(list);
}

/* ---- squares ----------------------------------------------------------------
 */

/* n (n + 1) (2 n + 1) / 6, modulo 2^64 as the loop below has it. */
static uint64_t squares_formula(uint64_t n) {
  uint64_t a = n, b = n + 1, c = 2 * n + 1;
  *(a % 2 == 0 ? &a : &b) /= 2;
  *(a % 3 == 0 ? &a : b % 3 == 0 ? &b : &c) /= 3;
  return a * b * c;
}

static void sum_squares(struct job *job) {
  struct unit *unit = (struct unit *)(void *)job;
  uint64_t n = unit->bench->size;
  while (unit->at < n) {
    uint64_t end = n - unit->at < SQUARES_STEP ? n : unit->at + SQUARES_STEP;
    for (uint64_t i = unit->at + 1; i <= end; i++)
      unit->sum += i * i;
    unit->at = end;
    job->more = end < n && job_piece_over(job);
    if (job->more)
      return;
  }
  if (unit->sum != squares_formula(n))
    unit->sum = 0; /* counted as wrong */
}

/* ---- a job that blocks ------------------------------------------------------
 */

static void block(struct job *job) {
  struct unit *unit = (struct unit *)(void *)job;
  uint64_t until = uv_hrtime() + unit->bench->block_ns;
  while (uv_hrtime() < until)
    ;
  unit->sum = 1;
}

static void on_every(uv_timer_t *timer) {
  struct bench *b = timer->data;
  struct unit *unit = &b->unit[b->next++];
  unit->bench = b;
  if (b->on_pool) {
    pool_submit(&b->pool, &unit->job, JOB_CPU, "work", block, on_unit_done);
  } else {
    loopwatch_enter(&b->watch, "work");
    block(&unit->job);
    loopwatch_leave(&b->watch);
    unit_over(unit);
  }
  if (b->next == b->units && !uv_is_closing((uv_handle_t *)timer))
    uv_timer_stop(timer);
}

static int run_lag(struct bench *b, const uint64_t *number) {
  b->block_ns = number[0] * 1000000;
  b->units = number[2] * 1000 / number[1];
  if (b->units == 0)
    b->units = 1;
  b->unit = calloc(b->units, sizeof *b->unit);
  if (b->unit == NULL)
    return 1;
  uv_timer_start(&b->every, on_every, number[1], number[1]);
  uv_run(&b->loop, UV_RUN_DEFAULT);
  free(b->unit);
  return tell(b, b->units, b->over);
}

/* ---- a counter and tasks that are suspended ---------------------------------
 */

enum counting { COUNT_LOOP, COUNT_HELD, COUNT_THREADS };
static enum counting counting;

/* Reads, lets others go first, writes: without a lock what they wrote in
 * between is lost. */
static void step_on_thread(struct job *job) {
  struct unit *unit = (struct unit *)(void *)job;
  atomic_uint_fast64_t *shared = &unit->bench->shared;
  if (counting != COUNT_THREADS)
    return;
  uint64_t value = atomic_load_explicit(shared, memory_order_relaxed);
  sched_yield();
  atomic_store_explicit(shared, value + 1, memory_order_relaxed);
}

static void on_step_done(struct job *job);

/* Until its next suspension the task has the loop for itself. */
static void step(struct unit *unit) {
  struct bench *b = unit->bench;
  unit->held = b->counter;
  pool_submit(&b->pool, &unit->job, JOB_CPU, "work", step_on_thread,
              on_step_done);
}

static void on_step_done(struct job *job) {
  struct unit *unit = (struct unit *)(void *)job;
  struct bench *b = unit->bench;
  if (counting == COUNT_LOOP)
    b->counter++;
  else if (counting == COUNT_HELD)
    b->counter = unit->held + 1; /* of before the suspension */
  if (++unit->at < b->size)
    step(unit);
  else
    unit_over(unit);
}

static int run_counter(struct bench *b, uint64_t tasks, uint64_t steps) {
  b->unit = calloc(tasks, sizeof *b->unit);
  if (b->unit == NULL)
    return 1;
  b->units = tasks;
  b->size = steps;
  for (uint64_t i = 0; i < tasks; i++) {
    b->unit[i].bench = b;
    step(&b->unit[i]);
  }
  uv_run(&b->loop, UV_RUN_DEFAULT);
  free(b->unit);
  return tell(b, tasks * steps,
              counting == COUNT_THREADS ? atomic_load(&b->shared) : b->counter);
}

/* ---- files ------------------------------------------------------------------
 */

static void one_over(struct bench *b, int code) {
  b->wrong += code != 0;
  if (++b->over == b->units)
    stop(b);
}

struct summing {
  struct tap tap; /* first */
  struct bench *bench;
};

static void on_summed(struct tap *tap) {
  struct summing *summing = (struct summing *)(void *)tap;
  steps_free(tap->steps);
  tap_fini(tap);
  one_over(summing->bench, tap->code);
}

static int sum_file(struct bench *b, struct summing *s, const char *type,
                    int dirfd, const char *name) {
  struct steps_plan plan = {.record = digest_find(type, strlen(type))};
  struct steps *steps;
  struct stat st;
  if (plan.record == DIGEST_NONE || fstatat(dirfd, name, &st, 0) != 0 ||
      steps_new(&steps, &plan) != 0)
    return 2;
  tap_init(&s->tap, &b->pool, steps, 0);
  s->tap.ended = on_summed;
  s->bench = b;
  b->size += (uint64_t)st.st_size;
  tap_read(&s->tap, st.st_size, dirfd, name);
  return 0;
}

struct unpacking {
  struct sink_unpack unpack; /* first */
  struct sink_job file;
  struct bench *bench;
};

static void on_unpacked(struct sink_unpack *work) {
  struct unpacking *unpacking = (struct unpacking *)(void *)work;
  unpacking->bench->size += (uint64_t)work->bytes;
  sink_job_fini(&unpacking->file);
  one_over(unpacking->bench, work->code);
}

static int unpack_file(struct bench *b, struct unpacking *u, const char *type,
                       int dirfd, const char *name) {
  struct sink_target target = {.name = name, .ours = true};
  for (int kind = UNPACK_GZIP; kind < UNPACK_KINDS; kind++)
    if (strcmp(unpack_name((enum unpack_kind)kind), type) == 0)
      u->unpack.kind = (enum unpack_kind)kind;
  if (u->unpack.kind == UNPACK_NONE)
    return 2;
  sink_job_init(&u->file, dirfd, &target);
  u->bench = b;
  u->unpack.ended = on_unpacked;
  sink_unpack_start(&u->unpack, &b->pool, &u->file);
  return 0;
}

static int run_files(struct bench *b, bool sums, const char *type,
                     const char *dir, char **name, int count) {
  struct summing *summing = calloc((size_t)count, sizeof *summing);
  struct unpacking *unpacking = calloc((size_t)count, sizeof *unpacking);
  int dirfd = open(dir, O_RDONLY | O_DIRECTORY), code = 0;
  if (summing == NULL || unpacking == NULL || dirfd < 0)
    return 1;
  b->units = (uint64_t)count;
  for (int i = 0; i < count && code == 0; i++)
    code = sums ? sum_file(b, &summing[i], type, dirfd, name[i])
                : unpack_file(b, &unpacking[i], type, dirfd, name[i]);
  if (code != 0)
    return code;
  uv_run(&b->loop, UV_RUN_DEFAULT);
  close(dirfd);
  free(summing);
  free(unpacking);
  return tell(b, b->size, b->size);
}

/* ---- arguments --------------------------------------------------------------
 */

static int usage(void) {
  fputs("usage: offload lag loop|pool CORES BLOCK_MS EVERY_MS SECONDS\n"
        "       offload sort loop|pool CORES LISTS NUMBERS\n"
        "       offload squares loop|pool CORES TIMES UPTO\n"
        "       offload counter loop|held|threads CORES TASKS STEPS\n"
        "       offload digest TYPE CORES DIR NAME...\n"
        "       offload unpack TYPE CORES DIR NAME...\n",
        stderr);
  return 2;
}

/* The numbers from CORES on. */
static bool read_numbers(char **text, int count, uint64_t *number) {
  for (int i = 0; i < count; i++) {
    number[i] = strtoull(text[i], NULL, 10);
    if (number[i] == 0 || number[i] > UINT32_MAX)
      return false;
  }
  return true;
}

int main(int argc, char **argv) {
  static struct bench b;
  uint64_t number[4] = {0};
  const char *what = argc > 1 ? argv[1] : "";
  bool sums = strcmp(what, "digest") == 0, lag = strcmp(what, "lag") == 0;
  bool files = sums || strcmp(what, "unpack") == 0;
  if ((files ? argc < 6 : argc != 6 + lag) ||
      !read_numbers(argv + 3, files ? 1 : argc - 3, number) ||
      setenv("UV_THREADPOOL_SIZE", argv[3], 1) != 0)
    return usage();
  open_bench(&b, strcmp(argv[2], "loop") != 0, (uint32_t)number[0]);
  if (files)
    return run_files(&b, sums, argv[2], argv[4], argv + 5, argc - 5);
  if (lag)
    return run_lag(&b, number + 1);
  if (strcmp(what, "sort") == 0)
    return run_units(&b, number[1], number[2], sort_list);
  if (strcmp(what, "squares") == 0)
    return run_units(&b, number[1], number[2], sum_squares);
  counting = strcmp(argv[2], "loop") == 0   ? COUNT_LOOP
             : strcmp(argv[2], "held") == 0 ? COUNT_HELD
                                            : COUNT_THREADS;
  return strcmp(what, "counter") == 0 ? run_counter(&b, number[1], number[2])
                                      : usage();
}
