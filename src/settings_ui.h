/* SPDX-License-Identifier: MIT
 *
 * Sections [ui] and [keys] of the INI files: the looks of the screen and the
 * keys of its commands.
 *
 * Thread: the starting thread alone.
 */
#ifndef SPATE_SETTINGS_UI_H
#define SPATE_SETTINGS_UI_H

#include "ini.h"
#include "ui.h"

struct settings_ui {
  char *theme;                 /* NULL: not set */
  char *glyphs;                /* likewise */
  int ascii;                   /* -1 auto, 0 no, 1 yes */
  bool mouse, title, progress; /* off unless they are set */
  struct ui_binding *bindings; /* taken, with their strings */
  size_t binding_count;
};

void settings_ui_init(struct settings_ui *ui);
void settings_ui_fini(struct settings_ui *ui);

/* A key of [ui] or [keys]. An error says what is wrong with it, without the
 * place. */
int settings_ui_apply(struct settings_ui *ui, const struct ini_entry *entry,
                      struct errmsg *msg) MUST_CHECK;
int settings_ui_bind(struct settings_ui *ui, const struct ini_entry *entry,
                     struct errmsg *msg) MUST_CHECK;

#endif
