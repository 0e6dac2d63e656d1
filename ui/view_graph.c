/* SPDX-License-Identifier: MIT
 *
 * Throughput over the last two to four minutes.
 *
 * A column stands for a whole number of seconds, in groups that are counted
 * from the start of the run: columns move to the left and never change their
 * shape. The scale grows at once and shrinks only when the graph has become
 * lower than half of it. A limit is a line; a time in which the process was
 * stopped is a gap and not a zero. Braille has two columns to a cell.
 */
#include "config.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "views.h"

#define LABEL 4 /* cells of the scale, before the upright */
#define MIN_SECONDS 120
#define MAX_COLUMNS SNAP_HISTORY
#define NOTHING (-1.0) /* before the start */
#define GAP (-2.0)     /* the process was stopped */

struct curve {
  int columns, seconds;      /* a column stands for so many seconds */
  double value[MAX_COLUMNS]; /* or NOTHING, GAP */
  double max;
};

/* The history's sample of an absolute second. */
static double sample(const struct snapshot *snap, int64_t second) {
  int64_t back = (int64_t)snap->t_s - second;
  if (second < 0 || back < 0 || back >= (int64_t)snap->history_count)
    return NOTHING;
  double value =
      snap->history_bytes_per_s[snap->history_count - 1 - (size_t)back];
  return value < 0 ? GAP : value;
}

static double column_value(const struct snapshot *snap, int64_t group,
                           int seconds) {
  double sum = 0, none = NOTHING;
  int count = 0;
  for (int i = 0; i < seconds; i++) {
    double value = sample(snap, group * seconds + i);
    if (value < none)
      none = value;
    if (value < 0)
      continue;
    sum += value;
    count++;
  }
  return count > 0 ? sum / count : none;
}

static void make_curve(struct curve *curve, const struct snapshot *snap,
                       int columns) {
  curve->columns = columns < MAX_COLUMNS ? columns : MAX_COLUMNS;
  curve->seconds = (MIN_SECONDS + curve->columns - 1) / curve->columns;
  curve->max = 0;
  int64_t newest = (int64_t)snap->t_s / curve->seconds;
  for (int i = 0; i < curve->columns; i++) {
    int64_t group = newest - (curve->columns - 1 - i);
    double value =
        group >= 0 ? column_value(snap, group, curve->seconds) : NOTHING;
    curve->value[i] = value;
    curve->max = fmax(curve->max, value);
  }
}

/* A round figure not below value that four rows can divide. */
static double round_up(double value) {
  static const double step[] = {4,  6,  8,   12,  16,  20,  24,  32,  40,
                                60, 80, 120, 160, 240, 320, 480, 640, 800};
  double unit = 1024;
  while (value / unit > 800)
    unit *= 1024;
  for (size_t i = 0; i < sizeof step / sizeof step[0]; i++)
    if (value <= step[i] * unit)
      return step[i] * unit;
  return 1024 * unit;
}

/* A limit that is not far above what goes on belongs into the picture. */
static void settle_scale(struct app *app, double max) {
  double limit = app->snap->limit[LIMIT_BANDWIDTH];
  if (limit > 0 && limit < 2 * max)
    max = fmax(max, limit);
  if (max > app->graph_top || max < app->graph_top / 2)
    app->graph_top = round_up(max);
}

static void scale_text(double value, char *buf, size_t cap) {
  static const char units[] = " kMGTP";
  int unit = 0;
  while (value >= 1024 && unit < 5) {
    value /= 1024;
    unit++;
  }
  if (value < 10 && value != floor(value))
    snprintf(buf, cap, "%.1f%c", value, units[unit]);
  else
    snprintf(buf, cap, "%.0f%c", value, units[unit]);
}

/* Rows of seven and nine would crowd the scale: every other one is named. */
static bool is_named(int row, int rows) {
  return rows <= 4 || row % 2 == 0;
}

static void draw_scale(const struct app *app, const struct draw *draw,
                       int rows) {
  for (int y = 0; y < rows; y++) {
    char text[16];
    scale_text(app->graph_top * (rows - y) / rows, text, sizeof text);
    if (is_named(y, rows))
      draw_right(draw, y, LABEL, ROLE_DIM, "%s", text);
    draw_text(draw, y, LABEL, ROLE_DIM, draw->glyphs->upright);
    draw_right(draw, y, draw->rect.w, ROLE_DIM, "%s", draw->glyphs->upright);
  }
}

static int level_of(const struct app *app, int rows, int steps, double value) {
  int level = (int)lround(value / app->graph_top * rows * steps);
  return level == 0 && value > 0 ? 1 : level;
}

