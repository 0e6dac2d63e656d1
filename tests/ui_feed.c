/* SPDX-License-Identifier: MIT
 *
 * All figures come from a small generator with a fixed seed, so that a test
 * sees the same pictures every time.
 */
#include "config.h"

#include "ui_feed.h"

#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MIB 1048576.0
#define START_UNIX 1725458400 /* 2024-09-04 14:00:00 UTC */

/* ---- the example -------------------------------------------------------- */

#define T(id_, state_, name_, host_, size_, got_, rate_, eta_, cx_, due_,  \
          attempt_, status_, reason_)                                      \
  .id = id_, .state = state_, .name = name_, .host = host_,                \
  .url = "https://" host_ "/pub/" name_, .reason = reason_, .size = size_, \
  .got = got_, .bytes_per_s = rate_, .eta_s = eta_, .due_in_ms = due_,     \
  .connections = cx_, .attempt = attempt_, .tries = 5, .status = status_,  \
  .http_version = 20, .etag = "\"3b8e-62\"", .resumable = true,            \
  .deadline_in_s = INT64_MAX

static const struct snap_task tame[] = {
    {T(1, TASK_ACTIVE, "debian-12.7.0-amd64-DVD-1.iso", "cdimage.debian.org",
       3983540224, 2470000000, 11.2 * MIB, 124, 4, -1, 1, 206, ""),
     .segments = "0-900000000-1000000000 3250585 ;"
                 "1000000000-1700000000-2000000000 3040870 ;"
                 "2000000000-2450000000-3000000000 !0 mirror.example.net",
     .resolved_us = 1200, .connected_us = 13900, .secured_us = 41200,
     .first_byte_us = 88000},
    {T(2, TASK_ACTIVE, "linux-6.11.tar.xz", "cdn.kernel.org", 146130000,
       128600000, 4.1 * MIB, 4, 2, -1, 1, 206, "")},
    {T(3, TASK_ACTIVE, "ubuntu-24.04.1-desktop-amd64.iso",
       "releases.ubuntu.com", 6203355136, 682000000, 14.9 * MIB, 352, 6, -1, 1,
       206, "")},
    {T(4, TASK_VERIFYING, "weights-00003-of-00008.bin", "dl.example.net",
       5294967296, 5294967296, 0, 9, 0, -1, 1, 206, "")},
    {T(5, TASK_WAITING, "qt-everywhere-src-6.7.2.tar.xz", "download.qt.io",
       1023410176, 419598172, 0, -1, 0, 13400, 2, 0,
       "connection reset by peer")},
    {T(6, TASK_QUEUED, "gcc-14.2.0.tar.xz", "ftp.gnu.org", 92379955, 0, 0, -1,
       0, -1, 0, 0, "queued host 2/2")},
    {T(7, TASK_PAUSED, "archlinux-2024.08.01-x86_64.iso",
       "geo.mirror.pkgbuild.com", 1191182336, 440737464, 0, -1, 0, -1, 1, 206,
       "")},
    {T(8, TASK_FAILED, "freebsd-14.1-RELEASE-amd64-dvd1.iso",
       "download.freebsd.org", 1116691497, 33500744, 0, -1, 0, -1, 1, 404,
       "HTTP 404 Not Found")},
    {T(9, TASK_DONE, "alpine-standard-3.20.2-x86_64.iso",
       "dl-cdn.alpinelinux.org", 217055232, 217055232, 0, -1, 0, -1, 1, 206,
       ""),
     .ended_unix = START_UNIX + 72},
};

/* Escape sequences, line feeds, C1, right-to-left override, wide, combining
 * and zero-width characters, invalid bytes. */
