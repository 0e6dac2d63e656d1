/* SPDX-License-Identifier: MIT
 *
 * The governor's rules. Time goes on in quiet periods: a period ends without a
 * reaction, or the reaction begins a new one. Thread: one; pure.
 */
#include "config.h"

#include "governor_impl.h"

#include <math.h>
#include <string.h>

#define LEAST_RATE 0.02 /* starts/s: one in 50 s is still alive */
#define MOST_RATE 1e6
#define MOST_CONCURRENCY 256
#define HOLD_FIRST_S 20.0
#define HOLD_LATER_S 150.0 /* longer ones are not made longer still */
#define HOLD_MOST_S 190.0
#define HOLD_STOPS 200   /* stops: half a per cent is what probing may cost */
#define HOLD_STARTS 2000 /* a probe is refused an answer or two */
#define COSTLY_S 0.4
#define CLOSE_DEAR 0.012 /* the same where a stop costs half a second */
#define PROBE_STEP 0.01  /* first raise of a probe */
#define PROBE_BOLD 0.1   /* the same at most, once the limit has held */
#define PROBE_BOLD_S 10  /* what is saved up bears it that long */
#define LONG_STOP_S 2.0
#define WINDOW_SURE 0.995 /* of what a window known to the second lets in */
#define BASE_COUNT 20     /* answers that make an estimate good */
#define BASE_S 2.0
#define DEAR_STOP 10 /* a stop of so many requests is dear */
#define DEAR_QUIET 4 /* periods: a burst hides an excess that long */
#define DEAR_QUICK 1 /* after so many quick failures no longer */
#define LEAST_BURST 5

static uint64_t after(uint64_t now_ns, double s) {
  return now_ns + (uint64_t)(s * 1e9);
}

double governor__bounded(const struct governor *g, double rate) {
  double most = g->config.max_rate > 0 ? g->config.max_rate : MOST_RATE;
  return fmin(fmax(rate, fmin(LEAST_RATE, most)), most);
}

static void new_period(struct governor *g, uint64_t now_ns) {
  g->period_ns = now_ns;
  g->started_in_period = 0;
}

/* From the sending of a request that opens a window. */
static void new_cycle(struct governor *g, uint64_t sent_ns) {
  g->cycle_ns = sent_ns;
  g->cycle_accepted = g->accepted;
}

static void set_mark(struct governor *g, uint64_t now_ns) {
  g->mark_ns = now_ns;
  g->mark_accepted = g->accepted;
  g->sent_accepted = 0;
  g->stopped_s = 0;
}

static struct limit_point point(const struct governor *g, uint64_t now_ns) {
  return (struct limit_point){.ns = now_ns, .starts = g->starts};
}

static void set_opened(struct governor *g, uint64_t now_ns) {
  g->opened = g->raise = point(g, now_ns);
  g->raised_since_open = false;
}

void governor_init(struct governor *g, const struct governor_config *config,
                   uint64_t now_ns) {
  memset(g, 0, sizeof *g);
  g->config = *config;
  if (g->config.max_concurrency == 0)
    g->config.max_concurrency = MOST_CONCURRENCY;
  if (g->config.start_concurrency == 0)
    g->config.start_concurrency = 16;
  g->rate =
      governor__bounded(g, config->start_rate > 0 ? config->start_rate : 20);
  g->ceiling = MOST_RATE;
  g->quiet_rate = g->rate;
  g->hold_s = HOLD_FIRST_S;
  g->concurrency = fmin(g->config.start_concurrency, g->config.max_concurrency);
  new_period(g, now_ns);
  new_cycle(g, now_ns);
  set_mark(g, now_ns);
  set_opened(g, now_ns);
  g->grown_ns = g->cut_ns = now_ns;
}

/* ---- raising ---------------------------------------------------------------
 */

/* How long quiet must last to mean something. */
double governor__period_s(const struct governor *g) {
  double s = fmax(fmax(1, 4 * g->latency_s), 15 / g->rate);
  return fmax(s, g->window_s);
}

