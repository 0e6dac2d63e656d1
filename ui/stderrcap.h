/* SPDX-License-Identifier: MIT
 *
 * Descriptor 2 while the screen is up: libraries print, and what they print
 * must not land on it.
 */
#ifndef SPATE_UI_STDERRCAP_H
#define SPATE_UI_STDERRCAP_H

struct stderrcap {
  int saved; /* what descriptor 2 was; -1: it was not redirected */
  int kept;  /* a file that holds what was printed; -1 none */
};

/* Sends descriptor 2 to fd (borrowed). With -1 it is kept in memory, if it
 * goes to a terminal, and else left as it is. */
void stderrcap_begin(struct stderrcap *cap, int fd);
/* Puts it back and prints what was kept, made safe, at most 64 KiB. */
void stderrcap_end(struct stderrcap *cap);

#endif
