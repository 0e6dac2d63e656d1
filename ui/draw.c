/* SPDX-License-Identifier: MIT
 *
 * Everything ends in put(), which cuts at the rectangle's edges.
 */
#include "config.h"

#include "draw.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define LINE_BYTES 2048

struct draw draw_in(const struct draw *draw, struct rect rect) {
  struct draw inner = *draw;
  inner.rect = rect;
  return inner;
}

static int put(const struct draw *draw, int y, int x, int cells, enum role role,
               const char *text) {
  if (y < 0 || y >= draw->rect.h || x < 0 || x >= draw->rect.w)
    return 0;
  if (cells > draw->rect.w - x)
    cells = draw->rect.w - x;
  return canvas_put(draw->canvas, draw->rect.y + y, draw->rect.x + x, cells,
                    !draw->glyphs->utf8, (uint8_t)role, draw->style, text);
}

int draw_text(const struct draw *draw, int y, int x, enum role role,
              const char *text) {
  return put(draw, y, x, draw->rect.w, role, text);
}

int draw_fmt(const struct draw *draw, int y, int x, enum role role,
             const char *fmt, ...) {
  char line[LINE_BYTES];
  va_list args;
  va_start(args, fmt);
  vsnprintf(line, sizeof line, fmt, args);
  va_end(args);
  return draw_text(draw, y, x, role, line);
}

int draw_right(const struct draw *draw, int y, int end, enum role role,
               const char *fmt, ...) {
  char line[LINE_BYTES];
  va_list args;
  va_start(args, fmt);
  vsnprintf(line, sizeof line, fmt, args);
  va_end(args);
  int begin = end - text_width(line, TEXT_WHOLE, 0);
  put(draw, y, begin, end - begin, role, line);
  return begin;
}

int draw_clip(const struct draw *draw, int y, int x, int cells, enum role role,
              const char *text, unsigned flags) {
  char line[LINE_BYTES];
  if (cells > draw->rect.w - x)
    cells = draw->rect.w - x;
  if (cells <= 0)
    return 0;
  if (!draw->glyphs->utf8)
    flags |= TEXT_ASCII;
  text_clip(line, sizeof line, text, TEXT_WHOLE, cells, flags, NULL);
  return put(draw, y, x, cells, role, line);
}

void draw_fill(const struct draw *draw, int y, int x, int cells, enum role role,
               const char *glyph) {
  for (int i = 0; i < cells; i++)
    put(draw, y, x + i, 1, role, glyph);
}

void draw_bar(const struct draw *draw, int y, int x, int width, enum role role,
              double fraction, const char *fill) {
  const struct glyphs *glyphs = draw->glyphs;
  x += draw_text(draw, y, x, ROLE_DIM, glyphs->bar_open);
  int inner = width - (glyphs->bar_open[0] != '\0' ? 2 : 0);
  if (inner <= 0)
    return;
  if (!(fraction > 0))
    fraction = 0;
  if (fraction > 1)
    fraction = 1;
  /* Rounded down, so that only what is whole looks whole. */
  int halves = (int)(fraction * inner * 2);
  int full = halves / 2;
  draw_fill(draw, y, x, full, role, fill);
  int done = full;
  if (halves % 2 == 1 && glyphs->bar_half[0] != '\0')
    done += put(draw, y, x + full, 1, role, glyphs->bar_half);
  draw_fill(draw, y, x + done, inner - done, ROLE_DIM, glyphs->bar_empty);
  draw_text(draw, y, x + inner, ROLE_DIM, glyphs->bar_close);
}

void draw_spark(const struct draw *draw, int y, int x, enum role role,
                const float *value, size_t count, double top) {
  const struct glyphs *glyphs = draw->glyphs;
  double most = top;
  for (size_t i = 0; top <= 0 && i < count; i++)
    most = value[i] > most ? value[i] : most;
  for (size_t i = 0; i < count; i++) {
    int level = most > 0 ? (int)((double)value[i] / most * 8 + 0.5) : 0;
    level = level > 8 ? 8 : level;
    bool gap = value[i] < 0;
    put(draw, y, x + (int)i, 1, level > 0 && !gap ? role : ROLE_DIM,
        gap ? " " : glyphs->spark[level < 0 ? 0 : level]);
  }
}

void draw_rule(const struct draw *draw, int y, const char *title,
               const char *hint) {
  const char *dash = draw->glyphs->dash;
  int width = draw->rect.w;
  draw_fill(draw, y, 0, width, ROLE_DIM, dash);
  int hint_cells = text_width(hint, TEXT_WHOLE, 0);
  int room = width - 4 - (hint_cells > 0 ? hint_cells + 3 : 0);
  if (room < 8) {
    room = width - 4;
    hint_cells = 0;
  }
  if (title[0] != '\0' && room > 0) {
    draw_text(draw, y, 2, ROLE_DIM, " ");
    int used = draw_clip(draw, y, 3, room, ROLE_TITLE, title, 0);
    draw_text(draw, y, 3 + used, ROLE_DIM, " ");
  }
  if (hint_cells > 0)
    draw_right(draw, y, width, ROLE_DIM, " %s", hint);
}