static const struct snap_task hostile[] = {
    {T(1, TASK_ACTIVE, "esc\033[2J\033]0;owned\007.iso", "h\033[31mred.example",
       1000000, 500000, MIB, 1, 1, -1, 1, 206, "")},
    {T(2, TASK_ACTIVE, "line\nfeed\rreturn\ttab\bback.txt", "two\nlines", -1,
       12900000, MIB, -1, 1, -1, 1, 206, "")},
    {T(3, TASK_ACTIVE, "rtl-\xe2\x80\xaegnp.exe", "bidi.example", 2000000,
       1000000, MIB, 1, 1, -1, 1, 206, "")},
    {T(4, TASK_VERIFYING,
       "\xe6\xbc\xa2\xe5\xad\x97\xe3\x81\x8b\xe3\x81\xaa\xe6\xbc\xa2\xe5\xad"
       "\x97\xe3\x81\x8b\xe3\x81\xaa\xe6\xbc\xa2\xe5\xad\x97\xe3\x81\x8b\xe3"
       "\x81\xaa\xe6\xbc\xa2\xe5\xad\x97\xe3\x81\x8b\xe3\x81\xaa.tar",
       "\xe4\xbe\x8b\xe3\x81\x88.jp", 3000000, 3000000, 0, 1, 0, -1, 1, 206,
       "")},
    {T(5, TASK_WAITING, "cafe\xcc\x81-e\xcc\x81\xcc\x80\xcc\x82\xcc\x83.txt",
       "accents.example", 400, 100, 0, -1, 0, 500, 1, 206,
       "\033[1mloud\033[0m")},
    {T(6, TASK_QUEUED, "zero\xe2\x80\x8bwidth\xe2\x81\xa0joiner", "zw.example",
       0, 0, 0, -1, 0, -1, 1, 206, "")},
    {T(7, TASK_PAUSED, "invalid-\xff\xfe-\xc3.bin", "\x80\x81", 10, 5, 0, -1, 0,
       -1, 1, 206, "")},
    {T(8, TASK_FAILED,
       "c1-\xc2\x9b"
       "31m-csi.bin",
       "c1.example", 10, 0, 0, -1, 0, -1, 1, 206,
       "server said: \033[5mblink\n\nDone. 0 errors")},
    {T(9, TASK_DONE, "", "empty.example", 0, 0, 0, -1, 0, -1, 1, 206, ""),
     .ended_unix = START_UNIX + 72},
};

static const struct snap_host hosts[] = {
    {.name = "https://cdimage.debian.org:443",
     .active = 4,
     .limit = 8,
     .queued = 3,
     .requests_per_s = 1.5,
     .requests = 412,
     .bytes = 2470000000,
     .retry_in_ms = -1,
     .ttfb_p50_us = 41200,
     .ttfb_p99_us = 180400},
    {.name = "https://api.example.org:443",
     .active = 8,
     .limit = 8,
     .queued = 1841,
     .requests_per_s = 49.7,
     .rate_limit = 50,
     .requests = 120345,
     .errors = 3,
     .throttled = 17,
     .bytes = 730000000,
     .retry_in_ms = 13400,
     .ttfb_p50_us = 12900,
     .ttfb_p99_us = 75100},
    {.name = "http://[2001:db8::1]:8080",
     .active = 0,
     .queued = 0,
     .requests = 1,
     .errors = 1,
     .retry_in_ms = -1},
};

static const struct snap_log log_lines[] = {
    {.unix_ms = (START_UNIX + 101) * 1000LL,
     .level = LOG_INFO,
     .text = "archlinux-2024.08.01-x86_64.iso: paused"},
    {.unix_ms = (START_UNIX + 171) * 1000LL,
     .level = LOG_ERROR,
     .task = 8,
     .text = "freebsd-14.1: HTTP 404 Not Found; not retried (r retry)"},
    {.unix_ms = (START_UNIX + 172) * 1000LL,
     .level = LOG_WARN,
     .task = 5,
     .text = "qt-everywhere-src-6.7.2.tar.xz: connection reset\033[2J by "
             "peer; next try in 16 s"},
    {.unix_ms = (START_UNIX + 174) * 1000LL,
     .level = LOG_INFO,
     .text = "linux-6.11.tar.xz: 4 connections"},
};

