/* SPDX-License-Identifier: MIT
 *
 * The screens, one file each, and the panes that the screen of the tasks is
 * made of.
 */
#ifndef SPATE_UI_VIEWS_H
#define SPATE_UI_VIEWS_H

#include "app.h"

extern const struct view view_tasks, view_hosts, view_gauges, view_log,
    view_help;

/* view_graph.c: throughput over the last minutes; draw is the pane. */
void view__graph(struct app *app, const struct draw *draw);
/* view_meters.c: semaphores, rate and loop beside the graph. */
void view__meters(const struct app *app, const struct draw *draw);
/* view_details.c */
void view__details(const struct app *app, const struct draw *draw);
/* view_log.c: the newest lines, with a title when there is room for one. */
void view__log_pane(const struct app *app, const struct draw *draw);

#endif
