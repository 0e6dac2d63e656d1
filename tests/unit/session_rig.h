/* SPDX-License-Identifier: MIT
 *
 * A stand-in for the engine: runs a session on a real loop, notes what it
 * delivers and settles each task as the test says.
 */
#ifndef SPATE_SESSION_RIG_H
#define SPATE_SESSION_RIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "session.h"

#define RIG_HOLD (-1) /* a verdict: leave the task unsettled */

struct rig_item {
  uint64_t id, line;
  char url[128], out[64];
  bool started, written, failed_before, partial;
  int64_t durable, ours_since;
  int32_t priority;
};

struct rig {
  char dir[128]; /* of the session; made by rig_init */
  struct session *session;
  struct errmsg msg;
  unsigned window;
  bool durable;
  /* How a task ends: a task state or RIG_HOLD. NULL: all are done. */
  int (*verdict)(struct rig *rig, const struct rig_item *item);
  /* Says more of how it ended. */
  void (*dress)(struct rig *rig, struct session_result *result);
  /* After each turn of the rig's clock, 1 ms. */
  void (*tick)(struct rig *rig);
  /* Called with what is about to be settled, in one group with it. */
  void (*record)(struct rig *rig, const uint64_t *ids, size_t count);
  void (*saw_file)(struct rig *rig, const char *name, int64_t bytes);
  void (*saw_committed)(const uint64_t *ids, size_t count);
  void *arg;
  size_t stop_after; /* stop when so many were delivered; 0 never */
  bool marks_itself; /* the verdict sets the marks */
  bool quiet;        /* items are counted, not kept */
  bool read_first;   /* settle nothing before all lists are read */
  struct session_order order;
  bool (*accepts)(void *arg, const char *url); /* arg: the rig */
  uint64_t (*full)(void *arg);
  bool (*of_host)(void *arg, uint64_t id, const char *url,
                  const struct failed_choice *choice);

  struct rig_item *items;
  size_t item_count, item_cap;
  size_t delivered, settled, committed, held, exhausted;
  size_t bad_count, troubles;
  uint64_t bad_line[64];
  char bad_why[128];
  int last_trouble, worst_trouble;
  struct session_counts counts; /* after the run */
  bool stopped, stopping;
  uint64_t *todo;
  int *todo_state;
  size_t todo_count, todo_cap;
  uv_loop_t loop;
  uv_timer_t clock;
};

void rig_init(struct rig *rig); /* makes a directory of its own */
void rig_fini(struct rig *rig); /* removes it */

void rig_open(struct rig *rig); /* must succeed */
void rig_add_file(struct rig *rig, const char *path);
/* Runs until everything is delivered, settled (but for what is held) and
 * committed; closes the session unless keep. */
void rig_run(struct rig *rig, bool keep);
void rig_close(struct rig *rig, bool forget);
/* open + add file + run + close. */
void rig_session(struct rig *rig, const char *path);
/* Forgets what the last run delivered. */
void rig_reset(struct rig *rig);

/* Writes a file below the rig's directory; path gets its name. */
void rig_write(struct rig *rig, const char *name, const char *data,
               size_t length, char *path, size_t cap);
/* A manifest of count lines "http://h.example/FORMAT(i)?sig=SIG". */
void rig_manifest(struct rig *rig, const char *name, size_t first, size_t count,
                  const char *sig, char *path, size_t cap);
const struct rig_item *rig_find(const struct rig *rig, uint64_t id);

#endif
