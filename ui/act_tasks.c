/* SPDX-License-Identifier: MIT
 *
 * Actions on tasks: what is tagged, matched by a filter or selected. Whatever
 * throws something away asks first; the question remembers which tasks it was
 * about, so that a list that moves meanwhile changes nothing.
 */
#include "config.h"

#include "act.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of a task's name in a sentence: the keys that answer a question stand behind
 * it, within 80 columns. */
#define NAME_CELLS 30

/* ---- which tasks -------------------------------------------------------- */

/* On the screen of errors: what the selected row stands for. */
static bool is_of_row(const struct app *app, const struct snap_task *task) {
  struct errclass_path path = app->errors;
  uint64_t at = app->listing[SCREEN_ERRORS].at;
  if (at >= app->error_rows.count)
    return false;
  const struct errclass_row *row = &app->error_rows.row[at];
  if (path.level == ERRCLASS_TASKS)
    return task->id == row->id;
  snprintf(path.level == ERRCLASS_KINDS ? path.kind : path.host, ERRCLASS_CAP,
           "%s", row->name);
  path.level++;
  return errclass_holds(&path, task);
}

static bool wanted(const struct app *app, const struct snap_task *task,
                   const struct filter *filter) {
  if (filter->count > 0)
    return filter_match(filter, task);
  if (app->screen == SCREEN_ERRORS)
    return is_of_row(app, task);
  if (app->rows.tags > 0 && app->screen == SCREEN_TASKS)
    return rows_tagged(&app->rows, task->id);
  const struct snap_task *selected = app__selected(app);
  return selected != NULL && selected->id == task->id;
}

/* Collects what arg matches, else the tagged tasks, else the selected one. */
static int choose(struct app *app, const char *arg) {
  struct filter filter = {.count = 0};
  struct errmsg msg;
  app->target_count = 0;
  if (app->snap == NULL || app->snap->task_count == 0)
    return 0;
  if (filter_parse(&filter, arg, &msg) < 0) {
    app__say(app, ROLE_ALERT, "%s", msg.text);
    return -1;
  }
  uint64_t *ids =
      realloc(app->targets, app->snap->task_count * sizeof *app->targets);
  if (ids == NULL) {
    app__say(app, ROLE_ALERT, "%s", err_text(ERR_NOMEM));
    return -1;
  }
  app->targets = ids;
  for (size_t i = 0; i < app->snap->task_count; i++)
    if (wanted(app, &app->snap->tasks[i], &filter))
      ids[app->target_count++] = app->snap->tasks[i].id;
  if (app->target_count == 0)
    app__say(app, ROLE_WARN, "no task is meant by that");
  return 0;
}

/* "NAME" or "12 tasks". */
static void describe(const struct app *app, char *buf, size_t cap) {
  const struct snap_task *task =
      app->target_count == 1 ? app__task(app, app->targets[0]) : NULL;
  if (task == NULL) {
    snprintf(buf, cap, "%zu tasks", app->target_count);
    return;
  }
  text_clip(buf, cap, task->name, TEXT_WHOLE, NAME_CELLS, TEXT_MIDDLE, NULL);
}

static size_t send_to_targets(struct app *app, enum command_kind kind,
                              unsigned states) {
  size_t sent = 0;
  for (size_t i = 0; i < app->target_count; i++) {
    const struct snap_task *task = app__task(app, app->targets[i]);
    if (task == NULL || (states >> task->state & 1u) == 0)
      continue;
    struct command command = {
        .kind = kind, .task = task->id, .value = app->value};
    if (app__send(app, command) == 0)
      break;
    sent++;
  }
  return sent;
}

#define OPEN_STATES                                             \
  (1u << TASK_QUEUED | 1u << TASK_WAITING | 1u << TASK_ACTIVE | \
   1u << TASK_VERIFYING)
#define RETRY_STATES                                               \
  (1u << TASK_WAITING | 1u << TASK_FAILED | 1u << TASK_CANCELLED | \
   1u << TASK_EXPIRED)
#define DROP_STATES \
  (OPEN_STATES | 1u << TASK_PAUSED | 1u << TASK_FAILED | 1u << TASK_EXPIRED)
#define ORDER_STATES (OPEN_STATES | 1u << TASK_PAUSED)

static void tell(struct app *app, size_t sent, const char *what,
                 const char *nothing) {
  char names[256];
  if (app->target_count == 0 || app->message_role == ROLE_ALERT)
    return;
  if (sent == 0) {
    app__say(app, ROLE_WARN, "%s", nothing);
    return;
  }
  describe(app, names, sizeof names);
  app__say(app, ROLE_TEXT, "%s %s", what, names);
}

/* ---- hosts --------------------------------------------------------------- */

static void toggle_host(struct app *app) {
  const struct snap_host *host = app__host(app, app->host);
  if (host == NULL)
    return;
  struct command command = {.kind =
                                host->paused ? CMD_RESUME_HOST : CMD_PAUSE_HOST,
                            .text = app->host};
  if (app__send(app, command) != 0)
    app__say(app, ROLE_TEXT, "%s %s",
             host->paused ? "going on with" : "pausing", app->host);
}

/* ---- tasks -------------------------------------------------------------- */

static void pause_or_resume(struct app *app, bool pause, const char *arg) {
  if (choose(app, arg) < 0)
    return;
  app->rows.moved = true; /* the key once more is about the same task */
  size_t sent = pause
                    ? send_to_targets(app, CMD_PAUSE_TASK, OPEN_STATES)
                    : send_to_targets(app, CMD_RESUME_TASK, 1u << TASK_PAUSED);
  tell(app, sent, pause ? "pausing" : "resuming",
       pause ? "there is nothing to pause in it" : "it is not paused");
}

