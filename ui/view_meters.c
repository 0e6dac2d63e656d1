/* SPDX-License-Identifier: MIT
 *
 * The gauges beside the graph: who holds the semaphores, how much of the rate
 * is used, and whether the loop has time left. As bars where there are five
 * rows, as text where there are one or two.
 */
#include "config.h"

#include <stdio.h>

#include "items.h"
#include "views.h"

#define NAME_CELLS 6
#define VALUE_CELLS 12
#define BUSY_WARN 0.3

static enum role fill_role(double part) {
  return part >= 1 ? ROLE_WARN : ROLE_BAR;
}

static void meter(const struct draw *draw, int y, const char *name, double part,
                  const char *value, const char *extra) {
  int bar = draw->rect.w - NAME_CELLS - VALUE_CELLS - 1;
  draw_text(draw, y, 1, ROLE_DIM, name);
  draw_bar(draw, y, NAME_CELLS, bar, fill_role(part), part,
           draw->glyphs->gauge_full);
  int x = NAME_CELLS + bar + 1;
  x += draw_text(draw, y, x, ROLE_TEXT, value);
  draw_text(draw, y, x + 1, ROLE_WARN, extra);
}

static double share(double used, double limit) {
  return limit > 0 ? used / limit : 0;
}

static void sem_meter(const struct draw *draw, int y,
                      const struct snap_sem *sem) {
  char value[32], waiting[TEXT_NUMBER_CAP + 1] = "", count[TEXT_NUMBER_CAP];
  snprintf(value, sizeof value, "%u/%u", sem->used, sem->limit);
  if (sem->waiting > 0)
    snprintf(waiting, sizeof waiting, "!%s",
             text_count(count, sizeof count, sem->waiting));
  meter(draw, y, sem->name, share(sem->used, sem->limit), value, waiting);
}

static void rate_meter(const struct draw *draw, int y,
                       const struct snapshot *snap) {
  char value[48];
  double limit = snap->limit[LIMIT_RATE];
  if (limit > 0)
    snprintf(value, sizeof value, limit < 10 ? "%.1f/%.1f" : "%.0f/%.0f",
             snap->rate_level, limit);
  else
    snprintf(value, sizeof value, "%.0f/s", snap->requests_per_s);
  meter(draw, y, "rate", share(snap->rate_level, limit), value, "");
}

static void band_meter(const struct draw *draw, int y,
                       const struct snapshot *snap) {
  char value[48], now[TEXT_NUMBER_CAP], limit[TEXT_NUMBER_CAP];
  double most = snap->limit[LIMIT_BANDWIDTH];
  text_bytes(now, sizeof now, (int64_t)snap->bytes_per_s);
  if (most > 0)
    snprintf(value, sizeof value, "%s/%s", now,
             text_bytes(limit, sizeof limit, (int64_t)most));
  else
    snprintf(value, sizeof value, "%s/s", now);
  meter(draw, y, "band", share(snap->bytes_per_s, most), value, "");
}

static void memory_meter(const struct draw *draw, int y,
                         const struct snapshot *snap) {
  char value[48], now[TEXT_NUMBER_CAP], limit[TEXT_NUMBER_CAP];
  text_bytes(now, sizeof now, (int64_t)snap->buffer_bytes);
  text_bytes(limit, sizeof limit, (int64_t)snap->buffer_limit);
  snprintf(value, sizeof value, "%s/%s", now, limit);
  meter(draw, y, "buf",
        share((double)snap->buffer_bytes, (double)snap->buffer_limit), value,
        "");
}

static void loop_line(const struct draw *draw, int y,
                      const struct snapshot *snap) {
  enum role role = snap->loop_busy >= BUSY_WARN ? ROLE_WARN : ROLE_TEXT;
  draw_text(draw, y, 1, ROLE_DIM, "loop");
  int x = NAME_CELLS;
  x += draw_fmt(draw, y, x, role, "%2.0f%%", snap->loop_busy * 100);
  x += draw_text(draw, y, x, ROLE_DIM, " busy  lag p99 ");
  x += draw_fmt(draw, y, x, ROLE_TEXT, "%.1f", snap->lag_p99_ms);
  x += draw_text(draw, y, x, ROLE_DIM, " max ");
  x += draw_fmt(draw, y, x, ROLE_TEXT, "%.0f", snap->lag_max_ms);
  draw_text(draw, y, x, ROLE_DIM, " ms");
}

static void draw_bars(const struct app *app, const struct draw *draw) {
  const struct snapshot *snap = app->snap;
  int height = draw->rect.h, y = 0;
  sem_meter(draw, y++, &snap->sem[SNAP_NET]);
  sem_meter(draw, y++, &snap->sem[SNAP_DISK]);
  sem_meter(draw, y++, &snap->sem[SNAP_CPU]);
  if (height >= 7 && app->exec_seen)
    sem_meter(draw, y++, &snap->sem[SNAP_EXEC]);
  rate_meter(draw, y++, snap);
  if (height >= 7)
    band_meter(draw, y++, snap);
  if (height >= 9)
    memory_meter(draw, y++, snap);
  loop_line(draw, y, snap);
}

static void add_sem(struct items *items, int rank, const struct snap_sem *sem) {
  char wait[TEXT_NUMBER_CAP + 2] = "", count[TEXT_NUMBER_CAP];
  if (sem->waiting > 0)
    snprintf(wait, sizeof wait, " !%s",
             text_count(count, sizeof count, sem->waiting));
  items_add(items, rank, sem->used >= sem->limit ? ROLE_WARN : ROLE_TEXT,
            "%s %u/%u%s", sem->name, sem->used, sem->limit, wait);
}

static void add_flow(struct items *items, const struct snapshot *snap) {
  double limit = snap->limit[LIMIT_RATE];
  if (limit > 0)
    items_add(items, 7, ROLE_TEXT, "rate %.0f/%.0f", snap->rate_level, limit);
  else
    items_add(items, 7, ROLE_TEXT, "rate %.0f/s", snap->requests_per_s);
  items_add(items, 6, snap->loop_busy >= BUSY_WARN ? ROLE_WARN : ROLE_TEXT,
            "loop %.0f%%", snap->loop_busy * 100);
  items_add(items, 4, ROLE_TEXT, "lag %.1fms", snap->lag_p99_ms);
}

static void draw_texts(const struct app *app, const struct draw *draw) {
  const struct snapshot *snap = app->snap;
  struct items first = {0}, second = {0};
  struct items *last = draw->rect.h > 1 ? &second : &first;
  int x = draw->rect.h > 1 ? 1 : 0;
  add_sem(&first, 9, &snap->sem[SNAP_NET]);
  add_sem(&first, 5, &snap->sem[SNAP_DISK]);
  add_sem(&first, 5, &snap->sem[SNAP_CPU]);
  add_flow(last, snap);
  items_fit(&first, draw->rect.w - x, 2);
  items_draw(&first, draw, 0, x, 2);
  items_fit(&second, draw->rect.w - x, 2);
  items_draw(&second, draw, 1, x, 2);
}

void view__meters(const struct app *app, const struct draw *draw) {
  if (app->layout.gauges == GAUGES_BARS)
    draw_bars(app, draw);
  else
    draw_texts(app, draw);
}