static void fill_history(struct snapshot *snap, size_t count) {
  snap->history_count = count;
  for (size_t i = 0; i < count; i++) {
    double wave = 38 + 9 * sin((double)i / 11) + 4 * sin((double)i / 3);
    snap->history_bytes_per_s[i] = wave * MIB;
    snap->history_requests_per_s[i] = 400 + wave;
  }
}

static void fill_figures(struct snapshot *snap) {
  static const struct snap_sem sems[SNAP_SEM_COUNT] = {
      {.name = "net",
       .used = 24,
       .limit = 36,
       .waiting = 7,
       .wait_p50_us = 1200,
       .wait_p99_us = 48000},
      {.name = "disk", .used = 1, .limit = 4, .wait_p99_us = 800},
      {.name = "cpu", .used = 2, .limit = 2, .waiting = 1},
      {.name = "exec", .used = 0, .limit = 2},
  };
  memcpy(snap->sem, sems, sizeof sems);
  for (int i = 0; i < LIMIT_COUNT; i++)
    snap->limit[i] = limit_info((enum limit_id)i)->preset;
  snap->limit[LIMIT_CONCURRENCY] = 36;
  snap->limit[LIMIT_RATE] = 500;
  snap->rate_level = 412;
  snap->requests_per_s = 412;
  snap->bytes_per_s = 39.8 * MIB;
  snap->bytes_per_s_avg = 38.2 * MIB;
  snap->bytes_per_s_peak = 55.1 * MIB;
  snap->loop_busy = 0.12;
  snap->lag_p99_ms = 3.1;
  snap->lag_max_ms = 11;
  snap->slowest = "curl_multi_socket_action";
  snap->slowest_ms = 8.4;
  snap->rate_throttled = 0.34;
  snap->job[0] = (struct snap_job){.name = "digest",
                                   .cpu = true,
                                   .running = 2,
                                   .waiting = 1,
                                   .jobs = 12,
                                   .cpu_us = 8100000,
                                   .waited_us = 90000};
  snap->slow_count = 2;
  snap->slow[0] =
      (struct snap_callback){"curl_multi_socket_action", 120345, 14210, 8.4};
  snap->slow[1] = (struct snap_callback){"snapshot", 350, 70, 0.9};
  static const uint64_t lag[SNAP_LAG_BANDS] = {61000, 30100, 5210, 2000,
                                               310,   3,     0,    0};
  memcpy(snap->lag_band, lag, sizeof lag);
  snap->commits = 1290;
  snap->commit_p50_ms = 2.1;
  snap->summary = (struct snap_summary){
      .share = {{{"200", 11}, {"206", 4}, {"404", 1}},
                {{"https://dl.example.net", 9}, {"https://cdn.kernel.org", 7}},
                {{"application/octet-stream", 14}, {"text/html", 2}}},
      .size = {12, 145 << 20, 3900u << 20, 4100u << 20, 5052u << 20},
      .latency_us = {16, 88000, 240000, 1310000, 1420000}};
  snap->commit_p99_ms = 14.5;
  snap->buffer_bytes = 12582912;
  snap->buffer_limit = 67108864;
  snap->rss_bytes = 48234496;
}

