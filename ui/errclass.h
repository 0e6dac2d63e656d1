/* SPDX-License-Identifier: MIT
 *
 * Failures by kind, then by host, then one by one.
 *
 * A kind is what remains of a reason without the names and figures of the
 * single case: "HTTP 404 Not Found", "Connection reset by peer". Tasks that
 * wait for another try are counted beside those that were given up. What is
 * counted is what the snapshot shows; the totals of a run are greater where
 * more has failed than it carries. Pure.
 */
#ifndef SPATE_UI_ERRCLASS_H
#define SPATE_UI_ERRCLASS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "snapshot.h"

#define ERRCLASS_CAP 160

enum errclass_level { ERRCLASS_KINDS, ERRCLASS_HOSTS, ERRCLASS_TASKS };

/* Where one is: the kind and the host that were opened. */
struct errclass_path {
  enum errclass_level level;
  char kind[ERRCLASS_CAP];
  char host[ERRCLASS_CAP];
};

struct errclass_row {
  char name[ERRCLASS_CAP]; /* kind or host; untrusted */
  uint64_t failed, waiting;
  uint64_t id;   /* the task of TASKS, else the first */
  uint32_t task; /* its index in the snapshot that was counted */
};

struct errclass_table {
  struct errclass_row *row; /* taken; most failures first */
  size_t count, cap;
  uint64_t failed, waiting; /* sums */
};

void errclass_init(struct errclass_table *table);
void errclass_fini(struct errclass_table *table);

/* The kind of a task's trouble; returns buf. */
const char *errclass_kind(const struct snap_task *task, char *buf, size_t cap);
/* Does the task belong below the path? Tells also that it is in trouble. */
bool errclass_holds(const struct errclass_path *path,
                    const struct snap_task *task);

/* The rows of the path's level. ERR_NOMEM leaves what was counted so far. */
int errclass_count(struct errclass_table *table,
                   const struct errclass_path *path,
                   const struct snapshot *snap) MUST_CHECK;

#endif
