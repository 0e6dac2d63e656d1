/* SPDX-License-Identifier: MIT
 *
 * What went wrong, by kind; Enter goes on to the hosts of a kind and to the
 * tasks of a host, and from there to a task's details.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "views.h"

#define COUNT_CELLS 8
#define CLASSES_MS 2000 /* how often the session is asked */

/* ---- what is counted ----------------------------------------------------- */

/* The session counts what the snapshot no longer carries. */
static void ask_session(struct app *app) {
  struct pager_wish wish = {.what = PAGER_CLASSES};
  if (app->classes_ms != 0 && app->now_ms - app->classes_ms < CLASSES_MS)
    return;
  app->classes_ms = app->now_ms;
  if (app->errors.level == ERRCLASS_HOSTS) {
    wish.what = PAGER_HOSTS_OF;
    snprintf(wish.class_name, sizeof wish.class_name, "%.*s",
             FAILURE_CLASS_CAP - 1, app->errors.kind);
  }
  if (app->errors.level != ERRCLASS_TASKS)
    app__ask(app, &wish);
}

static int add_session(struct app *app) {
  struct errclass_table *table = &app->error_rows;
  const struct pager_result *from =
      app->errors.level == ERRCLASS_KINDS ? app->classes : app->class_hosts;
  int rc = 0;
  if (from == NULL || from->code < 0 || app->errors.level == ERRCLASS_TASKS)
    return 0;
  for (size_t i = 0; rc == 0 && i < from->class_count; i++)
    rc = errclass_raise(table, from->classes[i].name, from->classes[i].count);
  bool same = strcmp(from->wish.class_name, app->errors.kind) == 0;
  for (size_t i = 0; rc == 0 && same && i < from->host_count; i++)
    rc = errclass_raise(table, from->hosts[i].name, from->hosts[i].count);
  errclass_sort(table);
  return rc;
}

static void count(struct app *app) {
  ask_session(app);
  int rc = errclass_count(&app->error_rows, &app->errors, app->snap);
  if (rc == 0)
    rc = add_session(app);
  if (rc < 0)
    app__say(app, ROLE_ALERT, "%s", err_text(rc));
}

/* ---- drawing ------------------------------------------------------------- */

static const char *head(const struct app *app) {
  static const char *const heads[] = {"KIND OF ERROR", "HOST", "TASK"};
  return heads[app->errors.level];
}

static void draw_head(const struct app *app, const struct draw *draw) {
  const struct errclass_path *path = &app->errors;
  char title[2 * ERRCLASS_CAP + 16];
  snprintf(title, sizeof title, "errors%s%s%s%s",
           path->level > ERRCLASS_KINDS ? " / " : "", path->kind,
           path->level > ERRCLASS_HOSTS ? " / " : "", path->host);
  draw_rule(draw, 0, title,
            path->level > ERRCLASS_KINDS ? "Esc: up" : "Enter: go into it");
  if (draw->rect.h < 2)
    return;
  if (path->level == ERRCLASS_TASKS) { /* of one there is nothing to count */
    draw_text(draw, 1, 2, ROLE_DIM, "S TASK");
    return;
  }
  draw_right(draw, 1, COUNT_CELLS, ROLE_DIM, "FAILED");
  draw_right(draw, 1, 2 * COUNT_CELLS + 1, ROLE_DIM, "WAITING");
  draw_text(draw, 1, 2 * COUNT_CELLS + 3, ROLE_DIM, head(app));
}

/* Returns the column behind what is counted of the row. */
static int draw_counts(const struct app *app, const struct draw *line, int y,
                       const struct errclass_row *row) {
  char text[TEXT_NUMBER_CAP];
  const struct snap_task *task = app__task(app, row->id);
  if (app->errors.level == ERRCLASS_TASKS) {
    enum task_state state = task != NULL       ? task->state
                            : row->waiting > 0 ? TASK_WAITING
                                               : TASK_FAILED;
    draw_fmt(line, y, 2, row->failed > 0 ? ROLE_ALERT : ROLE_NOTE, "%c",
             task_state_letter(state));
    return 4;
  }
  draw_right(line, y, COUNT_CELLS, row->failed > 0 ? ROLE_ALERT : ROLE_DIM,
             "%s", text_count(text, sizeof text, row->failed));
  draw_right(line, y, 2 * COUNT_CELLS + 1,
             row->waiting > 0 ? ROLE_NOTE : ROLE_DIM, "%s",
             text_count(text, sizeof text, row->waiting));
  return 2 * COUNT_CELLS + 3;
}

