/* SPDX-License-Identifier: MIT
 *
 * The heights at which parts come and go are the breakpoints below; what is
 * left over always belongs to the table.
 */
#include "config.h"

#include "layout.h"

#include <string.h>

#define SUMMARY_BELOW_COLS 30
#define SUMMARY_BELOW_ROWS 4
#define COMPACT_BELOW_COLS 64 /* name, figures and nothing else */
#define HOST_FROM_COLS 96
#define GAUGE_BARS_COLS 38
#define GAUGE_TEXT_COLS 37

#define KEYS_FROM_ROWS 5
#define FULL_FROM_ROWS 12 /* header and rates instead of the summary */
#define GAUGES_FROM_ROWS 16
#define GRAPH_FROM_ROWS 18
#define LOG_FROM_ROWS 22
#define LARGE_FROM_ROWS 28 /* axis, gauge bars, details, a log pane */
#define TABLE_MIN_ROWS 3   /* the user's wish for details leaves as many */

static int at_least(int value, int floor) {
  return value < floor ? floor : value;
}

static int at_most(int value, int ceiling) {
  return value > ceiling ? ceiling : value;
}

/* Hands out whole lines from the top and from the bottom. */
struct stack {
  int top, bottom, cols;
};

static struct rect take_top(struct stack *stack, int height) {
  struct rect rect = {stack->top, 0, height, stack->cols};
  stack->top += height;
  return rect;
}

static struct rect take_bottom(struct stack *stack, int height) {
  stack->bottom -= height;
  return (struct rect){stack->bottom, 0, height, stack->cols};
}

static int graph_height(int rows, int cols) {
  if (rows < GRAPH_FROM_ROWS)
    return 0;
  if (rows < LARGE_FROM_ROWS || cols < HOST_FROM_COLS)
    return 2;
  if (rows < 40)
    return 5;
  return rows < 52 ? 7 : 9;
}

static int log_height(int rows) {
  if (rows < LOG_FROM_ROWS)
    return 0;
  if (rows < LARGE_FROM_ROWS)
    return 1;
  return at_most(3 + (rows - LARGE_FROM_ROWS) / 6, 9);
}

static int details_height(int rows, int cols, enum wish wish) {
  if (wish == WISH_OFF)
    return 0;
  bool room = rows >= LARGE_FROM_ROWS && cols >= HOST_FROM_COLS;
  if (wish == WISH_AUTO && !room)
    return 0;
  return rows < 40 ? 4 : 5;
}

static void place_columns(struct layout *out) {
  static const int fixed[COL_COUNT] = {1, 1, 0, 6, 4, 12, 8, 8, 2, 14};
  bool compact = out->cols < COMPACT_BELOW_COLS;
  int spare = at_least(out->cols - 100, 0);
  int width[COL_COUNT];
  memcpy(width, fixed, sizeof width);
  if (compact)
    width[COL_SIZE] = width[COL_BAR] = width[COL_CX] = 0;
  if (compact && out->cols < 36)
    width[COL_ETA] = 0;
  if (out->cols < HOST_FROM_COLS)
    width[COL_HOST] = 0;
  else
    width[COL_BAR] = 17 + at_most(spare / 8, 10);
  if (width[COL_HOST] > 0)
    width[COL_HOST] += at_most(spare / 4, 26);

  int used = 0;
  for (int i = 0; i < COL_COUNT; i++)
    used += width[i] + (i > COL_STATE && width[i] > 0 ? 1 : 0);
  width[COL_NAME] = at_least(out->cols - used - 1, 1);
  int x = 0;
  for (int i = 0; i < COL_COUNT; i++) {
    if (width[i] == 0)
      continue;
    x += i > COL_STATE ? 1 : 0;
    out->column[i] = (struct column_place){x, width[i]};
    x += width[i];
  }
}

/* One line of figures and, from two rows on, the error line. */
static void place_summary_only(struct layout *out, struct stack *stack) {
  if (out->rows >= 2)
    out->part[PART_STATUS] = take_bottom(stack, 1);
  out->part[PART_SUMMARY] = take_top(stack, 1);
}

/* The header or, where there is no room for it, the summary. */
static void place_top(struct layout *out, struct stack *stack) {
  if (out->rows < FULL_FROM_ROWS || out->cols < COMPACT_BELOW_COLS) {
    out->part[PART_SUMMARY] = take_top(stack, 1);
    return;
  }
  out->part[PART_HEADER] = take_top(stack, 1);
  out->part[PART_RATES] = take_top(stack, 1);
}

static void place_graph(struct layout *out, struct stack *stack) {
  if (out->rows < GAUGES_FROM_ROWS || out->cols < COMPACT_BELOW_COLS)
    return;
  int height = graph_height(out->rows, out->cols);
  out->graph_axis = height >= 5;
  out->gauges = out->graph_axis ? GAUGES_BARS : GAUGES_TEXT;
  struct rect band = take_top(stack, at_least(height, 1));
  if (height == 0) {
    out->part[PART_GAUGES] = band;
    return;
  }
  int wide = GAUGE_TEXT_COLS;
  if (out->gauges == GAUGES_BARS)
    wide = GAUGE_BARS_COLS + at_most(at_least(out->cols - 100, 0) / 5, 14);
  out->part[PART_GRAPH] = band;
  out->part[PART_GRAPH].w = band.w - wide;
  out->part[PART_GAUGES] = (struct rect){band.y, band.w - wide, band.h, wide};
}

void layout_main(struct layout *out, int rows, int cols,
                 const struct layout_options *options) {
  memset(out, 0, sizeof *out);
  out->rows = rows = at_least(rows, 1);
  out->cols = cols = at_least(cols, 1);
  struct stack stack = {0, rows, cols};
  if (rows < SUMMARY_BELOW_ROWS || cols < SUMMARY_BELOW_COLS) {
    place_summary_only(out, &stack);
    return;
  }
  place_columns(out);
  if (rows >= KEYS_FROM_ROWS)
    out->part[PART_KEYS] = take_bottom(&stack, 1);
  out->part[PART_STATUS] = take_bottom(&stack, 1);
  place_top(out, &stack);
  place_graph(out, &stack);
  if (rows >= FULL_FROM_ROWS && cols >= COMPACT_BELOW_COLS)
    out->part[PART_HEAD] = take_top(&stack, 1);
  if (cols >= COMPACT_BELOW_COLS)
    out->part[PART_LOG] = take_bottom(&stack, log_height(rows));
  int details = details_height(rows, cols, options->details);
  if (stack.bottom - stack.top - details >= TABLE_MIN_ROWS)
    out->part[PART_DETAILS] = take_bottom(&stack, details);
  out->part[PART_TABLE] = take_top(&stack, stack.bottom - stack.top);
}

void layout_single(struct layout *out, int rows, int cols) {
  memset(out, 0, sizeof *out);
  out->rows = rows = at_least(rows, 1);
  out->cols = cols = at_least(cols, 1);
  struct stack stack = {0, rows, cols};
  if (rows < SUMMARY_BELOW_ROWS || cols < SUMMARY_BELOW_COLS) {
    place_summary_only(out, &stack);
    return;
  }
  out->part[PART_KEYS] = take_bottom(&stack, 1);
  out->part[PART_STATUS] = take_bottom(&stack, 1);
  if (rows >= KEYS_FROM_ROWS)
    out->part[PART_HEADER] = take_top(&stack, 1);
  out->part[PART_TABLE] = take_top(&stack, stack.bottom - stack.top);
}
