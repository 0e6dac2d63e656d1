/* SPDX-License-Identifier: MIT
 *
 * Every task of the session in the order of its lists, read page by page by
 * the pager while one scrolls. The cursor is a position in that order; what is
 * in memory is the rows around it.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "views.h"

#define PREFETCH 100    /* rows to the edge at which the next are asked for */
#define REFRESH_MS 2000 /* while the run goes on */
#define SIZE_CELLS 6

/* ---- what is read -------------------------------------------------------- */

static const struct history_page *page_of(const struct app *app) {
  static const struct history_page none;
  return app->list.shown != NULL ? &app->list.shown->page : &none;
}

/* The first row at or behind a position. */
static size_t find(const struct history_page *page, uint64_t position) {
  size_t low = 0, high = page->count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (page->rows[middle].position < position)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

static size_t cursor_row(const struct app *app) {
  const struct history_page *page = page_of(app);
  size_t row = find(page, app->list.at);
  return row < page->count ? row : page->count > 0 ? page->count - 1 : 0;
}

static void ask(struct app *app, uint64_t from, bool backwards) {
  struct list_state *list = &app->list;
  list->wish.what = PAGER_PAGE;
  list->wish.from = from;
  list->wish.backwards = backwards;
  list->asked = true;
  list->asked_ms = app->now_ms;
  app__ask(app, &list->wish);
  list->wish.near = 0;
}

static bool has_before(const struct list_state *list) {
  const struct pager_result *shown = list->shown;
  return shown->wish.backwards ? !shown->page.end : shown->wish.from > 0;
}

static bool has_behind(const struct list_state *list) {
  const struct pager_result *shown = list->shown;
  return shown->wish.backwards ? shown->wish.from < shown->count.tasks
                               : !shown->page.end;
}

/* Asks for what will be needed next, or anew for what may have changed. */
static void keep_filled(struct app *app) {
  struct list_state *list = &app->list;
  const struct history_page *page = page_of(app);
  if (list->asked)
    return;
  if (list->shown == NULL) {
    ask(app, 0, false);
    return;
  }
  size_t row = cursor_row(app);
  if (page->count > 0 && row + PREFETCH > page->count && has_behind(list)) {
    size_t back = row > PREFETCH ? row - PREFETCH : 0;
    if (back > 0 || page->count < PAGER_ROWS / 2) {
      ask(app, page->rows[back].position, false);
      return;
    }
  }
  if (page->count > 0 && row < PREFETCH && has_before(list)) {
    size_t ahead =
        row + PREFETCH < page->count ? row + PREFETCH : page->count - 1;
    ask(app, page->rows[ahead].position + 1, true);
    return;
  }
  bool moves = !app->snap->finished && !app->snap->paused;
  if (moves && app->now_ms - list->asked_ms >= REFRESH_MS)
    ask(app, list->shown->wish.from, list->shown->wish.backwards);
}

void view__list_result(struct app *app, struct pager_result *result) {
  struct list_state *list = &app->list;
  list->asked = false;
  if (result->code < 0) {
    app__say(app, ROLE_ALERT, "%s",
             result->msg.text[0] != '\0' ? result->msg.text
                                         : err_text(result->code));
    pager_free(result);
    list->failed = true;
    return;
  }
  pager_free(list->shown);
  list->shown = result;
  if (result->wish.near != 0)
    list->at = result->at;
  if (result->page.count > 0)
    list->at = result->page.rows[cursor_row(app)].position;
}

/* What was read is of another question. */
static void begin_anew(struct list_state *list) {
  pager_free(list->shown);
  list->shown = NULL;
  list->asked = list->failed = false;
  list->at = 0;
  list->line = 0;
}

static void set_text(struct list_state *list, const char *text) {
  snprintf(list->wish.text, sizeof list->wish.text, "%.*s", PAGER_TEXT - 1,
           text);
}

/* Whoever looks at the list wants to see all of it, once in a run. */
static void want_all(struct app *app) {
  if (!app->list.ahead)
    app__send(app, (struct command){.kind = CMD_READ_AHEAD});
  app->list.ahead = true;
}

void view__list_open(struct app *app, unsigned kinds, const char *class_name,
                     const char *text) {
  const struct pager_wish *wish = &app->list.wish;
  if (wish->kinds != kinds || strcmp(wish->class_name, class_name) != 0 ||
      strcmp(wish->text, text) != 0 || app->list.failed) {
    begin_anew(&app->list);
    app->list.wish.kinds = kinds;
    snprintf(app->list.wish.class_name, sizeof app->list.wish.class_name,
             "%.*s", FAILURE_CLASS_CAP - 1, class_name);
    set_text(&app->list, text);
  }
  want_all(app);
  app__go(app, SCREEN_LIST);
}

void view__list_lead(struct app *app, uint64_t id) {
  view__list_open(app, 0, "", "");
  begin_anew(&app->list);
  app->list.line = app->rows.cursor - app->rows.top;
  app->list.wish.near = id;
  ask(app, 0, false);
  app__say(app, ROLE_TEXT, "every task of the session, in its order (q: back)");
}

void view__list_search(struct app *app, const char *text) {
  begin_anew(&app->list);
  set_text(&app->list, text);
}

void view__list_goto(struct app *app, uint64_t position) {
  uint64_t before = position > PREFETCH ? position - PREFETCH : 0;
  want_all(app);
  app__go(app, SCREEN_LIST);
  app->list.at = position;
  ask(app, before, false);
}

const struct history_row *view__list_row(const struct app *app, uint64_t id) {
  const struct history_page *page = page_of(app);
  for (size_t i = 0; i < page->count; i++)
    if (page->rows[i].id == id)
      return &page->rows[i];
  return NULL;
}

uint64_t view__list_selected(const struct app *app) {
  const struct history_page *page = page_of(app);
  return page->count > 0 ? page->rows[cursor_row(app)].id : 0;
}

/* ---- drawing ------------------------------------------------------------- */

static char letter_of(const struct history_row *row,
                      const struct snap_task *live) {
  static const enum task_state states[HISTORY_KINDS] = {
      [HISTORY_PENDING] = TASK_QUEUED,      [HISTORY_DONE] = TASK_DONE,
      [HISTORY_FAILED] = TASK_FAILED,       [HISTORY_EXPIRED] = TASK_EXPIRED,
      [HISTORY_CANCELLED] = TASK_CANCELLED,
  };
  if (live != NULL && row->kind == HISTORY_PENDING)
    return task_state_letter(live->state);
  if (row->kind == HISTORY_BAD)
    return '!';
  return row->kind == HISTORY_PENDING ? '-'
                                      : task_state_letter(states[row->kind]);
}

static enum role role_of(const struct history_row *row) {
  switch (row->kind) {
  case HISTORY_FAILED:
  case HISTORY_EXPIRED:
  case HISTORY_BAD:
    return ROLE_ALERT;
  case HISTORY_DONE:
    return ROLE_GOOD;
  default:
    return ROLE_TEXT;
  }
}

/* The name of the output, else the last part of the URL's path. */
static void shown_name(const struct history_row *row,
                       const struct snap_task *live, char *buf, size_t cap) {
  const char *url = row->url, *at = strstr(url, "://");
  at = at != NULL ? at + 3 : url;
  size_t len = strcspn(at, "?#"), begin = len;
  while (begin > 0 && at[begin - 1] != '/')
    begin--;
  if (row->name[0] != '\0')
    snprintf(buf, cap, "%s", row->name);
  else if (live != NULL)
    snprintf(buf, cap, "%s", live->name);
  else if (begin < len && begin > 0)
    snprintf(buf, cap, "%.*s", (int)(len - begin), at + begin);
  else
    snprintf(buf, cap, "%s", url);
}

static void draw_row(const struct app *app, const struct draw *draw, int y,
                     const struct history_row *row, bool marked) {
  struct draw line = *draw;
  const struct snap_task *live = app__task(app, row->id);
  char number[TEXT_NUMBER_CAP], name[512];
  char letter[2] = {letter_of(row, live), '\0'};
  if (marked)
    line.style = CELL_REVERSE;
  int width = line.rect.w - 2; /* the last column is the scroll bar */
  draw_fill(&line, y, 0, width + 1, ROLE_TEXT, " ");
  if (marked)
    draw_text(&line, y, 0, ROLE_TITLE, draw->glyphs->selected);
  draw_right(&line, y, 12, ROLE_DIM, "%llu",
             (unsigned long long)row->position + 1);
  draw_text(&line, y, 13, role_of(row), letter);
  int end = width;
  if (width >= 60) {
    int64_t bytes = live != NULL && row->bytes < 0 ? live->got : row->bytes;
    draw_right(&line, y, end, ROLE_TEXT, "%s",
               text_bytes(number, sizeof number, bytes));
    end -= SIZE_CELLS + 1;
  }
  int room = end - 15, more = room > 40 ? room / 2 : 0;
  shown_name(row, live, name, sizeof name);
  draw_clip(&line, y, 15, room - more - (more > 0), ROLE_TEXT, name,
            TEXT_MIDDLE);
  draw_clip(&line, y, 15 + room - more, more, ROLE_DIM,
            row->reason[0] != '\0' ? row->reason : row->url, TEXT_MIDDLE);
}

/* "5 of 32000000   0.00%", or of what was read so far. */
static void place_text(const struct list_state *list, char *buf, size_t cap) {
  const struct history_count *count = &list->shown->count;
  char guess[TEXT_NUMBER_CAP];
  unsigned long long at = (unsigned long long)list->at + 1;
  unsigned long long all = (unsigned long long)count->tasks;
  if (count->complete)
    snprintf(buf, cap, "%llu of %llu   %.*f%%", at, all, all > 100000 ? 2 : 0,
             (double)at * 100 / (double)all);
  else if (count->guess >= 0)
    snprintf(buf, cap, "%llu of %llu read so far, about %s in all", at, all,
             text_count(guess, sizeof guess, (uint64_t)count->guess));
  else
    snprintf(buf, cap, "%llu of %llu read so far", at, all);
}

static void draw_title(const struct app *app, const struct draw *draw) {
  const struct list_state *list = &app->list;
  const struct pager_wish *wish = &list->wish;
  char title[256], hint[96] = "reading ...", kinds[64] = "";
  for (int i = 0; i < HISTORY_KINDS; i++)
    if ((wish->kinds & HISTORY_BIT(i)) != 0)
      snprintf(kinds + strlen(kinds), sizeof kinds - strlen(kinds), "%s%s",
               kinds[0] != '\0' ? ", " : "",
               history_kind_name((enum history_kind)i));
  snprintf(title, sizeof title, "%s%s%s%s%s",
           kinds[0] != '\0' ? kinds : "all tasks",
           wish->class_name[0] != '\0' ? ": " : "", wish->class_name,
           wish->text[0] != '\0' ? " with " : "", wish->text);
  if (list->shown != NULL && list->shown->count.tasks > 0)
    place_text(list, hint, sizeof hint);
  draw_rule(draw, 0, title, hint);
}

/* Where one is in the whole, at the right edge. */
static void draw_bar_beside(const struct app *app, const struct draw *draw,
                            int rows) {
  const struct list_state *list = &app->list;
  uint64_t all = list->shown != NULL ? list->shown->count.tasks : 0;
  if (all == 0 || rows < 3)
    return;
  int thumb = (int)((double)list->at * (rows - 1) / (double)all + 0.5);
  for (int y = 0; y < rows; y++)
    draw_text(draw, 1 + y, draw->rect.w - 1, ROLE_DIM,
              y == thumb ? draw->glyphs->bar_full : draw->glyphs->upright);
}

static void draw_list(struct app *app, const struct draw *draw) {
  struct draw body = draw_in(draw, app->layout.part[PART_TABLE]);
  struct list_state *list = &app->list;
  int rows = body.rect.h - 1;
  keep_filled(app);
  draw_title(app, &body);
  if (rows < 1)
    return;
  const struct history_page *page = page_of(app);
  size_t cursor = cursor_row(app);
  list->page = (size_t)rows;
  if (list->line >= (size_t)rows)
    list->line = (size_t)rows - 1;
  size_t first = cursor > list->line ? cursor - list->line : 0;
  for (int y = 0; y < rows && first + (size_t)y < page->count; y++) {
    bool marked = first + (size_t)y == cursor;
    draw_row(app, &body, 1 + y, &page->rows[first + (size_t)y], marked);
    if (marked && app->prompt.kind == PROMPT_NONE) {
      draw->canvas->cursor_y = body.rect.y + 1 + y;
      draw->canvas->cursor_x = body.rect.x;
    }
  }
  draw_bar_beside(app, &body, rows);
  if (page->count == 0)
    draw_text(&body, 1, 15, ROLE_DIM,
              list->failed          ? "the session cannot be read"
              : list->shown == NULL ? "reading the session ..."
              : list->shown->searching
                  ? "nothing found yet; the search was left off"
                  : "there is none of these");
}

/* ---- moving -------------------------------------------------------------- */

static void move_to(struct app *app, int64_t by) {
  struct list_state *list = &app->list;
  const struct history_page *page = page_of(app);
  if (page->count == 0)
    return;
  int64_t row = (int64_t)cursor_row(app) + by;
  int64_t last = (int64_t)page->count - 1;
  row = row < 0 ? 0 : row > last ? last : row;
  list->at = page->rows[row].position;
  int64_t line = (int64_t)list->line + by;
  int64_t most = list->page > 0 ? (int64_t)list->page - 1 : 0;
  line = line < 0 ? 0 : line > most ? most : line;
  list->line = (size_t)(line < row ? line : row);
}

static void move_list(struct app *app, enum action action) {
  struct list_state *list = &app->list;
  if (action == ACT_FIRST) {
    list->at = 0;
    list->line = 0;
    ask(app, 0, false);
  } else if (action == ACT_LAST && list->shown != NULL) {
    uint64_t all = list->shown->count.tasks;
    list->at = all > 0 ? all - 1 : 0;
    list->line = list->page > 0 ? list->page - 1 : 0;
    ask(app, all, true);
  } else if (action != ACT_LAST) {
    move_to(app, app__distance(action, 0, list->page));
  }
}

static void open_row(struct app *app) {
  const struct history_page *page = page_of(app);
  if (page->count == 0)
    return;
  app->focus = page->rows[cursor_row(app)].id;
  app->scroll[SCREEN_DETAILS].top = 0;
  app__go(app, SCREEN_DETAILS);
}

static void click_list(struct app *app, int y) {
  if (y >= 1)
    move_to(app, (int64_t)(y - 1) - (int64_t)app->list.line);
}

const struct view view_list = {
    .title = "List",
    .where = ON_LIST,
    .draw = draw_list,
    .move = move_list,
    .open = open_row,
    .click = click_list,
};
