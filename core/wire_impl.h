/* SPDX-License-Identifier: MIT
 *
 * What writer and reader of the wire share; nobody else includes this but the
 * test. Fields that change often stand first in a table: the mask is as short
 * as its last bit allows.
 */
#ifndef SPATE_WIRE_IMPL_H
#define SPATE_WIRE_IMPL_H

#include "wire.h"

enum wire_kind {
  WIRE_U64,
  WIRE_I64,
  WIRE_U32,
  WIRE_INT, /* and enumerations */
  WIRE_BOOL,
  WIRE_EXACT, /* a double, all of it */
  WIRE_RATE,  /* a double, four or five digits of it */
  WIRE_TEXT,
};

struct wire_field {
  enum wire_kind kind;
  size_t offset;
  const char *name;
};

struct wire_table {
  const struct wire_field *field;
  unsigned count;
  size_t size; /* of the record */
};

#define WIRE_FIELDS_MAX 420

extern const struct wire_table wire_head, wire_task, wire_host, wire_log;

/* A field's value as bits; a text's are a digest. */
uint64_t wire_get(const void *record, const struct wire_field *field);
/* False: no such value can be. Not for texts. */
bool wire_set(void *record, const struct wire_field *field, uint64_t bits);

const char **wire_text(void *record, const struct wire_field *field);

/* A double in 24 bits, and back. */
uint32_t wire_pack_rate(double value);
double wire_unpack_rate(uint32_t bits);

static inline uint64_t wire_zigzag(uint64_t difference) {
  return difference << 1 ^ (difference >> 63 ? UINT64_MAX : 0);
}
static inline uint64_t wire_unzigzag(uint64_t bits) {
  return bits >> 1 ^ (bits & 1 ? UINT64_MAX : 0);
}

#endif
