/* SPDX-License-Identifier: MIT
 *
 * What rate a 429 leaves: reckoned from what was accepted, from earlier
 * failures, from intervals between them. Thread: one; pure.
 */
#include "config.h"

#include "governor_impl.h"

#include <math.h>
#include <string.h>

#define PROBE_NEAR 0.04   /* a probe that failed here found nothing */
#define PROBE_FAR 0.15    /* the limit has changed */
#define LATE_SURE 0.04    /* the share that one more or less is of them */
#define LATE_EXACT 0.01   /* the same: nothing is left to probe for */
#define LATE_COUNT 20     /* under way at a 429: enough to learn from */
#define QUICK_MOST 2      /* more: windows, not a bucket */
#define FIT_LEAST_S 2.2   /* longer than windows of a second last */
#define KNOWN_FIRST 1.01  /* of a limit that intervals have shown */
#define KNOWN_SURE 0.995  /* the same after a probe */
#define KNOWN_LOWER 0.9   /* less came, or more: */
#define KNOWN_HIGHER 1.01 /* it has changed */
#define KNOWN_SLACK 3     /* requests */
#define PROBE_SHOWN 1.05  /* a probe has shown that it has changed */
#define BORNE_MORE 1.5    /* the same, of what probes took before */
#define FIT_MOST_S 30.0

/* Since the last 429 that counted. */
static struct limit_interval interval(const struct governor *g,
                                      uint64_t now_ns) {
  double s = seconds(g->mark_ns, now_ns);
  return (struct limit_interval){
      .s = s,
      .open_s = s - g->stopped_s,
      .accepted = (double)(g->accepted - g->mark_accepted),
  };
}

/* What was accepted a second between two rejections. Both ends lag alike behind
 * the server, which cancels out. A server that saves up during a stop gives no
 * more than the average with the stops counted in (least); one that does not
 * gives what came while the gate was open (most). */
struct estimate {
  double least, most;
};

static struct estimate estimate(const struct governor *g, uint64_t now_ns) {
  struct limit_interval i = interval(g, now_ns);
  struct estimate e = {0.8 * g->rate, g->rate}; /* too short to tell */
  if (i.open_s > 4 * g->latency_s && i.accepted >= 5) {
    e.least = fmin(i.accepted / i.s, g->rate);
    e.most = fmin(i.accepted / i.open_s, g->rate);
  }
  return e;
}

/* In the slow start the rate has just doubled: only what was sent since counts,
 * of which the last are still on their way. */
static double start_estimate(const struct governor *g, uint64_t sent_ns) {
  double s = seconds(g->mark_ns, sent_ns);
  if (s <= 0 || g->sent_accepted < 5)
    return g->rate;
  return fmin(fmax((double)g->sent_accepted / s, g->rate / 2), g->rate);
}

/* Requests that were under way when the 429 came met a server that had nothing
 * saved up: evenly spaced as they were, the accepted share of them is the
 * limit's share of the old rate. Not so where windows are counted: there the
 * first ones are rejected and the last accepted, if the window ended. Nor with
 * a bucket of a single token, which takes every second one. */
static bool late_ones_tell(const struct governor *g) {
  uint64_t all = g->late_ok + g->late_rejected;
  double span = seconds(g->rejected_sent_ns, g->reaction_ns);
  return g->cut_from > 0 && all >= LATE_COUNT &&
         (double)g->late_ok >= 0.6 * (double)all &&
         g->late_at_s >= 0.35 * span * (double)g->late_rejected &&
         g->late_at_s <= 0.65 * span * (double)g->late_rejected;
}

/* What the slow start used up before it failed, if that stands out from the
 * error and is worth a twentieth of a second. */
static void burst_from_late(struct governor *g, double limit, double slack) {
  double burst = g->failed_starts - limit * g->failed_s;
  g->ceiling = g->rate;
  if (g->burst <= 0 && burst >= 0.05 * limit &&
      burst > 2 * slack * limit * g->failed_s)
    g->burst = burst;
}

void governor__learn_from_late(struct governor *g, uint64_t now_ns) {
  uint64_t all = g->late_ok + g->late_rejected;
  if (!late_ones_tell(g))
    return;
  double limit = g->cut_from * (double)g->late_ok / (double)all;
  double slack = 2.0 / (double)all; /* one more or less at either end */
  if (!g->dear && limit < 0.99 * g->quiet_rate)
    return; /* a window's pattern looks alike */
  g->rate = governor__bounded(
      g, fmax((slack > LATE_SURE ? 0.985 : 0.99) * limit, g->proved));
  g->ceiling = fmin(g->cut_from, limit * (1 + fmax(slack, CLOSE)));
  g->quick = QUICK_MOST; /* the limit is known: no need to wait and see */
  if (g->dear && slack > 0.02)
    burst_from_late(g, limit, slack);
  g->cut_from = 0;
  g->estimated = g->ceiling <= g->rate && slack > LATE_EXACT;
  governor__settle(g, now_ns);
}

