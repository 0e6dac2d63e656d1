/* SPDX-License-Identifier: MIT
 *
 * The rows of the task table: which tasks, in which order, which is selected,
 * which are tagged.
 *
 * The selection is a task, not a row number: it follows the task when the
 * order changes, and stays on its row when the task goes, or ends and is
 * carried out of sight. Until somebody has moved it, it rests on the first row.
 * The order stands still for two seconds after a key. Indices point into the
 * snapshot of the last rows_update().
 */
#ifndef SPATE_UI_ROWS_H
#define SPATE_UI_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "filter.h"
#include "snapshot.h"

#define ROWS_HOLD_MS 2000

/*   symbol, name, column (enum column), the larger one first */
#define SORT_TABLE(X)                      \
  X(SORT_STATE, "state", COL_STATE, false) \
  X(SORT_NAME, "name", COL_NAME, false)    \
  X(SORT_SIZE, "size", COL_SIZE, true)     \
  X(SORT_DONE, "done", COL_DONE, true)     \
  X(SORT_RATE, "rate", COL_RATE, true)     \
  X(SORT_ETA, "eta", COL_ETA, false)       \
  X(SORT_HOST, "host", COL_HOST, false)

enum sort_field {
#define SORT_ENUM(sym, name, column, descending) sym,
  SORT_TABLE(SORT_ENUM)
#undef SORT_ENUM
      SORT_COUNT
};

struct rows {
  size_t count;
  uint32_t *index; /* taken; into snapshot->tasks */
  uint64_t *id;    /* taken; of the same rows, outlives the snapshot */
  size_t cap;
  size_t cursor;     /* the selected row; 0 when there is none */
  size_t top;        /* the first row in sight */
  size_t page;       /* rows in sight, told by whoever draws */
  uint64_t selected; /* the selected task */
  bool moved;        /* somebody has chosen it */
  enum sort_field sort;
  bool reverse;
  bool anew; /* sort although the order is held */
  int64_t hold_until_ms;
  struct filter filter;
  uint64_t *tag; /* taken; ascending */
  size_t tags, tags_cap;
};

const char *sort_name(enum sort_field field);
bool sort_descending(enum sort_field field);
int sort_column(enum sort_field field); /* enum column of layout.h */
int sort_find(const char *name);        /* or -1 */

void rows_init(struct rows *rows);
void rows_fini(struct rows *rows);

/* Takes over a snapshot's tasks (or the same ones again after the sort field
 * or the filter changed). ERR_NOMEM leaves an empty table. */
int rows_update(struct rows *rows, const struct snapshot *snap,
                int64_t now_ms) MUST_CHECK;

/* A key came: keeps the order for ROWS_HOLD_MS. */
void rows_hold(struct rows *rows, int64_t now_ms);
/* The next rows_update() sorts in any case. */
void rows_sort_by(struct rows *rows, enum sort_field field, bool reverse);

/* Moves the selection by so many rows, cut at the ends. */
void rows_move(struct rows *rows, int64_t by);
/* Puts the selection on a row. */
void rows_select(struct rows *rows, size_t row);
/* Keeps the selected row in sight of page rows; call before drawing. */
void rows_show(struct rows *rows, size_t page);

bool rows_tagged(const struct rows *rows, uint64_t id);
/* Tags or untags; ERR_NOMEM changes nothing. */
int rows_tag(struct rows *rows, uint64_t id) MUST_CHECK;
void rows_untag_all(struct rows *rows);

#endif
