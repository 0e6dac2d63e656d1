/* SPDX-License-Identifier: MIT
 *
 * Kinds are few, so they are looked up one after the other; past a ceiling of
 * rows the rest is counted in the last one.
 */
#include "config.h"

#include "errclass.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROWS_MAX 4096

void errclass_init(struct errclass_table *table) {
  memset(table, 0, sizeof *table);
}

void errclass_fini(struct errclass_table *table) {
  free(table->row);
  errclass_init(table);
}

/* ---- kinds --------------------------------------------------------------- */

const char *errclass_kind(const struct snap_task *task, char *buf, size_t cap) {
  char name[FAILURE_CLASS_CAP];
  snprintf(buf, cap, "%s", failure_class(task->status, task->reason, name));
  return buf;
}

const char *errclass_bare_host(const char *host) {
  const char *at = strstr(host, "://");
  return at != NULL ? at + 3 : host;
}

void errclass_host_name(const char *url, char *buf, size_t cap) {
  const char *at = errclass_bare_host(url);
  size_t len = strcspn(at, "/?#"), digits = 0;
  const char *user = memchr(at, '@', len);
  if (user != NULL) {
    len -= (size_t)(user + 1 - at);
    at = user + 1;
  }
  while (digits < len && at[len - digits - 1] >= '0' &&
         at[len - digits - 1] <= '9')
    digits++;
  if (digits < len && at[len - digits - 1] == ':')
    len -= digits + 1;
  snprintf(buf, cap, "%.*s", (int)(len < cap ? len : cap - 1), at);
  for (; *buf != '\0'; buf++)
    if (*buf >= 'A' && *buf <= 'Z')
      *buf = (char)(*buf - 'A' + 'a');
}

static bool given_up(const struct snap_task *task) {
  return task->state == TASK_FAILED || task->state == TASK_EXPIRED;
}

bool errclass_holds(const struct errclass_path *path,
                    const struct snap_task *task) {
  char kind[ERRCLASS_CAP];
  bool waits = task->state == TASK_WAITING && task->reason[0] != '\0';
  if (!given_up(task) && !waits)
    return false;
  if (path->level >= ERRCLASS_HOSTS &&
      strcmp(path->kind, errclass_kind(task, kind, sizeof kind)) != 0)
    return false;
  return path->level < ERRCLASS_TASKS ||
         strncmp(path->host, errclass_bare_host(task->host),
                 sizeof path->host - 1) == 0;
}

/* ---- rows ---------------------------------------------------------------- */

static struct errclass_row *add_row(struct errclass_table *table,
                                    const char *name, uint32_t task) {
  if (table->count == table->cap) {
    size_t cap = table->cap * 2 + 16;
    struct errclass_row *row = realloc(table->row, cap * sizeof *row);
    if (row == NULL)
      return NULL;
    table->row = row;
    table->cap = cap;
  }
  struct errclass_row *row = &table->row[table->count++];
  memset(row, 0, sizeof *row);
  snprintf(row->name, sizeof row->name, "%s", name);
  row->task = task;
  return row;
}

static struct errclass_row *find_row(struct errclass_table *table,
                                     const char *name, uint32_t task) {
  for (size_t i = 0; i < table->count; i++)
    if (strncmp(table->row[i].name, name, ERRCLASS_CAP - 1) == 0)
      return &table->row[i];
  if (table->count == ROWS_MAX)
    return &table->row[ROWS_MAX - 1];
  return add_row(table, name, task);
}

static int compare_rows(const void *a, const void *b) {
  const struct errclass_row *x = a, *y = b;
  if (x->failed != y->failed)
    return x->failed < y->failed ? 1 : -1;
  if (x->waiting != y->waiting)
    return x->waiting < y->waiting ? 1 : -1;
  int order = strcmp(x->name, y->name);
  return order != 0 ? order : (x->task > y->task) - (x->task < y->task);
}

int errclass_count(struct errclass_table *table,
                   const struct errclass_path *path,
                   const struct snapshot *snap) {
  table->count = 0;
  table->failed = table->waiting = 0;
  for (size_t i = 0; i < snap->task_count; i++) {
    const struct snap_task *task = &snap->tasks[i];
    char kind[ERRCLASS_CAP];
    if (!errclass_holds(path, task))
      continue;
    struct errclass_row *row =
        path->level == ERRCLASS_TASKS
            ? add_row(table, task->name, (uint32_t)i)
            : find_row(table,
                       path->level == ERRCLASS_HOSTS
                           ? errclass_bare_host(task->host)
                           : errclass_kind(task, kind, sizeof kind),
                       (uint32_t)i);
    if (row == NULL)
      return ERR_NOMEM;
    if (row->id == 0)
      row->id = task->id;
    row->failed += given_up(task);
    row->known += given_up(task);
    row->waiting += !given_up(task);
    table->failed += given_up(task);
    table->waiting += !given_up(task);
  }
  errclass_sort(table);
  return 0;
}

void errclass_sort(struct errclass_table *table) {
  if (table->count > 0)
    qsort(table->row, table->count, sizeof *table->row, compare_rows);
}

int errclass_raise(struct errclass_table *table, const char *name,
                   uint64_t count) {
  struct errclass_row *row = find_row(table, name, UINT32_MAX);
  if (row == NULL)
    return ERR_NOMEM;
  if (count <= row->failed)
    return 0;
  table->failed += count - row->failed;
  row->failed = count;
  return 0;
}
