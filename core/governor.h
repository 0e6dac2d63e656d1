/* SPDX-License-Identifier: MIT
 *
 * The governor of --adaptive: finds the rate of starts and the number of
 * transfers at once that a server bears, settles there and probes rarely.
 *
 * Rate. It doubles until the first 429 (slow start), then halves the way to
 * what failed (search), holds, and probes by one per cent. Each answer comes
 * with the time its request was sent: a 429 to a request sent before the last
 * reaction says nothing new and is ignored, otherwise every straggler would
 * cut again. Quota hints cap the rate.
 *
 * Where Retry-After makes each 429 cost a stop worth many requests, the limit
 * is not searched for by failing: two failures at different rates give it, see
 * limit_from_failures(), or a few intervals between them, see limit_fit.h. What
 * a probe meets later then says whether the limit has changed, or whether the
 * probe has only used up what the server had saved.
 *
 * What a probe costs is a stop, what it can bring is a share of the time until
 * the next one. So a hold lasts two hundred stops (20 s to 190 s): half a per
 * cent is what probing may cost, and a limit that was raised is found within
 * minutes. Once a limit has held, a probe begins with the raise that what is
 * saved up bears for ten seconds: it is over sooner, at the same cost. Where a
 * stop takes 0.4 s and more, the search ends at 1.2% instead of 0.8%, and a
 * probe that failed goes back to the rate that had held. After a 429 out of the
 * blue as much is taken off as is uncertain: in T seconds since a stop of S a
 * bucket gave at least T / (T + S) of the rate.
 *
 * Windows. A stop of over two seconds ends with a window. Its length lies
 * between the last refused canary and the one that passed, and where a round
 * figure does it is taken: then the limit is what was accepted in it.
 *
 * Gate. A 429 closes the gate: nothing starts until Retry-After, or a short
 * doubling wait, is over; then one canary goes, and what it meets decides.
 *
 * Concurrency. Additive growth while it is what limits (once a round trip, once
 * a second after the first refusal), times 0.9 on time-outs and refused
 * connections once a round trip. Until the first refusal never below what
 * Little's law asks for (rate x latency).
 *
 * One governor belongs to one bucket key (a host). The caller paces starts by
 * a leaky bucket at governor_rate() and asks governor_may_start() besides.
 * While governor_gate_until() is not 0, before each start, and after the answer
 * that opened the gate it calls bucket_not_before(bucket, now): the two starts
 * that a bucket allows after idleness would meet the next 429.
 *
 * Thread: one; pure, the clock (monotonic, ns) is passed in.
 */
#ifndef SPATE_GOVERNOR_H
#define SPATE_GOVERNOR_H

#include <stdbool.h>
#include <stdint.h>

#include "limit_fit.h"
#include "throttle.h"

struct governor_config {
  double start_rate;          /* starts/s to begin with; 0 = 20 */
  double max_rate;            /* --rate or --per-host-rate; 0 = none */
  unsigned start_concurrency; /* 0 = 16 */
  unsigned max_concurrency;   /* --concurrency or --per-host; 0 = 256 */
};

enum governor_outcome {
  GOVERNOR_OK,        /* an answer that is not about load, 404 too */
  GOVERNOR_THROTTLED, /* 429, or 503 with Retry-After */
  GOVERNOR_ERROR,     /* refused, reset, 5xx */
  GOVERNOR_TIMEOUT,
  GOVERNOR_GONE, /* ended by this side: cancelled, paused */
};

enum governor_phase {
  GOVERNOR_START,
  GOVERNOR_SEARCH,
  GOVERNOR_HOLD,
  GOVERNOR_PROBE
};

struct governor {
  /* read only for others */
  enum governor_phase phase;
  uint64_t reactions; /* how often a 429 changed the rate or closed the gate */
  /* private */
  struct governor_config config;
  double rate, ceiling, quiet_rate, probe_step, probe_base, proved, hold_s;
  double step; /* the last raise, as a share */
  double latency_s, window_s;
  uint64_t period_ns, raised_ns, hold_until_ns, reaction_ns;
  unsigned quiet;
  bool raised, probing;
  bool estimated;    /* the ceiling is reckoned, no failure has shown it */
  unsigned failures; /* raises in a row that failed */
  uint64_t started_in_period;
  /* baseline of the estimate: between two rejections */
  uint64_t mark_ns, mark_accepted, sent_accepted, cycle_ns, cycle_accepted;
  uint64_t refused_ns; /* sending of the last that a closed gate met */
  double stopped_s;    /* since the mark */
  double stop_s;       /* what a stop has cost of late */
  bool marked;
  uint64_t outstanding, accepted;
  /* where stops are dear: the gate opened, the last raise, an earlier failure
   */
  struct limit_point opened, raise;
  double failed_s, failed_starts, burst;
  bool dear, raised_since_open;
  unsigned quick; /* failures too quick to tell */
  /* what intervals between 429 have shown; limit 0: nothing yet */
  struct limit_fit fit;
  struct limit_estimate known;
  struct limit_steps steps; /* of the probe under way or the last */
  double borne;             /* most that a probe took beyond the known limit */
  uint64_t starts;
  /* what was under way when a 429 came: which share was accepted */
  double cut_from, late_at_s;
  uint64_t rejected_sent_ns, late_ok, late_rejected;
  /* gate */
  bool gated, canary;
  uint64_t gate_until_ns, gated_since_ns, canary_ns;
  unsigned gate_doublings;
  /* hints */
  double cap_rate;
  uint64_t cap_until_ns;
  /* concurrency */
  double concurrency;
  bool refused_once;
  uint64_t grown_ns, cut_ns;
};

void governor_init(struct governor *g, const struct governor_config *config,
                   uint64_t now_ns);

/* May a request start (the bucket aside)? While gated only the canary may. */
bool governor_may_start(const struct governor *g, uint64_t now_ns);

/* A request starts. */
void governor_on_start(struct governor *g, uint64_t now_ns);

/* It ended; hint may be NULL. Each start is followed by exactly one of these.
 */
void governor_on_answer(struct governor *g, uint64_t sent_ns, uint64_t now_ns,
                        enum governor_outcome outcome,
                        const struct throttle_hint *hint);

/* Starts a second; to be set on the bucket after each call above. */
double governor_rate(const struct governor *g);

/* While gated: the time at which the canary may go (in the past when it is on
 * its way and its answer is awaited). 0: not gated. */
uint64_t governor_gate_until(const struct governor *g, uint64_t now_ns);

/* Transfers at once. */
unsigned governor_concurrency(const struct governor *g);

/* New ceilings (max_rate, max_concurrency; the rest is passed over), in effect
 * at once. */
void governor_configure(struct governor *g,
                        const struct governor_config *config);

/* After a suspend or a pause: old answers mean nothing, the rate stays. */
void governor_restart(struct governor *g, uint64_t now_ns);

#endif
