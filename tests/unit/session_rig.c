/* SPDX-License-Identifier: MIT
 *
 * A stand-in for the engine; see session_rig.h.
 */
#include "config.h"

#include "session_rig.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define RUN_LIMIT_MS 60000

void rig_init(struct rig *rig) {
  const char *base = getenv("TMPDIR");
  *rig = (struct rig){.window = 64};
  snprintf(rig->dir, sizeof rig->dir, "%s/spate-XXXXXX",
           base != NULL ? base : "/tmp");
  assert_non_null(mkdtemp(rig->dir));
}

static void remove_tree(int dirfd, const char *name) {
  int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  DIR *dir = fd < 0 ? NULL : fdopendir(fd);
  if (dir == NULL) {
    unlinkat(dirfd, name, 0);
    return;
  }
  for (struct dirent *e = readdir(dir); e != NULL; e = readdir(dir))
    if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
      remove_tree(fd, e->d_name);
  closedir(dir);
  unlinkat(dirfd, name, AT_REMOVEDIR);
}

void rig_fini(struct rig *rig) {
  rig_reset(rig);
  free(rig->items);
  free(rig->todo);
  free(rig->todo_state);
  remove_tree(AT_FDCWD, rig->dir);
}

void rig_reset(struct rig *rig) {
  rig->item_count = rig->delivered = rig->settled = rig->committed = 0;
  rig->held = rig->exhausted = rig->bad_count = rig->troubles = 0;
  rig->todo_count = 0;
  rig->last_trouble = rig->worst_trouble = 0;
  rig->stopped = rig->stopping = false;
}

/* ---- hooks ------------------------------------------------------------- */

static void on_item(void *arg, const struct session_item *item) {
  struct rig *rig = arg;
  struct rig_item copy = {.id = item->id,
                          .line = item->line,
                          .started = item->started,
                          .written = item->written,
                          .failed_before = item->failed_before,
                          .partial = item->partial != NULL,
                          .priority = item->priority,
                          .ours_since = item->ours_since_unix_ns};
  if (item->partial != NULL)
    copy.durable = item->partial->durable;
  snprintf(copy.url, sizeof copy.url, "%s", item->url);
  snprintf(copy.out, sizeof copy.out, "%s", item->out ? item->out : "");
  rig->delivered++;
  if (!rig->quiet) {
    if (rig->item_count == rig->item_cap) {
      rig->item_cap = rig->item_cap ? rig->item_cap * 2 : 1024;
      rig->items = realloc(rig->items, rig->item_cap * sizeof *rig->items);
      assert_non_null(rig->items);
    }
    rig->items[rig->item_count++] = copy;
  }
  int state = rig->verdict ? rig->verdict(rig, &copy) : (int)TASK_DONE;
  if (state == RIG_HOLD) {
    rig->held++;
    return;
  }
  if (rig->todo_count == rig->todo_cap) {
    rig->todo_cap = rig->todo_cap ? rig->todo_cap * 2 : 1024;
    rig->todo = realloc(rig->todo, rig->todo_cap * sizeof *rig->todo);
    rig->todo_state =
        realloc(rig->todo_state, rig->todo_cap * sizeof *rig->todo_state);
    assert_non_null(rig->todo);
    assert_non_null(rig->todo_state);
  }
  rig->todo[rig->todo_count] = item->id;
  rig->todo_state[rig->todo_count++] = state;
}

static void on_bad_line(void *arg, const char *source, uint64_t line,
                        const char *why) {
  struct rig *rig = arg;
  assert_non_null(source);
  if (rig->bad_count < 64)
    rig->bad_line[rig->bad_count] = line;
  snprintf(rig->bad_why, sizeof rig->bad_why, "%s", why);
  rig->bad_count++;
}

static void on_committed(void *arg, const uint64_t *ids, size_t count) {
  struct rig *rig = arg;
  assert_true(ids[0] != 0);
  if (rig->saw_committed != NULL)
    rig->saw_committed(ids, count);
  rig->committed += count;
}

static void on_file(void *arg, const char *name, int64_t bytes) {
  struct rig *rig = arg;
  if (rig->saw_file != NULL)
    rig->saw_file(rig, name, bytes);
}

static void on_exhausted(void *arg) {
  struct rig *rig = arg;
  rig->exhausted++;
}

static void on_trouble(void *arg, int code, const char *text) {
  struct rig *rig = arg;
  assert_non_null(text);
  rig->last_trouble = code;
  if (code != 0) {
    rig->worst_trouble = code;
    rig->troubles++;
    snprintf(rig->msg.text, sizeof rig->msg.text, "%s", text);
  }
}

/* ---- the clock --------------------------------------------------------- */

static void settle_all(struct rig *rig) {
  if (rig->record != NULL && rig->todo_count > 0) {
    session_group_begin(rig->session);
    rig->record(rig, rig->todo, rig->todo_count);
  }
  for (size_t i = 0; i < rig->todo_count; i++) {
    enum task_state state = (enum task_state)rig->todo_state[i];
    struct session_result result = {.id = rig->todo[i],
                                    .state = state,
                                    .bytes = 100,
                                    .status = state == TASK_DONE ? 200 : 404,
                                    .attempts = 1,
                                    .reason =
                                        state == TASK_DONE ? "" : "not found"};
    if (rig->dress != NULL)
      rig->dress(rig, &result);
    if (!rig->marks_itself)
      session_mark_started(rig->session, rig->todo[i], false);
    if (state == TASK_DONE && !rig->marks_itself)
      session_mark_written(rig->session, rig->todo[i], false);
    session_settle(rig->session, &result);
    rig->settled++;
  }
  if (rig->record != NULL && rig->todo_count > 0)
    session_group_end(rig->session);
  rig->todo_count = 0;
}

