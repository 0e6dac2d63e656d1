/* SPDX-License-Identifier: MIT
 *
 * Digests: see digest.h.
 */
#include "config.h"

#include "digest.h"

#include <ctype.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

static const struct {
  const char *name;
  size_t size;
} table[DIGEST_TYPES] = {{"none", 0},
#define DIGEST_ROW(sym, name, size) {name, size},
                         DIGEST_TABLE(DIGEST_ROW)
#undef DIGEST_ROW
};

const char *digest_name(enum digest_type type) {
  return (size_t)type < DIGEST_TYPES ? table[type].name : "none";
}

size_t digest_size(enum digest_type type) {
  return (size_t)type < DIGEST_TYPES ? table[type].size : 0;
}

/* In any case and with or without the hyphen: sha-256, SHA-256, sha256. */
static bool same_name(const char *known, const char *name, size_t length) {
  for (size_t i = 0; i < length; i++) {
    if (*known == '-' && name[i] != '-')
      known++;
    if (*known == '\0' || tolower((unsigned char)name[i]) != *known)
      return false;
    known++;
  }
  return *known == '\0';
}

enum digest_type digest_find(const char *name, size_t length) {
  for (int type = DIGEST_MD5; type < DIGEST_TYPES; type++)
    if (length > 0 && same_name(table[type].name, name, length))
      return (enum digest_type)type;
  return DIGEST_NONE;
}

/* ---- values as text -------------------------------------------------------
 */

static int hex_value(char c) {
  if (c >= '0' && c <= '9')
    return c - '0';
  c = (char)(c | 0x20);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int digest_from_hex(enum digest_type type, const char *hex, size_t length,
                    struct digest *digest) {
  memset(digest, 0, sizeof(*digest));
  if (digest_size(type) == 0 || length != 2 * digest_size(type))
    return ERR_SYNTAX;
  for (size_t i = 0; i < length; i += 2) {
    int high = hex_value(hex[i]), low = hex_value(hex[i + 1]);
    if (high < 0 || low < 0)
      return ERR_SYNTAX;
    digest->value[i / 2] = (unsigned char)(high << 4 | low);
  }
  digest->type = type;
  return 0;
}

static int base64_value(char c) {
  if (c >= 'A' && c <= 'Z')
    return c - 'A';
  if (c >= 'a' && c <= 'z')
    return c - 'a' + 26;
  if (c >= '0' && c <= '9')
    return c - '0' + 52;
  return c == '+' ? 62 : c == '/' ? 63 : -1;
}

int digest_from_base64(enum digest_type type, const char *text, size_t length,
                       struct digest *digest) {
  size_t size = digest_size(type), digits = (size * 8 + 5) / 6, put = 0;
  unsigned bits = 0, have = 0;
  memset(digest, 0, sizeof(*digest));
  if (size == 0 || length != (size + 2) / 3 * 4)
    return ERR_SYNTAX;
  for (size_t i = 0; i < length; i++) {
    int value = base64_value(text[i]);
    if (i >= digits ? text[i] != '=' : value < 0)
      return ERR_SYNTAX;
    if (i >= digits)
      continue;
    bits = (bits << 6 | (unsigned)value) & 0xffff;
    have += 6;
    if (have >= 8 && put < size) {
      have -= 8;
      digest->value[put++] = (unsigned char)(bits >> have);
    }
  }
  digest->type = type;
  return 0;
}

int digest_parse(const char *text, struct digest *digest, struct errmsg *msg) {
  const char *equals = strchr(text, '=');
  enum digest_type type;
  memset(digest, 0, sizeof(*digest));
  if (equals == NULL)
    return err_set(msg, ERR_SYNTAX,
                   "a checksum is TYPE=HEX, as sha-256=9f86d...");
  type = digest_find(text, (size_t)(equals - text));
  if (type == DIGEST_NONE)
    return err_set(msg, ERR_SYNTAX,
                   "the type of a checksum is sha-256, sha-512, sha-1 or md5");
  if (digest_from_hex(type, equals + 1, strlen(equals + 1), digest) != 0)
    return err_set(msg, ERR_SYNTAX, "a %s checksum has %d hexadecimal digits",
                   digest_name(type), (int)(2 * digest_size(type)));
  return 0;
}

char *digest_hex(const struct digest *digest, char *buf) {
  static const char digits[] = "0123456789abcdef";
  size_t size = digest_size(digest->type);
  for (size_t i = 0; i < size; i++) {
    buf[2 * i] = digits[digest->value[i] >> 4];
    buf[2 * i + 1] = digits[digest->value[i] & 15];
  }
  buf[2 * size] = '\0';
  return buf;
}

char *digest_text(const struct digest *digest, char *buf) {
  char hex[DIGEST_HEX];
  buf[0] = '\0';
  if (digest_size(digest->type) != 0)
    snprintf(buf, DIGEST_TEXT, "%s=%s", digest_name(digest->type),
             digest_hex(digest, hex));
  return buf;
}

bool digest_equal(const struct digest *a, const struct digest *b) {
  return a->type == b->type &&
         memcmp(a->value, b->value, digest_size(a->type)) == 0;
}

/* ---- running sums ---------------------------------------------------------
 */

static const EVP_MD *algorithm(enum digest_type type) {
  switch (type) {
  case DIGEST_MD5:
    return EVP_md5();
  case DIGEST_SHA1:
    return EVP_sha1();
  case DIGEST_SHA256:
    return EVP_sha256();
  case DIGEST_SHA512:
    return EVP_sha512();
  case DIGEST_NONE:
  case DIGEST_TYPES:
    break;
  }
  return NULL;
}

int digest_sum_init(struct digest_sum *sum, enum digest_type type) {
  const EVP_MD *md = algorithm(type);
  EVP_MD_CTX *ctx;
  sum->type = type;
  sum->state = NULL;
  if (md == NULL)
    return ERR_UNSUPPORTED;
  ctx = EVP_MD_CTX_new();
  if (ctx == NULL)
    return ERR_NOMEM;
  if (EVP_DigestInit_ex(ctx, md, NULL) != 1) {
    EVP_MD_CTX_free(ctx);
    return ERR_UNSUPPORTED;
  }
  sum->state = ctx;
  return 0;
}

void digest_sum_add(struct digest_sum *sum, const void *data, size_t length) {
  /* A failure here shows at the end, where there is no value then. */
  if (sum->state != NULL && EVP_DigestUpdate(sum->state, data, length) != 1)
    digest_sum_fini(sum);
}

int digest_sum_end(struct digest_sum *sum, struct digest *digest) {
  unsigned char value[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  memset(digest, 0, sizeof(*digest));
  if (sum->state == NULL ||
      EVP_DigestFinal_ex(sum->state, value, &length) != 1 ||
      length != digest_size(sum->type))
    return ERR_UNSUPPORTED;
  digest->type = sum->type;
  memcpy(digest->value, value, length);
  return 0;
}

void digest_sum_fini(struct digest_sum *sum) {
  EVP_MD_CTX_free(sum->state);
  sum->state = NULL;
}
