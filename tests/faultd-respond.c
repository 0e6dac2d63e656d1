/* SPDX-License-Identifier: MIT
 *
 * Decides the answer to a request, see faultd-respond.h. The order: control
 * pages, limits, faults with a status, redirects, the file with its ranges.
 * The server's only thread.
 */
#include "config.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "faultd-body.h"
#include "faultd-journal.h"
#include "faultd-respond.h"

#define MODIFIED "Tue, 02 Jan 2024 03:04:05 GMT"

/* All that the functions below need of one request. */
struct answer {
  const struct request *req;
  struct behave b;
  struct plan *plan;
  struct buf *out;
  uint64_t hits; /* requests of this path before this one */
  int64_t size, first, last;
  uint64_t version;
  char etag[96];
  bool has_hints;
  struct gate_answer hints;
};

static const char *status_text(int status) {
  static const struct {
    int status;
    const char *text;
  } texts[] = {{200, "OK"},
               {206, "Partial Content"},
               {302, "Found"},
               {304, "Not Modified"},
               {400, "Bad Request"},
               {401, "Unauthorized"},
               {403, "Forbidden"},
               {404, "Not Found"},
               {405, "Method Not Allowed"},
               {410, "Gone"},
               {412, "Precondition Failed"},
               {416, "Range Not Satisfiable"},
               {429, "Too Many Requests"},
               {500, "Internal Server Error"},
               {502, "Bad Gateway"},
               {503, "Service Unavailable"},
               {504, "Gateway Timeout"}};

  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
    if (texts[i].status == status)
      return texts[i].text;
  return "Status";
}

/* A date as RFC 9110, 5.6.7, into text; the usual one is made once a second. */
#define DATE_CAP 64
static const char *http_date(int64_t skew_s, char *text) {
  static time_t made;
  static char today[DATE_CAP];
  time_t now = time(NULL);
  struct tm tm;

  if (skew_s == 0 && now == made) {
    memcpy(text, today, DATE_CAP);
    return text;
  }
  time_t shown = now + (time_t)skew_s;
  gmtime_r(&shown, &tm);
  strftime(text, DATE_CAP, "%a, %d %b %Y %H:%M:%S GMT", &tm);
  if (skew_s == 0) {
    made = now;
    memcpy(today, text, DATE_CAP);
  }
  return text;
}

static void start_line(struct answer *a, int status) {
  int64_t skew = a->b.dateskew > 0 ? a->b.dateskew : 0;
  char date[DATE_CAP];

  a->plan->status = status;
  if (a->b.early > 0)
    buf_text(a->out, "HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n"
                     "\r\n");
  buf_format(a->out, "HTTP/1.1 %d %s\r\nServer: faultd\r\nDate: %s\r\n", status,
             status_text(status), http_date(skew, date));
  if (a->has_hints)
    buf_format(a->out,
               "RateLimit: \"default\";r=%.0f;t=%.0f\r\n"
               "X-RateLimit-Limit: %.0f\r\nX-RateLimit-Remaining: %.0f\r\n"
               "X-RateLimit-Reset: %.0f\r\n",
               a->hints.remaining, ceil(a->hints.reset_s), a->hints.limit,
               a->hints.remaining, ceil(a->hints.reset_s));
}

static void add_line(struct answer *a, const char *name, const char *value) {
  if (value)
    buf_format(a->out, "%s: %s\r\n", name, value);
}

static void end_headers(struct answer *a) {
  if (a->b.header)
    buf_format(a->out, "%s\r\n", a->b.header);
  if (a->plan->close && a->b.closeafter < 0)
    buf_text(a->out, "Connection: close\r\n");
  buf_text(a->out, "\r\n");
}

/* A whole answer with a short text. */
static void reply_text(struct answer *a, int status, const char *name,
                       const char *value, const char *text) {
  start_line(a, status);
  add_line(a, name, value);
  add_line(a, "Content-Type", a->b.type ? a->b.type : "text/plain");
  buf_format(a->out, "Content-Length: %zu\r\n", strlen(text));
  end_headers(a);
  if (!a->req->head)
    buf_text(a->out, text);
}

static void reply_status(struct answer *a, int status, const char *name,
                         const char *value) {
  char text[64];

  snprintf(text, sizeof text, "%d %s\n", status, status_text(status));
  reply_text(a, status, name, value, text);
}

