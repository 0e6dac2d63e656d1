/* SPDX-License-Identifier: MIT
 *
 * A line of figures of which the less important ones give way.
 *
 * Items keep their widths while their figures change, so that nothing jumps;
 * when the line is too short the ones of the lowest rank are left out.
 */
#ifndef SPATE_UI_ITEMS_H
#define SPATE_UI_ITEMS_H

#include "draw.h"

#define ITEMS_MAX 16

struct item {
  char text[64];
  enum role role;
  int rank; /* the highest stays longest */
};

struct items {
  int count;
  struct item item[ITEMS_MAX];
};

void items_add(struct items *items, int rank, enum role role, const char *fmt,
               ...) PRINTF_LIKE(4, 5);
/* Leaves out what does not fit into cells with gap cells between items.
 * Returns the cells that the rest takes. */
int items_fit(struct items *items, int cells, int gap);
/* Draws them from x on. */
void items_draw(const struct items *items, const struct draw *draw, int y,
                int x, int gap);

#endif