const struct snapshot *feed_example(bool is_hostile) {
  static struct snapshot snap;
  memset(&snap, 0, sizeof snap);
  snap.seq = 1 + is_hostile;
  snap.t_s = 175.4;
  snap.unix_ms = (START_UNIX + 175) * 1000LL;
  snap.session_dir = "/srv/iso";
  snap.hold = snap.reply_text = "";
  fill_history(&snap, 175);
  fill_figures(&snap);
  snap.total = (struct snap_totals){.tasks = 22,
                                    .tasks_guess = -1,
                                    .queued = 2,
                                    .waiting = 1,
                                    .active = 5,
                                    .verifying = 1,
                                    .paused = 1,
                                    .pending = 9,
                                    .done = 12,
                                    .failed = 1,
                                    .bytes = 19649475379,
                                    .bytes_expected = 66464618905,
                                    .requests = 81240,
                                    .retries = 31,
                                    .throttled = 17};
  snap.eta_s = 1300;
  snap.tasks = is_hostile ? hostile : tame;
  snap.task_count = 9;
  snap.hosts = hosts;
  snap.host_count = sizeof hosts / sizeof hosts[0];
  snap.log = log_lines;
  snap.log_count = sizeof log_lines / sizeof log_lines[0];
  snap.log_lines = snap.log_count;
  snap.log_errors = 2;
  return &snap;
}

/* ---- the stream --------------------------------------------------------- */

struct moving {
  uint64_t id;
  double size, got, speed;
  enum task_state state;
  char name[64];
};

struct feed {
  size_t count;
  struct moving *tasks;
  uint64_t seq, next_id, done, replied;
  double last_t_s;
  uint32_t random;
  bool paused, finished;
  double limit[LIMIT_COUNT];
  double bytes;
  char reply[80];
};

struct feed_snapshot {
  struct snapshot snap; /* first, so that one is the other */
  atomic_int refs;
  char (*names)[64];
  char reply[80];
  struct snap_log log[1];
};

static double next_random(struct feed *feed) {
  feed->random = feed->random * 1664525u + 1013904223u;
  return (feed->random >> 8) / 16777216.0;
}

static void begin(struct feed *feed, struct moving *task) {
  task->id = feed->next_id++;
  task->size = (1 + 400 * next_random(feed)) * MIB;
  task->got = 0;
  task->speed = (0.1 + 4 * next_random(feed)) * MIB;
  task->state = TASK_ACTIVE;
  snprintf(task->name, sizeof task->name, "shard-%08llu-of-32000000.jsonl.gz",
           (unsigned long long)task->id);
}

struct feed *feed_new(size_t tasks) {
  struct feed *feed = calloc(1, sizeof *feed);
  feed->tasks = calloc(tasks + 1, sizeof *feed->tasks);
  feed->count = tasks;
  feed->random = 20240904;
  feed->next_id = 1;
  for (int i = 0; i < LIMIT_COUNT; i++)
    feed->limit[i] = limit_info((enum limit_id)i)->preset;
  feed->limit[LIMIT_CONCURRENCY] = (double)tasks;
  for (size_t i = 0; i < tasks; i++)
    begin(feed, &feed->tasks[i]);
  return feed;
}

void feed_free(struct feed *feed) {
  free(feed->tasks);
  free(feed);
}

static void advance(struct feed *feed, double seconds) {
  for (size_t i = 0; i < feed->count; i++) {
    struct moving *task = &feed->tasks[i];
    if (task->state == TASK_DONE)
      begin(feed, task);
    if (task->state != TASK_ACTIVE || feed->paused)
      continue;
    double more = task->speed * seconds * (0.8 + 0.4 * next_random(feed));
    task->got += more;
    feed->bytes += more;
    if (task->got < task->size)
      continue;
    task->got = task->size;
    task->state = TASK_DONE;
    feed->done++;
  }
}

static void show_task(struct feed *feed, const struct moving *task, char *name,
                      struct snap_task *out) {
  memcpy(name, task->name, sizeof task->name);
  *out = (struct snap_task){
      .id = task->id,
      .state = task->state,
      .name = name,
      .host = "https://data.example.org:443",
      .url = name,
      .reason = "",
      .size = (int64_t)task->size,
      .got = (int64_t)task->got,
      .bytes_per_s = feed->paused ? 0 : task->speed,
      .eta_s = (int64_t)((task->size - task->got) / task->speed),
      .due_in_ms = -1,
      .connections = 1,
      .attempt = 1,
      .tries = 5,
      .status = 206,
      .http_version = 11,
      .deadline_in_s = INT64_MAX,
      .etag = "",
      .ended_unix = task->state == TASK_DONE ? START_UNIX : 0};
}

