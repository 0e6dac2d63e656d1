/* SPDX-License-Identifier: MIT
 *
 * What a session remembers of a partial file, between the set of ranges that
 * the engine works with, the record that is handed over and the text that the
 * database keeps.
 *
 * Pure; any thread.
 */
#ifndef SPATE_PARTIAL_H
#define SPATE_PARTIAL_H

#include <stddef.h>

#include "session.h"

/* Puts a set into the record; of too many ranges the smallest are left out. */
void partial_set_ranges(struct session_partial *partial,
                        const struct ranges *set);

/* Adds what the record says to a set. */
int partial_get_ranges(const struct session_partial *partial,
                       struct ranges *set) MUST_CHECK;

/* "FIRST-LAST,FIRST-LAST" of what is behind the beginning; "" none. */
void partial_ranges_text(const struct session_partial *partial, char *text,
                         size_t cap);
/* Reads it (NULL allowed). What is malformed, out of order or beyond the size
 * counts as not there, with all that follows. */
void partial_ranges_read(struct session_partial *partial, const char *text);

#endif
