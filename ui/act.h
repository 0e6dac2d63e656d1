/* SPDX-License-Identifier: MIT
 *
 * What keys and typed commands do.
 */
#ifndef SPATE_UI_ACT_H
#define SPATE_UI_ACT_H

#include "app.h"

/* Does an action; key is what asked for it (0: a typed command), arg what
 * stood behind its name. */
void act_do(struct app *app, enum action action, int key, const char *arg);

/* The prompt was closed with Enter (or a question with yes). */
void act_entered(struct app *app, enum prompt_kind kind);

/* The filter follows what is typed; cancelled: back to what it was. */
void act_filter_typed(struct app *app, bool cancelled);

/* Tab in the command line: completes names of commands, limits and fields. */
void act_complete(struct app *app);

/* ---- act_limits.c ------------------------------------------------------- */

/* The keys that move a limit up and down. */
void act__step_limit(struct app *app, enum action action);
/* `:set NAME VALUE` */
void act__set(struct app *app, const char *arg);

#endif
