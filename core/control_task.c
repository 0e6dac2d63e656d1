/* SPDX-License-Identifier: MIT
 *
 * Commands about one task.
 *
 * A task that has ended is out of the window: what is wanted of it is noted as
 * a wish, and the session delivers it again. How one stands that is remembered
 * nowhere the session is asked first (control_retry.c).
 *
 * Thread: the loop's, but remove_part(), which is the job.
 */
#include "config.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine_priv.h"
#include "twins.h"

#define TASK_SPLIT_MAX 64
#define TASK_BYTES_MAX 1e13
#define PRIORITY_MAX 1000000000

/* ---- the data of a task that is dropped -------------------------------------
 */

struct removal {
  struct job job;
  int dirfd; /* the session's, which outlives the loop */
  char name[NAME_CAP];
};

static void remove_part(struct job *job) {
  struct removal *removal = (struct removal *)(void *)job;
  const char *leaf;
  int fd = name_open_parent(removal->dirfd, removal->name, false, &leaf);
  if (fd < 0)
    return; /* then there is no file either */
  (void)unlinkat(fd, leaf, 0);
  close(fd);
}

static void on_removed(struct job *job) {
  free(job);
}

void control__remove_part(struct engine *e, const struct task *task) {
  struct removal *removal = calloc(1, sizeof(*removal));
  if (removal == NULL)
    return;
  removal->dirfd = session_dirfd(e->session);
  if (snprintf(removal->name, sizeof(removal->name), "%s.part", task->name) >=
      NAME_CAP) {
    free(removal);
    return;
  }
  pool_submit(&e->pool, &removal->job, JOB_DISK, "partial files removed",
              remove_part, on_removed);
}

/* ---- pausing and resuming ---------------------------------------------------
 */

static void pause_task(struct engine *e, struct task *task) {
  if (task->in_intake) {
    task->pause_wanted = true;
  } else if (task->state == TASK_ACTIVE || task->state == TASK_QUEUED ||
             task->state == TASK_WAITING) {
    task->pause_wanted = true;
    fetch_cut(e, task);
  } else {
    control__refuse(e, ERR_USAGE, "the task is %s and cannot be paused",
                    task_state_name(task->state));
  }
}

static void to_queue(struct engine *e, struct task *task) {
  if (task->state != TASK_QUEUED)
    task_set_state(&e->counts, task, TASK_QUEUED);
  scheduler_ready(&e->scheduler, task, engine_now());
}

static void resume_task(struct engine *e, struct task *task) {
  task->pause_wanted = false;
  if (task->state == TASK_PAUSED && task->unseen) {
    task_set_state(&e->counts, task, TASK_QUEUED);
    intake_again(e, task);
  } else if (task->state == TASK_PAUSED) {
    to_queue(e, task);
  } else if (task->after == AFTER_PAUSE) {
    task->after = AFTER_QUEUE; /* it is still letting go */
  }
}

/* ---- dropping and beginning again -------------------------------------------
 */

static void cancel_task(struct engine *e, struct task *task, bool discard) {
  if (task->state == TASK_VERIFYING) {
    control__refuse(e, ERR_USAGE, "the task is complete already");
    return;
  }
  task->cancel_wanted = true;
  task->discard_wanted = discard && !task->twin; /* it has no data */
  twins_leave(task);
  if (!task->in_intake)
    fetch_cut(e, task);
}

static void restart_task(struct engine *e, struct task *task) {
  if (task->state == TASK_VERIFYING) {
    control__refuse(e, ERR_USAGE, "the task is complete already");
    return;
  }
  task->pause_wanted = false;
  task->restart_wanted = true;
  if (!task->in_intake)
    fetch_cut(e, task);
}

static void retry_task(struct engine *e, struct task *task) {
  if (task->state != TASK_WAITING) {
    control__refuse(e, ERR_USAGE, "the task is %s",
                    task_state_name(task->state));
    return;
  }
  scheduler_remove(&e->scheduler, task);
  to_queue(e, task);
}

/* ---- the order --------------------------------------------------------------
 */

