/* SPDX-License-Identifier: MIT
 *
 * What comes from files and goes to them: manifests that are added, lists and
 * screens that are written. And another URL for a task, which comes from
 * outside, too. New files are never written over old ones.
 */
#include "config.h"

#include "act.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "complete.h"
#include "text.h"
#include "views.h"

#define NAME_CELLS 30
#define PATH_CELLS 40

/* ---- another URL --------------------------------------------------------- */

static void send_url(struct app *app, enum command_kind kind,
                     const char *text) {
  struct command command = {.kind = kind, .task = app->focus, .text = text};
  if (app__send(app, command) != 0)
    app__say(app, ROLE_TEXT,
             kind == CMD_TASK_MIRROR ? "one more mirror for it"
                                     : "it gets another URL");
}

/* The task that is meant: in sight, or a row of the whole list. */
static uint64_t meant(const struct app *app) {
  const struct snap_task *task = app__selected(app);
  if (app->screen == SCREEN_LIST)
    return view__list_selected(app);
  if (app->screen == SCREEN_DETAILS)
    return app->focus;
  return task != NULL ? task->id : 0;
}

/* What a screen shows of a secret cannot be sent back: then the whole URL has
 * to be typed or pasted. */
static void ask_url(struct app *app) {
  char label[NAME_CELLS * 4 + 64], name[NAME_CELLS * 4 + 8];
  const struct snap_task *task = app__task(app, app->focus);
  bool whole = task != NULL && strstr(task->url, "***") == NULL;
  text_clip(name, sizeof name, task != NULL ? task->name : "this task",
            TEXT_WHOLE, NAME_CELLS, TEXT_MIDDLE, NULL);
  snprintf(label, sizeof label, "%s of %s:", whole ? "URL" : "new URL", name);
  app->asked = ACT_URL;
  prompt_ask_value(&app->prompt, label, whole ? task->url : "");
}

void act__url(struct app *app, int key, const char *arg) {
  uint64_t task = meant(app);
  (void)key;
  if (app->snap == NULL || task == 0) {
    app__say(app, ROLE_WARN, "no task is meant by that");
    return;
  }
  app->focus = task;
  if (arg[0] != '\0')
    send_url(app, CMD_TASK_URL, arg);
  else
    ask_url(app);
}

void act__mirror(struct app *app, int key, const char *arg) {
  uint64_t task = meant(app);
  (void)key;
  if (app->snap == NULL || task == 0 || arg[0] == '\0') {
    app__say(app, ROLE_WARN, "write: mirror URL, with a task selected");
    return;
  }
  app->focus = task;
  send_url(app, CMD_TASK_MIRROR, arg);
}

void act__url_typed(struct app *app, const char *text) {
  const struct snap_task *task = app__task(app, app->focus);
  text += strspn(text, " ");
  if (text[0] == '\0' || (task != NULL && strcmp(task->url, text) == 0))
    return;
  if (text[0] == '+')
    send_url(app, CMD_TASK_MIRROR, text + 1);
  else
    send_url(app, CMD_TASK_URL, text);
}

/* ---- manifests ----------------------------------------------------------- */

void act__add_list(struct app *app, int key, const char *arg) {
  (void)key;
  if (app->snap == NULL)
    return;
  if (arg[0] != '\0') {
    act__list_typed(app, arg);
    return;
  }
  app->asked = ACT_ADD_LIST;
  prompt_ask_value(&app->prompt, "manifest (Tab completes):", "");
}

/* The run may stand in another directory, or be another process. */
void act__list_typed(struct app *app, const char *text) {
  char typed[PATH_MAX], whole[PATH_MAX];
  complete_home(text, typed, sizeof typed);
  if (typed[0] == '\0')
    return;
  if (realpath(typed, whole) == NULL || access(whole, R_OK) != 0) {
    app__say(app, ROLE_ALERT, "%s: %s", typed, strerror(errno));
    return;
  }
  struct command command = {.kind = CMD_ADD_LIST, .text = whole};
  if (app__send(app, command) == 0)
    return;
  app->list.ahead = false; /* its lines are to be read, too */
  app__say(app, ROLE_TEXT, "adding the manifest %s", whole);
}

/* ---- lists --------------------------------------------------------------- */

/* A long path must not push the reason off the line's end. */
static void say_why_not(struct app *app, const char *action, const char *path) {
  char shown[256];
  const char *reason = strerror(errno);
  text_clip(shown, sizeof shown, path, TEXT_WHOLE, PATH_CELLS, TEXT_MIDDLE,
            NULL);
  app__say(app, ROLE_ALERT, "%s: %s: %s", action, shown, reason);
}

static int open_new(struct app *app, const char *action, const char *name,
                    FILE **file) {
  char path[PATH_MAX];
  complete_home(name, path, sizeof path);
  int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  *file = fd >= 0 ? fdopen(fd, "w") : NULL;
  if (*file != NULL)
    return 0;
  say_why_not(app, action, path);
  if (fd >= 0)
    close(fd);
  return ERR_IO;
}

