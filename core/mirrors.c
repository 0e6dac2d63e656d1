/* SPDX-License-Identifier: MIT
 *
 * Mirrors that the head of an answer names: see mirrors.h.
 *
 * Thread: the loop's.
 */
#include "config.h"

#include "mirrors.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

#include "engine_priv.h"
#include "link_header.h"
#include "request.h"
#include "verify.h"

struct found_mirrors {
  unsigned count;
  bool strict;
  const struct host *by; /* borrowed */
  struct digest digest;  /* of the whole, by the server that named them */
  char *url[MIRRORS_FOUND];
};

struct choice {
  char *url;
  int pri;
};

void mirrors_free(struct found_mirrors *found) {
  for (unsigned i = 0; found != NULL && i < found->count; i++)
    free(found->url[i]);
  free(found);
}

/* ---- what can be used ------------------------------------------------------
 */

/* The URL that a reference means, from where the answer came; NULL none. */
static char *resolve(const char *base, const struct link_value *link) {
  char *target = strndup(link->target, link->target_length);
  char *text = NULL, *copy = NULL;
  CURLU *url = curl_url();
  if (target != NULL && url != NULL &&
      curl_url_set(url, CURLUPART_URL, base, 0) == CURLUE_OK &&
      curl_url_set(url, CURLUPART_URL, target, 0) == CURLUE_OK &&
      curl_url_set(url, CURLUPART_FRAGMENT, NULL, 0) == CURLUE_OK &&
      curl_url_get(url, CURLUPART_URL, &text, 0) == CURLUE_OK)
    copy = strdup(text);
  curl_free(text);
  curl_url_cleanup(url);
  free(target);
  return copy;
}

static bool is_known(const struct task *task, const char *url) {
  size_t count = task->fields != NULL ? task->fields->mirror_count : 0;
  if (task->hop != NULL && strcmp(task->hop, url) == 0)
    return true;
  for (size_t i = 0; i <= count; i++)
    if (strcmp(task_mirror_url(task, (unsigned)i), url) == 0)
      return true;
  return false;
}

static bool is_usable(const struct task *task, const char *base,
                      const char *url) {
  struct url_parts from, to;
  if (url_split(base, PROTOCOL_USUAL, &from) != 0 ||
      url_split(url, PROTOCOL_USUAL, &to) != 0)
    return false;
  return to.user_len == 0 && (to.protocol->secure || !from.protocol->secure) &&
         !is_known(task, url);
}

/* The best ones, in order. */
static void choose(struct choice *choices, unsigned *count, char *url,
                   int pri) {
  unsigned at = *count;
  for (unsigned i = 0; i < *count; i++)
    if (strcmp(choices[i].url, url) == 0) {
      free(url);
      return;
    }
  while (at > 0 && choices[at - 1].pri > pri)
    at--;
  if (at == MIRRORS_FOUND) {
    free(url);
    return;
  }
  if (*count == MIRRORS_FOUND)
    free(choices[--*count].url);
  memmove(&choices[at + 1], &choices[at], (*count - at) * sizeof(*choices));
  choices[at] = (struct choice){url, pri};
  ++*count;
}

static unsigned find_all(const struct task *task,
                         const struct transfer *transfer,
                         struct choice *choices) {
  const char *at = transfer->links.data, *end = at + transfer->links.len;
  const char *base = task_target(task);
  unsigned count = 0;
  struct link_value link;
  for (unsigned seen = 0;
       seen < MIRRORS_SEEN && link_header_next(&at, end, &link); seen++) {
    char *url = link.duplicate ? resolve(base, &link) : NULL;
    if (url != NULL && is_usable(task, base, url))
      choose(choices, &count, url, link.pri);
    else
      free(url);
  }
  return count;
}

/* ---- what vouches for them -------------------------------------------------
 */

static bool has_digest(const struct engine *e, const struct task *task,
                       const struct answer *answer) {
  struct digest promised;
  if (task->fields != NULL && task->fields->pieces != NULL)
    return true;
  if (verify_promise(e, task, &promised, NULL) == 0 &&
      promised.type != DIGEST_NONE)
    return true;
  return !answer->encoded && answer->digest.type >= DIGEST_SHA256;
}

void mirrors_learn(struct engine *e, struct task *task,
                   const struct transfer *transfer) {
  struct choice choices[MIRRORS_FOUND + 1];
  const struct answer *answer = &transfer->answer;
  bool sure;
  unsigned count;
  if (transfer->links.len == 0 || task->found != NULL ||
      !request_is_get(task->fields) || transfer->links.failed != 0)
    return;
  sure = has_digest(e, task, answer);
  if (!sure && answer->etag[0] != '"')
    return;
  count = find_all(task, transfer, choices);
  if (count == 0)
    return;
  task->found = calloc(1, sizeof(*task->found));
  for (unsigned i = 0; i < count; i++) {
    if (task->found != NULL)
      task->found->url[i] = choices[i].url;
    else
      free(choices[i].url);
  }
  if (task->found == NULL)
    return;
  task->found->count = count;
  task->found->strict = !sure;
  task->found->by = transfer->host;
  if (!answer->encoded && answer->digest.type >= DIGEST_SHA256)
    task->found->digest = answer->digest;
  eventlog_add(&e->log, LOG_INFO, task->id, "%s: %s names %u mirrors",
               task->name, transfer->host->origin, count);
}

/* ---- by number -------------------------------------------------------------
 */

unsigned mirrors_found(const struct task *task, bool strict) {
  return task->found != NULL && (strict || !task->found->strict)
             ? task->found->count
             : 0;
}

bool mirrors_strict(const struct task *task) {
  return task->found != NULL && task->found->strict;
}

const char *mirrors_url(const struct task *task, unsigned index) {
  return task->found->url[index];
}

bool mirrors_public_only(const struct engine *e, const struct task *task,
                         unsigned number, const struct host *host) {
  size_t own = task->fields != NULL ? task->fields->mirror_count : 0;
  return e->config.no_private_redirects && task->found != NULL &&
         number > own && strcmp(task->found->by->name, host->name) != 0;
}

const struct digest *mirrors_digest(const struct task *task) {
  return task->found != NULL ? &task->found->digest : NULL;
}

void mirrors_forget(struct engine *e, struct task *task) {
  unsigned first =
      1 + (task->fields != NULL ? (unsigned)task->fields->mirror_count : 0);
  uint32_t bits = 0;
  if (task->found == NULL)
    return;
  for (unsigned i = 0; i < task->found->count && first + i < 32; i++)
    bits |= UINT32_C(1) << (first + i);
  task->found->digest.type = DIGEST_NONE;
  fetch__leave_mirrors(e, task, bits);
}
