/* SPDX-License-Identifier: MIT
 *
 * Failures by kind, then by host, then one by one.
 *
 * Kinds are the classes of failure.h: "http-404", "timeout". Tasks that wait
 * for another try are counted beside those that were given up. What is counted
 * is what the snapshot shows; where more has failed than it carries, the
 * session's own counts are greater and take their place. Pure.
 */
#ifndef SPATE_UI_ERRCLASS_H
#define SPATE_UI_ERRCLASS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "failure.h"
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
  uint64_t known; /* of failed: those the snapshot carries */
  uint64_t id;    /* the task of TASKS, else the first; 0 none is carried */
  uint32_t task;  /* its index in the snapshot that was counted */
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

/* The session knows of so many: the row's count is raised, a row is added
 * where there is none. Sort with errclass_sort() afterwards. */
int errclass_raise(struct errclass_table *table, const char *name,
                   uint64_t count) MUST_CHECK;
void errclass_sort(struct errclass_table *table);
/* "https://host:port" without its scheme. */
const char *errclass_bare_host(const char *host);

/* The name alone, as tasks have it, of a URL or of a host of the hosts' screen:
 * without scheme, user, port and path. */
void errclass_host_name(const char *url, char *buf, size_t cap);

#endif
