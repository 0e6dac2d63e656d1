/* SPDX-License-Identifier: MIT
 *
 * Runs the interface on a stream of made-up snapshots, for tests that look at
 * it through a pseudo-terminal.
 *
 *   --tasks N          transfers that move (1000)
 *   --finish SECONDS   the run ends by itself
 *   --still            nothing ever changes
 *   --example, --hostile  the pictures of the golden screens
 *   --crash MS         SIGSEGV in another thread
 *   --abort MS         SIGABRT
 *   --noise            prints to descriptor 2 meanwhile
 *   --ascii, --mono
 *   --handlers         INT and TERM stop the run, as the program does
 *   --log FILE         commands, ticks of the feed, and how it ended
 */
#include "config.h"

#include <errno.h>
#include <locale.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "ui.h"
#include "ui_feed.h"

static struct {
  size_t tasks;
  double finish_s;
  int crash_ms, crash_signal;
  bool still, noise, ascii, mono, handlers, example, hostile;
  FILE *log;
} options = {.tasks = 1000};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct feed *feed;
static struct snapshot *newest;
static bool fetched = true;
static atomic_bool ended;
static atomic_uint interval_ms = 500;
static int wake_pipe[2];
static atomic_int stop_signal; /* set by a handler, read by the other thread */

static double now_s(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void note(const char *what, double value) {
  if (options.log == NULL)
    return;
  fprintf(options.log, "%.3f %s %.6g\n", now_s(), what, value);
  fflush(options.log);
}

/* ---- the engine, as the interface sees it -------------------------------- */

static const struct snapshot *get(void *arg) {
  (void)arg;
  if (options.example || options.hostile)
    return feed_example(options.hostile);
  pthread_mutex_lock(&lock);
  struct snapshot *snap = newest;
  fetched = true;
  if (snap != NULL)
    feed_ref(snap);
  pthread_mutex_unlock(&lock);
  return snap;
}

static void release(void *arg, const struct snapshot *snap) {
  (void)arg;
  if (!options.example && !options.hostile)
    feed_unref(snap);
}

static int command(void *arg, const struct command *asked) {
  static const char *const names[] = {
#define NAME(sym, name, args, help) name,
      COMMAND_TABLE(NAME)
#undef NAME
  };
  (void)arg;
  pthread_mutex_lock(&lock);
  feed_command(feed, asked);
  note(names[asked->kind],
       asked->kind == CMD_SET_LIMIT ? asked->value : (double)asked->task);
  pthread_mutex_unlock(&lock);
  return 0;
}

static void snapshot_every(void *arg, unsigned ms) {
  (void)arg;
  interval_ms = ms;
}

/* ---- its thread ---------------------------------------------------------- */

static void publish(double t_s, bool finish) {
  pthread_mutex_lock(&lock);
  if (finish)
    feed_finish(feed);
  if (fetched || stop_signal != 0 || options.finish_s > 0) {
    struct snapshot *snap = feed_make(feed, options.still ? 60 : t_s);
    if (options.still && newest != NULL)
      snap->bytes_per_s = newest->bytes_per_s;
    feed_unref(newest);
    newest = snap;
    fetched = false;
    (void)!write(wake_pipe[1], "w", 1);
  }
  pthread_mutex_unlock(&lock);
}

static void misbehave(double t_s) {
  if (options.noise && t_s > 0.5)
    fprintf(stderr, "a library says \033[2Jhello\n");
  if (options.crash_ms > 0 && t_s * 1000 >= options.crash_ms)
    raise(options.crash_signal);
}

static void *run(void *arg) {
  double start = now_s();
  unsigned ticks = 0;
  (void)arg;
  while (!ended) {
    double t_s = now_s() - start;
    bool finish =
        stop_signal != 0 || (options.finish_s > 0 && t_s > options.finish_s);
    if (ticks == 0 || !options.still)
      publish(t_s + 120, finish);
    note("tick", ++ticks);
    misbehave(t_s);
    unsigned pause_ms = interval_ms < 100 ? interval_ms : 100;
    for (unsigned slept = 0; slept < interval_ms && !ended; slept += pause_ms)
      usleep(pause_ms * 1000);
  }
  return NULL;
}

static void on_stop(int number) {
  stop_signal = number;
}

/* ---- main ---------------------------------------------------------------- */

static void crash_after(const char *ms, int number) {
  options.crash_ms = (int)strtol(ms, NULL, 10);
  options.crash_signal = number;
}

static void parse(int argc, char **argv) {
  for (int i = 1; i < argc; i++) {
    const char *value = i + 1 < argc ? argv[i + 1] : "";
    if (strcmp(argv[i], "--tasks") == 0)
      options.tasks = (size_t)strtoul(value, NULL, 10);
    else if (strcmp(argv[i], "--finish") == 0)
      options.finish_s = strtod(value, NULL);
    else if (strcmp(argv[i], "--crash") == 0)
      crash_after(value, SIGSEGV);
    else if (strcmp(argv[i], "--abort") == 0)
      crash_after(value, SIGABRT);
    else if (strcmp(argv[i], "--log") == 0)
      options.log = fopen(value, "ae");
    options.still |= strcmp(argv[i], "--still") == 0;
    options.example |= strcmp(argv[i], "--example") == 0;
    options.hostile |= strcmp(argv[i], "--hostile") == 0;
    options.noise |= strcmp(argv[i], "--noise") == 0;
    options.ascii |= strcmp(argv[i], "--ascii") == 0;
    options.mono |= strcmp(argv[i], "--mono") == 0;
    options.handlers |= strcmp(argv[i], "--handlers") == 0;
  }
}

static void report(int rc, const struct errmsg *msg) {
  static const char *const ends[] = {"finished", "quit", "hangup"};
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  note(rc >= 0 ? ends[rc] : "error", rc);
  note("cpu",
       (double)usage.ru_utime.tv_sec + (double)usage.ru_stime.tv_sec +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6);
  if (rc != UI_HANGUP)
    printf("ui: %s\n", rc >= 0 ? ends[rc] : msg->text);
}

int main(int argc, char **argv) {
  struct errmsg msg = {""};
  pthread_t thread;
  setlocale(LC_ALL, "");
  parse(argc, argv);
  if (options.handlers) {
    struct sigaction action = {.sa_handler = on_stop, .sa_flags = SA_RESTART};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
  }
  signal(SIGHUP, SIG_IGN);
  if (pipe(wake_pipe) != 0)
    return 1;
  feed = feed_new(options.tasks);
  pthread_create(&thread, NULL, run, NULL);
  struct ui_options ui = {.color = options.mono ? UI_OFF : UI_AUTO,
                          .ascii = options.ascii ? UI_ON : UI_AUTO,
                          .wake_fd = wake_pipe[0],
                          .stderr_fd = -1};
  struct ui_engine engine = {.snapshot = get,
                             .release = release,
                             .command = command,
                             .snapshot_every = snapshot_every};
  int rc = ui_run(&ui, &engine, &msg);
  report(rc, &msg);
  ended = true;
  pthread_join(thread, NULL);
  feed_unref(newest);
  feed_free(feed);
  if (options.log != NULL)
    fclose(options.log);
  return rc < 0 ? 2 : 0;
}
