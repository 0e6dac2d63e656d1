/* SPDX-License-Identifier: MIT
 *
 * The lines around the screens. Each is a list of figures of fixed widths.
 */
#include "config.h"

#include "chrome.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "items.h"

char *chrome__clock(int64_t unix_s, char *buf, size_t cap) {
  time_t seconds = (time_t)unix_s;
  struct tm tm;
  if (localtime_r(&seconds, &tm) == NULL ||
      strftime(buf, cap, "%H:%M:%S", &tm) == 0)
    snprintf(buf, cap, "--:--:--");
  return buf;
}

/* ---- header ------------------------------------------------------------- */

static int draw_tabs(struct app *app, const struct draw *draw) {
  int x = draw_text(draw, 0, 0, ROLE_TITLE, "spate") + 1;
  for (int i = 0; i < SCREEN_TABS; i++) {
    const struct view *view = app__view((enum screen)i);
    bool on = app->screen == (enum screen)i;
    char text[48], unseen[24] = "";
    uint64_t errors =
        app->snap != NULL ? app->snap->log_errors - app->errors_seen : 0;
    if (i == SCREEN_LOG && errors > 0) {
      char count[TEXT_NUMBER_CAP];
      snprintf(unseen, sizeof unseen, "(!%s)",
               text_count(count, sizeof count, errors));
    }
    snprintf(text, sizeof text, on ? "[%d %s" : "%d %s", i + 1, view->title);
    x += draw_text(draw, 0, x, on ? ROLE_TAB : ROLE_TEXT, text);
    x += draw_text(draw, 0, x, ROLE_ALERT, unseen);
    if (on)
      x += draw_text(draw, 0, x, ROLE_TAB, "]");
    app->tab_end[i] = x++;
  }
  return x;
}

static uint64_t not_started(const struct snap_totals *total) {
  uint64_t busy =
      total->active + total->waiting + total->verifying + total->paused;
  return total->pending > busy ? total->pending - busy : 0;
}

static void add_count(struct items *items, int rank, enum role role, int width,
                      uint64_t count, const char *label) {
  char text[TEXT_NUMBER_CAP];
  items_add(items, rank, count > 0 ? role : ROLE_DIM, "%*s %s", width,
            text_count(text, sizeof text, count), label);
}

static void draw_header(struct app *app, const struct draw *draw) {
  const struct snapshot *snap = app->snap;
  int x = draw_tabs(app, draw);
  if (snap == NULL)
    return;
  struct items items = {0};
  char clock[16];
  const struct snap_totals *total = &snap->total;
  add_count(&items, 8, ROLE_TEXT, 3, total->active + total->verifying, "act");
  add_count(&items, 7, ROLE_TEXT, 4, not_started(total), "que");
  add_count(&items, 5, ROLE_NOTE, 2, total->waiting, "ret");
  add_count(&items, 4, ROLE_WARN, 2, total->paused, "pau");
  add_count(&items, 9, ROLE_ALERT, 2, total->failed + total->expired, "err");
  add_count(&items, 10, ROLE_GOOD, 4, total->done, "done");
  items_add(&items, 3, ROLE_DIM, " %s",
            chrome__clock(snap->unix_ms / 1000, clock, sizeof clock));
  int used = items_fit(&items, draw->rect.w - x, 1);
  items_draw(&items, draw, 0, draw->rect.w - used, 1);
}

/* ---- rates -------------------------------------------------------------- */

static const char *headline(const struct app *app, enum role *role) {
  const struct snapshot *snap = app->snap;
  *role = ROLE_WARN;
  if (app->frozen)
    return "HELD";
  if (snap->stopping || app->stop_sent)
    return "STOP";
  if (snap->hold[0] != '\0')
    return "HOLD";
  if (snap->paused)
    return "PAUS";
  *role = ROLE_TITLE;
  return "DOWN";
}

