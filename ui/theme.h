/* SPDX-License-Identifier: MIT
 *
 * Looks: what each role is painted with, and the glyphs of bars and graphs.
 *
 * Views name roles and never colours. Colour only repeats what a letter or a
 * word says already; the background is the terminal's own. Pure.
 */
#ifndef SPATE_UI_THEME_H
#define SPATE_UI_THEME_H

#include <stdbool.h>
#include <stdint.h>

enum role {
  ROLE_TEXT,
  ROLE_DIM,    /* rules, empty parts of bars, what matters less */
  ROLE_TITLE,  /* name of the program, titles of panes */
  ROLE_TAB,    /* the screen one is on */
  ROLE_FIGURE, /* the figures one looks for */
  ROLE_GRAPH,
  ROLE_BAR,
  ROLE_GOOD,
  ROLE_WARN,
  ROLE_ALERT,
  ROLE_NOTE, /* retrying, verifying */
  ROLE_KEY,  /* keys in the key line and in help */
  ROLE_COUNT
};

#define LOOK_BOLD 1
#define LOOK_DIM 2
#define LOOK_REVERSE 4
#define LOOK_UNDERLINE 8

struct look {
  int16_t color; /* -1 = the terminal's own; 0-7 */
  uint8_t attrs; /* LOOK_BOLD ... with colour */
  uint8_t mono;  /* LOOK_BOLD ... without */
};

struct theme {
  const char *name;
  bool colored;
  struct look look[ROLE_COUNT];
};

/* The theme of that name; NULL when there is none. NULL names the default. */
const struct theme *theme_find(const char *name);
/* "default, light, mono, high-contrast" */
const char *theme_names(void);

struct glyphs {
  const char *name;
  bool utf8;
  bool braille; /* graphs of 2 x 4 dots to a cell */
  const char *bar_open, *bar_close, *bar_full, *bar_half, *bar_empty;
  const char *gauge_full;
  const char *graph[9]; /* from empty to full; unused ones repeat */
  int graph_steps;      /* levels of a cell: 2 or 8 */
  const char *upright, *cross, *dash, *corner;
  const char *spark[9];  /* a curve of one line; [0] is zero */
  const char *limit;     /* the line of a limit in a graph */
  const char *gap;       /* a time in which nothing was measured */
  const char *down, *up; /* direction of the sort */
  const char *selected, *tagged;
};

extern const struct glyphs glyphs_ascii, glyphs_utf8, glyphs_braille;

/* The glyphs of that name; NULL when there are none. */
const struct glyphs *glyphs_find(const char *name);
/* "blocks, braille, ascii" */
const char *glyphs_names(void);

#endif
