/* SPDX-License-Identifier: MIT
 *
 * Where the parts of the main screen stand, at any size.
 *
 * A pure function from rows, columns and options to rectangles. Parts never
 * overlap and never leave the screen; a part that has no room has no height.
 * What gives way first: log, details, graph, gauges, header, key line. A task
 * row and the error line go last; below 30 columns or 4 rows there is a
 * summary line instead of the table.
 */
#ifndef SPATE_UI_LAYOUT_H
#define SPATE_UI_LAYOUT_H

#include <stdbool.h>

struct rect {
  int y, x, h, w;
};

enum part {
  PART_HEADER,  /* screens and counts */
  PART_RATES,   /* what the whole run does */
  PART_SUMMARY, /* one line instead of both, on small screens */
  PART_GRAPH,
  PART_GAUGES,
  PART_HEAD, /* of the table */
  PART_TABLE,
  PART_DETAILS,
  PART_LOG,
  PART_STATUS, /* the error line, also the prompt */
  PART_KEYS,
  PART_COUNT
};

enum gauge_form { GAUGES_NONE, GAUGES_TEXT, GAUGES_BARS };
enum wish { WISH_AUTO, WISH_ON, WISH_OFF };

struct layout_options {
  enum wish details; /* auto: on large screens */
};

/* The columns of the task table, from left to right. */
enum column {
  COL_MARK,
  COL_STATE,
  COL_NAME,
  COL_SIZE,
  COL_DONE,
  COL_BAR,
  COL_RATE,
  COL_ETA,
  COL_CX,
  COL_HOST,
  COL_COUNT
};

struct column_place {
  int x, w; /* relative to the table; w 0: not shown */
};

struct layout {
  int rows, cols;
  struct rect part[PART_COUNT];
  enum gauge_form gauges;
  bool graph_axis;
  struct column_place column[COL_COUNT];
};

/* Rows and columns of less than 1 are taken as 1. */
void layout_main(struct layout *out, int rows, int cols,
                 const struct layout_options *options);

/* The same for a screen of one part: header, body (as PART_TABLE), error line
 * and key line. */
void layout_single(struct layout *out, int rows, int cols);

#endif
