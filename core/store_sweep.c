/* SPDX-License-Identifier: MIT
 *
 * See store_sweep.h.
 */
#include "config.h"

#include "store_sweep.h"

#include <sqlite3.h>
#include <string.h>

#define ROWS_AT_ONCE 16384 /* batches get their turn in between */

struct row {
  uint64_t id;
  bool fits;
};

/* 1 and the row at hand. */
static int read_row(struct store *st, sqlite3_stmt *stmt,
                    const struct failed_choice *choice, struct row *row) {
  int rc = store__step(st, stmt);
  if (rc != 1)
    return rc;
  const char *reason = (const char *)sqlite3_column_text(stmt, 3);
  row->id = ((uint64_t)sqlite3_column_int64(stmt, 0) << TASK_ORDINAL_BITS) |
            (uint64_t)sqlite3_column_int64(stmt, 1);
  const char *class_name = (const char *)sqlite3_column_text(stmt, 4);
  row->fits = failed_choice_fits_end(choice, sqlite3_column_int(stmt, 2),
                                     class_name != NULL ? class_name : "",
                                     reason != NULL ? reason : "");
  return 1;
}

static sqlite3_stmt *rows_behind(struct store *st, uint64_t after) {
  return store__bind(st, SQL_FAILED, "iui", (int64_t)task_source(after),
                     task_ordinal(after), (int64_t)ROWS_AT_ONCE);
}

int store_sweep_count(struct store *st, struct store_sweep *sweep) {
  uint64_t after = sweep->after, until = sweep->until, count = sweep->count;
  sqlite3_stmt *stmt = rows_behind(st, after);
  struct row row;
  unsigned rows = 0;
  int rc = read_row(st, stmt, &sweep->choice, &row);
  for (; rc == 1; rows++) {
    after = row.id;
    if (row.fits) {
      until = row.id;
      count++;
    }
    rc = read_row(st, stmt, &sweep->choice, &row);
  }
  if (rc < 0)
    return rc;
  sweep->after = after;
  sweep->until = until;
  sweep->count = count;
  sweep->over = rows < ROWS_AT_ONCE;
  return 0;
}

static bool same_chunk(uint64_t a, uint64_t b) {
  return task_source(a) == task_source(b) && task_chunk(a) == task_chunk(b);
}

/* All that fit of the first chunk that has any. */
static int find_chunk(struct store *st, struct store_sweep *sweep,
                      uint64_t *after, uint64_t *first, bool *over) {
  sqlite3_stmt *stmt = rows_behind(st, *after);
  struct row row;
  unsigned rows = 0;
  int rc = read_row(st, stmt, &sweep->choice, &row);
  for (; rc == 1; rows++) {
    if (row.id > sweep->until || (*first != 0 && !same_chunk(row.id, *first))) {
      store__done(stmt);
      *over = row.id > sweep->until;
      return 0;
    }
    *after = row.id;
    if (row.fits) {
      if (*first == 0)
        *first = row.id;
      chunk_bit_set(sweep->wanted, task_index(row.id));
      sweep->wanted_count++;
    }
    rc = read_row(st, stmt, &sweep->choice, &row);
  }
  *over = rows < ROWS_AT_ONCE;
  return rc;
}

int store_sweep_next(struct store *st, struct store_sweep *sweep,
                     struct store_loaded **loaded) {
  uint64_t after = sweep->after, first = 0;
  bool over = false;
  *loaded = NULL;
  memset(sweep->wanted, 0, sizeof sweep->wanted);
  sweep->wanted_count = 0;
  int rc = find_chunk(st, sweep, &after, &first, &over);
  if (rc == 0 && first != 0)
    rc = store_load(st, task_source(first), task_chunk(first), false, loaded);
  if (rc < 0)
    return rc;
  sweep->after = after;
  sweep->over = over;
  return 0;
}
