/* SPDX-License-Identifier: MIT
 *
 * Paging through a session: positions, chunks, queries; see history.h. What a
 * task's line says is the matter of history_lines.c.
 *
 * A chunk is visited in three steps: its bitmap and the rows of its tasks say
 * which tasks fit the query, at most so many of them are kept, and only then
 * are lines read, up to the last one needed.
 */
#include "config.h"

#include "history_impl.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "redact.h"

#define VISITS_MOST 512 /* chunks whose rows alone are looked at, a call */
#define READS_MOST 16   /* chunks whose lines are searched for a text, a call */

const char *history_kind_name(enum history_kind kind) {
  static const char *const names[HISTORY_KINDS] = {
      "pending", "done", "failed", "expired", "cancelled", "bad"};
  return names[kind];
}

static enum history_kind kind_of_row(enum row_state state) {
  switch (state) {
  case ROW_FAILED:
    return HISTORY_FAILED;
  case ROW_EXPIRED:
    return HISTORY_EXPIRED;
  case ROW_CANCELLED:
    return HISTORY_CANCELLED;
  case ROW_BAD:
    return HISTORY_BAD;
  default:
    return HISTORY_DONE;
  }
}

int history__fault(struct history *h, int rc, struct errmsg *msg) {
  const char *fault = store_fault(h->store);
  return err_set(msg, rc, "%s: %s", h->dir,
                 fault[0] != '\0' && rc != ERR_NOMEM ? fault : err_text(rc));
}

/* ---- opening ----------------------------------------------------------- */

int history_open(struct history **out, const char *dir, struct errmsg *msg) {
  struct history *h = calloc(1, sizeof *h);
  if (h == NULL)
    return err_set(msg, ERR_NOMEM, "%s", err_text(ERR_NOMEM));
  h->reader.fd = -1;
  h->dir = strdup(dir);
  char *path = session__path(dir, "session.db");
  int rc = h->dir == NULL || path == NULL
               ? err_set(msg, ERR_NOMEM, "%s", err_text(ERR_NOMEM))
               : store_open_reader(&h->store, path, msg);
  if (rc == ERR_NOTFOUND)
    err_set(msg, rc, "there is no session in %s", dir);
  free(path);
  if (rc < 0) {
    history_close(h);
    return rc;
  }
  *out = h;
  return 0;
}

static void drop_sources(struct history *h) {
  for (size_t i = 0; i < h->source_count; i++)
    free(h->sources[i].path);
  free(h->sources);
  h->sources = NULL;
  h->source_count = 0;
}

void history_close(struct history *h) {
  if (h == NULL)
    return;
  history__lines_fini(h);
  drop_sources(h);
  store_close(h->store);
  free(h->dir);
  free(h);
}

/* Begins a transaction with the sources of now; ends with leave(). */
static int enter(struct history *h, struct errmsg *msg) {
  int rc = store_begin_read(h->store);
  if (rc == 0) {
    drop_sources(h);
    rc = store_sources_brief(h->store, &h->sources, &h->source_count);
  }
  if (rc == 0)
    return 0;
  store_end_read(h->store);
  return history__fault(h, rc, msg);
}

static void leave(struct history *h) {
  store_end_read(h->store);
}

/* ---- counting ---------------------------------------------------------- */

int history_count(struct history *h, struct history_count *count,
                  struct errmsg *msg) {
  struct store_tally tally = {0};
  *count = (struct history_count){.complete = true};
  int rc = enter(h, msg);
  if (rc < 0)
    return rc;
  rc = store_tally(h->store, &tally);
  for (size_t i = 0; i < h->source_count; i++) {
    const struct source *s = &h->sources[i];
    count->tasks += s->tasks;
    count->complete = count->complete && s->ended;
    int64_t guess = source_guess(s);
    count->guess = guess < 0 || count->guess < 0 ? -1 : count->guess + guess;
  }
  leave(h);
  if (rc < 0)
    return history__fault(h, rc, msg);
  uint64_t other = 0;
  for (int i = ROW_FAILED; i < ROW_DONE; i++) {
    count->kind[kind_of_row((enum row_state)i)] = tally.rows[i];
    other += tally.rows[i];
  }
  if (tally.settled > other)
    count->kind[HISTORY_DONE] = tally.settled - other;
  if (count->tasks > tally.settled)
    count->kind[HISTORY_PENDING] = count->tasks - tally.settled;
  return 0;
}

