/* SPDX-License-Identifier: MIT
 *
 * Tab in the command line.
 */
#ifndef SPATE_UI_COMPLETE_H
#define SPATE_UI_COMPLETE_H

#include "app.h"

/* Completes the word before the cursor: commands, limits, fields, words of a
 * filter, themes, files. More than one way to go on: as far as they agree, and
 * the list is shown. */
void complete(struct app *app);

/* ~/ at the beginning of a path becomes the home directory. */
void complete_home(const char *typed, char *buf, size_t cap);

#endif
