/* SPDX-License-Identifier: MIT
 *
 * A cursor in a list of rows of which a page is in sight.
 *
 * Positions are 64-bit: the list of all tasks of a session is one of these.
 * Pure.
 */
#ifndef SPATE_UI_LISTING_H
#define SPATE_UI_LISTING_H

#include <stddef.h>
#include <stdint.h>

struct listing {
  uint64_t at, top, count;
  size_t page; /* rows in sight, told by whoever draws */
};

/* Moves by so many rows, cut at the ends. */
void listing_move(struct listing *listing, int64_t by);
/* Tells the present length and what is in sight; keeps the cursor there. */
void listing_show(struct listing *listing, uint64_t count, size_t page);

#endif
