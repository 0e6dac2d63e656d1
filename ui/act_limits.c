/* SPDX-License-Identifier: MIT
 *
 * Limits by key and by name. A second key before the engine has answered the
 * first goes on from what was asked for, not from what the snapshot shows.
 */
#include "config.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "act.h"

double act__limit(const struct app *app, enum limit_id id) {
  const struct wanted_limit *wanted = &app->wanted[id];
  return wanted->seq > app->snap->reply_seq ? wanted->value
                                            : app->snap->limit[id];
}

void act__ask_limit(struct app *app, enum limit_id id, double value) {
  const struct limit_info *info = limit_info(id);
  char from[32], to[32];
  double old = act__limit(app, id);
  value = fmin(fmax(value, info->min), info->max);
  uint64_t seq = app__send(
      app,
      (struct command){.kind = CMD_SET_LIMIT, .limit = id, .value = value});
  if (seq == 0)
    return;
  app->wanted[id] = (struct wanted_limit){value, seq};
  app__say(app, ROLE_TEXT, "%s %s -> %s", info->name,
           act__limit_text(id, old, from, sizeof from),
           act__limit_text(id, value, to, sizeof to));
}

/* Three figures that count, so that repeated steps stay readable. */
static double tidy(double value, double base) {
  double unit = 1;
  while (value / unit >= base)
    unit *= base;
  double part = value / unit;
  double grain = part >= 100 ? 1 : part >= 10 ? 0.1 : 0.01;
  double rounded = nearbyint(part / grain) * grain * unit;
  if (base <= 1000)
    return rounded;
  /* A fraction of M is written as so many k. */
  grain = fmax(1, unit / base);
  return nearbyint(rounded / grain) * grain;
}

static double count_after(double value, int direction) {
  double step = value > 20 || (value == 20 && direction > 0)
                    ? fmax(1, floor(value / 10))
                    : 1;
  return value + direction * step;
}

static double flow_after(enum limit_id id, double value, double factor) {
  enum limit_unit unit = limit_info(id)->unit;
  double next = tidy(value * factor, unit == UNIT_BYTES ? 1024 : 1000);
  if (unit == UNIT_BYTES && next < 1024)
    next = 1024;
  return next < 0.01 ? 0.01 : next;
}

/* Waits, tries and jobs of 0 mean 0. */
static bool zero_is_none(enum limit_id id) {
  return limit_info(id)->min <= 0 && id != LIMIT_RETRY_WAIT &&
         id != LIMIT_RETRY_MAX_WAIT && limit_info(id)->unit != UNIT_SWITCH;
}

/* Of those that are counted in bytes, two are sizes. */
static bool is_size(enum limit_id id) {
  return id == LIMIT_MIN_SPLIT || id == LIMIT_MIN_FREE;
}

char *act__limit_text(enum limit_id id, double value, char *buf, size_t cap) {
  char text[32];
  enum limit_unit unit = limit_info(id)->unit;
  limit_format(id, value, text, sizeof text);
  if (value <= 0 && zero_is_none(id))
    snprintf(buf, cap, "none");
  else
    snprintf(buf, cap, "%s%s", text,
             unit == UNIT_SECONDS                 ? " s"
             : unit == UNIT_BYTES && !is_size(id) ? "/s"
                                                  : "");
  return buf;
}

double act__next_value(enum limit_id id, double value, double measured,
                       int direction) {
  const struct limit_info *info = limit_info(id);
  bool none = value <= 0 && info->min <= 0;
  if (info->unit == UNIT_SWITCH)
    return direction > 0;
  if (none && direction > 0)
    return info->unit == UNIT_SECONDS ? 1 : -1;
  if (none)
    value = measured;
  if (value <= 0)
    return -1;
  double next = info->unit == UNIT_COUNT
                    ? (none ? value : count_after(value, direction))
                    : flow_after(id, value, direction > 0 ? 1.1 : 0.9);
  if (next <= 0) /* 0 would lift the limit, not lower it */
    next = value;
  return fmin(fmax(next, info->min), info->max);
}

static void step_count(struct app *app, enum limit_id id, int direction) {
  act__ask_limit(app, id, count_after(act__limit(app, id), direction));
}

/* Limits of which 0 means none: down starts from what is measured. */
static void step_flow(struct app *app, enum limit_id id, double factor) {
  const char *name = limit_info(id)->name;
  double value = act__limit(app, id);
  if (value <= 0 && factor > 1) {
    app__say(app, ROLE_TEXT, "%s: there is no limit to raise", name);
    return;
  }
  if (value <= 0)
    value =
        id == LIMIT_RATE ? app->snap->requests_per_s : app->snap->bytes_per_s;
  if (value <= 0) {
    app__say(app, ROLE_WARN, "%s: nothing is measured yet; type :set %s VALUE",
             name, name);
    return;
  }
  act__ask_limit(app, id, flow_after(id, value, factor));
}

void act__step_limit(struct app *app, enum action action) {
  if (app->snap == NULL)
    return;
  switch (action) {
  case ACT_NET_UP:
    step_count(app, LIMIT_CONCURRENCY, 1);
    break;
  case ACT_NET_DOWN:
    step_count(app, LIMIT_CONCURRENCY, -1);
    break;
  case ACT_RATE_UP:
    step_flow(app, LIMIT_RATE, 1.1);
    break;
  case ACT_RATE_DOWN:
    step_flow(app, LIMIT_RATE, 0.9);
    break;
  case ACT_RATE_DOUBLE:
    step_flow(app, LIMIT_RATE, 2);
    break;
  case ACT_RATE_HALVE:
    step_flow(app, LIMIT_RATE, 0.5);
    break;
  case ACT_BAND_UP:
    step_flow(app, LIMIT_BANDWIDTH, 1.1);
    break;
  default:
    step_flow(app, LIMIT_BANDWIDTH, 0.9);
  }
}

void act__set(struct app *app, const char *arg) {
  char name[32];
  size_t len = strcspn(arg, " =");
  const char *text = arg + len + strspn(arg + len, " =");
  if (app->snap == NULL)
    return;
  if (len == 0 || len >= sizeof name || text[0] == '\0') {
    app__say(app, ROLE_WARN, "write: set NAME VALUE, as in set rate 200/s");
    return;
  }
  snprintf(name, sizeof name, "%.*s", (int)len, arg);
  int id = limit_find(name);
  if (id < 0) {
    app__say(app, ROLE_ALERT, "set: there is no limit '%s' (Tab lists them)",
             name);
    return;
  }
  struct errmsg msg;
  double value;
  if (limit_parse((enum limit_id)id, text, &value, &msg) < 0) {
    app__say(app, ROLE_ALERT, "%s", msg.text);
    return;
  }
  act__ask_limit(app, (enum limit_id)id, value);
}
