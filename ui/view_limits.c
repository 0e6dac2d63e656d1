/* SPDX-License-Identifier: MIT
 *
 * The limits of the run, of one host or of one task in a small form. Arrows
 * step the selected one, Enter takes a typed value; it holds at once.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "act.h"
#include "views.h"

#define VALUE_CELLS 12

struct line {
  enum limit_id id;
  const char *about;
};

static const struct line run_lines[LIMIT_COUNT] = {
    {LIMIT_CONCURRENCY, "transfers at once"},
    {LIMIT_PER_HOST, "transfers at once from one host; 0 no limit"},
    {LIMIT_RATE, "requests begun a second; 0 no limit"},
    {LIMIT_PER_HOST_RATE, "the same for each host"},
    {LIMIT_BANDWIDTH, "bytes a second of all; 0 no limit"},
    {LIMIT_HOST_BANDWIDTH, "bytes a second from each host"},
    {LIMIT_TRANSFER_BANDWIDTH, "bytes a second of each transfer"},
    {LIMIT_TRIES, "how often a task is tried"},
    {LIMIT_RETRY_WAIT, "before the second try; doubles then"},
    {LIMIT_RETRY_MAX_WAIT, "longest wait before a try"},
    {LIMIT_CONNECT_TIMEOUT, "to connect"},
    {LIMIT_STALL_TIMEOUT, "without a byte, then tried again; 0 never"},
    {LIMIT_MAX_TIME, "for one try; 0 no limit"},
    {LIMIT_MIN_FREE, "bytes of the disk that are left to others"},
    {LIMIT_DISK_JOBS, "writers to the disk at once"},
    {LIMIT_CPU_JOBS, "checks and decompressions at once"},
    {LIMIT_EXEC_JOBS, "commands of --exec at once"},
};

static size_t count_lines(const struct app *app) {
  (void)app;
  return LIMIT_COUNT;
}

static const struct line *line_at(const struct app *app, size_t i) {
  (void)app;
  return &run_lines[i];
}

static const struct line *selected(const struct app *app) {
  size_t at = (size_t)app->listing[SCREEN_LIMITS].at;
  return at < count_lines(app) ? line_at(app, at) : NULL;
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
                      const struct line *line, bool marked) {
  struct draw row = *draw;
  char text[32];
  double value = act__limit(app, line->id);
  bool usual = value == limit_default(line->id);
  int x = name_cells() + 4;
  if (marked)
    row.style = CELL_REVERSE;
  draw_fill(&row, y, 0, row.rect.w, ROLE_TEXT, " ");
  if (marked)
    draw_text(&row, y, 0, ROLE_TITLE, draw->glyphs->selected);
  draw_text(&row, y, 2, ROLE_TEXT, limit_info(line->id)->name);
  limit_format(line->id, value, text, sizeof text);
  draw_right(&row, y, x + VALUE_CELLS, usual ? ROLE_TEXT : ROLE_FIGURE, "%s",
             text);
  x += VALUE_CELLS + 3;
  draw_clip(&row, y, x, row.rect.w - x, ROLE_DIM, line->about, 0);
}

static void draw_limits(struct app *app, const struct draw *draw) {
  struct draw body = draw_in(draw, app->layout.part[PART_TABLE]);
  struct listing *listing = &app->listing[SCREEN_LIMITS];
  size_t count = count_lines(app);
  draw_rule(&body, 0, "limits of the run",
            body.rect.w >= 70 ? "arrows: change   Enter: type it" : "");
  int room = body.rect.h - 1;
  if (room < 1)
    return;
  listing_show(listing, count, (size_t)room);
  for (int i = 0; i < room && listing->top + (size_t)i < count; i++) {
    uint64_t at = listing->top + (uint64_t)i;
    draw_line(app, &body, 1 + i, line_at(app, (size_t)at), at == listing->at);
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

/* What is going on now, from which a first limit is stepped down. */
static double measured(const struct app *app, enum limit_id id) {
  const struct snapshot *snap = app->snap;
  switch (id) {
  case LIMIT_PER_HOST:
    return snap->total.active > 1 ? (double)snap->total.active : 1;
  case LIMIT_RATE:
  case LIMIT_PER_HOST_RATE:
    return snap->requests_per_s;
  case LIMIT_BANDWIDTH:
  case LIMIT_HOST_BANDWIDTH:
  case LIMIT_TRANSFER_BANDWIDTH:
    return snap->bytes_per_s;
  default:
    return limit_default(id);
  }
}

void view__limits_step(struct app *app, int direction) {
  const struct line *line = selected(app);
  if (app->snap == NULL || line == NULL)
    return;
  double value = act__next_value(line->id, act__limit(app, line->id),
                                 measured(app, line->id), direction);
  if (value < 0) {
    app__say(app, ROLE_TEXT, "%s: %s", limit_info(line->id)->name,
             direction > 0 ? "there is no limit to raise"
                           : "nothing is measured yet; Enter types a value");
    return;
  }
  act__ask_limit(app, line->id, value);
}

static void open_limits(struct app *app) {
  const struct line *line = selected(app);
  char label[64], text[32];
  if (line == NULL)
    return;
  snprintf(label, sizeof label, "%s:", limit_info(line->id)->name);
  limit_format(line->id, act__limit(app, line->id), text, sizeof text);
  app->asked = ACT_OPEN;
  prompt_ask_value(&app->prompt, label, text);
}

void view__limits_typed(struct app *app, const char *text) {
  const struct line *line = selected(app);
  struct errmsg msg;
  double value;
  if (line == NULL || app->snap == NULL)
    return;
  if (limit_parse(line->id, text, &value, &msg) < 0)
    app__say(app, ROLE_ALERT, "%s", msg.text);
  else
    act__ask_limit(app, line->id, value);
}

void view__limits_open(struct app *app, enum limits_of of) {
  app->limits_of = of;
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
