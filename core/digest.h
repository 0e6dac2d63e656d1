/* SPDX-License-Identifier: MIT
 *
 * Digests of bodies: names, running sums, values as people and servers write
 * them. The sums are libcrypto's.
 *
 * A digest_sum belongs to one thread at a time; the rest is pure, any thread.
 */
#ifndef SPATE_DIGEST_H
#define SPATE_DIGEST_H

#include <stdbool.h>
#include <stddef.h>

#include "err.h"

/*   symbol          name, size in bytes. A stronger one has a higher number. */
#define DIGEST_TABLE(X)           \
  X(DIGEST_MD5, "md5", 16)        \
  X(DIGEST_SHA1, "sha-1", 20)     \
  X(DIGEST_SHA256, "sha-256", 32) \
  X(DIGEST_SHA512, "sha-512", 64)

enum digest_type {
  DIGEST_NONE, /* no digest; also what zeroed memory means */
#define DIGEST_ENUM(sym, name, size) sym,
  DIGEST_TABLE(DIGEST_ENUM)
#undef DIGEST_ENUM
      DIGEST_TYPES
};

#define DIGEST_MAX 64
#define DIGEST_HEX (2 * DIGEST_MAX + 1)
#define DIGEST_TEXT (DIGEST_HEX + 8) /* "sha-512=HEX" */

struct digest {
  enum digest_type type; /* DIGEST_NONE: no value */
  unsigned char value[DIGEST_MAX];
};

/* "sha-256"; "none" for DIGEST_NONE. */
const char *digest_name(enum digest_type type);
size_t digest_size(enum digest_type type);

/* Finds a type by its name, "sha256" and "SHA-256" included; DIGEST_NONE when
 * it is unknown. The name ends at length. */
enum digest_type digest_find(const char *name, size_t length);

/* Reads "TYPE=HEX". ERR_SYNTAX names what is wrong. */
int digest_parse(const char *text, struct digest *digest,
                 struct errmsg *msg) MUST_CHECK;

/* Reads exactly the hexadecimal digits of a value of that type. */
int digest_from_hex(enum digest_type type, const char *hex, size_t length,
                    struct digest *digest) MUST_CHECK;

/* The same in base64 (RFC 4648, padding needed). */
int digest_from_base64(enum digest_type type, const char *text, size_t length,
                       struct digest *digest) MUST_CHECK;

/* Lower-case digits; buf has room for DIGEST_HEX. Returns buf. */
char *digest_hex(const struct digest *digest, char *buf);

/* "sha-256=HEX"; buf has room for DIGEST_TEXT; "" for no value. Returns buf. */
char *digest_text(const struct digest *digest, char *buf);

/* Same type and value. */
bool digest_equal(const struct digest *a, const struct digest *b);

/* ---- running sums -------------------------------------------------------- */

struct digest_sum {
  /* private */
  enum digest_type type;
  void *state;
};

/* ERR_UNSUPPORTED when this system's libcrypto refuses the type (as a FIPS
 * one does md5), ERR_NOMEM. fini is needed only after success, but harmless
 * on zeroed memory. */
int digest_sum_init(struct digest_sum *sum, enum digest_type type) MUST_CHECK;
void digest_sum_add(struct digest_sum *sum, const void *data, size_t length);
/* The value so far; nothing may be added after it. */
int digest_sum_end(struct digest_sum *sum, struct digest *digest) MUST_CHECK;
void digest_sum_fini(struct digest_sum *sum);

#endif
