/* SPDX-License-Identifier: MIT
 *
 * What is done for a file that has its name and everything in it: the program
 * of --exec runs, and only when that has ended well the task is done.
 *
 * A run that is stopped or killed meanwhile leaves the task open with its file
 * in place: the next run takes the file as it is and runs the program again.
 * So a program sees each file at least once.
 *
 * Thread: the loop's.
 */
#ifndef SPATE_FINISH_H
#define SPATE_FINISH_H

#include <stdbool.h>
#include <stdint.h>

struct engine;
struct task;

/* The task's file is whole and in place; it is verifying. */
void finish_file(struct engine *e, struct task *task);

/* The task's file was there before: written by an earlier run that did not
 * get as far as saying so (no_request), or somebody else's that is taken as it
 * is. Its digest is computed where one is wanted; a program runs for the
 * first kind alone. */
void finish_adopted(struct engine *e, struct task *task);

/* What is done for the file is stopped; the task is cancelled then. False:
 * nothing is done. */
bool finish_cancel(struct engine *e, struct task *task);

/* Bytes that are through what is done with the task's large file now; 0. */
int64_t finish_progress(const struct task *task);

/* The run is being stopped: no program starts any more ... */
void finish_hold(struct engine *e);
/* ... and those that run are ended. */
void finish_stop(struct engine *e);

#endif
