/* SPDX-License-Identifier: MIT
 *
 * From keys and typed lines to what they do, and what concerns screens and the
 * run as a whole. Ending the run asks first while transfers run.
 */
#include "config.h"

#include "act.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "views.h"

/* ---- moving about ------------------------------------------------------- */

int64_t app__distance(enum action action, uint64_t count, size_t page) {
  int64_t far = (int64_t)count + 1;
  int64_t leap = page > 2 ? (int64_t)page - 1 : 1;
  switch (action) {
  case ACT_DOWN:
    return 1;
  case ACT_UP:
    return -1;
  case ACT_PAGE_DOWN:
    return leap;
  case ACT_PAGE_UP:
    return -leap;
  case ACT_LAST:
    return far;
  default:
    return -far;
  }
}

static void scroll_lines(struct app *app, enum action action) {
  const struct view *view = app__view(app->screen);
  struct scroll *scroll = &app->scroll[app->screen];
  size_t count =
      app->snap != NULL || app->screen == SCREEN_HELP ? view->lines(app) : 0;
  int64_t most = count > scroll->page ? (int64_t)(count - scroll->page) : 0;
  int64_t top =
      (int64_t)scroll->top + app__distance(action, count, scroll->page);
  scroll->top = top < 0 ? 0 : top > most ? (size_t)most : (size_t)top;
  scroll->to_end = app->screen == SCREEN_LOG && (int64_t)scroll->top == most;
}

static void move(struct app *app, enum action action) {
  const struct view *view = app__view(app->screen);
  if (view->move != NULL)
    view->move(app, action);
  else if (view->lines != NULL)
    scroll_lines(app, action);
}

static void do_open(struct app *app, int key, const char *arg) {
  const struct view *view = app__view(app->screen);
  (void)key;
  (void)arg;
  if (view->open != NULL && app->snap != NULL)
    view->open(app);
}

static void do_goto(struct app *app, int key, const char *arg) {
  char *end;
  unsigned long long number = strtoull(arg, &end, 10);
  (void)key;
  if (arg[0] < '0' || arg[0] > '9' || *end != '\0') {
    app__say(app, ROLE_WARN, "write: goto N, the number of a task");
    return;
  }
  view__list_goto(app, number > 0 ? number - 1 : 0);
}

/* ---- screens ------------------------------------------------------------ */

static void do_next_screen(struct app *app, int key, const char *arg) {
  (void)key;
  (void)arg;
  int next = app->screen >= SCREEN_TABS ? 0 : ((int)app->screen + 1);
  app__go(app, (enum screen)(next % SCREEN_TABS));
}

static void do_errors(struct app *app, int key, const char *arg) {
  (void)key;
  (void)arg;
  if (app->screen != SCREEN_ERRORS)
    memset(&app->errors, 0, sizeof app->errors);
  app__go(app, SCREEN_ERRORS);
}

/* On the screen of errors: those of the selected row. */
static void do_list(struct app *app, int key, const char *arg) {
  unsigned kinds = 0;
  if (key != 0 && app->screen == SCREEN_ERRORS) {
    view__errors_list(app);
    return;
  }
  for (int i = 0; i < HISTORY_KINDS && arg[0] != '\0'; i++)
    if (strcmp(history_kind_name((enum history_kind)i), arg) == 0)
      kinds = HISTORY_BIT(i);
  if (arg[0] != '\0' && kinds == 0) {
    app__say(app, ROLE_WARN,
             "list: '%s' is none of pending, done, failed, expired, cancelled",
             arg);
    return;
  }
  view__list_open(app, kinds, "", "");
}

static void do_add(struct app *app, int key, const char *arg) {
  (void)key;
  if (app->snap != NULL)
    view__add_open(app, arg);
}

static void do_pane(struct app *app, int key, const char *arg) {
  (void)key;
  (void)arg;
  bool shown = app->layout.part[PART_DETAILS].h > 0;
  app->details = shown ? WISH_OFF : WISH_ON;
}

static void do_limits(struct app *app, int key, const char *arg) {
  (void)key;
  (void)arg;
  view__limits_open(app, app->screen == SCREEN_HOSTS ? LIMITS_OF_HOST
                                                     : LIMITS_OF_TASK);
}

static void do_reload(struct app *app, int key, const char *arg) {
  (void)key;
  (void)arg;
  if (app__send(app, (struct command){.kind = CMD_RELOAD}) != 0)
    app__say(app, ROLE_TEXT, "reading the INI files again");
}

static void do_limits_all(struct app *app, int key, const char *arg) {
  (void)key;
  (void)arg;
  view__limits_open(app, LIMITS_OF_ALL);
}

