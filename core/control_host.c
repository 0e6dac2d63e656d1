/* SPDX-License-Identifier: MIT
 *
 * Commands about one host. Its limits are kept by the session as options
 * (--host-limit), so that they survive whatever ends the run.
 *
 * Thread: the loop's.
 */
#include "config.h"

#include <stdio.h>

#include "engine_priv.h"

/* The bytes under way are worth more than what starting over would cost. */
static bool worth_cutting(const struct task *task) {
  return task->resumable &&
         task->got - ranges_total(&task->kept) > (int64_t)SINK_SPILL;
}

/* Its transfers go back into its queue, but for those that would lose what
 * they have. How many go on to their end. */
static unsigned cut_transfers(struct engine *e, const struct host *host) {
  unsigned going_on = 0;
  struct link *next;
  for (struct link *l = e->live.next; l != &e->live; l = next) {
    struct task *task = LINK_ENTRY(l, struct task, all);
    next = l->next;
    if (task->host != host || task->state != TASK_ACTIVE ||
        !fetch_moves(task))
      continue;
    if (worth_cutting(task))
      fetch_cut(e, task);
    else
      going_on++;
  }
  return going_on;
}

static void pause_host(struct engine *e, const struct command *c) {
  unsigned known = 0, going_on = 0;
  bool pause = c->kind == CMD_PAUSE_HOST;
  for (struct link *l = e->hosts.list.next; l != &e->hosts.list; l = l->next) {
    struct host *host = LINK_ENTRY(l, struct host, all);
    if (!host_is(host, c->text))
      continue;
    known++;
    host->paused = pause;
    if (pause)
      going_on += cut_transfers(e, host);
    else
      scheduler_recheck(&e->scheduler, host);
  }
  if (known == 0) {
    control__refuse(e, ERR_NOTFOUND, "no task has gone to %.80s so far",
                    c->text);
    return;
  }
  control__log(e, c, "%s %s", pause ? "paused" : "resumed", c->text);
  if (going_on > 0)
    control__say(e, "%.80s is paused; transfers that go on to their end: %u",
                 c->text, going_on);
  else
    control__say(e, "%.80s %s", c->text, pause ? "is paused" : "goes on");
}

int control_host_limit(struct engine *e, const struct host_limit *limit,
                       unsigned *known) {
  uint64_t now = engine_now();
  int code = hosts_set_own(&e->hosts, limit, now, known);
  if (code != 0)
    return code;
  for (struct link *l = e->hosts.list.next; l != &e->hosts.list; l = l->next) {
    struct host *host = LINK_ENTRY(l, struct host, all);
    if (!host_is(host, limit->name))
      continue;
    bandwidth_set(&e->bandwidth, &host->byte_limit,
                  hosts_byte_rate(&e->hosts, host), now);
    scheduler_recheck(&e->scheduler, host);
  }
  return 0;
}

static void keep(struct engine *e, const struct host_limit *limit) {
  char text[URL_ORIGIN_CAP + 128], same[URL_ORIGIN_CAP + 64];
  snprintf(same, sizeof(same), "%s,%s=", limit->name,
           limit_info(limit->limit)->name);
  session_option_set(e->session, "host-limit",
                     host_limit_format(limit, text, sizeof(text)), same);
}

static void set_host(struct engine *e, const struct command *c) {
  const struct limit_info *info = limit_info(c->limit);
  struct host_limit limit = {.limit = c->limit, .value = c->value};
  char text[64];
  unsigned known;
  if (host_own_of(c->limit) < 0) {
    control__refuse(e, ERR_USAGE,
                    "a host has no %s of its own; it has " HOST_OWN_NAMES,
                    info->name);
    return;
  }
  if (!(c->value >= info->min && c->value <= info->max)) {
    control__refuse(e, ERR_USAGE, "%s: out of range", info->name);
    return;
  }
  snprintf(limit.name, sizeof(limit.name), "%s", c->text);
  int code = control_host_limit(e, &limit, &known);
  if (code != 0) {
    control__refuse(e, code, "%s", err_text(code));
    return;
  }
  keep(e, &limit);
  limit_format(c->limit, c->value, text, sizeof(text));
  control__log(e, c, "%s: %s is %s", limit.name, info->name, text);
  control__say(e, "%.80s: %s %s%s", limit.name, info->name, text,
               known > 0 ? "" : " (no task has gone there so far)");
}

void control__host(struct engine *e, const struct command *c) {
  struct errmsg msg = {""};
  if (host_name_check(c->text != NULL ? c->text : "", &msg) != 0)
    control__refuse(e, ERR_USAGE, "%s", msg.text);
  else if (c->kind == CMD_SET_HOST)
    set_host(e, c);
  else
    pause_host(e, c);
}
