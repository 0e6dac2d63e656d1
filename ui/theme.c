/* SPDX-License-Identifier: MIT
 *
 * The tables of looks and glyphs. Colours are the eight that every terminal
 * lets its user choose, so a theme fits whatever the user made of them.
 */
#include "config.h"

#include "theme.h"

#include <stddef.h>
#include <string.h>

#define BLACK 0
#define RED 1
#define GREEN 2
#define YELLOW 3
#define BLUE 4
#define MAGENTA 5
#define CYAN 6
#define OWN (-1)

#define B LOOK_BOLD
#define D LOOK_DIM
#define R LOOK_REVERSE

static const struct theme themes[] = {
    {"default",
     true,
     {
         [ROLE_TEXT] = {OWN, 0, 0},
         [ROLE_DIM] = {OWN, D, 0},
         [ROLE_TITLE] = {OWN, B, B},
         [ROLE_TAB] = {CYAN, B, R},
         [ROLE_FIGURE] = {OWN, B, B},
         [ROLE_GRAPH] = {CYAN, 0, 0},
         [ROLE_BAR] = {CYAN, 0, 0},
         [ROLE_GOOD] = {GREEN, 0, 0},
         [ROLE_WARN] = {YELLOW, 0, B},
         [ROLE_ALERT] = {RED, B, B},
         [ROLE_NOTE] = {MAGENTA, 0, 0},
         [ROLE_KEY] = {OWN, B, B},
     }},
    {"light",
     true,
     {
         [ROLE_TEXT] = {OWN, 0, 0},
         [ROLE_DIM] = {OWN, D, 0},
         [ROLE_TITLE] = {OWN, B, B},
         [ROLE_TAB] = {BLUE, B, R},
         [ROLE_FIGURE] = {OWN, B, B},
         [ROLE_GRAPH] = {BLUE, 0, 0},
         [ROLE_BAR] = {BLUE, 0, 0},
         [ROLE_GOOD] = {GREEN, 0, 0},
         [ROLE_WARN] = {MAGENTA, 0, B},
         [ROLE_ALERT] = {RED, B, B},
         [ROLE_NOTE] = {BLUE, 0, 0},
         [ROLE_KEY] = {OWN, B, B},
     }},
    {"mono",
     false,
     {
         [ROLE_TITLE] = {OWN, B, B},
         [ROLE_TAB] = {OWN, R, R},
         [ROLE_FIGURE] = {OWN, B, B},
         [ROLE_DIM] = {OWN, 0, 0},
         [ROLE_WARN] = {OWN, B, B},
         [ROLE_ALERT] = {OWN, B, B},
         [ROLE_KEY] = {OWN, B, B},
         [ROLE_TEXT] = {OWN, 0, 0},
         [ROLE_GRAPH] = {OWN, 0, 0},
         [ROLE_BAR] = {OWN, 0, 0},
         [ROLE_GOOD] = {OWN, 0, 0},
         [ROLE_NOTE] = {OWN, 0, 0},
     }},
    {"high-contrast",
     true,
     {
         [ROLE_TEXT] = {OWN, B, B},
         [ROLE_DIM] = {OWN, 0, 0},
         [ROLE_TITLE] = {OWN, B | R, B | R},
         [ROLE_TAB] = {OWN, B | R, B | R},
         [ROLE_FIGURE] = {OWN, B, B},
         [ROLE_GRAPH] = {OWN, B, B},
         [ROLE_BAR] = {OWN, B, B},
         [ROLE_GOOD] = {GREEN, B, B},
         [ROLE_WARN] = {YELLOW, B, B},
         [ROLE_ALERT] = {RED, B | R, B | R},
         [ROLE_NOTE] = {OWN, B, B},
         [ROLE_KEY] = {OWN, B | R, B | R},
     }},
};

const struct theme *theme_find(const char *name) {
  if (name == NULL || name[0] == '\0')
    return &themes[0];
  for (size_t i = 0; i < sizeof themes / sizeof themes[0]; i++)
    if (strcmp(themes[i].name, name) == 0)
      return &themes[i];
  return NULL;
}

const char *theme_names(void) {
  return "default, light, mono, high-contrast";
}

const struct glyphs glyphs_ascii = {
    .name = "ascii",
    .utf8 = false,
    .bar_open = "[",
    .bar_close = "]",
    .bar_full = "#",
    .bar_half = "",
    .bar_empty = ".",
    .gauge_full = "|",
    .graph = {" ", ".", ":", ":", ":", ":", ":", ":", ":"},
    .graph_steps = 2,
    .spark = {".", ".", "-", "-", "=", "=", "+", "*", "#"},
    .limit = "-",
    .gap = "x",
    .upright = "|",
    .cross = "+",
    .dash = "-",
    .corner = "+",
    .down = "v",
    .up = "^",
    .selected = ">",
    .tagged = "*",
};

#define UTF8_LINES                                                      \
  .bar_open = "", .bar_close = "", .bar_full = "━", .bar_half = "╸",    \
  .bar_empty = "─", .gauge_full = "━",                                  \
  .spark = {"▁", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"}, .limit = "╌", \
  .gap = "░", .upright = "│", .cross = "┴", .dash = "─", .corner = "└", \
  .down = "▾", .up = "▴", .selected = "▸", .tagged = "*"

const struct glyphs glyphs_utf8 = {
    .name = "blocks",
    .utf8 = true,
    .graph = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"},
    .graph_steps = 8,
    UTF8_LINES,
};

const struct glyphs glyphs_braille = {
    .name = "braille",
    .utf8 = true,
    .braille = true,
    .graph = {" ", "⣀", "⣤", "⣶", "⣿", "⣿", "⣿", "⣿", "⣿"},
    .graph_steps = 4,
    UTF8_LINES,
};

const struct glyphs *glyphs_find(const char *name) {
  static const struct glyphs *const sets[] = {&glyphs_utf8, &glyphs_braille,
                                              &glyphs_ascii};
  for (size_t i = 0; i < sizeof sets / sizeof sets[0]; i++)
    if (strcmp(sets[i]->name, name) == 0)
      return sets[i];
  return NULL;
}

const char *glyphs_names(void) {
  return "blocks, braille, ascii";
}
