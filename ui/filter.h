/* SPDX-License-Identifier: MIT
 *
 * Which tasks one wants to see or to command: words that must all hold.
 *
 *   TEXT           part of the name, any case
 *   host:TEXT      part of the host
 *   state:LETTERS  one of the letters of the table (state:er), or a name of a
 *                  state (state:failed)
 *   err:TEXT       part of the reason of a failure or a delay
 *
 * Pure.
 */
#ifndef SPATE_UI_FILTER_H
#define SPATE_UI_FILTER_H

#include <stdbool.h>

#include "err.h"
#include "snapshot.h"

#define FILTER_CAP 256
#define FILTER_WORDS 8

enum filter_field { FILTER_NAME, FILTER_HOST, FILTER_STATE, FILTER_ERR };

struct filter_word {
  enum filter_field field;
  unsigned states; /* bits of enum task_state */
  char text[64];
};

struct filter {
  char text[FILTER_CAP]; /* as typed; "" lets everything through */
  int count;
  struct filter_word word[FILTER_WORDS];
};

/* On error the filter stays as it was. */
int filter_parse(struct filter *filter, const char *text,
                 struct errmsg *msg) MUST_CHECK;
bool filter_match(const struct filter *filter, const struct snap_task *task);

#endif
