/* SPDX-License-Identifier: MIT
 *
 * The simulation: events in a heap, ordered by time and then by age.
 */
#include "config.h"

#include "sim_server.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bucket.h"

#define START_NS 1000000000000ull

enum event_kind { EV_CLIENT, EV_ARRIVE, EV_LEAVE, EV_ANSWER };

struct event {
  uint64_t at_ns, order, sent_ns;
  enum event_kind kind;
  enum governor_outcome outcome;
  struct throttle_hint hint;
};

struct sim {
  const struct sim_plan *plan;
  struct rng rng;
  /* heap */
  struct event *heap;
  size_t count, room;
  uint64_t order;
  /* client */
  struct governor governor;
  struct bucket bucket;
  uint64_t wake_ns;
  unsigned outstanding;
  /* server */
  double limit, tokens;
  uint64_t token_ns, window_ns, window_count;
  uint64_t *log; /* ring of acceptance times */
  size_t log_head, log_count, log_room;
  unsigned inside;
  /* counts */
  uint64_t now_ns, begin_ns, from_ns, to_ns, accepted, rejected, refused;
  uint64_t accepted_before, rejected_before, refused_before;
  bool measuring, changed;
};

/* ---- events ----------------------------------------------------------------
 */

static bool earlier(const struct event *a, const struct event *b) {
  return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->order < b->order;
}

static void *grown(void *memory, size_t count, size_t size) {
  void *more = realloc(memory, count * size);
  if (!more)
    abort();
  return more;
}

static void push(struct sim *s, struct event e) {
  if (s->count == s->room) {
    s->room = s->room ? s->room * 2 : 256;
    s->heap = grown(s->heap, s->room, sizeof *s->heap);
  }
  e.order = s->order++;
  size_t i = s->count++;
  for (; i > 0 && earlier(&e, &s->heap[(i - 1) / 2]); i = (i - 1) / 2)
    s->heap[i] = s->heap[(i - 1) / 2];
  s->heap[i] = e;
}

static struct event pop(struct sim *s) {
  struct event top = s->heap[0], last = s->heap[--s->count];
  size_t i = 0;
  for (;;) {
    size_t child = 2 * i + 1;
    if (child >= s->count)
      break;
    if (child + 1 < s->count && earlier(&s->heap[child + 1], &s->heap[child]))
      child++;
    if (earlier(&last, &s->heap[child]))
      break;
    s->heap[i] = s->heap[child];
    i = child;
  }
  s->heap[i] = last;
  return top;
}

static uint64_t ns(double s) {
  return (uint64_t)(s * 1e9);
}

/* ---- server ----------------------------------------------------------------
 */

static bool bucket_admits(struct sim *s, double *wait_s) {
  const struct sim_plan *p = s->plan;
  s->tokens += (double)(s->now_ns - s->token_ns) / 1e9 * s->limit;
  s->tokens = fmin(s->tokens, p->burst);
  s->token_ns = s->now_ns;
  /* the same rounding slack that a real limiter's clock has */
  if (s->tokens >= 1 - 1e-6) {
    s->tokens -= 1;
    return true;
  }
  *wait_s = (1 - s->tokens) / s->limit;
  return false;
}

static bool fixed_admits(struct sim *s, double *wait_s) {
  uint64_t length = ns(s->plan->window_s);
  uint64_t window = s->now_ns / length;
  if (window != s->window_ns)
    s->window_count = 0;
  s->window_ns = window;
  *wait_s = (double)((window + 1) * length - s->now_ns) / 1e9;
  if ((double)s->window_count + 1 > s->limit * s->plan->window_s)
    return false;
  s->window_count++;
  return true;
}

static bool sliding_admits(struct sim *s, double *wait_s) {
  uint64_t length = ns(s->plan->window_s);
  while (s->log_count > 0 && s->log[s->log_head] + length <= s->now_ns) {
    s->log_head = (s->log_head + 1) % s->log_room;
    s->log_count--;
  }
  if ((double)s->log_count + 1 > s->limit * s->plan->window_s) {
    *wait_s = (double)(s->log[s->log_head] + length - s->now_ns) / 1e9;
    return false;
  }
  s->log[(s->log_head + s->log_count++) % s->log_room] = s->now_ns;
  return true;
}