static void draw_column(const struct app *app, const struct draw *draw, int x,
                        int rows, double value) {
  const struct glyphs *glyphs = draw->glyphs;
  int steps = glyphs->graph_steps;
  int level = value > 0 ? level_of(app, rows, steps, value) : 0;
  if (value <= GAP)
    draw_text(draw, rows - 1, x, ROLE_DIM, glyphs->gap);
  for (int y = rows - 1; y >= 0 && level > 0; y--, level -= steps)
    draw_text(draw, y, x, ROLE_GRAPH,
              glyphs->graph[level < steps ? level : steps]);
}

/* The dots of one column of a braille cell, from below. */
static unsigned dots(int level, bool right) {
  static const unsigned bits[2][5] = {{0, 0x40, 0x44, 0x46, 0x47},
                                      {0, 0x80, 0xa0, 0xb0, 0xb8}};
  return bits[right][level < 0 ? 0 : level > 4 ? 4 : level];
}

static void draw_braille(const struct app *app, const struct draw *draw, int x,
                         int rows, const double pair[2]) {
  int left = pair[0] > 0 ? level_of(app, rows, 4, pair[0]) : 0;
  int right = pair[1] > 0 ? level_of(app, rows, 4, pair[1]) : 0;
  if (pair[0] <= GAP && pair[1] <= GAP)
    draw_text(draw, rows - 1, x, ROLE_DIM, draw->glyphs->gap);
  for (int y = rows - 1; y >= 0 && (left > 0 || right > 0);
       y--, left -= 4, right -= 4) {
    unsigned bits = dots(left, false) | dots(right, true);
    /* U+2800 to U+28FF */
    char text[4] = {(char)0xe2, (char)(0xa0 | bits >> 6),
                    (char)(0x80 | (bits & 0x3f)), '\0'};
    draw_text(draw, y, x, ROLE_GRAPH, text);
  }
}

/* Behind the curve: only where it leaves room. */
static void draw_limit(const struct app *app, const struct draw *draw, int x0,
                       int columns, int rows) {
  double limit = app->snap->limit[LIMIT_BANDWIDTH];
  if (limit <= 0 || limit > app->graph_top)
    return;
  int y = rows - (int)ceil(limit / app->graph_top * rows);
  for (int x = x0; x < x0 + columns; x++)
    draw_text(draw, y < 0 ? 0 : y, x, ROLE_WARN, draw->glyphs->limit);
  draw_text(draw, y < 0 ? 0 : y, x0 + 1, ROLE_WARN, " limit ");
}

static void draw_axis(const struct draw *draw, int y, int x0, int columns,
                      int span) {
  const struct glyphs *glyphs = draw->glyphs;
  int end = x0 + columns;
  draw_right(draw, y, LABEL, ROLE_DIM, "B/s");
  draw_text(draw, y, LABEL, ROLE_DIM, glyphs->corner);
  draw_fill(draw, y, x0, columns, ROLE_DIM, glyphs->dash);
  draw_text(draw, y, end, ROLE_DIM, glyphs->utf8 ? "┘" : glyphs->corner);
  draw_right(draw, y, end, ROLE_DIM, "now");
  for (int back = 30; back <= span; back += 30) {
    char text[16];
    int x = end - back * columns / span;
    snprintf(text, sizeof text, "-%ds", back);
    if (x >= x0 && x + (int)strlen(text) < end - 4)
      draw_text(draw, y, x, ROLE_DIM, text);
  }
}

void view__graph(struct app *app, const struct draw *draw) {
  struct curve curve;
  int rows = draw->rect.h - (app->layout.graph_axis ? 1 : 0);
  int x0 = LABEL + 1, cells = draw->rect.w - x0 - 1;
  if (cells < 1 || rows < 1)
    return;
  bool fine = draw->glyphs->braille && 2 * cells <= MAX_COLUMNS;
  make_curve(&curve, app->snap, fine ? 2 * cells : cells);
  settle_scale(app, curve.max);
  draw_scale(app, draw, rows);
  int columns = fine ? curve.columns / 2 : curve.columns;
  x0 += cells - columns;
  draw_limit(app, draw, x0, columns, rows);
  for (int i = 0; i < columns; i++)
    if (fine)
      draw_braille(app, draw, x0 + i, rows, &curve.value[2 * i]);
    else
      draw_column(app, draw, x0 + i, rows, curve.value[i]);
  if (app->layout.graph_axis)
    draw_axis(draw, rows, x0, columns, curve.columns * curve.seconds);
}
