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
#include "complete.h"
#include "views.h"

#define MESSAGE_MS 6000
#define LOOK_MS 1000

const struct view *app__view(enum screen screen) {
  static const struct view *const views[SCREEN_COUNT] = {
      [SCREEN_TASKS] = &view_tasks,   [SCREEN_HOSTS] = &view_hosts,
      [SCREEN_GAUGES] = &view_gauges, [SCREEN_LOG] = &view_log,
      [SCREEN_HELP] = &view_help,     [SCREEN_DETAILS] = &view_details,
      [SCREEN_LIST] = &view_list,     [SCREEN_ADD] = &view_add,
      [SCREEN_ERRORS] = &view_errors, [SCREEN_LIMITS] = &view_limits,
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
  app->theme = theme_find(NULL);
  rows_init(&app->rows);
  trace_init(&app->trace);
  logbook_init(&app->logbook);
  errclass_init(&app->error_rows);
  addbox_init(&app->add);
}

void app_fini(struct app *app) {
  if (app->snap != NULL)
    app->engine->release(app->engine->arg, app->snap);
  prompt_fini(&app->prompt);
  rows_fini(&app->rows);
  logbook_fini(&app->logbook);
  errclass_fini(&app->error_rows);
  addbox_fini(&app->add);
  pager_close(app->pager);
  pager_free(app->list.shown);
  pager_free(app->classes);
  pager_free(app->class_hosts);
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

/* The table of tasks after another one: in its order of now, although keys have
 * just been pressed. */
static void show_tasks(struct app *app) {
  app->screen = SCREEN_TASKS;
  app->rows.anew = true;
}

/* Tabs stand side by side; other screens lie on top of what was there. */
void app__go(struct app *app, enum screen screen) {
  if (screen == app->screen)
    return;
  if (screen < SCREEN_TABS) {
    app->depth = 0;
  } else {
    if (app->depth == SCREEN_DEPTH) {
      app->depth--;
      memmove(&app->behind[0], &app->behind[1],
              (SCREEN_DEPTH - 1) * sizeof app->behind[0]);
    }
    app->behind[app->depth++] = app->screen;
  }
  if (screen == SCREEN_TASKS)
    show_tasks(app);
  else
    app->screen = screen;
}

bool app__back(struct app *app) {
  const struct view *view = app__view(app->screen);
  if (view->back != NULL && view->back(app))
    return true;
  if (app->depth > 0) {
    app->screen = app->behind[--app->depth];
    return true;
  }
  if (app->screen == SCREEN_TASKS)
    return false;
  show_tasks(app);
  return true;
}

const struct snap_task *app__task(const struct app *app, uint64_t id) {
  for (size_t i = 0; app->snap != NULL && i < app->snap->task_count; i++)
    if (app->snap->tasks[i].id == id)
      return &app->snap->tasks[i];
  return NULL;
}

const struct snap_task *app__selected(const struct app *app) {
  if (app->screen == SCREEN_DETAILS)
    return app__task(app, app->focus);
  if (app->snap == NULL || app->rows.count == 0)
    return NULL;
  return &app->snap->tasks[app->rows.index[app->rows.cursor]];
}

const struct snap_host *app__host(const struct app *app, const char *name) {
  for (size_t i = 0; app->snap != NULL && i < app->snap->host_count; i++)
    if (strncmp(app->snap->hosts[i].name, name, sizeof app->host - 1) == 0)
      return &app->snap->hosts[i];
  return NULL;
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

/* A frozen picture stays until the run has ended; answers are told. */
static bool is_held(struct app *app, const struct snapshot *snap) {
  if (!app->frozen || app->snap == NULL || snap->finished)
    return false;
  logbook_take(&app->logbook, snap);
  take_reply(app, snap);
  return true;
}

/* Another screen on the same run may look at another task. */
static void want_look(struct app *app) {
  bool lacks = app->screen == SCREEN_DETAILS && app->focus != 0 &&
               app->snap->look_task != app->focus && !app->snap->finished;
  if (!lacks || (app->look_ms > 0 && app->now_ms - app->look_ms < LOOK_MS))
    return;
  app->look_ms = app->now_ms;
  app__send(app, (struct command){.kind = CMD_LOOK, .task = app->focus});
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
  if (is_held(app, snap)) {
    app->engine->release(app->engine->arg, snap);
    return app->message_until_ms > now_ms ? 2 : 0;
  }
  int news = matters(old, snap) ? 2 : 1;
  app->snap = snap;
  if (old != NULL)
    app->engine->release(app->engine->arg, old);
  take_reply(app, snap);
  trace_take(&app->trace, snap);
  logbook_take(&app->logbook, snap);
  app__resort(app);
  want_look(app);
  return news;
}

int64_t app_due_ms(const struct app *app) {
  return app->message_until_ms > 0 ? app->message_until_ms : -1;
}

/* ---- the session's history ----------------------------------------------- */

void app__ask(struct app *app, const struct pager_wish *wish) {
  if (app->pager == NULL && app->snap != NULL &&
      app->snap->session_dir[0] != '\0') {
    int rc = pager_open(&app->pager, app->snap->session_dir);
    if (rc < 0)
      app__say(app, ROLE_ALERT, "%s", err_text(rc));
  }
  if (app->pager != NULL)
    pager_ask(app->pager, wish);
}

int app_pager_fd(const struct app *app) {
  return app->pager != NULL ? pager_fd(app->pager) : -1;
}

void app__take_result(struct app *app, struct pager_result *result) {
  struct pager_result **place =
      result->wish.what == PAGER_CLASSES ? &app->classes : &app->class_hosts;
  if (result->wish.what == PAGER_WRITE) {
    act__written(app, result);
    pager_free(result);
    return;
  }
  if (result->wish.what == PAGER_PAGE) {
    view__list_result(app, result);
    return;
  }
  pager_free(*place);
  *place = result;
}

void app_paged(struct app *app, int64_t now_ms) {
  app->now_ms = now_ms;
  struct pager_result *result = pager_take(app->pager);
  if (result != NULL)
    app__take_result(app, result);
}

/* ---- keys --------------------------------------------------------------- */

static void prompt_input(struct app *app, int key, bool pasted) {
  enum prompt_kind kind = app->prompt.kind;
  bool completes = kind == PROMPT_COMMAND ||
                   (kind == PROMPT_VALUE && app->asked == ACT_ADD_LIST);
  if (key == KEY__TAB && completes && !pasted) {
    complete(app);
    return;
  }
  enum prompt_result result = prompt_key(&app->prompt, key, pasted);
  if (result == PROMPT_ENTERED)
    act_entered(app, kind);
  else if (kind == PROMPT_FILTER)
    act_filter_typed(app, result == PROMPT_CANCELLED);
}

/* Pasted text goes where text belongs and nowhere else. */
static void on_paste(struct app *app, bool begins) {
  const struct view *view = app__view(app->screen);
  app->pasting = begins;
  if (!begins || app->prompt.kind != PROMPT_NONE || view->key != NULL)
    return;
  if (app->snap == NULL || app->engine->command == NULL)
    return;
  app__say(app, ROLE_WARN,
           "pasted text was left out: press a first, or : or /");
}

void app_key(struct app *app, int key, int64_t now_ms) {
  const struct view *view = app__view(app->screen);
  app->now_ms = now_ms;
  if (key == KEY__PASTE_BEGIN || key == KEY__PASTE_END) {
    on_paste(app, key == KEY__PASTE_BEGIN);
    return;
  }
  if (app->prompt.kind != PROMPT_NONE) {
    prompt_input(app, key, app->pasting);
    return;
  }
  if (view->key != NULL) {
    app->message_until_ms = 0;
    view->key(app, key, app->pasting);
    return;
  }
  if (app->pasting)
    return;
  rows_hold(&app->rows, now_ms);
  int action = keymap_find(&app->keys, view->where, key);
  if (action < 0)
    return;
  app->message_until_ms = 0;
  app->message_role = ROLE_TEXT;
  act_do(app, (enum action)action, key, "");
}

/* ---- the mouse ---------------------------------------------------------- */

static bool inside(const struct rect *rect, int y, int x) {
  return y >= rect->y && y < rect->y + rect->h && x >= rect->x &&
         x < rect->x + rect->w;
}

static void click_tab(struct app *app, int x) {
  for (int i = 0; i < SCREEN_TABS; i++)
    if (x < app->tab_end[i]) {
      app__go(app, (enum screen)i);
      return;
    }
}

void app_mouse(struct app *app, const struct mouse *mouse, int64_t now_ms) {
  const struct view *view = app__view(app->screen);
  const struct rect *table = &app->layout.part[PART_TABLE];
  app->now_ms = now_ms;
  if (app->prompt.kind != PROMPT_NONE)
    return;
  rows_hold(&app->rows, now_ms);
  if (mouse->what == MOUSE_UP || mouse->what == MOUSE_DOWN) {
    for (int i = 0; i < 3; i++)
      act_do(app, mouse->what == MOUSE_UP ? ACT_UP : ACT_DOWN, 0, "");
    return;
  }
  if (inside(&app->layout.part[PART_HEADER], mouse->y, mouse->x)) {
    click_tab(app, mouse->x);
    return;
  }
  if (!inside(table, mouse->y, mouse->x) || view->click == NULL)
    return;
  view->click(app, mouse->y - table->y);
  if (mouse->what == MOUSE_OPEN && view->open != NULL)
    view->open(app);
}

/* ---- the window's title -------------------------------------------------- */

static int percent(const struct snapshot *snap) {
  const struct snap_totals *total = &snap->total;
  int64_t all = total->tasks >= 0 ? total->tasks : total->tasks_guess;
  double part = all > 0 ? (double)total->done / (double)all : -1;
  if (total->bytes_expected > 0)
    part = (double)total->bytes / (double)total->bytes_expected;
  if (part < 0)
    return -1;
  return part >= 1 ? 100 : (int)(part * 100);
}

int app_title(const struct app *app, char *buf, size_t cap, bool *failed) {
  char rate[TEXT_NUMBER_CAP];
  const struct snapshot *snap = app->snap;
  *failed = false;
  if (snap == NULL) {
    snprintf(buf, cap, "spate");
    return -1;
  }
  int done = percent(snap);
  *failed = snap->total.failed + snap->total.expired > 0;
  if (done < 0)
    snprintf(buf, cap, "spate %s",
             text_rate(rate, sizeof rate, snap->bytes_per_s));
  else
    snprintf(buf, cap, "spate %d%% %s%s", done,
             text_rate(rate, sizeof rate, snap->bytes_per_s),
             snap->paused ? " paused" : "");
  return done;
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
  bool drawn = app->snap != NULL || app->screen == SCREEN_HELP;
  if (drawn && app->layout.part[PART_TABLE].h > 0)
    app__view(app->screen)->draw(app, &draw);
  chrome_bottom(app, &draw);
}
