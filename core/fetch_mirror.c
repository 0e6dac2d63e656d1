/* SPDX-License-Identifier: MIT
 *
 * Which URL a task asks next: where a redirect leads, home again, or one of
 * its mirrors.
 *
 * Thread: the loop's.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine_priv.h"
#include "mirrors.h"
#include "redirect.h"
#include "request.h"

#define MIRRORS_MAX                                        \
  31 /* bits of task.bad_mirrors, the task's own URL first \
      */

void fetch__go_home(struct task *task) {
  if (task->hop == NULL)
    return;
  free(task->hop);
  task->hop = NULL;
  task->as_get = false;
  task->redirects = 0;
  task->host = task->home;
}

/* Whoever names a host may be sent about on it: to another port, say. */
bool fetch__may_follow(const struct engine *e, const struct host *home,
                       const struct host *host) {
  return !e->config.no_private_redirects || host->reach != REACH_PRIVATE ||
         strcmp(home->name, host->name) == 0;
}

/* 3xx with a Location. Returns false when it leads nowhere. */
bool fetch__redirect(struct engine *e, struct task *task,
                     struct transfer *transfer, struct verdict *v) {
  struct errmsg msg = {""};
  const struct redirect redirect = {.rule = REDIRECT_ANY,
                                    .count = &task->redirects,
                                    .hop = &task->hop,
                                    .own = task->url};
  int code = redirect_follow(&redirect, &e->hosts, transfer, engine_now(),
                             &task->host, &msg);
  if (code < 0)
    snprintf(v->why, sizeof(v->why), "%s", msg.text);
  if (code <= 0)
    return false;
  task->as_get |= request_turns_get(task->fields, transfer->answer.status);
  task->following = true;
  return true;
}

/* ---- mirrors ---------------------------------------------------------------
 */

static unsigned mirror_count(const struct task *task) {
  size_t count = task->fields != NULL ? task->fields->mirror_count : 0;
  count += mirrors_found(task, false);
  return count < MIRRORS_MAX ? (unsigned)count : MIRRORS_MAX;
}

/* Goes on to the next URL that is not known to be bad; false: there is none.
 */
static bool turn_to_next(struct engine *e, struct task *task) {
  unsigned count = mirror_count(task) + 1;
  for (unsigned i = 1; i <= count; i++) {
    unsigned next = (task->mirror + i) % count;
    struct host *host = NULL;
    if (task->bad_mirrors & 1u << next)
      continue;
    if (hosts_get(&e->hosts, task_mirror_url(task, next), engine_now(), &host,
                  NULL) != 0) {
      task->bad_mirrors |= 1u << next;
      continue;
    }
    task->mirror = next;
    task->home = task->host = host;
    return true;
  }
  return false;
}

bool fetch__other_source(struct engine *e, struct task *task) {
  task->bad_mirrors |= 1u << task->mirror;
  return mirror_count(task) > 0 && turn_to_next(e, task);
}

void fetch__leave_mirrors(struct engine *e, struct task *task, uint32_t which) {
  uint32_t before = task->bad_mirrors;
  unsigned from = task->mirror;
  task->bad_mirrors |= which;
  if ((task->bad_mirrors & UINT32_C(1) << from) == 0)
    return;
  if (turn_to_next(e, task) && task->mirror != from)
    fetch__go_home(task);
  else
    task->bad_mirrors = before; /* better a bad one than none */
}

bool fetch__next_mirror(struct engine *e, struct task *task,
                        const struct verdict *v) {
  unsigned from = task->mirror;
  const char *name = task->host->origin;
  if (mirror_count(task) == 0 || !request_is_get(task->fields) ||
      v->class == FAIL_LOCAL)
    return false;
  if (v->class != FAIL_PASSING)
    task->bad_mirrors |= 1u << from;
  if (!turn_to_next(e, task) || task->mirror == from ||
      (v->class == FAIL_PASSING &&
       task->attempts >= (int)e->limit[LIMIT_TRIES]))
    return false;
  eventlog_add(&e->log, LOG_WARN, task->id, "%s: %s: %s%s; the next is %s",
               task->name, name, v->why,
               v->class != FAIL_PASSING ? " (not asked any more)" : "",
               task->host->origin);
  if (v->class != FAIL_PASSING)
    task->following = true; /* no attempt at the next one yet */
  fetch__let_go(e, task, AFTER_QUEUE, !v->worthless);
  return true;
}
