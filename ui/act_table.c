/* SPDX-License-Identifier: MIT
 *
 * Actions on the table of the tasks: tags, order, filter, and the way from one
 * error to the next. The filter is the log's on the log's screen.
 */
#include "config.h"

#include "act.h"
#include "views.h"

#include <stdio.h>
#include <string.h>

/* ---- the table ---------------------------------------------------------- */

void act__tag(struct app *app, int key, const char *arg) {
  (void)key;
  (void)arg;
  const struct snap_task *task = app__selected(app);
  if (task == NULL)
    return;
  if (rows_tag(&app->rows, task->id) < 0)
    app__say(app, ROLE_ALERT, "%s", err_text(ERR_NOMEM));
  rows_move(&app->rows, 1);
}

void act__invert_tags(struct app *app, int key, const char *arg) {
  (void)key;
  (void)arg;
  for (size_t i = 0; i < app->rows.count; i++)
    if (rows_tag(&app->rows, app->rows.id[i]) < 0) {
      app__say(app, ROLE_ALERT, "%s", err_text(ERR_NOMEM));
      return;
    }
}

static void say_sort(struct app *app) {
  bool down = sort_descending(app->rows.sort) != app->rows.reverse;
  app__say(app, ROLE_TEXT, "sorted by %s, %s first", sort_name(app->rows.sort),
           app->rows.sort == SORT_STATE ? (down ? "the settled" : "the active")
           : down                       ? "the largest"
                                        : "the smallest");
}

void act__sort(struct app *app, int key, const char *arg) {
  (void)key;
  int field =
      arg[0] == '\0' ? (int)(app->rows.sort + 1) % SORT_COUNT : sort_find(arg);
  if (field < 0) {
    app__say(app, ROLE_ALERT,
             "sort: '%s' is no field; state, name, size, done, rate, eta, host",
             arg);
    return;
  }
  rows_sort_by(&app->rows, (enum sort_field)field, false);
  app__resort(app);
  say_sort(app);
}

void act__reverse(struct app *app, int key, const char *arg) {
  (void)key;
  (void)arg;
  rows_sort_by(&app->rows, app->rows.sort, !app->rows.reverse);
  app__resort(app);
  say_sort(app);
}

bool act__set_filter(struct app *app, const char *text, struct errmsg *msg) {
  if (app->screen == SCREEN_LIST) {
    view__list_search(app, text);
    return true;
  }
  if (app->screen == SCREEN_LOG) {
    snprintf(app->logbook.filter, sizeof app->logbook.filter, "%.*s",
             LOGBOOK_FILTER - 1, text);
    app->logbook.task = 0;
    return true;
  }
  if (filter_parse(&app->rows.filter, text, msg) < 0)
    return false;
  app->rows.anew = true;
  app__resort(app);
  return true;
}

void act__filter(struct app *app, int key, const char *arg) {
  struct errmsg msg;
  const char *present = app->screen == SCREEN_LOG    ? app->logbook.filter
                        : app->screen == SCREEN_LIST ? app->list.wish.text
                                                     : app->rows.filter.text;
  if (key != 0) {
    prompt_open(&app->prompt, PROMPT_FILTER, present);
    return;
  }
  if (!act__set_filter(app, arg, &msg))
    app__say(app, ROLE_ALERT, "%s", msg.text);
}

/* Half-typed words that cannot be parsed yet leave the table as it is. The
 * list of everything is searched when the word is whole. */
void act_filter_typed(struct app *app, bool cancelled) {
  struct errmsg msg;
  if (app->screen == SCREEN_LIST)
    return;
  (void)act__set_filter(app, cancelled ? "" : app->prompt.text, &msg);
}

static void seek_error(struct app *app, int step) {
  size_t count = app->rows.count;
  for (size_t i = 1; i <= count; i++) {
    size_t offset = step > 0 ? i : count - i % count;
    size_t row = (app->rows.cursor + offset) % count;
    const struct snap_task *task = &app->snap->tasks[app->rows.index[row]];
    if (task->state != TASK_FAILED && task->state != TASK_EXPIRED)
      continue;
    app->rows.moved = true;
    rows_select(&app->rows, row);
    app->focus = task->id;
    app__say(app, ROLE_ALERT, "%s", task->reason);
    return;
  }
  app__say(app, ROLE_TEXT, "no task of this list has failed");
}

void act__next_error(struct app *app, int key, const char *arg) {
  (void)key;
  (void)arg;
  seek_error(app, 1);
}

void act__previous_error(struct app *app, int key, const char *arg) {
  (void)key;
  (void)arg;
  seek_error(app, -1);
}

/* Debug lines come only where the run logs them. */
void act__level(struct app *app, int key, const char *arg) {
  static const char *const names[] = {"debug", "info", "warn", "error"};
  int level = ((int)app->logbook.level + 1) % 4;
  (void)key;
  if (arg[0] != '\0') {
    for (level = 0; level < 4; level++)
      if (strcmp(names[level], arg) == 0)
        break;
    if (level == 4) {
      app__say(app, ROLE_ALERT,
               "level: '%s' is none of debug, info, warn, error", arg);
      return;
    }
  }
  app->logbook.level = (enum log_level)level;
  app__say(app, ROLE_TEXT, "the log shows %s%s", names[level],
           level < LOG_ERROR ? " and worse" : "s");
}
