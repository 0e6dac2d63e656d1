/* SPDX-License-Identifier: MIT
 *
 * See snapshot_json.h.
 */
#include "config.h"

#include "snapshot_json.h"

#include "member.h"

/* ---- parts ------------------------------------------------------------------
 */

json_t *snapshot_json_semaphore(const struct snap_sem *sem) {
  json_t *o = json_object();
  member_whole(o, "used", sem->used);
  member_whole(o, "limit", sem->limit);
  member_whole(o, "waiting", sem->waiting);
  return o;
}

json_t *snapshot_json_deadline(const struct snapshot *snap) {
  if (!snap->has_deadline)
    return json_null();
  json_t *o = json_object();
  member_put(o, "in_s", json_integer(snap->deadline_in_s));
  member_real(o, "needed_per_s", snap->needed_per_s);
  member_known(o, "will_miss", snap->will_miss);
  return o;
}

static const char *unit_name(enum limit_unit unit) {
  switch (unit) {
  case UNIT_COUNT:
    return "count";
  case UNIT_RATE:
    return "per_s";
  case UNIT_BYTES:
    return "bytes";
  case UNIT_SECONDS:
    return "seconds";
  case UNIT_SWITCH:
    return "switch";
  }
  return "";
}

json_t *snapshot_json_limit(const struct snapshot *snap, enum limit_id id) {
  const struct limit_info *info = limit_info(id);
  char text[64];
  json_t *o = json_object();
  member_text(o, "name", info->name);
  member_text(o, "value", limit_format(id, snap->limit[id], text, sizeof text));
  member_put(o, "number", json_real(snap->limit[id]));
  member_text(o, "unit", unit_name(info->unit));
  member_put(o, "min", json_real(info->min));
  member_put(o, "max", json_real(info->max));
  member_text(o, "default",
              limit_format(id, limit_default(id), text, sizeof text));
  return o;
}

json_t *snapshot_json_shards(const struct snapshot *snap) {
  const struct snap_shards *shards = &snap->shards;
  if (!shards->on)
    return json_null();
  json_t *o = json_object();
  member_whole(o, "shards", shards->shards);
  member_whole(o, "open", shards->open);
  member_whole(o, "records", shards->records);
  member_whole(o, "bytes", shards->bytes);
  member_whole(o, "records_run", shards->records_run);
  member_whole(o, "bytes_in", shards->bytes_in);
  member_whole(o, "bytes_out", shards->bytes_out);
  member_whole(o, "waiting", shards->waiting);
  member_put(o, "writing", json_null());
  if (shards->name != NULL && *shards->name != '\0') {
    json_t *writing = json_object();
    member_text(writing, "name", shards->name);
    member_whole(writing, "records", shards->name_records);
    member_whole(writing, "bytes", shards->name_bytes);
    member_put(o, "writing", writing);
  }
  return o;
}

json_t *snapshot_json_limits(const struct snapshot *snap) {
  json_t *list = json_array();
  for (int id = 0; id < LIMIT_COUNT; id++)
    (void)json_array_append_new(list,
                                snapshot_json_limit(snap, (enum limit_id)id));
  return list;
}

static void put_totals(json_t *o, const struct snap_totals *total) {
  member_known(o, "tasks", total->tasks);
  member_known(o, "tasks_guess", total->tasks_guess);
  member_whole(o, "pending", total->pending);
  member_whole(o, "queued", total->queued);
  member_whole(o, "waiting", total->waiting);
  member_whole(o, "active", total->active);
  member_whole(o, "verifying", total->verifying);
  member_whole(o, "paused_tasks", total->paused);
  member_whole(o, "done", total->done);
  member_whole(o, "done_before", total->done_before);
  member_whole(o, "failed", total->failed);
  member_whole(o, "cancelled", total->cancelled);
  member_whole(o, "expired", total->expired);
  member_whole(o, "bad_lines", total->bad_lines);
  member_whole(o, "bytes", total->bytes);
  member_known(o, "bytes_expected", total->bytes_expected);
  member_whole(o, "requests", total->requests);
  member_whole(o, "retries", total->retries);
  member_whole(o, "throttled", total->throttled);
}

static void put_rates(json_t *o, const struct snapshot *snap) {
  member_real(o, "bytes_per_s", snap->bytes_per_s);
  member_real(o, "bytes_per_s_avg", snap->bytes_per_s_avg);
  member_real(o, "bytes_per_s_peak", snap->bytes_per_s_peak);
  member_real(o, "requests_per_s", snap->requests_per_s);
  member_real(o, "done_per_s", snap->done_per_s);
  member_known(o, "eta_s", snap->eta_s);
}

