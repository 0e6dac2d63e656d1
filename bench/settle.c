/* SPDX-License-Identifier: MIT
 *
 * Settles every task of a manifest as done without fetching anything: what
 * a session of millions weighs, and what its books cost alone.
 *
 *   settle DIR MANIFEST LEAVE   (the first LEAVE tasks are left to do)
 *
 * It stands where the engine does; everything runs on the loop's thread.
 */
#include "config.h"

#include "session.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define WINDOW 4096

struct stand_in {
  struct session *session;
  uv_loop_t loop;
  uv_prepare_t prepare;
  uint64_t ids[WINDOW];
  size_t count;
  uint64_t settled, committed, leave;
  bool exhausted, stopping;
};

static void on_item(void *arg, const struct session_item *item) {
  struct stand_in *st = arg;
  uint64_t ordinal = item->id & ((UINT64_C(1) << TASK_ORDINAL_BITS) - 1);
  if (ordinal > st->leave && st->count < WINDOW)
    st->ids[st->count++] = item->id;
}

static void on_committed(void *arg, const uint64_t *ids, size_t count) {
  struct stand_in *st = arg;
  (void)ids;
  st->committed += count;
}

static void on_exhausted(void *arg) {
  struct stand_in *st = arg;
  st->exhausted = true;
}

static void on_trouble(void *arg, int code, const char *text) {
  (void)arg;
  if (code != 0)
    fprintf(stderr, "settle: %s\n", text);
}

static void on_stopped(void *arg) {
  struct stand_in *st = arg;
  uv_close((uv_handle_t *)&st->prepare, NULL);
}

static void on_prepare(uv_prepare_t *prepare) {
  struct stand_in *st = prepare->data;
  if (st->stopping)
    return;
  for (size_t i = 0; i < st->count; i++) {
    struct session_result result = {.id = st->ids[i],
                                    .state = TASK_DONE,
                                    .bytes = 100,
                                    .status = 200,
                                    .attempts = 1,
                                    .reason = ""};
    session_mark_started(st->session, result.id);
    session_mark_written(st->session, result.id);
    session_settle(st->session, &result);
  }
  st->settled += st->count;
  st->count = 0;
  if (st->exhausted && st->committed == st->settled) {
    st->stopping = true;
    session_stop(st->session, on_stopped, st);
  } else {
    session_want(st->session, WINDOW);
  }
}

static int run(struct stand_in *st, const char *dir, const char *manifest,
               struct errmsg *msg) {
  struct session_hooks hooks = {.arg = st,
                                .item = on_item,
                                .committed = on_committed,
                                .exhausted = on_exhausted,
                                .trouble = on_trouble};
  int rc = session_open(&st->session, dir, false, msg);
  if (rc == 0)
    rc = session_add_file(st->session, manifest, msg);
  uv_loop_init(&st->loop);
  uv_prepare_init(&st->loop, &st->prepare);
  st->prepare.data = st;
  if (rc == 0)
    rc = session_start(st->session, &st->loop, &hooks, msg);
  if (rc == 0)
    uv_prepare_start(&st->prepare, on_prepare);
  else
    uv_close((uv_handle_t *)&st->prepare, NULL);
  uv_run(&st->loop, UV_RUN_DEFAULT);
  session_close(st->session, false);
  uv_loop_close(&st->loop);
  return rc;
}

int main(int argc, char **argv) {
  struct errmsg msg;
  struct stand_in *st = calloc(1, sizeof *st);
  if (st == NULL || argc != 4) {
    fprintf(stderr, "usage: settle DIR MANIFEST LEAVE\n");
    return 2;
  }
  st->leave = strtoull(argv[3], NULL, 10);
  int rc = run(st, argv[1], argv[2], &msg);
  if (rc < 0)
    fprintf(stderr, "settle: %s\n", msg.text);
  else
    printf("%" PRIu64 " tasks settled\n", st->settled);
  free(st);
  return rc < 0 ? 1 : 0;
}
