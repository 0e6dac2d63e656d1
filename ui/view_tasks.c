/* SPDX-License-Identifier: MIT
 *
 * The table of the tasks: one row each, columns as the layout places them.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "chrome.h"
#include "views.h"

static const char *const heads[COL_COUNT] = {
    [COL_MARK] = "",     [COL_STATE] = "S",   [COL_NAME] = "NAME",
    [COL_SIZE] = "SIZE", [COL_DONE] = "DONE", [COL_BAR] = "PROGRESS",
    [COL_RATE] = "RATE", [COL_ETA] = "ETA",   [COL_CX] = "CX",
    [COL_HOST] = "HOST",
};

static bool right_aligned(int column) {
  return column == COL_SIZE || column == COL_DONE || column == COL_RATE ||
         column == COL_ETA || column == COL_CX;
}

static void draw_head(const struct app *app, const struct draw *draw) {
  int sorted = sort_column(app->rows.sort);
  bool down = sort_descending(app->rows.sort) != app->rows.reverse;
  for (int i = 0; i < COL_COUNT; i++) {
    struct column_place at = app->layout.column[i];
    char text[32];
    if (at.w == 0 || heads[i][0] == '\0')
      continue;
    bool arrow = i == sorted && at.w >= 6;
    snprintf(text, sizeof text, "%s%s%s",
             arrow && right_aligned(i)
                 ? (down ? draw->glyphs->down : draw->glyphs->up)
                 : "",
             arrow && right_aligned(i) ? " " : "", heads[i]);
    enum role role = i == sorted ? ROLE_TITLE : ROLE_DIM;
    if (right_aligned(i))
      draw_right(draw, 0, at.x + at.w, role, "%s", text);
    else
      draw_text(draw, 0, at.x, role, text);
    if (arrow && !right_aligned(i))
      draw_text(draw, 0, at.x + (int)strlen(heads[i]) + 1, role,
                down ? draw->glyphs->down : draw->glyphs->up);
  }
}

static enum role state_role(enum task_state state) {
  switch (state) {
  case TASK_FAILED:
  case TASK_EXPIRED:
    return ROLE_ALERT;
  case TASK_WAITING:
  case TASK_VERIFYING:
    return ROLE_NOTE;
  case TASK_PAUSED:
    return ROLE_WARN;
  case TASK_DONE:
    return ROLE_GOOD;
  case TASK_ACTIVE:
    return ROLE_FIGURE;
  default:
    return ROLE_DIM;
  }
}

/* Text that ends at the end of the last of some columns. */
static void draw_span(const struct app *app, const struct draw *draw, int y,
                      int first, int last, enum role role, const char *text) {
  const struct column_place *column = app->layout.column;
  while (last > first && column[last].w == 0)
    last--;
  int begin = column[first].x;
  draw_clip(draw, y, begin, column[last].x + column[last].w - begin, role, text,
            TEXT_PAD | TEXT_RIGHT);
}

static void draw_amounts(const struct app *app, const struct draw *draw, int y,
                         const struct snap_task *task) {
  char text[TEXT_NUMBER_CAP], part[8];
  const char *mark = "";
  int64_t size = task->size;
  if (size < 0 && task->got > 0) {
    size = task->got;
    mark = "+";
  }
  text_bytes(text, sizeof text, size);
  struct column_place at = app->layout.column[COL_SIZE];
  if (at.w > 0)
    draw_right(draw, y, at.x + at.w, ROLE_TEXT, "%s%s", text, mark);
  if (task->size > 0 && task->got < task->size)
    snprintf(part, sizeof part, "%d%%",
             (int)((double)task->got * 100 / (double)task->size));
  else if (task->state == TASK_DONE || task->size > 0)
    snprintf(part, sizeof part, "100%%");
  else
    snprintf(part, sizeof part, "-");
  at = app->layout.column[COL_DONE];
  draw_right(draw, y, at.x + at.w, ROLE_TEXT, "%s", part);
}

