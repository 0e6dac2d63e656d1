/* SPDX-License-Identifier: MIT
 *
 * Failed tasks that are wanted again, found in the database a piece at a time:
 * a sweep goes through them once, by their numbers, and keeps nothing but its
 * place and one chunk's bitmap, however many there are. What fails once more
 * behind it is not found again, so it has an end.
 *
 * Hosts are not in the database: words about them are for whoever reads the
 * lines. Blocking; the thread that has the store.
 */
#ifndef SPATE_STORE_SWEEP_H
#define SPATE_STORE_SWEEP_H

#include "failed_choice.h"
#include "store.h"

struct store_sweep {
  struct failed_choice choice; /* its words point into it: not to be copied */
  uint64_t after;              /* goes on behind this task */
  uint64_t until;              /* the last one that is meant */
  uint64_t count;
  bool over;
  uint8_t wanted[CHUNK_BITMAP]; /* of the chunk at hand */
  uint32_t wanted_count;
};

/* Counts on behind `after`, over at most some ten thousand failures; until is
 * the last one that fits. On an error nothing has changed. */
int store_sweep_count(struct store *store,
                      struct store_sweep *sweep) MUST_CHECK;

/* The next chunk with tasks that fit; *loaded NULL: none so far, or over. On an
 * error nothing has changed. */
int store_sweep_next(struct store *store, struct store_sweep *sweep,
                     struct store_loaded **loaded) MUST_CHECK;

#endif
