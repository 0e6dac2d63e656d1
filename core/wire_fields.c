/* SPDX-License-Identifier: MIT
 *
 * The tables of the wire: every field of a snapshot and its rows, but for
 * counts, arrays and the reply, which go their own ways. Pure.
 */
#include "config.h"

#include <math.h>
#include <string.h>

#include "wire_impl.h"

#define ROWS_OF(array) (sizeof(array) / sizeof(array)[0])

#define HEAD(kind, member) {kind, offsetof(struct snapshot, member), #member},
#define SEM(id)                       \
  HEAD(WIRE_U32, sem[id].used)        \
  HEAD(WIRE_U32, sem[id].waiting)     \
  HEAD(WIRE_U64, sem[id].wait_p50_us) \
  HEAD(WIRE_U64, sem[id].wait_p99_us) \
  HEAD(WIRE_U32, sem[id].limit)       \
  HEAD(WIRE_TEXT, sem[id].name)

#define LAG(i) HEAD(WIRE_U64, lag_band[i])
#define SLOW(i)                     \
  HEAD(WIRE_U64, slow[i].calls)     \
  HEAD(WIRE_RATE, slow[i].total_ms) \
  HEAD(WIRE_RATE, slow[i].max_ms)   \
  HEAD(WIRE_TEXT, slow[i].name)

#define JOB(i)                       \
  HEAD(WIRE_U64, job[i].jobs)        \
  HEAD(WIRE_U64, job[i].cpu_us)      \
  HEAD(WIRE_U64, job[i].waited_us)   \
  HEAD(WIRE_U64, job[i].longest_us)  \
  HEAD(WIRE_U64, job[i].longest_cpu_us) \
  HEAD(WIRE_U32, job[i].running)     \
  HEAD(WIRE_U32, job[i].waiting)     \
  HEAD(WIRE_BOOL, job[i].cpu)        \
  HEAD(WIRE_TEXT, job[i].name)
_Static_assert(SNAP_JOBS == 12, "all of them are here");

_Static_assert(SNAP_LAG_BANDS == 8 && SNAP_SLOW == 6, "all of them are here");

#define SHARDS                                                      \
  HEAD(WIRE_BOOL, shards.on)                                        \
  HEAD(WIRE_U64, shards.shards)                                     \
  HEAD(WIRE_U64, shards.open)                                       \
  HEAD(WIRE_U64, shards.records)                                    \
  HEAD(WIRE_U64, shards.bytes)                                      \
  HEAD(WIRE_U64, shards.records_run)                                \
  HEAD(WIRE_U64, shards.bytes_in)                                   \
  HEAD(WIRE_U64, shards.bytes_out)                                  \
  HEAD(WIRE_U64, shards.waiting)                                    \
  HEAD(WIRE_U64, shards.name_records)                               \
  HEAD(WIRE_U64, shards.name_bytes)                                 \
  HEAD(WIRE_TEXT, shards.name)

#define SHARE(by, i)                             \
  HEAD(WIRE_U64, summary.share[by][i].tasks)     \
  HEAD(WIRE_TEXT, summary.share[by][i].name)
#define SHARES(by)                                           \
  SHARE(by, 0) SHARE(by, 1) SHARE(by, 2) SHARE(by, 3)        \
  SHARE(by, 4) SHARE(by, 5) SHARE(by, 6) SHARE(by, 7)        \
  HEAD(WIRE_U64, summary.others[by])
#define SPREAD(of)                    \
  HEAD(WIRE_U64, summary.of.count)    \
  HEAD(WIRE_U64, summary.of.p50)      \
  HEAD(WIRE_U64, summary.of.p90)      \
  HEAD(WIRE_U64, summary.of.p99)      \
  HEAD(WIRE_U64, summary.of.max)
_Static_assert(SNAP_SHARES == 8 && SNAP_BYS == 3, "all of them are here");

