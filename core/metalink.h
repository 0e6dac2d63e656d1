/* SPDX-License-Identifier: MIT
 *
 * Metalink 4 documents (RFC 5854): files, each with a size, digests, digests
 * of its pieces, and URLs in an order of preference.
 *
 * Foreign bytes: the document, its depth and the number and length of
 * everything in it have ceilings; what is declared in a DTD is refused, so
 * that no entity is ever expanded, and nothing outside is ever read. A file's
 * name is what the document says: NOT safe as a file name (names.h cleans it),
 * and its URLs are not judged yet.
 *
 * Pure; any one thread at a time.
 */
#ifndef SPATE_METALINK_H
#define SPATE_METALINK_H

#include <stddef.h>
#include <stdint.h>

#include "digest.h"

#define METALINK_BYTES ((size_t)16 << 20)
#define METALINK_TEXT 8192 /* of one element or attribute */
#define METALINK_FILES 100000
#define METALINK_URLS 256       /* of one file */
#define METALINK_PIECES 1000000 /* of one file */
#define METALINK_PRIORITY_LAST 999999

struct metalink_url {
  char *url;
  int priority;     /* 1 is the best */
  char location[3]; /* country, lower case; "" none */
};

struct metalink_file {
  char *name;
  int64_t size;                        /* -1 not said */
  struct digest digests[DIGEST_TYPES]; /* by type; DIGEST_NONE: not said */
  struct metalink_url *urls;           /* the best first, else as they stand */
  size_t url_count;
  /* Digests of consecutive pieces, all as long but the last. */
  enum digest_type piece_type; /* DIGEST_NONE: there are none */
  int64_t piece_length;
  unsigned char *pieces; /* piece_count times digest_size(piece_type) */
  size_t piece_count;
};

struct metalink {
  struct metalink_file *files;
  size_t count;
};

/* Reads a whole document. ERR_SYNTAX names line and fault, ERR_TOOBIG a
 * ceiling, ERR_NOMEM. On failure there is nothing to free. */
int metalink_parse(struct metalink *metalink, const char *data, size_t length,
                   struct errmsg *msg) MUST_CHECK;
void metalink_fini(struct metalink *metalink);

/* The strongest digest said of the file; type DIGEST_NONE without one. */
const struct digest *metalink_best(const struct metalink_file *file);

#endif
