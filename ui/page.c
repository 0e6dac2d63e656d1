/* SPDX-License-Identifier: MIT
 *
 * A page never ends above the last line of the window while it is longer.
 */
#include "config.h"

#include "page.h"

#include <stdarg.h>
#include <stdio.h>

void page_begin(struct page *page, struct app *app, enum screen screen,
                const struct draw *draw) {
  page->draw = draw;
  page->scroll = &app->scroll[screen];
  page->line = 0;
  page->scroll->page = (size_t)draw->rect.h;
  size_t count = page->scroll->count, seen = page->scroll->page;
  size_t most = count > seen ? count - seen : 0;
  if (page->scroll->top > most)
    page->scroll->top = most;
}

void page_end(struct page *page) {
  page->scroll->count = page->line;
}

int page_next(struct page *page) {
  size_t line = page->line++, top = page->scroll->top;
  if (line < top || line - top >= (size_t)page->draw->rect.h)
    return -1;
  return (int)(line - top);
}

void page_title(struct page *page, const char *title, const char *hint) {
  int y = page_next(page);
  if (y >= 0)
    draw_rule(page->draw, y, title, hint);
}

int page_name(struct page *page, const char *name) {
  int y = page_next(page);
  if (y >= 0)
    draw_text(page->draw, y, 1, ROLE_DIM, name);
  return y;
}

void page_text(struct page *page, const char *name, enum role role,
               const char *text) {
  int y = page_name(page, name);
  if (y >= 0)
    draw_clip(page->draw, y, PAGE_VALUE, page->draw->rect.w - PAGE_VALUE, role,
              text, TEXT_MIDDLE);
}

void page_fmt(struct page *page, const char *name, enum role role,
              const char *fmt, ...) {
  char text[512];
  va_list args;
  va_start(args, fmt);
  vsnprintf(text, sizeof text, fmt, args);
  va_end(args);
  int y = page_name(page, name);
  if (y >= 0)
    draw_clip(page->draw, y, PAGE_VALUE, page->draw->rect.w - PAGE_VALUE, role,
              text, 0);
}
