/* SPDX-License-Identifier: MIT
 *
 * Reading chunks with all that is known of their tasks.
 */
#include "config.h"

#include "partial.h"
#include "store.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void store_loaded_free(struct store_loaded *l) {
  if (l == NULL)
    return;
  free(l->chunk.objects);
  free(l->rows);
  free(l->partials);
  free(l->ranks);
  free(l);
}

static uint32_t index_of(sqlite3_stmt *stmt) {
  return (uint32_t)((sqlite3_column_int64(stmt, 0) - 1) % CHUNK_LINES);
}

/* A vector of a loaded chunk, and how a row of a statement becomes an element
 * of it (zeroed before). */
struct loading {
  enum store_sql sql;
  void **items;
  size_t *count, size;
  void (*read)(sqlite3_stmt *stmt, void *item);
};

static int load(struct store *st, const struct store_loaded *l,
                const struct loading *what) {
  size_t cap = 0;
  int64_t before = (int64_t)l->chunk.number * CHUNK_LINES;
  sqlite3_stmt *stmt =
      store__bind(st, what->sql, "ii", (int64_t)l->chunk.source, before);
  int rc = store__step(st, stmt);
  while (rc == 1) {
    rc = store__push(what->items, &cap, *what->count, what->size);
    if (rc < 0) {
      store__done(stmt);
      return rc;
    }
    uint8_t *item = (uint8_t *)*what->items + (*what->count)++ * what->size;
    memset(item, 0, what->size);
    what->read(stmt, item);
    rc = store__step(st, stmt);
  }
  return rc;
}

