/* SPDX-License-Identifier: MIT
 *
 * Marks: two bits a task in a mapped file, so that they survive kill -9 at
 * the price of a memory write.
 *
 * The file is a row of pages of 4 KB, one a chunk that is being worked on;
 * pages of finished chunks are used again, so the file stays as small as the
 * engine's window. A page is eight sectors of 512 bytes, each with a tag
 * (chunk, boot id) of its own and the marks of 1,024 tasks: a page torn by a
 * power cut loses its marks, it never lends them to another chunk. The file
 * grows with posix_fallocate: a hole would be a SIGBUS on a full disk.
 *
 * Boot id: WRITTEN is only as good as the page cache it spoke of, so it is
 * forgotten when the tag's boot id is not the present one, or is unknown (0).
 *
 * Thread: the loop's, but for marks_grow() and marks_sync(), which touch no
 * state and belong to a job.
 */
#ifndef SPATE_MARKS_H
#define SPATE_MARKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

/* The values of a mark. A tainted task had begun to write when the system
 * reported lost pages: its file is ours but must not be called done. */
enum mark { MARK_NONE, MARK_STARTED, MARK_TAINTED, MARK_WRITTEN };

/* Beside its mark a task that has begun may have a bit of its own: the file of
 * its name was there before and is somebody else's, its .part alone is ours. */

#define MARKS_STEP 64 /* pages the file grows by: 256 KB, a mapping each */

struct marks;

/* Opens or makes the file and maps what it has. boot: 0 = unknown. */
int marks_open(struct marks **out, int dirfd, const char *name, uint64_t boot,
               struct errmsg *msg) MUST_CHECK;
void marks_close(struct marks *marks); /* takes NULL */

/* The slot of a chunk, or -1. */
int marks_find(struct marks *marks, uint64_t key);
/* A slot for a chunk that has none; -1: none is free, grow first. */
int marks_take(struct marks *marks, uint64_t key);
void marks_drop(struct marks *marks, int slot);
/* Whether no task but those of this bitmap (a bit each) has a mark. */
bool marks_only(const struct marks *marks, int slot, const uint8_t *bits);

/* Calls back for each slot in use; it may drop the slot. */
void marks_each(struct marks *marks,
                void (*each)(void *arg, uint64_t key, int slot), void *arg);

/* Makes room for MARKS_STEP more on the disk (blocks; any thread), then on
 * the loop's thread marks_map() takes it into use. */
int marks_grow(struct marks *marks) MUST_CHECK;
int marks_map(struct marks *marks) MUST_CHECK;

/* The marks of one chunk as another process or thread sees them, read without
 * a change (blocks). */
struct marks_view {
  uint8_t page[4096]; /* private */
};
/* fd is the mark file's; false: the chunk has no marks. */
bool marks_peek(int fd, uint64_t key, struct marks_view *view);
enum mark marks_view_get(const struct marks_view *view, uint32_t index);

enum mark marks_get(const struct marks *marks, int slot, uint32_t index);
void marks_set(struct marks *marks, int slot, uint32_t index, enum mark mark);
bool marks_taken(const struct marks *marks, int slot, uint32_t index);
void marks_set_taken(struct marks *marks, int slot, uint32_t index, bool taken);

/* Turns all STARTED and WRITTEN into TAINTED. */
void marks_taint(struct marks *marks);

/* Puts everything on the disk (blocks; any thread). */
int marks_sync(struct marks *marks) MUST_CHECK;

#endif
