/* SPDX-License-Identifier: MIT
 *
 * Retry rules: tables for the classes, arithmetic for the rest.
 * Thread: one; pure.
 */
#include "config.h"

#include "retry.h"

#include <ctype.h>
#include <curl/curl.h>
#include <math.h>
#include <stddef.h>
#include <string.h>

#include "date.h"

#define NS_PER_S 1000000000ull

/* ---- random numbers ------------------------------------------------------ */

static uint64_t splitmix64(uint64_t *state) {
  uint64_t z = (*state += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

static uint64_t rotate_left(uint64_t x, int k) {
  return (x << k) | (x >> (64 - k));
}

void rng_seed(struct rng *r, uint64_t seed) {
  for (int i = 0; i < 4; i++)
    r->s[i] = splitmix64(&seed);
}

uint64_t rng_next(struct rng *r) {
  uint64_t *s = r->s;
  uint64_t result = rotate_left(s[1] * 5, 7) * 9, t = s[1] << 17;
  s[2] ^= s[0];
  s[3] ^= s[1];
  s[1] ^= s[2];
  s[0] ^= s[3];
  s[2] ^= t;
  s[3] = rotate_left(s[3], 45);
  return result;
}

double rng_unit(struct rng *r) {
  return (double)(rng_next(r) >> 11) * 0x1p-53;
}

/* ---- what a failure means ----------------------------------------------- */

enum fail_class retry_class_http(int status) {
  switch (status) {
  case 429:
    return FAIL_THROTTLED;
  case 408: /* request timeout */
  case 421: /* misdirected: another connection may do */
  case 425: /* too early */
  case 500:
  case 502:
  case 503:
  case 504:
  case 509: /* bandwidth exceeded, of some hosters */
    return FAIL_PASSING;
  default:
    break;
  }
  if (status >= 520 && status <= 599) /* of proxies, such as 520-530 */
    return FAIL_PASSING;
  if (status >= 300)
    return FAIL_PERMANENT;
  return status > 0 ? FAIL_NONE : FAIL_PASSING;
}

enum fail_class retry_class_curl(int curl_code) {
  switch ((CURLcode)curl_code) {
  case CURLE_OK:
    return FAIL_NONE;
  case CURLE_UNSUPPORTED_PROTOCOL:
  case CURLE_URL_MALFORMAT:
  case CURLE_REMOTE_ACCESS_DENIED:
  case CURLE_LOGIN_DENIED:
  case CURLE_REMOTE_FILE_NOT_FOUND:
  case CURLE_TOO_MANY_REDIRECTS:
  case CURLE_PEER_FAILED_VERIFICATION:
  case CURLE_SSL_ISSUER_ERROR:
  case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
  case CURLE_SSL_INVALIDCERTSTATUS:
  case CURLE_FILESIZE_EXCEEDED:
    return FAIL_PERMANENT;
  case CURLE_FAILED_INIT:
  case CURLE_NOT_BUILT_IN:
  case CURLE_WRITE_ERROR:
  case CURLE_READ_ERROR:
  case CURLE_OUT_OF_MEMORY:
  case CURLE_ABORTED_BY_CALLBACK:
  case CURLE_BAD_FUNCTION_ARGUMENT:
  case CURLE_INTERFACE_FAILED:
  case CURLE_UNKNOWN_OPTION:
  case CURLE_SSL_ENGINE_NOTFOUND:
  case CURLE_SSL_ENGINE_SETFAILED:
  case CURLE_SSL_ENGINE_INITFAILED:
  case CURLE_SSL_CERTPROBLEM:
  case CURLE_SSL_CIPHER:
  case CURLE_SSL_CACERT_BADFILE:
  case CURLE_SSL_CRL_BADFILE:
  case CURLE_RECURSIVE_API_CALL:
    return FAIL_LOCAL;
  default: /* connections, names, time-outs, truncation, TLS handshakes */
    return FAIL_PASSING;
  }
}

enum fail_class retry_class_ftp(int reply, int curl_code) {
  switch ((CURLcode)curl_code) {
  case CURLE_WEIRD_SERVER_REPLY:
  case CURLE_REMOTE_ACCESS_DENIED:
  case CURLE_FTP_ACCEPT_FAILED:
  case CURLE_FTP_WEIRD_PASS_REPLY:
  case CURLE_FTP_WEIRD_PASV_REPLY:
  case CURLE_FTP_WEIRD_227_FORMAT:
  case CURLE_FTP_CANT_GET_HOST:
  case CURLE_FTP_COULDNT_SET_TYPE:
  case CURLE_PARTIAL_FILE:
  case CURLE_FTP_COULDNT_RETR_FILE:
  case CURLE_QUOTE_ERROR:
  case CURLE_LOGIN_DENIED:
  case CURLE_REMOTE_FILE_NOT_FOUND:
    break;
  case CURLE_OPERATION_TIMEDOUT: /* so libcurl calls a 421 */
    return reply == 421 ? FAIL_PASSING : FAIL_NONE;
  default:
    return FAIL_NONE;
  }
  if (reply >= 400 && reply <= 499 && reply != 430)
    return FAIL_PASSING;
  return reply == 430 || (reply >= 500 && reply <= 599) ? FAIL_PERMANENT
                                                        : FAIL_NONE;
}

const char *fail_class_name(enum fail_class class) {
  static const char *const name[] = {"none",      "passing", "permanent",
                                     "throttled", "expired", "local"};
  return (size_t) class < sizeof name / sizeof *name ? name[class] : "?";
}

/* ---- how long to wait ---------------------------------------------------- */

uint64_t retry_backoff_ns(double base_s, double cap_s, unsigned attempt,
                          struct rng *r) {
  double most = ldexp(base_s, attempt < 60 ? (int)attempt : 60);
  return (uint64_t)(fmax(fmin(cap_s, most), 0) * rng_unit(r) * 1e9);
}

/* delay-seconds; behind the point at most 9 digits count. */
static int read_seconds(const char *p, double *seconds) {
  double value = 0, place = 1;
  int digits = 0;
  for (; *p >= '0' && *p <= '9'; p++) {
    value = value * 10 + (*p - '0');
    digits++;
  }
  if (digits == 0 || digits > 9)
    return ERR_SYNTAX;
  if (*p == '.')
    for (p++; *p >= '0' && *p <= '9'; p++)
      value += (*p - '0') * (place /= 10);
  p += strspn(p, " \t\r\n");
  if (*p != '\0' || value > RETRY_AFTER_MAX_S)
    return ERR_SYNTAX;
  *seconds = value;
  return 0;
}

int retry_after_parse(const char *value, int64_t now_unix, double *seconds) {
  value += strspn(value, " \t");
  if (!isalpha((unsigned char)*value))
    return read_seconds(value, seconds);
  int64_t at;
  if (date_http(value, &at) < 0)
    return ERR_SYNTAX;
  double wait = (double)at - (double)now_unix;
  if (wait > RETRY_AFTER_MAX_S)
    return ERR_SYNTAX;
  *seconds = wait > 0 ? wait : 0;
  return 0;
}

/* ---- budget ---------------------------------------------------------------
 */

#define BUDGET_SHARE 0.2
#define BUDGET_PER_S 3.0
#define BUDGET_MOST 50.0

void retry_budget_init(struct retry_budget *b, uint64_t now_ns) {
  b->tokens = BUDGET_PER_S;
  b->last_ns = now_ns;
}

void retry_budget_request(struct retry_budget *b) {
  b->tokens = fmin(b->tokens + BUDGET_SHARE, BUDGET_MOST);
}

static void refill(struct retry_budget *b, uint64_t now_ns) {
  if (now_ns <= b->last_ns)
    return;
  double s = (double)(now_ns - b->last_ns) / 1e9;
  b->tokens = fmin(b->tokens + s * BUDGET_PER_S, BUDGET_MOST);
  b->last_ns = now_ns;
}

bool retry_budget_take(struct retry_budget *b, uint64_t now_ns) {
  refill(b, now_ns);
  if (b->tokens < 1)
    return false;
  b->tokens -= 1;
  return true;
}

uint64_t retry_budget_next_ns(struct retry_budget *b, uint64_t now_ns) {
  refill(b, now_ns);
  if (b->tokens >= 1)
    return now_ns;
  /* A microsecond more than exact, so that rounding does not wake in vain. */
  return now_ns + 1000 + (uint64_t)((1 - b->tokens) / BUDGET_PER_S * 1e9);
}

/* ---- breaker --------------------------------------------------------------
 */

#define BREAKER_LEAST 8
#define REST_FIRST_NS (2 * NS_PER_S)
#define REST_MOST_NS (60 * NS_PER_S)

void breaker_init(struct breaker *b) {
  memset(b, 0, sizeof *b);
}

static void rest(struct breaker *b, uint64_t now_ns) {
  b->state = BREAKER_RESTING;
  b->opened_ns = now_ns;
  b->rest_until_ns = now_ns + b->rest_ns;
}

static void close_again(struct breaker *b, uint64_t now_ns) {
  memset(b, 0, sizeof *b);
  b->opened_ns = now_ns; /* answers from before the rest do not count */
}

/* Empties the seconds that went by since the last answer. */
static void turn(struct breaker *b, uint64_t now_ns) {
  uint64_t second = now_ns / NS_PER_S;
  for (unsigned i = 0; b->second < second && i < BREAKER_SPAN; i++) {
    b->second++;
    memset(&b->slot[b->second % BREAKER_SPAN], 0, sizeof b->slot[0]);
  }
  if (b->second >= second)
    return;
  memset(b->slot, 0, sizeof b->slot);
  b->second = second;
}

static bool mostly_bad(const struct breaker *b) {
  uint64_t good = 0, bad = 0;
  for (int i = 0; i < BREAKER_SPAN; i++) {
    good += b->slot[i].good;
    bad += b->slot[i].bad;
  }
  return good + bad >= BREAKER_LEAST && bad >= good;
}

bool breaker_may_start(struct breaker *b, uint64_t now_ns) {
  if (b->state == BREAKER_CLOSED)
    return true;
  if (b->state == BREAKER_CANARY || now_ns < b->rest_until_ns)
    return false;
  b->state = BREAKER_CANARY;
  b->opened_ns = now_ns; /* only the canary's answer counts from here */
  return true;
}

void breaker_note(struct breaker *b, uint64_t sent_ns, bool good,
                  uint64_t now_ns) {
  if (b->state == BREAKER_RESTING || sent_ns < b->opened_ns)
    return;
  if (b->state == BREAKER_CANARY) {
    if (good) {
      close_again(b, now_ns);
      return;
    }
    b->rest_ns = b->rest_ns * 2 < REST_MOST_NS ? b->rest_ns * 2 : REST_MOST_NS;
    rest(b, now_ns);
    return;
  }
  turn(b, now_ns);
  *(good ? &b->slot[b->second % BREAKER_SPAN].good
         : &b->slot[b->second % BREAKER_SPAN].bad) += 1;
  if (!good && mostly_bad(b)) {
    b->rest_ns = REST_FIRST_NS;
    rest(b, now_ns);
  }
}

void breaker_gone(struct breaker *b, uint64_t now_ns) {
  if (b->state != BREAKER_CANARY)
    return;
  b->state = BREAKER_RESTING;
  b->rest_until_ns = now_ns; /* the next one is the canary */
}