#define LOADING(l, what, statement, reader)                   \
  (&(const struct loading){statement, (void **)&(l)->what##s, \
                           &(l)->what##_count, sizeof *(l)->what##s, reader})

static void read_row(sqlite3_stmt *stmt, void *item) {
  struct store_loaded_row *row = item;
  row->index = index_of(stmt);
  row->state = store__state((const char *)sqlite3_column_text(stmt, 1));
  row->started = (unsigned)sqlite3_column_int(stmt, 2);
  row->run = (uint64_t)sqlite3_column_int64(stmt, 3);
}

static void copy_text(char *out, size_t cap, sqlite3_stmt *stmt, int column) {
  const char *text = (const char *)sqlite3_column_text(stmt, column);
  snprintf(out, cap, "%s", text != NULL ? text : "");
}

static void read_partial(sqlite3_stmt *stmt, void *item) {
  struct store_loaded_partial *p = item;
  p->index = index_of(stmt);
  p->partial.durable = sqlite3_column_int64(stmt, 1);
  p->partial.size = sqlite3_column_int64(stmt, 2);
  copy_text(p->partial.etag, sizeof p->partial.etag, stmt, 3);
  copy_text(p->partial.last_modified, sizeof p->partial.last_modified, stmt, 4);
  partial_ranges_read(&p->partial, (const char *)sqlite3_column_text(stmt, 5));
}

static void read_rank(sqlite3_stmt *stmt, void *item) {
  struct store_loaded_rank *rank = item;
  rank->index = index_of(stmt);
  rank->priority = sqlite3_column_int(stmt, 1);
}

static void read_keys(sqlite3_stmt *stmt, int column, struct line_keys *keys) {
  keys->deadline_unix = sqlite3_column_int64(stmt, column);
  keys->priority = sqlite3_column_int(stmt, column + 1);
  keys->hosts = (uint64_t)sqlite3_column_int64(stmt, column + 2);
}

int store_order(struct store *st, struct source *source) {
  sqlite3_stmt *stmt = store__bind(st, SQL_ORDER, "ii", (int64_t)source->id,
                                   (int64_t)source->ended);
  int rc = store__step(st, stmt);
  while (rc == 1) {
    int64_t number = sqlite3_column_int64(stmt, 0);
    struct order_entry *entry =
        number < 0 || number >= (int64_t)source->chunks
            ? NULL
            : order_at(&source->order, (uint32_t)number);
    if (entry == NULL) {
      store__done(stmt);
      return ERR_NOMEM;
    }
    entry->state = sqlite3_column_int(stmt, 1) != 0 ? ORDER_OPEN : ORDER_OVER;
    read_keys(stmt, 2, &entry->keys);
    rc = store__step(st, stmt);
  }
  return rc;
}

int store_order_ranks(struct store *st, struct source *source) {
  sqlite3_stmt *stmt =
      store__bind(st, SQL_RANKS_MOST, "i", (int64_t)source->id);
  int rc = store__step(st, stmt);
  while (rc == 1) {
    int64_t number = sqlite3_column_int64(stmt, 0);
    int32_t most = sqlite3_column_int(stmt, 1);
    if (number >= 0 && number < (int64_t)source->order.count &&
        source->order.entries[number].keys.priority < most)
      source->order.entries[number].keys.priority = most;
    rc = store__step(st, stmt);
  }
  return rc;
}

/* A count in a row beyond what a chunk holds is damage. */
static int read_chunk(sqlite3_stmt *stmt, uint32_t source,
                      struct store_chunk *c) {
  c->source = source;
  c->number = (uint32_t)sqlite3_column_int64(stmt, 0);
  c->count = (uint32_t)sqlite3_column_int64(stmt, 1);
  c->settled = (uint32_t)sqlite3_column_int64(stmt, 2);
  c->place.spool = (uint32_t)sqlite3_column_int64(stmt, 3);
  c->place.offset = (uint64_t)sqlite3_column_int64(stmt, 4);
  c->place.bytes = (uint64_t)sqlite3_column_int64(stmt, 5);
  c->place.first_line = (uint64_t)sqlite3_column_int64(stmt, 6);
  c->place.lines = (uint64_t)sqlite3_column_int64(stmt, 7);
  c->digest = (uint64_t)sqlite3_column_int64(stmt, 8);
  const void *bits = sqlite3_column_blob(stmt, 9);
  read_keys(stmt, 10, &c->place.keys);
  if (c->count > CHUNK_LINES || c->settled > c->count)
    return ERR_CORRUPT;
  if (c->settled == c->count) {
    chunk_bits_fill(c->bits, c->count);
    return 0;
  }
  if (bits == NULL || sqlite3_column_bytes(stmt, 9) != CHUNK_BITMAP)
    return ERR_CORRUPT;
  memcpy(c->bits, bits, CHUNK_BITMAP);
  return chunk_bits_count(c->bits) == c->settled ? 0 : ERR_CORRUPT;
}

static int load_objects(struct store *st, struct store_chunk *c) {
  c->objects = calloc(1, CHUNK_LINES);
  if (c->objects == NULL)
    return ERR_NOMEM;
  sqlite3_stmt *stmt = store__bind(st, SQL_OBJECTS_GET, "ii",
                                   (int64_t)c->source, (int64_t)c->number);
  int rc = store__step(st, stmt);
  if (rc == 1) {
    const void *hashes = sqlite3_column_blob(stmt, 0);
    size_t count = (size_t)sqlite3_column_bytes(stmt, 0);
    rc = count < c->count || count > CHUNK_LINES ? ERR_CORRUPT : 0;
    if (rc == 0 && count > 0)
      memcpy(c->objects, hashes, c->count);
    store__done(stmt);
  }
  return rc;
}

static int load_one(struct store *st, sqlite3_stmt *stmt, uint32_t source,
                    struct store_loaded **out) {
  struct store_loaded *l = calloc(1, sizeof *l);
  int rc = l == NULL ? ERR_NOMEM : read_chunk(stmt, source, &l->chunk);
  if (rc == 0)
    rc = load(st, l, LOADING(l, row, SQL_ROWS_OF, read_row));
  if (rc == 0)
    rc = load(st, l, LOADING(l, partial, SQL_PARTIALS_OF, read_partial));
  if (rc == 0)
    rc = load(st, l, LOADING(l, rank, SQL_RANKS_OF, read_rank));
  if (rc < 0) {
    store_loaded_free(l);
    return rc;
  }
  *out = l;
  return 0;
}

int store_next(struct store *st, uint32_t source, int64_t after, bool ended,
               struct store_loaded **loaded, size_t *count) {
  *count = 0;
  sqlite3_stmt *stmt = store__bind(st, SQL_CHUNKS_NEXT, "iiii", (int64_t)source,
                                   after, (int64_t)ended, (int64_t)STORE_AHEAD);
  int rc = store__step(st, stmt);
  while (rc == 1) {
    rc = load_one(st, stmt, source, &loaded[*count]);
    if (rc < 0)
      break;
    struct store_chunk *c = &loaded[(*count)++]->chunk;
    if (c->count < CHUNK_LINES) /* more lines may join it */
      rc = load_objects(st, c);
    if (rc == 0)
      rc = store__step(st, stmt);
  }
  if (rc == 0)
    return 0;
  store__done(stmt);
  while (*count > 0)
    store_loaded_free(loaded[--*count]);
  return rc;
}

int store_load(struct store *st, uint32_t source, uint32_t number, bool objects,
               struct store_loaded **loaded) {
  *loaded = NULL;
  sqlite3_stmt *stmt =
      store__bind(st, SQL_CHUNK_GET, "ii", (int64_t)source, (int64_t)number);
  int rc = store__step(st, stmt);
  if (rc != 1)
    return rc;
  rc = load_one(st, stmt, source, loaded);
  store__done(stmt);
  if (rc == 0 && objects)
    rc = load_objects(st, &(*loaded)->chunk);
  if (rc < 0) {
    store_loaded_free(*loaded);
    *loaded = NULL;
  }
  return rc;
}

/* Its row, if it is cancelled still and may have made the file. */
static bool is_left(const struct store_loaded *loaded, uint32_t index) {
  for (size_t i = 0; i < loaded->row_count; i++)
    if (loaded->rows[i].index == index)
      return loaded->rows[i].state == ROW_CANCELLED &&
             (loaded->rows[i].started & OWNS_PART) != 0;
  return false;
}

static void take_left(const struct store_loaded *loaded, uint64_t id,
                      struct store_left *left) {
  uint32_t index = task_index(id);
  if (!is_left(loaded, index))
    return;
  left->id = id;
  for (size_t i = 0; i < loaded->partial_count; i++)
    if (loaded->partials[i].index == index) {
      left->has_partial = true;
      left->partial = loaded->partials[i].partial;
    }
}

static int check_left(struct store *st, uint64_t id, struct store_left *left) {
  struct store_loaded *loaded;
  int rc = store_load(st, task_source(id), task_chunk(id), false, &loaded);
  if (rc == 0 && loaded != NULL)
    take_left(loaded, id, left);
  store_loaded_free(loaded);
  return rc;
}

int store_left_find(struct store *st, const char *path,
                    struct store_left *left) {
  *left = (struct store_left){0};
  sqlite3_stmt *stmt = store__bind(st, SQL_LEFT_GET, "s", path);
  int rc = store__step(st, stmt);
  while (rc == 1) {
    left->object = (uint64_t)sqlite3_column_int64(stmt, 2);
    rc = check_left(
        st,
        ((uint64_t)sqlite3_column_int64(stmt, 0) << TASK_ORDINAL_BITS) |
            (uint64_t)sqlite3_column_int64(stmt, 1),
        left);
    if (rc == 0 && left->id == 0)
      rc = store__step(st, stmt);
    else
      store__done(stmt);
  }
  return rc;
}
