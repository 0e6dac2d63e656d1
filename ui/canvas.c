/* SPDX-License-Identifier: MIT
 *
 * Cells are compared with memcmp, so unused bytes of a cell are always zero.
 * Widths are those of the C library, because ncurses uses the same.
 */
#include "config.h"

#include "canvas.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>
#include <wchar.h>

static int dimension(int value) {
  return value < 1 ? 1 : value;
}

static void blank(struct cell *cell) {
  memset(cell, 0, sizeof *cell);
  cell->text[0] = ' ';
  cell->width = 1;
}

int canvas_init(struct canvas *canvas, int rows, int cols) {
  memset(canvas, 0, sizeof *canvas);
  return canvas_resize(canvas, rows, cols);
}

void canvas_fini(struct canvas *canvas) {
  free(canvas->cells);
  memset(canvas, 0, sizeof *canvas);
}

int canvas_resize(struct canvas *canvas, int rows, int cols) {
  rows = dimension(rows);
  cols = dimension(cols);
  struct cell *cells = calloc((size_t)rows * (size_t)cols, sizeof *cells);
  if (cells == NULL)
    return ERR_NOMEM;
  free(canvas->cells);
  canvas->cells = cells;
  canvas->rows = rows;
  canvas->cols = cols;
  canvas_clear(canvas);
  return 0;
}

void canvas_clear(struct canvas *canvas) {
  size_t count = (size_t)canvas->rows * (size_t)canvas->cols;
  for (size_t i = 0; i < count; i++)
    blank(&canvas->cells[i]);
  canvas->cursor_y = canvas->rows - 1;
  canvas->cursor_x = canvas->cols - 1;
}

struct cell *canvas_cell(const struct canvas *canvas, int y, int x) {
  return &canvas->cells[(size_t)y * (size_t)canvas->cols + (size_t)x];
}

/* A wide character of which one half is overwritten must go altogether. */
static void release(struct canvas *canvas, int y, int x) {
  struct cell *cell = canvas_cell(canvas, y, x);
  if (cell->width == 0 && x > 0)
    blank(cell - 1);
  if (cell->width == 2 && x + 1 < canvas->cols)
    blank(cell + 1);
}

static struct cell *set(struct canvas *canvas, int y, int x, int width) {
  for (int i = 0; i < width; i++)
    release(canvas, y, x + i);
  struct cell *cell = canvas_cell(canvas, y, x);
  for (int i = 0; i < width; i++)
    memset(cell + i, 0, sizeof *cell);
  cell->width = (uint8_t)width;
  return cell;
}

/* The next character of text; 0 at its end, '?' for what is not shown. */
static int32_t decode(const char **text, bool ascii) {
  const unsigned char *at = (const unsigned char *)*text;
  if (*at == 0)
    return 0;
  utf8proc_int32_t code = -1;
  utf8proc_ssize_t len = utf8proc_iterate(at, -1, &code);
  *text += len > 0 ? len : 1;
  if (len <= 0 || code < 32 || (code >= 127 && code < 160))
    return '?';
  if (ascii && code > 126)
    return '?';
  return code;
}

static int width_of(int32_t code) {
  if (code < 127)
    return 1;
  int width = wcwidth((wchar_t)code);
  return width > 2 ? -1 : width;
}

/* A mark joins the character before it while there is room for its bytes. */
static void join(struct cell *cell, int32_t code) {
  utf8proc_uint8_t bytes[4];
  size_t len = (size_t)utf8proc_encode_char(code, bytes);
  size_t have = strlen(cell->text);
  if (have + len < CELL_TEXT)
    memcpy(cell->text + have, bytes, len);
}

int canvas_put(struct canvas *canvas, int y, int x, int room, bool ascii,
               uint8_t role, uint8_t style, const char *text) {
  if (y < 0 || y >= canvas->rows || x < 0)
    return 0;
  if (room > canvas->cols - x)
    room = canvas->cols - x;
  struct cell *last = NULL;
  int used = 0;
  for (;;) {
    int32_t code = decode(&text, ascii);
    if (code == 0)
      return used;
    int width = width_of(code);
    if (width == 0) {
      if (last != NULL)
        join(last, code);
      continue;
    }
    if (width < 0) {
      code = '?';
      width = 1;
    }
    if (used + width > room)
      return used;
    last = set(canvas, y, x + used, width);
    join(last, code);
    for (int i = 0; i < width; i++) {
      last[i].role = role;
      last[i].style = style;
    }
    used += width;
  }
}

size_t canvas_line(const struct canvas *canvas, int y, char *out, size_t cap) {
  size_t len = 0, end = 0;
  for (int x = 0; x < canvas->cols; x++) {
    const struct cell *cell = canvas_cell(canvas, y, x);
    size_t have = strlen(cell->text);
    if (len + have >= cap)
      break;
    memcpy(out + len, cell->text, have);
    len += have;
    if (have != 1 || cell->text[0] != ' ')
      end = have > 0 ? len : end;
  }
  if (cap > 0)
    out[end] = '\0';
  return end;
}
