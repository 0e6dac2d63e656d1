/* SPDX-License-Identifier: MIT
 *
 * The head of an HTTP answer: see answer.h.
 */
#include "config.h"

#include "answer.h"

#include "content_disposition.h"
#include "digest_header.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>
#include <time.h>

void answer_reset(struct answer *answer) {
  memset(answer, 0, sizeof(*answer));
  answer->content_length = -1;
  answer->range_first = answer->range_last = answer->range_size = -1;
}

/* Digits up to a border into *value; -1 is left for "too large or none". */
static size_t digits(const char *text, size_t length, int64_t *value) {
  size_t n = 0;
  int64_t sum = 0;
  while (n < length && text[n] >= '0' && text[n] <= '9') {
    if (sum > (INT64_MAX - 9) / 10)
      return 0;
    sum = sum * 10 + (text[n++] - '0');
  }
  if (n > 0)
    *value = sum;
  return n;
}

int answer_content_range(const char *value, size_t length, int64_t *first,
                         int64_t *last, int64_t *size) {
  int64_t from = -1, to = -1, whole = -1;
  size_t at = 6, n;
  if (length < 7 || strncasecmp(value, "bytes ", 6) != 0)
    return ERR_SYNTAX;
  if (value[at] == '*') {
    at++;
  } else {
    n = digits(value + at, length - at, &from);
    at += n;
    if (n == 0 || at >= length || value[at++] != '-')
      return ERR_SYNTAX;
    n = digits(value + at, length - at, &to);
    at += n;
    if (n == 0 || to < from)
      return ERR_SYNTAX;
  }
  if (at >= length || value[at++] != '/')
    return ERR_SYNTAX;
  if (at < length && value[at] == '*')
    at++;
  else
    at += digits(value + at, length - at, &whole);
  if (at != length || (whole >= 0 && to >= whole) || (from < 0 && whole < 0))
    return ERR_SYNTAX;
  *first = from;
  *last = to;
  *size = whole;
  return 0;
}

static void copy(char *out, size_t cap, const char *value, size_t length) {
  if (length >= cap) {
    out[0] = '\0'; /* a cut validator would be a wrong one */
    return;
  }
  memcpy(out, value, length);
  out[length] = '\0';
}

static bool is(const char *name, size_t length, const char *want) {
  return strlen(want) == length && strncasecmp(name, want, length) == 0;
}

/* Of several the strongest one is kept. Content-Digest is about this answer's
 * bytes, which are the body's only when all of it comes. */
static void field_digest(struct answer *answer, const char *name,
                         size_t name_len, const char *value, size_t length) {
  enum digest_field field = digest_field_find(name, name_len);
  struct digest digest;
  if (field == DIGEST_FIELD_NONE ||
      (field == DIGEST_FIELD_CONTENT && answer->status != 200))
    return;
  digest_header_parse(field, value, length, &digest);
  if (digest.type > answer->digest.type)
    answer->digest = digest;
}

/* libcurl takes the last of several, and one that is too large for none: where
 * such a body ends nobody knows (RFC 9112 section 6.3). */
static void field_length(struct answer *answer, const char *value,
                         size_t length) {
  int64_t number = -1;
  if (length == 0 || digits(value, length, &number) != length ||
      (answer->content_length >= 0 && answer->content_length != number))
    answer->length_bad = true;
  else
    answer->content_length = number;
}

/* Chunks say themselves where the body ends, whatever else stands there. */
static void settle_length(struct answer *answer) {
  if (answer->chunked || answer->length_bad)
    answer->content_length = -1;
  if (answer->chunked)
    answer->length_bad = false;
}

static void field_c(struct answer *answer, const char *name, size_t name_len,
                    const char *value, size_t length) {
  if (is(name, name_len, "content-length")) {
    field_length(answer, value, length);
  } else if (is(name, name_len, "content-range")) {
    answer->has_range =
        answer_content_range(value, length, &answer->range_first,
                             &answer->range_last, &answer->range_size) == 0;
  } else if (is(name, name_len, "content-type")) {
    if (length >= sizeof(answer->content_type)) /* the type stands in front */
      length = sizeof(answer->content_type) - 1;
    copy(answer->content_type, sizeof(answer->content_type), value, length);
  } else if (is(name, name_len, "content-disposition")) {
    if (content_disposition_name(value, length, answer->filename,
                                 sizeof(answer->filename)) != 0)
      answer->filename[0] = '\0';
  } else if (is(name, name_len, "content-encoding")) {
    answer->encoded = !is(value, length, "identity") && length > 0;
  } else {
    field_digest(answer, name, name_len, value, length);
  }
}

static void field(struct answer *answer, const char *name, size_t name_len,
                  const char *value, size_t length) {
  switch (name[0] | 0x20) {
  case 'c':
    field_c(answer, name, name_len, value, length);
    break;
  case 'e':
    if (is(name, name_len, "etag"))
      copy(answer->etag, sizeof(answer->etag), value, length);
    break;
  case 'l':
    if (is(name, name_len, "last-modified"))
      copy(answer->last_modified, sizeof(answer->last_modified), value, length);
    break;
  case 'r': /* Retry-After, RateLimit ... */
    field_digest(answer, name, name_len, value, length);
    /* fall through */
  case 'x':
    (void)throttle_header(&answer->hint, name, name_len, value, length,
                          (int64_t)time(NULL));
    break;
  case 'a':
    if (is(name, name_len, "accept-ranges"))
      answer->accepts_ranges = is(value, length, "bytes");
    break;
  case 't':
    if (is(name, name_len, "transfer-encoding") && length >= 7)
      answer->chunked = strncasecmp(value + length - 7, "chunked", 7) == 0;
    break;
  case 'd':
    if (is(name, name_len, "date"))
      copy(answer->date, sizeof(answer->date), value, length);
    else
      field_digest(answer, name, name_len, value, length);
    break;
  default:
    break;
  }
}

static bool space(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

enum answer_line answer_line(struct answer *answer, const char *line,
                             size_t length) {
  const char *colon;
  size_t name_len, start;
  while (length > 0 && space(line[length - 1]))
    length--;
  if (length == 0) {
    settle_length(answer);
    return ANSWER_END;
  }
  if (length >= 5 && strncmp(line, "HTTP/", 5) == 0) {
    const char *gap = memchr(line, ' ', length);
    int64_t status = 0;
    answer_reset(answer);
    if (gap != NULL)
      digits(gap + 1, length - (size_t)(gap + 1 - line), &status);
    answer->status = status >= 100 && status <= 999 ? (int)status : 0;
    return ANSWER_MORE;
  }
  colon = memchr(line, ':', length);
  if (colon == NULL || colon == line)
    return ANSWER_MORE;
  name_len = (size_t)(colon - line);
  for (start = name_len + 1; start < length && space(line[start]);)
    start++;
  field(answer, line, name_len, line + start, length - start);
  return ANSWER_MORE;
}

const char *answer_if_range(const char *etag, const char *last_modified) {
  if (etag[0] == '"')
    return etag;
  return etag[0] == '\0' ? last_modified : "";
}
