/* SPDX-License-Identifier: MIT
 *
 * What is written of the large files under way, flushed or not, in a mapped
 * file: a kill does not lose what write() has taken, so the next run goes on
 * there instead of at the last flush.
 *
 * The file is a header and a row of slots, one a file. A slot holds its record
 * twice, written in turn and each with a sum of its own, so that a kill between
 * two stores costs at most the newest. What is said here is only as good as the
 * page cache that it speaks of: with another boot id, or an unknown one (0),
 * all of it is forgotten. The room is taken when the file is made: a hole would
 * be a SIGBUS on a full disk.
 *
 * Of more files than there are slots the rest have what was flushed. Everything
 * takes NULL for a file that could not be made: then nothing is remembered.
 *
 * Thread: the starting thread for open and close, then the loop's.
 */
#ifndef SPATE_UNFLUSHED_H
#define SPATE_UNFLUSHED_H

#include <stdbool.h>
#include <stdint.h>

#include "session.h"

#define UNFLUSHED_SLOTS 126 /* with the header 256 KB */

struct unflushed;

/* Opens or makes the file; NULL when it cannot be used. Blocks. */
struct unflushed *unflushed_open(int dirfd, const char *name, uint64_t boot);
void unflushed_close(struct unflushed *file);

/* What is known of a task's file; id is not 0. */
bool unflushed_get(const struct unflushed *file, uint64_t id,
                   struct session_unflushed *found);
/* Takes the place of what was known. Where no slot is free one of a file that
 * rests is taken; busy: this one does not. */
void unflushed_put(struct unflushed *file, uint64_t id, bool busy,
                   const struct session_unflushed *known);
void unflushed_drop(struct unflushed *file, uint64_t id);

/* Forgets everything and remembers nothing more: the system has lost data. */
void unflushed_give_up(struct unflushed *file);

#endif