static void priorities(const struct engine *e, const struct task *but,
                       int64_t *least, int64_t *most) {
  *least = *most = 0;
  for (const struct link *l = e->live.next; l != &e->live; l = l->next) {
    const struct task *task = LINK_ENTRY((uintptr_t)l, struct task, all);
    if (task == but)
      continue;
    if (task->priority < *least)
      *least = task->priority;
    if (task->priority > *most)
      *most = task->priority;
  }
}

static int64_t wanted_priority(const struct engine *e, const struct task *task,
                               const struct command *c) {
  int64_t least, most;
  priorities(e, task, &least, &most);
  switch (c->kind) {
  case CMD_RAISE_TASK:
    return (int64_t)task->priority + 1;
  case CMD_LOWER_TASK:
    return (int64_t)task->priority - 1;
  case CMD_TOP_TASK:
    return most + 1;
  case CMD_BOTTOM_TASK:
    return least - 1;
  default:
    return (int64_t)c->value;
  }
}

static void set_priority(struct engine *e, struct task *task,
                         const struct command *c) {
  int64_t wanted = wanted_priority(e, task, c);
  if (wanted > PRIORITY_MAX || wanted < -PRIORITY_MAX ||
      !(c->value >= -PRIORITY_MAX && c->value <= PRIORITY_MAX)) {
    control__refuse(e, ERR_USAGE, "a priority lies between -%d and %d",
                    PRIORITY_MAX, PRIORITY_MAX);
    return;
  }
  task->priority = (int32_t)wanted;
  session_priority_put(e->session, task->id, task->priority);
  if (task->state == TASK_QUEUED && !task->in_intake &&
      link_on_list(&task->queued)) {
    scheduler_remove(&e->scheduler, task);
    scheduler_ready(&e->scheduler, task, engine_now());
  }
  control__say(e, "priority %d", (int)task->priority);
}

/* ---- limits of its own ------------------------------------------------------
 */

static void set_rate(struct engine *e, struct task *task, double value) {
  char text[64];
  if (!(value >= 0 && value <= TASK_BYTES_MAX)) {
    control__refuse(e, ERR_USAGE, "task-rate: out of range");
    return;
  }
  task->own_rate = value;
  if (task->state == TASK_ACTIVE && fetch_moves(task))
    fetch_set_byte_limit(e, task);
  if (value > 0)
    control__say(
        e, "at most %s bytes/s for this task",
        limit_format(LIMIT_TRANSFER_BANDWIDTH, value, text, sizeof(text)));
  else
    control__say(e, "the task has no limit of its own");
}

static void set_split(struct engine *e, struct task *task, double value) {
  if (!(value >= 0 && value <= TASK_SPLIT_MAX)) {
    control__refuse(e, ERR_USAGE, "task-split: give 0 to %d", TASK_SPLIT_MAX);
    return;
  }
  task->own_split = (int)value;
  if (value > 0)
    control__say(e, "up to %d connections for this task", task->own_split);
  else
    control__say(e, "the task has no limit of its own");
}

/* ---- tasks that have ended --------------------------------------------------
 */

struct task *control__recent_failed(struct engine *e, uint64_t id) {
  return idmap_find(&e->failed, id);
}

bool control__is_done(struct engine *e, uint64_t id) {
  for (const struct link *l = e->recent_done.next; l != &e->recent_done;
       l = l->next)
    if (LINK_ENTRY((uintptr_t)l, struct task, all)->id == id)
      return true;
  return false;
}

static int note_wish(struct engine *e, uint64_t id, enum command_kind kind) {
  if (e->wish_count == e->wish_cap) {
    size_t cap = e->wish_cap > 0 ? e->wish_cap * 2 : 16;
    struct task_wish *grown = realloc(e->wishes, cap * sizeof(*grown));
    if (grown == NULL)
      return ERR_NOMEM;
    e->wishes = grown;
    e->wish_cap = cap;
  }
  e->wishes[e->wish_count++] = (struct task_wish){id, kind};
  return 0;
}