static bool reply_control(struct answer *a, const char *path) {
  struct buf text = {0};

  if (strcmp(path, "/reset") == 0) {
    gates_reset();
    journal_reset();
    buf_text(&text, "{}\n");
  } else if (strcmp(path, "/stats") == 0) {
    journal_stats(&text);
  } else {
    return false;
  }
  a->plan->control = true;
  buf_add(&text, "", 1);
  reply_text(a, 200, NULL, NULL, text.data);
  buf_fini(&text);
  return true;
}

/* rest: seconds, "date:SECONDS", "-" for none; "auto" or NULL for the truth. */
static void reply_throttled(struct answer *a, const char *rest, double truth) {
  char value[DATE_CAP];

  if (rest && strcmp(rest, "-") == 0) {
    reply_status(a, 429, NULL, NULL);
    return;
  }
  if (rest && strncmp(rest, "date:", 5) == 0)
    http_date(strtoll(rest + 5, NULL, 10), value);
  else if (rest && strcmp(rest, "auto") != 0)
    snprintf(value, sizeof value, "%.32s", rest);
  else
    snprintf(value, sizeof value, "%.0f", ceil(truth));
  reply_status(a, 429, "Retry-After", value);
}

/* True when one of the named limits has answered. */
static bool reply_limits(struct answer *a, int64_t now_us) {
  const char *rest = NULL;
  bool full = false;

  if (a->b.conc) {
    a->plan->gate = gates_enter(a->b.conc, &full);
    if (!a->plan->gate)
      reply_status(a, full ? 503 : 400, NULL, NULL);
    if (!a->plan->gate)
      return true;
  }
  if (!a->b.limit && !a->b.window)
    return false;
  int rc = a->b.limit ? gates_bucket(a->b.limit, now_us, &a->hints, &rest)
                      : gates_window(a->b.window, now_us, &a->hints, &rest);
  if (rc < 0) {
    reply_status(a, 400, NULL, NULL);
    return true;
  }
  a->has_hints = a->b.hints > 0;
  if (!a->hints.pass)
    reply_throttled(a, rest, a->hints.retry_after_s);
  return !a->hints.pass;
}

/* Whether this request is one of those that are to fail. */
static void choose_fault(struct answer *a, const char *path) {
  if (a->b.fail >= 0 && a->hits >= (uint64_t)a->b.fail) {
    behave_no_faults(&a->b);
    return;
  }
  if (a->b.p) {
    uint64_t mix = a->hits;
    for (const char *c = path; *c; c++)
      mix = body_mix(mix ^ (unsigned char)*c);
    if ((double)(mix >> 11) / 9007199254740992.0 >= strtod(a->b.p, NULL)) {
      behave_no_faults(&a->b);
      return;
    }
  }
  if ((a->b.fail >= 0 || a->b.p) && !behave_has_fault(&a->b))
    a->b.status = 500;
}

static void reply_fault_status(struct answer *a) {
  const char *when = a->b.retry_after;
  char date[DATE_CAP];

  if (when && strncmp(when, "date:", 5) == 0)
    when = http_date(strtoll(when + 5, NULL, 10), date);
  reply_status(a, (int)a->b.status, when ? "Retry-After" : NULL, when);
}

static bool reply_redirect(struct answer *a) {
  const char *target = a->req->target;
  int status = a->b.code > 0 ? (int)a->b.code : 302;
  struct buf to = {0};

  if (a->b.redirect) {
    buf_text(&to, a->b.redirect);
  } else if (a->b.loop > 0) {
    buf_text(&to, target);
  } else if (a->b.hops > 0) {
    const char *hops = strstr(target, "hops=");
    buf_add(&to, target, (size_t)(hops - target));
    buf_format(&to, "hops=%" PRId64 "%s", a->b.hops - 1,
               hops + strcspn(hops, "&"));
  } else {
    return false;
  }
  buf_add(&to, "", 1);
  reply_status(a, status, "Location", to.data);
  buf_fini(&to);
  return true;
}

static bool is(const char *value, const char *what) {
  return value && strcmp(value, what) == 0;
}

static void make_etag(struct answer *a) {
  uint64_t seed = a->plan->seed;

  if (is(a->b.etag, "change")) {
    a->version = a->hits;
    if (a->b.changeafter >= 0)
      a->version = a->hits >= (uint64_t)a->b.changeafter;
    a->plan->seed += a->version;
  }
  if (is(a->b.etag, "none"))
    a->etag[0] = '\0';
  else
    snprintf(a->etag, sizeof a->etag,
             "%s\"%" PRIu64 "-%" PRId64 "-%" PRIu64 "\"",
             is(a->b.etag, "weak") ? "W/" : "", seed, a->size, a->version);
}