static const struct wire_field head_fields[] = {
    SHARDS
    /* clang-format off */
    HEAD(WIRE_U64, seq) HEAD(WIRE_RATE, t_s) HEAD(WIRE_I64, unix_ms) HEAD(
        WIRE_U64, total.bytes) HEAD(WIRE_RATE, bytes_per_s)
        HEAD(WIRE_RATE, bytes_per_s_avg) HEAD(WIRE_RATE, loop_busy) HEAD(
            WIRE_I64, eta_s) HEAD(WIRE_RATE, requests_per_s)
            HEAD(WIRE_RATE, done_per_s) HEAD(WIRE_U64, total.done) HEAD(
                WIRE_U64, total.requests) HEAD(WIRE_U64, total.pending)
                HEAD(WIRE_U64, total.active) HEAD(WIRE_U64, total.queued) HEAD(
                    WIRE_U64, total.verifying) HEAD(WIRE_RATE,
                                                    rate_level) HEAD(WIRE_RATE,
                                                                     lag_p99_ms)
                    HEAD(WIRE_U64, buffer_bytes) HEAD(WIRE_U64, rss_bytes) HEAD(
                        WIRE_U64, commits) HEAD(WIRE_RATE, commit_p50_ms)
                        HEAD(WIRE_RATE, commit_p99_ms) HEAD(
                            WIRE_I64,
                            total
                                .bytes_expected) HEAD(WIRE_RATE,
                                                      bytes_per_s_peak) HEAD(WIRE_I64,
                                                                             deadline_in_s)
                            HEAD(WIRE_RATE, needed_per_s) HEAD(WIRE_I64, will_miss) SEM(
                                SNAP_NET) SEM(SNAP_DISK) SEM(SNAP_CPU)
                                SEM(SNAP_EXEC) HEAD(WIRE_U64, log_lines) HEAD(
                                    WIRE_U64,
                                    log_errors) HEAD(WIRE_I64, total.tasks)
                                    HEAD(WIRE_I64, total.tasks_guess) HEAD(
                                        WIRE_U64,
                                        total
                                            .waiting) HEAD(WIRE_U64, total.paused)
                                        HEAD(WIRE_U64, total.failed) HEAD(
                                            WIRE_U64,
                                            total
                                                .cancelled) HEAD(WIRE_U64, total.expired)
                                            HEAD(WIRE_U64, total.done_before) HEAD(
                                                WIRE_U64, total.bad_lines)
                                                HEAD(WIRE_U64, total.retries) HEAD(
                                                    WIRE_U64,
                                                    total.throttled) HEAD(WIRE_RATE,
                                                                          lag_max_ms)
                                                    HEAD(WIRE_TEXT, slowest) HEAD(
                                                        WIRE_RATE,
                                                        slowest_ms) HEAD(WIRE_U64, buffer_limit)
                                                        HEAD(WIRE_BOOL,
                                                             paused) HEAD(WIRE_BOOL,
                                                                          stopping)
                                                            HEAD(WIRE_BOOL, finished) HEAD(
                                                                WIRE_INT,
                                                                exit_status)
                                                                HEAD(WIRE_TEXT, hold) HEAD(
                                                                    WIRE_BOOL,
                                                                    has_deadline)
                                                                    HEAD(
                                                                        WIRE_TEXT,
                                                                        session_dir)
#define LIMIT_FIELD(sym, name, unit, min, max, def) HEAD(WIRE_EXACT, limit[sym])
                                                                        LIMIT_TABLE(
                                                                            LIMIT_FIELD)
#undef LIMIT_FIELD
    HEAD(WIRE_RATE, rate_throttled)
    HEAD(WIRE_RATE, band_throttled)
    LAG(0) LAG(1) LAG(2) LAG(3) LAG(4) LAG(5) LAG(6) LAG(7)
    HEAD(WIRE_U32, slow_count)
    SLOW(0) SLOW(1) SLOW(2) SLOW(3) SLOW(4) SLOW(5)
    JOB(0) JOB(1) JOB(2) JOB(3) JOB(4) JOB(5)
    JOB(6) JOB(7) JOB(8) JOB(9) JOB(10) JOB(11)
    HEAD(WIRE_U64, look_task) HEAD(WIRE_TEXT, look)
    HEAD(WIRE_U64, exec_started) HEAD(WIRE_U64, exec_failed)
    HEAD(WIRE_U64, exec_cpu_us)
    SHARES(SNAP_BY_STATUS) SHARES(SNAP_BY_HOST) SHARES(SNAP_BY_TYPE)
    SPREAD(size) SPREAD(latency_us)
    /* clang-format on */
};

