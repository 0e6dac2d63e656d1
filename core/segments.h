/* SPDX-License-Identifier: MIT
 *
 * One file in several connections: who fetches which bytes.
 *
 * Each connection has a slot with a range of its own, which it works through
 * from its first byte. A new connection gets the first gap that nobody works
 * on or, where there is none, the second half of the largest range that is
 * left to another one. The ranges of the slots and what is there never
 * overlap, and with the gaps they make up the whole file.
 *
 * The connection that loses its second half was asked for all of it: `limit`
 * remembers how far it could go on. When the other one gives its range back,
 * the first one takes it over again without a new request.
 *
 * Pure; one thread.
 */
#ifndef SPATE_SEGMENTS_H
#define SPATE_SEGMENTS_H

#include "ranges.h"

#define SEGMENTS_MAX 64
#define SEGMENTS_ALIGN (64 << 10) /* ranges are cut at multiples of it */

struct segment {
  int64_t first, at, end; /* first..at has come, at..end is to come */
  int64_t limit;          /* how far its answer reaches */
  bool busy;
};

struct segments {
  /* read only for others */
  int64_t size;       /* of the whole */
  struct ranges have; /* of the slots that were released */
  struct segment slot[SEGMENTS_MAX];
  unsigned busy;
  /* private */
  int64_t least; /* no range smaller than this is cut off */
};

/* kept (NULL none) is there already. size must be known. */
int segments_init(struct segments *s, int64_t size, int64_t least,
                  const struct ranges *kept) MUST_CHECK;
void segments_fini(struct segments *s);

/* The smallest range that is worth a connection, from now on. */
void segments_set_least(struct segments *s, int64_t least);

/* A range for one more connection: its slot; -1 when there is none to give.
 * The slot's limit is its end until segments_reach() says otherwise. */
int segments_take(struct segments *s);
/* Whether segments_take() would give one. */
bool segments_to_take(const struct segments *s);

/* The answer in this slot goes on to this byte. */
void segments_reach(struct segments *s, int slot, int64_t limit);

/* Bytes that the slot's connection may still take. */
int64_t segments_room(const struct segments *s, int slot);
/* So many more have come, at most the room. */
void segments_advance(struct segments *s, int slot, int64_t bytes);

/* The connection has ended. What it has not fetched is a gap again, which the
 * one in front of it takes over if its answer reaches so far. */
void segments_release(struct segments *s, int slot);

/* Every byte is there and nobody works any more. */
bool segments_whole(const struct segments *s);
/* Bytes that are there. */
int64_t segments_got(const struct segments *s);

#endif
