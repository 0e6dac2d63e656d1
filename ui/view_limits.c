/* SPDX-License-Identifier: MIT
 *
 * The limits of the run, of one host or of one task in a small form. Arrows
 * step the selected one, Enter takes a typed value; it holds at once.
 */
#include "config.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "act.h"
#include "views.h"

#define VALUE_CELLS 12
#define WHOLE ((enum limit_id)LIMIT_COUNT) /* a whole number, no limit's */

struct line {
  const char *name; /* NULL: the limit's own */
  enum limit_id id;
  enum command_kind kind;
  const char *about;
};

static const struct line run_lines[LIMIT_COUNT] = {
    {NULL, LIMIT_CONCURRENCY, CMD_SET_LIMIT, "transfers at once"},
    {NULL, LIMIT_PER_HOST, CMD_SET_LIMIT, "the same for each host"},
    {NULL, LIMIT_RATE, CMD_SET_LIMIT, "requests begun a second"},
    {NULL, LIMIT_PER_HOST_RATE, CMD_SET_LIMIT, "the same for each host"},
    {NULL, LIMIT_BANDWIDTH, CMD_SET_LIMIT, "bytes a second of all"},
    {NULL, LIMIT_HOST_BANDWIDTH, CMD_SET_LIMIT, "the same for each host"},
    {NULL, LIMIT_TRANSFER_BANDWIDTH, CMD_SET_LIMIT, "for each transfer"},
    {NULL, LIMIT_SPLIT, CMD_SET_LIMIT, "for one large file"},
    {NULL, LIMIT_MIN_SPLIT, CMD_SET_LIMIT, "no part is smaller"},
    {NULL, LIMIT_TRIES, CMD_SET_LIMIT, "how often a task is tried"},
    {NULL, LIMIT_RETRY_WAIT, CMD_SET_LIMIT, "before the second try; doubles"},
    {NULL, LIMIT_RETRY_MAX_WAIT, CMD_SET_LIMIT, "longest wait for a try"},
    {NULL, LIMIT_CONNECT_TIMEOUT, CMD_SET_LIMIT, "to connect"},
    {NULL, LIMIT_STALL_TIMEOUT, CMD_SET_LIMIT, "without a byte: try again"},
    {NULL, LIMIT_MAX_TIME, CMD_SET_LIMIT, "for one try"},
    {NULL, LIMIT_MIN_FREE, CMD_SET_LIMIT, "of the disk left to others"},
    {NULL, LIMIT_DISK_JOBS, CMD_SET_LIMIT, "writers at once"},
    {NULL, LIMIT_CPU_JOBS, CMD_SET_LIMIT, "checks at once"},
    {NULL, LIMIT_EXEC_JOBS, CMD_SET_LIMIT, "commands at once"},
    {NULL, LIMIT_ADAPTIVE, CMD_SET_LIMIT, "find what each host bears"},
};

static const struct line host_lines[] = {
    {NULL, LIMIT_PER_HOST, CMD_SET_HOST, "transfers at once"},
    {NULL, LIMIT_PER_HOST_RATE, CMD_SET_HOST, "requests begun a second"},
    {NULL, LIMIT_HOST_BANDWIDTH, CMD_SET_HOST, "bytes a second"},
    {NULL, LIMIT_ADAPTIVE, CMD_SET_HOST, "find what it bears"},
};

static const struct line task_lines[] = {
    {"limit-rate", LIMIT_TRANSFER_BANDWIDTH, CMD_TASK_RATE,
     "bytes a second of this task"},
    {"split", WHOLE, CMD_TASK_SPLIT,
     "connections from its next start; 0 auto"},
    {"priority", WHOLE, CMD_TASK_PRIORITY, "larger ones go first; 0 is usual"},
};

_Static_assert(sizeof host_lines / sizeof host_lines[0] <= LIMITS_LINES &&
                   sizeof task_lines / sizeof task_lines[0] <= LIMITS_LINES,
               "room for what was asked");

static size_t count_lines(const struct app *app) {
  switch (app->limits_of) {
  case LIMITS_OF_HOST:
    return sizeof host_lines / sizeof host_lines[0];
  case LIMITS_OF_TASK:
    return sizeof task_lines / sizeof task_lines[0];
  default:
    return LIMIT_COUNT;
  }
}

static const struct line *line_at(const struct app *app, size_t i) {
  if (i >= count_lines(app))
    return NULL;
  return app->limits_of == LIMITS_OF_HOST   ? &host_lines[i]
         : app->limits_of == LIMITS_OF_TASK ? &task_lines[i]
                                            : &run_lines[i];
}

static const char *line_name(const struct line *line) {
  return line->name != NULL ? line->name : limit_info(line->id)->name;
}

static size_t selected(const struct app *app) {
  return app->screen == SCREEN_LIMITS ? (size_t)app->listing[SCREEN_LIMITS].at
                                      : 0;
}

/* ---- values -------------------------------------------------------------- */

