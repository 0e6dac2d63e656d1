/* SPDX-License-Identifier: MIT
 *
 * A list as text, whether it comes packed or not: gzip, zstd, xz and bzip2 are
 * known by their first bytes and unpacked as a stream, everything else passes
 * as it is.
 *
 * Bounded memory; what unpacks to more than PLAIN_RATIO times its size is no
 * list but a trap (deflate's best is 1032 to 1, for one byte repeated).
 *
 * Foreign bytes. One thread at a time.
 */
#ifndef SPATE_PLAIN_H
#define SPATE_PLAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "unpack.h"

#define PLAIN_RATIO 900
#define PLAIN_MAGIC 6 /* bytes that tell */

/* The kind by the first bytes. *more: they may yet be those of another one;
 * never with PLAIN_MAGIC bytes. */
enum unpack_kind plain_kind(const void *data, size_t length, bool *more);

struct plain {
  /* private */
  unsigned char head[PLAIN_MAGIC];
  size_t head_len;
  bool decided, ended, told_end;
  struct unpack *unpack; /* taken; NULL: it is text already */
  struct {
    const unsigned char *data;
    size_t length;
  } part[2]; /* what was given and not taken */
};

void plain_init(struct plain *plain);
void plain_fini(struct plain *plain);

/* Gives the next bytes, borrowed until plain_take() answers 0. length 0:
 * nothing comes any more. */
int plain_give(struct plain *plain, const void *data, size_t length) MUST_CHECK;

/* Takes at most cap bytes; 0: more must be given, or it was all. ERR_MALFORMED
 * for packed data that is damaged or cut off, ERR_BOMB, ERR_NOMEM. */
int64_t plain_take(struct plain *plain, void *data, size_t cap) MUST_CHECK;

/* What such a code means for a list; for people. */
const char *plain_fault(int code);

#endif
