/* SPDX-License-Identifier: MIT
 *
 * A live profile of the engine: who holds the semaphores and how long others
 * wait for them, what the leaky buckets hold back, where the loop's time goes,
 * what disk and database take, and what this screen costs itself.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "act.h"
#include "page.h"
#include "views.h"

#define BUSY_WARN 0.3
#define SLOW_MS 10
#define SPARK_MAX 60
#define WAIT_CELLS 36 /* of the figures about waiting */

/* ---- semaphores ---------------------------------------------------------- */

/* The bar is wide where there is room, the curve takes what is left. */
struct sem_columns {
  int bar, spark;
};

static struct sem_columns sem_columns(int width) {
  struct sem_columns c = {0, 0};
  int left = width - PAGE_VALUE - 12 - WAIT_CELLS;
  c.bar = left >= 46 ? 24 : left >= 12 ? left : 0;
  c.bar = c.bar > 24 ? 24 : c.bar;
  left -= c.bar + 3;
  c.spark = left >= 16 ? left : 0;
  if (c.spark > SPARK_MAX)
    c.spark = SPARK_MAX;
  return c;
}

static void sem_head(struct page *page) {
  const struct draw *draw = page->draw;
  struct sem_columns c = sem_columns(draw->rect.w);
  int y = page_next(page), x = PAGE_VALUE + c.bar + (c.bar > 0);
  if (y < 0)
    return;
  draw_right(draw, y, x + 11, ROLE_DIM, "USED/LIMIT");
  draw_right(draw, y, x + 20, ROLE_DIM, "WAITING");
  draw_right(draw, y, x + 33, ROLE_DIM, "WAITED P50");
  draw_right(draw, y, x + 45, ROLE_DIM, "P99");
  if (c.spark > 0)
    draw_fmt(draw, y, x + 48, ROLE_DIM, "LAST %d s", c.spark);
}

static char *wait_text(char *buf, size_t cap, uint64_t us) {
  if (us < 100000)
    snprintf(buf, cap, "%.1f ms", (double)us / 1e3);
  else
    snprintf(buf, cap, "%.1f s", (double)us / 1e6);
  return buf;
}

static void semaphore(struct page *page, const struct app *app,
                      enum snap_sem_id id) {
  const struct draw *draw = page->draw;
  const struct snap_sem *sem = &app->snap->sem[id];
  struct sem_columns c = sem_columns(draw->rect.w);
  char text[32];
  float curve[SPARK_MAX];
  int y = page_name(page, sem->name);
  if (y < 0)
    return;
  double part = sem->limit > 0 ? (double)sem->used / sem->limit : 0;
  if (c.bar > 0)
    draw_bar(draw, y, PAGE_VALUE, c.bar, part >= 1 ? ROLE_WARN : ROLE_BAR, part,
             draw->glyphs->gauge_full);
  int x = PAGE_VALUE + c.bar + (c.bar > 0);
  draw_right(draw, y, x + 11, ROLE_FIGURE, "%u/%u", sem->used, sem->limit);
  draw_right(draw, y, x + 20, sem->waiting > 0 ? ROLE_WARN : ROLE_DIM, "%s",
             text_count(text, TEXT_NUMBER_CAP, sem->waiting));
  draw_right(draw, y, x + 33, ROLE_TEXT, "%s",
             wait_text(text, sizeof text, sem->wait_p50_us));
  draw_right(draw, y, x + 45, ROLE_TEXT, "%s",
             wait_text(text, sizeof text, sem->wait_p99_us));
  if (c.spark == 0)
    return;
  trace_sem(&app->trace, id, curve, (size_t)c.spark);
  draw_spark(draw, y, x + 48, ROLE_GRAPH, curve, (size_t)c.spark, 1);
}

/* What has never run a command does not show their semaphore. */
static bool is_used(struct app *app, enum snap_sem_id id) {
  const struct snap_sem *sem = &app->snap->sem[id];
  if (id != SNAP_EXEC)
    return true;
  app->exec_seen |= sem->used > 0 || sem->waiting > 0 || sem->wait_p99_us > 0;
  return app->exec_seen;
}

/* ---- buckets ------------------------------------------------------------- */

static void bucket(struct page *page, const struct app *app, enum limit_id id,
                   const char *level, double throttled) {
  const struct snapshot *snap = app->snap;
  char limit[32] = "no limit";
  if (snap->limit[id] > 0)
    limit_format(id, snap->limit[id], limit, sizeof limit);
  if (snap->limit[id] <= 0)
    page_fmt(page, limit_info(id)->name, ROLE_DIM, "%11s   no limit", level);
  else
    page_fmt(page, limit_info(id)->name,
             throttled > 0.01 ? ROLE_WARN : ROLE_TEXT,
             "%11s of %-10s held others back %3.0f%% of the last 10 s", level,
             limit, throttled * 100);
}

