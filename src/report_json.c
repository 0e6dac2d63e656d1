/* SPDX-License-Identifier: MIT
 *
 * --progress=json: one object a line, as the manual page lists them. Written
 * in ASCII with \u escapes, so that names with odd characters reach a program
 * exactly and cannot harm a terminal. Names of events and members are a
 * contract; members may be added, none renamed.
 */
#include "config.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report.h"
#include "text.h"

#define FLAGS                                               \
  (JSON_COMPACT | JSON_ENSURE_ASCII | JSON_PRESERVE_ORDER | \
   JSON_REAL_PRECISION(10))

/* jansson takes the values over; a failed one (no memory) leaves the member
 * out, which is the best that can be said then. */
static void put(json_t *object, const char *name, json_t *value) {
  if (json_object_set_new(object, name, value) != 0)
    return;
}

static json_t *whole(uint64_t value) {
  return json_integer(value > INT64_MAX ? INT64_MAX : (json_int_t)value);
}

/* Three decimals; what is not a number is null. */
static json_t *real(double value) {
  if (!isfinite(value))
    return json_null();
  return json_real(round(value * 1000) / 1000);
}

static json_t *or_null(int64_t value) {
  return value < 0 ? json_null() : json_integer(value);
}

/* Exact where it is UTF-8, else with the bad bytes replaced. */
static json_t *string(const char *text) {
  json_t *value = json_string(text != NULL ? text : "");
  if (value != NULL || text == NULL)
    return value;
  size_t cap = strlen(text) * 3 + 1;
  char *safe = malloc(cap);
  if (safe == NULL)
    return json_null();
  text_clip(safe, cap, text, TEXT_WHOLE, -1, 0, NULL);
  value = json_string(safe);
  free(safe);
  return value;
}

static void print(struct report *report, json_t *object) {
  char *line = json_dumps(object, FLAGS);
  json_decref(object);
  if (line == NULL)
    return;
  size_t len = strlen(line);
  line[len] = '\n'; /* in place of the NUL, so that a line is put whole */
  if (!outbuf_put(&report->out, line, len + 1))
    report->dropped++;
  free(line);
}

static void begin(struct report *report) {
  json_t *o = json_object();
  put(o, "event", json_string("start"));
  put(o, "session", string(report->session_dir));
  put(o, "tasks", or_null(report->tasks));
  put(o, "version", json_string(PACKAGE_VERSION));
  print(report, o);
}

static json_t *semaphore(const struct snap_sem *sem) {
  json_t *o = json_object();
  put(o, "used", whole(sem->used));
  put(o, "limit", whole(sem->limit));
  put(o, "waiting", whole(sem->waiting));
  return o;
}

static json_t *rate(const struct snapshot *snap) {
  json_t *o = json_object();
  put(o, "limit", real(snap->limit[LIMIT_RATE]));
  put(o, "level", real(snap->rate_level));
  return o;
}

static json_t *loop(const struct snapshot *snap) {
  json_t *o = json_object();
  put(o, "busy", real(snap->loop_busy));
  put(o, "lag_ms_p99", real(snap->lag_p99_ms));
  put(o, "lag_ms_max", real(snap->lag_max_ms));
  return o;
}

static void progress(struct report *report, const struct snapshot *snap) {
  json_t *o = json_object();
  put(o, "event", json_string("progress"));
  put(o, "t", real(snap->t_s));
  put(o, "tasks", or_null(snap->total.tasks));
  put(o, "pending", whole(snap->total.pending));
  put(o, "active", whole(snap->total.active));
  put(o, "done", whole(snap->total.done));
  put(o, "failed", whole(snap->total.failed));
  put(o, "bytes", whole(snap->total.bytes));
  put(o, "bytes_per_s", real(snap->bytes_per_s));
  put(o, "requests_per_s", real(snap->requests_per_s));
  put(o, "eta_s", or_null(snap->eta_s));
  put(o, "net", semaphore(&snap->sem[SNAP_NET]));
  put(o, "disk", semaphore(&snap->sem[SNAP_DISK]));
  put(o, "cpu", semaphore(&snap->sem[SNAP_CPU]));
  put(o, "rate", rate(snap));
  put(o, "loop", loop(snap));
  put(o, "rss_bytes", whole(snap->rss_bytes));
  if (*snap->hold != '\0')
    put(o, "hold", string(snap->hold));
  print(report, o);
}

static void on_done(struct report *report, const struct engine_event *event) {
  json_t *o = json_object();
  put(o, "event", json_string("done"));
  put(o, "task", whole(event->task));
  put(o, "url", string(event->url));
  put(o, "path", string(event->path));
  put(o, "bytes", json_integer(event->bytes));
  put(o, "status", json_integer(event->status));
  put(o, "attempts", json_integer(event->attempts));
  put(o, "digest",
      *event->digest != '\0' ? string(event->digest) : json_null());
  print(report, o);
}

static void on_failed(struct report *report, const struct engine_event *event) {
  json_t *o = json_object();
  put(o, "event", json_string("failed"));
  put(o, "task", whole(event->task));
  put(o, "url", string(event->url));
  put(o, "reason", string(event->reason));
  put(o, "status", json_integer(event->status));
  put(o, "attempts", json_integer(event->attempts));
  put(o, "state", json_string(task_state_name(event->state)));
  print(report, o);
}

static void event(struct report *report, const struct engine_event *what) {
  if (what->state == TASK_FAILED || what->state == TASK_EXPIRED)
    on_failed(report, what);
  else if (what->state == TASK_DONE && report->verbose)
    on_done(report, what);
}

static void end(struct report *report, const struct snapshot *snap,
                int status) {
  const struct snap_totals *total = &snap->total;
  json_t *o = json_object();
  put(o, "event", json_string("summary"));
  put(o, "t", real(snap->t_s));
  put(o, "done", whole(total->done));
  put(o, "failed", whole(total->failed));
  put(o, "cancelled", whole(total->cancelled));
  put(o, "expired", whole(total->expired));
  put(o, "pending", whole(total->pending));
  put(o, "bad_lines", whole(total->bad_lines));
  put(o, "bytes", whole(total->bytes));
  put(o, "requests", whole(total->requests));
  put(o, "retries", whole(total->retries));
  put(o, "throttled", whole(total->throttled));
  put(o, "events_dropped", whole(report->dropped));
  put(o, "exit", json_integer(status));
  print(report, o);
}

const struct report_ops report_json = {
    .begin = begin, .progress = progress, .event = event, .end = end};