int history_classes(struct history *h, struct history_class **classes,
                    size_t *count, struct errmsg *msg) {
  int rc = store_classes(h->store, classes, count);
  return rc == 0 ? 0 : history__fault(h, rc, msg);
}

/* ---- positions --------------------------------------------------------- */

/* The source that holds a position, with the position of its first task;
 * NULL behind the last one. */
static const struct source *find_source(const struct history *h, uint64_t pos,
                                        uint64_t *first) {
  *first = 0;
  for (size_t i = 0; i < h->source_count; i++) {
    if (pos < *first + h->sources[i].tasks)
      return &h->sources[i];
    *first += h->sources[i].tasks;
  }
  return NULL;
}

/* The position of a task; false when its source is not known. */
static bool position_of(const struct history *h, uint64_t id, uint64_t *pos) {
  uint64_t first = 0;
  for (size_t i = 0; i < h->source_count; i++) {
    if (h->sources[i].id == task_source(id)) {
      *pos = first + task_ordinal(id) - 1;
      return task_ordinal(id) <= h->sources[i].tasks;
    }
    first += h->sources[i].tasks;
  }
  return false;
}

int history_position(const struct history *history, uint64_t id,
                     uint64_t *position) {
  return position_of(history, id, position) ? 0 : ERR_NOTFOUND;
}

static uint64_t all_tasks(const struct history *h) {
  uint64_t tasks = 0;
  for (size_t i = 0; i < h->source_count; i++)
    tasks += h->sources[i].tasks;
  return tasks;
}

/* ---- one chunk --------------------------------------------------------- */

/* What is wanted of a chunk: tasks lo <= index < hi. */
struct visit {
  const struct source *source;
  uint64_t first; /* position of the chunk's first task */
  uint32_t number, lo, hi;
  struct store_loaded *loaded;
  struct store_task *rows; /* of the chunk's tasks, in order */
  size_t row_count;
  uint16_t *fits; /* indexes that fit, CHUNK_LINES at most */
  size_t fit_count;
  bool in_clear;
};

static bool kind_fits(const struct history_query *q, enum history_kind kind) {
  return q->kinds == 0 || (q->kinds & HISTORY_BIT(kind)) != 0;
}

static bool row_fits(const struct history_query *q, const struct visit *v,
                     uint32_t index, const struct store_task *row) {
  bool settled = chunk_bit(v->loaded->chunk.bits, index);
  enum history_kind kind = !settled      ? HISTORY_PENDING
                           : row != NULL ? kind_of_row(row->state)
                                         : HISTORY_DONE;
  if (!kind_fits(q, kind))
    return false;
  return q->class_name == NULL || (row != NULL && settled &&
                                   strcmp(q->class_name, row->class_name) == 0);
}

/* Which tasks fit, but for the text. */
static void choose(struct visit *v, const struct history_query *q) {
  size_t at = 0;
  uint32_t hi = v->hi < v->loaded->chunk.count ? v->hi : v->loaded->chunk.count;
  for (uint32_t i = v->lo; i < hi; i++) {
    while (at < v->row_count && task_index(v->rows[at].id) < i)
      at++;
    bool has = at < v->row_count && task_index(v->rows[at].id) == i;
    if (row_fits(q, v, i, has ? &v->rows[at] : NULL))
      v->fits[v->fit_count++] = (uint16_t)i;
  }
}

/* The first or last `most` of what fits stay. */
static void trim(struct visit *v, bool last, size_t most) {
  if (v->fit_count <= most)
    return;
  if (last)
    memmove(v->fits, v->fits + v->fit_count - most, most * sizeof *v->fits);
  v->fit_count = most;
}

static const struct store_task *row_at(const struct visit *v, uint32_t index) {
  size_t low = 0, high = v->row_count;
  while (low < high) {
    size_t mid = (low + high) / 2;
    if (task_index(v->rows[mid].id) < index)
      low = mid + 1;
    else
      high = mid;
  }
  return low < v->row_count && task_index(v->rows[low].id) == index
             ? &v->rows[low]
             : NULL;
}