static bool admits(struct sim *s, double *wait_s) {
  switch (s->plan->kind) {
  case SIM_BUCKET:
    return bucket_admits(s, wait_s);
  case SIM_FIXED:
    return fixed_admits(s, wait_s);
  default:
    return sliding_admits(s, wait_s);
  }
}

static void add_hints(struct sim *s, struct event *e, double wait_s) {
  const struct sim_plan *p = s->plan;
  if (e->outcome == GOVERNOR_THROTTLED && p->retry_after) {
    e->hint.has_wait = true;
    e->hint.wait_s = fmax(1, ceil(wait_s));
  }
  if (p->hints && p->kind == SIM_FIXED) {
    e->hint.has_remaining = e->hint.has_reset = true;
    e->hint.remaining =
        fmax(0, floor(s->limit * p->window_s) - (double)s->window_count);
    e->hint.reset_s = wait_s;
  }
}

static void arrive(struct sim *s, struct event e) {
  const struct sim_plan *p = s->plan;
  double wait_s = 0, back = p->rtt_s / 2;
  memset(&e.hint, 0, sizeof e.hint);
  e.kind = EV_ANSWER;
  if (p->permits && s->inside >= p->permits) {
    e.outcome = GOVERNOR_ERROR;
    e.at_ns = s->now_ns + ns(back);
    s->refused++;
  } else if (!admits(s, &wait_s)) {
    e.outcome = GOVERNOR_THROTTLED;
    add_hints(s, &e, wait_s);
    e.at_ns = s->now_ns + ns(back);
    s->rejected++;
  } else {
    double service = p->service_s * (0.5 + rng_unit(&s->rng));
    struct event leave = {.at_ns = s->now_ns + ns(service), .kind = EV_LEAVE};
    e.outcome = GOVERNOR_OK;
    add_hints(s, &e, wait_s);
    e.at_ns = leave.at_ns + ns(back);
    s->accepted++;
    s->inside++;
    push(s, leave);
  }
  push(s, e);
}

/* ---- client ----------------------------------------------------------------
 */

static void wake_at(struct sim *s, uint64_t at_ns) {
  if (s->wake_ns != 0 && s->wake_ns <= at_ns)
    return;
  s->wake_ns = at_ns;
  push(s, (struct event){.at_ns = at_ns, .kind = EV_CLIENT});
}

static void send_one(struct sim *s) {
  const struct sim_plan *p = s->plan;
  double way = p->rtt_s / 2 * (1 + p->jitter * rng_unit(&s->rng));
  bucket_take(&s->bucket, 1, s->now_ns);
  governor_on_start(&s->governor, s->now_ns);
  s->outstanding++;
  push(s, (struct event){.at_ns = s->now_ns + ns(way),
                         .kind = EV_ARRIVE,
                         .sent_ns = s->now_ns});
}

static void client(struct sim *s) {
  bucket_set_rate(&s->bucket, governor_rate(&s->governor), s->now_ns);
  while (s->outstanding < governor_concurrency(&s->governor)) {
    if (!governor_may_start(&s->governor, s->now_ns)) {
      uint64_t until = governor_gate_until(&s->governor, s->now_ns);
      if (until > s->now_ns)
        wake_at(s, until);
      return;
    }
    if (governor_gate_until(&s->governor, s->now_ns) != 0)
      bucket_not_before(&s->bucket, s->now_ns);
    uint64_t at = bucket_next_ns(&s->bucket, s->now_ns);
    if (at > s->now_ns) {
      wake_at(s, at);
      return;
    }
    send_one(s);
    bucket_set_rate(&s->bucket, governor_rate(&s->governor), s->now_ns);
  }
}

/* ---- run -------------------------------------------------------------------
 */

