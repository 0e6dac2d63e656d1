/* SPDX-License-Identifier: MIT
 *
 * Lines drawn through a window that scrolls: titles, and names with values.
 *
 * A view draws all its lines; those out of sight go nowhere, and the number of
 * all of them is known at the end.
 */
#ifndef SPATE_UI_PAGE_H
#define SPATE_UI_PAGE_H

#include <stddef.h>

#include "app.h"

#define PAGE_VALUE 12 /* column of the values */

struct page {
  const struct draw *draw; /* borrowed */
  struct scroll *scroll;   /* borrowed */
  size_t line;
};

/* Begins at the place the screen is scrolled to. */
void page_begin(struct page *page, struct app *app, enum screen screen,
                const struct draw *draw);
/* Remembers the number of lines and keeps the last ones in sight. */
void page_end(struct page *page);

/* The row of the next line; -1 when it is out of sight. */
int page_next(struct page *page);
void page_title(struct page *page, const char *title, const char *hint);
/* Begins a line with a name; its row, or -1. */
int page_name(struct page *page, const char *name);
/* A whole line: a name and a value, which may be untrusted. */
void page_text(struct page *page, const char *name, enum role role,
               const char *text);
void page_fmt(struct page *page, const char *name, enum role role,
              const char *fmt, ...) PRINTF_LIKE(4, 5);

#endif
