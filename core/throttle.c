/* SPDX-License-Identifier: MIT
 *
 * Reading of throttling headers. Values are copied into a bounded buffer
 * first; longer ones are passed over. Pure; any thread.
 */
#include "config.h"

#include "throttle.h"

#include <math.h>
#include <string.h>
#include <strings.h>

#include "retry.h"

#define VALUE_CAP 512

enum kind {
  KIND_RETRY_AFTER,
  KIND_RETRY_AFTER_MS,
  KIND_RATELIMIT,
  KIND_POLICY,
  KIND_LIMIT,
  KIND_REMAINING,
  KIND_RESET,
  KIND_NONE
};

static const struct {
  const char *name;
  enum kind kind;
} headers[] = {
    {"retry-after", KIND_RETRY_AFTER},
    {"retry-after-ms", KIND_RETRY_AFTER_MS},
    {"x-ms-retry-after-ms", KIND_RETRY_AFTER_MS},
    {"ratelimit", KIND_RATELIMIT},
    {"ratelimit-policy", KIND_POLICY},
    {"ratelimit-limit", KIND_LIMIT},
    {"ratelimit-remaining", KIND_REMAINING},
    {"ratelimit-reset", KIND_RESET},
    {"x-ratelimit-limit", KIND_LIMIT},
    {"x-ratelimit-remaining", KIND_REMAINING},
    {"x-ratelimit-reset", KIND_RESET},
    {"x-rate-limit-limit", KIND_LIMIT},
    {"x-rate-limit-remaining", KIND_REMAINING},
    {"x-rate-limit-reset", KIND_RESET},
};

/* Most headers of an answer are others: the first letter sorts them out. */
static enum kind find_kind(const char *name, size_t len) {
  if (len < 9 || len > 24 || !strchr("rRxX", name[0]))
    return KIND_NONE;
  for (size_t i = 0; i < sizeof headers / sizeof *headers; i++)
    if (strlen(headers[i].name) == len &&
        strncasecmp(headers[i].name, name, len) == 0)
      return headers[i].kind;
  return KIND_NONE;
}

/* A number without a sign at *at: at most 15 digits, a fraction allowed. */
static bool read_number(const char **at, double *value) {
  const char *p = *at;
  double number = 0, place = 1;
  int digits = 0;
  for (; *p >= '0' && *p <= '9'; p++, digits++)
    number = number * 10 + (*p - '0');
  if (digits == 0 || digits > 15)
    return false;
  if (*p == '.')
    for (p++; *p >= '0' && *p <= '9'; p++)
      number += (*p - '0') * (place /= 10);
  *value = number;
  *at = p;
  return true;
}

static const char *skip_space(const char *p) {
  return p + strspn(p, " \t");
}

/* The value is one number, maybe followed by a list or parameters (older
 * drafts: "100, 100;w=60"). */
static bool read_leading(const char *p, double *value) {
  p = skip_space(p);
  if (!read_number(&p, value))
    return false;
  p = skip_space(p);
  return *p == '\0' || *p == ',' || *p == ';';
}

static void set_wait(struct throttle_hint *h, double wait_s) {
  h->has_wait = true;
  h->wait_s = wait_s;
}

/* Seconds from now, or the epoch's seconds or milliseconds: what is longer
 * than a few years can only be a time. */
static bool set_reset(struct throttle_hint *h, double value, int64_t now_unix) {
  if (value > 1e11)
    value = value / 1000;
  if (value > 3e8)
    value = fmax(value - (double)now_unix, 0);
  if (value > THROTTLE_MOST_S)
    return false;
  h->has_reset = true;
  h->reset_s = value;
  return true;
}

/* ---- "name";r=50;t=30, or limit=100, remaining=50, reset=5 -----------------
 */

struct quota {
  bool has_remaining, has_reset, has_limit, has_window;
  double remaining, reset_s, limit, window_s;
};

/* One key=value of an item. Unknown keys are passed over. */
static void take_parameter(struct quota *q, const char *key, size_t len,
                           double value) {
  static const struct {
    const char *key;
    int field;
  } known[] = {{"r", 0},         {"t", 1},     {"q", 2},    {"w", 3},
               {"remaining", 0}, {"reset", 1}, {"limit", 2}};
  for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
    if (strlen(known[i].key) != len || strncasecmp(known[i].key, key, len) != 0)
      continue;
    bool *has[] = {&q->has_remaining, &q->has_reset, &q->has_limit,
                   &q->has_window};
    double *field[] = {&q->remaining, &q->reset_s, &q->limit, &q->window_s};
    *has[known[i].field] = true;
    *field[known[i].field] = value;
  }
}

