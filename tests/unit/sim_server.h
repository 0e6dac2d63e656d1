/* SPDX-License-Identifier: MIT
 *
 * A discrete-event simulation of a rate-limited server and of the client that
 * a governor and a leaky bucket steer. No sockets, no clock, no waiting: one
 * hour takes a second. The same seed gives the same run.
 */
#ifndef SPATE_SIM_SERVER_H
#define SPATE_SIM_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include "governor.h"
#include "retry.h"

enum sim_kind { SIM_BUCKET, SIM_FIXED, SIM_SLIDING };

/* What a run is about. */
struct sim_plan {
  enum sim_kind kind;
  double limit;     /* requests/s */
  double burst;     /* SIM_BUCKET: tokens */
  double window_s;  /* SIM_FIXED, SIM_SLIDING */
  bool retry_after; /* the server says when, in whole seconds as most do */
  bool hints;       /* the server sends remaining and reset with each answer */
  double rtt_s, jitter; /* on the way there: up to this share of half a trip */
  double service_s; /* mean time an accepted request takes, uniform 0.5..1.5 */
  unsigned permits; /* requests the server holds at once; more are refused */
  double change_at_s, change_factor; /* the limit changes once; 0 never */
  double from_s, to_s; /* what is measured; the run ends at to_s */
  uint64_t jobs;       /* or when so many were accepted; 0 no end */
  uint64_t seed;
};

struct sim_result {
  double utilisation; /* accepted / (limit * time), from from_s to the end */
  double rejected;    /* rejected / arrived, the same time */
  uint64_t accepted_all, rejected_all, refused_all; /* of the whole run */
  uint64_t reactions;
  double end_s;
  double rate;          /* the governor's at the end */
  unsigned concurrency; /* the same */
};

void sim_run(const struct sim_plan *plan, struct sim_result *result);

#endif
