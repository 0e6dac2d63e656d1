/* SPDX-License-Identifier: MIT
 *
 * The page follows the cursor by as little as it can, and never shows empty
 * lines behind the end while there are rows before it.
 */
#include "config.h"

#include "listing.h"

void listing_move(struct listing *listing, int64_t by) {
  uint64_t last = listing->count > 0 ? listing->count - 1 : 0;
  uint64_t step = by < 0 ? (uint64_t)-by : (uint64_t)by;
  if (by < 0)
    listing->at = listing->at > step ? listing->at - step : 0;
  else
    listing->at = last - listing->at > step ? listing->at + step : last;
}

void listing_show(struct listing *listing, uint64_t count, size_t page) {
  listing->count = count;
  listing->page = page;
  if (listing->at >= count)
    listing->at = count > 0 ? count - 1 : 0;
  if (listing->at < listing->top)
    listing->top = listing->at;
  if (page > 0 && listing->at - listing->top >= page)
    listing->top = listing->at - page + 1;
  if (listing->top + page > count)
    listing->top = count > page ? count - page : 0;
}
