/* SPDX-License-Identifier: MIT
 *
 * What the end of an exchange means: see verdict.h.
 */
#include "config.h"

#include "verdict.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <curl/curl.h>

static const struct {
  int status;
  const char *text;
} texts[] = {
    {204, "No Content"},
    {300, "Multiple Choices"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {402, "Payment Required"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {407, "Proxy Authentication Required"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {416, "Range Not Satisfiable"},
    {421, "Misdirected Request"},
    {425, "Too Early"},
    {429, "Too Many Requests"},
    {451, "Unavailable For Legal Reasons"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {507, "Insufficient Storage"},
};

static const char *const slow_words[] = {
    "slowdown",       "slow down",      "rate limit",  "ratelimit",
    "rate exceeded",  "toomanyrequest", "too many",    "requestlimitexceeded",
    "throttl",        "quota exceeded", "quotaexceed", "server busy",
    "bandwidthlimit",
};

static const char *const expiry_words[] = {
    "request has expired",
    "expiredtoken",
    "token has expired",
    "token is expired",
    "url expired",
    "signature expired",
    "signature not valid in the specified time frame",
    "link has expired",
};

const char *verdict_status_text(int status) {
  for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
    if (texts[i].status == status)
      return texts[i].text;
  return "";
}

static bool contains(const char *page, size_t length, const char *word) {
  size_t n = strlen(word);
  for (size_t i = 0; n > 0 && i + n <= length; i++)
    if (strncasecmp(page + i, word, n) == 0)
      return true;
  return false;
}

static bool any_word(const struct verdict_input *in, const char *const *words,
                     size_t count) {
  for (size_t i = 0; i < count; i++)
    if (contains(in->page, in->page_len, words[i]))
      return true;
  return false;
}

static bool asks_to_slow_down(const struct verdict_input *in) {
  const struct verdict_rules *rules = in->rules;
  int status = in->answer->status;
  for (size_t i = 0; rules != NULL && i < rules->throttle_status_count; i++)
    if (rules->throttle_status[i] == status)
      return true;
  if (status == 503 && in->answer->hint.has_wait)
    return true;
  if (status != 400 && status != 403 && status != 503)
    return false;
  if (rules != NULL && rules->throttle_word_count > 0)
    return any_word(in, (const char *const *)rules->throttle_words,
                    rules->throttle_word_count);
  return any_word(in, slow_words, sizeof(slow_words) / sizeof(slow_words[0]));
}

/* 400: Azure and others; 403: S3, GCS, OSS. */
static bool says_expired(const struct verdict_input *in) {
  int status = in->answer->status;
  if (status != 400 && status != 401 && status != 403)
    return false;
  if (status == 403 && in->now_unix > in->deadline_unix)
    return true;
  return any_word(in, expiry_words,
                  sizeof(expiry_words) / sizeof(expiry_words[0]));
}

static void judge_status(struct verdict *v, const struct verdict_input *in) {
  int status = in->answer->status;
  v->class = retry_class_http(status);
  v->outcome = GOVERNOR_OK;
  if (says_expired(in))
    v->class = FAIL_EXPIRED;
  else if (asks_to_slow_down(in))
    v->class = FAIL_THROTTLED;
  else if (v->class == FAIL_NONE)
    v->class = FAIL_PERMANENT; /* a 3xx that leads nowhere */
  if (v->class == FAIL_THROTTLED)
    v->outcome = GOVERNOR_THROTTLED;
  else if (status == 408 || status == 504)
    v->outcome = GOVERNOR_TIMEOUT;
  else if (status >= 500)
    v->outcome = GOVERNOR_ERROR;
  snprintf(v->why, sizeof(v->why), "HTTP %d %s%s", status,
           verdict_status_text(status),
           v->class == FAIL_EXPIRED ? " (the URL has expired)" : "");
}

/* FTP servers have no 429: that there are too many already stands in the text
 * behind 421, or behind 530, which else means a wrong password. */
static bool is_too_many(const struct verdict_input *in) {
  static const char *const words[] = {"too many", "maximum", "limit"};
  return (in->reply == 421 || in->reply == 530) &&
         any_word(in, words, sizeof(words) / sizeof(words[0]));
}

/* True when it was the server that said no, and not the line. */
static bool judge_reply(struct verdict *v, const struct verdict_input *in) {
  v->class = retry_class_ftp(in->reply, in->curl_code);
  if (v->class == FAIL_NONE)
    return false;
  v->outcome = v->class == FAIL_PASSING ? GOVERNOR_ERROR : GOVERNOR_OK;
  if (is_too_many(in)) {
    v->class = FAIL_THROTTLED;
    v->outcome = GOVERNOR_THROTTLED;
  }
  snprintf(v->why, sizeof(v->why), "FTP %d %s", in->reply,
           v->class == FAIL_THROTTLED ? "too many connections"
                                      : protocol_reply_text(in->reply));
  return true;
}

static void judge_error(struct verdict *v, const struct verdict_input *in) {
  if (in->protocol != NULL && !in->protocol->http && judge_reply(v, in))
    return;
  v->class = retry_class_curl(in->curl_code);
  if (v->class == FAIL_LOCAL)
    v->outcome = GOVERNOR_GONE;
  else if (in->curl_code == CURLE_OPERATION_TIMEDOUT)
    v->outcome = GOVERNOR_TIMEOUT;
  else
    v->outcome = GOVERNOR_ERROR;
  snprintf(v->why, sizeof(v->why), "%s%s",
           in->curl_text[0] != '\0'
               ? in->curl_text
               : curl_easy_strerror((CURLcode)in->curl_code),
           in->curl_code == CURLE_OUT_OF_MEMORY && in->answer->status != 0
               ? ", or a header line of more than 100 KB"
               : ""); /* libcurl gives both one code */
}

void verdict_of(struct verdict *v, const struct verdict_input *in) {
  memset(v, 0, sizeof(*v));
  v->class = FAIL_NONE;
  v->outcome = GOVERNOR_OK;
  if (in->answer->status >= 300)
    judge_status(v, in);
  else if (in->curl_code != 0)
    judge_error(v, in);
}