static void put_semaphores(json_t *o, const struct snapshot *snap) {
  static const char *const names[] = {[SNAP_NET] = "net",
                                      [SNAP_DISK] = "disk",
                                      [SNAP_CPU] = "cpu",
                                      [SNAP_EXEC] = "exec"};
  for (int id = 0; id < SNAP_SEM_COUNT; id++)
    member_put(o, names[id], snapshot_json_semaphore(&snap->sem[id]));
}

json_t *snapshot_json_jobs(const struct snapshot *snap) {
  json_t *list = json_array();
  for (int i = 0; i < SNAP_JOBS; i++) {
    const struct snap_job *job = &snap->job[i];
    if (job->name == NULL || *job->name == '\0')
      continue;
    json_t *o = json_object();
    member_text(o, "name", job->name);
    member_text(o, "kind", job->cpu ? "cpu" : "disk");
    member_whole(o, "waiting", job->waiting);
    member_whole(o, "running", job->running);
    member_whole(o, "jobs", job->jobs);
    member_real(o, "cpu_s", (double)job->cpu_us / 1e6);
    member_real(o, "waited_s", (double)job->waited_us / 1e6);
    member_real(o, "longest_ms", (double)job->longest_us / 1e3);
    member_real(o, "longest_cpu_ms", (double)job->longest_cpu_us / 1e3);
    json_array_append_new(list, o);
  }
  return list;
}

json_t *snapshot_json_programs(const struct snapshot *snap) {
  json_t *o = json_object();
  member_whole(o, "started", snap->exec_started);
  member_whole(o, "failed", snap->exec_failed);
  member_real(o, "cpu_s", (double)snap->exec_cpu_us / 1e6);
  return o;
}

static json_t *spread_json(const struct snap_spread *spread) {
  json_t *o = json_object();
  member_whole(o, "count", spread->count);
  member_whole(o, "p50", spread->p50);
  member_whole(o, "p90", spread->p90);
  member_whole(o, "p99", spread->p99);
  member_whole(o, "max", spread->max);
  return o;
}

static json_t *summary_json_of(const struct snap_summary *summary) {
  static const struct {
    const char *member, *others;
  } names[SNAP_BYS] = {[SNAP_BY_STATUS] = {"status", "status_others"},
                       [SNAP_BY_HOST] = {"host", "host_others"},
                       [SNAP_BY_TYPE] = {"type", "type_others"}};
  json_t *o = json_object();
  for (int by = 0; by < SNAP_BYS; by++) {
    json_t *list = json_array();
    for (size_t i = 0; i < SNAP_SHARES; i++) {
      const struct snap_share *share = &summary->share[by][i];
      json_t *one;
      if (share->name == NULL || *share->name == '\0')
        break;
      one = json_object();
      member_text(one, "name", share->name);
      member_whole(one, "tasks", share->tasks);
      json_array_append_new(list, one);
    }
    member_put(o, names[by].member, list);
    member_whole(o, names[by].others, summary->others[by]);
  }
  member_put(o, "size", spread_json(&summary->size));
  member_put(o, "latency_us", spread_json(&summary->latency_us));
  return o;
}

/* ---- status -----------------------------------------------------------------
 */

json_t *snapshot_json_status(const struct snapshot *snap) {
  json_t *o = json_object();
  member_text(o, "session", snap->session_dir);
  member_real(o, "t", snap->t_s);
  member_flag(o, "paused", snap->paused);
  member_flag(o, "stopping", snap->stopping);
  member_flag(o, "finished", snap->finished);
  member_text(o, "hold", snap->hold);
  put_totals(o, &snap->total);
  put_rates(o, snap);
  put_semaphores(o, snap);
  member_put(o, "jobs", snapshot_json_jobs(snap));
  member_put(o, "programs", snapshot_json_programs(snap));
  member_put(o, "deadline", snapshot_json_deadline(snap));
  member_put(o, "shards", snapshot_json_shards(snap));
  return o;
}

/* ---- everything -------------------------------------------------------------
 */

static json_t *task_row(const struct snap_task *task) {
  json_t *o = json_object();
  member_whole(o, "task", task->id);
  member_text(o, "state", task_state_name(task->state));
  member_text(o, "name", task->name);
  member_text(o, "host", task->host);
  member_text(o, "url", task->url);
  member_text(o, "reason", task->reason);
  member_known(o, "size", task->size);
  member_put(o, "got", json_integer(task->got));
  member_put(o, "worked", json_integer(task->worked));
  member_real(o, "bytes_per_s", task->bytes_per_s);
  member_known(o, "eta_s", task->eta_s);
  member_known(o, "due_in_ms", task->due_in_ms);
  member_put(o, "attempt", json_integer(task->attempt));
  member_put(o, "status", json_integer(task->status));
  return o;
}

