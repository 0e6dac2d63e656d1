/* SPDX-License-Identifier: MIT
 *
 * Unpacking of gzip, zstd, xz and bzip2 as a stream in bounded memory, with a
 * ceiling on what may come out.
 *
 * Files of several members or frames, one behind the other, are unpacked as
 * one, as gzip -d, zstd -d, xz -d and bzip2 -d do. What stands behind the last
 * of them is an error, zero bytes apart.
 *
 * A bomb is small and unpacks to very much: what has come out may not exceed
 * max_ratio times what went in, once it is over UNPACK_FREE bytes, nor
 * max_bytes in all.
 *
 * Foreign bytes. One thread at a time.
 */
#ifndef SPATE_UNPACK_H
#define SPATE_UNPACK_H

#include <stddef.h>
#include <stdint.h>

#include "err.h"

#define UNPACK_FREE ((int64_t)16 << 20)
#define UNPACK_MEMORY ((uint64_t)256 << 20) /* that a format may ask for */

enum unpack_kind {
  UNPACK_NONE,
  UNPACK_GZIP,
  UNPACK_ZSTD,
  UNPACK_XZ,
  UNPACK_BZIP2,
  UNPACK_KINDS
};

/* By the suffix of a name (.gz, .zst, .xz, .bz2, in any case); *stem is the
 * length of the name without it. A name that is nothing but a suffix is of no
 * kind. */
enum unpack_kind unpack_kind_of(const char *name, size_t *stem);

/* ".gz"; "". */
const char *unpack_suffix(enum unpack_kind kind);

/* "gzip"; "none". */
const char *unpack_name(enum unpack_kind kind);

struct unpack_limits {
  double max_ratio;  /* 0 none */
  int64_t max_bytes; /* 0 none */
};

struct unpack;

int unpack_new(struct unpack **out, enum unpack_kind kind,
               const struct unpack_limits *limits) MUST_CHECK;
void unpack_free(struct unpack *unpack); /* takes NULL */

/* Gives the next bytes; they are borrowed until unpack_take() has used them
 * up. length 0: nothing comes any more. */
void unpack_give(struct unpack *unpack, const void *data, size_t length);

/* Takes at most cap bytes out. Returns their number; 0: it wants more to be
 * given or, after the end was given, everything was taken. ERR_MALFORMED for
 * damaged or cut data, ERR_BOMB, ERR_NOMEM. */
int64_t unpack_take(struct unpack *unpack, void *data, size_t cap) MUST_CHECK;

/* Bytes that went in and came out. */
int64_t unpack_in(const struct unpack *unpack);
int64_t unpack_out(const struct unpack *unpack);

#endif
