/* SPDX-License-Identifier: MIT
 *
 * All about one task, for whoever has its details open: mirrors, the request
 * and the head of its last answer, what is promised of its body and what was
 * done to it. Front ends ask for it (CMD_LOOK); the last one asked for is in
 * every snapshot. Secrets are replaced.
 *
 * The text has a line for each thing: a word, a tab, and what there is to say:
 *
 *   mirror   "URL", with "now " or "not asked any more " in front
 *   asks     a line of the request
 *   says     a line of the answer's head
 *   promise  "sha-256=HEX", by the list
 *   digest   the same, of what has come
 *   done     a step that the body goes through
 *
 * Thread: the loop's.
 */
#ifndef SPATE_LOOK_H
#define SPATE_LOOK_H

#include <stdint.h>

#include "bytes.h"

#define LOOK_CAP ((size_t)16 * 1024)

struct engine;

struct look {
  uint64_t task;      /* 0 none */
  struct bytes text;  /* as above */
  struct bytes heads; /* "says": outlives the transfer it is of */
  uint64_t heads_of;  /* when that was started */
};

void look_init(struct look *look);
void look_fini(struct look *look);
void look_turn(struct look *look, uint64_t task);

/* The text as it is now, terminated; "" when nobody asked, or the task is not
 * known any more. */
const char *look_text(struct engine *e);

#endif
