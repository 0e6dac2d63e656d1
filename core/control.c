/* SPDX-License-Identifier: MIT
 *
 * What commands do. Each is answered with a sentence for a person, which the
 * next snapshot carries; "" when there is nothing to say.
 *
 * Those about a task are in control_task.c, those about a host in
 * control_host.c, about those out of the window in control_retry.c, new URLs
 * in control_add.c, files read again in control_reload.c.
 *
 * Thread: the loop's.
 */
#include "config.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "descriptors.h"
#include "engine_priv.h"
#include "split.h"

/* ---- answers
 * ------------------------------------------------------------------ */

void control__say(struct engine *e, const char *fmt, ...) {
  va_list args;
  va_start(args, fmt);
  vsnprintf(e->said, sizeof(e->said), fmt, args);
  va_end(args);
}

void control__refuse(struct engine *e, int code, const char *fmt, ...) {
  va_list args;
  va_start(args, fmt);
  vsnprintf(e->said, sizeof(e->said), fmt, args);
  va_end(args);
  e->reply_code = code;
}

/* ---- limits
 * ------------------------------------------------------------------ */

/* Every host that has none of its own. */
static void set_host_bandwidth(struct engine *e, double value, uint64_t now) {
  e->hosts.byte_rate = value;
  for (struct link *l = e->hosts.list.next; l != &e->hosts.list; l = l->next) {
    struct host *host = LINK_ENTRY(l, struct host, all);
    bandwidth_set(&e->bandwidth, &host->byte_limit,
                  hosts_byte_rate(&e->hosts, host), now);
  }
}

/* A transfer that finds no descriptor fails: fewer at once do not. */
static double fit_descriptors(struct engine *e, double transfers) {
  unsigned fit = descriptors_for((unsigned)transfers);
  if (fit < (unsigned)transfers)
    eventlog_add(&e->log, LOG_WARN, 0,
                 "%u transfers at once, not %u: this process may not open more "
                 "files (ulimit -n)",
                 fit > 0 ? fit : 1, (unsigned)transfers);
  return fit > 0 ? fit : 1;
}

static void set_adaptive(struct engine *e, bool on, uint64_t now) {
  if (hosts_set_adaptive(&e->hosts, on, now) != 0)
    eventlog_add(&e->log, LOG_WARN, 0,
                 "adaptive: there is no memory for every host; some keep the "
                 "limits they have");
  scheduler_recheck_all(&e->scheduler);
}

void control_apply(struct engine *e, enum limit_id id) {
  uint64_t now = engine_now();
  double value = e->limit[id];
  switch (id) {
  case LIMIT_CONCURRENCY:
    value = fit_descriptors(e, value);
    semaphore_resize(&e->scheduler.net, (uint32_t)value, now);
    hosts_set_concurrency(&e->hosts, (uint32_t)value, now);
    break;
  case LIMIT_PER_HOST:
    hosts_set_per_host(&e->hosts, (uint32_t)value, now);
    scheduler_recheck_all(&e->scheduler);
    break;
  case LIMIT_RATE:
    bucket_set_rate(&e->scheduler.rate, value, now);
    break;
  case LIMIT_PER_HOST_RATE:
    hosts_set_rate(&e->hosts, value, now);
    scheduler_recheck_all(&e->scheduler);
    break;
  case LIMIT_BANDWIDTH:
    bandwidth_set(&e->bandwidth, &e->all_bytes, value, now);
    break;
  case LIMIT_HOST_BANDWIDTH:
    set_host_bandwidth(e, value, now);
    break;
  case LIMIT_TRANSFER_BANDWIDTH:
    for (struct link *l = e->live.next; l != &e->live; l = l->next) {
      struct task *task = LINK_ENTRY(l, struct task, all);
      if (fetch_moves(task))
        fetch_set_byte_limit(e, task);
    }
    break;
  case LIMIT_DISK_JOBS:
    semaphore_resize(&e->pool.sem[JOB_DISK], (uint32_t)value, now);
    break;
  case LIMIT_CPU_JOBS:
    semaphore_resize(&e->pool.sem[JOB_CPU], (uint32_t)value, now);
    break;
  case LIMIT_EXEC_JOBS:
    if (!e->stopping)
      semaphore_resize(&e->execs.sem, (uint32_t)value, now);
    break;
  case LIMIT_ADAPTIVE:
    set_adaptive(e, value > 0, now);
    break;
  default: /* read where they are used: at the next start */
    break;
  }
}

