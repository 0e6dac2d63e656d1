/* SPDX-License-Identifier: MIT
 *
 * Names and letters of the task states, from the table of the header. A value
 * that is no state gives "?" instead of undefined behaviour, for logs.
 * Pure; any thread.
 */
#include "config.h"

#include "task_state.h"

#include <stddef.h>

static const struct {
  const char *name;
  char letter;
} table[TASK_STATE_COUNT] = {
#define TASK_STATE_ROW(sym, name, letter) {name, letter},
    TASK_STATE_TABLE(TASK_STATE_ROW)
#undef TASK_STATE_ROW
};

const char *task_state_name(enum task_state state) {
  return (size_t)state < TASK_STATE_COUNT ? table[state].name : "?";
}

char task_state_letter(enum task_state state) {
  return (size_t)state < TASK_STATE_COUNT ? table[state].letter : '?';
}
