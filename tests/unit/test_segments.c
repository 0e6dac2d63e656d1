/* SPDX-License-Identifier: MIT
 *
 * ranges.c and segments.c: single cases, and long random runs against a map of
 * bytes that is kept beside them.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "segments.h"

#define K ((int64_t)64 << 10)

/* ---- ranges -------------------------------------------------------------- */

static void add(struct ranges *set, int64_t first, int64_t end) {
  assert_int_equal(ranges_add(set, first, end), 0);
}

static void ranges_that_touch_become_one(void **state) {
  struct ranges set = {0};
  (void)state;
  add(&set, 10, 20);
  add(&set, 30, 40);
  add(&set, 0, 5);
  assert_int_equal(set.count, 3);
  assert_int_equal(ranges_prefix(&set), 5);
  add(&set, 20, 30);
  assert_int_equal(set.count, 2);
  add(&set, 4, 11);
  assert_int_equal(set.count, 1);
  assert_int_equal(ranges_prefix(&set), 40);
  add(&set, 7, 7);
  add(&set, 9, 3);
  add(&set, -4, 50);
  assert_int_equal(ranges_total(&set), 40);
  ranges_fini(&set);
}

static void smallest_ranges_are_forgotten_first(void **state) {
  struct ranges set = {0};
  (void)state;
  for (int64_t i = 0; i < 10; i++)
    add(&set, i * 100, i * 100 + 10 + i);
  ranges_limit(&set, 3);
  assert_int_equal(set.count, 3);
  assert_int_equal(set.items[0].first, 700);
  assert_int_equal(ranges_end(&set), 919);
  ranges_fini(&set);
}

enum { CELLS = 400 };

static void set_equals_cells(const struct ranges *set, const char *cell) {
  int64_t total = 0, before = -1;
  for (size_t i = 0; i < set->count; i++) {
    assert_true(set->items[i].first > before);
    assert_true(set->items[i].end > set->items[i].first);
    before = set->items[i].end;
    for (int64_t at = set->items[i].first; at < set->items[i].end; at++)
      assert_int_equal(cell[at], 1);
    total += set->items[i].end - set->items[i].first;
  }
  for (int at = 0; at < CELLS; at++)
    total -= cell[at];
  assert_int_equal(total, 0);
}

static void random_adds_equal_a_map_of_cells(void **state) {
  (void)state;
  srand(7);
  for (int round = 0; round < 200; round++) {
    struct ranges set = {0};
    char cell[CELLS] = {0};
    for (int i = 0; i < 40; i++) {
      int first = rand() % CELLS, end = first + rand() % 30;
      struct range gap;
      if (end > CELLS)
        end = CELLS;
      add(&set, first, end);
      if (end > first)
        memset(cell + first, 1, (size_t)(end - first));
      set_equals_cells(&set, cell);
      int from = rand() % CELLS, at = from;
      while (at < CELLS && cell[at])
        at++;
      assert_int_equal(ranges_gap(&set, from, CELLS, &gap), at < CELLS);
      if (at < CELLS) {
        assert_int_equal(gap.first, at);
        while (at < CELLS && !cell[at])
          at++;
        assert_int_equal(gap.end, at);
      }
    }
    ranges_fini(&set);
  }
}

/* ---- segments ------------------------------------------------------------ */

static void start(struct segments *s, int64_t size, int64_t least) {
  assert_int_equal(segments_init(s, size, least, NULL), 0);
}

static void second_connection_takes_half(void **state) {
  struct segments s;
  (void)state;
  start(&s, 100 * K, K);
  int a = segments_take(&s);
  assert_int_equal(s.slot[a].end, 100 * K);
  segments_advance(&s, a, 20 * K);
  int b = segments_take(&s);
  assert_int_equal(s.slot[a].end, 60 * K);
  assert_int_equal(s.slot[b].first, 60 * K);
  assert_int_equal(s.slot[b].end, 100 * K);
  int c = segments_take(&s);
  assert_int_equal(s.slot[c].end - s.slot[c].first, 20 * K);
  segments_fini(&s);
}

static void small_rest_is_not_cut(void **state) {
  struct segments s;
  (void)state;
  start(&s, 100 * K, 40 * K);
  int a = segments_take(&s);
  assert_true(segments_to_take(&s));
  segments_advance(&s, a, 21 * K);
  assert_false(segments_to_take(&s));
  assert_int_equal(segments_take(&s), -1);
  segments_set_least(&s, K);
  assert_true(segments_take(&s) >= 0);
  segments_fini(&s);
}

static void what_is_given_back_goes_to_the_one_in_front(void **state) {
  struct segments s;
  (void)state;
  start(&s, 100 * K, K);
  int a = segments_take(&s);
  segments_reach(&s, a, 100 * K);
  int b = segments_take(&s);
  segments_release(&s, b); /* refused: nothing had come */
  assert_int_equal(s.slot[a].end, 100 * K);
  assert_false(segments_whole(&s));
  b = segments_take(&s);
  segments_advance(&s, b, K); /* now the rest is out of a's way */
  segments_release(&s, b);
  assert_int_equal(s.slot[a].end, 50 * K);
  b = segments_take(&s);
  assert_int_equal(s.slot[b].first, 51 * K);
  segments_fini(&s);
}