/* RFC 9110, 13.1.5: only a strong validator lets a range through. */
static bool if_range_holds(const struct answer *a) {
  const char *want = request_header(a->req, "If-Range");

  if (!want)
    return true;
  if (*want == '"')
    return strcmp(want, a->etag) == 0;
  return a->b.lm > 0 && strcmp(want, MODIFIED) == 0;
}

enum range { RANGE_NONE, RANGE_OK, RANGE_BAD };

/* RFC 9110, 14.1.2, one range only; anything else is passed over. */
static enum range parse_range(struct answer *a) {
  const char *text = request_header(a->req, "Range");
  char *end;

  if (!text || strncmp(text, "bytes=", 6) != 0 || is(a->b.ranges, "no") ||
      is(a->b.ranges, "ignore") || !if_range_holds(a))
    return RANGE_NONE;
  text += 6;
  if (*text == '-') {
    int64_t tail = strtoll(text + 1, &end, 10);
    a->first = tail < a->size ? a->size - tail : 0;
    return *end ? RANGE_NONE : tail > 0 && a->size > 0 ? RANGE_OK : RANGE_BAD;
  }
  int64_t first = strtoll(text, &end, 10);
  int64_t last = a->size - 1;
  if (end == text || *end != '-')
    return RANGE_NONE;
  if (end[1])
    last = strtoll(end + 1, &end, 10);
  else
    end++;
  if (*end || first < 0 || (last < first && first < a->size))
    return RANGE_NONE;
  if (first >= a->size)
    return RANGE_BAD;
  a->first = first;
  a->last = last < a->size ? last : a->size - 1;
  return RANGE_OK;
}

/* The Content-Range of a 206, and the lies about it. */
static void add_content_range(struct answer *a) {
  int64_t first = a->first, total = a->size;

  if (is(a->b.ranges, "lie"))
    first = a->first = a->first > 0 ? a->first - 1 : a->last > 0;
  if (is(a->b.ranges, "short"))
    a->last = first + (a->last - first) / 2;
  if (is(a->b.ranges, "wrong-total"))
    total++;
  if (is(a->b.ranges, "other"))
    a->plan->seed++;
  buf_format(a->out,
             "Content-Range: bytes %" PRId64 "-%" PRId64 "/%" PRId64 "\r\n",
             first, a->last, total);
}

static void choose_cut(struct plan *plan, enum cut cut, int64_t at) {
  if (at >= 0 && at < plan->cut_at) {
    plan->cut_at = at;
    plan->cut = cut;
  }
}

static void plan_body(struct answer *a) {
  struct plan *plan = a->plan;

  plan->at = a->first;
  plan->left = a->last - a->first + 1;
  if (a->b.wrong > 0)
    plan->seed++;
  plan->corrupt = a->b.corrupt;
  if (a->b.longer > 0) {
    plan->left += a->b.longer;
    plan->close = true;
  }
  if (a->b.endless > 0)
    plan->left = INT64_MAX / 2;
  if (a->req->head) {
    plan->left = 0;
    plan->chunked = false;
    return;
  }
  choose_cut(plan, CUT_RESET, a->b.reset);
  choose_cut(plan, CUT_CLOSE, a->b.truncate);
  choose_cut(plan, CUT_STALL, a->b.stall);
  choose_cut(plan, CUT_CHUNK, a->b.badchunk);
  plan->rate = a->b.rate > 0 ? a->b.rate : 0;
  if (a->b.trickle > 0)
    plan->trickle_ms = a->b.trickle > 1 ? (uint64_t)a->b.trickle : 100;
}

/* How the end of the body is told. */
static void add_framing(struct answer *a) {
  if (a->b.chunked > 0 || a->b.badchunk >= 0) {
    a->plan->chunked = true;
    buf_text(a->out, "Transfer-Encoding: chunked\r\n");
  } else if (a->b.nolength > 0 || a->b.endless > 0) {
    a->plan->close = true;
  } else {
    buf_format(a->out, "Content-Length: %" PRId64 "\r\n",
               a->last - a->first + 1);
  }
}

static void add_gzip(struct answer *a) {
  buf_text(a->out, "Content-Encoding: gzip\r\n");
  if (is(a->b.gzip, "lie") || a->size > (int64_t)(BUF_CEILING / 2))
    return;
  struct buf zipped = {0};
  body_gzip(a->plan->seed, (uint64_t)a->size, &zipped);
  a->plan->memory = zipped.data;
  a->size = (int64_t)zipped.len;
  a->last = a->size - 1;
}

