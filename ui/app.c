/* SPDX-License-Identifier: MIT
 *
 * Takes snapshots and keys in and draws the frame that all screens share.
 */
#include "config.h"

#include "app.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "act.h"
#include "chrome.h"
#include "views.h"

#define MESSAGE_MS 6000

const struct view *app__view(enum screen screen) {
  static const struct view *const views[SCREEN_COUNT] = {
      [SCREEN_TASKS] = &view_tasks,   [SCREEN_HOSTS] = &view_hosts,
      [SCREEN_GAUGES] = &view_gauges, [SCREEN_LOG] = &view_log,
      [SCREEN_HELP] = &view_help,
  };
  return views[screen];
}

void app_init(struct app *app, const struct ui_engine *engine,
              const struct glyphs *glyphs) {
  memset(app, 0, sizeof *app);
  app->engine = engine;
  app->glyphs = glyphs;
  app->scroll[SCREEN_LOG].to_end = true;
  keymap_init(&app->keys);
  prompt_init(&app->prompt);
  rows_init(&app->rows);
}

void app_fini(struct app *app) {
  if (app->snap != NULL)
    app->engine->release(app->engine->arg, app->snap);
  prompt_fini(&app->prompt);
  rows_fini(&app->rows);
  free(app->targets);
  memset(app, 0, sizeof *app);
}

void app__say(struct app *app, enum role role, const char *fmt, ...) {
  va_list args;
  va_start(args, fmt);
  vsnprintf(app->message, sizeof app->message, fmt, args);
  va_end(args);
  app->message_role = role;
  app->message_until_ms = app->now_ms + MESSAGE_MS;
}

uint64_t app__send(struct app *app, struct command command) {
  command.seq = app->seq + 1;
  command.origin = "ui";
  int rc = app->engine->command(app->engine->arg, &command);
  if (rc < 0) {
    app__say(app, ROLE_ALERT, "%s", err_text(rc));
    return 0;
  }
  return ++app->seq;
}

void app__resort(struct app *app) {
  if (app->snap == NULL)
    return;
  int rc = rows_update(&app->rows, app->snap, app->now_ms);
  if (rc < 0)
    app__say(app, ROLE_ALERT, "%s", err_text(rc));
}

void app__go(struct app *app, enum screen screen) {
  if (screen == SCREEN_HELP && app->screen != SCREEN_HELP)
    app->before_help = app->screen;
  app->screen = screen;
}

const struct snap_task *app__selected(const struct app *app) {
  if (app->snap == NULL || app->rows.count == 0)
    return NULL;
  return &app->snap->tasks[app->rows.index[app->rows.cursor]];
}

/* ---- snapshots ---------------------------------------------------------- */

/* Is there more to it than other figures? */
static bool matters(const struct snapshot *old, const struct snapshot *now) {
  return old == NULL || old->reply_seq != now->reply_seq ||
         old->paused != now->paused || old->stopping != now->stopping ||
         old->finished != now->finished || strcmp(old->hold, now->hold) != 0 ||
         old->log_errors != now->log_errors;
}

static void take_reply(struct app *app, const struct snapshot *snap) {
  if (snap->reply_seq <= app->replies_seen)
    return;
  app->replies_seen = snap->reply_seq;
  if (snap->reply_text[0] != '\0')
    app__say(app, ROLE_WARN, "%s", snap->reply_text);
}

int app_fetch(struct app *app, int64_t now_ms) {
  app->now_ms = now_ms;
  const struct snapshot *snap = app->engine->snapshot(app->engine->arg);
  if (snap == NULL)
    return 0;
  const struct snapshot *old = app->snap;
  if (old != NULL && old->seq == snap->seq) {
    app->engine->release(app->engine->arg, snap);
    return 0;
  }
  int news = matters(old, snap) ? 2 : 1;
  app->snap = snap;
  if (old != NULL)
    app->engine->release(app->engine->arg, old);
  take_reply(app, snap);
  app__resort(app);
  return news;
}

int64_t app_due_ms(const struct app *app) {
  return app->message_until_ms > 0 ? app->message_until_ms : -1;
}

/* ---- keys --------------------------------------------------------------- */

static void prompt_input(struct app *app, int key, bool pasted) {
  enum prompt_kind kind = app->prompt.kind;
  if (key == KEY__TAB && kind == PROMPT_COMMAND && !pasted) {
    act_complete(app);
    return;
  }
  enum prompt_result result = prompt_key(&app->prompt, key, pasted);
  if (result == PROMPT_ENTERED)
    act_entered(app, kind);
  else if (kind == PROMPT_FILTER)
    act_filter_typed(app, result == PROMPT_CANCELLED);
}

void app_key(struct app *app, int key, int64_t now_ms) {
  app->now_ms = now_ms;
  if (key == KEY__PASTE_BEGIN || key == KEY__PASTE_END) {
    app->pasting = key == KEY__PASTE_BEGIN;
    if (app->pasting && app->prompt.kind == PROMPT_NONE)
      app__say(app, ROLE_WARN,
               "pasted text was left out: open `:` or `/` "
               "first");
    return;
  }
  if (app->prompt.kind != PROMPT_NONE) {
    prompt_input(app, key, app->pasting);
    return;
  }
  if (app->pasting)
    return;
  rows_hold(&app->rows, now_ms);
  int action = keymap_find(&app->keys, app__view(app->screen)->where, key);
  if (action < 0)
    return;
  app->message_until_ms = 0;
  app->message_role = ROLE_TEXT;
  act_do(app, (enum action)action, key, "");
}

/* ---- drawing ------------------------------------------------------------ */

void app_draw(struct app *app, struct canvas *canvas, int64_t now_ms) {
  app->now_ms = now_ms;
  app->painted = canvas;
  if (app->message_until_ms > 0 && now_ms >= app->message_until_ms)
    app->message_until_ms = 0;
  canvas_clear(canvas);
  struct layout_options options = {app->details};
  if (app->screen == SCREEN_TASKS)
    layout_main(&app->layout, canvas->rows, canvas->cols, &options);
  else
    layout_single(&app->layout, canvas->rows, canvas->cols);
  struct draw draw = {
      canvas, app->glyphs, {0, 0, canvas->rows, canvas->cols}, 0};
  if (app->screen == SCREEN_LOG && app->snap != NULL)
    app->errors_seen = app->snap->log_errors;
  chrome_top(app, &draw);
  if (app->snap != NULL || app->screen == SCREEN_HELP)
    app__view(app->screen)->draw(app, &draw);
  chrome_bottom(app, &draw);
}
