/* SPDX-License-Identifier: MIT
 *
 * spate status [DIR] [--json]: what a session has done, read from its database
 * without touching it; what a run is doing is asked of it, when there is one.
 * The main thread.
 */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ctl_client.h"
#include "history.h"
#include "member.h"
#include "say.h"
#include "session.h"
#include "status_shards.h"
#include "status_summary.h"
#include "subcommand.h"
#include "text.h"

#define ASK_MS 2000 /* a run that is slower is reported without */

/* What failed or expired, by class. */
struct failures {
  struct history_class *classes; /* taken */
  size_t count;
};

static int read_classes(const char *dir, struct failures *failures,
                        struct errmsg *msg) {
  struct history *history;
  int rc = history_open(&history, dir, msg);
  if (rc != 0)
    return rc;
  rc = history_classes(history, &failures->classes, &failures->count, msg);
  history_close(history);
  return rc;
}

static int64_t pending(const struct session_counts *counts) {
  uint64_t settled =
      counts->done + counts->failed + counts->cancelled + counts->expired;
  if (counts->tasks < 0 || (uint64_t)counts->tasks < settled)
    return counts->tasks < 0 ? -1 : 0;
  return counts->tasks - (int64_t)settled;
}

static json_t *classes_json(const struct history_class *classes, size_t count) {
  json_t *o = json_object();
  for (size_t i = 0; i < count; i++)
    member_whole(o, classes[i].name, classes[i].count);
  return o;
}

/* run is taken over; NULL when nobody runs it or answers. */
static void print_json(const char *dir, const struct session_status *status,
                       const struct failures *failures,
                       const struct shard_sum *shards,
                       const struct summary *summary, json_t *run) {
  const struct session_counts *counts = &status->counts;
  json_t *o = json_object();
  member_text(o, "session", dir);
  member_flag(o, "finished", status->finished);
  member_put(o, "pid",
             status->running_pid != 0 ? json_integer(status->running_pid)
                                      : json_null());
  member_known(o, "tasks", counts->tasks);
  member_known(o, "pending", pending(counts));
  member_whole(o, "done", counts->done);
  member_whole(o, "failed", counts->failed);
  member_put(o, "failures", classes_json(failures->classes, failures->count));
  member_whole(o, "cancelled", counts->cancelled);
  member_whole(o, "expired", counts->expired);
  member_whole(o, "bad_lines", counts->bad_lines);
  member_whole(o, "bytes", status->traffic.bytes);
  member_whole(o, "requests", status->traffic.requests);
  member_whole(o, "retries", status->traffic.retries);
  member_whole(o, "throttled", status->traffic.throttled);
  member_put(o, "created", json_integer(status->created_unix));
  member_put(o, "updated", json_integer(status->updated_unix));
  member_put(o, "shards", shard_sum_json(shards));
  member_put(o, "summary", summary_json(summary));
  member_put(o, "run", run != NULL ? run : json_null());
  json_dumpf(o, stdout, MEMBER_FORMAT);
  putchar('\n');
  json_decref(o);
}

static void print_time(const char *label, int64_t unix_s) {
  char text[64];
  struct tm tm;
  time_t t = (time_t)unix_s;
  if (localtime_r(&t, &tm) != NULL &&
      strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &tm) > 0)
    printf("%-10s %s\n", label, text);
}

static void print_count(const char *label, uint64_t count) {
  if (count > 0)
    printf("%-10s %" PRIu64 "\n", label, count);
}

static double number_of(const json_t *object, const char *name) {
  return json_number_value(json_object_get(object, name));
}

static void print_deadline(const json_t *deadline) {
  char left[TEXT_NUMBER_CAP];
  double in_s = number_of(deadline, "in_s");
  double will_miss = number_of(deadline, "will_miss");
  if (in_s > 0)
    printf("%-10s in %s: %.3g tasks a second are needed", "deadline",
           text_duration(left, sizeof left, (int64_t)in_s),
           number_of(deadline, "needed_per_s"));
  else
    printf("%-10s is over", "deadline");
  if (will_miss > 0)
    printf("; at the present rate %.0f will miss it", will_miss);
  putchar('\n');
}

static void print_hold(const char *hold) {
  char safe[512];
  text_clip(safe, sizeof safe, hold, TEXT_WHOLE, -1, 0, NULL);
  printf("%-10s %s\n", "waits", safe);
}

