/* SPDX-License-Identifier: MIT
 *
 * Checksum files that are fetched: see checksum_fetch.h.
 *
 * Thread: the loop's; body runs inside libcurl.
 */
#include "config.h"

#include "checksum_fetch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "bytes.h"
#include "checksum_file.h"
#include "engine_priv.h"
#include "redact.h"
#include "redirect.h"

struct checksum_fetch {
  struct engine *engine;
  size_t index; /* of the file at hand among --checksum-file */
  char *hop;    /* owned; where redirects have led; NULL nowhere */
  unsigned redirects;
  int attempts;
  uint64_t due_ns;
  struct transfer *transfer; /* under way */
  struct bytes body;
  bool over;
};

bool checksum_fetch_is_url(const char *text) {
  return strncasecmp(text, "http://", 7) == 0 ||
         strncasecmp(text, "https://", 8) == 0;
}

/* The next of them at or behind index is a URL; false: none is left. */
static bool find_next(struct checksum_fetch *f) {
  const struct str_list *files = &f->engine->config.checksum_files;
  while (f->index < files->count &&
         !checksum_fetch_is_url(files->items[f->index]))
    f->index++;
  return f->index < files->count;
}

int checksum_fetch_init(struct engine *e, struct errmsg *msg) {
  struct checksum_fetch *f = calloc(1, sizeof(*f));
  if (f == NULL)
    return err_set(msg, ERR_NOMEM, "%s", err_text(ERR_NOMEM));
  f->engine = e;
  bytes_init(&f->body, CHECKSUM_FETCH_BYTES);
  if (find_next(f)) {
    e->checksum_fetch = f;
    return 0;
  }
  free(f);
  return 0;
}

void checksum_fetch_fini(struct engine *e) {
  struct checksum_fetch *f = e->checksum_fetch;
  if (f == NULL)
    return;
  e->checksum_fetch = NULL;
  bytes_fini(&f->body);
  free(f->hop);
  free(f);
}

bool checksum_fetch_busy(const struct engine *e) {
  return e->checksum_fetch != NULL && !e->checksum_fetch->over;
}

void checksum_fetch_stop(struct engine *e) {
  struct checksum_fetch *f = e->checksum_fetch;
  if (f == NULL)
    return;
  if (f->transfer != NULL)
    transfer_cancel(f->transfer);
  f->transfer = NULL;
  f->over = true;
}

static const char *own_url(const struct checksum_fetch *f) {
  return f->engine->config.checksum_files.items[f->index];
}

/* ---- how it went -----------------------------------------------------------
 */

static void give_up(struct checksum_fetch *f, const char *why) {
  struct engine *e = f->engine;
  char url[ENGINE_HOLD_TEXT / 2], text[ENGINE_HOLD_TEXT];
  struct engine_event event;
  redact_url(own_url(f), url, sizeof(url));
  snprintf(text, sizeof(text), "--checksum-file: %s: %.120s", url, why);
  f->over = true;
  eventlog_add(&e->log, LOG_ERROR, 0, "%s", text);
  if (e->hooks.event != NULL) {
    memset(&event, 0, sizeof(event));
    event.warning = true;
    event.state = TASK_QUEUED;
    event.url = "--checksum-file";
    event.path = event.digest = "";
    event.reason = text + strlen("--checksum-file: ");
    e->hooks.event(e->hooks.arg, &event);
  }
  engine__hold(e, ERR_USAGE, text);
  engine__stop(e);
}

static void try_again(struct checksum_fetch *f, double wait_s) {
  struct engine *e = f->engine;
  uint64_t wait = retry_backoff_ns(e->limit[LIMIT_RETRY_WAIT],
                                   e->limit[LIMIT_RETRY_MAX_WAIT],
                                   (unsigned)f->attempts - 1, &e->rng);
  if (wait_s > 0 && (double)wait < wait_s * 1e9)
    wait = (uint64_t)(wait_s * 1e9);
  free(f->hop);
  f->hop = NULL;
  f->redirects = 0;
  f->due_ns = engine_now() + wait;
}

static void take_whole(struct checksum_fetch *f) {
  struct engine *e = f->engine;
  size_t before = checksum_table_count(e->checksums);
  int code = checksum_table_add(e->checksums, f->body.data, f->body.len);
  if (code == 0)
    code = checksum_table_add(e->checksums, NULL, 0);
  if (code != 0) {
    give_up(f, err_text(code));
    return;
  }
  if (checksum_table_count(e->checksums) == before) {
    give_up(f, "there is no line of the form HEX  NAME");
    return;
  }
  bytes_clear(&f->body);
  free(f->hop);
  f->hop = NULL;
  f->redirects = 0;
  f->attempts = 0;
  f->index++;
  f->over = !find_next(f);
}

