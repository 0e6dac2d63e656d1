/* SPDX-License-Identifier: MIT
 *
 * What commands do. Each is answered with a sentence for a person, which the
 * next snapshot carries; "" when there is nothing to say.
 *
 * Thread: the loop's.
 */
#include "config.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "engine_priv.h"

/* What is said is an answer of success, unless refuse() said it. */
static void reply(struct engine *e, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void refuse(struct engine *e, int code, const char *text);

static void reply(struct engine *e, const char *fmt, ...) {
  va_list args;
  va_start(args, fmt);
  vsnprintf(e->said, sizeof(e->said), fmt, args);
  va_end(args);
}

static void refuse(struct engine *e, int code, const char *text) {
  e->reply_code = code;
  reply(e, "%s", text);
}

/* ---- limits
 * ------------------------------------------------------------------ */

/* Every host that has no rule of its own for it. */
static void set_host_bandwidth(struct engine *e, double value, uint64_t now) {
  e->hosts.byte_rate = value;
  for (struct link *l = e->hosts.list.next; l != &e->hosts.list; l = l->next) {
    struct host *host = LINK_ENTRY(l, struct host, all);
    if (host->rule == NULL || host->rule->byte_rate < 0)
      bandwidth_set(&e->bandwidth, &host->byte_limit, value, now);
  }
}

void control_apply(struct engine *e, enum limit_id id) {
  uint64_t now = engine_now();
  double value = e->limit[id];
  switch (id) {
  case LIMIT_CONCURRENCY:
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
      if (task->transfer != NULL)
        fetch_set_byte_limit(e, task);
    }
    break;
  case LIMIT_DISK_JOBS:
    semaphore_resize(&e->pool.sem[JOB_DISK], (uint32_t)value, now);
    break;
  case LIMIT_CPU_JOBS:
    semaphore_resize(&e->pool.sem[JOB_CPU], (uint32_t)value, now);
    break;
  default: /* read where they are used: at the next start */
    break;
  }
}

static void set_limit(struct engine *e, const struct command *c) {
  const struct limit_info *info = limit_info(c->limit);
  char from[32], to[32];
  if (c->value < info->min || c->value > info->max) {
    reply(e, "%s: out of range", info->name);
    e->reply_code = ERR_USAGE;
    return;
  }
  limit_format(c->limit, e->limit[c->limit], from, sizeof(from));
  limit_format(c->limit, c->value, to, sizeof(to));
  e->limit[c->limit] = c->value;
  control_apply(e, c->limit);
  eventlog_add(&e->log, LOG_INFO, 0, "%s%s%s: %s was %s, is %s", c->origin,
               c->detail[0] != '\0' ? " " : "", c->detail, info->name, from,
               to);
  reply(e, "%s %s", info->name, to);
}

/* ---- everything
 * ----------------------------------------------------------------- */

static void each_active(struct engine *e, void (*act)(struct transfer *)) {
  for (struct link *l = e->live.next; l != &e->live; l = l->next) {
    struct task *task = LINK_ENTRY(l, struct task, all);
    if (task->state == TASK_ACTIVE && task->transfer != NULL)
      act(task->transfer);
  }
}

static void pause_all(struct engine *e) {
  if (e->paused)
    return;
  e->paused = true;
  each_active(e, transfer_pause);
  eventlog_add(&e->log, LOG_INFO, 0, "paused");
  reply(e, "everything is paused");
}

