/* SPDX-License-Identifier: MIT
 *
 * The limits that can be changed while a run goes on, in one table.
 *
 * The command line, the INI files, the screen's `:set`, `spate set` and the
 * option table all take name, unit, range and default from here, so that a
 * limit means the same wherever it is typed. Pure; any thread.
 */
/* gcc's own <limits.h> asks for the next one by way of a quoted header, which
 * comes by this one: so it hands on. clang's does not, and dislikes it. */
#if defined(__GNUC__) && !defined(__clang__)
#include_next <limits.h>
#endif
#ifndef SPATE_LIMITS_H
#define SPATE_LIMITS_H

#include <stddef.h>

#include "err.h"

enum limit_unit {
  UNIT_COUNT,   /* whole number */
  UNIT_RATE,    /* starts per second; typed N[/s|/m|/h], fractions allowed */
  UNIT_BYTES,   /* bytes or bytes per second; k, M, G, T = powers of 1024 */
  UNIT_SECONDS, /* fractions allowed */
  UNIT_SWITCH,  /* on or off: 1 or 0 */
};

/*   symbol               long option       unit        min  max      default */
#define LIMIT_TABLE(X)                                                        \
  X(LIMIT_CONCURRENCY, "concurrency", UNIT_COUNT, 1, 10000, 16)               \
  X(LIMIT_PER_HOST, "per-host", UNIT_COUNT, 0, 10000, 0)                      \
  X(LIMIT_RATE, "rate", UNIT_RATE, 0, 1e6, 0)                                 \
  X(LIMIT_PER_HOST_RATE, "per-host-rate", UNIT_RATE, 0, 1e6, 0)               \
  X(LIMIT_BANDWIDTH, "limit-rate", UNIT_BYTES, 0, 1e13, 0)                    \
  X(LIMIT_HOST_BANDWIDTH, "per-host-limit-rate", UNIT_BYTES, 0, 1e13, 0)      \
  X(LIMIT_TRANSFER_BANDWIDTH, "per-transfer-limit-rate", UNIT_BYTES, 0, 1e13, \
    0)                                                                        \
  X(LIMIT_SPLIT, "split", UNIT_COUNT, 1, 64, 4)                               \
  X(LIMIT_MIN_SPLIT, "min-split-size", UNIT_BYTES, 65536, 1e13, 16777216)     \
  X(LIMIT_TRIES, "tries", UNIT_COUNT, 1, 1000, 5)                             \
  X(LIMIT_RETRY_WAIT, "retry-wait", UNIT_SECONDS, 0, 86400, 1)                \
  X(LIMIT_RETRY_MAX_WAIT, "retry-max-wait", UNIT_SECONDS, 0, 86400, 60)       \
  X(LIMIT_CONNECT_TIMEOUT, "connect-timeout", UNIT_SECONDS, 0.001, 86400, 30) \
  X(LIMIT_STALL_TIMEOUT, "stall-timeout", UNIT_SECONDS, 0, 86400, 60)         \
  X(LIMIT_MAX_TIME, "max-time", UNIT_SECONDS, 0, 8640000, 0)                  \
  X(LIMIT_MIN_FREE, "min-free-space", UNIT_BYTES, 0, 1e15, 0)                 \
  X(LIMIT_DISK_JOBS, "disk-jobs", UNIT_COUNT, 1, 64, 4)                       \
  X(LIMIT_CPU_JOBS, "cpu-jobs", UNIT_COUNT, 1, 64, 0 /* 0 = cores */)         \
  X(LIMIT_EXEC_JOBS, "exec-jobs", UNIT_COUNT, 1, 64, 0 /* 0 = cores */)       \
  X(LIMIT_ADAPTIVE, "adaptive", UNIT_SWITCH, 0, 1, 0)

enum limit_id {
#define LIMIT_ENUM(sym, name, unit, min, max, def) sym,
  LIMIT_TABLE(LIMIT_ENUM)
#undef LIMIT_ENUM
      LIMIT_COUNT
};

struct limit_info {
  const char *name; /* the long option's name */
  enum limit_unit unit;
  double min, max, preset;
};

const struct limit_info *limit_info(enum limit_id id);

/* The limit of that name (with or without leading --), or -1. */
int limit_find(const char *name);

/* The default, with "cores" filled in. */
double limit_default(enum limit_id id);

/* A boolean word (yes, no, on, off, true, false, 1, 0): 1 or 0; -1 none. */
int limit_boolean(const char *text);

/* Reads text in the limit's unit into *value (base units: count, starts/s,
 * bytes, seconds, 1 for on). ERR_SYNTAX or ERR_RANGE-like ERR_USAGE with a
 * sentence that names the option, the value and what would be right. */
int limit_parse(enum limit_id id, const char *text, double *value,
                struct errmsg *msg) MUST_CHECK;

/* Writes value as a person would type it ("200/s", "5M", "64", "on"); returns
 * buf. */
char *limit_format(enum limit_id id, double value, char *buf, size_t cap);

#endif
