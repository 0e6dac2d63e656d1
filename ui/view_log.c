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
            entry->level == LOG_ERROR ? ROLE_TEXT : ROLE_DIM, entry->text,
            TEXT_MIDDLE); /* what comes of it stands at the end */
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
  return logbook_count(&app->logbook);
}

static void draw_title(const struct app *app, const struct draw *draw,
                       bool follows) {
  static const char *const levels[] = {
      "log, everything", "log", "log, warnings and errors", "log, errors"};
  char title[LOGBOOK_FILTER + 64];
  const struct logbook *book = &app->logbook;
  snprintf(title, sizeof title, "%s%s%s", levels[book->level],
           book->filter[0] != '\0' ? ", with " : "", book->filter);
  draw_rule(draw, 0, title, follows ? "follows" : "G: follow");
}

static void draw_log(struct app *app, const struct draw *draw) {
  struct draw body = draw_in(draw, app->layout.part[PART_TABLE]);
  struct scroll *scroll = &app->scroll[SCREEN_LOG];
  size_t count = log_lines(app);
  if (body.rect.h < 2)
    return;
  draw_title(app, &body, scroll->to_end);
  scroll->page = (size_t)(body.rect.h - 1);
  size_t most = count > scroll->page ? count - scroll->page : 0;
  if (scroll->to_end || scroll->top > most)
    scroll->top = most;
  for (int y = 1; y < body.rect.h; y++) {
    const struct logbook_line *line =
        logbook_at(&app->logbook, scroll->top + (size_t)(y - 1));
    if (line == NULL)
      break;
    struct snap_log entry = {line->unix_ms, line->level, line->task,
                             line->text};
    draw_entry(&body, y, &entry);
  }
  if (count == 0)
    draw_text(&body, 1, 0, ROLE_DIM,
              app->logbook.count == 0 ? "nothing was logged yet"
                                      : "no line is let through (v /)");
}

const struct view view_log = {
    .title = "Log",
    .where = ON_LOG,
    .draw = draw_log,
    .lines = log_lines,
};