void control_delivered(struct engine *e, struct task *task) {
  for (size_t i = 0; i < e->wish_count; i++) {
    if (e->wishes[i].id != task->id)
      continue;
    task->restart_wanted = e->wishes[i].kind == CMD_RESTART_TASK;
    task->cancel_wanted = e->wishes[i].kind == CMD_CANCEL_TASK ||
                          e->wishes[i].kind == CMD_DISCARD_TASK;
    task->discard_wanted = e->wishes[i].kind == CMD_DISCARD_TASK;
    e->wishes[i] = e->wishes[--e->wish_count];
    return;
  }
}

void control__redeliver(struct engine *e, uint64_t id, bool note) {
  control__drop_recent(e, id);
  e->exhausted = false;
  e->empty_dir = false; /* its own .part may be there */
  session_redeliver(e->session, id, note);
}

void control__drop_recent(struct engine *e, uint64_t id) {
  struct task *task = control__recent_failed(e, id);
  if (task == NULL)
    return;
  list_remove(&task->all);
  idmap_remove(&e->failed, id);
  e->recent_failed_count--;
  task_free(task);
}

void control__keep(struct engine *e, const struct task *task) {
  bool going = task->cancel_wanted || task->after == AFTER_CANCEL ||
               task->after == AFTER_DISCARD;
  if (going && note_wish(e, task->id, CMD_RETRY_TASK) != 0)
    eventlog_add(&e->log, LOG_ERROR, task->id, "%s", err_text(ERR_NOMEM));
}

void control_retired(struct engine *e, uint64_t id) {
  for (size_t i = 0; i < e->wish_count; i++)
    if (e->wishes[i].id == id && e->wishes[i].kind == CMD_RETRY_TASK) {
      e->wishes[i] = e->wishes[--e->wish_count];
      control__redeliver(e, id, true);
      return;
    }
}

/* What may be wanted of a task that has ended. */
static bool may_be_redone(struct engine *e, const struct command *c,
                          const char *state) {
  bool good = c->kind == CMD_RETRY_TASK || c->kind == CMD_RESTART_TASK ||
              c->kind == CMD_CANCEL_TASK || c->kind == CMD_DISCARD_TASK;
  if (!good)
    control__refuse(e, ERR_USAGE, "the task is %s", state);
  else if (c->kind != CMD_RETRY_TASK && note_wish(e, c->task, c->kind) != 0)
    control__refuse(e, ERR_NOMEM, "%s", err_text(ERR_NOMEM));
  return e->reply_code == 0;
}

static bool drops(const struct command *c) {
  return c->kind == CMD_CANCEL_TASK || c->kind == CMD_DISCARD_TASK;
}

void control__ended(struct engine *e, const struct command *c) {
  if (may_be_redone(e, c, "over"))
    control__redeliver(e, c->task, !drops(c));
}

static void on_recent(struct engine *e, struct task *task,
                      const struct command *c) {
  if (task->state == TASK_CANCELLED && c->kind == CMD_CANCEL_TASK)
    control__refuse(e, ERR_USAGE, "the task is cancelled already");
  else if (may_be_redone(e, c, task_state_name(task->state)))
    control__redeliver(e, task->id, !drops(c));
}

/* ---- dispatch ---------------------------------------------------------------
 */

static void on_open(struct engine *e, struct task *task,
                    const struct command *c) {
  switch (c->kind) {
  case CMD_PAUSE_TASK:
    pause_task(e, task);
    break;
  case CMD_RESUME_TASK:
    resume_task(e, task);
    break;
  case CMD_CANCEL_TASK:
  case CMD_DISCARD_TASK:
    cancel_task(e, task, c->kind == CMD_DISCARD_TASK);
    break;
  case CMD_RETRY_TASK:
    retry_task(e, task);
    break;
  case CMD_RESTART_TASK:
    restart_task(e, task);
    break;
  case CMD_TASK_RATE:
    set_rate(e, task, c->value);
    break;
  case CMD_TASK_SPLIT:
    set_split(e, task, c->value);
    break;
  default:
    set_priority(e, task, c);
    break;
  }
}

bool control__task(struct engine *e, const struct command *c) {
  struct task *task = idmap_find(&e->tasks, c->task);
  if (task != NULL) {
    on_open(e, task, c);
    return true;
  }
  task = control__recent_failed(e, c->task);
  if (task == NULL)
    return control__unseen(e, c);
  on_recent(e, task, c);
  return true;
}
