/* SPDX-License-Identifier: MIT
 *
 * Members of JSON objects that programs read: the same care about numbers that
 * are none and text that is no UTF-8, wherever it is printed. A member that
 * cannot be made (no memory) is left out.
 *
 * Thread: any one; objects belong to the caller's.
 */
#ifndef SPATE_MEMBER_H
#define SPATE_MEMBER_H

#include <jansson.h>
#include <stdint.h>

/* How objects are printed: ASCII with escapes, one line. */
#define MEMBER_FORMAT                                       \
  (JSON_COMPACT | JSON_ENSURE_ASCII | JSON_PRESERVE_ORDER | \
   JSON_REAL_PRECISION(10))

/* Takes value over. */
void member_put(json_t *object, const char *name, json_t *value);

/* Cut at what JSON readers take for an integer. */
void member_whole(json_t *object, const char *name, uint64_t value);

/* null when negative: not known. */
void member_known(json_t *object, const char *name, int64_t value);

/* Three decimals; what is not a number is null. */
void member_real(json_t *object, const char *name, double value);

/* Exact where it is UTF-8, else with the bad bytes replaced; NULL is "". */
void member_text(json_t *object, const char *name, const char *text);

void member_flag(json_t *object, const char *name, int value);

#endif
