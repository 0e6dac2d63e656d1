/* SPDX-License-Identifier: MIT
 *
 * The screens, one file each, and the panes that the screen of the tasks is
 * made of.
 */
#ifndef SPATE_UI_VIEWS_H
#define SPATE_UI_VIEWS_H

#include "app.h"

extern const struct view view_tasks, view_hosts, view_gauges, view_log,
    view_help, view_details, view_errors, view_list, view_limits, view_add;

/* view_graph.c: throughput over the last minutes; draw is the pane. */
void view__graph(struct app *app, const struct draw *draw);
/* view_meters.c: semaphores, rate and loop beside the graph. */
void view__meters(const struct app *app, const struct draw *draw);
/* view_pane.c: what matters most of the selected task. */
void view__pane(const struct app *app, const struct draw *draw);
/* view_results.c: what the tasks came to, as lines of a page. */
struct page;
void view__results(struct page *page, const struct snapshot *snap);
/* view_details.c: a task's output file as the disk has it. */
void view__path(const struct app *app, const struct snap_task *task, char *buf,
                size_t cap);
/* view_add.c: opens the box, or adds what is given, separated by spaces. */
void view__add_open(struct app *app, const char *text);
/* view_list.c: opens it on tasks of some kinds, of a class of failures, with a
 * text; another text; a position; what was read (taken); the row of a task, if
 * it was read. */
void view__list_open(struct app *app, unsigned kinds, const char *class_name,
                     const char *text);
/* From the end of the table: all tasks, the cursor on this one. */
void view__list_lead(struct app *app, uint64_t id);
void view__list_search(struct app *app, const char *text);
void view__list_goto(struct app *app, uint64_t position);
void view__list_result(struct app *app, struct pager_result *result);
const struct history_row *view__list_row(const struct app *app, uint64_t id);
uint64_t view__list_selected(const struct app *app); /* 0 none */
/* view_errors.c: the list of what the selected row stands for. */
void view__errors_list(struct app *app);
/* view_limits.c: opens the form; steps and takes a value for the line. */
void view__limits_open(struct app *app, enum limits_of of);
void view__limits_step(struct app *app, int direction);
void view__limits_typed(struct app *app, const char *text);
/* view_log.c: the newest lines, with a title when there is room for one. */
void view__log_pane(const struct app *app, const struct draw *draw);

#endif