static json_t *host_row(const struct snap_host *host) {
  json_t *o = json_object();
  member_text(o, "name", host->name);
  member_whole(o, "active", host->active);
  member_whole(o, "limit", host->limit);
  member_whole(o, "queued", host->queued);
  member_real(o, "requests_per_s", host->requests_per_s);
  member_real(o, "rate_limit", host->rate_limit);
  member_whole(o, "requests", host->requests);
  member_whole(o, "errors", host->errors);
  member_whole(o, "throttled", host->throttled);
  member_whole(o, "bytes", host->bytes);
  member_known(o, "retry_in_ms", host->retry_in_ms);
  member_whole(o, "ttfb_p50_us", host->ttfb_p50_us);
  member_whole(o, "ttfb_p99_us", host->ttfb_p99_us);
  member_flag(o, "adaptive", host->adaptive);
  member_text(o, "governor", host->governor);
  member_text(o, "breaker", host->breaker);
  return o;
}

static const char *level_name(enum log_level level) {
  static const char *const names[] = {"debug", "info", "warn", "error"};
  return names[level];
}

static json_t *log_row(const struct snap_log *line) {
  json_t *o = json_object();
  member_put(o, "unix_ms", json_integer(line->unix_ms));
  member_text(o, "level", level_name(line->level));
  member_whole(o, "task", line->task);
  member_text(o, "text", line->text);
  return o;
}

static json_t *series(const double *value, size_t count) {
  json_t *list = json_array();
  for (size_t i = 0; i < count; i++)
    (void)json_array_append_new(
        list, value[i] < 0 ? json_null() : json_integer((json_int_t)value[i]));
  return list;
}

static void put_engine(json_t *o, const struct snapshot *snap) {
  json_t *loop = json_object();
  member_real(loop, "busy", snap->loop_busy);
  member_real(loop, "lag_ms_p99", snap->lag_p99_ms);
  member_real(loop, "lag_ms_max", snap->lag_max_ms);
  member_text(loop, "slowest", snap->slowest);
  member_real(loop, "slowest_ms", snap->slowest_ms);
  member_put(o, "loop", loop);
  member_real(o, "rate_level", snap->rate_level);
  member_whole(o, "commits", snap->commits);
  member_real(o, "commit_p50_ms", snap->commit_p50_ms);
  member_real(o, "commit_p99_ms", snap->commit_p99_ms);
  member_whole(o, "buffer_bytes", snap->buffer_bytes);
  member_whole(o, "buffer_limit", snap->buffer_limit);
  member_whole(o, "rss_bytes", snap->rss_bytes);
  member_whole(o, "log_errors", snap->log_errors);
}

static void put_rows(json_t *o, const struct snapshot *snap, size_t tasks) {
  json_t *list = json_array();
  member_whole(o, "task_rows", snap->task_count);
  for (size_t i = 0; i < snap->task_count && i < tasks; i++)
    (void)json_array_append_new(list, task_row(&snap->tasks[i]));
  member_put(o, "task", list);
  member_whole(o, "host_rows", snap->host_count);
  list = json_array();
  for (size_t i = 0; i < snap->host_count && i < SNAPSHOT_JSON_HOSTS; i++)
    (void)json_array_append_new(list, host_row(&snap->hosts[i]));
  member_put(o, "host", list);
  list = json_array();
  for (size_t i = 0; i < snap->log_count; i++)
    (void)json_array_append_new(list, log_row(&snap->log[i]));
  member_put(o, "log", list);
}

json_t *snapshot_json_whole(const struct snapshot *snap, size_t tasks) {
  json_t *o = snapshot_json_status(snap);
  member_whole(o, "seq", snap->seq);
  member_put(o, "unix_ms", json_integer(snap->unix_ms));
  if (snap->look_task != 0) {
    member_whole(o, "look_task", snap->look_task);
    member_text(o, "look", snap->look);
  }
  member_put(o, "limits", snapshot_json_limits(snap));
  member_put(o, "summary", summary_json_of(&snap->summary));
  put_engine(o, snap);
  member_put(o, "history_bytes_per_s",
             series(snap->history_bytes_per_s, snap->history_count));
  member_put(o, "history_requests_per_s",
             series(snap->history_requests_per_s, snap->history_count));
  put_rows(o, snap, tasks);
  return o;
}