static void resume_all(struct engine *e) {
  if (!e->paused)
    return;
  e->paused = false;
  each_active(e, transfer_unpause);
  eventlog_add(&e->log, LOG_INFO, 0, "resumed");
  reply(e, "going on");
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

/* ---- one task
 * -------------------------------------------------------------------- */

static void pause_task(struct engine *e, struct task *task) {
  if (task->in_intake) {
    task->pause_wanted = true;
  } else if (task->state == TASK_ACTIVE || task->state == TASK_QUEUED ||
             task->state == TASK_WAITING) {
    task->pause_wanted = true;
    fetch_cut(e, task);
  } else {
    reply(e, "the task is %s and cannot be paused",
          task_state_name(task->state));
    e->reply_code = ERR_USAGE;
  }
}

static void resume_task(struct engine *e, struct task *task) {
  task->pause_wanted = false;
  if (task->state == TASK_PAUSED && task->unseen) {
    task_set_state(&e->counts, task, TASK_QUEUED);
    intake_again(e, task);
  } else if (task->state == TASK_PAUSED) {
    task_set_state(&e->counts, task, TASK_QUEUED);
    scheduler_ready(&e->scheduler, task, engine_now());
  } else if (task->after == AFTER_PAUSE) {
    task->after = AFTER_QUEUE; /* it is still letting go */
  }
}

static void cancel_task(struct engine *e, struct task *task) {
  if (task->state == TASK_VERIFYING) {
    refuse(e, ERR_USAGE, "the task is complete already");
    return;
  }
  task->cancel_wanted = true;
  if (!task->in_intake)
    fetch_cut(e, task);
}

/* A waiting task is tried now; a failed one is delivered again. */
static void retry_task(struct engine *e, struct task *task) {
  if (task->state != TASK_WAITING) {
    reply(e, "the task is %s", task_state_name(task->state));
    e->reply_code = ERR_USAGE;
    return;
  }
  scheduler_remove(&e->scheduler, task);
  task_set_state(&e->counts, task, TASK_QUEUED);
  scheduler_ready(&e->scheduler, task, engine_now());
}

static struct task *recent_failed(struct engine *e, uint64_t id) {
  struct link *head = &e->recent_failed;
  for (struct link *l = head->next; l != head; l = l->next) {
    struct task *task = LINK_ENTRY(l, struct task, all);
    if (task->id == id)
      return task;
  }
  return NULL;
}

static void redeliver(struct engine *e, struct task *task) {
  uint64_t id = task->id;
  list_remove(&task->all);
  e->recent_failed_count--;
  task_free(task);
  e->exhausted = false;
  e->empty_dir = false; /* its own .part may be there */
  session_redeliver(e->session, id);
}

static void retry_failed(struct engine *e) {
  size_t count = 0;
  struct link *next;
  for (struct link *l = e->recent_failed.next; l != &e->recent_failed;
       l = next) {
    struct task *task = LINK_ENTRY(l, struct task, all);
    next = l->next;
    if (task->state != TASK_FAILED)
      continue;
    redeliver(e, task);
    count++;
  }
  reply(e, "%zu failed task%s tried again", count,
        count == 1 ? " is" : "s are");
}

static void on_task(struct engine *e, const struct command *c) {
  struct task *task = idmap_find(&e->tasks, c->task);
  if (task == NULL) {
    task = recent_failed(e, c->task);
    if (task != NULL && c->kind == CMD_RETRY_TASK && task->state == TASK_FAILED)
      redeliver(e, task);
    else
      refuse(e, ERR_NOTFOUND, "the task has ended or is not in the window");
    return;
  }
  if (c->kind == CMD_PAUSE_TASK)
    pause_task(e, task);
  else if (c->kind == CMD_RESUME_TASK)
    resume_task(e, task);
  else if (c->kind == CMD_CANCEL_TASK)
    cancel_task(e, task);
  else
    retry_task(e, task);
}

/* In the next snapshot; answers to others than the screen go their own way. */
static void show_reply(struct engine *e, uint64_t seq) {
  e->reply_seq = seq;
  memcpy(e->reply_text, e->said, sizeof(e->reply_text));
}

static void obey(struct engine *e, const struct command *c) {
  switch (c->kind) {
  case CMD_STOP:
    engine__stop(e);
    break;
  case CMD_PAUSE_ALL:
    pause_all(e);
    break;
  case CMD_RESUME_ALL:
    resume_all(e);
    break;
  case CMD_SET_LIMIT:
    set_limit(e, c);
    break;
  case CMD_RETRY_FAILED:
    retry_failed(e);
    break;
  case CMD_SUSPENDED:
    restart_figures(e);
    break;
  case CMD_PAUSE_TASK:
  case CMD_RESUME_TASK:
  case CMD_CANCEL_TASK:
  case CMD_RETRY_TASK:
    on_task(e, c);
    break;
  case COMMAND_COUNT:
    break;
  }
}

void control_run(struct engine *e, const struct command *c) {
  e->said[0] = '\0';
  e->reply_code = 0;
  if (e->session_stopping)
    refuse(e, ERR_CLOSED, "the run is ending");
  else
    obey(e, c);
  e->picture_now = true; /* whoever asked wants to see what came of it */
  if (c->reply != NULL)
    c->reply(c->reply_arg, c->seq, e->reply_code, e->said);
  else
    show_reply(e, c->seq);
}