void act__toggle(struct app *app, int key, const char *arg) {
  (void)key;
  if (app->screen == SCREEN_HOSTS && arg[0] == '\0') {
    toggle_host(app);
    return;
  }
  if (choose(app, arg) < 0 || app->target_count == 0)
    return;
  const struct snap_task *first = app__task(app, app->targets[0]);
  pause_or_resume(app, first == NULL || first->state != TASK_PAUSED, arg);
}

static void whole_run(struct app *app, bool pause) {
  enum command_kind kind = pause ? CMD_PAUSE_ALL : CMD_RESUME_ALL;
  if (app__send(app, (struct command){.kind = kind}) != 0)
    app__say(app, ROLE_TEXT,
             pause ? "pausing everything (P goes on)" : "resuming everything");
}

void act__toggle_all(struct app *app, int key, const char *arg) {
  (void)key;
  (void)arg;
  if (app->snap != NULL)
    whole_run(app, !app->snap->paused);
}

void act__pause(struct app *app, int key, const char *arg) {
  (void)key;
  if (arg[0] == '\0')
    whole_run(app, true);
  else
    pause_or_resume(app, true, arg);
}

void act__resume(struct app *app, int key, const char *arg) {
  (void)key;
  if (arg[0] == '\0')
    whole_run(app, false);
  else
    pause_or_resume(app, false, arg);
}

/* Asks about what the argument, the tags or the selection mean. */
static bool ask_about(struct app *app, const char *arg, enum action action,
                      char *names, size_t cap) {
  if (choose(app, arg) < 0 || app->target_count == 0)
    return false;
  describe(app, names, cap);
  app->asked = action;
  return true;
}

void act__drop(struct app *app, int key, const char *arg) {
  char names[256], question[PROMPT_CAP];
  if (!ask_about(app, arg, ACT_DROP, names, sizeof names))
    return;
  snprintf(question, sizeof question,
           "drop %s from the list? its data stays (y, Esc)", names);
  prompt_ask(&app->prompt, key, question);
}

void act__drop_data(struct app *app, int key, const char *arg) {
  char names[256], question[PROMPT_CAP];
  (void)key;
  if (!ask_about(app, arg, ACT_DROP_DATA, names, sizeof names))
    return;
  snprintf(question, sizeof question,
           "drop %s and delete its data? type yes:", names);
  prompt_ask_yes(&app->prompt, question);
}

void act__restart(struct app *app, int key, const char *arg) {
  char names[256], question[PROMPT_CAP];
  if (!ask_about(app, arg, ACT_RESTART, names, sizeof names))
    return;
  snprintf(question, sizeof question,
           "begin %s anew? what it has is lost (y, Esc)", names);
  prompt_ask(&app->prompt, key, question);
}

void act__answered(struct app *app) {
  static const struct {
    enum action action;
    enum command_kind kind;
    const char *doing;
  } answers[] = {
      {ACT_DROP, CMD_CANCEL_TASK, "dropping"},
      {ACT_DROP_DATA, CMD_DISCARD_TASK, "dropping with its data:"},
      {ACT_RESTART, CMD_RESTART_TASK, "beginning anew:"},
  };
  app->message_role = ROLE_TEXT;
  for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
    if (answers[i].action != app->asked)
      continue;
    size_t sent = send_to_targets(app, answers[i].kind, DROP_STATES);
    tell(app, sent, answers[i].doing, "it is over already");
    rows_untag_all(&app->rows);
  }
}

/* ---- order --------------------------------------------------------------- */

static void order(struct app *app, const char *arg, enum command_kind kind,
                  const char *doing) {
  if (choose(app, arg) < 0)
    return;
  size_t sent = send_to_targets(app, kind, ORDER_STATES);
  tell(app, sent, doing, "it is over already");
}

void act__priority_up(struct app *app, int key, const char *arg) {
  (void)key;
  order(app, arg, CMD_RAISE_TASK, "earlier:");
}

void act__priority_down(struct app *app, int key, const char *arg) {
  (void)key;
  order(app, arg, CMD_LOWER_TASK, "later:");
}

void act__top(struct app *app, int key, const char *arg) {
  (void)key;
  order(app, arg, CMD_TOP_TASK, "before all that wait:");
}

void act__bottom(struct app *app, int key, const char *arg) {
  (void)key;
  order(app, arg, CMD_BOTTOM_TASK, "behind all that wait:");
}

void act__priority(struct app *app, int key, const char *arg) {
  char *end;
  long value = strtol(arg, &end, 10);
  (void)key;
  if (end == arg || (*end != '\0' && *end != ' ')) {
    app__say(app, ROLE_WARN, "write: priority N [FILTER]; larger goes first");
    return;
  }
  if (choose(app, end) < 0)
    return;
  app->value = (double)value;
  size_t sent = send_to_targets(app, CMD_TASK_PRIORITY, ORDER_STATES);
  app->value = 0;
  tell(app, sent, "another priority:", "it is over already");
}

void act__retry(struct app *app, int key, const char *arg) {
  (void)key;
  if (choose(app, arg) < 0)
    return;
  size_t sent = send_to_targets(app, CMD_RETRY_TASK, RETRY_STATES);
  tell(app, sent, "retrying", "it has not failed and does not wait");
}

void act__retry_failed(struct app *app, int key, const char *arg) {
  (void)key;
  (void)arg;
  if (app__send(app, (struct command){.kind = CMD_RETRY_FAILED}) != 0)
    app__say(app, ROLE_TEXT, "retrying all that failed");
}