static void handle(struct sim *s, const struct event *e) {
  bool gated;
  switch (e->kind) {
  case EV_CLIENT:
    if (s->wake_ns == e->at_ns)
      s->wake_ns = 0;
    break;
  case EV_ARRIVE:
    arrive(s, *e);
    return;
  case EV_LEAVE:
    s->inside--;
    return;
  case EV_ANSWER:
    s->outstanding--;
    gated = governor_gate_until(&s->governor, s->now_ns) != 0;
    governor_on_answer(&s->governor, e->sent_ns, s->now_ns, e->outcome,
                       &e->hint);
    if (gated)
      bucket_not_before(&s->bucket, s->now_ns);
    break;
  }
  client(s);
}

static void begin_measuring(struct sim *s) {
  s->measuring = true;
  s->accepted_before = s->accepted;
  s->rejected_before = s->rejected;
  s->refused_before = s->refused;
}

static void finish(struct sim *s, struct sim_result *r) {
  double time = (double)(s->now_ns - s->begin_ns) / 1e9;
  double measured = (double)(s->now_ns - s->from_ns) / 1e9;
  double accepted = (double)(s->accepted - s->accepted_before);
  double rejected = (double)(s->rejected - s->rejected_before) +
                    (double)(s->refused - s->refused_before);
  memset(r, 0, sizeof *r);
  r->utilisation = accepted / (s->limit * measured);
  r->rejected = rejected / (accepted + rejected);
  r->accepted_all = s->accepted;
  r->rejected_all = s->rejected;
  r->refused_all = s->refused;
  r->reactions = s->governor.reactions;
  r->end_s = time;
  r->rate = governor_rate(&s->governor);
  r->concurrency = governor_concurrency(&s->governor);
}

static void prepare(struct sim *s, const struct sim_plan *plan) {
  struct governor_config config = {.max_concurrency = 2000};
  memset(s, 0, sizeof *s);
  s->plan = plan;
  rng_seed(&s->rng, plan->seed);
  /* Windows are the wall clock's: the job begins anywhere in one. */
  double phase = rng_unit(&s->rng) * fmax(plan->window_s, 1);
  s->now_ns = START_NS + ns(phase);
  s->limit = plan->limit;
  s->tokens = plan->burst;
  s->token_ns = s->now_ns;
  double most = plan->limit * fmax(plan->change_factor, 1) * plan->window_s;
  s->log_room = plan->kind == SIM_SLIDING ? (size_t)most + 2 : 1;
  s->log = grown(NULL, s->log_room, sizeof *s->log);
  governor_init(&s->governor, &config, s->now_ns);
  bucket_init(&s->bucket, governor_rate(&s->governor), s->now_ns);
}

/* A fixed window may be used up at its beginning: whole windows are measured,
 * or the ends would count for more than what lies between. */
static void set_times(struct sim *s) {
  const struct sim_plan *p = s->plan;
  s->begin_ns = s->now_ns;
  s->from_ns = s->begin_ns + ns(p->from_s);
  s->to_ns = s->begin_ns + ns(p->to_s);
  if (p->kind != SIM_FIXED)
    return;
  uint64_t length = ns(p->window_s);
  s->from_ns = (s->from_ns + length - 1) / length * length;
  s->to_ns = s->to_ns / length * length;
}

static void change_limit(struct sim *s) {
  const struct sim_plan *p = s->plan;
  if (p->change_at_s <= 0 || s->changed ||
      s->now_ns < s->begin_ns + ns(p->change_at_s))
    return;
  s->changed = true;
  s->limit *= p->change_factor;
}

void sim_run(const struct sim_plan *plan, struct sim_result *result) {
  struct sim s;
  prepare(&s, plan);
  set_times(&s);
  client(&s);
  while (s.count > 0) {
    struct event e = pop(&s);
    s.now_ns = e.at_ns < s.to_ns ? e.at_ns : s.to_ns;
    if (!s.measuring && s.now_ns >= s.from_ns)
      begin_measuring(&s);
    if (e.at_ns >= s.to_ns)
      break;
    change_limit(&s);
    handle(&s, &e);
    if (plan->jobs && s.accepted >= plan->jobs)
      break;
  }
  finish(&s, result);
  free(s.heap);
  free(s.log);
}
