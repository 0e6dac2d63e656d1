/* SPDX-License-Identifier: MIT
 *
 * Properties of the layout at every size from 1x1 to 60x250: nothing outside,
 * no overlap, every line used, and parts that go in the documented order.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "layout.h"

#define MAX_ROWS 60
#define MAX_COLS 250

typedef void each_fn(const struct layout *layout);

static void for_all_sizes(each_fn *check) {
  static const enum wish wishes[] = {WISH_AUTO, WISH_ON, WISH_OFF};
  struct layout layout;
  for (int rows = 1; rows <= MAX_ROWS; rows++)
    for (int cols = 1; cols <= MAX_COLS; cols++) {
      for (int i = 0; i < 3; i++) {
        struct layout_options options = {wishes[i]};
        layout_main(&layout, rows, cols, &options);
        check(&layout);
      }
      layout_single(&layout, rows, cols);
      check(&layout);
    }
}

static void check_inside(const struct layout *layout) {
  for (int i = 0; i < PART_COUNT; i++) {
    const struct rect *r = &layout->part[i];
    if (r->h == 0)
      continue;
    assert_true(r->h > 0 && r->w > 0);
    assert_true(r->y >= 0 && r->x >= 0);
    assert_true(r->y + r->h <= layout->rows);
    assert_true(r->x + r->w <= layout->cols);
  }
}

/* Each cell of the screen belongs to exactly one part. */
static void check_cover(const struct layout *layout) {
  static unsigned char taken[MAX_ROWS][MAX_COLS];
  int parts = 0;
  memset(taken, 0, sizeof taken);
  for (int i = 0; i < PART_COUNT; i++) {
    const struct rect *r = &layout->part[i];
    parts += r->h * r->w;
    for (int y = 0; y < r->h; y++)
      for (int x = 0; x < r->w; x++)
        assert_int_equal(taken[r->y + y][r->x + x]++, 0);
  }
  bool summary_only = layout->rows < 4 || layout->cols < 30;
  if (!summary_only)
    assert_int_equal(parts, layout->rows * layout->cols);
}

static void test_inside(void **state) {
  (void)state;
  for_all_sizes(check_inside);
}

static void test_no_overlap_and_no_gap(void **state) {
  (void)state;
  for_all_sizes(check_cover);
}

static bool has(const struct layout *layout, enum part part) {
  return layout->part[part].h > 0;
}

static void check_order(const struct layout *layout) {
  bool small = layout->rows < 4 || layout->cols < 30;
  assert_int_equal(has(layout, PART_TABLE), !small);
  assert_int_equal(has(layout, PART_STATUS), layout->rows > 1);
  assert_false(has(layout, PART_SUMMARY) && has(layout, PART_HEADER));
  if (has(layout, PART_LOG))
    assert_true(has(layout, PART_GRAPH));
  if (has(layout, PART_GRAPH))
    assert_true(has(layout, PART_GAUGES));
  if (has(layout, PART_GAUGES))
    assert_true(has(layout, PART_HEADER));
  if (has(layout, PART_HEADER))
    assert_true(has(layout, PART_KEYS));
  if (has(layout, PART_KEYS))
    assert_true(has(layout, PART_TABLE) && has(layout, PART_STATUS));
}

static void test_order_of_degradation(void **state) {
  (void)state;
  for_all_sizes(check_order);
}

/* Columns stand in order, one cell apart, and fill the width but for a cell at
 * most. */
static void check_columns(const struct layout *layout) {
  int end = 0, seen = 0;
  if (!has(layout, PART_TABLE) || layout->column[COL_NAME].w == 0)
    return;
  for (int i = 0; i < COL_COUNT; i++) {
    struct column_place at = layout->column[i];
    if (at.w == 0)
      continue;
    assert_int_equal(at.x, end + (i > COL_STATE ? 1 : 0));
    end = at.x + at.w;
    seen++;
  }
  assert_true(seen >= 4);
  assert_int_equal(end, layout->cols);
}

static void test_columns_fill_the_width(void **state) {
  (void)state;
  for_all_sizes(check_columns);
}

static void test_more_rows_never_mean_fewer_tasks(void **state) {
  struct layout layout;
  struct layout_options options = {WISH_OFF};
  (void)state;
  for (int cols = 30; cols <= MAX_COLS; cols++)
    for (int rows = 4; rows <= MAX_ROWS; rows++) {
      layout_main(&layout, rows, cols, &options);
      assert_true(layout.part[PART_TABLE].h >= 1);
    }
}

static void test_documented_sizes(void **state) {
  struct layout layout;
  struct layout_options options = {WISH_AUTO};
  (void)state;
  layout_main(&layout, 30, 100, &options);
  assert_int_equal(layout.part[PART_GRAPH].h, 5);
  assert_int_equal(layout.gauges, GAUGES_BARS);
  assert_int_equal(layout.column[COL_NAME].w, 31);
  assert_int_equal(layout.column[COL_BAR].w, 17);
  assert_int_equal(layout.column[COL_HOST].w, 14);
  assert_true(has(&layout, PART_DETAILS));
  layout_main(&layout, 24, 80, &options);
  assert_int_equal(layout.part[PART_GRAPH].h, 2);
  assert_int_equal(layout.gauges, GAUGES_TEXT);
  assert_int_equal(layout.column[COL_BAR].w, 12);
  assert_int_equal(layout.column[COL_HOST].w, 0);
  assert_int_equal(layout.part[PART_LOG].h, 1);
  assert_false(has(&layout, PART_DETAILS));
  layout_main(&layout, 10, 40, &options);
  assert_true(has(&layout, PART_SUMMARY) && has(&layout, PART_KEYS));
  assert_int_equal(layout.part[PART_TABLE].h, 7);
  layout_main(&layout, 4, 20, &options);
  assert_true(has(&layout, PART_SUMMARY));
  assert_false(has(&layout, PART_TABLE));
}

static void test_details_on_wish_at_80x24(void **state) {
  struct layout layout;
  struct layout_options options = {WISH_ON};
  (void)state;
  layout_main(&layout, 24, 80, &options);
  assert_int_equal(layout.part[PART_DETAILS].h, 4);
  assert_true(layout.part[PART_TABLE].h >= 3);
  layout_main(&layout, 10, 40, &options);
  assert_true(layout.part[PART_TABLE].h >= 3);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_inside),
      cmocka_unit_test(test_no_overlap_and_no_gap),
      cmocka_unit_test(test_order_of_degradation),
      cmocka_unit_test(test_columns_fill_the_width),
      cmocka_unit_test(test_more_rows_never_mean_fewer_tasks),
      cmocka_unit_test(test_documented_sizes),
      cmocka_unit_test(test_details_on_wish_at_80x24),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
