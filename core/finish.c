/* SPDX-License-Identifier: MIT
 *
 * What is done for a finished file: see finish.h.
 */
#include "config.h"

#include "finish.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine_priv.h"
#include "tap.h"
#include "verify.h"

static void on_line(void *owner, const char *line) {
  struct task *task = owner;
  eventlog_add(&task->engine->log, LOG_INFO, task->id, "%s: %s", task->name,
               line);
}

static void on_ended(void *owner, const struct exec_result *result) {
  struct task *task = owner;
  struct engine *e = task->engine;
  task->exec = NULL;
  if (result->code == 0) {
    fetch_done(e, task);
  } else if (result->code != ERR_CLOSED) {
    fetch_fail(e, task, result->why);
  } else if (task->cancel_wanted) {
    fetch_cancel(e, task);
  } /* else the run is being stopped: the next one goes on with it */
}

static const struct exec_ops ops = {on_line, on_ended};

void finish_file(struct engine *e, struct task *task) {
  const char *dir = session_dir(e->session);
  size_t size;
  char *path;
  if (!execs_wanted(&e->execs)) {
    fetch_done(e, task);
    return;
  }
  size = strlen(dir) + strlen(task->name) + 4;
  path = malloc(size);
  if (path != NULL) {
    /* It never begins with a dash, whatever the name is. */
    snprintf(path, size, "%s%s/%s", dir[0] == '-' ? "./" : "", dir, task->name);
    task->exec = exec_start(&e->execs, path, task->priority, task, &ops);
  }
  free(path);
  if (task->exec == NULL)
    fetch_fail(e, task, err_text(ERR_NOMEM));
}

/* ---- files that were there --------------------------------------------------
 */

/* A file whose digest is computed because this run did not write it. */
struct adoption {
  struct tap tap; /* first */
  struct task *task;
};

static void on_passed(struct tap *tap, struct block *chain) {
  (void)tap;
  (void)chain; /* it was given no blocks */
}

/* What is there is not what was promised: our own is fetched again, and
 * nothing is done to somebody else's. */
static void adoption_failed(struct engine *e, struct task *task, int code) {
  if (task->reason == NULL)
    task_set_reason(task, err_text(code));
  if (!task->no_request) {
    fetch_fail(e, task, NULL);
    return;
  }
  task->no_request = false;
  task->replace = true;
  verify_failed(e, task, code);
}

static void on_read(struct tap *tap) {
  struct adoption *adoption = (struct adoption *)(void *)tap;
  struct task *task = adoption->task;
  struct engine *e = task->engine;
  int code = tap->code;
  bool cut = steps_fed(tap->steps) < task->size && code == 0;
  tap_fini(tap);
  free(adoption);
  task->adoption = NULL;
  e->adoptions--;
  verify_close(e, task, code == 0 && !cut);
  if (cut && task->cancel_wanted)
    fetch_cancel(e, task);
  else if (cut)
    return; /* the next run looks at it again */
  else if (code != 0)
    adoption_failed(e, task, code);
  else if (task->no_request)
    finish_file(e, task);
  else
    fetch_done(e, task);
}

void finish_adopted(struct engine *e, struct task *task) {
  struct adoption *adoption;
  if (verify_adopt(e, task) != 0) {
    fetch_fail(e, task, err_text(ERR_NOMEM));
    return;
  }
  if (task->steps == NULL) {
    if (task->no_request)
      finish_file(e, task);
    else
      fetch_done(e, task);
    return;
  }
  adoption = calloc(1, sizeof(*adoption));
  if (adoption == NULL) {
    fetch_fail(e, task, err_text(ERR_NOMEM));
    return;
  }
  adoption->task = task;
  tap_init(&adoption->tap, &e->pool, task->steps, task->id);
  adoption->tap.job.priority = task->priority;
  adoption->tap.passed = on_passed;
  adoption->tap.ended = on_read;
  task->adoption = adoption;
  e->adoptions++;
  tap_read(&adoption->tap, task->size, session_dirfd(e->session), task->name);
}

int64_t finish_progress(const struct task *task) {
  if (task->adoption != NULL)
    return job_progressed(&task->adoption->tap.job);
  return task->sink != NULL ? sink_progress(task->sink) : 0;
}

/* ---- stopping
 * ----------------------------------------------------------------- */

bool finish_cancel(struct engine *e, struct task *task) {
  if (task->exec == NULL && task->adoption == NULL)
    return false;
  task->cancel_wanted = !e->stopping;
  if (task->exec != NULL)
    exec_stop(task->exec);
  else
    tap_cut(&task->adoption->tap);
  return true;
}

void finish_hold(struct engine *e) {
  semaphore_resize(&e->execs.sem, 0, engine_now());
}

void finish_stop(struct engine *e) {
  execs_stop_all(&e->execs);
  for (struct link *l = e->live.next; l != &e->live && e->adoptions > 0;
       l = l->next) {
    struct task *task = LINK_ENTRY(l, struct task, all);
    if (task->adoption != NULL)
      tap_cut(&task->adoption->tap);
  }
}
