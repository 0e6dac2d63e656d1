/* SPDX-License-Identifier: MIT
 *
 * What views draw with: text, bars and rules inside of one rectangle.
 *
 * Coordinates are relative to the rectangle; nothing is drawn outside of it.
 * draw_text is for words of our own; everything that comes from a server, a
 * file or a person goes through draw_clip.
 */
#ifndef SPATE_UI_DRAW_H
#define SPATE_UI_DRAW_H

#include "canvas.h"
#include "layout.h"
#include "text.h"
#include "theme.h"

struct draw {
  struct canvas *canvas;       /* borrowed */
  const struct glyphs *glyphs; /* borrowed */
  struct rect rect;
  uint8_t style; /* added to everything: the selected row */
};

/* The same with another rectangle, given in coordinates of the screen. */
struct draw draw_in(const struct draw *draw, struct rect rect);

/* Each returns the cells taken. A negative x counts from nothing: cells left
 * of the rectangle are lost. */
int draw_text(const struct draw *draw, int y, int x, enum role role,
              const char *text);
int draw_fmt(const struct draw *draw, int y, int x, enum role role,
             const char *fmt, ...) PRINTF_LIKE(5, 6);
/* Right-aligned: ends before column end. Returns the column it begins at. */
int draw_right(const struct draw *draw, int y, int end, enum role role,
               const char *fmt, ...) PRINTF_LIKE(5, 6);
/* Untrusted text in at most cells; flags of text.h. */
int draw_clip(const struct draw *draw, int y, int x, int cells, enum role role,
              const char *text, unsigned flags);
/* A glyph repeated over cells. */
void draw_fill(const struct draw *draw, int y, int x, int cells, enum role role,
               const char *glyph);
/* A bar of the given width, its brackets (if the glyphs have any) included.
 * fill is the glyph of its full part. */
void draw_bar(const struct draw *draw, int y, int x, int width, enum role role,
              double fraction, const char *fill);
/* A curve of one line, a cell a value; negative ones are gaps. top: the value
 * of a full cell, 0: the greatest of them. */
void draw_spark(const struct draw *draw, int y, int x, enum role role,
                const float *value, size_t count, double top);
/* A rule over the whole width with a title in it and a hint at its end. */
void draw_rule(const struct draw *draw, int y, const char *title,
               const char *hint);

#endif
