/* SPDX-License-Identifier: MIT
 *
 * What the history reader asks the database: the rows of a chunk's tasks in
 * full, the next row of a kind, classes with their counts. A reader's
 * connection, on whatever thread has it.
 */
#include "config.h"

#include "store.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const state_names[] = {[ROW_FAILED] = "failed",
                                          [ROW_EXPIRED] = "expired",
                                          [ROW_CANCELLED] = "cancelled",
                                          [ROW_BAD] = "bad",
                                          [ROW_DONE] = "done"};

static uint64_t id_of(sqlite3_stmt *stmt) {
  return ((uint64_t)sqlite3_column_int64(stmt, 0) << TASK_ORDINAL_BITS) |
         (uint64_t)sqlite3_column_int64(stmt, 1);
}

static int read_task(sqlite3_stmt *stmt, struct store_task *t) {
  const char *reason = (const char *)sqlite3_column_text(stmt, 5);
  const char *path = (const char *)sqlite3_column_text(stmt, 6);
  size_t length = reason != NULL ? strlen(reason) + 1 : 1;
  *t = (struct store_task){
      .id = id_of(stmt),
      .state = store__state((const char *)sqlite3_column_text(stmt, 2)),
      .status = sqlite3_column_int(stmt, 3),
      .attempts = sqlite3_column_int(stmt, 4),
      .bytes = sqlite3_column_int64(stmt, 7)};
  store__class(t->class_name, stmt, 8);
  t->texts = calloc(1, length + (path != NULL ? strlen(path) + 1 : 0));
  if (t->texts == NULL)
    return ERR_NOMEM;
  if (reason != NULL)
    memcpy(t->texts, reason, length);
  t->reason = t->texts;
  if (path != NULL) {
    memcpy(t->texts + length, path, strlen(path) + 1);
    t->path = t->texts + length;
  }
  return 0;
}

int store_tasks(struct store *st, uint32_t source, uint32_t number,
                struct store_task **tasks, size_t *count) {
  size_t cap = 0;
  *tasks = NULL;
  *count = 0;
  sqlite3_stmt *stmt = store__bind(st, SQL_TASKS_OF, "ii", (int64_t)source,
                                   (int64_t)number * CHUNK_LINES);
  int rc = store__step(st, stmt);
  while (rc == 1) {
    rc = store__push((void **)tasks, &cap, *count, sizeof **tasks);
    if (rc == 0)
      rc = read_task(stmt, &(*tasks)[*count]);
    if (rc < 0) {
      store__done(stmt);
      return rc;
    }
    ++*count;
    rc = store__step(st, stmt);
  }
  return rc;
}

void store_tasks_free(struct store_task *tasks, size_t count) {
  for (size_t i = 0; i < count; i++)
    free(tasks[i].texts);
  free(tasks);
}

/* "failed,expired" for its bits: no name is part of another one. */
static void name_states(unsigned states, char *out, size_t cap) {
  size_t length = 0;
  out[0] = '\0';
  for (int i = ROW_FAILED; i < ROW_STATE_COUNT; i++)
    if ((states & 1u << i) != 0 && length < cap)
      length +=
          (size_t)snprintf(out + length, cap - length, "%s,", state_names[i]);
}

int store_find(struct store *st, unsigned states, const char *class_name,
               uint64_t from, bool last, uint64_t *id) {
  char names[64];
  const char *what = class_name;
  enum store_sql sql = last ? SQL_CLASS_LAST : SQL_CLASS_NEXT;
  if (class_name == NULL) {
    name_states(states, names, sizeof names);
    what = names;
    sql = last ? SQL_FIND_LAST : SQL_FIND_NEXT;
  }
  sqlite3_stmt *stmt = store__bind(st, sql, "ius", (int64_t)task_source(from),
                                   task_ordinal(from), what);
  int rc = store__step(st, stmt);
  if (rc == 1) {
    *id = id_of(stmt);
    store__done(stmt);
  }
  return rc;
}

int store_classes(struct store *st, struct history_class **classes,
                  size_t *count) {
  size_t cap = 0;
  *classes = NULL;
  *count = 0;
  sqlite3_stmt *stmt = store__bind(st, SQL_CLASSES, "");
  int rc = store__step(st, stmt);
  while (rc == 1) {
    rc = store__push((void **)classes, &cap, *count, sizeof **classes);
    if (rc < 0)
      break;
    struct history_class *c = &(*classes)[(*count)++];
    store__class(c->name, stmt, 0);
    c->count = (uint64_t)sqlite3_column_int64(stmt, 1);
    rc = store__step(st, stmt);
  }
  if (rc == 0)
    return 0;
  store__done(stmt);
  free(*classes);
  *classes = NULL;
  *count = 0;
  return rc;
}