static void draw_progress(const struct app *app, const struct draw *draw, int y,
                          const struct snap_task *task) {
  struct column_place at = app->layout.column[COL_BAR];
  if (at.w == 0)
    return;
  double part = task->size > 0 ? (double)task->got / (double)task->size : 0;
  if (task->state == TASK_VERIFYING && task->worked > 0 && task->size > 0)
    part = (double)task->worked / (double)task->size;
  if (task->state == TASK_DONE)
    part = 1;
  enum role role = task->state == TASK_ACTIVE ? ROLE_BAR
                   : task->state == TASK_DONE ? ROLE_GOOD
                                              : ROLE_DIM;
  draw_bar(draw, y, at.x, at.w, role, part, draw->glyphs->bar_full);
  if (task->state != TASK_VERIFYING)
    return;
  const char *word = at.w >= 13 ? " verifying " : " check ";
  int cells = (int)strlen(word);
  draw_text(draw, y, at.x + (at.w - cells) / 2, ROLE_NOTE, word);
}

static void draw_active(const struct app *app, const struct draw *draw, int y,
                        const struct snap_task *task) {
  const struct column_place *column = app->layout.column;
  char text[TEXT_NUMBER_CAP];
  bool asking = task->got == 0 && task->status == 0;
  draw_right(draw, y, column[COL_RATE].x + column[COL_RATE].w,
             asking ? ROLE_DIM : ROLE_FIGURE, "%s",
             asking ? "asking"
                    : text_rate(text, sizeof text, task->bytes_per_s));
  if (column[COL_ETA].w > 0)
    draw_right(draw, y, column[COL_ETA].x + column[COL_ETA].w, ROLE_TEXT, "%s",
               text_duration(text, sizeof text, task->eta_s));
  if (column[COL_CX].w > 0)
    draw_right(draw, y, column[COL_CX].x + column[COL_CX].w, ROLE_TEXT, "%d",
               task->connections < 100 ? task->connections : 99);
}

/* "try 2/5   in 14s" */
static void retry_text(const struct snap_task *task, char *buf, size_t cap) {
  char due[TEXT_NUMBER_CAP];
  int64_t seconds = (task->due_in_ms + 999) / 1000;
  if (task->due_in_ms < 0)
    snprintf(due, sizeof due, "soon");
  else if (seconds < 100)
    snprintf(due, sizeof due, "in %ds", (int)seconds);
  else
    text_duration(due, sizeof due, seconds);
  snprintf(buf, cap, "try %d/%d %8s", task->attempt, task->tries, due);
}

static void outcome_text(const struct snap_task *task, char *buf, size_t cap) {
  char clock[16];
  switch (task->state) {
  case TASK_QUEUED:
    snprintf(buf, cap, "%s%s", task->reason[0] != '\0' ? "" : "queued",
             task->reason);
    break;
  case TASK_WAITING:
    retry_text(task, buf, cap);
    break;
  case TASK_VERIFYING:
    snprintf(buf, cap, "%s", task->reason);
    break;
  case TASK_DONE:
    snprintf(buf, cap, "done %s",
             chrome__clock(task->ended_unix, clock, sizeof clock));
    break;
  case TASK_CANCELLED:
    snprintf(buf, cap, "dropped");
    break;
  default:
    snprintf(buf, cap, "%s",
             task->reason[0] != '\0' ? task->reason
                                     : task_state_name(task->state));
  }
}

static void draw_state(const struct app *app, const struct draw *draw, int y,
                       const struct snap_task *task) {
  char text[256];
  if (task->state == TASK_ACTIVE) {
    draw_active(app, draw, y, task);
    return;
  }
  outcome_text(task, text, sizeof text);
  bool failed = task->state == TASK_FAILED || task->state == TASK_EXPIRED;
  draw_span(app, draw, y, COL_RATE, failed ? COL_CX : COL_ETA,
            state_role(task->state), text);
  struct column_place cx = app->layout.column[COL_CX];
  if (!failed && cx.w > 0)
    draw_right(draw, y, cx.x + cx.w, ROLE_DIM, "-");
}

/* The host without scheme, which the details show. */
static const char *bare_host(const char *host) {
  const char *at = strstr(host, "://");
  return at != NULL ? at + 3 : host;
}

