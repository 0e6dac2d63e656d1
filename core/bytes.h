/* SPDX-License-Identifier: MIT
 *
 * Bytes that grow, up to a ceiling they are born with. What cannot be added is
 * remembered as failed (out of memory, too large), so that a writer may look
 * once at the end; a failed one takes nothing more.
 *
 * Pure; any thread, one at a time.
 */
#ifndef SPATE_BYTES_H
#define SPATE_BYTES_H

#include <stdbool.h>
#include <stddef.h>

#include "err.h"

struct bytes {
  char *data; /* owned; not terminated */
  size_t len, cap, ceiling;
  int failed; /* 0 or an error code */
};

void bytes_init(struct bytes *bytes, size_t ceiling);
void bytes_fini(struct bytes *bytes);
/* Empties it and keeps the memory; a failure is forgotten. */
void bytes_clear(struct bytes *bytes);

/* Room for more bytes behind len; NULL when there is none. The caller adds to
 * len what it has written there. */
char *bytes_room(struct bytes *bytes, size_t more);
void bytes_add(struct bytes *bytes, const void *data, size_t length);
void bytes_text(struct bytes *bytes, const char *text);
void bytes_printf(struct bytes *bytes, const char *fmt, ...) PRINTF_LIKE(2, 3);

#endif
