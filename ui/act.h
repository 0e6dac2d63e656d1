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

/* ---- between the files of act_*.c --------------------------------------- */

typedef void act_fn(struct app *app, int key, const char *arg);

/* act_tasks.c: what is tagged, else selected, or what a filter matches. */
act_fn act__toggle, act__toggle_all, act__pause, act__resume, act__drop,
    act__drop_data, act__restart, act__retry, act__retry_failed,
    act__priority_up, act__priority_down, act__priority, act__top, act__bottom;
/* What was asked about is to be done. */
void act__answered(struct app *app);

/* act_table.c */
act_fn act__tag, act__invert_tags, act__sort, act__reverse, act__filter,
    act__level, act__next_error, act__previous_error;
bool act__set_filter(struct app *app, const char *text, struct errmsg *msg);

/* act_files.c: manifests, lists and screens; another URL for a task. What was
 * typed for them, and what became of a list that was written. */
act_fn act__url, act__mirror, act__add_list, act__write, act__save_screen;
void act__url_typed(struct app *app, const char *text);
void act__list_typed(struct app *app, const char *text);
void act__written(struct app *app, const struct pager_result *result);

/* act_limits.c: keys that move a limit, and `:set NAME VALUE`. */
void act__step_limit(struct app *app, enum action action);
void act__set(struct app *app, const char *arg);
/* What the limit is or was asked to be, and asking for another value. */
double act__limit(const struct app *app, enum limit_id id);
void act__ask_limit(struct app *app, enum limit_id id, double value);
/* As a person reads it: "none" where 0 means that; returns buf. */
char *act__limit_text(enum limit_id id, double value, char *buf, size_t cap);
/* The next value up or down, as the keys step it; negative: there is none. */
double act__next_value(enum limit_id id, double value, double measured,
                       int direction);

#endif
