/* SPDX-License-Identifier: MIT
 *
 * Gathering: bodies of tasks become records of shards (shards.h). A sink hands
 * its complete body over and waits; when the record is in its shard the sink
 * ends as if it had written a file, and the task is settled in the transaction
 * that keeps the shard's length.
 *
 * Names in the output directory are not looked at: a task's name is the key of
 * its record, and keys may repeat.
 *
 * Thread: the loop's, but gather_open().
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine_priv.h"
#include "redact.h"

#define URL_MAX (64u << 10)

static struct record *make_record(struct task *task) {
  size_t cap = 3 * strlen(task_target(task)) + 64;
  char *target = malloc(cap < URL_MAX ? cap : URL_MAX);
  struct record *record = NULL;
  if (target != NULL) {
    redact_url(task_target(task), target, cap < URL_MAX ? cap : URL_MAX);
    const char *url = task_shown_url(task);
    if (*url != '\0') /* no memory: a record that nobody could find */
      record = record_new(task->name, url, target);
  }
  free(target);
  return record;
}

void gather_head(struct engine *e, struct task *task,
                 const struct transfer *transfer) {
  const struct bytes *head = &transfer->head;
  if (!gathering(e))
    return;
  record_free(task->record);
  task->record = make_record(task);
  if (task->record == NULL)
    return; /* another is made at the end, without a head */
  task->record->head = malloc(head->len + 1);
  if (task->record->head == NULL)
    return;
  if (head->len > 0)
    memcpy(task->record->head, head->data, head->len);
  task->record->head_len = head->len;
}

/* A body put together from parts is the whole that a 200 would have brought. */
static int status_of(const struct task *task) {
  return task->status == 206 || task->status == 416 ? 200 : task->status;
}

static void on_body(void *arg, void *owner, struct sink *sink,
                    const struct sink_body *body) {
  struct engine *e = arg;
  struct task *task = owner;
  struct record *record = task->record;
  task->record = NULL;
  if (record == NULL)
    record = make_record(task);
  if (record != NULL && body->part != NULL)
    record->part = strdup(body->part);
  if (record == NULL || (body->part != NULL && record->part == NULL)) {
    record_free(record);
    sink_stored(sink, ERR_NOMEM, 0);
    return;
  }
  record->status = status_of(task);
  record->unix_s = (int64_t)time(NULL);
  record->size = body->size;
  record->data = body->data;
  record->owner = sink;
  shards_add(e->shards, record);
}

static void on_packed(void *arg, struct record *record) {
  (void)arg;
  sink_drop_body(record->owner);
}

static void on_stored(void *arg, struct record *record, int code,
                      int saved_errno) {
  (void)arg;
  sink_stored(record->owner, code, saved_errno);
}

static void on_full(void *arg) {
  engine__hold(arg, ERR_FULL, "the disk is full");
}

static void on_note(void *arg, bool error, const char *text) {
  struct engine *e = arg;
  eventlog_add(&e->log, error ? LOG_ERROR : LOG_INFO, 0, "%s", text);
}

static const struct shards_ops gather_ops = {on_packed, on_stored, on_full,
                                             on_note};

int gather_open(struct engine *e, struct errmsg *msg) {
  struct shards_config config = {.pool = &e->pool,
                                 .session = e->session,
                                 .dirfd = session_dirfd(e->session),
                                 .memory = &e->sinks.buffer_bytes,
                                 .form = e->config.output,
                                 .codec = e->config.shard_codec,
                                 .headers = e->config.shard_headers,
                                 .size = e->config.shard_size,
                                 .count = e->config.shard_count,
                                 .ops = &gather_ops,
                                 .arg = e};
  int code = shards_new(&e->shards, &config, msg);
  if (code == 0 && gathering(e)) {
    e->sinks.store = on_body;
    e->sinks.store_arg = e;
    e->transfers.keep_heads = true;
  }
  return code;
}

const char *gather_name(const struct engine *e, const struct task *task,
                        char *name, size_t cap) {
  if (!gathering(e))
    return task->name;
  snprintf(name, cap, SESSION_DIR "/body-%llu", (unsigned long long)task->id);
  return name;
}

/* Nothing will come but what is in the shards already. */
static bool only_shards_work(const struct engine *e) {
  return e->exhausted && e->counts.in[TASK_ACTIVE] == 0 &&
         e->counts.in[TASK_QUEUED] == 0 && e->counts.in[TASK_WAITING] == 0;
}

void gather_turn(struct engine *e) {
  struct shards_turn turn;
  if (e->shards == NULL)
    return;
  turn.now_ns = engine_now();
  turn.hurry =
      e->stopping || only_shards_work(e) || !list_empty(&e->sinks.starved);
  turn.blocked = e->hold_code == ERR_FULL;
  turn.lost = e->shards_lost;
  turn.give_up = e->stopping && (e->hold_code != 0 || turn.lost);
  shards_turn(e->shards, &turn);
}

bool gather_end(struct engine *e, bool complete) {
  if (e->shards == NULL)
    return true;
  return shards_end(e->shards, complete && !e->shards_lost &&
                                   !(e->stopping && e->hold_code != 0));
}

bool gather_is_short(const struct engine *e) {
  struct shards_figures f = {.unfinished = 0};
  if (e->shards != NULL)
    shards_figures(e->shards, &f);
  return e->shards_lost || f.unfinished > 0;
}

void gather_picture(const struct engine *e, struct snap_shards *shown) {
  struct shards_figures f;
  if (e->shards == NULL)
    return;
  shards_figures(e->shards, &f);
  *shown = (struct snap_shards){.on = gathering(e),
                                .shards = f.shards,
                                .open = f.open,
                                .records = f.records,
                                .bytes = (uint64_t)f.bytes,
                                .records_run = f.records_run,
                                .bytes_in = f.bytes_in_run,
                                .bytes_out = f.bytes_out_run,
                                .waiting = f.waiting,
                                .name = f.name,
                                .name_records = f.name_records,
                                .name_bytes = (uint64_t)f.name_bytes};
}

void gather_file_committed(void *arg, const char *name, int64_t bytes) {
  struct engine *e = arg;
  if (bytes == SESSION_FILE_LOST && e->shards != NULL) {
    e->shards_lost = true; /* no name or length is kept in this run any more */
    if (!e->stopping)
      engine__stop(e);
    return;
  }
  if (e->shards != NULL && !e->session_stopping)
    shards_file_committed(e->shards, name);
}