static void short_answer_leaves_a_gap(void **state) {
  struct segments s;
  (void)state;
  start(&s, 100 * K, K);
  int a = segments_take(&s);
  segments_reach(&s, a, 30 * K);
  assert_int_equal(segments_room(&s, a), 30 * K);
  int b = segments_take(&s);
  assert_int_equal(s.slot[b].first, 30 * K);
  segments_fini(&s);
}

static void what_is_kept_is_not_asked_for(void **state) {
  struct segments s;
  struct ranges kept = {0};
  (void)state;
  add(&kept, 0, 10 * K);
  add(&kept, 40 * K, 60 * K);
  assert_int_equal(segments_init(&s, 100 * K, K, &kept), 0);
  assert_int_equal(segments_got(&s), 30 * K);
  int a = segments_take(&s), b = segments_take(&s);
  assert_int_equal(s.slot[a].first, 10 * K);
  assert_int_equal(s.slot[a].end, 40 * K);
  assert_int_equal(s.slot[b].first, 60 * K);
  assert_int_equal(s.slot[b].end, 100 * K);
  segments_advance(&s, a, 30 * K);
  segments_advance(&s, b, 40 * K);
  segments_release(&s, a);
  assert_false(segments_whole(&s));
  segments_release(&s, b);
  assert_true(segments_whole(&s));
  ranges_fini(&kept);
  segments_fini(&s);
}

/* Everything is in one place only: there, in a slot, or in a gap. */
static void nothing_overlaps(const struct segments *s) {
  char cell[CELLS] = {0};
  for (size_t i = 0; i < s->have.count; i++)
    for (int64_t at = s->have.items[i].first; at < s->have.items[i].end;
         at += K)
      assert_int_equal(cell[at / K]++, 0);
  for (int i = 0; i < SEGMENTS_MAX; i++) {
    const struct segment *slot = &s->slot[i];
    if (!slot->busy)
      continue;
    assert_true(slot->first <= slot->at && slot->at <= slot->end);
    assert_true(slot->end <= slot->limit && slot->limit <= s->size);
    for (int64_t at = slot->first; at < slot->end; at += K)
      assert_int_equal(cell[at / K]++, 0);
  }
}

/* One random thing happens; what the connections write is marked in file. */
static void step(struct segments *s, char *file) {
  int slot = rand() % SEGMENTS_MAX, what = rand() % 10;
  if (what < 3) {
    bool any = segments_to_take(s);
    slot = segments_take(s);
    assert_int_equal(slot >= 0, any);
    if (slot >= 0 && rand() % 3 == 0)
      segments_reach(s, slot, s->slot[slot].first + rand() % CELLS * K);
    return;
  }
  if (!s->slot[slot].busy)
    return;
  if (what < 8) {
    int64_t n = rand() % (segments_room(s, slot) / K + 1);
    memset(file + s->slot[slot].at / K, 1, (size_t)n);
    segments_advance(s, slot, n * K);
  } else {
    segments_release(s, slot);
  }
}

static void random_runs_lose_and_repeat_nothing(void **state) {
  (void)state;
  srand(11);
  for (int round = 0; round < 300; round++) {
    struct segments s;
    char file[CELLS] = {0};
    start(&s, CELLS * K, (1 + rand() % 5) * K);
    for (int i = 0; i < 400; i++) {
      step(&s, file);
      nothing_overlaps(&s);
    }
    for (int i = 0; i < 10000 && !segments_whole(&s); i++) {
      int slot = rand() % SEGMENTS_MAX;
      if (!s.slot[slot].busy)
        slot = segments_take(&s);
      if (slot < 0)
        continue;
      memset(file + s.slot[slot].at / K, 1,
             (size_t)(segments_room(&s, slot) / K));
      segments_advance(&s, slot, segments_room(&s, slot));
      segments_release(&s, slot);
    }
    assert_true(segments_whole(&s));
    assert_int_equal(segments_got(&s), CELLS * K);
    for (int at = 0; at < CELLS; at++)
      assert_int_equal(file[at], 1);
    segments_fini(&s);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(ranges_that_touch_become_one),
      cmocka_unit_test(smallest_ranges_are_forgotten_first),
      cmocka_unit_test(random_adds_equal_a_map_of_cells),
      cmocka_unit_test(second_connection_takes_half),
      cmocka_unit_test(small_rest_is_not_cut),
      cmocka_unit_test(what_is_given_back_goes_to_the_one_in_front),
      cmocka_unit_test(short_answer_leaves_a_gap),
      cmocka_unit_test(what_is_kept_is_not_asked_for),
      cmocka_unit_test(random_runs_lose_and_repeat_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
