/* SPDX-License-Identifier: MIT
 *
 * Snapshots made by hand, for tests of the interface.
 *
 * feed_example() is the run that the golden screens show: every state, and
 * names that try to break the screen. A feed is a stream of snapshots in which
 * many transfers move, the same for every run.
 */
#ifndef SPATE_TESTS_UI_FEED_H
#define SPATE_TESTS_UI_FEED_H

#include "command.h"
#include "snapshot.h"

/* Static; never released. hostile: the names are. */
const struct snapshot *feed_example(bool hostile);

struct feed;

struct feed *feed_new(size_t tasks);
void feed_free(struct feed *feed);
/* The picture at a moment, with one reference. */
struct snapshot *feed_make(struct feed *feed, double t_s);
/* Does what a command asks for. */
void feed_command(struct feed *feed, const struct command *command);
void feed_finish(struct feed *feed);

void feed_ref(const struct snapshot *snap);
void feed_unref(const struct snapshot *snap);

#endif
