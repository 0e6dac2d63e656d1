/* SPDX-License-Identifier: MIT
 *
 * What the files of the governor share; nobody else includes this.
 *
 *   governor.c        raising, holding, the gate, windows, concurrency
 *   governor_lower.c  the rate after a 429
 *
 * Thread: one; pure.
 */
#ifndef SPATE_GOVERNOR_IMPL_H
#define SPATE_GOVERNOR_IMPL_H

#include "governor.h"

#define CLOSE 0.008    /* the ceiling is near enough */
#define STEP_PROOF 0.1 /* seconds x share of the raise */

static inline double seconds(uint64_t from_ns, uint64_t to_ns) {
  return to_ns > from_ns ? (double)(to_ns - from_ns) / 1e9 : 0;
}

/* Within what the user allows. */
double governor__bounded(const struct governor *g, double rate);

/* How long quiet must last to mean something. */
double governor__period_s(const struct governor *g);

/* A stop takes long enough to be worth avoiding. */
bool governor__stops_cost(const struct governor *g);

/* The last stop was dear, and what the server saves up is known. */
bool governor__burst_matters(const struct governor *g);

/* A lower rate is in force: search on from it, or hold when the ceiling is
 * near. */
void governor__settle(struct governor *g, uint64_t now_ns);

/* A 429 to a request sent after the last reaction. */
void governor__lower_rate(struct governor *g, uint64_t sent_ns,
                          uint64_t now_ns);

/* The gate opens: what became of the requests that were under way. */
void governor__learn_from_late(struct governor *g, uint64_t now_ns);

/* What the intervals have shown no longer holds. */
void governor__forget_known(struct governor *g);

#endif
