/* SPDX-License-Identifier: MIT
 *
 * Digests of the pieces of a file: see pieces.h.
 *
 * Thread: a set belongs to one thread at a time.
 */
#include "config.h"

#include "pieces.h"

#include <errno.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct pieces {
  enum digest_type type;
  int64_t length, size;
  size_t count, bytes; /* of pieces; of each value */
  unsigned char *values;
  struct digest_sum sum; /* of the piece at hand */
  int64_t fed;
  size_t at; /* the piece at hand */
  int code;
  struct ranges bad;
};

/* ---- text ------------------------------------------------------------------
 */

static char *format(enum digest_type type, int64_t length,
                    const unsigned char *packed, size_t bytes) {
  size_t room = 64 + (bytes + 2) / 3 * 4;
  char *text = malloc(room);
  int head;
  if (text == NULL)
    return NULL;
  head = snprintf(text, 64, "%s=%" PRId64 ":", digest_name(type), length);
  EVP_EncodeBlock((unsigned char *)text + head, packed, (int)bytes);
  return text;
}

static size_t encoded(size_t bytes) {
  return 64 + (bytes + 2) / 3 * 4;
}

char *pieces_text(enum digest_type type, int64_t length,
                  const unsigned char *values, size_t count, size_t cap) {
  size_t whole = digest_size(type), each = whole;
  unsigned char *packed;
  char *text;
  while (each > PIECES_LEAST && encoded(count * each) > cap)
    each /= 2;
  if (each < PIECES_LEAST)
    each = PIECES_LEAST;
  if (count == 0 || encoded(count * each) > cap)
    return NULL;
  packed = malloc(count * each);
  if (packed == NULL)
    return NULL;
  for (size_t i = 0; i < count; i++)
    memcpy(packed + i * each, values + i * whole, each);
  text = format(type, length, packed, count * each);
  free(packed);
  return text;
}

/* Where the base64 begins; NULL: it is not of the form. */
static const char *read_head(const char *text, enum digest_type *type,
                             int64_t *length) {
  const char *sign = strchr(text, '=');
  char *end;
  *type = sign != NULL ? digest_find(text, (size_t)(sign - text)) : DIGEST_NONE;
  if (*type == DIGEST_NONE || sign[1] < '0' || sign[1] > '9')
    return NULL;
  errno = 0;
  *length = strtoll(sign + 1, &end, 10);
  return errno == 0 && *length > 0 && *end == ':' ? end + 1 : NULL;
}

/* Its length in bytes; 0: it is none. */
static size_t base64_bytes(const char *text) {
  static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "abcdefghijklmnopqrstuvwxyz0123456789+/";
  size_t plain = strspn(text, letters);
  size_t padding = strspn(text + plain, "=");
  if (text[plain + padding] != '\0' || padding > 2 ||
      (plain + padding) % 4 != 0)
    return 0;
  return (plain + padding) / 4 * 3 - padding;
}

bool pieces_valid(const char *text) {
  enum digest_type type;
  int64_t length;
  const char *values = read_head(text, &type, &length);
  return values != NULL && base64_bytes(values) >= PIECES_LEAST;
}

/* ---- life ------------------------------------------------------------------
 */

static int read_values(struct pieces *p, const char *text) {
  size_t length = strlen(text), bytes = base64_bytes(text);
  p->count = (size_t)((p->size - 1) / p->length) + 1;
  p->bytes = bytes / p->count;
  if (bytes == 0 || bytes % p->count != 0 || p->bytes < PIECES_LEAST ||
      p->bytes > digest_size(p->type))
    return ERR_SYNTAX;
  p->values = malloc(length);
  if (p->values == NULL)
    return ERR_NOMEM;
  return EVP_DecodeBlock(p->values, (const unsigned char *)text, (int)length) <
                 0
             ? ERR_SYNTAX
             : 0;
}

int pieces_new(struct pieces **out, const char *text, int64_t size) {
  struct pieces *p = calloc(1, sizeof(*p));
  const char *values;
  int code;
  if (p == NULL)
    return ERR_NOMEM;
  p->size = size;
  values = read_head(text, &p->type, &p->length);
  code = values != NULL && size > 0 ? read_values(p, values) : ERR_SYNTAX;
  if (code != 0) {
    pieces_free(p);
    return code;
  }
  *out = p;
  return 0;
}

void pieces_free(struct pieces *p) {
  if (p == NULL)
    return;
  digest_sum_fini(&p->sum);
  ranges_fini(&p->bad);
  free(p->values);
  free(p);
}

bool pieces_fit(const char *text, int64_t size) {
  struct pieces *pieces;
  if (pieces_new(&pieces, text, size) != 0)
    return false;
  pieces_free(pieces);
  return true;
}

/* ---- bytes -----------------------------------------------------------------
 */

static int64_t end_of(const struct pieces *p) {
  int64_t end = (int64_t)(p->at + 1) * p->length;
  return end < p->size ? end : p->size;
}

static void close_piece(struct pieces *p, bool whole) {
  struct digest digest = {0};
  int64_t first = (int64_t)p->at * p->length;
  bool good = whole && digest_sum_end(&p->sum, &digest) == 0 &&
              memcmp(digest.value, p->values + p->at * p->bytes, p->bytes) == 0;
  digest_sum_fini(&p->sum);
  p->sum.state = NULL;
  if (!good && p->code == 0)
    p->code = ranges_add(&p->bad, first, end_of(p));
  p->at++;
}

void pieces_feed(struct pieces *p, const void *data, size_t length) {
  const char *at = data;
  while (length > 0 && p->at < p->count && p->code == 0) {
    int64_t room = end_of(p) - p->fed;
    size_t take = (int64_t)length < room ? length : (size_t)room;
    if (p->sum.state == NULL)
      p->code = digest_sum_init(&p->sum, p->type);
    if (p->code != 0)
      return;
    digest_sum_add(&p->sum, at, take);
    p->fed += (int64_t)take;
    at += take;
    length -= take;
    if (p->fed == end_of(p))
      close_piece(p, true);
  }
}

int64_t pieces_fed(const struct pieces *p) {
  return p->fed;
}

int pieces_end(struct pieces *p, const struct ranges **bad) {
  while (p->at < p->count && p->code == 0)
    close_piece(p, false);
  *bad = &p->bad;
  return p->code;
}
