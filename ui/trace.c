/* SPDX-License-Identifier: MIT
 *
 * Rings are addressed by the second of the run, so nothing is moved.
 */
#include "config.h"

#include "trace.h"

#include <string.h>

static uint64_t hash(const char *name) {
  uint64_t value = 1469598103934665603u; /* FNV-1a */
  for (; *name != '\0'; name++)
    value = (value ^ (unsigned char)*name) * 1099511628211u;
  return value != 0 ? value : 1;
}

static size_t place(int64_t second) {
  return (size_t)(second % TRACE_SECONDS);
}

void trace_init(struct trace *trace) {
  memset(trace, 0, sizeof *trace);
  for (size_t i = 0; i < TRACE_SECONDS; i++)
    for (int id = 0; id < SNAP_SEM_COUNT; id++)
      trace->sem[id][i] = TRACE_GAP;
}

static struct trace_host *find(const struct trace *trace, uint64_t name) {
  for (size_t i = 0; i < TRACE_HOSTS; i++)
    if (trace->host[i].name_hash == name)
      return (struct trace_host *)(uintptr_t)&trace->host[i];
  return NULL;
}

/* A place for a host: a free one, or of one that is not asked any more. */
static struct trace_host *take_place(struct trace *trace, uint64_t name) {
  struct trace_host *old = NULL;
  for (size_t i = 0; i < TRACE_HOSTS; i++) {
    struct trace_host *host = &trace->host[i];
    if (host->name_hash == 0 || (host->seen < trace->second - TRACE_SECONDS &&
                                 (old == NULL || host->seen < old->seen)))
      old = host;
    if (host->name_hash == 0)
      break;
  }
  if (old == NULL)
    return NULL;
  memset(old, 0, sizeof *old);
  old->name_hash = name;
  for (size_t i = 0; i < TRACE_SECONDS; i++)
    old->rate[i] = TRACE_GAP;
  return old;
}

static void clear(struct trace *trace, int64_t second) {
  size_t at = place(second);
  for (int id = 0; id < SNAP_SEM_COUNT; id++)
    trace->sem[id][at] = TRACE_GAP;
  for (size_t i = 0; i < TRACE_HOSTS; i++)
    trace->host[i].rate[at] = TRACE_GAP;
}

static void take_host(struct trace *trace, const struct snap_host *from,
                      int64_t seconds) {
  uint64_t name = hash(from->name);
  struct trace_host *host = find(trace, name);
  if (host == NULL) {
    host = take_place(trace, name);
    if (host == NULL)
      return;
    host->bytes = from->bytes;
  }
  uint64_t more = from->bytes > host->bytes ? from->bytes - host->bytes : 0;
  host->rate[place(trace->second)] = (float)((double)more / (double)seconds);
  host->bytes = from->bytes;
  host->seen = trace->second;
}

void trace_take(struct trace *trace, const struct snapshot *snap) {
  int64_t second = (int64_t)snap->t_s + 1; /* 0 means none */
  int64_t passed = second - trace->second;
  if (passed <= 0)
    return;
  for (int64_t i = 0; i < passed && i < TRACE_SECONDS; i++)
    clear(trace, second - i);
  if (trace->second == 0)
    passed = 1;
  trace->second = second;
  for (int id = 0; id < SNAP_SEM_COUNT; id++) {
    const struct snap_sem *sem = &snap->sem[id];
    trace->sem[id][place(second)] =
        sem->limit > 0 ? (float)sem->used / (float)sem->limit : 0;
  }
  for (size_t i = 0; i < snap->host_count && i < TRACE_HOSTS; i++)
    take_host(trace, &snap->hosts[i], passed);
}

static void copy(const struct trace *trace, const float *ring, float *out,
                 size_t count) {
  for (size_t i = 0; i < count; i++) {
    int64_t second = trace->second - (int64_t)(count - 1 - i);
    out[i] = ring == NULL || second <= 0 || count - 1 - i >= TRACE_SECONDS
                 ? TRACE_GAP
                 : ring[place(second)];
  }
}

void trace_sem(const struct trace *trace, enum snap_sem_id id, float *out,
               size_t count) {
  copy(trace, trace->sem[id], out, count);
}

void trace_host(const struct trace *trace, const char *name, float *out,
                size_t count) {
  const struct trace_host *host = find(trace, hash(name));
  copy(trace, host != NULL ? host->rate : NULL, out, count);
}
