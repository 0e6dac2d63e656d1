/* SPDX-License-Identifier: MIT
 *
 * JSON text as it comes, piece by piece: is it one well-formed value
 * (json_check.h), is it UTF-8 at all, and the same value without the blanks
 * between its tokens, so that it fits into a line. Nothing is converted:
 * numbers, escapes and members stay exactly as they were sent.
 *
 * Pure; any thread, one at a time.
 */
#ifndef SPATE_JSON_SCAN_H
#define SPATE_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bytes.h"
#include "json_check.h"

struct json_scan {
  /* private */
  struct json_check check;
  bool begun, marked; /* a byte order mark may not stand within a line */
  uint8_t tail;       /* continuation bytes of a character left */
  uint8_t low, high;  /* what the next of them may be */
  bool bad_utf8;
};

void json_scan_init(struct json_scan *scan);
void json_scan_feed(struct json_scan *scan, const char *data, size_t length);

/* After the last piece. */
bool json_scan_is_value(const struct json_scan *scan);
bool json_scan_is_utf8(const struct json_scan *scan);

/* Copies a piece of a well-formed value without the blanks outside of its
 * strings. */
struct json_squeeze {
  /* private; all zero at the beginning */
  bool in_string, escaped;
};
void json_squeeze(struct json_squeeze *squeeze, struct bytes *out,
                  const char *data, size_t length);

/* A piece of UTF-8 text as the inside of a JSON string. */
void json_escape(struct bytes *out, const char *data, size_t length);
/* A whole string with its quotes; bytes that are no UTF-8 become U+FFFD. */
void json_quote(struct bytes *out, const char *text, size_t length);

#endif