/* True when the next request goes elsewhere. */
static bool follow(struct checksum_fetch *f, const struct transfer *t,
                   struct errmsg *why) {
  struct host *host;
  const struct redirect to = {.rule = REDIRECT_AS_SAFE,
                              .count = &f->redirects,
                              .hop = &f->hop,
                              .own = own_url(f)};
  if (redirect_follow(&to, &f->engine->hosts, t, engine_now(), &host, why) <= 0)
    return false;
  f->due_ns = 0;
  return true;
}

static void judge(struct checksum_fetch *f, const struct transfer *t,
                  CURLcode code, struct verdict *v) {
  struct verdict_input in;
  memset(&in, 0, sizeof(in));
  in.curl_code = (int)code;
  in.curl_text = t->error;
  in.answer = &t->answer;
  in.page = t->page;
  in.page_len = t->page_len;
  in.now_unix = (int64_t)time(NULL);
  in.deadline_unix = INT64_MAX;
  in.rules = &f->engine->rules;
  verdict_of(v, &in);
  if (v->class == FAIL_NONE &&
      (t->answer.length_bad || (t->answer.content_length >= 0 &&
                                t->received != t->answer.content_length))) {
    v->class = FAIL_PASSING;
    snprintf(v->why, sizeof(v->why), "the body ended early");
  }
}

static void on_done(void *owner, struct transfer *t, CURLcode code) {
  struct checksum_fetch *f = owner;
  struct throttle_hint hint = t->answer.hint;
  struct errmsg why = {""};
  struct verdict v;
  bool follows = follow(f, t, &why);
  judge(f, t, code, &v);
  f->transfer = NULL;
  transfer_free(t);
  if (follows)
    return;
  if (why.text[0] != '\0')
    give_up(f, why.text);
  else if (f->body.failed != 0)
    give_up(f, f->body.failed == ERR_TOOBIG ? "it has more than 16 MB"
                                            : err_text(f->body.failed));
  else if (v.class == FAIL_NONE)
    take_whole(f);
  else if ((v.class == FAIL_PASSING || v.class == FAIL_THROTTLED) &&
           f->attempts < (int)f->engine->limit[LIMIT_TRIES])
    try_again(f, hint.has_wait ? hint.wait_s : -1);
  else
    give_up(f, v.why);
}

/* ---- requests --------------------------------------------------------------
 */

static void on_head(void *owner, struct transfer *t) {
  (void)owner;
  (void)t;
}

static size_t on_body(void *owner, struct transfer *t, const char *data,
                      size_t length) {
  struct checksum_fetch *f = owner;
  if (t->answer.status < 200 || t->answer.status > 299)
    return fetch__take_page(t, data, length, true);
  bytes_add(&f->body, data, length);
  return f->body.failed == 0 ? length : TRANSFER_BODY_ABORT;
}

static const struct transfer_ops ops = {on_head, on_body, on_done};

static bool same_host(struct checksum_fetch *f, const struct host *host) {
  struct host *own = NULL;
  return hosts_get(&f->engine->hosts, own_url(f), engine_now(), &own, NULL) ==
             0 &&
         strcmp(own->name, host->name) == 0;
}

static void start(struct checksum_fetch *f) {
  struct engine *e = f->engine;
  struct transfer_request request;
  const char *why = NULL;
  memset(&request, 0, sizeof(request));
  request.url = f->hop != NULL ? f->hop : own_url(f);
  if (hosts_get(&e->hosts, request.url, engine_now(), &request.host, &why) !=
      0) {
    give_up(f, why != NULL ? why : "this URL cannot be used");
    return;
  }
  request.to = -1;
  request.public_only = f->hop != NULL && e->config.no_private_redirects &&
                        !same_host(f, request.host);
  request.foreign = !url_same_origin(own_url(f), request.url);
  request.ops = &ops;
  bytes_clear(&f->body);
  if (f->redirects == 0)
    f->attempts++;
  if (transfer_start(&e->transfers, f, &request, &f->transfer) != 0) {
    give_up(f, "the request could not be made");
    return;
  }
  fetch__count_request(e, request.host, engine_now());
}

void checksum_fetch_turn(struct engine *e) {
  struct checksum_fetch *f = e->checksum_fetch;
  if (f == NULL || f->over || f->transfer != NULL)
    return;
  if (e->stopping) {
    f->over = true;
    return;
  }
  if (engine_now() >= f->due_ns)
    start(f);
}
