/* SPDX-License-Identifier: MIT
 *
 * Limits as people type them. Numbers are read and written here instead of by
 * strtod and printf, which would take a decimal comma in some locales.
 * Pure; any thread.
 */
#include "config.h"

#include "limits.h"

#include <math.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "text.h"

static const struct limit_info table[LIMIT_COUNT] = {
#define LIMIT_ROW(sym, name, unit, min, max, def) {name, unit, min, max, def},
    LIMIT_TABLE(LIMIT_ROW)
#undef LIMIT_ROW
};

const struct limit_info *limit_info(enum limit_id id) {
  return (size_t)id < LIMIT_COUNT ? &table[id] : NULL;
}

int limit_find(const char *name) {
  if (strncmp(name, "--", 2) == 0)
    name += 2;
  for (int i = 0; i < LIMIT_COUNT; i++)
    if (strcmp(table[i].name, name) == 0)
      return i;
  return -1;
}

/* The processors this process may run on, which in a container are fewer than
 * the machine has. */
static long usable_cores(void) {
#ifdef CPU_COUNT
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0)
    return CPU_COUNT(&set);
#endif
  return sysconf(_SC_NPROCESSORS_ONLN);
}

double limit_default(enum limit_id id) {
  const struct limit_info *info = &table[id];
  if (info->preset >= info->min)
    return info->preset;
  double cores = (double)usable_cores();
  return fmin(fmax(cores, info->min), info->max);
}

/* Digits, at most 18 in all, with an optional fraction; moves *at behind. */
static bool read_decimal(const char **at, double *value) {
  static const double power[] = {1,    1e1,  1e2,  1e3,  1e4,  1e5,  1e6,
                                 1e7,  1e8,  1e9,  1e10, 1e11, 1e12, 1e13,
                                 1e14, 1e15, 1e16, 1e17, 1e18};
  const char *p = *at;
  uint64_t digits = 0;
  int count = 0, fraction = 0;
  bool point = false;
  for (;; p++) {
    if (*p == '.' && !point) {
      point = true;
      continue;
    }
    if (*p < '0' || *p > '9')
      break;
    if (++count > 18)
      return false;
    digits = digits * 10 + (uint64_t)(*p - '0');
    fraction += point;
  }
  if (count == 0 || p[-1] == '.')
    return false;
  *value = (double)digits / power[fraction];
  *at = p;
  return true;
}

/* The factor that a suffix in the unit stands for; 0 = not one of them. */
static double suffix_factor(enum limit_unit unit, const char *suffix) {
  static const struct {
    enum limit_unit unit;
    const char *suffix;
    double per; /* divides: 3600 is exact, 1/3600 is not */
  } known[] = {
      {UNIT_COUNT, "", 1},        {UNIT_RATE, "", 1},
      {UNIT_RATE, "/s", 1},       {UNIT_RATE, "/m", 60},
      {UNIT_RATE, "/h", 3600},    {UNIT_SECONDS, "", 1},
      {UNIT_SECONDS, "s", 1},     {UNIT_BYTES, "", 1},
      {UNIT_BYTES, "k", 0x1p-10}, {UNIT_BYTES, "K", 0x1p-10},
      {UNIT_BYTES, "m", 0x1p-20}, {UNIT_BYTES, "M", 0x1p-20},
      {UNIT_BYTES, "g", 0x1p-30}, {UNIT_BYTES, "G", 0x1p-30},
      {UNIT_BYTES, "t", 0x1p-40}, {UNIT_BYTES, "T", 0x1p-40},
  };
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if (known[i].unit == unit && strcmp(known[i].suffix, suffix) == 0)
      return known[i].per;
  return 0;
}

static const char *right_form(enum limit_unit unit) {
  switch (unit) {
  case UNIT_COUNT:
    return "a whole number, such as 16";
  case UNIT_RATE:
    return "a number with /s, /m or /h, such as 200/s";
  case UNIT_BYTES:
    return "bytes, or a number with k, M, G or T, such as 5M";
  case UNIT_SECONDS:
    return "seconds, such as 30 or 1.5";
  case UNIT_SWITCH:
    return "on or off";
  }
  return "a number";
}

int limit_boolean(const char *text) {
  static const char *const words[] = {"no", "yes", "off",   "on",
                                      "0",  "1",   "false", "true"};
  for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
    if (strcasecmp(text, words[i]) == 0)
      return (int)(i % 2);
  return -1;
}

