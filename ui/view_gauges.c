/* SPDX-License-Identifier: MIT
 *
 * Every bound of the engine with what it holds and who waits, every limit
 * with its present value, and what the machinery itself costs.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "page.h"
#include "views.h"

#define BUSY_WARN 0.3
#define SLOW_MS 10

static void semaphore(struct page *page, const struct snap_sem *sem) {
  const struct draw *draw = page->draw;
  int y = page_next(page), width = draw->rect.w;
  if (y < 0)
    return;
  int bar = width >= 90 ? 30 : width >= 60 ? 16 : 0;
  double part = sem->limit > 0 ? (double)sem->used / sem->limit : 0;
  draw_text(draw, y, 1, ROLE_TEXT, sem->name);
  if (bar > 0)
    draw_bar(draw, y, 7, bar, part >= 1 ? ROLE_WARN : ROLE_BAR, part,
             draw->glyphs->gauge_full);
  int x = 7 + bar + (bar > 0);
  draw_fmt(draw, y, x, ROLE_FIGURE, "%5u/%-5u", sem->used, sem->limit);
  draw_fmt(draw, y, x + 12, sem->waiting > 0 ? ROLE_WARN : ROLE_DIM, "%5u wait",
           sem->waiting);
  draw_fmt(draw, y, x + 24, ROLE_DIM, "p50 %7.1f ms  p99 %7.1f ms",
           (double)sem->wait_p50_us / 1000, (double)sem->wait_p99_us / 1000);
}

#define LIMIT_VALUE_CELLS 13 /* of a limit's value, with what is around it */

static void limits(struct page *page, const struct snapshot *snap) {
  int longest = 0;
  for (int i = 0; i < LIMIT_COUNT; i++) {
    int cells = (int)strlen(limit_info((enum limit_id)i)->name);
    longest = cells > longest ? cells : longest;
  }
  int columns = page->draw->rect.w / (longest + LIMIT_VALUE_CELLS);
  columns = columns < 1 ? 1 : columns;
  int width = page->draw->rect.w / columns;
  for (int i = 0; i < LIMIT_COUNT; i += columns) {
    int y = page_next(page);
    for (int j = 0; y >= 0 && j < columns && i + j < LIMIT_COUNT; j++) {
      enum limit_id id = (enum limit_id)(i + j);
      char text[32];
      int x = j * width + 1;
      draw_text(page->draw, y, x, ROLE_DIM, limit_info(id)->name);
      limit_format(id, snap->limit[id], text, sizeof text);
      draw_text(page->draw, y, x + longest + 2, ROLE_TEXT, text);
    }
  }
}

static void figure(struct page *page, enum role role, const char *name,
                   const char *text) {
  int y = page_next(page);
  if (y < 0)
    return;
  draw_text(page->draw, y, 1, ROLE_DIM, name);
  draw_clip(page->draw, y, 18, page->draw->rect.w - 18, role, text, 0);
}

static void loop_figures(struct page *page, const struct snapshot *snap) {
  char text[128];
  snprintf(text, sizeof text, "%.0f%% busy%s", snap->loop_busy * 100,
           snap->loop_busy >= BUSY_WARN ? " - the loop is short of time" : "");
  figure(page, snap->loop_busy >= BUSY_WARN ? ROLE_WARN : ROLE_TEXT, "loop",
         text);
  snprintf(text, sizeof text, "p99 %.2f ms   max %.1f ms", snap->lag_p99_ms,
           snap->lag_max_ms);
  figure(page, ROLE_TEXT, "lag", text);
  snprintf(text, sizeof text, "%.1f ms %s", snap->slowest_ms, snap->slowest);
  figure(page, snap->slowest_ms >= SLOW_MS ? ROLE_WARN : ROLE_TEXT,
         "longest callback", text);
}

static void store_figures(struct page *page, const struct app *app) {
  const struct snapshot *snap = app->snap;
  char text[128], a[TEXT_NUMBER_CAP], b[TEXT_NUMBER_CAP];
  snprintf(text, sizeof text, "%s commits   p50 %.2f ms   p99 %.2f ms",
           text_count(a, sizeof a, snap->commits), snap->commit_p50_ms,
           snap->commit_p99_ms);
  figure(page, ROLE_TEXT, "session", text);
  snprintf(text, sizeof text, "%s of %s",
           text_bytes(a, sizeof a, (int64_t)snap->buffer_bytes),
           text_bytes(b, sizeof b, (int64_t)snap->buffer_limit));
  figure(page, ROLE_TEXT, "body buffers", text);
  figure(page, ROLE_TEXT, "memory",
         text_bytes(a, sizeof a, (int64_t)snap->rss_bytes));
  snprintf(text, sizeof text, "frames %s   written %s",
           text_count(a, sizeof a, app->frames),
           text_bytes(b, sizeof b, (int64_t)app->frame_bytes));
  figure(page, ROLE_TEXT, "this screen", text);
}

static void traffic_figures(struct page *page, const struct snapshot *snap) {
  char text[128], a[TEXT_NUMBER_CAP], b[TEXT_NUMBER_CAP], c[TEXT_NUMBER_CAP];
  snprintf(text, sizeof text, "%s   %s retried   %s throttled",
           text_count(a, sizeof a, snap->total.requests),
           text_count(b, sizeof b, snap->total.retries),
           text_count(c, sizeof c, snap->total.throttled));
  figure(page, ROLE_TEXT, "requests", text);
}

static size_t gauge_lines(const struct app *app) {
  return app->scroll[SCREEN_GAUGES].count;
}

static void draw_gauges(struct app *app, const struct draw *draw) {
  struct draw body = draw_in(draw, app->layout.part[PART_TABLE]);
  struct page page;
  page_begin(&page, app, SCREEN_GAUGES, &body);
  page_title(&page, "semaphores", "");
  for (int i = 0; i < SNAP_SEM_COUNT; i++)
    semaphore(&page, &app->snap->sem[i]);
  page_title(&page, "limits", "L: change");
  limits(&page, app->snap);
  page_title(&page, "machinery", "");
  traffic_figures(&page, app->snap);
  loop_figures(&page, app->snap);
  store_figures(&page, app);
  page_end(&page);
}

const struct view view_gauges = {
    .title = "Gauges",
    .where = ON_GAUGES,
    .draw = draw_gauges,
    .lines = gauge_lines,
};