static void raise_to(struct governor *g, double rate, uint64_t now_ns) {
  if (g->probing)
    limit_steps_add(&g->steps, point(g, now_ns));
  g->quiet_rate = g->rate;
  g->rate = governor__bounded(g, rate);
  g->step = g->rate / g->quiet_rate - 1;
  g->raised = true;
  g->raised_ns = now_ns;
  g->raise = point(g, now_ns);
  g->raised_since_open = true;
  g->quiet = 0;
}

static double first_hold_s(const struct governor *g) {
  double s = fmax(HOLD_STOPS * g->stop_s, HOLD_STARTS / g->rate);
  return fmin(fmax(HOLD_FIRST_S, s), HOLD_MOST_S);
}

/* Probes that fail make it longer, up to twice. */
static double settled_hold_s(const struct governor *g) {
  double first = first_hold_s(g);
  double most = fmax(first, fmin(2 * first, HOLD_LATER_S));
  return fmin(fmax(g->hold_s, first), most);
}

bool governor__stops_cost(const struct governor *g) {
  return g->stop_s > COSTLY_S;
}

static double close_share(const struct governor *g) {
  return governor__stops_cost(g) ? CLOSE_DEAR : CLOSE;
}

static void hold(struct governor *g, uint64_t now_ns) {
  double s = g->estimated ? HOLD_FIRST_S : settled_hold_s(g);
  g->phase = GOVERNOR_HOLD;
  g->raised = false;
  g->hold_until_ns = after(now_ns, fmax(s, g->window_s));
}

/* The last stop was dear, and what the server saves up is known. */
bool governor__burst_matters(const struct governor *g) {
  return g->dear && g->burst >= LEAST_BURST;
}

/* A small excess takes long to empty what a server has saved up: the smaller
 * the raise, the longer quiet must last to prove it. */
static bool raise_is_proved(const struct governor *g, uint64_t now_ns) {
  double s = seconds(g->raised_ns, now_ns);
  if (governor__burst_matters(g) && s < HOLD_FIRST_S &&
      s * (g->rate - g->quiet_rate) < g->burst)
    return false;
  return g->quiet >= 2 && s * fmax(g->step, 1e-3) >= STEP_PROOF;
}

static void search(struct governor *g, uint64_t now_ns) {
  double gap = g->ceiling - g->rate;
  if (gap <= close_share(g) * g->rate)
    hold(g, now_ns);
  else
    raise_to(g, g->rate + fmin(gap / 2, 0.15 * g->rate), now_ns);
}

static double first_step(const struct governor *g) {
  double saved = g->known.limit > 0 ? g->known.saved : g->burst;
  if (g->estimated || g->hold_s <= HOLD_FIRST_S)
    return PROBE_STEP;
  if (isinf(saved))
    saved = g->borne;
  return fmin(fmax(saved / (PROBE_BOLD_S * g->rate), PROBE_STEP), PROBE_BOLD);
}

static void start_probe(struct governor *g, uint64_t now_ns) {
  if (g->rate > 1.03 * g->probe_base) /* the last probe found something */
    g->hold_s = HOLD_FIRST_S;
  g->phase = GOVERNOR_PROBE;
  g->probing = true;
  g->steps.count = 0;
  g->probe_step = first_step(g);
  g->probe_base = g->proved = g->rate;
  raise_to(g, g->rate * (1 + g->probe_step), now_ns);
}