static void do_freeze(struct app *app, int key, const char *arg) {
  (void)key;
  (void)arg;
  app->frozen = !app->frozen;
  app__say(app, ROLE_TEXT, "%s",
           app->frozen ? "the picture is held; the run goes on (f: go on)"
                       : "the picture moves again");
}

static void do_mouse(struct app *app, int key, const char *arg) {
  (void)key;
  (void)arg;
  app->mouse = !app->mouse;
  app->new_looks = true;
  app__say(app, ROLE_TEXT, "%s",
           app->mouse ? "mouse on: wheel moves, a click selects, two open"
                      : "mouse off: the terminal selects and copies again");
}

static void do_theme(struct app *app, int key, const char *arg) {
  const struct theme *theme = arg[0] != '\0' ? theme_find(arg) : NULL;
  (void)key;
  if (theme == NULL) {
    app__say(app, ROLE_WARN, "theme: write one of %s", theme_names());
    return;
  }
  app->theme = theme;
  app->new_looks = true;
}

static void do_glyphs(struct app *app, int key, const char *arg) {
  const struct glyphs *glyphs = glyphs_find(arg);
  (void)key;
  if (glyphs == NULL) {
    app__say(app, ROLE_WARN, "glyphs: write one of %s", glyphs_names());
    return;
  }
  app->glyphs = glyphs;
  app->repaint = true;
}

/* ---- the run ------------------------------------------------------------ */

static void stop_now(struct app *app) {
  if (app__send(app, (struct command){.kind = CMD_STOP}) == 0) {
    app->leave = true;
    return;
  }
  app->stop_sent = true;
  app->message_until_ms = 0;
}

static void do_stop(struct app *app, int key, const char *arg) {
  (void)arg;
  if (app->stop_sent || (app->snap != NULL && app->snap->stopping)) {
    app->leave = true;
    return;
  }
  uint64_t running = app->snap != NULL
                         ? app->snap->total.active + app->snap->total.verifying
                         : 0;
  if (running == 0) {
    stop_now(app);
    return;
  }
  char question[PROMPT_CAP], count[TEXT_NUMBER_CAP];
  snprintf(question, sizeof question,
           "stop %s running transfer%s? `spate resume` goes on later (%s, Esc)",
           text_count(count, sizeof count, running), running == 1 ? "" : "s",
           key == 'q' ? "q or y" : "y");
  app->asked = ACT_QUIT;
  prompt_ask(&app->prompt, key == KEY__ESC ? 0 : key, question);
}

/* The run goes on. Nothing is lost by it, so that `:detach` does not ask. */
static void do_detach(struct app *app, int key, const char *arg) {
  (void)key;
  (void)arg;
  const char *why = app->engine->attached || app->engine->detach == NULL
                        ? NULL
                        : app->engine->detach(app->engine->arg);
  if (!app->engine->attached && app->engine->detach == NULL)
    why = "this screen cannot be left; start a run with -D to have none";
  else if (!app->engine->attached && app->snap != NULL && app->snap->paused)
    why = "in the background nothing would stay paused: P first";
  if (why != NULL)
    app__say(app, ROLE_WARN, "detach: %s", why);
  else
    app->detach = true;
}

static void do_quit(struct app *app, int key, const char *arg) {
  if (!app->engine->attached) {
    do_stop(app, key, arg);
    return;
  }
  if (app->snap == NULL || app->snap->stopping) {
    app->detach = true;
    return;
  }
  app->asked = ACT_DETACH;
  prompt_ask(&app->prompt, key == KEY__ESC ? 0 : key,
             key == 'q' ? "leave the screen? The run goes on; :stop stops it "
                          "(q or y, Esc)"
                        : "leave the screen? The run goes on; :stop stops it "
                          "(y, Esc)");
}

/* Esc alone must not end a run: it only goes back. */
static void do_back(struct app *app, int key, const char *arg) {
  if (app__back(app))
    return;
  if (key != KEY__ESC)
    do_quit(app, key, arg);
  else if (app->rows.filter.count > 0)
    act__filter(app, 0, "");
}

static void do_command(struct app *app, int key, const char *arg) {
  (void)key;
  prompt_open(&app->prompt, PROMPT_COMMAND, arg);
}

static void do_set(struct app *app, int key, const char *arg) {
  (void)key;
  act__set(app, arg);
}

/* ---- dispatch ----------------------------------------------------------- */

