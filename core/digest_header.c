/* SPDX-License-Identifier: MIT
 *
 * Digests in header fields: see digest_header.h.
 */
#include "config.h"

#include "digest_header.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

enum digest_field digest_field_find(const char *name, size_t length) {
  static const struct {
    const char *name;
    enum digest_field field;
  } known[] = {{"digest", DIGEST_FIELD_DIGEST},
               {"repr-digest", DIGEST_FIELD_REPR},
               {"content-digest", DIGEST_FIELD_CONTENT}};
  for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
    if (strlen(known[i].name) == length &&
        strncasecmp(known[i].name, name, length) == 0)
      return known[i].field;
  return DIGEST_FIELD_NONE;
}

/* RFC 3230 calls SHA-1 "SHA"; RFC 9530 has it as "sha". */
static enum digest_type type_of(const char *name, size_t length) {
  if (length == 3 && strncasecmp(name, "sha", 3) == 0)
    return DIGEST_SHA1;
  return digest_find(name, length);
}

/* Metalink/HTTP servers send base64; some others hexadecimal digits. */
static bool read_value(enum digest_type type, const char *text, size_t length,
                       struct digest *digest) {
  return digest_from_base64(type, text, length, digest) == 0 ||
         digest_from_hex(type, text, length, digest) == 0;
}

/* One member: NAME=VALUE, and for RFC 9530 the value between colons. */
static void take_member(enum digest_field field, const char *text,
                        size_t length, struct digest *best) {
  const char *equals = memchr(text, '=', length);
  struct digest digest;
  enum digest_type type;
  size_t left;
  if (equals == NULL)
    return;
  type = type_of(text, (size_t)(equals - text));
  left = length - (size_t)(equals - text) - 1;
  text = equals + 1;
  if (field != DIGEST_FIELD_DIGEST) {
    if (left < 2 || text[0] != ':' || text[left - 1] != ':')
      return;
    text++;
    left -= 2;
  }
  if (type > best->type && read_value(type, text, left, &digest))
    *best = digest;
}

static bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

void digest_header_parse(enum digest_field field, const char *value,
                         size_t length, struct digest *digest) {
  const char *end = value + length;
  memset(digest, 0, sizeof(*digest));
  while (field != DIGEST_FIELD_NONE && value < end) {
    const char *comma = memchr(value, ',', (size_t)(end - value));
    const char *stop = comma != NULL ? comma : end;
    const char *last = stop;
    while (value < last && is_blank(*value))
      value++;
    while (last > value && is_blank(last[-1]))
      last--;
    take_member(field, value, (size_t)(last - value), digest);
    value = stop + 1;
  }
}