#define TASK(kind, member) {kind, offsetof(struct snap_task, member), #member},
static const struct wire_field task_fields[] = {
    TASK(WIRE_I64, got) TASK(WIRE_I64, worked)
        TASK(WIRE_RATE, bytes_per_s) TASK(WIRE_I64, eta_s) TASK(
        WIRE_I64, due_in_ms) TASK(WIRE_INT, state) TASK(WIRE_INT, connections)
        TASK(WIRE_INT, attempt) TASK(WIRE_TEXT, segments) TASK(WIRE_U64, id)
            TASK(WIRE_TEXT, name) TASK(WIRE_TEXT, host) TASK(WIRE_TEXT, url)
                TASK(WIRE_I64, size) TASK(WIRE_INT, tries)
                    TASK(WIRE_INT, status) TASK(WIRE_INT, http_version)
                        TASK(WIRE_BOOL, resumable) TASK(WIRE_TEXT, etag) TASK(
                            WIRE_I64, ended_unix) TASK(WIRE_TEXT, reason)
                            TASK(WIRE_INT, priority) TASK(WIRE_RATE, own_rate)
                                TASK(WIRE_INT, own_split) TASK(WIRE_I64,
                                                               deadline_in_s)
                                    TASK(WIRE_U32, resolved_us)
                                        TASK(WIRE_U32, connected_us)
                                            TASK(WIRE_U32, secured_us)
                                                TASK(WIRE_U32, first_byte_us)};

#define HOST(kind, member) {kind, offsetof(struct snap_host, member), #member},
static const struct wire_field host_fields[] = {
    HOST(WIRE_U64, bytes) HOST(WIRE_U64, requests)
        HOST(WIRE_RATE, requests_per_s) HOST(WIRE_U32, active)
            HOST(WIRE_U32, queued) HOST(WIRE_U64, ttfb_p50_us)
                HOST(WIRE_U64, ttfb_p99_us) HOST(WIRE_I64, retry_in_ms)
                    HOST(WIRE_EXACT, rate_limit) HOST(WIRE_U32, limit)
                        HOST(WIRE_U64, errors) HOST(WIRE_U64, throttled)
                            HOST(WIRE_TEXT, governor) HOST(WIRE_TEXT, breaker)
                                HOST(WIRE_TEXT, name) HOST(WIRE_BOOL, adaptive)
                                    HOST(WIRE_RATE, byte_limit)
                                        HOST(WIRE_BOOL, paused)};

#define LOG(kind, member) {kind, offsetof(struct snap_log, member), #member},
static const struct wire_field log_fields[] = {LOG(WIRE_I64, unix_ms) LOG(
    WIRE_INT, level) LOG(WIRE_U64, task) LOG(WIRE_TEXT, text)};

const struct wire_table wire_head = {head_fields, ROWS_OF(head_fields),
                                     sizeof(struct snapshot)};
const struct wire_table wire_task = {task_fields, ROWS_OF(task_fields),
                                     sizeof(struct snap_task)};
const struct wire_table wire_host = {host_fields, ROWS_OF(host_fields),
                                     sizeof(struct snap_host)};
const struct wire_table wire_log = {log_fields, ROWS_OF(log_fields),
                                    sizeof(struct snap_log)};

_Static_assert(ROWS_OF(head_fields) <= WIRE_FIELDS_MAX,
               "the table is too long");

/* ---- version ------------------------------------------------------------ */