/* Reads "key=value" at p when it is one with a number; returns its end. */
static const char *read_parameter(const char *p, struct quota *q) {
  size_t key = strspn(p, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                         "0123456789_-.*");
  const char *value = skip_space(p + key);
  double number;
  if (key > 0 && *value == '=') {
    value = skip_space(value + 1);
    if (read_number(&value, &number))
      take_parameter(q, p, key, number);
  }
  return p + key;
}

/* To the next ';' or ',' that is not inside a quoted string. */
static const char *next_separator(const char *p) {
  bool quoted = false;
  for (; *p; p++) {
    if (*p == '\\' && quoted && p[1])
      p++;
    else if (*p == '"')
      quoted = !quoted;
    else if (!quoted && (*p == ';' || *p == ','))
      break;
  }
  return p;
}

static double quota_rate(const struct quota *q) {
  if (!q->has_remaining || !q->has_reset)
    return INFINITY;
  return q->remaining / fmax(q->reset_s, 1e-3);
}

static bool keep_quota(struct throttle_hint *h, const struct quota *q) {
  bool told = false;
  if (q->has_reset && q->reset_s > THROTTLE_MOST_S)
    return false;
  struct quota old = {h->has_remaining, h->has_reset, false,    false,
                      h->remaining,     h->reset_s,   h->limit, h->window_s};
  if (q->has_remaining && quota_rate(q) <= quota_rate(&old)) {
    h->has_remaining = told = true;
    h->remaining = q->remaining;
    h->has_reset = q->has_reset;
    h->reset_s = q->reset_s;
  }
  if (q->has_limit && (!h->has_limit || !h->has_window || q->has_window)) {
    h->has_limit = told = true;
    h->limit = q->limit;
    h->has_window = q->has_window && q->window_s > 0;
    h->window_s = q->window_s;
  }
  return told;
}

/* A list of items with parameters. The older form is one quota whose parts are
 * separated by commas: an item without a name goes on with the one before. */
static bool read_quotas(struct throttle_hint *h, const char *p) {
  bool told = false;
  struct quota q = {0};
  for (;;) {
    p = skip_space(p);
    bool named = *p == '"' || strcspn(p, "=") > strcspn(p, ";,");
    if (named) {
      told |= keep_quota(h, &q);
      memset(&q, 0, sizeof q);
    } else {
      p = read_parameter(p, &q);
    }
    p = next_separator(p);
    while (*p == ';') {
      p = read_parameter(skip_space(p + 1), &q);
      p = next_separator(p);
    }
    if (*p == '\0')
      break;
    p++;
  }
  return keep_quota(h, &q) || told;
}

/* ---- all headers -----------------------------------------------------------
 */

static bool take(struct throttle_hint *h, enum kind kind, const char *value,
                 int64_t now_unix) {
  double number = 0;
  switch (kind) {
  case KIND_RETRY_AFTER:
    if (h->wait_is_exact || retry_after_parse(value, now_unix, &number) < 0)
      return false;
    set_wait(h, number);
    return true;
  case KIND_RETRY_AFTER_MS:
    if (!read_leading(value, &number) || number > THROTTLE_MOST_S * 1000.0)
      return false;
    set_wait(h, number / 1000);
    h->wait_is_exact = true;
    return true;
  case KIND_RATELIMIT:
  case KIND_POLICY:
    return read_quotas(h, value);
  case KIND_LIMIT:
    h->has_limit |= read_leading(value, &h->limit);
    return h->has_limit;
  case KIND_REMAINING:
    h->has_remaining |= read_leading(value, &h->remaining);
    return h->has_remaining;
  case KIND_RESET:
    return read_leading(value, &number) && set_reset(h, number, now_unix);
  case KIND_NONE:
    break;
  }
  return false;
}

bool throttle_header(struct throttle_hint *hint, const char *name,
                     size_t name_len, const char *value, size_t value_len,
                     int64_t now_unix) {
  char copy[VALUE_CAP];
  enum kind kind = find_kind(name, name_len);
  if (kind == KIND_NONE || value_len >= sizeof copy ||
      memchr(value, '\0', value_len))
    return false;
  while (value_len > 0 && strchr(" \t\r\n", value[value_len - 1]))
    value_len--;
  memcpy(copy, value, value_len);
  copy[value_len] = '\0';
  return take(hint, kind, copy, now_unix);
}

double throttle_rate(const struct throttle_hint *hint) {
  if (!hint->has_remaining || !hint->has_reset)
    return -1;
  return hint->remaining / fmax(hint->reset_s, 1e-3);
}
