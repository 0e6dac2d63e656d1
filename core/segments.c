/* SPDX-License-Identifier: MIT
 *
 * Who fetches which bytes: see segments.h.
 *
 * Pure; one thread.
 */
#include "config.h"

#include "segments.h"

#include <string.h>

int segments_init(struct segments *s, int64_t size, int64_t least,
                  const struct ranges *kept) {
  int code = 0;
  memset(s, 0, sizeof(*s));
  s->size = size;
  segments_set_least(s, least);
  for (size_t i = 0; kept != NULL && i < kept->count && code == 0; i++) {
    int64_t end = kept->items[i].end;
    code = ranges_add(&s->have, kept->items[i].first, end < size ? end : size);
  }
  if (code != 0)
    segments_fini(s);
  return code;
}

void segments_fini(struct segments *s) {
  ranges_fini(&s->have);
}

void segments_set_least(struct segments *s, int64_t least) {
  s->least = least > 1 ? least : 1;
}

/* ---- finding a range ------------------------------------------------------
 */

/* The slot that works on the byte `at`, or none. */
static const struct segment *at_work(const struct segments *s, int64_t at) {
  for (int i = 0; i < SEGMENTS_MAX; i++)
    if (s->slot[i].busy && s->slot[i].first <= at && at < s->slot[i].end)
      return &s->slot[i];
  return NULL;
}

/* Cuts a gap at the first slot that begins inside of it. */
static void before_slots(const struct segments *s, struct range *gap) {
  for (int i = 0; i < SEGMENTS_MAX; i++)
    if (s->slot[i].busy && s->slot[i].first > gap->first &&
        s->slot[i].first < gap->end)
      gap->end = s->slot[i].first;
}

/* The first bytes at or behind `from` that are neither there nor worked on. */
static bool find_gap(const struct segments *s, int64_t from,
                     struct range *gap) {
  while (ranges_gap(&s->have, from, s->size, gap)) {
    const struct segment *slot = at_work(s, gap->first);
    if (slot == NULL) {
      before_slots(s, gap);
      return true;
    }
    from = slot->end;
  }
  return false;
}

static int64_t half_of(const struct segment *slot) {
  int64_t middle = slot->at + (slot->end - slot->at) / 2;
  return (middle + SEGMENTS_ALIGN - 1) / SEGMENTS_ALIGN * SEGMENTS_ALIGN;
}

/* The slot with the most left to do that can be cut; -1 none. */
static int find_largest(const struct segments *s) {
  int largest = -1;
  int64_t most = 0;
  for (int i = 0; i < SEGMENTS_MAX; i++) {
    const struct segment *slot = &s->slot[i];
    int64_t left = slot->end - slot->at, middle = half_of(slot);
    if (slot->busy && left > most && slot->end - middle >= s->least &&
        middle - slot->at >= s->least) {
      largest = i;
      most = left;
    }
  }
  return largest;
}

static int free_slot(const struct segments *s) {
  for (int i = 0; i < SEGMENTS_MAX; i++)
    if (!s->slot[i].busy)
      return i;
  return -1;
}

bool segments_to_take(const struct segments *s) {
  struct range gap;
  return s->busy < SEGMENTS_MAX &&
         (find_gap(s, 0, &gap) || find_largest(s) >= 0);
}

int segments_take(struct segments *s) {
  struct range range;
  int slot = free_slot(s);
  if (slot < 0)
    return -1;
  if (!find_gap(s, 0, &range)) {
    int from = find_largest(s);
    if (from < 0)
      return -1;
    range.first = half_of(&s->slot[from]);
    range.end = s->slot[from].end;
    s->slot[from].end = range.first;
  }
  s->slot[slot] =
      (struct segment){range.first, range.first, range.end, range.end, true};
  s->busy++;
  return slot;
}

/* ---- work ------------------------------------------------------------------
 */

void segments_reach(struct segments *s, int slot, int64_t limit) {
  struct segment *segment = &s->slot[slot];
  segment->limit = limit < s->size ? limit : s->size;
  if (segment->end > segment->limit) /* less than what was asked for */
    segment->end = segment->limit > segment->at ? segment->limit : segment->at;
}

int64_t segments_room(const struct segments *s, int slot) {
  return s->slot[slot].end - s->slot[slot].at;
}

void segments_advance(struct segments *s, int slot, int64_t bytes) {
  s->slot[slot].at += bytes;
}

/* The gap that begins at `first` goes to the slot in front of it, as far as
 * that one reaches. */
static void give_back(struct segments *s, int64_t first) {
  struct range gap;
  if (!find_gap(s, first, &gap) || gap.first != first)
    return;
  for (int i = 0; i < SEGMENTS_MAX; i++) {
    struct segment *slot = &s->slot[i];
    if (slot->busy && slot->end == first && slot->limit > first)
      slot->end = slot->limit < gap.end ? slot->limit : gap.end;
  }
}

void segments_release(struct segments *s, int slot) {
  struct segment *segment = &s->slot[slot];
  int64_t at = segment->at;
  bool left = at < segment->end;
  segment->busy = false;
  s->busy--;
  if (ranges_add(&s->have, segment->first, at) != 0)
    at = segment->first; /* fetched again */
  if (left && at < s->size)
    give_back(s, at);
}

bool segments_whole(const struct segments *s) {
  return s->busy == 0 && ranges_prefix(&s->have) >= s->size;
}

int64_t segments_got(const struct segments *s) {
  int64_t got = ranges_total(&s->have);
  for (int i = 0; i < SEGMENTS_MAX; i++)
    if (s->slot[i].busy)
      got += s->slot[i].at - s->slot[i].first;
  return got;
}
