/* SPDX-License-Identifier: MIT
 *
 * Actions on tasks, screens and the run. Whatever throws something away or
 * ends the run asks first; the question remembers which tasks it was about,
 * so that a list that moves meanwhile changes nothing.
 */
#include "config.h"

#include "act.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NAME_CELLS 40 /* of a task's name in a sentence */

/* ---- which tasks -------------------------------------------------------- */

static bool wanted(const struct app *app, const struct snap_task *task,
                   const struct filter *filter) {
  if (filter->count > 0)
    return filter_match(filter, task);
  if (app->rows.tags > 0)
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

static const struct snap_task *find_task(const struct app *app, uint64_t id) {
  for (size_t i = 0; i < app->snap->task_count; i++)
    if (app->snap->tasks[i].id == id)
      return &app->snap->tasks[i];
  return NULL;
}

/* "NAME" or "12 tasks". */
static void describe(const struct app *app, char *buf, size_t cap) {
  const struct snap_task *task =
      app->target_count == 1 ? find_task(app, app->targets[0]) : NULL;
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
    const struct snap_task *task = find_task(app, app->targets[i]);
    if (task == NULL || (states >> task->state & 1u) == 0)
      continue;
    if (app__send(app, (struct command){.kind = kind, .task = task->id}) == 0)
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

/* ---- tasks -------------------------------------------------------------- */

static void pause_or_resume(struct app *app, bool pause, const char *arg) {
  if (choose(app, arg) < 0)
    return;
  size_t sent = pause
                    ? send_to_targets(app, CMD_PAUSE_TASK, OPEN_STATES)
                    : send_to_targets(app, CMD_RESUME_TASK, 1u << TASK_PAUSED);
  tell(app, sent, pause ? "pausing" : "resuming",
       pause ? "there is nothing to pause in it" : "it is not paused");
}

static void do_toggle(struct app *app, int key, const char *arg) {
  (void)key;
  if (choose(app, arg) < 0 || app->target_count == 0)
    return;
  const struct snap_task *first = find_task(app, app->targets[0]);
  pause_or_resume(app, first == NULL || first->state != TASK_PAUSED, arg);
}

static void whole_run(struct app *app, bool pause) {
  enum command_kind kind = pause ? CMD_PAUSE_ALL : CMD_RESUME_ALL;
  if (app__send(app, (struct command){.kind = kind}) != 0)
    app__say(app, ROLE_TEXT,
             pause ? "pausing everything (P goes on)" : "resuming everything");
}

static void do_toggle_all(struct app *app, int key, const char *arg) {
  (void)key;
  (void)arg;
  if (app->snap != NULL)
    whole_run(app, !app->snap->paused);
}

static void do_pause(struct app *app, int key, const char *arg) {
  (void)key;
  if (arg[0] == '\0')
    whole_run(app, true);
  else
    pause_or_resume(app, true, arg);
}

static void do_resume(struct app *app, int key, const char *arg) {
  (void)key;
  if (arg[0] == '\0')
    whole_run(app, false);
  else
    pause_or_resume(app, false, arg);
}

static void do_drop(struct app *app, int key, const char *arg) {
  char names[256], question[PROMPT_CAP];
  if (choose(app, arg) < 0 || app->target_count == 0)
    return;
  describe(app, names, sizeof names);
  snprintf(question, sizeof question, "drop %s from the list? (y, Esc)", names);
  app->asked = ACT_DROP;
  prompt_ask(&app->prompt, key, question);
}

static void drop_now(struct app *app) {
  app->message_role = ROLE_TEXT;
  size_t sent = send_to_targets(app, CMD_CANCEL_TASK, DROP_STATES);
  tell(app, sent, "dropping", "it is over already");
  rows_untag_all(&app->rows);
}

static void do_retry(struct app *app, int key, const char *arg) {
  (void)key;
  if (choose(app, arg) < 0)
    return;
  size_t sent = send_to_targets(app, CMD_RETRY_TASK, RETRY_STATES);
  tell(app, sent, "retrying", "it has not failed and does not wait");
}

static void do_retry_failed(struct app *app, int key, const char *arg) {
  (void)key;
  (void)arg;
  if (app__send(app, (struct command){.kind = CMD_RETRY_FAILED}) != 0)
    app__say(app, ROLE_TEXT, "retrying all that failed");
}

/* ---- the table ---------------------------------------------------------- */

static void do_tag(struct app *app, int key, const char *arg) {
  (void)key;
  (void)arg;
  const struct snap_task *task = app__selected(app);
  if (task == NULL)
    return;
  if (rows_tag(&app->rows, task->id) < 0)
    app__say(app, ROLE_ALERT, "%s", err_text(ERR_NOMEM));
  rows_move(&app->rows, 1);
}

static void do_tag_invert(struct app *app, int key, const char *arg) {
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

static void do_sort(struct app *app, int key, const char *arg) {
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

static void do_reverse(struct app *app, int key, const char *arg) {
  (void)key;
  (void)arg;
  rows_sort_by(&app->rows, app->rows.sort, !app->rows.reverse);
  app__resort(app);
  say_sort(app);
}

static bool set_filter(struct app *app, const char *text, struct errmsg *msg) {
  if (filter_parse(&app->rows.filter, text, msg) < 0)
    return false;
  app->rows.anew = true;
  app__resort(app);
  return true;
}

static void do_filter(struct app *app, int key, const char *arg) {
  struct errmsg msg;
  if (key != 0) {
    prompt_open(&app->prompt, PROMPT_FILTER, app->rows.filter.text);
    return;
  }
  if (!set_filter(app, arg, &msg))
    app__say(app, ROLE_ALERT, "%s", msg.text);
}

/* Half-typed words that cannot be parsed yet leave the table as it is. */
void act_filter_typed(struct app *app, bool cancelled) {
  struct errmsg msg;
  (void)set_filter(app, cancelled ? "" : app->prompt.text, &msg);
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
    app__say(app, ROLE_ALERT, "%s", task->reason);
    return;
  }
  app__say(app, ROLE_TEXT, "no task of this list has failed");
}

static void do_next_error(struct app *app, int key, const char *arg) {
  (void)key;
  (void)arg;
  seek_error(app, 1);
}

static void do_previous_error(struct app *app, int key, const char *arg) {
  (void)key;
  (void)arg;
  seek_error(app, -1);
}

static void do_details(struct app *app, int key, const char *arg) {
  (void)key;
  (void)arg;
  bool shown = app->layout.part[PART_DETAILS].h > 0;
  app->details = shown ? WISH_OFF : WISH_ON;
}

/* ---- moving about ------------------------------------------------------- */

/* How far a movement goes on a list of count lines seen page at a time. */
static int64_t distance(enum action action, size_t count, size_t page) {
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

static void move(struct app *app, enum action action) {
  const struct view *view = app__view(app->screen);
  if (view->lines == NULL) {
    rows_move(&app->rows, distance(action, app->rows.count, app->rows.page));
    /* Home gives the selection back to the first row, whoever stands there. */
    app->rows.moved = action != ACT_FIRST;
    return;
  }
  struct scroll *scroll = &app->scroll[app->screen];
  size_t count =
      app->snap != NULL || app->screen == SCREEN_HELP ? view->lines(app) : 0;
  int64_t most = count > scroll->page ? (int64_t)(count - scroll->page) : 0;
  int64_t top = (int64_t)scroll->top + distance(action, count, scroll->page);
  scroll->top = top < 0 ? 0 : top > most ? (size_t)most : (size_t)top;
  scroll->to_end = app->screen == SCREEN_LOG && (int64_t)scroll->top == most;
}

static void do_next_screen(struct app *app, int key, const char *arg) {
  (void)key;
  (void)arg;
  int next = app->screen >= SCREEN_TABS ? 0 : ((int)app->screen + 1);
  app__go(app, (enum screen)(next % SCREEN_TABS));
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

static void do_quit(struct app *app, int key, const char *arg) {
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

/* Esc alone must not end a run: it only goes back. */
static void do_back(struct app *app, int key, const char *arg) {
  if (app->screen == SCREEN_HELP)
    app__go(app, app->before_help);
  else if (app->screen != SCREEN_TASKS)
    app__go(app, SCREEN_TASKS);
  else if (key != KEY__ESC)
    do_quit(app, key, arg);
  else if (app->rows.filter.count > 0)
    do_filter(app, 0, "");
}

static void do_command(struct app *app, int key, const char *arg) {
  (void)key;
  prompt_open(&app->prompt, PROMPT_COMMAND, arg);
}

static void do_set(struct app *app, int key, const char *arg) {
  (void)key;
  act__set(app, arg);
}

static int write_canvas(const struct canvas *canvas, int fd) {
  char line[4096];
  for (int y = 0; y < canvas->rows; y++) {
    size_t len = canvas_line(canvas, y, line, sizeof line - 1);
    line[len++] = '\n';
    if (write(fd, line, len) != (ssize_t)len)
      return ERR_IO;
  }
  return 0;
}

static void do_save_screen(struct app *app, int key, const char *arg) {
  (void)key;
  if (arg[0] == '\0' || app->painted == NULL) {
    app__say(app, ROLE_WARN, "write: save-screen FILE");
    return;
  }
  int fd = open(arg, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  int rc = fd >= 0 ? write_canvas(app->painted, fd) : ERR_IO;
  int error = errno;
  if (fd >= 0)
    close(fd);
  if (rc < 0)
    app__say(app, ROLE_ALERT, "save-screen: %s: %s", arg, strerror(error));
  else
    app__say(app, ROLE_TEXT, "the screen was written to %s", arg);
}

/* ---- dispatch ----------------------------------------------------------- */

typedef void act_fn(struct app *app, int key, const char *arg);

static act_fn *const handlers[ACTION_COUNT] = {
    [ACT_DETAILS] = do_details,
    [ACT_TOGGLE] = do_toggle,
    [ACT_TOGGLE_ALL] = do_toggle_all,
    [ACT_PAUSE] = do_pause,
    [ACT_RESUME] = do_resume,
    [ACT_DROP] = do_drop,
    [ACT_RETRY] = do_retry,
    [ACT_RETRY_FAILED] = do_retry_failed,
    [ACT_SET] = do_set,
    [ACT_TAG] = do_tag,
    [ACT_TAG_INVERT] = do_tag_invert,
    [ACT_SORT] = do_sort,
    [ACT_REVERSE] = do_reverse,
    [ACT_FILTER] = do_filter,
    [ACT_NEXT_ERROR] = do_next_error,
    [ACT_PREV_ERROR] = do_previous_error,
    [ACT_NEXT_SCREEN] = do_next_screen,
    [ACT_COMMAND] = do_command,
    [ACT_SAVE_SCREEN] = do_save_screen,
    [ACT_BACK] = do_back,
    [ACT_QUIT] = do_quit,
};

void act_do(struct app *app, enum action action, int key, const char *arg) {
  if (handlers[action] != NULL)
    handlers[action](app, key, arg);
  else if (action <= ACT_PAGE_UP)
    move(app, action);
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
  else if (kind == PROMPT_FILTER && !set_filter(app, app->prompt.text, &msg))
    app__say(app, ROLE_ALERT, "%s", msg.text);
  else if (kind == PROMPT_CONFIRM && app->asked == ACT_DROP)
    drop_now(app);
  else if (kind == PROMPT_CONFIRM)
    stop_now(app);
}

/* ---- completion --------------------------------------------------------- */

/* The n-th word that can stand after the command; NULL at the end. */
static const char *candidate(const char *command, size_t len, int n) {
  if (len == 0)
    return n < ACTION_COUNT ? action_info((enum action)n)->name : NULL;
  if (strncmp(command, "set ", 4) == 0)
    return n < LIMIT_COUNT ? limit_info((enum limit_id)n)->name : NULL;
  if (strncmp(command, "sort ", 5) == 0)
    return n < SORT_COUNT ? sort_name((enum sort_field)n) : NULL;
  return NULL;
}

void act_complete(struct app *app) {
  struct prompt *prompt = &app->prompt;
  char list[256] = "", common[64] = "";
  size_t start = prompt->cursor;
  while (start > 0 && prompt->text[start - 1] != ' ')
    start--;
  size_t typed = prompt->cursor - start, have = 0;
  const char *word;
  int matches = 0;
  for (int i = 0; (word = candidate(prompt->text, start, i)) != NULL; i++) {
    if (strncmp(word, prompt->text + start, typed) != 0)
      continue;
    if (matches++ == 0)
      snprintf(common, sizeof common, "%s", word);
    size_t same = 0;
    while (common[same] != '\0' && common[same] == word[same])
      same++;
    common[same] = '\0';
    int more = snprintf(list + have, sizeof list - have, " %s", word);
    have = more > 0 && (size_t)more < sizeof list - have ? have + (size_t)more
                                                         : have;
  }
  if (matches == 0)
    return;
  if (matches == 1)
    snprintf(common + strlen(common), sizeof common - strlen(common), " ");
  prompt_complete(prompt, start, common);
  if (matches > 1)
    app__say(app, ROLE_TEXT, "%s", list + 1);
}