void control__log(struct engine *e, const struct command *c, const char *fmt,
                  ...) {
  char what[256];
  va_list args;
  va_start(args, fmt);
  vsnprintf(what, sizeof(what), fmt, args);
  va_end(args);
  eventlog_add(&e->log, LOG_INFO, 0, "%s%s%s: %s", c->origin,
               c->detail[0] != '\0' ? " " : "", c->detail, what);
}

void control__set_limit(struct engine *e, const struct command *c) {
  const struct limit_info *info = limit_info(c->limit);
  char from[32], to[32];
  if (c->value < info->min || c->value > info->max) {
    control__refuse(e, ERR_USAGE, "%s: out of range", info->name);
    return;
  }
  limit_format(c->limit, e->limit[c->limit], from, sizeof(from));
  limit_format(c->limit, c->value, to, sizeof(to));
  e->limit[c->limit] = c->value;
  control_apply(e, c->limit);
  session_option_set(e->session, info->name, to, "");
  control__log(e, c, "%s was %s, is %s", info->name, from, to);
  control__say(e, "%s %s", info->name, to);
}

static void keep_limits(struct engine *e) {
  char text[32];
  for (int id = 0; id < LIMIT_COUNT; id++)
    session_option_set(
        e->session, limit_info((enum limit_id)id)->name,
        limit_format((enum limit_id)id, e->limit[id], text, sizeof(text)), "");
  control__say(e, "the session keeps %d limits", LIMIT_COUNT);
}

/* ---- everything
 * ----------------------------------------------------------------- */

static void pause_all(struct engine *e) {
  if (e->paused)
    return;
  e->paused = true;
  hold__update(e);
  eventlog_add(&e->log, LOG_INFO, 0, "paused");
  control__say(e, "everything is paused");
}

static void resume_all(struct engine *e) {
  if (!e->paused)
    return;
  e->paused = false;
  hold__update(e);
  eventlog_add(&e->log, LOG_INFO, 0, "resumed");
  control__say(e, "going on");
}

static void restart_figures(struct engine *e) {
  uint64_t now = engine_now();
  meter_restart(&e->byte_rate, now);
  meter_restart(&e->byte_rate_long, now);
  meter_restart(&e->request_rate, now);
  meter_restart(&e->done_rate, now);
  series_restart(&e->byte_series, e->bytes, now);
  series_restart(&e->request_series, e->requests, now);
  bucket_restart(&e->scheduler.rate, now);
}

/* In the next snapshot; answers to others than the screen go their own way. */
static void show_reply(struct engine *e, uint64_t seq) {
  if (seq > e->reply_seq) /* one that took longer is told no more */
    e->reply_seq = seq;
  memcpy(e->reply_text, e->said, sizeof(e->reply_text));
}

bool control_obey(struct engine *e, const struct command *c) {
  if (c->kind == CMD_LOOK) {
    look_turn(&e->look, c->task);
    return true;
  }
  switch (command_info(c->kind)->args) {
  case ARGS_TASK:
  case ARGS_TASK_COUNT:
  case ARGS_TASK_BYTES:
    return control__task(e, c);
  case ARGS_CHOICE:
    return control__retry_failed(e, c);
  case ARGS_HOST:
  case ARGS_HOST_LIMIT:
    control__host(e, c);
    return true;
  case ARGS_LIMIT:
    control__set_limit(e, c);
    return true;
  case ARGS_LINES:
  case ARGS_PATH:
    return control__add(e, c);
  case ARGS_TASK_URL:
    return control__url(e, c);
  default:
    break;
  }
  if (c->kind == CMD_RELOAD)
    return control__reload(e, c);
  if (c->kind == CMD_STOP)
    engine__stop(e);
  else if (c->kind == CMD_PAUSE_ALL)
    pause_all(e);
  else if (c->kind == CMD_RESUME_ALL)
    resume_all(e);
  else if (c->kind == CMD_KEEP_LIMITS)
    keep_limits(e);
  else if (c->kind == CMD_READ_AHEAD)
    session_read_ahead(e->session);
  else if (c->kind == CMD_SUSPENDED)
    restart_figures(e);
  return true;
}

void control__answer(struct engine *e, const struct command *c) {
  e->picture_now = true; /* whoever asked wants to see what came of it */
  if (c->reply != NULL)
    c->reply(c->reply_arg, c->seq, e->reply_code, e->said);
  else
    show_reply(e, c->seq);
}

void control_run(struct engine *e, const struct command *c) {
  e->said[0] = '\0';
  e->reply_code = 0;
  if (e->session_stopping)
    control__refuse(e, ERR_CLOSED, "the run is ending");
  else if (!control_obey(e, c))
    return;
  control__answer(e, c);
}