static void draw_row(const struct app *app, const struct draw *draw, int y,
                     const struct snap_task *task, bool selected) {
  const struct column_place *column = app->layout.column;
  struct draw row = *draw;
  if (selected)
    row.style = CELL_REVERSE;
  draw_fill(&row, y, 0, row.rect.w, ROLE_TEXT, " ");
  if (rows_tagged(&app->rows, task->id))
    draw_text(&row, y, 0, ROLE_WARN, draw->glyphs->tagged);
  else if (selected)
    draw_text(&row, y, 0, ROLE_TITLE, draw->glyphs->selected);
  char letter[2] = {task_state_letter(task->state), '\0'};
  draw_text(&row, y, column[COL_STATE].x, state_role(task->state), letter);
  bool over = task->state == TASK_DONE || task->state == TASK_CANCELLED;
  draw_clip(&row, y, column[COL_NAME].x, column[COL_NAME].w,
            over && !selected ? ROLE_DIM : ROLE_TEXT, task->name, 0);
  draw_amounts(app, &row, y, task);
  draw_progress(app, &row, y, task);
  draw_state(app, &row, y, task);
  if (column[COL_HOST].w > 0)
    draw_clip(&row, y, column[COL_HOST].x, column[COL_HOST].w, ROLE_DIM,
              bare_host(task->host), 0);
}

static void draw_table(struct app *app, const struct draw *draw) {
  struct rows *rows = &app->rows;
  int height = draw->rect.h;
  rows_show(rows, (size_t)height);
  for (int y = 0; y < height && rows->top + (size_t)y < rows->count; y++) {
    size_t row = rows->top + (size_t)y;
    bool selected = row == rows->cursor;
    draw_row(app, draw, y, &app->snap->tasks[rows->index[row]], selected);
    if (selected && app->prompt.kind == PROMPT_NONE) {
      draw->canvas->cursor_y = draw->rect.y + y;
      draw->canvas->cursor_x = draw->rect.x;
    }
  }
  if (rows->count == 0)
    draw_text(draw, 0, app->layout.column[COL_NAME].x, ROLE_DIM,
              rows->filter.count > 0 ? "no task matches the filter"
                                     : "no tasks in sight");
}

static void draw_tasks(struct app *app, const struct draw *draw) {
  const struct rect *part = app->layout.part;
  struct draw pane[PART_COUNT];
  for (int i = 0; i < PART_COUNT; i++)
    pane[i] = draw_in(draw, part[i]);
  if (part[PART_GRAPH].h > 0)
    view__graph(app, &pane[PART_GRAPH]);
  if (part[PART_GAUGES].h > 0)
    view__meters(app, &pane[PART_GAUGES]);
  if (part[PART_HEAD].h > 0)
    draw_head(app, &pane[PART_HEAD]);
  if (part[PART_TABLE].h > 0)
    draw_table(app, &pane[PART_TABLE]);
  if (part[PART_DETAILS].h > 0)
    view__pane(app, &pane[PART_DETAILS]);
  if (part[PART_LOG].h > 0)
    view__log_pane(app, &pane[PART_LOG]);
}

/* Below the last row is the list of all tasks, where the table has not all. */
static bool leads_on(const struct app *app, enum action action) {
  const struct snap_totals *total = &app->snap->total;
  const struct rows *rows = &app->rows;
  int64_t all = total->tasks >= 0 ? total->tasks : total->tasks_guess;
  bool down = action == ACT_DOWN || action == ACT_PAGE_DOWN;
  return down && rows->count > 0 && rows->cursor + 1 == rows->count &&
         rows->filter.count == 0 && all > (int64_t)rows->count;
}

/* Home gives the selection back to the first row, whoever stands there. */
static void move_tasks(struct app *app, enum action action) {
  if (app->snap != NULL && leads_on(app, action)) {
    view__list_lead(app, app->rows.selected);
    return;
  }
  rows_move(&app->rows, app__distance(action, app->rows.count, app->rows.page));
  app->rows.moved = action != ACT_FIRST;
}

static void open_task(struct app *app) {
  const struct snap_task *task = app__selected(app);
  if (task == NULL)
    return;
  app->focus = task->id;
  app->rows.moved = true;
  app->scroll[SCREEN_DETAILS].top = 0;
  app__go(app, SCREEN_DETAILS);
}

static void click_task(struct app *app, int y) {
  size_t row = app->rows.top + (size_t)y;
  if (row >= app->rows.count)
    return;
  app->rows.moved = true;
  rows_select(&app->rows, row);
}

const struct view view_tasks = {
    .title = "Tasks",
    .where = ON_TASKS,
    .draw = draw_tasks,
    .move = move_tasks,
    .open = open_task,
    .click = click_task,
};