static uint32_t mix(uint32_t hash, const char *text) {
  for (; *text != '\0'; text++)
    hash = (hash ^ (unsigned char)*text) * 16777619u;
  return (hash ^ '/') * 16777619u;
}

uint32_t wire_version(void) {
  static const struct wire_table *const tables[] = {&wire_head, &wire_task,
                                                    &wire_host, &wire_log};
  uint32_t hash = 2166136261u; /* FNV-1a */
  for (size_t t = 0; t < ROWS_OF(tables); t++)
    for (unsigned i = 0; i < tables[t]->count; i++) {
      hash = mix(hash, tables[t]->field[i].name);
      hash = (hash ^ (uint32_t)tables[t]->field[i].kind) * 16777619u;
    }
  return hash;
}

/* ---- values ------------------------------------------------------------- */

uint32_t wire_pack_rate(double value) {
  float single = (float)value;
  uint32_t bits;
  memcpy(&bits, &single, sizeof bits);
  if ((bits & 0x7f800000u) == 0x7f800000u)
    return 0; /* infinite or no number */
  uint32_t rounded = (bits + 0x80u) >> 8;
  return (rounded & 0x7f8000u) == 0x7f8000u ? bits >> 8 : rounded;
}

double wire_unpack_rate(uint32_t bits) {
  float single;
  bits <<= 8;
  memcpy(&single, &bits, sizeof single);
  return (double)single;
}

/* FNV-1a; a text that is cut on the way counts as far as it goes. */
static uint64_t digest(const char *text) {
  uint64_t hash = UINT64_C(14695981039346656037);
  for (size_t i = 0; text != NULL && text[i] != '\0' && i < WIRE_TEXT_MAX; i++)
    hash = (hash ^ (unsigned char)text[i]) * UINT64_C(1099511628211);
  return hash;
}

static uint64_t bits_of(double value) {
  uint64_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

uint64_t wire_get(const void *record, const struct wire_field *field) {
  const char *at = (const char *)record + field->offset;
  switch (field->kind) {
  case WIRE_U64:
    return *(const uint64_t *)(const void *)at;
  case WIRE_I64:
    return (uint64_t) * (const int64_t *)(const void *)at;
  case WIRE_U32:
    return *(const uint32_t *)(const void *)at;
  case WIRE_INT:
    return (uint64_t)(int64_t) * (const int *)(const void *)at;
  case WIRE_BOOL:
    return *(const bool *)(const void *)at;
  case WIRE_EXACT:
    return bits_of(*(const double *)(const void *)at);
  case WIRE_RATE:
    return wire_pack_rate(*(const double *)(const void *)at);
  case WIRE_TEXT:
    break;
  }
  return digest(*(const char *const *)(const void *)at);
}

static bool set_double(void *at, double value) {
  *(double *)at = value;
  return isfinite(value);
}

bool wire_set(void *record, const struct wire_field *field, uint64_t bits) {
  void *at = (char *)record + field->offset;
  double value;
  switch (field->kind) {
  case WIRE_U64:
    *(uint64_t *)at = bits;
    return true;
  case WIRE_I64:
    *(int64_t *)at = (int64_t)bits;
    return true;
  case WIRE_U32:
    *(uint32_t *)at = (uint32_t)bits;
    return bits <= UINT32_MAX;
  case WIRE_INT:
    *(int *)at = (int)(int64_t)bits;
    return (int64_t)bits >= INT32_MIN && (int64_t)bits <= INT32_MAX;
  case WIRE_BOOL:
    *(bool *)at = bits == 1;
    return bits <= 1;
  case WIRE_EXACT:
    memcpy(&value, &bits, sizeof value);
    return set_double(at, value);
  case WIRE_RATE:
    return bits <= 0xffffffu &&
           set_double(at, wire_unpack_rate((uint32_t)bits));
  case WIRE_TEXT:
    break;
  }
  return false;
}

const char **wire_text(void *record, const struct wire_field *field) {
  return (const char **)(void *)((char *)record + field->offset);
}
