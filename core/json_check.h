/* SPDX-License-Identifier: MIT
 *
 * Is this JSON? A check of RFC 8259 that takes the text in pieces of any size
 * and keeps none of it: one value, nothing behind it, strings in UTF-8. A byte
 * order mark in front is passed over, as section 8.1 allows.
 *
 * Foreign bytes: arrays and objects may stand JSON_DEPTH deep in each other.
 * Pure; one thread at a time.
 */
#ifndef SPATE_JSON_CHECK_H
#define SPATE_JSON_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JSON_DEPTH 4096

struct json_check {
  /* read only */
  int64_t offset;  /* bytes taken; after a fault: where it is */
  const char *why; /* a literal; NULL: no fault so far */
  /* private */
  unsigned char state, utf8_left, hex_left;
  unsigned char utf8_low, utf8_high; /* bounds of the next byte */
  const char *literal;               /* what is left of true, false, null */
  unsigned depth;
  unsigned char object[JSON_DEPTH / 8]; /* a bit for each depth */
};

void json_check_init(struct json_check *check);

/* False from the first fault on. */
bool json_check_feed(struct json_check *check, const void *data, size_t length);

/* The text is complete: is it a whole value? */
bool json_check_end(struct json_check *check);

#endif
