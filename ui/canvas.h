/* SPDX-License-Identifier: MIT
 *
 * The screen as an array of cells, before a terminal sees it.
 *
 * Views draw into a canvas; term.c compares it with what it showed last and
 * hands over the differences; golden tests print it. A cell holds one
 * character with its combining marks; a wide one is followed by a cell of
 * width 0. Nothing that reaches a cell can move a terminal's cursor: control
 * characters become '?', whatever the caller did before.
 */
#ifndef SPATE_UI_CANVAS_H
#define SPATE_UI_CANVAS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

#define CELL_TEXT 13   /* bytes of a character with its marks, with NUL */
#define CELL_BOLD 1    /* on top of what the role says */
#define CELL_REVERSE 2 /* the selected row */

struct cell {
  char text[CELL_TEXT];
  uint8_t width; /* cells it takes: 1, 2, or 0 = right half of a wide one */
  uint8_t role;  /* enum role of theme.h */
  uint8_t style; /* CELL_BOLD ... */
};

struct canvas {
  int rows, cols;
  int cursor_y, cursor_x; /* where the real cursor rests */
  struct cell *cells;     /* taken; rows * cols */
};

/* Dimensions of less than 1 are taken as 1. */
int canvas_init(struct canvas *canvas, int rows, int cols) MUST_CHECK;
void canvas_fini(struct canvas *canvas);
/* Contents are lost. On failure the canvas stays as it was. */
int canvas_resize(struct canvas *canvas, int rows, int cols) MUST_CHECK;

/* All blank; the cursor to the lower right corner. */
void canvas_clear(struct canvas *canvas);

struct cell *canvas_cell(const struct canvas *canvas, int y, int x);

/* Writes UTF-8 (or, with ascii, ASCII with '?' for the rest) from y, x on into
 * at most room cells; what does not fit is left out, a wide character never
 * half. Coordinates outside of the canvas are allowed and draw nothing there.
 * Returns the cells taken. */
int canvas_put(struct canvas *canvas, int y, int x, int room, bool ascii,
               uint8_t role, uint8_t style, const char *text);

/* One line of the canvas as text without trailing blanks; returns its length
 * in bytes, cut at cap. */
size_t canvas_line(const struct canvas *canvas, int y, char *out, size_t cap);

#endif