static int make_row(const struct visit *v, uint32_t index,
                    const struct history_line *line, struct history_row *row) {
  bool settled = chunk_bit(v->loaded->chunk.bits, index);
  const struct store_task *known = row_at(v, index);
  *row = (struct history_row){.position = v->first + index,
                              .id = task_id(v->source->id, v->number, index),
                              .line = line->line,
                              .kind = settled ? HISTORY_DONE : HISTORY_PENDING,
                              .started = !settled && line->started,
                              .bytes = -1};
  if (known != NULL && settled) {
    row->kind = kind_of_row(known->state);
    row->status = known->status;
    row->attempts = known->attempts;
    row->bytes = known->state == ROW_BAD ? -1 : known->bytes;
  }
  const char *name = known != NULL && known->path != NULL && settled
                         ? known->path
                         : line->name;
  return history__texts(row, source_name(v->source), line->url, name,
                        known != NULL && settled ? known : NULL, v->in_clear);
}

static bool has_text(const struct history_row *row, const char *text) {
  return text == NULL || history__contains(row->url, text) ||
         history__contains(row->name, text);
}

static int keep_row(struct history_page *page, const struct history_row *row) {
  if (store__push((void **)&page->rows, &page->cap, page->count,
                  sizeof *page->rows) < 0)
    return ERR_NOMEM;
  page->rows[page->count++] = *row;
  return 0;
}

/* Reads the lines of what fits, in order, and keeps those with the text. */
static int read_fits(struct history *h, struct visit *v, const char *text,
                     struct history_page *page) {
  struct history_line line;
  int rc = history__go_to(h, v->source, v->loaded);
  for (size_t i = 0; rc == 0 && i < v->fit_count; i++) {
    struct history_row row;
    history__read(h, v->fits[i], &line);
    rc = make_row(v, v->fits[i], &line, &row);
    if (rc < 0)
      break;
    if (has_text(&row, text))
      rc = keep_row(page, &row);
    if (rc < 0 || !has_text(&row, text))
      history__row_fini(&row);
  }
  return rc;
}

static void visit_fini(struct visit *v) {
  store_loaded_free(v->loaded);
  store_tasks_free(v->rows, v->row_count);
  free(v->fits);
}

/* Adds what fits of one chunk to an empty page; *read: lines were read. */
static int visit(struct history *h, struct visit *v,
                 const struct history_query *q, bool backwards, size_t most,
                 struct history_page *page, bool *read) {
  *read = false;
  v->in_clear = q->in_clear;
  v->fits = malloc(CHUNK_LINES * sizeof *v->fits);
  if (v->fits == NULL)
    return ERR_NOMEM;
  int rc = store_load(h->store, v->source->id, v->number, true, &v->loaded);
  if (rc < 0 || v->loaded == NULL) /* not written down yet */
    return rc;
  rc = store_tasks(h->store, v->source->id, v->number, &v->rows, &v->row_count);
  if (rc < 0)
    return rc;
  choose(v, q);
  if (q->text == NULL)
    trim(v, backwards, most);
  if (v->fit_count == 0)
    return 0;
  *read = true;
  return read_fits(h, v, q->text, page);
}

/* ---- pages ------------------------------------------------------------- */

static void drop_rows(struct history_page *page, size_t from, size_t count) {
  for (size_t i = from; i < from + count; i++)
    history__row_fini(&page->rows[i]);
  memmove(page->rows + from, page->rows + from + count,
          (page->count - from - count) * sizeof *page->rows);
  page->count -= count;
}

/* Puts a chunk's rows to the page, which stays in order, and no more than
 * most of them; what was left over is to be looked at again. */
static int join(struct history_page *page, struct history_page *found,
                bool backwards, size_t most) {
  size_t room = most - page->count;
  if (found->count > room && backwards)
    drop_rows(found, 0, found->count - room);
  else if (found->count > room)
    drop_rows(found, room, found->count - room);
  for (size_t i = 0; i < found->count; i++)
    if (store__push((void **)&page->rows, &page->cap, page->count + i,
                    sizeof *page->rows) < 0)
      return ERR_NOMEM;
  size_t at = backwards ? 0 : page->count;
  if (found->count > 0) {
    memmove(page->rows + at + found->count, page->rows + at,
            (page->count - at) * sizeof *page->rows);
    memcpy(page->rows + at, found->rows, found->count * sizeof *page->rows);
  }
  page->count += found->count;
  found->count = 0;
  return 0;
}

