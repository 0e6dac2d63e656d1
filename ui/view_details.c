/* SPDX-License-Identifier: MIT
 *
 * Everything that is known of one task: where from and where to, how far, what
 * the server said, what a resume will do, and its lines of the log.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "chrome.h"
#include "page.h"
#include "snap_segments.h"
#include "views.h"

void view__path(const struct app *app, const struct snap_task *task, char *buf,
                size_t cap) {
  const char *dir = app->snap->session_dir;
  bool part = task->state != TASK_DONE && task->got > 0;
  snprintf(buf, cap, "%s%s%s%s", dir, dir[0] != '\0' ? "/" : "", task->name,
           part ? ".part" : "");
}

/* ---- how far ------------------------------------------------------------- */

static void draw_progress(struct page *page, const struct snap_task *task) {
  const struct draw *draw = page->draw;
  int y = page_name(page, "progress");
  if (y < 0)
    return;
  char got[TEXT_NUMBER_CAP], size[TEXT_NUMBER_CAP];
  int x = PAGE_VALUE, bar = draw->rect.w / 2 - x;
  double part = task->size > 0 ? (double)task->got / (double)task->size : 0;
  if (task->state == TASK_DONE)
    part = 1;
  if (bar >= 8) {
    draw_bar(draw, y, x, bar, task->state == TASK_DONE ? ROLE_GOOD : ROLE_BAR,
             part, draw->glyphs->bar_full);
    x += bar + 1;
  }
  x += draw_fmt(draw, y, x, ROLE_TEXT, "%s of %s",
                text_bytes(got, sizeof got, task->got),
                text_bytes(size, sizeof size, task->size));
  if (task->size > 0)
    draw_fmt(draw, y, x, ROLE_FIGURE, "  %.1f%%", part * 100);
}

static void draw_pace(struct page *page, const struct snap_task *task) {
  char rate[TEXT_NUMBER_CAP], eta[TEXT_NUMBER_CAP], due[TEXT_NUMBER_CAP];
  if (task->state == TASK_ACTIVE)
    page_fmt(page, "pace", ROLE_TEXT, "%s   %s left   %d connection%s",
             text_rate(rate, sizeof rate, task->bytes_per_s),
             text_duration(eta, sizeof eta, task->eta_s), task->connections,
             task->connections == 1 ? "" : "s");
  if (task->state == TASK_WAITING && task->due_in_ms >= 0)
    page_fmt(page, "next try", ROLE_NOTE, "in %s",
             text_duration(due, sizeof due, (task->due_in_ms + 999) / 1000));
}

static void draw_state(struct page *page, const struct snap_task *task) {
  char clock[16];
  bool bad = task->state == TASK_FAILED || task->state == TASK_EXPIRED;
  int y = page_name(page, "state");
  int x = PAGE_VALUE;
  const struct draw *draw = page->draw;
  if (y >= 0) {
    x += draw_text(draw, y, x, bad ? ROLE_ALERT : ROLE_FIGURE,
                   task_state_name(task->state));
    if (task->ended_unix != 0)
      x += draw_fmt(draw, y, x, ROLE_TEXT, " at %s",
                    chrome__clock(task->ended_unix, clock, sizeof clock));
    if (task->attempt > 0)
      draw_fmt(draw, y, x, ROLE_TEXT, "   try %d of %d", task->attempt,
               task->tries);
  }
  if (task->reason[0] != '\0')
    page_text(page, bad ? "why" : "reason", bad ? ROLE_ALERT : ROLE_NOTE,
              task->reason);
  draw_progress(page, task);
  draw_pace(page, task);
}

/* What a person or the list said about it; nothing where nobody did. */
static void draw_orders(struct page *page, const struct snap_task *task) {
  char text[TEXT_NUMBER_CAP];
  if (task->priority != 0)
    page_fmt(page, "priority", ROLE_TEXT, "%d", (int)task->priority);
  if (task->own_rate > 0)
    page_fmt(page, "limit", ROLE_TEXT, "%s",
             text_rate(text, sizeof text, task->own_rate));
  if (task->own_split > 0)
    page_fmt(page, "split", ROLE_TEXT, "%d connections", task->own_split);
  if (task->deadline_in_s == INT64_MAX || task->state == TASK_DONE)
    return;
  if (task->deadline_in_s > 0)
    page_fmt(page, "url dies", ROLE_TEXT, "in %s",
             text_duration(text, sizeof text, task->deadline_in_s));
  else
    page_text(page, "url dies", ROLE_ALERT, "it is past its time");
}

/* A line for each connection: its part of the file, how much of it has come,
 * its rate, and whence. */