static void buckets(struct page *page, const struct app *app) {
  const struct snapshot *snap = app->snap;
  char text[32];
  snprintf(text, sizeof text, "%.1f/s",
           snap->limit[LIMIT_RATE] > 0 ? snap->rate_level
                                       : snap->requests_per_s);
  bucket(page, app, LIMIT_RATE, text, snap->rate_throttled);
  text_rate(text, sizeof text, snap->bytes_per_s);
  bucket(page, app, LIMIT_BANDWIDTH, text, snap->band_throttled);
}

/* ---- the loop ------------------------------------------------------------ */

static void busy(struct page *page, const struct snapshot *snap) {
  const struct draw *draw = page->draw;
  bool warn = snap->loop_busy >= BUSY_WARN;
  int y = page_name(page, "busy"), x = PAGE_VALUE;
  if (y < 0)
    return;
  x += draw_fmt(draw, y, x, warn ? ROLE_WARN : ROLE_FIGURE, "%3.0f%%",
                snap->loop_busy * 100);
  if (draw->rect.w >= 60) {
    draw_bar(draw, y, x + 1, 24, warn ? ROLE_WARN : ROLE_BAR, snap->loop_busy,
             draw->glyphs->gauge_full);
    x += 26;
  }
  draw_text(draw, y, x + 1, warn ? ROLE_WARN : ROLE_DIM,
            warn ? "the loop is short of time: fewer transfers at once"
                 : "of its time at work; warns at 30%");
}

static void lag_bands(struct page *page, const struct snapshot *snap) {
  static const char *const heads[SNAP_LAG_BANDS] = {
      "<0.1 ms", "<0.3", "<1", "<3", "<10", "<30", "<100", "more"};
  const struct draw *draw = page->draw;
  int cells = (draw->rect.w - PAGE_VALUE) / SNAP_LAG_BANDS;
  uint64_t all = 0;
  if (cells < 6)
    return;
  cells = cells > 10 ? 10 : cells;
  for (int i = 0; i < SNAP_LAG_BANDS; i++)
    all += snap->lag_band[i];
  int y = page_name(page, "iterations");
  for (int i = 0; y >= 0 && i < SNAP_LAG_BANDS; i++)
    draw_right(draw, y, PAGE_VALUE + (i + 1) * cells - 1, ROLE_DIM, "%s",
               heads[i]);
  y = page_next(page);
  for (int i = 0; y >= 0 && i < SNAP_LAG_BANDS; i++) {
    double part = all > 0 ? (double)snap->lag_band[i] * 100 / (double)all : 0;
    bool late = i >= 5 && snap->lag_band[i] > 0;
    enum role role = late ? ROLE_WARN : part > 0 ? ROLE_TEXT : ROLE_DIM;
    int end = PAGE_VALUE + (i + 1) * cells - 1;
    if (part > 0 && part < 0.1)
      draw_right(draw, y, end, role, "<0.1%%");
    else
      draw_right(draw, y, end, role, "%.1f%%", part);
  }
}

static void callbacks(struct page *page, const struct snapshot *snap) {
  char calls[TEXT_NUMBER_CAP];
  for (size_t i = 0; i < snap->slow_count; i++) {
    const struct snap_callback *slow = &snap->slow[i];
    double mean = slow->calls > 0 ? slow->total_ms / (double)slow->calls : 0;
    page_fmt(page, i == 0 ? "slowest" : "",
             slow->max_ms >= SLOW_MS ? ROLE_WARN : ROLE_TEXT,
             "%7.1f ms max %8.3f mean %6s calls %8.1f s  %s", slow->max_ms,
             mean, text_count(calls, sizeof calls, slow->calls),
             slow->total_ms / 1e3, slow->name);
  }
}

static void loop_lines(struct page *page, const struct snapshot *snap) {
  busy(page, snap);
  page_fmt(page, "lag", ROLE_TEXT,
           "p99 %.2f ms of the last minute   max %.1f ms", snap->lag_p99_ms,
           snap->lag_max_ms);
  lag_bands(page, snap);
  callbacks(page, snap);
}

/* ---- the pool ------------------------------------------------------------ */

#define JOB_CELLS 20 /* of a name */

static void job_head(struct page *page) {
  page_title(page, "pool, by kind of job", "");
  int y = page_next(page), x = PAGE_VALUE + JOB_CELLS;
  if (y >= 0)
    draw_fmt(page->draw, y, x, ROLE_DIM, "%4s %4s %6s %7s %9s %9s", "RUN",
             "WAIT", "DONE", "CPU", "WAITED", "LONGEST");
}