/* A period went by in which the rate was made use of and nobody complained. */
static void period_was_quiet(struct governor *g, uint64_t now_ns) {
  g->quiet++;
  switch (g->phase) {
  case GOVERNOR_START:
    raise_to(g, g->rate * 2, now_ns);
    set_mark(g, now_ns);
    break;
  case GOVERNOR_SEARCH:
    if (g->dear && g->quick < DEAR_QUICK && g->quiet < DEAR_QUIET)
      break;
    if (g->raised ? raise_is_proved(g, now_ns) : g->quiet >= 2)
      search(g, now_ns);
    break;
  case GOVERNOR_HOLD:
    if (now_ns < g->hold_until_ns)
      break;
    g->failures = 0;
    start_probe(g, now_ns);
    break;
  case GOVERNOR_PROBE:
    if (!raise_is_proved(g, now_ns))
      break;
    g->probe_step = fmin(g->probe_step * 2, 1);
    raise_to(g, g->rate * (1 + g->probe_step), now_ns);
    break;
  }
}

static void advance(struct governor *g, uint64_t now_ns) {
  if (g->cap_until_ns != 0 && now_ns >= g->cap_until_ns)
    g->cap_until_ns = 0;
  if (g->gated)
    return;
  double elapsed = seconds(g->period_ns, now_ns);
  if (elapsed < governor__period_s(g))
    return;
  bool used = (double)g->started_in_period >= 0.8 * g->rate * elapsed;
  new_period(g, now_ns);
  if (used)
    period_was_quiet(g, now_ns);
}

/* ---- reacting to 429
 * --------------------------------------------------------- */

/* Few answers make a poor estimate: then the older mark stays. */
static void move_mark(struct governor *g, uint64_t now_ns) {
  if (!g->marked || g->accepted - g->mark_accepted >= BASE_COUNT ||
      seconds(g->mark_ns, now_ns) >= BASE_S)
    set_mark(g, now_ns);
  g->marked = true;
}

/* A lower rate is in force: search on from it, or hold when the ceiling is
 * near. */
void governor__settle(struct governor *g, uint64_t now_ns) {
  g->phase = GOVERNOR_SEARCH;
  if (g->probing) { /* once a probe, however many reactions it takes */
    g->probing = false;
    g->hold_s = fmin(g->hold_s * 2, HOLD_MOST_S);
  }
  if (g->ceiling <= g->rate * (1 + close_share(g)))
    hold(g, now_ns);
  g->raised = false;
  g->quiet = 0;
}

static bool stop_is_dear(const struct governor *g,
                         const struct throttle_hint *hint) {
  return hint && hint->has_wait && hint->wait_s <= LONG_STOP_S &&
         hint->wait_s * g->rate >= DEAR_STOP;
}

static double gate_wait_s(const struct governor *g,
                          const struct throttle_hint *hint) {
  if (hint && hint->has_wait && hint->wait_s > 0)
    return hint->wait_s;
  double s = fmax(2 / g->rate, 0.03) * ldexp(1, (int)g->gate_doublings);
  return fmin(s, fmax(2, 2 / g->rate));
}

static void close_gate(struct governor *g, uint64_t now_ns,
                       const struct throttle_hint *hint) {
  if (!g->gated) {
    g->gated_since_ns = now_ns;
    g->gate_doublings = 0;
  } else if (g->gate_doublings < 16) {
    g->gate_doublings++;
  }
  g->gated = true;
  g->canary = false;
  g->gate_until_ns = after(now_ns, gate_wait_s(g, hint));
}

/* How long the server counts: from the first request of a cycle to the canary,
 * if that is not a little more than the round figure people set. */
static double window_length(const struct governor *g, double cycle_s) {
  static const double usual_s[] = {5,   10,  15,  20,   30,   60,   120,
                                   300, 600, 900, 1800, 3600, 86400};
  double least = fmax(seconds(g->cycle_ns, g->refused_ns), 0.93 * cycle_s);
  for (size_t i = 0; i < sizeof usual_s / sizeof *usual_s; i++)
    if (usual_s[i] >= least && usual_s[i] <= 1.01 * cycle_s)
      return usual_s[i];
  return cycle_s;
}

