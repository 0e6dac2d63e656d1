/* SPDX-License-Identifier: MIT
 *
 * --progress=json: one object a line, as the manual page lists them. Written
 * in ASCII with \u escapes, so that names with odd characters reach a program
 * exactly and cannot harm a terminal. Names of events and members are a
 * contract; members may be added, none renamed.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "json_read.h"
#include "member.h"
#include "report.h"
#include "snapshot_json.h"

static void print(struct report *report, json_t *object) {
  char *line = json_text(object, MEMBER_FORMAT);
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
  member_text(o, "event", "start");
  member_text(o, "session", report->session_dir);
  member_known(o, "tasks", report->tasks);
  member_text(o, "version", PACKAGE_VERSION);
  print(report, o);
}

static json_t *rate(const struct snapshot *snap) {
  json_t *o = json_object();
  member_real(o, "limit", snap->limit[LIMIT_RATE]);
  member_real(o, "level", snap->rate_level);
  return o;
}

static json_t *loop(const struct snapshot *snap) {
  json_t *o = json_object();
  member_real(o, "busy", snap->loop_busy);
  member_real(o, "lag_ms_p99", snap->lag_p99_ms);
  member_real(o, "lag_ms_max", snap->lag_max_ms);
  return o;
}

static void progress(struct report *report, const struct snapshot *snap) {
  json_t *o = json_object();
  member_text(o, "event", "progress");
  member_real(o, "t", snap->t_s);
  member_known(o, "tasks", snap->total.tasks);
  member_whole(o, "pending", snap->total.pending);
  member_whole(o, "active", snap->total.active);
  member_whole(o, "done", snap->total.done);
  member_whole(o, "failed", snap->total.failed);
  member_whole(o, "expired", snap->total.expired);
  member_whole(o, "retries", snap->total.retries);
  member_whole(o, "throttled", snap->total.throttled);
  member_whole(o, "bytes", snap->total.bytes);
  member_real(o, "bytes_per_s", snap->bytes_per_s);
  member_real(o, "requests_per_s", snap->requests_per_s);
  member_known(o, "eta_s", snap->eta_s);
  member_put(o, "deadline", snapshot_json_deadline(snap));
  member_put(o, "net", snapshot_json_semaphore(&snap->sem[SNAP_NET]));
  member_put(o, "disk", snapshot_json_semaphore(&snap->sem[SNAP_DISK]));
  member_put(o, "cpu", snapshot_json_semaphore(&snap->sem[SNAP_CPU]));
  member_put(o, "exec", snapshot_json_semaphore(&snap->sem[SNAP_EXEC]));
  member_put(o, "jobs", snapshot_json_jobs(snap));
  member_put(o, "rate", rate(snap));
  member_put(o, "loop", loop(snap));
  member_whole(o, "rss_bytes", snap->rss_bytes);
  if (snap->shards.on)
    member_put(o, "shards", snapshot_json_shards(snap));
  if (*snap->hold != '\0')
    member_text(o, "hold", snap->hold);
  print(report, o);
}

static void on_done(struct report *report, const struct engine_event *event) {
  json_t *o = json_object();
  member_text(o, "event", "done");
  member_whole(o, "task", event->task);
  member_text(o, "url", event->url);
  member_text(o, "path", event->path);
  member_put(o, "bytes", json_integer(event->bytes));
  member_put(o, "status", json_integer(event->status));
  member_put(o, "attempts", json_integer(event->attempts));
  if (*event->digest != '\0')
    member_text(o, "digest", event->digest);
  else
    member_put(o, "digest", json_null());
  print(report, o);
}

static void on_failed(struct report *report, const struct engine_event *event) {
  json_t *o = json_object();
  member_text(o, "event", "failed");
  member_whole(o, "task", event->task);
  member_text(o, "url", event->url);
  member_text(o, "reason", event->reason);
  member_put(o, "status", json_integer(event->status));
  member_put(o, "attempts", json_integer(event->attempts));
  member_text(o, "state", task_state_name(event->state));
  print(report, o);
}

static void on_warning(struct report *report,
                       const struct engine_event *event) {
  json_t *o = json_object();
  member_text(o, "event", "warning");
  member_text(o, "source", event->url);
  member_text(o, "reason", event->reason);
  print(report, o);
}

static void event(struct report *report, const struct engine_event *what) {
  if (what->warning)
    on_warning(report, what);
  else if (what->state == TASK_FAILED || what->state == TASK_EXPIRED)
    on_failed(report, what);
  else if (what->state == TASK_DONE && report->verbose)
    on_done(report, what);
}

static void end(struct report *report, const struct snapshot *snap,
                int status) {
  const struct snap_totals *total = &snap->total;
  json_t *o = json_object();
  member_text(o, "event", "summary");
  member_real(o, "t", snap->t_s);
  member_whole(o, "done", total->done);
  member_whole(o, "failed", total->failed);
  member_whole(o, "cancelled", total->cancelled);
  member_whole(o, "expired", total->expired);
  member_whole(o, "pending", total->pending);
  member_whole(o, "bad_lines", total->bad_lines);
  member_whole(o, "bytes", total->bytes);
  member_whole(o, "requests", total->requests);
  member_whole(o, "retries", total->retries);
  member_whole(o, "throttled", total->throttled);
  if (snap->shards.on)
    member_put(o, "shards", snapshot_json_shards(snap));
  member_whole(o, "events_dropped", report->dropped);
  member_put(o, "exit", json_integer(status));
  print(report, o);
}

const struct report_ops report_json = {
    .begin = begin, .progress = progress, .event = event, .end = end};