static void say_written(struct app *app, FILE *file, const char *what,
                        const char *name) {
  bool failed = ferror(file) != 0;
  failed |= fclose(file) != 0;
  if (failed)
    app__say(app, ROLE_ALERT, "%s: %s", name, strerror(errno));
  else
    app__say(app, ROLE_TEXT, "%s written to %s", what, name);
}

/* A line for each row of the table: a manifest, but for what is secret. */
static void write_rows(struct app *app, const char *name) {
  FILE *file;
  char what[64];
  if (open_new(app, "write", name, &file) < 0)
    return;
  for (size_t i = 0; i < app->rows.count; i++) {
    const struct snap_task *task = &app->snap->tasks[app->rows.index[i]];
    char line[2048];
    text_clip(line, sizeof line, task->reason, TEXT_WHOLE, -1, 0, NULL);
    fprintf(file, "# %s%s%s\n", task_state_name(task->state),
            line[0] != '\0' ? ": " : "", line);
    fprintf(file, "%s\t%s\n", task->url, task->name);
  }
  snprintf(what, sizeof what, "%zu row%s", app->rows.count,
           app->rows.count == 1 ? " was" : "s were");
  say_written(app, file, what, name);
}

/* Of the whole session, by the reader's thread: it may be long. */
static void write_kinds(struct app *app, const char *name, unsigned kinds,
                        bool as_listed) {
  struct pager_wish wish = {.what = PAGER_WRITE, .kinds = kinds};
  if (as_listed)
    wish = app->list.wish;
  wish.what = PAGER_WRITE;
  complete_home(name, wish.path, sizeof wish.path);
  app__ask(app, &wish);
  app__say(app, ROLE_TEXT, "writing to %s ...", wish.path);
}

void act__written(struct app *app, const struct pager_result *result) {
  char count[TEXT_NUMBER_CAP];
  if (result->code < 0)
    app__say(app, ROLE_ALERT, "write: %s",
             result->msg.text[0] != '\0' ? result->msg.text
                                         : err_text(result->code));
  else
    app__say(app, ROLE_TEXT, "%s task%s written to %s",
             text_count(count, sizeof count, result->written),
             result->written == 1 ? " was" : "s were", result->wish.path);
}

/* "failed" and the like; remaining is pending for people. 0 none. */
static unsigned kinds_of(const char *word) {
  if (strcmp(word, "all") == 0)
    return (HISTORY_BIT(HISTORY_KINDS) - 1) & ~HISTORY_BIT(HISTORY_BAD);
  if (strcmp(word, "remaining") == 0)
    return HISTORY_BIT(HISTORY_PENDING);
  for (int i = 0; i < HISTORY_KINDS; i++)
    if (strcmp(history_kind_name((enum history_kind)i), word) == 0)
      return HISTORY_BIT(i);
  return 0;
}

static void keep_limits(struct app *app) {
  if (app__send(app, (struct command){.kind = CMD_KEEP_LIMITS}) != 0)
    app__say(app, ROLE_TEXT, "the session keeps the limits as they are");
}

void act__write(struct app *app, int key, const char *arg) {
  char name[PATH_MAX];
  size_t len = strcspn(arg, " ");
  const char *which = arg + len + strspn(arg + len, " ");
  (void)key;
  if (app->snap == NULL)
    return;
  if (len == 0) {
    keep_limits(app);
    return;
  }
  snprintf(name, sizeof name, "%.*s", (int)len, arg);
  unsigned kinds = kinds_of(which);
  if (which[0] != '\0' && kinds == 0 && strcmp(which, "shown") != 0)
    app__say(app, ROLE_WARN,
             "write: '%.20s' is none of shown, all, failed, remaining, done, "
             "expired, cancelled",
             which);
  else if (kinds != 0)
    write_kinds(app, name, kinds, false);
  else if (app->screen == SCREEN_LIST)
    write_kinds(app, name, 0, true);
  else
    write_rows(app, name);
}

/* ---- screens ------------------------------------------------------------- */

void act__save_screen(struct app *app, int key, const char *arg) {
  char line[4096];
  FILE *file;
  (void)key;
  if (arg[0] == '\0' || app->painted == NULL) {
    app__say(app, ROLE_WARN, "write: save-screen FILE");
    return;
  }
  /* As it is without the line that asks for it. */
  app_draw(app, (struct canvas *)(uintptr_t)app->painted, app->now_ms);
  if (open_new(app, "save-screen", arg, &file) < 0)
    return;
  for (int y = 0; y < app->painted->rows; y++) {
    canvas_line(app->painted, y, line, sizeof line);
    fprintf(file, "%s\n", line);
  }
  say_written(app, file, "the screen was", arg);
}
