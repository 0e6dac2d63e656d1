/* SPDX-License-Identifier: MIT
 *
 * Bodies that need no storage: byte i of the body of a seed is
 *
 *   p = i + (splitmix64(seed) mod 2^40);  k = p / 65521
 *   base[p mod 65521] ^ ((k * 167 + (k >> 8) * 59) & 0xff)
 *
 * where base[n] is the highest byte of x_(n+1), x_0 = 1, x_(n+1) = x_n *
 * 6364136223846793005 + 1442695040888963407 mod 2^64. tests/e2e/harness.py has
 * the same in Python, so that any range can be made and checked anywhere.
 */
#ifndef FAULTD_BODY_H
#define FAULTD_BODY_H

#include <stddef.h>
#include <stdint.h>

#include "faultd-buf.h"

void body_init(void);

/* Writes bytes at .. at+len-1 of the seed's body. */
void body_fill(uint64_t seed, uint64_t at, char *out, size_t len);

/* Appends the body as a gzip file of stored blocks (RFC 1951, 3.2.4). */
void body_gzip(uint64_t seed, uint64_t size, struct buf *out);

uint64_t body_mix(uint64_t x); /* splitmix64 */

#endif
