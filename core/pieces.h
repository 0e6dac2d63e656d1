/* SPDX-License-Identifier: MIT
 *
 * Digests of the pieces of a file (RFC 5854 section 4.1.3): which of them are
 * damaged, so that these alone are fetched again.
 *
 * They travel as text, as one field of a manifest's line:
 *
 *   sha-256=LENGTH:BASE64
 *
 * LENGTH is that of each piece but the last; the base64 is that of the values,
 * one behind the other. How many there are follows from the file's size, and
 * how many bytes of each are given from that: where a line has no room for all
 * of them they are shortened, since these only tell where to look. Whether the
 * whole is right is for its own digest to say.
 *
 * Thread: a set belongs to one thread at a time; the rest is pure.
 */
#ifndef SPATE_PIECES_H
#define SPATE_PIECES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "digest.h"
#include "ranges.h"

#define PIECES_LEAST 4 /* bytes of a shortened value */

/* The text of values that stand one behind the other, with no more than cap
 * bytes; to be freed. NULL: without memory, or they do not fit. */
char *pieces_text(enum digest_type type, int64_t length,
                  const unsigned char *values, size_t count, size_t cap);

/* Is the text of that form? */
bool pieces_valid(const char *text);

/* And for a file of that size? */
bool pieces_fit(const char *text, int64_t size);

struct pieces;

/* For a file of that size. ERR_SYNTAX: the text is not for such a file. */
int pieces_new(struct pieces **out, const char *text, int64_t size) MUST_CHECK;
void pieces_free(struct pieces *pieces); /* takes NULL */

/* The next bytes, in order from the first. */
void pieces_feed(struct pieces *pieces, const void *data, size_t length);
int64_t pieces_fed(const struct pieces *pieces);

/* The damaged ones, after the last byte; pieces that were not fed to their end
 * count among them. ERR_NOMEM: they could not be told. */
int pieces_end(struct pieces *pieces, const struct ranges **bad) MUST_CHECK;

#endif