/* What the run itself says. */
static void print_run(const json_t *run) {
  char rate[TEXT_NUMBER_CAP], eta[TEXT_NUMBER_CAP];
  const json_t *deadline = json_object_get(run, "deadline");
  const char *hold = json_string_value(json_object_get(run, "hold"));
  double eta_s = number_of(run, "eta_s");
  printf("%-10s %.0f active, %s, %.1f requests/s", "now",
         number_of(run, "active"),
         text_rate(rate, sizeof rate, number_of(run, "bytes_per_s")),
         number_of(run, "requests_per_s"));
  if (eta_s > 0)
    printf(", ETA %s", text_duration(eta, sizeof eta, (int64_t)eta_s));
  if (json_is_true(json_object_get(run, "paused")))
    printf(", paused");
  if (json_is_true(json_object_get(run, "stopping")))
    printf(", stopping");
  putchar('\n');
  if (hold != NULL && *hold != '\0')
    print_hold(hold);
  if (json_is_object(deadline))
    print_deadline(deadline);
}

#define CLASSES_SHOWN 6

/* The most frequent classes of failures, and how to get at them. */
static void print_classes(const struct failures *failures) {
  for (size_t i = 0; i < failures->count && i < CLASSES_SHOWN; i++)
    printf("  %-8s %" PRIu64 "\n", failures->classes[i].name,
           failures->classes[i].count);
  if (failures->count > CLASSES_SHOWN)
    printf("  %-8s %zu\n", "classes", failures->count);
}

static void print_text(const char *dir, const struct session_status *status,
                       const struct failures *failures,
                       const struct shard_sum *shards,
                       const struct summary *summary, const json_t *run) {
  const struct session_counts *counts = &status->counts;
  char shown[1024], bytes[TEXT_NUMBER_CAP];
  text_clip(shown, sizeof shown, dir, TEXT_WHOLE, -1, 0, NULL);
  printf("%-10s %s: %s", "session", shown,
         status->finished ? "finished" : "unfinished");
  if (status->running_pid != 0)
    printf(", running (process %ld)", status->running_pid);
  putchar('\n');
  if (counts->tasks >= 0)
    printf("%-10s %" PRId64 "\n", "tasks", counts->tasks);
  else
    printf("%-10s %s\n", "tasks", "not known yet");
  printf("%-10s %" PRIu64 "\n", "done", counts->done);
  printf("%-10s %" PRIu64 "\n", "failed", counts->failed);
  print_classes(failures);
  print_count("cancelled", counts->cancelled);
  print_count("expired", counts->expired);
  print_count("bad lines", counts->bad_lines);
  if (pending(counts) > 0)
    print_count("left", (uint64_t)pending(counts));
  printf("%-10s %s in %" PRIu64 " requests, %" PRIu64 " retries, %" PRIu64
         " throttled\n",
         "received",
         text_bytes(bytes, sizeof bytes, (int64_t)status->traffic.bytes),
         status->traffic.requests, status->traffic.retries,
         status->traffic.throttled);
  shard_sum_print(shards);
  summary_print(summary);
  if (run != NULL)
    print_run(run);
  print_time("started", status->created_unix);
  print_time("updated", status->updated_unix);
}

int cmd_status(struct invocation *invocation) {
  struct errmsg msg = {""};
  struct session_status status;
  const char *dir = invocation_dir(invocation);
  int rc = session_status_read(dir, &status, &msg);
  if (rc != 0)
    return say_error(rc, &msg);
  struct failures failures = {0};
  struct shard_sum shards;
  struct summary summary = {0};
  rc = read_classes(dir, &failures, &msg);
  if (rc == 0)
    rc = shard_sum_read(&shards, dir, &msg);
  if (rc == 0)
    rc = session_summary_read(dir, &summary, &msg);
  if (rc != 0) {
    free(failures.classes);
    summary_fini(&summary);
    return say_error(rc, &msg);
  }
  json_t *run = NULL;
  /* A run that cannot be asked is no error: the database has told enough. */
  if (status.running_pid != 0 &&
      ctl_ask(dir, "status", NULL, ASK_MS, &run, NULL) != 0)
    run = NULL;
  if (options_flag(&invocation->options, OPT_JSON)) {
    print_json(dir, &status, &failures, &shards, &summary, run);
  } else {
    print_text(dir, &status, &failures, &shards, &summary, run);
    json_decref(run);
  }
  free(failures.classes);
  summary_fini(&summary);
  return say_printed();
}
