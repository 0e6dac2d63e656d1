/* SPDX-License-Identifier: MIT
 *
 * Items are plain text of ours; their widths are counted in cells.
 */
#include "config.h"

#include "items.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void items_add(struct items *items, int rank, enum role role, const char *fmt,
               ...) {
  if (items->count == ITEMS_MAX)
    return;
  struct item *item = &items->item[items->count++];
  va_list args;
  va_start(args, fmt);
  vsnprintf(item->text, sizeof item->text, fmt, args);
  va_end(args);
  item->role = role;
  item->rank = rank;
}

static int total(const struct items *items, int gap) {
  int sum = items->count > 0 ? (items->count - 1) * gap : 0;
  for (int i = 0; i < items->count; i++)
    sum += text_width(items->item[i].text, TEXT_WHOLE, 0);
  return sum;
}

static void drop_least(struct items *items) {
  int least = 0;
  for (int i = 1; i < items->count; i++)
    if (items->item[i].rank < items->item[least].rank)
      least = i;
  items->count--;
  memmove(&items->item[least], &items->item[least + 1],
          (size_t)(items->count - least) * sizeof items->item[0]);
}

int items_fit(struct items *items, int cells, int gap) {
  while (items->count > 0 && total(items, gap) > cells)
    drop_least(items);
  return total(items, gap);
}

void items_draw(const struct items *items, const struct draw *draw, int y,
                int x, int gap) {
  for (int i = 0; i < items->count; i++) {
    const struct item *item = &items->item[i];
    x += draw_text(draw, y, x, item->role, item->text) + gap;
  }
}
