/* SPDX-License-Identifier: MIT
 *
 * spate status [DIR] [--json]: what a session has done, read from its database
 * without touching it. The main thread.
 */
#include "config.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "say.h"
#include "session.h"
#include "subcommand.h"
#include "text.h"

static void put(json_t *object, const char *name, json_t *value) {
  /* Without memory the member is missing, and json_dumpf() will say so. */
  int rc = json_object_set_new(object, name, value);
  (void)rc;
}

static json_t *or_null(int64_t value) {
  return value < 0 ? json_null() : json_integer(value);
}

static int64_t pending(const struct session_counts *counts) {
  uint64_t settled =
      counts->done + counts->failed + counts->cancelled + counts->expired;
  if (counts->tasks < 0 || (uint64_t)counts->tasks < settled)
    return counts->tasks < 0 ? -1 : 0;
  return counts->tasks - (int64_t)settled;
}

static void print_json(const char *dir, const struct session_status *status) {
  const struct session_counts *counts = &status->counts;
  json_t *o = json_object();
  put(o, "session", json_string(dir));
  put(o, "finished", json_boolean(status->finished));
  put(o, "pid",
      status->running_pid != 0 ? json_integer(status->running_pid)
                               : json_null());
  put(o, "tasks", or_null(counts->tasks));
  put(o, "pending", or_null(pending(counts)));
  put(o, "done", json_integer((json_int_t)counts->done));
  put(o, "failed", json_integer((json_int_t)counts->failed));
  put(o, "cancelled", json_integer((json_int_t)counts->cancelled));
  put(o, "expired", json_integer((json_int_t)counts->expired));
  put(o, "bad_lines", json_integer((json_int_t)counts->bad_lines));
  put(o, "bytes", json_integer((json_int_t)status->traffic.bytes));
  put(o, "requests", json_integer((json_int_t)status->traffic.requests));
  put(o, "retries", json_integer((json_int_t)status->traffic.retries));
  put(o, "throttled", json_integer((json_int_t)status->traffic.throttled));
  put(o, "created", json_integer(status->created_unix));
  put(o, "updated", json_integer(status->updated_unix));
  json_dumpf(o, stdout, JSON_COMPACT | JSON_ENSURE_ASCII | JSON_PRESERVE_ORDER);
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

static void print_text(const char *dir, const struct session_status *status) {
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
  if (options_flag(&invocation->options, OPT_JSON))
    print_json(dir, &status);
  else
    print_text(dir, &status);
  return fflush(stdout) == 0 ? 0 : 3;
}
