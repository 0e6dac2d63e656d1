/* SPDX-License-Identifier: MIT
 *
 * Figures over the last two minutes that the interface remembers itself, once
 * a second: how full the semaphores were, and what each host delivered.
 *
 * A second in which no snapshot came (a suspended process, a stuck terminal)
 * is a gap, not a zero. Fixed memory. Pure.
 */
#ifndef SPATE_UI_TRACE_H
#define SPATE_UI_TRACE_H

#include <stddef.h>
#include <stdint.h>

#include "snapshot.h"

#define TRACE_SECONDS 120
#define TRACE_HOSTS 128 /* the others have no curve */
#define TRACE_GAP (-1.0f)

struct trace_host {
  uint64_t name_hash; /* 0: unused */
  uint64_t bytes;     /* at the last second */
  int64_t seen;       /* second of the run */
  float rate[TRACE_SECONDS];
};

struct trace {
  int64_t second;                           /* the newest one; 0 none yet */
  float sem[SNAP_SEM_COUNT][TRACE_SECONDS]; /* used / limit; ring by second */
  struct trace_host host[TRACE_HOSTS];
};

void trace_init(struct trace *trace);
void trace_take(struct trace *trace, const struct snapshot *snap);

/* The last count seconds, oldest first, as TRACE_GAP or a value. */
void trace_sem(const struct trace *trace, enum snap_sem_id id, float *out,
               size_t count);
/* Bytes a second of the host of that name; gaps when there is no curve. */
void trace_host(const struct trace *trace, const char *name, float *out,
                size_t count);

#endif