static double host_value(const struct app *app, enum limit_id id) {
  const struct snap_host *host = app__host(app, app->host);
  if (host == NULL)
    return 0;
  return id == LIMIT_PER_HOST        ? host->limit
         : id == LIMIT_PER_HOST_RATE ? host->rate_limit
         : id == LIMIT_ADAPTIVE      ? host->adaptive
                                     : host->byte_limit;
}

static double task_value(const struct app *app, enum command_kind kind) {
  const struct snap_task *task = app__task(app, app->focus);
  if (task == NULL)
    return 0;
  return kind == CMD_TASK_RATE    ? task->own_rate
         : kind == CMD_TASK_SPLIT ? task->own_split
                                  : task->priority;
}

/* What was asked for counts until a snapshot has answered. */
static double value_of(const struct app *app, size_t i) {
  const struct line *line = line_at(app, i);
  if (app->limits_of == LIMITS_OF_ALL)
    return act__limit(app, line->id);
  if (app->form_wanted[i].seq > app->snap->reply_seq)
    return app->form_wanted[i].value;
  return app->limits_of == LIMITS_OF_HOST ? host_value(app, line->id)
                                          : task_value(app, line->kind);
}

static char *value_text(const struct line *line, double value, char *buf,
                        size_t cap) {
  if (line->id == WHOLE)
    snprintf(buf, cap, "%.0f", value);
  else
    act__limit_text(line->id, value, buf, cap);
  return buf;
}

static void ask(struct app *app, size_t i, double value) {
  const struct line *line = line_at(app, i);
  char from[32], to[32];
  if (app->limits_of == LIMITS_OF_ALL) {
    act__ask_limit(app, line->id, value);
    return;
  }
  value_text(line, value_of(app, i), from, sizeof from);
  struct command command = {.kind = line->kind,
                            .limit = line->id,
                            .value = value,
                            .task = app->focus,
                            .text = app->host};
  if (app->limits_of == LIMITS_OF_HOST)
    command.task = 0;
  else
    command.text = NULL;
  if (line->id == WHOLE)
    command.limit = 0;
  uint64_t seq = app__send(app, command);
  if (seq == 0)
    return;
  app->form_wanted[i] = (struct wanted_limit){value, seq};
  app__say(app, ROLE_TEXT, "%s%s%s %s -> %s",
           app->limits_of == LIMITS_OF_HOST ? app->host : "this task",
           app->limits_of == LIMITS_OF_HOST ? " " : ": ", line_name(line), from,
           value_text(line, value, to, sizeof to));
}

/* ---- drawing ------------------------------------------------------------- */

static int name_cells(void) {
  int longest = 0;
  for (int i = 0; i < LIMIT_COUNT; i++) {
    int cells = (int)strlen(limit_info((enum limit_id)i)->name);
    longest = cells > longest ? cells : longest;
  }
  return longest;
}

static void draw_line(const struct app *app, const struct draw *draw, int y,
                      size_t i, bool marked) {
  const struct line *line = line_at(app, i);
  struct draw row = *draw;
  char text[32];
  double value = value_of(app, i);
  bool usual = app->limits_of == LIMITS_OF_ALL
                   ? fabs(value - limit_default(line->id)) < 1e-9
                   : fabs(value) < 1e-9;
  int x = name_cells() + 3;
  if (marked)
    row.style = CELL_REVERSE;
  draw_fill(&row, y, 0, row.rect.w, ROLE_TEXT, " ");
  if (marked)
    draw_text(&row, y, 0, ROLE_TITLE, draw->glyphs->selected);
  draw_text(&row, y, 2, ROLE_TEXT, line_name(line));
  draw_right(&row, y, x + VALUE_CELLS, usual ? ROLE_DIM : ROLE_FIGURE, "%s",
             value_text(line, value, text, sizeof text));
  x += VALUE_CELLS + 3;
  draw_clip(&row, y, x, row.rect.w - x, ROLE_DIM, line->about, 0);
}

static void form_title(const struct app *app, char *buf, size_t cap) {
  const struct snap_task *task = app__task(app, app->focus);
  if (app->limits_of == LIMITS_OF_HOST)
    snprintf(buf, cap, "limits of %s", app->host);
  else if (app->limits_of == LIMITS_OF_TASK)
    snprintf(buf, cap, "limits of %s",
             task != NULL ? task->name : "a task that has ended");
  else
    snprintf(buf, cap, "limits of the run");
}

static void draw_limits(struct app *app, const struct draw *draw) {
  struct draw body = draw_in(draw, app->layout.part[PART_TABLE]);
  struct listing *listing = &app->listing[SCREEN_LIMITS];
  size_t count = count_lines(app);
  char title[512];
  form_title(app, title, sizeof title);
  draw_rule(&body, 0, title,
            body.rect.w >= 70 ? "- +: change   Enter: type it" : "");
  int room = body.rect.h - 1;
  if (room < 1)
    return;
  listing_show(listing, count, (size_t)room);
  for (int i = 0; i < room && listing->top + (size_t)i < count; i++) {
    uint64_t at = listing->top + (uint64_t)i;
    draw_line(app, &body, 1 + i, (size_t)at, at == listing->at);
    if (at == listing->at && app->prompt.kind == PROMPT_NONE) {
      draw->canvas->cursor_y = body.rect.y + 1 + i;
      draw->canvas->cursor_x = body.rect.x;
    }
  }
}