/* "12 of 34", "12 of ~32.0M", "12" */
static void progress_text(const struct snapshot *snap, char *buf, size_t cap) {
  char done[TEXT_NUMBER_CAP], all[TEXT_NUMBER_CAP];
  text_count(done, sizeof done, snap->total.done);
  if (snap->total.tasks >= 0)
    snprintf(buf, cap, "%s of %s", done,
             text_count(all, sizeof all, (uint64_t)snap->total.tasks));
  else if (snap->total.tasks_guess >= 0)
    snprintf(buf, cap, "%s of ~%s", done,
             text_count(all, sizeof all, (uint64_t)snap->total.tasks_guess));
  else
    snprintf(buf, cap, "%s", done);
}

/* Pre-signed URLs die: when, and how many of them will at this pace. */
static void add_deadline(struct items *items, const struct snapshot *snap) {
  char in[TEXT_NUMBER_CAP], miss[TEXT_NUMBER_CAP];
  if (!snap->has_deadline)
    return;
  text_duration(in, sizeof in,
                snap->deadline_in_s > 0 ? snap->deadline_in_s : 0);
  if (snap->will_miss > 0)
    items_add(items, 18, ROLE_ALERT, "expiry %8s !%s miss", in,
              text_count(miss, sizeof miss, (uint64_t)snap->will_miss));
  else
    items_add(items, 8, ROLE_TEXT, "expiry %8s", in);
}

static void add_amounts(struct items *items, const struct snapshot *snap) {
  char progress[48], have[TEXT_NUMBER_CAP], all[TEXT_NUMBER_CAP];
  char eta[TEXT_NUMBER_CAP];
  progress_text(snap, progress, sizeof progress);
  items_add(items, 6, ROLE_TEXT, "%s tasks", progress);
  text_bytes(have, sizeof have, (int64_t)snap->total.bytes);
  if (snap->total.bytes_expected >= 0)
    items_add(items, 7, ROLE_TEXT, "%5s of %s", have,
              text_bytes(all, sizeof all, snap->total.bytes_expected));
  else
    items_add(items, 7, ROLE_TEXT, "%5s", have);
  items_add(items, 9, ROLE_FIGURE, "ETA %8s",
            text_duration(eta, sizeof eta, snap->eta_s));
  add_deadline(items, snap);
}

static void draw_rates(const struct app *app, const struct draw *draw) {
  const struct snapshot *snap = app->snap;
  struct items left = {0}, right = {0};
  char rate[TEXT_NUMBER_CAP], avg[TEXT_NUMBER_CAP], peak[TEXT_NUMBER_CAP];
  char req[TEXT_NUMBER_CAP];
  enum role role;
  const char *word = headline(app, &role);
  items_add(&left, 20, role, "%s", word);
  items_add(&left, 20, ROLE_FIGURE, "%7s",
            text_rate(rate, sizeof rate, snap->bytes_per_s));
  items_add(&left, 4, ROLE_TEXT, "avg %5s",
            text_bytes(avg, sizeof avg, (int64_t)snap->bytes_per_s_avg));
  items_add(&left, 3, ROLE_TEXT, "peak %5s",
            text_bytes(peak, sizeof peak, (int64_t)snap->bytes_per_s_peak));
  items_add(&left, 5, ROLE_TEXT, "%5s req/s",
            text_count(req, sizeof req, (uint64_t)(snap->requests_per_s + .5)));
  add_amounts(&right, snap);
  int room = draw->rect.w;
  int right_cells = items_fit(&right, room - 16, 3);
  items_fit(&left, room - right_cells - 2, 2);
  items_draw(&left, draw, 0, 0, 2);
  items_draw(&right, draw, 0, room - right_cells, 3);
}

/* ---- summary ------------------------------------------------------------ */

static void draw_summary(const struct app *app, const struct draw *draw) {
  const struct snapshot *snap = app->snap;
  if (snap == NULL) {
    draw_text(draw, 0, 0, ROLE_TITLE, "spate");
    return;
  }
  struct items items = {0};
  char text[48], number[TEXT_NUMBER_CAP];
  enum role role;
  const char *word = headline(app, &role);
  items_add(&items, 10, role == ROLE_WARN ? role : ROLE_FIGURE, "%s",
            role == ROLE_WARN
                ? word
                : text_rate(number, sizeof number, snap->bytes_per_s));
  progress_text(snap, text, sizeof text);
  items_add(&items, 9, ROLE_TEXT, "%s", text);
  uint64_t bad = snap->total.failed + snap->total.expired;
  if (bad > 0)
    items_add(&items, 8, ROLE_ALERT, "%s err",
              text_count(number, sizeof number, bad));
  items_add(&items, 6, ROLE_TEXT, "%s act",
            text_count(number, sizeof number, snap->total.active));
  items_add(&items, 7, ROLE_TEXT, "%s",
            text_duration(number, sizeof number, snap->eta_s));
  items_fit(&items, draw->rect.w, 2);
  items_draw(&items, draw, 0, 0, 2);
}