/* Tasks that have a row of their own are found by the index. */
static bool rows_only(const struct history_query *q) {
  const unsigned bits =
      HISTORY_BIT(HISTORY_PENDING) | HISTORY_BIT(HISTORY_DONE);
  return q->class_name != NULL || (q->kinds != 0 && (q->kinds & bits) == 0);
}

/* Moves *pos to the next task that may fit; false: there is none. */
static int skip(struct history *h, const struct history_query *q,
                bool backwards, uint64_t *pos, bool *found) {
  uint64_t first, id;
  *found = true;
  if (!rows_only(q))
    return 0;
  const struct source *s = find_source(h, *pos, &first);
  if (s == NULL) {
    *found = false;
    return 0;
  }
  unsigned states = 0;
  for (int i = ROW_FAILED; i < ROW_DONE; i++)
    if (kind_fits(q, kind_of_row((enum row_state)i)))
      states |= 1u << i;
  id = ((uint64_t)s->id << TASK_ORDINAL_BITS) | (*pos - first + 1);
  int rc = store_find(h->store, states, q->class_name, id, backwards, &id);
  *found = rc == 1 && position_of(h, id, pos);
  return rc < 0 ? rc : 0;
}

/* One chunk's part of a page: from *pos on, or backwards from *pos (which is
 * looked at too). *pos is then where to go on. */
static int step(struct history *h, const struct history_query *q,
                bool backwards, uint64_t *pos, size_t most,
                struct history_page *page, bool *read) {
  uint64_t first;
  struct history_page found = {0};
  struct visit v = {.source = find_source(h, *pos, &first)};
  if (v.source == NULL)
    return ERR_NOTFOUND;
  uint64_t ordinal = *pos - first;
  v.number = (uint32_t)(ordinal / CHUNK_LINES);
  v.first = first + (uint64_t)v.number * CHUNK_LINES;
  v.lo = backwards ? 0 : (uint32_t)(ordinal % CHUNK_LINES);
  v.hi = backwards ? (uint32_t)(ordinal % CHUNK_LINES) + 1 : CHUNK_LINES;
  int rc = visit(h, &v, q, backwards, most - page->count, &found, read);
  size_t had = found.count;
  if (rc == 0)
    rc = join(page, &found, backwards, most);
  bool cut = had > 0 && page->count == most;
  if (backwards)
    *pos = cut ? page->rows[0].position : v.first;
  else if (cut)
    *pos = page->rows[page->count - 1].position + 1;
  else
    *pos = v.first + v.hi < first + v.source->tasks ? v.first + v.hi
                                                    : first + v.source->tasks;
  history_page_fini(&found);
  visit_fini(&v);
  return rc;
}

/* pos is a boundary between tasks here: forwards the next task is pos,
 * backwards it is pos - 1. */
static int fill(struct history *h, const struct history_query *q, uint64_t *pos,
                bool backwards, size_t most, struct history_page *page) {
  uint64_t tasks = all_tasks(h);
  int visits = 0, reads = 0, rc = 0;
  if (*pos > tasks)
    *pos = tasks;
  while (page->count < most && visits < VISITS_MOST && reads < READS_MOST) {
    bool found, read = false;
    if (*pos == (backwards ? 0 : tasks))
      break;
    uint64_t at = backwards ? *pos - 1 : *pos;
    rc = skip(h, q, backwards, &at, &found);
    if (rc < 0)
      return rc;
    if (!found) {
      *pos = backwards ? 0 : tasks;
      break;
    }
    rc = step(h, q, backwards, &at, most, page, &read);
    if (rc < 0)
      return rc;
    *pos = at;
    visits++;
    reads += read && q->text != NULL;
  }
  page->next = *pos;
  page->end = *pos == (backwards ? 0 : tasks);
  return 0;
}

int history_page(struct history *h, const struct history_query *query,
                 uint64_t from, bool backwards, size_t max,
                 struct history_page *page, struct errmsg *msg) {
  static const struct history_query all = {0};
  *page = (struct history_page){0};
  int rc = enter(h, msg);
  if (rc < 0)
    return rc;
  rc = fill(h, query != NULL ? query : &all, &from, backwards, max, page);
  leave(h);
  if (rc == 0)
    return 0;
  history_page_fini(page);
  return history__fault(h, rc, msg);
}

void history_page_fini(struct history_page *page) {
  if (page->rows != NULL)
    drop_rows(page, 0, page->count);
  free(page->rows);
  *page = (struct history_page){0};
}