static void draw_segments(struct page *page, const struct snap_task *task) {
  const struct draw *draw = page->draw;
  const char *text = task->segments;
  struct snap_segment segment;
  char rate[TEXT_NUMBER_CAP], first[TEXT_NUMBER_CAP], end[TEXT_NUMBER_CAP];
  bool wide = draw->rect.w >= 70, any = false;
  for (int i = 0; text != NULL && snap_segment_next(&text, &segment); i++) {
    if (!any)
      page_title(page, "connections", "");
    any = true;
    int y = page_next(page), bar = wide ? 24 : 0;
    if (y < 0)
      continue;
    int64_t size = segment.end - segment.first;
    double part =
        size > 0 ? (double)(segment.at - segment.first) / (double)size : 0;
    draw_right(draw, y, 5, ROLE_DIM, "%d", i);
    if (wide)
      draw_bar(draw, y, 7, bar, ROLE_BAR, part, draw->glyphs->bar_full);
    int x = 7 + bar + (bar > 0);
    draw_right(draw, y, x + 5, ROLE_TEXT, "%.0f%%", part * 100);
    if (segment.receiving)
      draw_right(draw, y, x + 14, ROLE_FIGURE, "%s",
                 text_rate(rate, sizeof rate, segment.bytes_per_s));
    else
      draw_right(draw, y, x + 14, ROLE_DIM, "asking");
    x += 16;
    x += draw_fmt(draw, y, x, ROLE_DIM, "%5s to %-5s  ",
                  text_bytes(first, sizeof first, segment.first),
                  text_bytes(end, sizeof end, segment.end));
    draw_clip(draw, y, x, draw->rect.w - x, ROLE_TEXT, segment.host, 0);
  }
}

/* How long the last answer took to come, step by step. */
static void draw_times(struct page *page, const struct snap_task *task) {
  if (task->first_byte_us == 0)
    return;
  uint32_t tcp = task->connected_us > task->resolved_us
                     ? task->connected_us - task->resolved_us
                     : 0;
  uint32_t tls = task->secured_us > task->connected_us
                     ? task->secured_us - task->connected_us
                     : 0;
  uint32_t before =
      task->secured_us > 0 ? task->secured_us : task->connected_us;
  uint32_t wait =
      task->first_byte_us > before ? task->first_byte_us - before : 0;
  page_fmt(page, "times", ROLE_TEXT,
           "name %.1f   connect %.1f   TLS %.1f   first byte %.1f ms",
           task->resolved_us / 1e3, tcp / 1e3, tls / 1e3, wait / 1e3);
}

/* ---- the server ---------------------------------------------------------- */

static void http_text(const struct snap_task *task, char *buf, size_t cap) {
  char version[16] = "";
  if (task->http_version >= 20)
    snprintf(version, sizeof version, "HTTP/%d ", task->http_version / 10);
  else if (task->http_version > 0)
    snprintf(version, sizeof version, "HTTP/%d.%d ", task->http_version / 10,
             task->http_version % 10);
  snprintf(buf, cap, "%s%d", version, task->status);
}

/* A weak validator (W/) proves nothing about bytes. */
static const char *resume_text(const struct snap_task *task) {
  bool strong = task->etag[0] != '\0' && strncmp(task->etag, "W/", 2) != 0;
  if (task->state == TASK_DONE)
    return "not needed: the file is whole";
  if (task->got == 0)
    return "nothing to keep yet";
  if (!task->resumable)
    return "starts over unless the server serves ranges (not shown yet)";
  return strong
             ? "goes on from what is kept, if the validator is still the same"
             : "goes on from what is kept, if date and size still agree";
}

static void draw_server(struct page *page, const struct snap_task *task) {
  char text[64];
  page_title(page, "server", "");
  page_text(page, "host", ROLE_TEXT, task->host);
  if (task->status == 0) {
    page_text(page, "answer", ROLE_DIM, "none yet");
    return;
  }
  http_text(task, text, sizeof text);
  page_text(page, "answer", task->status >= 400 ? ROLE_ALERT : ROLE_TEXT, text);
  draw_times(page, task);
  if (task->etag[0] != '\0')
    page_text(page, "validator", ROLE_TEXT, task->etag);
  page_text(page, "ranges", ROLE_TEXT,
            task->resumable ? "yes: the server has served one"
                            : "not shown by the server");
  page_text(page, "resume", ROLE_TEXT, resume_text(task));
}

/* ---- what else the engine tells of it ------------------------------------ */

/* Lines of one word of the text of look.h, below a title. */
static void draw_look(struct page *page, const char *text, const char *word,
                      const char *name, const char *title) {
  size_t len = strlen(word);
  bool any = false;
  for (const char *end; (end = strchr(text, '\n')) != NULL; text = end + 1) {
    char line[2048];
    if (strncmp(text, word, len) != 0 || text[len] != '\t')
      continue;
    if (!any && title[0] != '\0')
      page_title(page, title, "");
    snprintf(line, sizeof line, "%.*s", (int)(end - text - (int)len - 1),
             text + len + 1);
    page_text(page, any ? "" : name, ROLE_TEXT, line);
    any = true;
  }
}