/* The text between quotes, safe to print. */
struct quoted {
  char text[160];
};

static struct quoted quote(const char *text) {
  struct quoted q;
  text_clip(q.text, sizeof q.text, text, TEXT_WHOLE, 40, 0, NULL);
  return q;
}

/* Into base units; false: not of that form. */
static bool read_value(enum limit_unit unit, const char *text, double *value) {
  const char *p = text;
  double per;
  if (unit == UNIT_SWITCH) {
    *value = limit_boolean(text);
    return *value >= 0;
  }
  if (!read_decimal(&p, value) || (unit == UNIT_COUNT && strchr(text, '.')))
    return false;
  per = suffix_factor(unit, p);
  if (per <= 0)
    return false;
  *value /= per;
  if (unit == UNIT_BYTES)
    *value = floor(*value);
  return true;
}

int limit_parse(enum limit_id id, const char *text, double *value,
                struct errmsg *msg) {
  const struct limit_info *info = &table[id];
  double number = 0;
  if (!read_value(info->unit, text, &number))
    return err_set(msg, ERR_SYNTAX, "--%s: \"%s\" is not understood; give %s",
                   info->name, quote(text).text, right_form(info->unit));
  if (number < info->min || number > info->max) {
    char low[TEXT_NUMBER_CAP * 2], high[TEXT_NUMBER_CAP * 2];
    return err_set(msg, ERR_USAGE,
                   "--%s: \"%s\" is out of range; give %s to %s", info->name,
                   quote(text).text,
                   limit_format(id, info->min, low, sizeof low),
                   limit_format(id, info->max, high, sizeof high));
  }
  *value = number;
  return 0;
}

/* Writes value with at most `places` decimals and no trailing zeros. */
static void put_decimal(char *buf, size_t cap, double value, int places,
                        const char *suffix) {
  double scale = 1;
  for (int i = 0; i < places; i++)
    scale *= 10;
  long long scaled = llround(value * scale);
  while (places > 0 && scaled % 10 == 0) {
    scaled /= 10;
    places--;
  }
  long long unit = 1;
  for (int i = 0; i < places; i++)
    unit *= 10;
  if (places == 0)
    snprintf(buf, cap, "%lld%s", scaled, suffix);
  else
    snprintf(buf, cap, "%lld.%0*lld%s", scaled / unit, places, scaled % unit,
             suffix);
}

/* Is value, but for rounding in its last bits, a number of few decimals? */
static bool is_short(double value, double scale) {
  double scaled = value * scale;
  return fabs(scaled - nearbyint(scaled)) <= 1e-9 * fabs(scaled);
}

static void format_rate(double per_s, char *buf, size_t cap) {
  static const struct {
    double per;
    const char *suffix;
  } unit[] = {{1, "/s"}, {60, "/m"}, {3600, "/h"}};
  for (int i = 0; i < 3; i++)
    if (per_s * unit[i].per >= 1 && is_short(per_s * unit[i].per, 1000)) {
      put_decimal(buf, cap, per_s * unit[i].per, 3, unit[i].suffix);
      return;
    }
  put_decimal(buf, cap, per_s, 9, per_s > 0 ? "/s" : "");
}

static void format_bytes(double bytes, char *buf, size_t cap) {
  static const struct {
    double factor;
    const char *suffix;
  } unit[] = {{0x1p40, "T"}, {0x1p30, "G"}, {0x1p20, "M"}, {0x1p10, "k"}};
  for (int i = 0; i < 4; i++) {
    double hundredths = nearbyint(bytes / unit[i].factor * 100);
    if (bytes >= unit[i].factor && hundredths < 1e8 &&
        floor(hundredths / 100 * unit[i].factor) == bytes) {
      put_decimal(buf, cap, hundredths / 100, 2, unit[i].suffix);
      return;
    }
  }
  put_decimal(buf, cap, bytes, 0, "");
}

char *limit_format(enum limit_id id, double value, char *buf, size_t cap) {
  switch (table[id].unit) {
  case UNIT_RATE:
    format_rate(value, buf, cap);
    break;
  case UNIT_BYTES:
    format_bytes(value, buf, cap);
    break;
  case UNIT_COUNT:
    put_decimal(buf, cap, value, 0, "");
    break;
  case UNIT_SECONDS:
    put_decimal(buf, cap, value, 6, "");
    break;
  case UNIT_SWITCH:
    snprintf(buf, cap, "%s", value > 0 ? "on" : "off");
    break;
  }
  return buf;
}