static void reply_file(struct answer *a) {
  const char *if_match = request_header(a->req, "If-Match");
  const char *if_none = request_header(a->req, "If-None-Match");

  make_etag(a);
  if (if_match && strcmp(if_match, "*") != 0 &&
      strcmp(if_match, a->etag) != 0) {
    reply_status(a, 412, NULL, NULL);
    return;
  }
  if (if_none && *a->etag && strcmp(if_none, a->etag) == 0) {
    start_line(a, 304);
    end_headers(a);
    return;
  }
  a->last = a->size - 1;
  enum range range = a->b.gzip ? RANGE_NONE : parse_range(a);
  if (range == RANGE_BAD) {
    char value[64];
    snprintf(value, sizeof value, "bytes */%" PRId64, a->size);
    reply_status(a, 416, "Content-Range", value);
    return;
  }
  start_line(a, range == RANGE_OK ? 206 : 200);
  if (range == RANGE_OK)
    add_content_range(a);
  if (a->b.gzip)
    add_gzip(a);
  add_line(a, "Content-Type",
           a->b.type ? a->b.type : "application/octet-stream");
  add_line(a, "Content-Disposition", a->b.disposition);
  add_line(a, "ETag", *a->etag ? a->etag : NULL);
  add_line(a, "Last-Modified", a->b.lm > 0 ? MODIFIED : NULL);
  add_line(a, "Accept-Ranges", is(a->b.ranges, "no") ? NULL : "bytes");
  add_framing(a);
  plan_body(a);
  if (a->b.endless_headers > 0)
    a->plan->endless_headers = true;
  else
    end_headers(a);
}

/* /data/SEED/SIZE[/ANY/NAME] */
static bool parse_path(struct answer *a, const char *path) {
  const char *end;
  char *stop;

  if (strncmp(path, "/data/", 6) != 0)
    return false;
  a->plan->seed = strtoull(path + 6, &stop, 10);
  if (stop == path + 6 || *stop != '/')
    return false;
  a->size = behave_number(stop + 1, &end);
  return a->size >= 0 && (*end == '/' || *end == '\0');
}

static void reply(struct answer *a, const char *path, int64_t now_us) {
  struct plan *plan = a->plan;

  if (a->b.delay > 0)
    plan->delay_ms = (uint64_t)a->b.delay;
  if (a->b.ttfb > 0)
    plan->ttfb_ms = (uint64_t)a->b.ttfb;
  plan->close = a->req->close || a->b.closeafter > 0;
  if (reply_limits(a, now_us))
    return;
  a->hits = gates_hit(path);
  choose_fault(a, path);
  if (a->b.empty > 0) {
    plan->cut = CUT_CLOSE;
    plan->cut_at = 0;
    plan->left = 1;
  } else if (a->b.status >= 0) {
    reply_fault_status(a);
  } else if (a->b.need && !request_header(a->req, a->b.need)) {
    reply_status(a, 401, "WWW-Authenticate", "Basic realm=\"faultd\"");
  } else if (!reply_redirect(a)) {
    if (parse_path(a, path))
      reply_file(a);
    else
      reply_status(a, 404, NULL, NULL);
  }
}

void respond_plan(const struct request *req, int64_t now_us, struct plan *plan,
                  struct buf *out) {
  static char target[REQUEST_MAX + 1]; /* a copy that is cut into pieces */
  struct answer a = {.req = req, .plan = plan, .out = out};

  *plan = (struct plan){.cut_at = INT64_MAX};
  size_t len = strlen(req->target);
  if (len > REQUEST_MAX)
    len = REQUEST_MAX;
  memcpy(target, req->target, len);
  target[len] = '\0';
  char *query = strchr(target, '?');
  if (query)
    *query++ = '\0';
  const char *bad = behave_parse(query, &a.b);
  if (bad) {
    fprintf(stderr, "faultd: bad option '%s' in %s\n", bad, req->target);
    reply_status(&a, 400, NULL, NULL);
  } else if (!req->get && !req->head) {
    reply_status(&a, 405, "Allow", "GET, HEAD");
  } else if (!reply_control(&a, target)) {
    reply(&a, target, now_us);
  }
}

void plan_fini(struct plan *plan) {
  gates_leave(plan->gate);
  plan->gate = NULL;
  free(plan->memory);
  plan->memory = NULL;
}
