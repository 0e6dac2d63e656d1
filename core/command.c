/* SPDX-License-Identifier: MIT
 *
 * The table of commands as data. Pure; any thread.
 */
#include "config.h"

#include "command.h"

#include <string.h>

static const struct command_info table[COMMAND_COUNT] = {
#define COMMAND_ROW(sym, name, args, help) {name, args, help},
    COMMAND_TABLE(COMMAND_ROW)
#undef COMMAND_ROW
};

const struct command_info *command_info(enum command_kind kind) {
  return (size_t)kind < COMMAND_COUNT ? &table[kind] : NULL;
}

int command_find(const char *name) {
  for (int i = 0; i < COMMAND_COUNT; i++)
    if (strcmp(table[i].name, name) == 0)
      return i;
  return -1;
}
