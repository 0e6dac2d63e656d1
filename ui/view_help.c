/* SPDX-License-Identifier: MIT
 *
 * The list of keys and commands, made from the table of keys.h. What works on
 * the screen one came from is listed; keys may have been bound anew.
 */
#include "config.h"

#include <stdio.h>

#include "views.h"

static bool is_listed(const struct app *app, int action) {
  enum screen from =
      app->depth > 0 ? app->behind[app->depth - 1] : SCREEN_TASKS;
  unsigned where = app__view(from)->where;
  return (action_info((enum action)action)->where & where) != 0;
}

static size_t help_lines(const struct app *app) {
  size_t count = 0;
  for (int i = 0; i < ACTION_COUNT; i++)
    count += is_listed(app, i);
  return count;
}

static void draw_line(const struct app *app, const struct draw *draw, int y,
                      enum action action) {
  const struct action_info *info = action_info(action);
  char keys[64], command[64];
  keymap_names(&app->keys, action, keys, sizeof keys);
  snprintf(command, sizeof command, ":%s %s", info->name, info->arg);
  bool wide = draw->rect.w >= 70;
  draw_clip(draw, y, 1, 12, ROLE_KEY, keys, 0);
  if (wide)
    draw_clip(draw, y, 14, 22, ROLE_DIM, command, 0);
  int x = wide ? 37 : 12;
  draw_clip(draw, y, x, draw->rect.w - x, ROLE_TEXT, info->help, 0);
}

static void draw_help(struct app *app, const struct draw *draw) {
  struct draw body = draw_in(draw, app->layout.part[PART_TABLE]);
  struct scroll *scroll = &app->scroll[SCREEN_HELP];
  size_t count = help_lines(app), line = 0;
  if (body.rect.h < 2)
    return;
  draw_rule(&body, 0, "keys and commands", "q: back");
  scroll->page = (size_t)(body.rect.h - 1);
  size_t most = count > scroll->page ? count - scroll->page : 0;
  if (scroll->top > most)
    scroll->top = most;
  for (int i = 0; i < ACTION_COUNT; i++) {
    if (!is_listed(app, i))
      continue;
    if (line >= scroll->top && line - scroll->top < scroll->page)
      draw_line(app, &body, 1 + (int)(line - scroll->top), (enum action)i);
    line++;
  }
}

const struct view view_help = {
    .title = "Help",
    .where = ON_HELP,
    .draw = draw_help,
    .lines = help_lines,
};
