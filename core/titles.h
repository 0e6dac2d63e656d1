/* SPDX-License-Identifier: MIT
 *
 * Texts that are kept by task, in a file of the session: the names that servers
 * gave to outputs (--content-disposition), and the URLs that a person has given
 * tasks anew (readdress.h). A name is in its file before a file of that name is
 * made, so that a run that was killed finds its files again.
 *
 * A record is "ID LENGTH TEXT" on a line of its own; of several the last one
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

#define TITLES_NAMES ".spate/names"
#define TITLES_URLS ".spate/urls"
#define TITLES_TEXT_MAX ((size_t)128 * 1024)

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

/* Reads what earlier runs have kept in the file; make: for more to come.
 * Blocks. */
int titles_open(struct titles *titles, int dirfd, const char *file, bool make,
                struct errmsg *msg) MUST_CHECK;

/* The same for a look only, which writes nothing. Any thread. */
int titles_read(struct titles *titles, int dirfd, const char *file,
                struct errmsg *msg) MUST_CHECK;

/* NULL: none is known. */
const char *titles_find(const struct titles *titles, uint64_t task);

/* For titles_find() in this run; name is copied. */
int titles_put(struct titles *titles, uint64_t task,
               const char *name) MUST_CHECK;

/* For the next run. 0 or an errno value. */
int titles_append(int fd, uint64_t task, const char *name) MUST_CHECK;

#endif