struct snapshot *feed_make(struct feed *feed, double t_s) {
  struct feed_snapshot *out = calloc(1, sizeof *out);
  struct snap_task *tasks = calloc(feed->count + 1, sizeof *tasks);
  struct snapshot *snap = &out->snap;
  out->names = calloc(feed->count + 1, sizeof *out->names);
  out->refs = 1;
  advance(feed, t_s - feed->last_t_s);
  feed->last_t_s = t_s;
  for (size_t i = 0; i < feed->count; i++)
    show_task(feed, &feed->tasks[i], out->names[i], &tasks[i]);
  snap->tasks = tasks;
  snap->task_count = feed->count;
  snap->seq = ++feed->seq;
  snap->t_s = t_s;
  snap->unix_ms = (START_UNIX + (int64_t)t_s) * 1000;
  snap->session_dir = "/srv/data";
  snap->hold = "";
  fill_history(snap, t_s < SNAP_HISTORY ? (size_t)t_s : SNAP_HISTORY);
  fill_figures(snap);
  memcpy(snap->limit, feed->limit, sizeof snap->limit);
  snap->sem[SNAP_NET].used = (uint32_t)feed->count;
  snap->sem[SNAP_NET].limit = (uint32_t)feed->limit[LIMIT_CONCURRENCY];
  snap->bytes_per_s = (38 + 10 * next_random(feed)) * MIB;
  snap->total.tasks = 32000000;
  snap->total.tasks_guess = -1;
  snap->total.active = feed->count;
  snap->total.done = feed->done;
  snap->total.pending = 32000000 - feed->done;
  snap->total.bytes = (uint64_t)feed->bytes;
  snap->total.bytes_expected = -1;
  snap->eta_s = 86400;
  snap->paused = feed->paused;
  snap->finished = feed->finished;
  snap->reply_seq = feed->replied;
  memcpy(out->reply, feed->reply, sizeof out->reply);
  snap->reply_text = out->reply;
  out->log[0] = (struct snap_log){.unix_ms = snap->unix_ms,
                                  .level = LOG_INFO,
                                  .text = "the stream goes on"};
  snap->log = out->log;
  snap->log_count = 1;
  snap->log_lines = 1;
  return snap;
}

void feed_command(struct feed *feed, const struct command *command) {
  feed->replied = command->seq;
  feed->reply[0] = '\0';
  if (command->kind == CMD_STOP)
    feed->finished = true;
  if (command->kind == CMD_PAUSE_ALL || command->kind == CMD_RESUME_ALL)
    feed->paused = command->kind == CMD_PAUSE_ALL;
  if (command->kind == CMD_SET_LIMIT)
    feed->limit[command->limit] = command->value;
  for (size_t i = 0; i < feed->count; i++) {
    struct moving *task = &feed->tasks[i];
    if (command->task == 0 || task->id != command->task)
      continue;
    if (command->kind == CMD_PAUSE_TASK)
      task->state = TASK_PAUSED;
    if (command->kind == CMD_RESUME_TASK)
      task->state = TASK_ACTIVE;
    if (command->kind == CMD_CANCEL_TASK)
      task->state = TASK_CANCELLED;
  }
}

void feed_finish(struct feed *feed) {
  feed->finished = true;
}

void feed_ref(const struct snapshot *snap) {
  atomic_fetch_add(&((struct feed_snapshot *)(uintptr_t)snap)->refs, 1);
}

void feed_unref(const struct snapshot *snap) {
  struct feed_snapshot *own = (struct feed_snapshot *)(uintptr_t)snap;
  if (snap == NULL || atomic_fetch_sub(&own->refs, 1) > 1)
    return;
  free((void *)(uintptr_t)snap->tasks);
  free(own->names);
  free(own);
}