static void on_stopped(void *arg) {
  struct rig *rig = arg;
  rig->stopped = true;
  uv_close((uv_handle_t *)&rig->clock, NULL);
}

/* Until then no more than a window has been delivered: not so many as a thread
 * that reads ahead lets pass on a busy machine. */
static bool waits_for_lists(struct rig *rig) {
  struct session_counts counts;
  session_counts(rig->session, &counts);
  if (!rig->read_first || counts.tasks >= 0)
    return false;
  if (rig->todo_count < rig->window)
    session_want(rig->session, rig->window - (unsigned)rig->todo_count);
  return true;
}

static void on_clock(uv_timer_t *clock) {
  struct rig *rig = clock->data;
  if (rig->stopping || waits_for_lists(rig))
    return;
  settle_all(rig);
  if (rig->tick != NULL)
    rig->tick(rig);
  bool over = rig->exhausted > 0 && rig->todo_count == 0 &&
              rig->committed >= rig->settled;
  if (over || (rig->stop_after > 0 && rig->delivered >= rig->stop_after)) {
    rig->stopping = true;
    session_counts(rig->session, &rig->counts);
    session_stop(rig->session, on_stopped, rig);
    return;
  }
  session_want(rig->session, rig->window);
}

/* ---- running ----------------------------------------------------------- */

void rig_open(struct rig *rig) {
  int rc = session_open(&rig->session, rig->dir, rig->durable, &rig->msg);
  if (rc != 0)
    fail_msg("session_open: %d %s", rc, rig->msg.text);
}

void rig_add_file(struct rig *rig, const char *path) {
  int rc = session_add_file(rig->session, path, &rig->msg);
  if (rc != 0)
    fail_msg("session_add_file: %d %s", rc, rig->msg.text);
}

static void on_guard(uv_timer_t *guard) {
  struct rig *rig = guard->data;
  fail_msg("the run hangs: %zu delivered, %zu settled, %zu committed, %zu "
           "exhausted, trouble %d",
           rig->delivered, rig->settled, rig->committed, rig->exhausted,
           rig->last_trouble);
}

void rig_run(struct rig *rig, bool keep) {
  struct session_hooks hooks = {.arg = rig,
                                .item = on_item,
                                .bad_line = on_bad_line,
                                .committed = on_committed,
                                .exhausted = on_exhausted,
                                .file = on_file,
                                .trouble = on_trouble,
                                .accepts = rig->accepts,
                                .full = rig->full,
                                .of_host = rig->of_host};
  uv_timer_t guard;
  assert_int_equal(uv_loop_init(&rig->loop), 0);
  uv_timer_init(&rig->loop, &rig->clock);
  uv_timer_init(&rig->loop, &guard);
  rig->clock.data = guard.data = rig;
  session_order(rig->session, &rig->order);
  int rc = session_start(rig->session, &rig->loop, &hooks, &rig->msg);
  if (rc != 0)
    fail_msg("session_start: %d %s", rc, rig->msg.text);
  uv_timer_start(&rig->clock, on_clock, 0, 1);
  uv_timer_start(&guard, on_guard, RUN_LIMIT_MS, 0);
  uv_unref((uv_handle_t *)&guard);
  uv_run(&rig->loop, UV_RUN_DEFAULT);
  assert_true(rig->stopped);
  session_counts(rig->session, &rig->counts);
  uv_close((uv_handle_t *)&guard, NULL);
  uv_run(&rig->loop, UV_RUN_DEFAULT);
  assert_int_equal(uv_loop_close(&rig->loop), 0);
  if (!keep)
    rig_close(rig, false);
}

void rig_close(struct rig *rig, bool forget) {
  session_close(rig->session, forget);
  rig->session = NULL;
}

void rig_session(struct rig *rig, const char *path) {
  rig_reset(rig);
  rig_open(rig);
  if (path != NULL)
    rig_add_file(rig, path);
  rig_run(rig, false);
}

/* ---- files ------------------------------------------------------------- */

void rig_write(struct rig *rig, const char *name, const char *data,
               size_t length, char *path, size_t cap) {
  snprintf(path, cap, "%s/%s", rig->dir, name);
  FILE *file = fopen(path, "w");
  assert_non_null(file);
  assert_int_equal(fwrite(data, 1, length, file), length);
  assert_int_equal(fclose(file), 0);
}

void rig_manifest(struct rig *rig, const char *name, size_t first, size_t count,
                  const char *sig, char *path, size_t cap) {
  snprintf(path, cap, "%s/%s", rig->dir, name);
  FILE *file = fopen(path, "w");
  assert_non_null(file);
  for (size_t i = first; i < first + count; i++)
    fprintf(file, "http://h.example/o/%08zu.bin?sig=%s\n", i, sig);
  assert_int_equal(fclose(file), 0);
}

const struct rig_item *rig_find(const struct rig *rig, uint64_t id) {
  for (size_t i = 0; i < rig->item_count; i++)
    if (rig->items[i].id == id)
      return &rig->items[i];
  return NULL;
}
