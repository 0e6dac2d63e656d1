/* SPDX-License-Identifier: MIT
 *
 * The event log: its newest lines on the screen of the tasks, all that the
 * snapshot carries on a screen of its own.
 */
#include "config.h"

#include <stdio.h>

#include "chrome.h"
#include "views.h"

static char level_letter(enum log_level level) {
  static const char letters[] = {
      [LOG_DEBUG] = 'D', [LOG_INFO] = 'I', [LOG_WARN] = 'W', [LOG_ERROR] = 'E'};
  return letters[level];
}

static enum role level_role(enum log_level level) {
  return level == LOG_ERROR  ? ROLE_ALERT
         : level == LOG_WARN ? ROLE_WARN
                             : ROLE_DIM;
}

static void draw_entry(const struct draw *draw, int y,
                       const struct snap_log *entry) {
  char clock[16];
  int x = draw_fmt(draw, y, 0, ROLE_DIM, "%s ",
                   chrome__clock(entry->unix_ms / 1000, clock, sizeof clock));
  x += draw_fmt(draw, y, x, level_role(entry->level), "%c ",
                level_letter(entry->level));
  draw_clip(draw, y, x, draw->rect.w - x,
            entry->level == LOG_ERROR ? ROLE_TEXT : ROLE_DIM, entry->text, 0);
}

void view__log_pane(const struct app *app, const struct draw *draw) {
  const struct snapshot *snap = app->snap;
  int y = 0;
  if (draw->rect.h >= 3)
    draw_rule(draw, y++, "log", "4: all");
  size_t room = (size_t)(draw->rect.h - y);
  size_t first = snap->log_count > room ? snap->log_count - room : 0;
  for (size_t i = first; i < snap->log_count; i++)
    draw_entry(draw, y++, &snap->log[i]);
}

static size_t log_lines(const struct app *app) {
  return app->snap->log_count;
}

static void draw_log(struct app *app, const struct draw *draw) {
  const struct snapshot *snap = app->snap;
  struct draw body = draw_in(draw, app->layout.part[PART_TABLE]);
  struct scroll *scroll = &app->scroll[SCREEN_LOG];
  if (body.rect.h < 2)
    return;
  draw_rule(&body, 0, "log", scroll->to_end ? "follows" : "G: follow");
  scroll->page = (size_t)(body.rect.h - 1);
  size_t most =
      snap->log_count > scroll->page ? snap->log_count - scroll->page : 0;
  if (scroll->to_end || scroll->top > most)
    scroll->top = most;
  for (int y = 1; y < body.rect.h; y++) {
    size_t line = scroll->top + (size_t)(y - 1);
    if (line >= snap->log_count)
      break;
    draw_entry(&body, y, &snap->log[line]);
  }
  if (snap->log_count == 0)
    draw_text(&body, 1, 0, ROLE_DIM, "nothing was logged yet");
}

const struct view view_log = {
    .title = "Log",
    .where = IN_LOG,
    .draw = draw_log,
    .lines = log_lines,
};