void chrome_top(struct app *app, const struct draw *draw) {
  const struct rect *part = app->layout.part;
  struct draw header = draw_in(draw, part[PART_HEADER]);
  struct draw rates = draw_in(draw, part[PART_RATES]);
  struct draw summary = draw_in(draw, part[PART_SUMMARY]);
  if (part[PART_HEADER].h > 0)
    draw_header(app, &header);
  if (part[PART_RATES].h > 0 && app->snap != NULL)
    draw_rates(app, &rates);
  else if (part[PART_RATES].h > 0)
    draw_text(&rates, 0, 0, ROLE_DIM, "starting");
  if (part[PART_SUMMARY].h > 0)
    draw_summary(app, &summary);
}

/* ---- error line --------------------------------------------------------- */

/* A question takes the line; behind a label what is typed needs some room. */
static int draw_label(const struct draw *draw, const struct prompt *prompt) {
  if (prompt->kind == PROMPT_COMMAND || prompt->kind == PROMPT_FILTER)
    return draw_text(draw, 0, 0, ROLE_KEY,
                     prompt->kind == PROMPT_COMMAND ? ":" : "/");
  int room = draw->rect.w > 24 ? draw->rect.w - 12 : draw->rect.w / 2;
  enum role role = prompt->kind == PROMPT_YES ? ROLE_ALERT : ROLE_KEY;
  return draw_clip(draw, 0, 0, room, role, prompt->label, TEXT_MIDDLE) + 1;
}

/* What is typed, scrolled so that the cursor is in sight. */
static void draw_prompt(const struct app *app, const struct draw *draw) {
  const struct prompt *prompt = &app->prompt;
  if (prompt->kind == PROMPT_CONFIRM) {
    int used = draw_clip(draw, 0, 0, draw->rect.w, ROLE_WARN, prompt->text, 0);
    draw->canvas->cursor_y = draw->rect.y;
    draw->canvas->cursor_x = used < draw->rect.w ? used : draw->rect.w - 1;
    return;
  }
  int begin = draw_label(draw, prompt);
  size_t from = 0;
  int room = draw->rect.w - begin - 1;
  /* No character of a cell takes more bytes than that, combining ones aside. */
  if (room > 0 && prompt->cursor > (size_t)room * 8)
    from = prompt->cursor - (size_t)room * 8;
  while (from > 0 && ((unsigned char)prompt->text[from] & 0xc0) == 0x80)
    from--;
  while (from < prompt->cursor &&
         text_width(prompt->text + from, prompt->cursor - from, 0) > room)
    do
      from++;
    while (((unsigned char)prompt->text[from] & 0xc0) == 0x80);
  int at = begin + text_width(prompt->text + from, prompt->cursor - from, 0);
  int used =
      draw_clip(draw, 0, begin, room + 1, ROLE_TEXT, prompt->text + from, 0);
  draw->canvas->cursor_y = draw->rect.y;
  draw->canvas->cursor_x = at < draw->rect.w ? at : draw->rect.w - 1;
  int left = draw->rect.w - begin - used - 3;
  if (app->message_until_ms > 0 && left > 10)
    draw_clip(draw, 0, begin + used + 3, left, ROLE_DIM, app->message, 0);
}

