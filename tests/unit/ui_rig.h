/* SPDX-License-Identifier: MIT
 *
 * An interface without terminal or engine, for tests that play it: six tasks
 * in a snapshot that a test may change, keys, the mouse, and what was sent.
 *
 * Each cmocka test begins with rig_set_up() and ends with rig_tear_down().
 */
#ifndef SPATE_TESTS_UI_RIG_H
#define SPATE_TESTS_UI_RIG_H

#include <stdbool.h>

#include "app.h"

#define TASKS 6
#define SENT_MAX 64

/* Changed by tests; the interface sees it after next_snapshot(). */
extern struct snapshot snap;
extern struct snap_task tasks[TASKS];

/* What the interface has asked for. */
extern struct command sent[SENT_MAX];
extern char texts[SENT_MAX][COMMAND_TEXT_MAX]; /* of the same commands */
extern int sent_count;
extern int command_result; /* that they are answered with */

extern struct app app;
extern struct canvas canvas; /* 24 by 80 */
extern int64_t now_ms;

int rig_set_up(void **state);
int rig_tear_down(void **state);

void next_snapshot(void);
/* The keys of a text, a line feed being Enter; drawn before and after each. */
void type(const char *keys);
/* Whether the screen has the text on one line. */
bool shows(const char *text);

#define assert_shows(text)                             \
  do {                                                 \
    if (!shows(text))                                  \
      fail_msg("the screen does not show '%s'", text); \
  } while (0)

#endif
