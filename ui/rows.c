/* SPDX-License-Identifier: MIT
 *
 * While the order is held, known tasks keep their places and new ones come
 * behind them.
 */
#include "config.h"

#include "rows.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "layout.h"

struct entry {
  const struct snap_task *task;
  uint32_t index;
  uint32_t place; /* in the held order; UINT32_MAX: new */
};

struct placed {
  uint64_t id;
  uint32_t place;
};

static const struct {
  const char *name;
  int column;
  bool descending;
} sorts[SORT_COUNT] = {
#define SORT_ROW(sym, name, column, descending) \
  [sym] = {name, column, descending},
    SORT_TABLE(SORT_ROW)
#undef SORT_ROW
};

const char *sort_name(enum sort_field field) {
  return sorts[field].name;
}

bool sort_descending(enum sort_field field) {
  return sorts[field].descending;
}

int sort_column(enum sort_field field) {
  return sorts[field].column;
}

int sort_find(const char *name) {
  for (int i = 0; i < SORT_COUNT; i++)
    if (strcasecmp(sorts[i].name, name) == 0)
      return i;
  return -1;
}

void rows_init(struct rows *rows) {
  memset(rows, 0, sizeof *rows);
}

void rows_fini(struct rows *rows) {
  free(rows->index);
  free(rows->id);
  free(rows->tag);
  memset(rows, 0, sizeof *rows);
}

/* ---- order -------------------------------------------------------------- */

static int compare_double(double a, double b) {
  return (a > b) - (a < b);
}

static int compare_u64(uint64_t a, uint64_t b) {
  return (a > b) - (a < b);
}

/* What happens comes before what waits, and that before what is over. */
static int state_rank(enum task_state state) {
  static const int rank[TASK_STATE_COUNT] = {
      [TASK_ACTIVE] = 0,  [TASK_VERIFYING] = 1, [TASK_WAITING] = 2,
      [TASK_QUEUED] = 3,  [TASK_PAUSED] = 4,    [TASK_FAILED] = 5,
      [TASK_EXPIRED] = 6, [TASK_DONE] = 7,      [TASK_CANCELLED] = 8,
  };
  return rank[state];
}

static double done_part(const struct snap_task *task) {
  if (task->size > 0)
    return (double)task->got / (double)task->size;
  return task->size == 0 || task->state == TASK_DONE ? 1 : 0;
}

static double eta_of(const struct snap_task *task) {
  return task->eta_s < 0 ? 1e18 : (double)task->eta_s;
}

static int compare_field(const struct snap_task *a, const struct snap_task *b,
                         enum sort_field field) {
  switch (field) {
  case SORT_NAME:
    return strcmp(a->name, b->name);
  case SORT_SIZE:
    return compare_double((double)a->size, (double)b->size);
  case SORT_DONE:
    return compare_double(done_part(a), done_part(b));
  case SORT_RATE:
    return compare_double(a->bytes_per_s, b->bytes_per_s);
  case SORT_ETA:
    return compare_double(eta_of(a), eta_of(b));
  case SORT_HOST:
    return strcmp(a->host, b->host);
  default:
    return state_rank(a->state) - state_rank(b->state);
  }
}

static int compare_entries(const void *left, const void *right, void *arg) {
  const struct rows *rows = arg;
  const struct entry *a = left, *b = right;
  if (a->place != b->place)
    return a->place < b->place ? -1 : 1;
  int order = compare_field(a->task, b->task, rows->sort);
  if (order != 0)
    return rows->reverse != sorts[rows->sort].descending ? -order : order;
  if (a->task->ended_unix != b->task->ended_unix)
    return a->task->ended_unix > b->task->ended_unix ? -1 : 1;
  return compare_u64(a->task->id, b->task->id);
}

#ifdef HAVE_GNU_QSORT_R
static void sort_entries(struct entry *entries, size_t count,
                         struct rows *rows) {
  qsort_r(entries, count, sizeof *entries, compare_entries, rows);
}
#else
static struct rows *sorted; /* the interface has one thread */

static int compare_sorted(const void *left, const void *right) {
  return compare_entries(left, right, sorted);
}

static void sort_entries(struct entry *entries, size_t count,
                         struct rows *rows) {
  sorted = rows;
  qsort(entries, count, sizeof *entries, compare_sorted);
}
#endif

static int compare_placed(const void *left, const void *right) {
  const struct placed *a = left, *b = right;
  return compare_u64(a->id, b->id);
}

static void assign_places(struct entry *entries, size_t count,
                          struct placed *known, size_t known_count) {
  qsort(known, known_count, sizeof *known, compare_placed);
  for (size_t i = 0; i < count; i++) {
    struct placed key = {.id = entries[i].task->id};
    const struct placed *found =
        bsearch(&key, known, known_count, sizeof *known, compare_placed);
    entries[i].place = found != NULL ? found->place : UINT32_MAX;
  }
}

/* Gives entries the places of the held order. */
static int keep_order(const struct rows *rows, struct entry *entries,
                      size_t count) {
  struct placed *known = malloc((rows->count + 1) * sizeof *known);
  if (known == NULL)
    return ERR_NOMEM;
  for (size_t i = 0; i < rows->count; i++)
    known[i] = (struct placed){rows->id[i], (uint32_t)i};
  assign_places(entries, count, known, rows->count);
  free(known);
  return 0;
}

