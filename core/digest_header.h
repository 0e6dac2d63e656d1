/* SPDX-License-Identifier: MIT
 *
 * The digests that a server promises in its header fields: Digest (RFC 3230
 * section 4.3.2, as RFC 6249 uses it) and Repr-Digest and Content-Digest (RFC
 * 9530 sections 2 and 3).
 *
 * Foreign bytes: what cannot be read is passed over, and nothing is taken
 * twice. Pure; any thread.
 */
#ifndef SPATE_DIGEST_HEADER_H
#define SPATE_DIGEST_HEADER_H

#include <stddef.h>

#include "digest.h"

enum digest_field {
  DIGEST_FIELD_NONE,
  DIGEST_FIELD_DIGEST,  /* of the whole file, whatever the range */
  DIGEST_FIELD_REPR,    /* likewise */
  DIGEST_FIELD_CONTENT, /* of the bytes of this very answer */
};

/* Which of them a field name is (in any case). */
enum digest_field digest_field_find(const char *name, size_t length);

/* The strongest digest in the field's value that this program knows:
 * type DIGEST_NONE when there is none. */
void digest_header_parse(enum digest_field field, const char *value,
                         size_t length, struct digest *digest);

#endif
