/* SPDX-License-Identifier: MIT
 *
 * Sets of byte ranges of one file: what of it is there. Sorted, disjoint, and
 * ranges that touch are one. A set that finds no memory stays as it was; what
 * it lacks is fetched twice, never taken for being there.
 *
 * Pure; any thread.
 */
#ifndef SPATE_RANGES_H
#define SPATE_RANGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

struct range {
  int64_t first, end; /* end: the byte behind the last one */
};

struct ranges {
  struct range *items;
  size_t count;
  size_t cap; /* private */
};

/* A zeroed set is an empty one. */
void ranges_fini(struct ranges *set);
void ranges_clear(struct ranges *set);

/* Empty and negative ranges add nothing. */
int ranges_add(struct ranges *set, int64_t first, int64_t end) MUST_CHECK;
int ranges_add_all(struct ranges *set, const struct ranges *other) MUST_CHECK;

/* A set that finds no memory may have lost some of them by then. */
int ranges_remove(struct ranges *set, int64_t first, int64_t end) MUST_CHECK;
int ranges_remove_all(struct ranges *set,
                      const struct ranges *other) MUST_CHECK;
/* Bytes that both have. */
int64_t ranges_common(const struct ranges *set, const struct ranges *other);

/* Bytes from the start of the file without a gap. */
int64_t ranges_prefix(const struct ranges *set);
int64_t ranges_total(const struct ranges *set);
/* Behind the last byte; 0 when empty. */
int64_t ranges_end(const struct ranges *set);

/* The first gap that begins at or behind `from`, below size. */
bool ranges_gap(const struct ranges *set, int64_t from, int64_t size,
                struct range *gap);

/* Forgets the smallest ones until no more than most are left. */
void ranges_limit(struct ranges *set, size_t most);

#endif