/* When a request was sent and how many had started, without those sent later.
 */
static struct limit_point sent_at(const struct governor *g, uint64_t sent_ns,
                                  uint64_t now_ns) {
  double later = g->rate * seconds(sent_ns, now_ns);
  double starts = fmax((double)g->starts - later, 0);
  return (struct limit_point){.ns = sent_ns, .starts = (uint64_t)starts};
}

/* How many started from a point up to a request. */
static double starts_until(const struct governor *g, struct limit_point from,
                           uint64_t sent_ns, uint64_t now_ns) {
  struct limit_point end = sent_at(g, sent_ns, now_ns);
  return end.starts > from.starts ? (double)(end.starts - from.starts) : 0;
}

/* A failure at one rate: what a server with full savings gave in a time. */
static void remember_failure(struct governor *g, uint64_t sent_ns,
                             uint64_t now_ns) {
  g->failed_s = seconds(g->raise.ns, sent_ns);
  g->failed_starts = starts_until(g, g->raise, sent_ns, now_ns);
}

/* A bucket that was full gives burst + limit x time until it is empty; less if
 * it was not full or overflowed. Against an earlier failure that began with a
 * full bucket the burst cancels out, and what is left is at most the limit,
 * from wherever it is counted: the most of them counts. 0: cannot tell, as
 * where a window was used up rather than a bucket. */
static double limit_from_failures(const struct governor *g, uint64_t sent_ns,
                                  uint64_t now_ns) {
  const struct limit_point from[] = {g->opened, g->raise};
  double limit = 0, last_s = seconds(g->raise.ns, sent_ns);
  if (g->failed_s <= 0 || seconds(g->opened.ns, sent_ns) > FIT_MOST_S ||
      last_s < fmax(FIT_LEAST_S, 4 * g->latency_s) ||
      last_s < 1.5 * g->failed_s)
    return 0;
  for (int i = 0; i < 2; i++) {
    double s = seconds(from[i].ns, sent_ns);
    double starts = starts_until(g, from[i], sent_ns, now_ns);
    limit = fmax(limit, (starts - g->failed_starts) / (s - g->failed_s));
  }
  return limit;
}

/* The rate after a 429 that a raise has brought about. */
static double before_raise(const struct governor *g) {
  if (g->phase != GOVERNOR_PROBE)
    return 0.995 * g->quiet_rate;
  return g->probe_step <= PROBE_NEAR ? g->probe_base : g->quiet_rate;
}

/* The rate after a 429 out of the blue. */
static double below_estimate(struct governor *g, struct estimate e) {
  double half = (e.most - e.least) / e.most / 2;
  double most = (e.least + e.most) / 2 * (1 - fmin(fmax(half, 0.005), 0.015));
  most = fmin(most, 0.995 * g->rate);
  if (g->proved > 0 && g->rate > 1.004 * g->proved)
    return fmax(most, g->proved);
  g->proved = 0; /* the limit has changed, or it never was what it seemed */
  return fmax(most, 0.6 * g->rate);
}

static void lower_after_start(struct governor *g, uint64_t sent_ns,
                              uint64_t now_ns) {
  double old = g->rate, accepted = start_estimate(g, sent_ns);
  g->ceiling = fmin(old, 1.1 * accepted);
  g->rate = 0.93 * accepted;
  if (g->dear) { /* what the burst hides is not worth another quick failure */
    remember_failure(g, sent_ns, now_ns);
    g->rate = fmin(g->rate, old * M_SQRT1_2);
  }
  g->rate = governor__bounded(g, g->rate);
}

/* A probe that failed: at least what held before, not much more unless the
 * limit has changed (0). */
static double limit_from_probe(const struct governor *g, uint64_t sent_ns,
                               uint64_t now_ns) {
  double held = g->probe_base / 0.995;
  double shown =
      limit_steps_limit(&g->steps, g->burst, sent_at(g, sent_ns, now_ns));
  if (g->probe_step > PROBE_FAR && shown > PROBE_SHOWN * held)
    return 0;
  return fmin(fmax(held, shown), PROBE_SHOWN * held);
}

/* Two failures have told the limit: stay a little below for a while. */
static bool lower_to_limit(struct governor *g, uint64_t sent_ns,
                           uint64_t now_ns) {
  bool known = g->burst > 0;
  double limit = 0;
  if (known && g->probing)
    limit = limit_from_probe(g, sent_ns, now_ns);
  else if (!g->probing && (known || g->quick < QUICK_MOST))
    limit = limit_from_failures(g, sent_ns, now_ns);
  if (limit > 0 && !known)
    g->burst = fmax(g->failed_starts - limit * g->failed_s, 0);
  if (!g->raised_since_open)
    remember_failure(g, sent_ns, now_ns);
  if (limit <= 0 || !governor__burst_matters(g)) {
    g->quick++;
    return false;
  }
  limit = fmax(limit, estimate(g, now_ns).least);
  g->rate = governor__bounded(g, fmin(0.995 * limit, 0.985 * g->rate));
  g->ceiling = g->rate;
  g->failures = 0;
  g->cut_from = 0;
  return true;
}

