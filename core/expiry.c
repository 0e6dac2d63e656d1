/* SPDX-License-Identifier: MIT
 *
 * Expiry of signed URLs and times of manifests.
 * Pure; any thread.
 */
#include "config.h"

#include "expiry.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "date.h"

#define VALUE_CAP 64
#define SIGNED_MOST_S 604800 /* seven days: the ceiling of all V4 schemes */
#define EPOCH_LEAST 100000000ll
#define EPOCH_MOST 99999999999ll

/* ---- times -----------------------------------------------------------------
 */

static int read_integer(const char *p, int64_t *value) {
  int64_t number = 0;
  size_t n = strspn(p, "0123456789");
  if (n == 0 || n > 15 || p[n] != '\0')
    return ERR_SYNTAX;
  for (; *p; p++)
    number = number * 10 + (*p - '0');
  *value = number;
  return 0;
}

static int read_epoch(const char *p, int64_t *unix_seconds) {
  int64_t value;
  if (read_integer(p, &value) < 0 || value < EPOCH_LEAST || value > EPOCH_MOST)
    return ERR_SYNTAX;
  *unix_seconds = value;
  return 0;
}

int expiry_parse_time(const char *text, int64_t *unix_seconds) {
  size_t n = strspn(text, "0123456789");
  if (n > 0 && text[n] == '\0') {
    int64_t ms;
    if (n != 13)
      return n == 8 ? date_iso(text, unix_seconds)
                    : read_epoch(text, unix_seconds);
    if (read_integer(text, &ms) < 0)
      return ERR_SYNTAX;
    *unix_seconds = ms / 1000;
    return 0;
  }
  if (n > 0)
    return date_iso(text, unix_seconds);
  int64_t at;
  if (date_http(text, &at) < 0 || at < 0 || at > EPOCH_MOST)
    return ERR_SYNTAX;
  *unix_seconds = at;
  return 0;
}

/* ---- URLs ------------------------------------------------------------------
 */

enum parameter {
  P_AMZ_DATE,
  P_AMZ_EXPIRES,
  P_GOOG_DATE,
  P_GOOG_EXPIRES,
  P_OSS_DATE,
  P_OSS_EXPIRES,
  P_EXPIRES,
  P_SIGNATURE,
  P_AWS_KEY,
  P_GOOGLE_ID,
  P_OSS_KEY,
  P_KEY_PAIR,
  P_SE,
  P_SKE,
  P_SIG,
  P_COUNT
};

static const char *const names[P_COUNT] = {
    [P_AMZ_DATE] = "x-amz-date",
    [P_AMZ_EXPIRES] = "x-amz-expires",
    [P_GOOG_DATE] = "x-goog-date",
    [P_GOOG_EXPIRES] = "x-goog-expires",
    [P_OSS_DATE] = "x-oss-date",
    [P_OSS_EXPIRES] = "x-oss-expires",
    [P_EXPIRES] = "expires",
    [P_SIGNATURE] = "signature",
    [P_AWS_KEY] = "awsaccesskeyid",
    [P_GOOGLE_ID] = "googleaccessid",
    [P_OSS_KEY] = "ossaccesskeyid",
    [P_KEY_PAIR] = "key-pair-id",
    [P_SE] = "se",
    [P_SKE] = "ske",
    [P_SIG] = "sig",
};

struct found {
  bool present[P_COUNT];
  char value[P_COUNT][VALUE_CAP]; /* "" when too long */
};

static int hex_digit(char c) {
  if (c >= '0' && c <= '9')
    return c - '0';
  c = (char)(c | 0x20);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* False when it does not fit or holds a NUL. */
static bool decode(const char *in, size_t len, bool lower, char *out,
                   size_t cap) {
  size_t n = 0;
  for (size_t i = 0; i < len; i++) {
    char c = in[i];
    if (c == '%' && i + 2 < len && hex_digit(in[i + 1]) >= 0 &&
        hex_digit(in[i + 2]) >= 0) {
      c = (char)(hex_digit(in[i + 1]) * 16 + hex_digit(in[i + 2]));
      i += 2;
    }
    if (c == '\0' || n + 1 >= cap)
      return false;
    out[n++] = (char)(lower && c >= 'A' && c <= 'Z' ? c | 0x20 : c);
  }
  out[n] = '\0';
  return true;
}

/* The first of a name counts. */
static void note(struct found *f, const char *p, size_t len) {
  char name[VALUE_CAP];
  const char *equals = memchr(p, '=', len);
  size_t name_len = equals ? (size_t)(equals - p) : len;
  if (!decode(p, name_len, true, name, sizeof name))
    return;
  for (int i = 0; i < P_COUNT; i++) {
    if (f->present[i] || strcmp(name, names[i]) != 0)
      continue;
    f->present[i] = true;
    if (!equals ||
        !decode(equals + 1, len - name_len - 1, false, f->value[i], VALUE_CAP))
      f->value[i][0] = '\0';
  }
}

static void keep_earliest(int64_t at, int64_t *best) {
  if (*best < 0 || at < *best)
    *best = at;
}

/* Date plus seconds: the V4 schemes. */
static void try_dated(const struct found *f, enum parameter date,
                      enum parameter seconds, int64_t *best) {
  int64_t begin, length;
  if (!f->present[date] || !f->present[seconds])
    return;
  const char *text = f->value[date];
  if (strlen(text) != 16 || text[8] != 'T' || text[15] != 'Z' ||
      date_iso(text, &begin) < 0)
    return;
  if (read_integer(f->value[seconds], &length) < 0 || length < 1 ||
      length > SIGNED_MOST_S)
    return;
  keep_earliest(begin + length, best);
}

static void try_epoch(const struct found *f, enum parameter name,
                      int64_t *best) {
  int64_t at;
  if (f->present[name] && read_epoch(f->value[name], &at) == 0)
    keep_earliest(at, best);
}

/* An ISO 8601 time of an Azure SAS. */
static void try_iso(const struct found *f, enum parameter name, int64_t *best) {
  int64_t at;
  if (f->present[name] && strchr(f->value[name], '-') &&
      date_iso(f->value[name], &at) == 0)
    keep_earliest(at, best);
}

int expiry_from_url(const char *url, int64_t *unix_seconds) {
  struct found f;
  int64_t best = -1;
  const char *p = strpbrk(url, "?#");
  if (!p || *p == '#')
    return ERR_NOTFOUND;
  memset(f.present, 0, sizeof f.present);
  for (p++; *p && *p != '#';) {
    size_t len = strcspn(p, "&#");
    note(&f, p, len);
    p += len + (p[len] == '&');
  }
  try_dated(&f, P_AMZ_DATE, P_AMZ_EXPIRES, &best);
  try_dated(&f, P_GOOG_DATE, P_GOOG_EXPIRES, &best);
  try_dated(&f, P_OSS_DATE, P_OSS_EXPIRES, &best);
  try_epoch(&f, P_OSS_EXPIRES, &best); /* OSS V2: too large to be a duration */
  if (f.present[P_SIGNATURE] &&
      (f.present[P_AWS_KEY] || f.present[P_GOOGLE_ID] || f.present[P_OSS_KEY] ||
       f.present[P_KEY_PAIR]))
    try_epoch(&f, P_EXPIRES, &best);
  if (f.present[P_SIG] && f.present[P_SE]) {
    try_iso(&f, P_SE, &best);
    if (best >= 0)
      try_iso(&f, P_SKE, &best); /* the key that signed it dies with it */
  }
  if (best < 0)
    return ERR_NOTFOUND;
  *unix_seconds = best;
  return 0;
}