/* Figures about the table, when there is nothing more important to say. */
static void draw_status(const struct app *app, const struct draw *draw) {
  const struct rows *rows = &app->rows;
  if (app->layout.part[PART_TABLE].h == 0 || app->screen != SCREEN_TASKS ||
      app->snap == NULL)
    return;
  struct items items = {0};
  bool down = sort_descending(rows->sort) != rows->reverse;
  items_add(&items, 3, ROLE_DIM, "sort %s %s", sort_name(rows->sort),
            down ? draw->glyphs->down : draw->glyphs->up);
  items_add(&items, 4, ROLE_DIM, "row %*zu of %zu", rows->count > 99 ? 4 : 1,
            rows->count > 0 ? rows->cursor + 1 : 0, rows->count);
  const struct snap_totals *total = &app->snap->total;
  char all[TEXT_NUMBER_CAP];
  int64_t tasks = total->tasks >= 0 ? total->tasks : total->tasks_guess;
  if (tasks > (int64_t)app->snap->task_count)
    items_add(&items, 2, ROLE_DIM, "H: all %s",
              text_count(all, sizeof all, (uint64_t)tasks));
  if (rows->tags > 0)
    items_add(&items, 5, ROLE_TEXT, "tagged %zu", rows->tags);
  int used = items_fit(&items, draw->rect.w - 8, 3);
  items_draw(&items, draw, 0, draw->rect.w - used, 3);
  int left = draw->rect.w - used - 2;
  bool filtered = rows->filter.count > 0;
  if (filtered) {
    int x = draw_text(draw, 0, 0, ROLE_KEY, "filter: ");
    draw_clip(draw, 0, x, left - x, ROLE_WARN, rows->filter.text, 0);
  } else if (left > 12) {
    draw_text(draw, 0, 0, ROLE_DIM, "filter: none");
  }
}

static const char *standing_notice(const struct app *app) {
  if (app->snap == NULL)
    return NULL;
  if (app->stop_sent || app->snap->stopping)
    return "stopping: what runs ends briefly, then all is saved "
           "(q leaves at once)";
  if (app->snap->hold[0] != '\0')
    return app->snap->hold;
  if (app->snap->paused)
    return "paused: P goes on";
  return NULL;
}

static void draw_error_line(const struct app *app, const struct draw *draw) {
  const char *notice = standing_notice(app);
  if (app->prompt.kind != PROMPT_NONE)
    draw_prompt(app, draw);
  else if (app->message_until_ms > 0)
    draw_clip(draw, 0, 0, draw->rect.w, app->message_role, app->message, 0);
  else if (notice != NULL)
    draw_clip(draw, 0, 0, draw->rect.w, ROLE_WARN, notice, 0);
  else
    draw_status(app, draw);
}

/* ---- key line ----------------------------------------------------------- */

static const struct {
  enum action action;
  const char *label;
  int rank;
} shown_keys[] = {
    {ACT_HELP, "help", 20},        {ACT_TOGGLE, "pause", 18},
    {ACT_DROP, "drop", 16},        {ACT_RETRY, "retry", 17},
    {ACT_OPEN, "open", 13},        {ACT_ADD, "add", 12},
    {ACT_ERRORS, "errors", 9},     {ACT_LIMITS, "limits", 8},
    {ACT_LEVEL, "level", 13},      {ACT_MORE, "change", 17},
    {ACT_SORT, "sort", 13},        {ACT_FILTER, "filter", 14},
    {ACT_NET_UP, "conc", 11},      {ACT_RATE_UP, "rate", 9},
    {ACT_BAND_UP, "band", 8},      {ACT_COMMAND, "command", 15},
    {ACT_NEXT_SCREEN, "next", 12}, {ACT_BACK, "stop", 19},
};

#define SHOWN_KEYS (int)(sizeof shown_keys / sizeof shown_keys[0])

/* The first key of an action; for the pairs of up and down both. */
static void first_key(const struct app *app, enum action action, char *buf,
                      size_t cap) {
  char names[64];
  enum action down = action == ACT_NET_UP    ? ACT_NET_DOWN
                     : action == ACT_RATE_UP ? ACT_RATE_DOWN
                     : action == ACT_BAND_UP ? ACT_BAND_DOWN
                     : action == ACT_MORE    ? ACT_LESS
                                             : ACTION_COUNT;
  keymap_names(&app->keys, action, names, sizeof names);
  names[strcspn(names, " ")] = '\0';
  snprintf(buf, cap, "%s", names);
  if (down == ACTION_COUNT)
    return;
  char other[64];
  keymap_names(&app->keys, down, other, sizeof other);
  other[strcspn(other, " ")] = '\0';
  snprintf(buf, cap, "%.16s %.16s", other, names);
}

