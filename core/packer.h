/* SPDX-License-Identifier: MIT
 *
 * Compression in frames that can be read each by itself: zstd frames with a
 * checksum (RFC 8878), gzip members (RFC 1952), or none at all. Files that are
 * made of whole frames can be cut after any of them and stay valid.
 *
 * Pure but for memory; any thread, one at a time. Contexts are kept between
 * frames.
 */
#ifndef SPATE_PACKER_H
#define SPATE_PACKER_H

#include <stddef.h>
#include <stdint.h>

#include "bytes.h"

enum codec { CODEC_NONE, CODEC_GZIP, CODEC_ZSTD };

/* ".gz", ".zst" or "". */
const char *codec_suffix(enum codec codec);

struct packer;

int packer_new(struct packer **out, enum codec codec) MUST_CHECK;
void packer_free(struct packer *packer); /* takes NULL */

/* A frame goes to out (borrowed), which says whether it failed. */
void packer_begin(struct packer *packer, struct bytes *out);
void packer_add(struct packer *packer, const void *data, size_t length);
void packer_end(struct packer *packer);

/* Bytes added to the frame so far, before compression. */
uint64_t packer_taken(const struct packer *packer);

#endif
