/* SPDX-License-Identifier: MIT
 *
 * The names that servers gave to outputs (--content-disposition), by task, in
 * the file "names" of the session. A name is in it before a file of that name
 * is made, so that a run that was killed finds its files again.
 *
 * A record is "ID LENGTH NAME" on a line of its own; of several the last one
 * counts, and what a kill or a full disk has cut off counts as not there. It is
 * not flushed: after a power failure a name may be missing, and its task
 * begins anew.
 *
 * Thread: the loop's, but titles_append(), which blocks and may be called by
 * any thread.
 */
#ifndef SPATE_TITLES_H
#define SPATE_TITLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

struct title {
  uint64_t task;
  char *name;
};

struct titles {
  int fd; /* -1: there is no such file */
  /* private: open addressing */
  struct title *slots;
  size_t size, count;
};

void titles_init(struct titles *titles);
void titles_fini(struct titles *titles);

/* Reads what earlier runs have kept; make: for more to come. Blocks. */
int titles_open(struct titles *titles, int dirfd, bool make,
                struct errmsg *msg) MUST_CHECK;

/* NULL: none is known. */
const char *titles_find(const struct titles *titles, uint64_t task);

/* For titles_find() in this run; name is copied. */
int titles_put(struct titles *titles, uint64_t task,
               const char *name) MUST_CHECK;

/* For the next run. 0 or an errno value. */
int titles_append(int fd, uint64_t task, const char *name) MUST_CHECK;

#endif