/* A stop this long was the rest of a window: what it let through is known. */
static void learn_from_window(struct governor *g, uint64_t now_ns) {
  double cycle = seconds(g->cycle_ns, g->canary_ns);
  /* Right after a cycle a sliding window repeats the pattern of its past:
   * that says nothing about the limit. */
  if (cycle < 0.8 * g->window_s)
    return;
  set_mark(g, now_ns); /* no estimate may count the rest of a window */
  double window = window_length(g, cycle);
  double share = window < cycle ? WINDOW_SURE : 0.985;
  double accepted = (double)(g->accepted - 1 - g->cycle_accepted);
  g->rate = governor__bounded(g, share * accepted / window);
  g->ceiling = g->rate;
  g->estimated = false;
  g->window_s = fmin(window, HOLD_MOST_S);
  new_cycle(g, g->canary_ns);
  g->cycle_accepted--; /* the canary is of this window */
  hold(g, now_ns);
}

/* The canary came through. */
static void open_gate(struct governor *g, uint64_t now_ns) {
  double stop = seconds(g->gated_since_ns, now_ns);
  g->gated = g->canary = false;
  g->stopped_s += stop;
  if (stop <= LONG_STOP_S + 2 * g->latency_s)
    g->stop_s = g->stop_s > 0 ? 0.5 * (g->stop_s + stop) : stop;
  governor__learn_from_late(g, now_ns);
  g->reaction_ns = now_ns;
  new_period(g, now_ns);
  set_opened(g, now_ns);
  if (stop > LONG_STOP_S + 2 * g->latency_s)
    learn_from_window(g, now_ns);
}

/* Sent after the request that was rejected and before its answer came. */
static bool is_late(const struct governor *g, uint64_t sent_ns) {
  return g->gated && sent_ns >= g->rejected_sent_ns && sent_ns < g->reaction_ns;
}

static void on_throttled(struct governor *g, uint64_t sent_ns, uint64_t now_ns,
                         const struct throttle_hint *hint) {
  if (is_late(g, sent_ns)) {
    g->late_rejected++;
    g->late_at_s += seconds(g->rejected_sent_ns, sent_ns);
  }
  if (g->gated) {
    if (g->canary && sent_ns >= g->canary_ns) {
      g->refused_ns = sent_ns;
      close_gate(g, now_ns, hint);
    } else if (hint && hint->has_wait && !g->canary) {
      uint64_t until = after(now_ns, hint->wait_s);
      if (until > g->gate_until_ns)
        g->gate_until_ns = until;
    }
    return;
  }
  if (sent_ns < g->reaction_ns)
    return;
  g->reactions++;
  g->dear = stop_is_dear(g, hint);
  g->cut_from = 0;
  if (seconds(g->cycle_ns, now_ns) >= 0.8 * g->window_s)
    governor__lower_rate(g, sent_ns, now_ns);
  move_mark(g, now_ns);
  close_gate(g, now_ns, hint);
  g->reaction_ns = now_ns;
  g->rejected_sent_ns = g->refused_ns = sent_ns;
  g->late_ok = 0;
  g->late_at_s = 0;
  g->late_rejected = 1;
}

/* ---- concurrency
 * ------------------------------------------------------------- */

static double least_concurrency(const struct governor *g) {
  /* A tenth more: a start that waits for an answer would come in a clump. */
  return fmax(1, ceil(1.1 * g->rate * g->latency_s) + 1);
}

static void cut_concurrency(struct governor *g, uint64_t sent_ns,
                            uint64_t now_ns) {
  if (sent_ns < g->cut_ns)
    return;
  g->cut_ns = g->grown_ns = now_ns;
  g->refused_once = true;
  g->concurrency = fmax(1, floor(g->concurrency * 0.9));
}

static void grow_concurrency(struct governor *g, uint64_t now_ns) {
  double every = g->refused_once ? fmax(1, g->latency_s) : g->latency_s;
  if (g->outstanding + 1 < (uint64_t)g->concurrency ||
      seconds(g->grown_ns, now_ns) < every)
    return;
  g->grown_ns = now_ns;
  g->concurrency += fmax(1, 0.01 * g->concurrency);
}

