/* SPDX-License-Identifier: MIT
 *
 * A task's own method, body and headers: see request.h.
 */
#include "config.h"

#include "request.h"

#include <string.h>
#include <strings.h>

const char *request_verb(const struct task_fields *fields) {
  if (fields == NULL)
    return "GET";
  if (fields->method != NULL)
    return fields->method;
  return fields->body != NULL ? "POST" : "GET";
}

static bool is_one_of(const char *method, const char *const *list) {
  for (; *list != NULL; list++)
    if (strcmp(*list, method) == 0)
      return true;
  return false;
}

static size_t name_length(const char *header) {
  return strcspn(header, ":;");
}

static bool same_name(const char *a, const char *b) {
  size_t length = name_length(a);
  return length == name_length(b) && strncasecmp(a, b, length) == 0;
}

bool request_is_get(const struct task_fields *fields) {
  return strcmp(request_verb(fields), "GET") == 0 &&
         (fields == NULL || fields->body == NULL);
}

bool request_may_repeat(const struct task_fields *fields) {
  static const char *const safe[] = {"GET",    "PUT",      "DELETE",
                                     "QUERY",  "OPTIONS",  "REPORT",
                                     "SEARCH", "PROPFIND", NULL};
  if (is_one_of(request_verb(fields), safe))
    return true;
  for (size_t i = 0; i < fields->header_count; i++)
    if (same_name(fields->headers[i], "Idempotency-Key:"))
      return true;
  return false;
}

bool request_turns_get(const struct task_fields *fields, int status) {
  if (request_is_get(fields))
    return false;
  return status == 303 || ((status == 301 || status == 302) &&
                           strcmp(request_verb(fields), "POST") == 0);
}

static bool is_replaced(const char *header, const struct task_fields *fields) {
  for (size_t i = 0; i < fields->header_count; i++)
    if (same_name(header, fields->headers[i]))
      return true;
  return false;
}

int request_headers(struct curl_slist **out, const struct curl_slist *base,
                    const struct task_fields *fields, bool as_get) {
  struct curl_slist *list = NULL, *grown = NULL;
  bool failed = false;
  for (; base != NULL && !failed; base = base->next) {
    if (is_replaced(base->data, fields))
      continue;
    grown = curl_slist_append(list, base->data);
    failed = grown == NULL;
    list = failed ? list : grown;
  }
  for (size_t i = 0; i < fields->header_count && !failed; i++) {
    if (as_get && strncasecmp(fields->headers[i], "Content-", 8) == 0)
      continue;
    grown = curl_slist_append(list, fields->headers[i]);
    failed = grown == NULL;
    list = failed ? list : grown;
  }
  if (failed) {
    curl_slist_free_all(list);
    return ERR_NOMEM;
  }
  *out = list;
  return 0;
}

int request_method(CURL *easy, const struct task_fields *fields) {
  static const char *const with_body[] = {"POST", "PUT", "PATCH", NULL};
  const char *body = fields != NULL ? fields->body : NULL;
  curl_off_t length = body != NULL ? (curl_off_t)fields->body_length : 0;
  const char *method = fields != NULL ? fields->method : NULL;
  CURLcode code;
  if (body == NULL && is_one_of(request_verb(fields), with_body))
    body = ""; /* else no Content-Length is sent, which many servers want */
  code = curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body);
  if (code == CURLE_OK)
    code = curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                            body != NULL ? length : (curl_off_t)-1);
  if (code == CURLE_OK && body == NULL)
    code = curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
  if (code == CURLE_OK)
    code = curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method);
  return code == CURLE_OK ? 0 : ERR_NOMEM;
}
