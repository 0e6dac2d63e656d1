/* SPDX-License-Identifier: MIT
 *
 * The INI files of a run, read again while it goes on: which limits are others
 * than when they were read last. What the command line gave stays.
 *
 * Thread: made and freed by the starting thread; between that, reload_read() on
 * one thread at a time.
 */
#ifndef SPATE_RELOAD_H
#define SPATE_RELOAD_H

#include "engine.h"
#include "options.h"

struct reload;

/* Reads the files as they are now. The options are borrowed until
 * reload_free(). NULL when the run reads no files, or cannot. */
struct reload *reload_new(const struct options *options);
void reload_free(struct reload *reload); /* NULL is fine */

/* For engine_hooks: arg is the struct reload. */
int reload_read(void *arg, struct engine_reload *out);

#endif