static void draw_row(const struct app *app, const struct draw *draw, int y,
                     const struct errclass_row *row, bool selected) {
  struct draw line = *draw;
  if (selected)
    line.style = CELL_REVERSE;
  draw_fill(&line, y, 0, line.rect.w, ROLE_TEXT, " ");
  if (selected)
    draw_text(&line, y, 0, ROLE_TITLE, draw->glyphs->selected);
  int x = draw_counts(app, &line, y, row), room = line.rect.w - x;
  int used = draw_clip(&line, y, x, room, ROLE_TEXT, row->name, TEXT_MIDDLE);
  used = used < 16 && app->errors.level == ERRCLASS_KINDS ? 16 : used;
  bool example = app->errors.level != ERRCLASS_HOSTS && row->id != 0;
  if (example && room - used > 12)
    draw_clip(&line, y, x + used + 2, room - used - 2, ROLE_DIM,
              app->snap->tasks[row->task].reason, 0);
}

static void draw_errors(struct app *app, const struct draw *draw) {
  struct draw body = draw_in(draw, app->layout.part[PART_TABLE]);
  struct errclass_table *table = &app->error_rows;
  struct listing *listing = &app->listing[SCREEN_ERRORS];
  draw_head(app, &body);
  count(app);
  int room = body.rect.h - 2;
  if (room < 1)
    return;
  listing_show(listing, table->count, (size_t)room);
  for (int i = 0; i < room && listing->top + (size_t)i < table->count; i++) {
    uint64_t row = listing->top + (uint64_t)i;
    draw_row(app, &body, 2 + i, &table->row[row], row == listing->at);
    if (row == listing->at && app->prompt.kind == PROMPT_NONE) {
      draw->canvas->cursor_y = body.rect.y + 2 + i;
      draw->canvas->cursor_x = body.rect.x;
    }
  }
  uint64_t more = table->failed;
  for (size_t i = 0; i < table->count; i++)
    more -= table->row[i].known;
  if (more > 0 && table->count + 1 < (size_t)room)
    draw_text(&body, 3 + (int)table->count, 2 * COUNT_CELLS + 3, ROLE_DIM,
              "H lists them all, those of earlier runs too");
  uint64_t all = app->snap->total.failed + app->snap->total.expired;
  if (table->count == 0)
    draw_text(&body, 2, 2 * COUNT_CELLS + 3, ROLE_GOOD,
              all == 0 ? "nothing has failed" : "none of these is kept here");
}

static void move_errors(struct app *app, enum action action) {
  struct listing *listing = &app->listing[SCREEN_ERRORS];
  listing_move(listing, app__distance(action, listing->count, listing->page));
}

static void open_errors(struct app *app) {
  struct listing *listing = &app->listing[SCREEN_ERRORS];
  struct errclass_path *path = &app->errors;
  if (listing->at >= app->error_rows.count)
    return;
  const struct errclass_row *row = &app->error_rows.row[listing->at];
  if (path->level == ERRCLASS_TASKS) {
    app->focus = row->id;
    app->scroll[SCREEN_DETAILS].top = 0;
    app__go(app, SCREEN_DETAILS);
    return;
  }
  if (path->level == ERRCLASS_KINDS)
    snprintf(path->kind, sizeof path->kind, "%s", row->name);
  else
    snprintf(path->host, sizeof path->host, "%s", row->name);
  path->level++;
  listing->at = listing->top = 0;
  app->classes_ms = 0;
}

void view__errors_list(struct app *app) {
  const struct errclass_path *path = &app->errors;
  uint64_t at = app->listing[SCREEN_ERRORS].at;
  const char *kind = path->kind, *host = path->host;
  if (at < app->error_rows.count && path->level == ERRCLASS_KINDS)
    kind = app->error_rows.row[at].name;
  if (at < app->error_rows.count && path->level == ERRCLASS_HOSTS)
    host = app->error_rows.row[at].name;
  view__list_open(app,
                  HISTORY_BIT(HISTORY_FAILED) | HISTORY_BIT(HISTORY_EXPIRED),
                  kind, host);
}

static bool back_errors(struct app *app) {
  struct errclass_path *path = &app->errors;
  if (path->level == ERRCLASS_KINDS)
    return false;
  path->level--;
  if (path->level == ERRCLASS_KINDS)
    path->kind[0] = '\0';
  path->host[0] = '\0';
  app->listing[SCREEN_ERRORS].at = 0;
  app->classes_ms = 0;
  return true;
}

static void click_errors(struct app *app, int y) {
  struct listing *listing = &app->listing[SCREEN_ERRORS];
  if (y >= 2 && listing->top + (uint64_t)(y - 2) < listing->count)
    listing->at = listing->top + (uint64_t)(y - 2);
}

const struct view view_errors = {
    .title = "Errors",
    .where = ON_ERRORS,
    .draw = draw_errors,
    .move = move_errors,
    .open = open_errors,
    .back = back_errors,
    .click = click_errors,
};