/* Keys that are no commands: words "KEY label" with a bar between them. */
static void draw_own_keys(const struct draw *draw, const char *text) {
  int x = 0;
  while (*text != '\0') {
    char item[64];
    size_t len = strcspn(text, "|");
    snprintf(item, sizeof item, "%.*s", (int)len, text);
    text += len + (text[len] != '\0');
    char *label = item + strcspn(item, " ");
    bool more = *label != '\0';
    *label = '\0';
    if (x + (int)len > draw->rect.w)
      return;
    x += draw_text(draw, 0, x, ROLE_KEY, item) + 1;
    if (more)
      x += draw_text(draw, 0, x, ROLE_DIM, label + 1) + 2;
  }
}

/* While a line is typed nothing else is asked for; NULL: no line is. */
static const char *prompt_keys(const struct app *app) {
  switch (app->prompt.kind) {
  case PROMPT_COMMAND:
    return "Enter do it|Tab completes|Up earlier ones|Esc leave";
  case PROMPT_FILTER:
    return "Enter keep it|Esc no filter|Up earlier ones";
  case PROMPT_CONFIRM:
    return "y yes|Esc no";
  case PROMPT_YES:
    return "Enter after yes|Esc no";
  case PROMPT_VALUE:
    return app->asked == ACT_ADD_LIST ? "Enter add|Tab completes|Esc leave"
           : app->asked == ACT_URL    ? "Enter use it|+URL one more mirror|"
                                        "Ctrl-U empty it|Esc leave"
                                      : "Enter set|Esc leave";
  case PROMPT_NONE:
    break;
  }
  return NULL;
}

static void draw_keys(const struct app *app, const struct draw *draw) {
  const char *own = prompt_keys(app);
  if (own == NULL && app__view(app->screen)->key != NULL)
    own = "Enter add|Down next line|Esc leave";
  if (own != NULL) {
    draw_own_keys(draw, own);
    return;
  }
  struct items items = {0};
  unsigned where = app__view(app->screen)->where;
  for (int i = 0; i < SHOWN_KEYS; i++) {
    char key[64];
    enum action action = shown_keys[i].action;
    if ((action_info(action)->where & where) == 0)
      continue;
    first_key(app, action, key, sizeof key);
    const char *label = shown_keys[i].label;
    if (action == ACT_BACK && app->screen != SCREEN_TASKS)
      label = "back";
    else if (action == ACT_BACK && app->engine->attached)
      label = "leave";
    if (key[0] != '\0')
      items_add(&items, shown_keys[i].rank, ROLE_DIM, "%s %s", key, label);
  }
  int used = items_fit(&items, draw->rect.w, 2);
  int x = 0;
  for (int i = 0; i < items.count; i++) {
    if (i == items.count - 1)
      x += draw->rect.w - used;
    char *label = strrchr(items.item[i].text, ' ');
    *label = '\0';
    x += draw_text(draw, 0, x, ROLE_KEY, items.item[i].text) + 1;
    x += draw_text(draw, 0, x, ROLE_DIM, label + 1) + 2;
  }
}

void chrome_bottom(struct app *app, const struct draw *draw) {
  const struct rect *part = app->layout.part;
  struct draw status = draw_in(draw, part[PART_STATUS]);
  struct draw keys = draw_in(draw, part[PART_KEYS]);
  if (part[PART_STATUS].h > 0) {
    draw_error_line(app, &status);
  } else if (app->prompt.kind != PROMPT_NONE || app->message_until_ms > 0) {
    /* One row: what must be said takes the place of the summary. */
    status.rect = (struct rect){0, 0, 1, draw->rect.w};
    draw_fill(&status, 0, 0, draw->rect.w, ROLE_TEXT, " ");
    draw_error_line(app, &status);
  }
  if (part[PART_KEYS].h > 0)
    draw_keys(app, &keys);
}