static void keep_concurrency(struct governor *g) {
  if (!g->refused_once)
    g->concurrency = fmax(g->concurrency, least_concurrency(g));
  g->concurrency = fmin(g->concurrency, g->config.max_concurrency);
}

/* ---- the caller's side
 * -------------------------------------------------------- */

static void take_hint(struct governor *g, uint64_t now_ns,
                      const struct throttle_hint *hint) {
  double rate = throttle_rate(hint);
  if (rate < 0 || hint->has_wait)
    return;
  g->cap_rate = governor__bounded(g, rate);
  g->cap_until_ns = after(now_ns, hint->reset_s);
}

void governor_on_start(struct governor *g, uint64_t now_ns) {
  advance(g, now_ns);
  g->outstanding++;
  g->starts++;
  g->started_in_period++;
  if (g->gated && !g->canary) {
    g->canary = true;
    g->canary_ns = now_ns;
  }
  keep_concurrency(g);
}

static void on_ok(struct governor *g, uint64_t sent_ns, uint64_t now_ns) {
  double latency = seconds(sent_ns, now_ns);
  g->latency_s = g->accepted == 0
                     ? latency
                     : g->latency_s + 0.05 * (latency - g->latency_s);
  g->accepted++;
  if (is_late(g, sent_ns))
    g->late_ok++;
  if (sent_ns >= g->mark_ns)
    g->sent_accepted++;
  if (g->gated && g->canary && sent_ns >= g->canary_ns)
    open_gate(g, now_ns);
  grow_concurrency(g, now_ns);
}

void governor_on_answer(struct governor *g, uint64_t sent_ns, uint64_t now_ns,
                        enum governor_outcome outcome,
                        const struct throttle_hint *hint) {
  bool canary = g->gated && g->canary && sent_ns >= g->canary_ns;
  advance(g, now_ns);
  if (hint)
    take_hint(g, now_ns, hint);
  switch (outcome) {
  case GOVERNOR_OK:
    on_ok(g, sent_ns, now_ns);
    break;
  case GOVERNOR_THROTTLED:
    on_throttled(g, sent_ns, now_ns, hint);
    break;
  case GOVERNOR_ERROR:
  case GOVERNOR_TIMEOUT:
    cut_concurrency(g, sent_ns, now_ns);
    /* fall through */
  case GOVERNOR_GONE:
    if (canary) /* another one has to go */
      close_gate(g, now_ns, NULL);
    break;
  }
  if (g->outstanding > 0)
    g->outstanding--;
  keep_concurrency(g);
}

bool governor_may_start(const struct governor *g, uint64_t now_ns) {
  return !g->gated || (!g->canary && now_ns >= g->gate_until_ns);
}

double governor_rate(const struct governor *g) {
  return g->cap_until_ns != 0 ? fmin(g->rate, g->cap_rate) : g->rate;
}

uint64_t governor_gate_until(const struct governor *g, uint64_t now_ns) {
  (void)now_ns;
  return g->gated ? g->gate_until_ns : 0;
}

unsigned governor_concurrency(const struct governor *g) {
  return (unsigned)g->concurrency;
}

void governor_configure(struct governor *g,
                        const struct governor_config *config) {
  g->config.max_rate = config->max_rate;
  g->config.max_concurrency =
      config->max_concurrency > 0 ? config->max_concurrency : MOST_CONCURRENCY;
  g->rate = governor__bounded(g, g->rate);
  g->concurrency = fmin(g->concurrency, g->config.max_concurrency);
}

void governor_restart(struct governor *g, uint64_t now_ns) {
  g->gated = g->canary = g->marked = g->raised = false;
  g->cap_until_ns = 0;
  g->reaction_ns = g->cut_ns = g->grown_ns = now_ns;
  g->quiet = 0;
  new_period(g, now_ns);
  new_cycle(g, now_ns);
  set_mark(g, now_ns);
  set_opened(g, now_ns);
  g->failed_s = g->burst = 0;
  g->quick = 0;
  governor__forget_known(g);
}
