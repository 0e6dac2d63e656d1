/* SPDX-License-Identifier: MIT
 *
 * What follows when an attempt of a task has failed: whether its request may
 * be sent again, when, and what of its file stays.
 *
 * Thread: the loop's.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "engine_priv.h"
#include "request.h"
#include "verdict.h"

/* What a POST did is not known when no answer came, or only a part of it: it
 * is not sent twice. An answer that says it failed, and a request that was
 * never sent, are tried again as any other. */
bool fetch__may_be_done(const struct task *task,
                        const struct transfer *transfer) {
  long sent = 0;
  if (request_may_repeat(task->fields))
    return false;
  curl_easy_getinfo(transfer->easy, CURLINFO_REQUEST_SIZE, &sent);
  return task->as_get || (sent > 0 && transfer->answer.status < 400);
}

/* The server says so, or was never asked: another run may send it again. */
void fetch__not_done(struct engine *e, const struct task *task) {
  if (!request_may_repeat(task->fields) && !task->in_doubt)
    session_mark_foreign(e->session, task->id);
}

void fetch__forbid_repeat(struct engine *e, struct verdict *v,
                          struct task *task, const struct transfer *transfer) {
  size_t length = strlen(v->why);
  bool doubt = v->class == FAIL_PASSING || v->class == FAIL_NONE;
  bool may_be = fetch__may_be_done(task, transfer);
  if (!may_be || v->class == FAIL_THROTTLED)
    fetch__not_done(e, task);
  if (!doubt || !may_be)
    return;
  task->in_doubt = true;
  if (v->class == FAIL_NONE)
    return; /* but its file may come to nothing */
  v->class = FAIL_PERMANENT;
  snprintf(v->why + length, sizeof(v->why) - length,
           "; not sent again: it may have been carried out");
}

void fetch__retry(struct engine *e, struct task *task, double wait_s,
                  const char *why, bool keep) {
  uint64_t wait = retry_backoff_ns(
      e->limit[LIMIT_RETRY_WAIT], e->limit[LIMIT_RETRY_MAX_WAIT],
      (unsigned)(task->attempts > 0 ? task->attempts - 1 : 0), &e->rng);
  if (wait_s > 0 && (double)wait < wait_s * 1e9)
    wait = (uint64_t)(wait_s * 1e9);
  task->after_due_ns = engine_now() + wait;
  eventlog_add(&e->log, LOG_WARN, task->id, "%s: %s; try %d of %d in %.1f s",
               task->name, why, task->attempts + 1, (int)e->limit[LIMIT_TRIES],
               (double)wait / 1e9);
  fetch__let_go(e, task, AFTER_WAIT, keep);
}

static void throttled(struct engine *e, struct task *task, struct host *host) {
  uint64_t now = engine_now();
  uint64_t until = scheduler_held_until(host, now);
  e->throttled++;
  host->throttled++;
  if (task->attempts > 0)
    task->attempts--; /* being asked to wait is no failure */
  if (until != host->told_until_ns)
    eventlog_add(&e->log, LOG_INFO, task->id, "%s: %s; asked again in %.1f s",
                 host->name, task->reason,
                 until > now ? (double)(until - now) / 1e9 : 0.0);
  host->told_until_ns = until;
  fetch__let_go(e, task, AFTER_QUEUE, true);
}

void fetch__failed(struct engine *e, struct task *task, struct host *host,
                   const struct verdict *v, double wait_s) {
  task_set_reason(task, v->why);
  if (v->class == FAIL_THROTTLED) {
    throttled(e, task, host);
    return;
  }
  host->errors++;
  if (task->start_over) { /* happens once: nothing is kept any more */
    fetch__forget_partial(e, task);
    task->attempts--;
    fetch__let_go(e, task, AFTER_QUEUE, false);
    return;
  }
  if ((e->hold_code == ERR_NETWORK && host->unreachable) ||
      (e->hold_reserve && v->class == FAIL_PASSING)) {
    task->attempts--; /* no try at all, or given up for our pause */
    fetch__let_go(e, task, AFTER_QUEUE, true);
    return;
  }
  if (fetch__next_mirror(e, task, v))
    return;
  if (v->class == FAIL_EXPIRED)
    fetch__let_go(e, task, AFTER_EXPIRE, false);
  else if (v->class == FAIL_PASSING &&
           task->attempts < (int)e->limit[LIMIT_TRIES])
    fetch__retry(e, task, wait_s, v->why, !v->worthless);
  else
    fetch__let_go(e, task, AFTER_FAIL,
                  v->class == FAIL_PASSING && !v->worthless);
}

void fetch_unresolved(struct engine *e, struct host *host, const char *why) {
  char text[VERDICT_WHY];
  struct task *task;
  snprintf(text, sizeof(text), "%s: %s", host->name, why);
  engine__note_reach(e, host, true);
  while (e->hold_code != ERR_NETWORK &&
         (task = scheduler_take_ready(&e->scheduler, host)) != NULL) {
    task->attempts++;
    task_set_reason(task, text);
    if (task->attempts < (int)e->limit[LIMIT_TRIES])
      fetch__retry(e, task, -1, text, true);
    else
      fetch_fail(e, task, NULL);
  }
}
