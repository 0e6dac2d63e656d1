/* SPDX-License-Identifier: MIT
 *
 * See leftover.h. While the session is asked the task waits as it does between
 * two attempts, so that it can be paused, cancelled and left to a later run;
 * until then the file counts as somebody else's.
 *
 * Thread: the loop's.
 */
#include "config.h"

#include "leftover.h"

#include <stdio.h>

#include "engine_priv.h"
#include "request.h"
#include "url.h"

#define PATIENCE_NS \
  (30 * (uint64_t)1000000000) /* then the file is tried again */

uint64_t leftover_object(const struct task *task) {
  if (!request_is_get(task->fields))
    return 0;
  return url_object_hash64(task->url, NULL);
}

/* The request has been sent, and its answer is thrown away: no attempt of its
 * own. */
static void take(struct engine *e, struct task *task,
                 const struct session_left *left) {
  if (task->attempts > 0)
    task->attempts--;
  session_mark_started(e->session, task->id, task->taken);
  session_left_take(e->session, left->by);
  task->own_part = true;
  if (left->partial != NULL) {
    task_take_partial(task, left->partial);
    fetch__regained(e, task, 0);
  }
  eventlog_add(&e->log, LOG_INFO, task->id,
               "%s: goes on with what the cancelled task %llu has left",
               task->name, (unsigned long long)left->by);
  scheduler_remove(&e->scheduler, task);
  task_set_state(&e->counts, task, TASK_QUEUED);
  scheduler_ready(&e->scheduler, task, engine_now());
}

static void refuse(struct engine *e, struct task *task,
                   const struct session_left *left) {
  char why[200];
  if (left->by != 0)
    snprintf(why, sizeof(why),
             "its .part is what task %llu, of another URL, has left when it "
             "was cancelled: discard that one",
             (unsigned long long)left->by);
  else
    snprintf(why, sizeof(why), "%s", err_text(ERR_EXISTS));
  scheduler_remove(&e->scheduler, task);
  fetch_fail(e, task, why);
}

static void on_look(void *arg, const struct session_left *left) {
  struct engine *e = arg;
  struct task *task = idmap_find(&e->tasks, left->task);
  if (task == NULL || !task->part_asked)
    return;
  task->part_asked = false;
  if (task->state != TASK_WAITING || left->code != 0)
    return; /* should it come to it once more, it asks once more */
  if (left->by != 0 && left->object == leftover_object(task) &&
      left->object != 0)
    take(e, task, left);
  else
    refuse(e, task, left);
}

bool leftover_ask(struct engine *e, struct task *task) {
  uint64_t due = engine_now() + PATIENCE_NS;
  if (gathering(e) || task->in_doubt || !request_is_get(task->fields) ||
      session_left_look(e->session, task->id, task->name, on_look, e) != 0)
    return false;
  session_mark_foreign(e->session, task->id);
  task->part_asked = true;
  task_set_reason(task, "a .part of its name is there");
  task_set_state(&e->counts, task, TASK_WAITING);
  if (scheduler_wait(&e->scheduler, task, due) != 0)
    fetch_fail(e, task, err_text(ERR_NOMEM));
  return true;
}
