/* SPDX-License-Identifier: MIT
 *
 * Where the engine meets other threads: snapshots go out, commands come in.
 * What both sides touch is guarded by the engine's mutex; neither waits for
 * the other longer than a copy takes.
 *
 * Thread: the door__ functions belong to the loop's, the engine_ functions to
 * all others.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "engine_priv.h"

#define SLACK_MAX_NS 50000000u

/* ---- the loop's side --------------------------------------------------------
 */

/* Is anybody's next snapshot due? One is made for all. */
static bool picture_is_due(struct engine *e, uint64_t now, bool always) {
  bool due = e->shown == NULL || always;
  for (struct engine_watch *w = e->watches; w != NULL && !due; w = w->next)
    due = w->taken && (e->picture_now || now >= w->next_ns);
  return due;
}

/* The loop looks now and then, so a little early is on time; what is late once
 * does not move those that follow. */
static void set_next(struct engine_watch *w, uint64_t now) {
  uint64_t slack = w->interval_ns / 10;
  if (now < w->next_ns)
    return;
  if (slack > SLACK_MAX_NS)
    slack = SLACK_MAX_NS;
  w->next_ns += w->interval_ns;
  if (w->next_ns <= now)
    w->next_ns = now + w->interval_ns - slack;
}

static void show(struct engine *e, const struct snapshot *fresh, uint64_t now,
                 bool always) {
  e->shown = fresh;
  for (struct engine_watch *w = e->watches; w != NULL; w = w->next) {
    if (!always && !e->picture_now && now < w->next_ns)
      continue;
    w->taken = false;
    set_next(w, now);
    if (w->wake != NULL)
      w->wake(w->arg);
  }
  e->picture_now = false;
}

bool door__publish(struct engine *e, bool always) {
  uint64_t now = engine_now();
  struct snapshot *fresh;
  const struct snapshot *old;
  bool due;
  uv_mutex_lock(&e->mutex);
  due = picture_is_due(e, now, always);
  uv_mutex_unlock(&e->mutex);
  fresh = due ? picture_take(e, now) : NULL;
  if (fresh == NULL)
    return !due;
  uv_mutex_lock(&e->mutex);
  old = e->shown;
  show(e, fresh, now, always);
  uv_mutex_unlock(&e->mutex);
  snapshot_unref(old);
  return true;
}

static void release(struct command *command) {
  free((char *)(uintptr_t)command->text);
}

void door__take_commands(struct engine *e) {
  for (;;) {
    struct command command;
    uv_mutex_lock(&e->mutex);
    if (e->queue_len == 0) {
      uv_mutex_unlock(&e->mutex);
      return;
    }
    command = e->queue[0];
    e->queue_len--;
    memmove(e->queue, e->queue + 1, e->queue_len * sizeof(command));
    uv_mutex_unlock(&e->mutex);
    control_run(e, &command);
    release(&command);
    hold__update(e);
  }
}

/* ---- the other threads' side
 * --------------------------------------------------------------- */

void engine_watch_add(struct engine *e, struct engine_watch *watch,
                      unsigned interval_ms, void (*wake)(void *arg),
                      void *arg) {
  uv_mutex_lock(&e->mutex);
  watch->interval_ns =
      (uint64_t)(interval_ms < 20 ? 20 : interval_ms) * 1000000;
  watch->next_ns = 0;
  watch->taken = true;
  watch->wake = wake;
  watch->arg = arg;
  watch->next = e->watches;
  e->watches = watch;
  uv_mutex_unlock(&e->mutex);
}

const struct snapshot *engine_watch_take(struct engine *e,
                                         struct engine_watch *watch) {
  const struct snapshot *snap;
  uv_mutex_lock(&e->mutex);
  snap = e->shown;
  if (snap != NULL)
    snapshot_ref(snap);
  watch->taken = true;
  uv_mutex_unlock(&e->mutex);
  return snap;
}

void engine_watch_remove(struct engine *e, struct engine_watch *watch) {
  struct engine_watch **at;
  uv_mutex_lock(&e->mutex);
  for (at = &e->watches; *at != NULL; at = &(*at)->next)
    if (*at == watch) {
      *at = watch->next;
      break;
    }
  uv_mutex_unlock(&e->mutex);
}

void engine_snapshot_every(struct engine *e, unsigned interval_ms) {
  uv_mutex_lock(&e->mutex);
  e->first.interval_ns =
      (uint64_t)(interval_ms < 20 ? 20 : interval_ms) * 1000000;
  e->first.next_ns = 0;
  uv_mutex_unlock(&e->mutex);
}

const struct snapshot *engine_snapshot(struct engine *e) {
  return engine_watch_take(e, &e->first);
}

/* With the mutex held. */
static int enqueue(struct engine *e, const struct command *command) {
  if (e->closed)
    return ERR_CLOSED;
  if (e->queue_len == e->queue_cap) {
    size_t cap = e->queue_cap > 0 ? e->queue_cap * 2 : 16;
    struct command *grown = realloc(e->queue, cap * sizeof(*grown));
    if (grown == NULL)
      return ERR_NOMEM;
    e->queue = grown;
    e->queue_cap = cap;
  }
  e->queue[e->queue_len++] = *command;
  uv_async_send(&e->async);
  return 0;
}

int engine_command(struct engine *e, const struct command *command) {
  struct command copy = *command;
  if (command->text != NULL) {
    if (strlen(command->text) > COMMAND_TEXT_MAX)
      return ERR_TOOBIG;
    copy.text = strdup(command->text);
    if (copy.text == NULL)
      return ERR_NOMEM;
  }
  uv_mutex_lock(&e->mutex);
  int code = enqueue(e, &copy);
  uv_mutex_unlock(&e->mutex);
  if (code != 0)
    release(&copy);
  return code;
}

void door__fini(struct engine *e) {
  for (size_t i = 0; i < e->queue_len; i++)
    release(&e->queue[i]);
  free(e->queue);
  snapshot_unref(e->shown);
}
