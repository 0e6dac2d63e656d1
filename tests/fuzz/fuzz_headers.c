/* SPDX-License-Identifier: MIT
 *
 * Values of single header fields: Content-Range, Retry-After, the RateLimit
 * family, Link, the digests, Content-Disposition. The first byte chooses.
 */
#include "config.h"

#include <inttypes.h>
#include <math.h>

#include "answer.h"
#include "content_disposition.h"
#include "digest_header.h"
#include "fuzz.h"
#include "link_header.h"
#include "names.h"
#include "retry.h"
#include "throttle.h"

#define NOW INT64_C(1700000000)

static void content_range(const char *value, size_t length) {
  int64_t first = -2, last = -2, size = -2, again[3];
  char text[100];
  if (answer_content_range(value, length, &first, &last, &size) != 0) {
    FUZZ_NEED(first == -2 && last == -2 && size == -2);
    return;
  }
  if (first < 0) {
    FUZZ_NEED(first == -1 && last == -1 && size >= 0);
    return;
  }
  FUZZ_NEED(first <= last && (size == -1 || last < size));
  int n = snprintf(text, sizeof text, "bytes %" PRId64 "-%" PRId64 "/", first,
                   last);
  snprintf(text + n, sizeof text - (size_t)n, size < 0 ? "*" : "%" PRId64,
           size);
  FUZZ_NEED(answer_content_range(text, strlen(text), &again[0], &again[1],
                                 &again[2]) == 0);
  FUZZ_NEED(again[0] == first && again[1] == last && again[2] == size);
}

static void retry_after(const char *value, size_t length) {
  char *text = fuzz_text((const uint8_t *)value, length);
  double seconds = -1;
  if (retry_after_parse(text, NOW, &seconds) == 0)
    FUZZ_NEED(seconds >= 0 && seconds <= RETRY_AFTER_MAX_S);
  free(text);
}

static void throttle(const char *value, size_t length) {
  static const char *const name[] = {
      "Retry-After",           "RateLimit",          "RateLimit-Policy",
      "X-RateLimit-Remaining", "X-RateLimit-Reset",  "retry-after-ms",
      "x-ms-retry-after-ms",   "X-RateLimit-Limit",  "RateLimit-Reset",
      "RateLimit-Limit",       "RateLimit-Remaining"};
  struct throttle_hint all = {0};
  for (size_t i = 0; i < sizeof name / sizeof *name; i++) {
    struct throttle_hint one = {0};
    throttle_header(&one, name[i], strlen(name[i]), value, length, NOW);
    throttle_header(&all, name[i], strlen(name[i]), value, length, NOW);
    for (int turn = 0; turn < 2; turn++) {
      const struct throttle_hint *h = turn ? &all : &one;
      FUZZ_NEED(!h->has_wait ||
                (h->wait_s >= 0 && h->wait_s <= THROTTLE_MOST_S));
      FUZZ_NEED(!h->has_reset ||
                (h->reset_s >= 0 && h->reset_s <= THROTTLE_MOST_S));
      FUZZ_NEED(!h->has_remaining || h->remaining >= 0);
      FUZZ_NEED(!h->has_limit || h->limit >= 0);
      FUZZ_NEED(!h->has_window || h->window_s >= 0);
      FUZZ_NEED(!isnan(throttle_rate(h)));
    }
  }
}

static void links(const char *value, size_t length) {
  const char *at = value, *end = value + length;
  struct link_value link;
  size_t count = 0;
  while (link_header_next(&at, end, &link)) {
    FUZZ_NEED(at > value && at <= end);
    FUZZ_NEED(link.target > value && link.target_length < length);
    FUZZ_NEED(link.target + link.target_length < end);
    FUZZ_NEED(link.pri >= 1 && link.pri <= LINK_PRI_LAST);
    FUZZ_NEED(memchr(link.geo, '\0', sizeof link.geo) != NULL);
    FUZZ_NEED(memchr(link.type, '\0', sizeof link.type) != NULL);
    FUZZ_NEED(++count <= length / 2);
  }
  FUZZ_NEED(at == end);
}

static void digests(const char *value, size_t length) {
  for (int field = DIGEST_FIELD_DIGEST; field <= DIGEST_FIELD_CONTENT;
       field++) {
    struct digest digest, again;
    char hex[DIGEST_HEX];
    digest_header_parse((enum digest_field)field, value, length, &digest);
    FUZZ_NEED(digest.type < DIGEST_TYPES);
    if (digest.type == DIGEST_NONE)
      continue;
    FUZZ_NEED(strlen(digest_hex(&digest, hex)) == 2 * digest_size(digest.type));
    FUZZ_NEED(digest_from_hex(digest.type, hex, strlen(hex), &again) == 0);
    FUZZ_NEED(digest_equal(&digest, &again));
  }
}

static void disposition(const char *value, size_t length) {
  char name[300], out[NAME_CAP];
  if (content_disposition_name(value, length, name, sizeof name) != 0)
    return;
  FUZZ_NEED(name[0] != '\0' && strlen(name) < sizeof name);
  FUZZ_NEED(fuzz_is_utf8(name, strlen(name)));
  if (name_from_server(name, "dir/own", LAYOUT_FLAT, out, sizeof out) == 0) {
    fuzz_need_safe_name(out);
    FUZZ_NEED(strncmp(out, "dir/", 4) == 0 && out[4] != '.');
    FUZZ_NEED(strchr(out + 4, '/') == NULL);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static void (*const field[])(const char *, size_t) = {
      content_range, retry_after, throttle, links, digests, disposition};
  unsigned choice = fuzz_byte(&data, &size);
  char *value = fuzz_alloc(size);
  memcpy(value, data, size);
  field[choice % (sizeof field / sizeof *field)](value, size);
  free(value);
  return 0;
}
