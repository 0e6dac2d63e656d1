/* SPDX-License-Identifier: MIT
 *
 * Sets of byte ranges: see ranges.h. A file has few of them, so they stand in
 * an array and are looked through from one end.
 *
 * Pure; any thread.
 */
#include "config.h"

#include "ranges.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_CAP 8

void ranges_fini(struct ranges *set) {
  free(set->items);
  *set = (struct ranges){0};
}

void ranges_clear(struct ranges *set) {
  set->count = 0;
}

static int reserve(struct ranges *set) {
  size_t cap = set->cap > 0 ? set->cap * 2 : FIRST_CAP;
  struct range *grown;
  if (set->count < set->cap)
    return 0;
  grown = realloc(set->items, cap * sizeof(*grown));
  if (grown == NULL)
    return ERR_NOMEM;
  set->items = grown;
  set->cap = cap;
  return 0;
}

/* The first range that ends at or behind `at`; most adds are near the end. */
static size_t find(const struct ranges *set, int64_t at) {
  size_t i = set->count;
  while (i > 0 && set->items[i - 1].end >= at)
    i--;
  return i;
}

int ranges_add(struct ranges *set, int64_t first, int64_t end) {
  size_t from, to;
  if (first < 0 || end <= first)
    return 0;
  from = to = find(set, first);
  while (to < set->count && set->items[to].first <= end)
    to++;
  if (from == to) { /* touches none */
    if (reserve(set) != 0)
      return ERR_NOMEM;
    memmove(&set->items[from + 1], &set->items[from],
            (set->count - from) * sizeof(*set->items));
    set->items[from] = (struct range){first, end};
    set->count++;
    return 0;
  }
  if (first > set->items[from].first)
    first = set->items[from].first;
  if (end < set->items[to - 1].end)
    end = set->items[to - 1].end;
  set->items[from] = (struct range){first, end};
  memmove(&set->items[from + 1], &set->items[to],
          (set->count - to) * sizeof(*set->items));
  set->count -= to - from - 1;
  return 0;
}

int ranges_add_all(struct ranges *set, const struct ranges *other) {
  int code = 0;
  for (size_t i = 0; i < other->count && code == 0; i++)
    code = ranges_add(set, other->items[i].first, other->items[i].end);
  return code;
}

/* What is left of one on both sides of the cut; one more at most. */
static int cut_one(struct ranges *set, size_t i, int64_t first, int64_t end) {
  struct range left = {set->items[i].first, first};
  struct range right = {end, set->items[i].end};
  if (left.first < left.end && right.first < right.end) {
    if (reserve(set) != 0)
      return ERR_NOMEM;
    memmove(&set->items[i + 1], &set->items[i],
            (set->count - i) * sizeof(*set->items));
    set->count++;
    set->items[i] = left;
    set->items[i + 1] = right;
  } else if (left.first < left.end) {
    set->items[i] = left;
  } else if (right.first < right.end) {
    set->items[i] = right;
  } else {
    memmove(&set->items[i], &set->items[i + 1],
            (set->count - i - 1) * sizeof(*set->items));
    set->count--;
  }
  return 0;
}

int ranges_remove(struct ranges *set, int64_t first, int64_t end) {
  int code = 0;
  for (size_t i = set->count; i > 0 && code == 0; i--)
    if (set->items[i - 1].first < end && first < set->items[i - 1].end)
      code = cut_one(set, i - 1, first, end);
  return code;
}

int ranges_remove_all(struct ranges *set, const struct ranges *other) {
  int code = 0;
  for (size_t i = 0; i < other->count && code == 0; i++)
    code = ranges_remove(set, other->items[i].first, other->items[i].end);
  return code;
}

int64_t ranges_common(const struct ranges *set, const struct ranges *other) {
  int64_t common = 0;
  for (size_t i = 0, j = 0; i < set->count && j < other->count;) {
    const struct range *a = &set->items[i], *b = &other->items[j];
    int64_t first = a->first > b->first ? a->first : b->first;
    int64_t end = a->end < b->end ? a->end : b->end;
    common += first < end ? end - first : 0;
    if (a->end <= b->end)
      i++;
    else
      j++;
  }
  return common;
}

int64_t ranges_prefix(const struct ranges *set) {
  return set->count > 0 && set->items[0].first == 0 ? set->items[0].end : 0;
}

int64_t ranges_total(const struct ranges *set) {
  int64_t total = 0;
  for (size_t i = 0; i < set->count; i++)
    total += set->items[i].end - set->items[i].first;
  return total;
}

int64_t ranges_end(const struct ranges *set) {
  return set->count > 0 ? set->items[set->count - 1].end : 0;
}

bool ranges_gap(const struct ranges *set, int64_t from, int64_t size,
                struct range *gap) {
  gap->first = from;
  gap->end = size;
  for (size_t i = 0; i < set->count; i++) {
    const struct range *r = &set->items[i];
    if (r->end <= gap->first)
      continue;
    if (r->first > gap->first) {
      if (r->first < size)
        gap->end = r->first;
      break;
    }
    gap->first = r->end;
  }
  return gap->first < gap->end;
}

void ranges_limit(struct ranges *set, size_t most) {
  while (set->count > most) {
    size_t least = 0;
    for (size_t i = 1; i < set->count; i++)
      if (set->items[i].end - set->items[i].first <
          set->items[least].end - set->items[least].first)
        least = i;
    memmove(&set->items[least], &set->items[least + 1],
            (set->count - least - 1) * sizeof(*set->items));
    set->count--;
  }
}