static void job_line(struct page *page, const struct snap_job *job) {
  const struct draw *draw = page->draw;
  char count[TEXT_NUMBER_CAP];
  double each = job->jobs > 0 ? (double)job->waited_us / (double)job->jobs : 0;
  int y = page_name(page, job->cpu ? "cpu" : "disk");
  if (y < 0)
    return;
  draw_clip(draw, y, PAGE_VALUE, JOB_CELLS, ROLE_TEXT, job->name, 0);
  draw_fmt(
      draw, y, PAGE_VALUE + JOB_CELLS, job->waiting > 0 ? ROLE_WARN : ROLE_TEXT,
      "%4u %4u %6s %5.1f s %6.1f ms %6.1f ms", job->running, job->waiting,
      text_count(count, sizeof count, job->jobs), (double)job->cpu_us / 1e6,
      each / 1e3, (double)job->longest_cpu_us / 1e3);
}

/* Kinds of work that have not come up are not named. */
static void jobs(struct page *page, const struct snapshot *snap) {
  bool any = false;
  for (int i = 0; i < SNAP_JOBS; i++) {
    const struct snap_job *job = &snap->job[i];
    if (job->name == NULL || job->name[0] == '\0')
      continue;
    if (!any)
      job_head(page);
    any = true;
    job_line(page, job);
  }
  if (snap->exec_started > 0)
    page_fmt(page, "exec", snap->exec_failed > 0 ? ROLE_WARN : ROLE_TEXT,
             "%llu programs, %llu of them failed, %.1f s CPU",
             (unsigned long long)snap->exec_started,
             (unsigned long long)snap->exec_failed,
             (double)snap->exec_cpu_us / 1e6);
}

/* ---- disk, database, traffic, this screen -------------------------------- */

static void store_lines(struct page *page, const struct snapshot *snap) {
  char a[TEXT_NUMBER_CAP], b[TEXT_NUMBER_CAP], c[TEXT_NUMBER_CAP];
  page_fmt(page, "session", ROLE_TEXT, "%s commits   p50 %.2f ms   p99 %.2f ms",
           text_count(a, sizeof a, snap->commits), snap->commit_p50_ms,
           snap->commit_p99_ms);
  page_fmt(page, "disk queue", ROLE_TEXT, "%s jobs   bodies %s of %s",
           text_count(a, sizeof a, snap->sem[SNAP_DISK].waiting),
           text_bytes(b, sizeof b, (int64_t)snap->buffer_bytes),
           text_bytes(c, sizeof c, (int64_t)snap->buffer_limit));
  page_fmt(page, "memory", ROLE_TEXT, "%s",
           text_bytes(a, sizeof a, (int64_t)snap->rss_bytes));
  page_fmt(page, "requests", ROLE_TEXT, "%s   %s retried   %s throttled",
           text_count(a, sizeof a, snap->total.requests),
           text_count(b, sizeof b, snap->total.retries),
           text_count(c, sizeof c, snap->total.throttled));
}

static void screen_lines(struct page *page, const struct app *app) {
  char a[TEXT_NUMBER_CAP], b[TEXT_NUMBER_CAP], c[TEXT_NUMBER_CAP];
  uint64_t each = app->frames > 0 ? app->frame_bytes / app->frames : 0;
  page_fmt(page, "screen", ROLE_TEXT,
           "%s frames   last %.2f ms, max %.2f ms   %s written, %s a frame",
           text_count(a, sizeof a, app->frames), app->frame_ms,
           app->frame_max_ms,
           text_bytes(b, sizeof b, (int64_t)app->frame_bytes),
           text_bytes(c, sizeof c, (int64_t)each));
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
      act__limit_text(id, snap->limit[id], text, sizeof text);
      draw_text(page->draw, y, x + longest + 2, ROLE_TEXT, text);
    }
  }
}

static size_t gauge_lines(const struct app *app) {
  return app->scroll[SCREEN_GAUGES].count;
}

static void draw_gauges(struct app *app, const struct draw *draw) {
  struct draw body = draw_in(draw, app->layout.part[PART_TABLE]);
  struct page page;
  page_begin(&page, app, SCREEN_GAUGES, &body);
  page_title(&page, "semaphores", "");
  sem_head(&page);
  for (int i = 0; i < SNAP_SEM_COUNT; i++)
    if (is_used(app, (enum snap_sem_id)i))
      semaphore(&page, app, (enum snap_sem_id)i);
  page_title(&page, "leaky buckets", "");
  buckets(&page, app);
  page_title(&page, "loop", "");
  loop_lines(&page, app->snap);
  jobs(&page, app->snap);
  view__results(&page, app->snap);
  page_title(&page, "machinery", "");
  store_lines(&page, app->snap);
  screen_lines(&page, app);
  page_title(&page, "limits", "L: change");
  limits(&page, app->snap);
  page_end(&page);
}

const struct view view_gauges = {
    .title = "Gauges",
    .where = ON_GAUGES,
    .draw = draw_gauges,
    .lines = gauge_lines,
};
