/* SPDX-License-Identifier: MIT
 *
 * What the fault server remembers between requests: how often each path was
 * asked for, and the named limits (token buckets, windows, semaphores).
 */
#ifndef FAULTD_GATES_H
#define FAULTD_GATES_H

#include <stdbool.h>
#include <stdint.h>

struct gate;

/* Counts a request of a path; returns how many came before it. */
uint64_t gates_hit(const char *path);

struct gate_answer {
  bool pass;
  double retry_after_s; /* until the next one would pass */
  double limit, remaining, reset_s;
};

/* spec: KEY,RATE,BURST[,RETRYAFTER], a token bucket. *rest is RETRYAFTER or
 * NULL. Returns -1 when spec is bad. now in microseconds. */
int gates_bucket(const char *spec, int64_t now_us, struct gate_answer *answer,
                 const char **rest);

/* spec: KEY,N,SECONDS[,RETRYAFTER], N in each SECONDS, counted from the first
 * request of a window. */
int gates_window(const char *spec, int64_t now_us, struct gate_answer *answer,
                 const char **rest);

/* spec: KEY,N. Takes a place and returns its gate, or NULL with *full set
 * (or not set: spec is bad). */
struct gate *gates_enter(const char *spec, bool *full);
void gates_leave(struct gate *gate);

/* Forgets all but the places that are taken. */
void gates_reset(void);
void gates_fini(void);

#endif