static int reserve(struct rows *rows, size_t count) {
  if (count <= rows->cap)
    return 0;
  uint32_t *index = realloc(rows->index, count * sizeof *index);
  if (index == NULL)
    return ERR_NOMEM;
  rows->index = index;
  uint64_t *id = realloc(rows->id, count * sizeof *id);
  if (id == NULL)
    return ERR_NOMEM;
  rows->id = id;
  rows->cap = count;
  return 0;
}

static size_t collect(const struct rows *rows, const struct snapshot *snap,
                      struct entry *entries) {
  size_t count = 0;
  for (size_t i = 0; i < snap->task_count; i++)
    if (filter_match(&rows->filter, &snap->tasks[i]))
      entries[count++] = (struct entry){&snap->tasks[i], (uint32_t)i, 0};
  return count;
}

static bool in_sight(const struct rows *rows, size_t row) {
  return rows->page == 0 || (row >= rows->top && row < rows->top + rows->page);
}

static bool has_ended(const struct snap_task *task) {
  return task->state == TASK_DONE || task->state == TASK_FAILED ||
         task->state == TASK_EXPIRED || task->state == TASK_CANCELLED;
}

/* A task that ends and goes to the others that have, out of sight, does not
 * take the picture along. */
static void find_selected(struct rows *rows, const struct snapshot *snap,
                          bool follow) {
  if (!rows->moved)
    rows->cursor = 0;
  for (size_t i = 0; rows->moved && i < rows->count; i++)
    if (rows->id[i] == rows->selected) {
      if (!follow && has_ended(&snap->tasks[rows->index[i]]) &&
          !in_sight(rows, i))
        break;
      rows->cursor = i;
      return;
    }
  rows_select(rows, rows->cursor);
}

int rows_update(struct rows *rows, const struct snapshot *snap,
                int64_t now_ms) {
  bool held = !rows->anew && now_ms < rows->hold_until_ms;
  struct entry *entries = malloc((snap->task_count + 1) * sizeof *entries);
  int rc = entries != NULL ? reserve(rows, snap->task_count) : ERR_NOMEM;
  size_t count = rc == 0 ? collect(rows, snap, entries) : 0;
  if (rc == 0 && held)
    rc = keep_order(rows, entries, count);
  if (rc < 0)
    count = 0;
  if (count > 0)
    sort_entries(entries, count, rows);
  for (size_t i = 0; i < count; i++) {
    rows->index[i] = entries[i].index;
    rows->id[i] = entries[i].task->id;
  }
  free(entries);
  bool follow = rows->anew || held || !in_sight(rows, rows->cursor);
  rows->count = count;
  rows->anew = false;
  find_selected(rows, snap, follow);
  return rc;
}

void rows_hold(struct rows *rows, int64_t now_ms) {
  rows->hold_until_ms = now_ms + ROWS_HOLD_MS;
}

void rows_sort_by(struct rows *rows, enum sort_field field, bool reverse) {
  rows->sort = field;
  rows->reverse = reverse;
  rows->anew = true;
}

/* ---- selection ---------------------------------------------------------- */

void rows_select(struct rows *rows, size_t row) {
  if (row >= rows->count)
    row = rows->count > 0 ? rows->count - 1 : 0;
  rows->cursor = row;
  if (rows->count > 0)
    rows->selected = rows->id[row];
}

void rows_move(struct rows *rows, int64_t by) {
  int64_t to = (int64_t)rows->cursor + by;
  rows->moved = true;
  rows_select(rows, to < 0 ? 0 : (size_t)to);
}

void rows_show(struct rows *rows, size_t page) {
  rows->page = page;
  if (page == 0 || rows->count == 0) {
    rows->top = 0;
    return;
  }
  if (rows->cursor < rows->top)
    rows->top = rows->cursor;
  if (rows->cursor >= rows->top + page)
    rows->top = rows->cursor - page + 1;
  if (rows->top + page > rows->count)
    rows->top = rows->count > page ? rows->count - page : 0;
}

/* ---- tags --------------------------------------------------------------- */

static size_t tag_place(const struct rows *rows, uint64_t id) {
  size_t low = 0, high = rows->tags;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (rows->tag[middle] < id)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

bool rows_tagged(const struct rows *rows, uint64_t id) {
  size_t at = tag_place(rows, id);
  return at < rows->tags && rows->tag[at] == id;
}

int rows_tag(struct rows *rows, uint64_t id) {
  size_t at = tag_place(rows, id);
  if (at < rows->tags && rows->tag[at] == id) {
    rows->tags--;
    memmove(&rows->tag[at], &rows->tag[at + 1],
            (rows->tags - at) * sizeof *rows->tag);
    return 0;
  }
  if (rows->tags == rows->tags_cap) {
    size_t cap = rows->tags_cap * 2 + 16;
    uint64_t *tag = realloc(rows->tag, cap * sizeof *tag);
    if (tag == NULL)
      return ERR_NOMEM;
    rows->tag = tag;
    rows->tags_cap = cap;
  }
  memmove(&rows->tag[at + 1], &rows->tag[at],
          (rows->tags - at) * sizeof *rows->tag);
  rows->tag[at] = id;
  rows->tags++;
  return 0;
}

void rows_untag_all(struct rows *rows) {
  rows->tags = 0;
}
