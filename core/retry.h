/* SPDX-License-Identifier: MIT
 *
 * Retries: what a failure means, how long to wait after it, and two brakes
 * that keep a broken server from being hammered: a budget of retries for each
 * host, and a breaker that rests a host where most requests fail.
 *
 * Thread: one; pure, clock and random numbers are passed in.
 */
#ifndef SPATE_RETRY_H
#define SPATE_RETRY_H

#include <stdbool.h>
#include <stdint.h>

#include "err.h"

/* ---- random numbers ------------------------------------------------------ */

/* xoshiro256** 1.0 (Blackman, Vigna), seeded by splitmix64. Not for secrets. */
struct rng {
  uint64_t s[4]; /* private */
};

void rng_seed(struct rng *r, uint64_t seed);
uint64_t rng_next(struct rng *r);
double rng_unit(struct rng *r); /* 0 <= x < 1 */

/* ---- what a failure means ----------------------------------------------- */

enum fail_class {
  FAIL_NONE,      /* no failure */
  FAIL_PASSING,   /* try again */
  FAIL_PERMANENT, /* trying again is of no use */
  FAIL_THROTTLED, /* asked to wait; not counted as an attempt */
  FAIL_EXPIRED,   /* the URL is past its time */
  FAIL_LOCAL,     /* this side: disk, memory, a bug; no fault of the server */
};

/* By status. 429 is throttled; 503 is passing (with a Retry-After the caller
 * makes it throttled); 403 is permanent (on a signed URL past its expiry the
 * caller makes it expired). 0 (no answer) is passing. Below 300: none. */
enum fail_class retry_class_http(int status);

/* By CURLcode. CURLE_OK is none. */
enum fail_class retry_class_curl(int curl_code);

/* By the last reply of an FTP server (RFC 959 section 4.2: 4yz is passing, 5yz
 * permanent), where the code says that a reply was the reason; else none. */
enum fail_class retry_class_ftp(int reply, int curl_code);

/* "none", "passing" ... for logs. */
const char *fail_class_name(enum fail_class class);

/* ---- how long to wait ---------------------------------------------------- */

/* Full jitter: uniform(0, min(cap_s, base_s * 2^attempt)); attempt counts the
 * failures so far from 0. The caller takes the maximum with Retry-After. */
uint64_t retry_backoff_ns(double base_s, double cap_s, unsigned attempt,
                          struct rng *r);

/* Retry-After, RFC 9110 section 10.2.3: seconds (a fraction is tolerated) or
 * an HTTP-date, of which a past one is 0 seconds. ERR_SYNTAX for anything
 * else, also negative values and waits above RETRY_AFTER_MAX_S. */
#define RETRY_AFTER_MAX_S (7 * 86400)
int retry_after_parse(const char *value, int64_t now_unix,
                      double *seconds) MUST_CHECK;

/* ---- budget ---------------------------------------------------------------
 */

/* Retries a host may get: a fifth of its requests plus 3 a second; at most 50
 * are saved up. */
struct retry_budget {
  /* private */
  double tokens;
  uint64_t last_ns;
};

void retry_budget_init(struct retry_budget *b, uint64_t now_ns);
/* A first attempt was started. */
void retry_budget_request(struct retry_budget *b);
/* May a retry start? Takes it from the budget when it may. */
bool retry_budget_take(struct retry_budget *b, uint64_t now_ns) MUST_CHECK;
/* When the next retry may start; <= now_ns: now. */
uint64_t retry_budget_next_ns(struct retry_budget *b, uint64_t now_ns);

/* ---- breaker --------------------------------------------------------------
 */

/* Closed: all may start. When at least half of the answers of the last 20 s
 * (and at least 8) failed it opens: nobody starts for the rest time, then one
 * canary; it closes when the canary passes, else it rests twice as long (2 s
 * up to 60 s). */
#define BREAKER_SPAN 20

enum breaker_state { BREAKER_CLOSED, BREAKER_RESTING, BREAKER_CANARY };

struct breaker {
  /* read only for others */
  enum breaker_state state;
  uint64_t rest_until_ns; /* while resting */
  /* private */
  uint64_t opened_ns, rest_ns, second;
  struct {
    uint32_t good, bad;
  } slot[BREAKER_SPAN];
};

void breaker_init(struct breaker *b);
/* May a request start? True for the canary only once; it must be followed by
 * breaker_note() or breaker_gone(). */
bool breaker_may_start(struct breaker *b, uint64_t now_ns) MUST_CHECK;
/* An answer (or failure of class passing) to a request sent at sent_ns. Those
 * sent before the breaker opened do not count any more. */
void breaker_note(struct breaker *b, uint64_t sent_ns, bool good,
                  uint64_t now_ns);
/* The canary ended without an answer (cancelled, paused). */
void breaker_gone(struct breaker *b, uint64_t now_ns);

#endif