static void draw_looks(struct page *page, const struct app *app) {
  const char *text = app->snap->look;
  if (text == NULL || app->snap->look_task != app->focus)
    return;
  draw_look(page, text, "mirror", "", "mirrors, in their order");
  draw_look(page, text, "promise", "promised", "");
  draw_look(page, text, "digest", "digest", "");
  draw_look(page, text, "done", "body", "");
  draw_look(page, text, "asks", "", "request");
  draw_look(page, text, "says", "", "answer");
}

/* ---- the log ------------------------------------------------------------- */

static void draw_log(struct page *page, const struct app *app, uint64_t id) {
  const struct logbook *book = &app->logbook;
  bool any = false;
  for (size_t i = 0; i < book->count; i++) {
    const struct logbook_line *line =
        &book->line[(book->head + i) % LOGBOOK_LINES];
    char clock[16];
    if (line->task != id)
      continue;
    if (!any)
      page_title(page, "its log", "");
    any = true;
    int y = page_next(page);
    if (y < 0)
      continue;
    int x = draw_fmt(page->draw, y, 1, ROLE_DIM, "%s  ",
                     chrome__clock(line->unix_ms / 1000, clock, sizeof clock));
    draw_clip(page->draw, y, 1 + x, page->draw->rect.w - x - 1,
              line->level >= LOG_ERROR ? ROLE_ALERT : ROLE_TEXT, line->text,
              TEXT_MIDDLE);
  }
}

/* A task that is not in the engine's window any more, or not yet. */
static void draw_history(struct page *page, const struct history_row *row) {
  char bytes[TEXT_NUMBER_CAP];
  bool bad = row->kind != HISTORY_DONE && row->kind != HISTORY_PENDING;
  page_title(page, row->name[0] != '\0' ? row->name : row->url, "q: back");
  page_text(page, "url", ROLE_TEXT, row->url);
  if (row->name[0] != '\0')
    page_text(page, "file", ROLE_TEXT, row->name);
  page_text(page, "list", ROLE_TEXT, row->source);
  page_fmt(page, "line", ROLE_TEXT, "%llu", (unsigned long long)row->line);
  page_text(page, "state", bad ? ROLE_ALERT : ROLE_FIGURE,
            history_kind_name(row->kind));
  if (row->reason[0] != '\0')
    page_text(page, "why", bad ? ROLE_ALERT : ROLE_TEXT, row->reason);
  if (row->class_name[0] != '\0')
    page_text(page, "kind", ROLE_TEXT, row->class_name);
  if (row->status > 0)
    page_fmt(page, "answer", ROLE_TEXT, "%d", row->status);
  if (row->attempts > 0)
    page_fmt(page, "tries", ROLE_TEXT, "%d", row->attempts);
  if (row->bytes >= 0)
    page_fmt(page, "size", ROLE_TEXT, "%s",
             text_bytes(bytes, sizeof bytes, row->bytes));
  page_fmt(page, "task", ROLE_DIM, "%llu", (unsigned long long)row->id);
}

static void draw_details(struct app *app, const struct draw *draw) {
  struct draw body = draw_in(draw, app->layout.part[PART_TABLE]);
  const struct snap_task *task = app__task(app, app->focus);
  struct page page;
  char path[2048];
  const struct history_row *row = view__list_row(app, app->focus);
  page_begin(&page, app, SCREEN_DETAILS, &body);
  if (task == NULL && row != NULL) {
    draw_history(&page, row);
    page_end(&page);
    return;
  }
  if (task == NULL) {
    page_title(&page, "task", "q: back");
    page_text(&page, "", ROLE_DIM,
              "it has ended and is no longer kept here (H: the whole list)");
    page_end(&page);
    return;
  }
  page_title(&page, task->name, "q: back");
  page_text(&page, "url", ROLE_TEXT, task->url);
  view__path(app, task, path, sizeof path);
  page_text(&page, "file", ROLE_TEXT, path);
  draw_state(&page, task);
  draw_orders(&page, task);
  draw_segments(&page, task);
  draw_server(&page, task);
  draw_looks(&page, app);
  draw_log(&page, app, task->id);
  page_end(&page);
}

static size_t details_lines(const struct app *app) {
  return app->scroll[SCREEN_DETAILS].count;
}

const struct view view_details = {
    .title = "Details",
    .where = ON_DETAILS,
    .draw = draw_details,
    .lines = details_lines,
};