void governor__forget_known(struct governor *g) {
  g->known.limit = 0;
  memset(&g->fit, 0, sizeof g->fit);
}

/* Whether the known limit still explains what came since the last 429. */
static bool known_holds(struct governor *g, struct limit_interval i,
                        double shown, double borne) {
  double limit = g->known.limit, least = KNOWN_LOWER * limit * i.s;
  double most = KNOWN_HIGHER * limit * i.s + KNOWN_SLACK;
  if (i.accepted < least - KNOWN_SLACK || i.accepted > most)
    return false;
  if (isinf(g->known.saved) && g->borne > 0)
    return borne <= BORNE_MORE * g->borne || i.accepted <= limit * i.s;
  return shown <= PROBE_SHOWN * limit;
}

/* A 429 while the limit is known: back below it, or it has changed. */
static bool lower_to_known(struct governor *g, uint64_t sent_ns,
                           uint64_t now_ns) {
  struct limit_interval i = interval(g, now_ns);
  struct limit_point end = sent_at(g, sent_ns, now_ns);
  double limit = g->known.limit, shown = 0, borne = 0;
  if (limit <= 0)
    return false;
  if (g->probing) {
    borne = limit_steps_saved(&g->steps, limit, end);
    if (isfinite(g->known.saved))
      shown = limit_steps_limit(&g->steps, g->known.saved, end);
  }
  bool holds = g->rate >= 0.98 * limit && known_holds(g, i, shown, borne);
  g->borne = fmax(g->borne, borne);
  if (!holds) {
    governor__forget_known(g);
    return false;
  }
  limit =
      fmax(fmax(g->probing ? limit : 0.99 * limit, shown), i.accepted / i.s);
  g->known.limit = limit;
  g->rate = governor__bounded(g, fmin(KNOWN_SURE * limit, 0.995 * g->rate));
  g->ceiling = g->rate;
  g->failures = 0;
  return true;
}

/* Intervals may show the limit; not those in which the rate was below it. Then
 * a little more than that: until the next 429 the bucket is never full, and
 * what came by then is the limit exactly. */
static bool lower_to_fit(struct governor *g, uint64_t now_ns) {
  struct limit_interval i = interval(g, now_ns);
  bool raised = g->phase == GOVERNOR_SEARCH && !g->probing;
  if (!g->marked || !raised || i.s > FIT_MOST_S || i.accepted < 5)
    return false;
  limit_fit_add(&g->fit, &i);
  if (!limit_fit_solve(&g->fit, g->latency_s, &g->known))
    return false;
  g->rate =
      governor__bounded(g, fmin(KNOWN_FIRST * g->known.limit, 0.995 * g->rate));
  g->ceiling = g->rate;
  g->failures = 0;
  g->cut_from = 0;
  return true;
}

void governor__lower_rate(struct governor *g, uint64_t sent_ns,
                          uint64_t now_ns) {
  double old = g->rate;
  struct estimate e = estimate(g, now_ns);
  bool early =
      seconds(g->raised_ns, now_ns) <=
      fmax(3 * governor__period_s(g), STEP_PROOF / fmax(g->step, 1e-3));
  bool unsure = g->estimated;
  g->cut_from = 0;
  g->estimated = false;
  if (g->phase != GOVERNOR_START && lower_to_known(g, sent_ns, now_ns)) {
    governor__settle(g, now_ns);
    return;
  }
  bool shown = lower_to_fit(g, now_ns);
  g->cut_from = shown ? 0 : old;
  if (g->phase == GOVERNOR_START) {
    lower_after_start(g, sent_ns, now_ns);
  } else if (shown) {
    g->estimated = true;
  } else if (g->dear && lower_to_limit(g, sent_ns, now_ns)) {
    g->estimated = !g->probing || g->rate > 1.015 * g->probe_base;
  } else if (g->raised && early && g->failures < 2) {
    g->ceiling = old;
    g->rate = governor__bounded(g, before_raise(g));
    if (governor__stops_cost(g) && g->probing && !unsure &&
        g->probe_step <= PROBE_NEAR)
      g->ceiling = g->rate; /* where it held for long: no other search */
    g->failures++;
    g->cut_from = 0;
  } else {
    g->ceiling = fmin(old, 1.03 * e.most + (e.most - e.least));
    g->rate = governor__bounded(g, below_estimate(g, e));
    g->failures = 0;
  }
  governor__settle(g, now_ns);
}