static act_fn *const handlers[ACTION_COUNT] = {
    [ACT_ADD] = do_add,
    [ACT_GOTO] = do_goto,
    [ACT_LIST] = do_list,
    [ACT_OPEN] = do_open,
    [ACT_PANE] = do_pane,
    [ACT_TOGGLE] = act__toggle,
    [ACT_TOGGLE_ALL] = act__toggle_all,
    [ACT_PAUSE] = act__pause,
    [ACT_RESUME] = act__resume,
    [ACT_DROP] = act__drop,
    [ACT_DROP_DATA] = act__drop_data,
    [ACT_RESTART] = act__restart,
    [ACT_PRIORITY_UP] = act__priority_up,
    [ACT_PRIORITY_DOWN] = act__priority_down,
    [ACT_PRIORITY] = act__priority,
    [ACT_TOP] = act__top,
    [ACT_BOTTOM] = act__bottom,
    [ACT_RETRY] = act__retry,
    [ACT_RETRY_FAILED] = act__retry_failed,
    [ACT_SET] = do_set,
    [ACT_LIMITS] = do_limits,
    [ACT_RELOAD] = do_reload,
    [ACT_LIMITS_ALL] = do_limits_all,
    [ACT_TAG] = act__tag,
    [ACT_TAG_INVERT] = act__invert_tags,
    [ACT_SORT] = act__sort,
    [ACT_REVERSE] = act__reverse,
    [ACT_FILTER] = act__filter,
    [ACT_LEVEL] = act__level,
    [ACT_NEXT_ERROR] = act__next_error,
    [ACT_PREV_ERROR] = act__previous_error,
    [ACT_NEXT_SCREEN] = do_next_screen,
    [ACT_ERRORS] = do_errors,
    [ACT_FREEZE] = do_freeze,
    [ACT_THEME] = do_theme,
    [ACT_GLYPHS] = do_glyphs,
    [ACT_MOUSE] = do_mouse,
    [ACT_COMMAND] = do_command,
    [ACT_SAVE_SCREEN] = act__save_screen,
    [ACT_URL] = act__url,
    [ACT_MIRROR] = act__mirror,
    [ACT_ADD_LIST] = act__add_list,
    [ACT_WRITE] = act__write,
    [ACT_BACK] = do_back,
    [ACT_DETACH] = do_detach,
    [ACT_STOP] = do_stop,
    [ACT_QUIT] = do_quit,
};

void act_do(struct app *app, enum action action, int key, const char *arg) {
  if (handlers[action] != NULL)
    handlers[action](app, key, arg);
  else if (action <= ACT_PAGE_UP)
    move(app, action);
  else if (action == ACT_MORE || action == ACT_LESS)
    view__limits_step(app, action == ACT_MORE ? 1 : -1);
  else if (action >= ACT_NET_UP && action <= ACT_BAND_UP)
    act__step_limit(app, action);
  else if (action >= ACT_TASKS && action <= ACT_LOG)
    app__go(app, (enum screen)(action - ACT_TASKS));
  else if (action == ACT_HELP)
    app__go(app, SCREEN_HELP);
  else if (action == ACT_REPAINT)
    app->repaint = true;
  else if (action == ACT_SUSPEND)
    app->suspend = true;
}

static void run_line(struct app *app, const char *line) {
  line += strspn(line, " :");
  size_t len = strcspn(line, " ");
  if (len == 0)
    return;
  int action = action_find(line, len);
  if (action < 0) {
    app__say(app, ROLE_ALERT, ":%.*s: there is no such command (? lists them)",
             (int)len, line);
    return;
  }
  app->message_until_ms = 0;
  app->message_role = ROLE_TEXT;
  act_do(app, (enum action)action, 0, line + len + strspn(line + len, " "));
}

void act_entered(struct app *app, enum prompt_kind kind) {
  struct errmsg msg;
  if (kind == PROMPT_COMMAND)
    run_line(app, app->prompt.text);
  else if (kind == PROMPT_FILTER &&
           !act__set_filter(app, app->prompt.text, &msg))
    app__say(app, ROLE_ALERT, "%s", msg.text);
  else if (kind == PROMPT_CONFIRM && app->asked == ACT_QUIT)
    stop_now(app);
  else if (kind == PROMPT_CONFIRM && app->asked == ACT_DETACH)
    app->detach = true;
  else if (kind == PROMPT_CONFIRM || kind == PROMPT_YES)
    act__answered(app);
  else if (kind == PROMPT_VALUE && app->asked == ACT_OPEN)
    view__limits_typed(app, app->prompt.text);
  else if (kind == PROMPT_VALUE && app->asked == ACT_URL)
    act__url_typed(app, app->prompt.text);
  else if (kind == PROMPT_VALUE && app->asked == ACT_ADD_LIST)
    act__list_typed(app, app->prompt.text);
}
