/* SPDX-License-Identifier: MIT
 *
 * Bindings are tried on a key map of their own, so that a mistake is found
 * when the file is read and not when the screen opens.
 */
#include "config.h"

#include "settings_ui.h"

#include <stdlib.h>
#include <string.h>

#include "keys.h"
#include "options.h"
#include "theme.h"

#define KNOWN "theme, glyphs, ascii, mouse, title, progress"

void settings_ui_init(struct settings_ui *ui) {
  memset(ui, 0, sizeof *ui);
  ui->ascii = -1;
}

void settings_ui_fini(struct settings_ui *ui) {
  for (size_t i = 0; i < ui->binding_count; i++) {
    free((char *)(uintptr_t)ui->bindings[i].command);
    free((char *)(uintptr_t)ui->bindings[i].keys);
  }
  free(ui->bindings);
  free(ui->theme);
  free(ui->glyphs);
  settings_ui_init(ui);
}

static int no_memory(struct errmsg *msg) {
  return err_set(msg, ERR_NOMEM, "out of memory");
}

static int set_name(char **name, bool known, const struct ini_entry *entry,
                    const char *names, struct errmsg *msg) {
  if (!known)
    return err_set(msg, ERR_USAGE, "%s: '%s' is none of %s", entry->key,
                   entry->value, names);
  free(*name);
  *name = strdup(entry->value);
  return *name != NULL ? 0 : no_memory(msg);
}

static int set_flag(bool *flag, const struct ini_entry *entry,
                    struct errmsg *msg) {
  int value = option_boolean(entry->value);
  if (value < 0)
    return err_set(msg, ERR_USAGE, "%s: '%s' is none of yes, no", entry->key,
                   entry->value);
  *flag = value != 0;
  return 0;
}

static int set_ascii(struct settings_ui *ui, const struct ini_entry *entry,
                     struct errmsg *msg) {
  ui->ascii = option_boolean(entry->value);
  if (ui->ascii >= 0 || strcmp(entry->value, "auto") == 0)
    return 0;
  return err_set(msg, ERR_USAGE, "ascii: '%s' is none of auto, yes, no",
                 entry->value);
}

int settings_ui_apply(struct settings_ui *ui, const struct ini_entry *entry,
                      struct errmsg *msg) {
  const char *key = entry->key, *value = entry->value;
  if (strcmp(key, "theme") == 0)
    return set_name(&ui->theme, theme_find(value) != NULL, entry, theme_names(),
                    msg);
  if (strcmp(key, "glyphs") == 0)
    return set_name(&ui->glyphs, glyphs_find(value) != NULL, entry,
                    glyphs_names(), msg);
  if (strcmp(key, "ascii") == 0)
    return set_ascii(ui, entry, msg);
  if (strcmp(key, "mouse") == 0)
    return set_flag(&ui->mouse, entry, msg);
  if (strcmp(key, "title") == 0)
    return set_flag(&ui->title, entry, msg);
  if (strcmp(key, "progress") == 0)
    return set_flag(&ui->progress, entry, msg);
  return err_set(msg, ERR_USAGE, "unknown key '%s'; known here: %s", key,
                 KNOWN);
}

/* A name must be a whole one here: beginnings are for typing. */
static int check_binding(const struct ini_entry *entry, struct errmsg *msg) {
  struct keymap map;
  int action = action_find(entry->key, strlen(entry->key));
  if (action < 0 ||
      strcmp(action_info((enum action)action)->name, entry->key) != 0)
    return err_set(msg, ERR_USAGE,
                   "unknown key '%s'; the commands that ? lists can stand "
                   "here",
                   entry->key);
  keymap_init(&map);
  int rc = keymap_bind(&map, entry->key, entry->value, msg);
  return rc < 0 ? ERR_USAGE : 0;
}

int settings_ui_bind(struct settings_ui *ui, const struct ini_entry *entry,
                     struct errmsg *msg) {
  int rc = check_binding(entry, msg);
  if (rc < 0)
    return rc;
  struct ui_binding *grown =
      realloc(ui->bindings, (ui->binding_count + 1) * sizeof *grown);
  if (grown == NULL)
    return no_memory(msg);
  ui->bindings = grown;
  char *command = strdup(entry->key), *keys = strdup(entry->value);
  if (command == NULL || keys == NULL) {
    free(command);
    free(keys);
    return no_memory(msg);
  }
  ui->bindings[ui->binding_count++] = (struct ui_binding){command, keys};
  return 0;
}