/* ---- changing ------------------------------------------------------------ */

static void move_limits(struct app *app, enum action action) {
  struct listing *listing = &app->listing[SCREEN_LIMITS];
  listing_move(listing, app__distance(action, listing->count, listing->page));
}

static double task_measured(const struct app *app) {
  const struct snap_task *task = app__task(app, app->focus);
  return task != NULL ? task->bytes_per_s : 0;
}

/* What is going on now, from which a first limit is stepped down. */
static double measured(const struct app *app, enum limit_id id) {
  const struct snapshot *snap = app->snap;
  const struct snap_host *host = app__host(app, app->host);
  bool one = app->limits_of == LIMITS_OF_HOST && host != NULL;
  switch (id) {
  case LIMIT_PER_HOST:
    return one && host->active > 0 ? host->active
                                   : fmax(1, (double)snap->total.active);
  case LIMIT_RATE:
  case LIMIT_PER_HOST_RATE:
    return one ? host->requests_per_s : snap->requests_per_s;
  case LIMIT_BANDWIDTH:
  case LIMIT_HOST_BANDWIDTH:
    return snap->bytes_per_s;
  case LIMIT_TRANSFER_BANDWIDTH:
    return app->limits_of == LIMITS_OF_TASK ? task_measured(app)
                                            : snap->bytes_per_s;
  default:
    return limit_default(id);
  }
}

/* The form of a host may be stepped without being open. */
static bool turn_to(struct app *app) {
  if (app->screen == SCREEN_HOSTS) {
    if (app->limits_of != LIMITS_OF_HOST || app->form_moved)
      memset(app->form_wanted, 0, sizeof app->form_wanted);
    app->form_moved = false;
    app->limits_of = LIMITS_OF_HOST;
  }
  return app->snap != NULL && selected(app) < count_lines(app) &&
         (app->limits_of != LIMITS_OF_HOST || app->host[0] != '\0');
}

void view__limits_step(struct app *app, int direction) {
  if (!turn_to(app))
    return;
  size_t i = selected(app);
  const struct line *line = line_at(app, i);
  double value = value_of(app, i);
  double next = line->id == WHOLE
                    ? value + direction
                    : act__next_value(line->id, value, measured(app, line->id),
                                      direction);
  if (line->kind == CMD_TASK_SPLIT && next < 0)
    next = 0;
  if (next < 0 && line->id != WHOLE) {
    app__say(app, ROLE_TEXT, "%s: %s", line_name(line),
             direction > 0 ? "there is no limit to raise"
                           : "nothing is measured yet; Enter types a value");
    return;
  }
  ask(app, i, next);
}

static void open_limits(struct app *app) {
  size_t i = selected(app);
  const struct line *line = line_at(app, i);
  char label[64], text[32];
  if (line == NULL)
    return;
  snprintf(label, sizeof label, "%s:", line_name(line));
  if (line->id == WHOLE)
    value_text(line, value_of(app, i), text, sizeof text);
  else
    limit_format(line->id, value_of(app, i), text, sizeof text);
  app->asked = ACT_OPEN;
  prompt_ask_value(&app->prompt, label, text);
}

static int parse(const struct line *line, const char *text, double *value,
                 struct errmsg *msg) {
  char *end;
  if (line->id != WHOLE)
    return limit_parse(line->id, text, value, msg);
  *value = (double)strtol(text, &end, 10);
  if (end == text || *end != '\0' || fabs(*value) > 1e6)
    return err_set(msg, ERR_SYNTAX, "%s: '%.40s' is no whole number",
                   line->name, text);
  return 0;
}

void view__limits_typed(struct app *app, const char *text) {
  size_t i = selected(app);
  const struct line *line = line_at(app, i);
  struct errmsg msg;
  double value;
  if (line == NULL || app->snap == NULL)
    return;
  if (parse(line, text, &value, &msg) < 0)
    app__say(app, ROLE_ALERT, "%s", msg.text);
  else
    ask(app, i, value);
}

void view__limits_open(struct app *app, enum limits_of of) {
  const struct snap_task *task = app__selected(app);
  if (of == LIMITS_OF_TASK && task == NULL)
    return;
  if (of == LIMITS_OF_TASK)
    app->focus = task->id;
  if (of == LIMITS_OF_HOST && app->host[0] == '\0')
    return;
  app->limits_of = of;
  app->listing[SCREEN_LIMITS].at = 0;
  memset(app->form_wanted, 0, sizeof app->form_wanted);
  app__go(app, SCREEN_LIMITS);
}

static void click_limits(struct app *app, int y) {
  struct listing *listing = &app->listing[SCREEN_LIMITS];
  if (y >= 1 && listing->top + (uint64_t)(y - 1) < listing->count)
    listing->at = listing->top + (uint64_t)(y - 1);
}

const struct view view_limits = {
    .title = "Limits",
    .where = ON_LIMITS,
    .draw = draw_limits,
    .move = move_limits,
    .open = open_limits,
    .click = click_limits,
};
