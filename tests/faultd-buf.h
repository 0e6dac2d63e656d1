/* SPDX-License-Identifier: MIT
 *
 * A growing byte buffer with a ceiling, for the fault server. Invariant:
 * at <= len <= cap; bytes before `at` were written to the socket already.
 * Running out of memory ends the server: it is a tool of the tests.
 */
#ifndef FAULTD_BUF_H
#define FAULTD_BUF_H

#include <stddef.h>

#define BUF_CEILING ((size_t)64 << 20)

struct buf {
  char *data;
  size_t at, len, cap;
};

/* Room for `more` bytes behind the end; returns where they begin. The caller
 * adds what it wrote to len. */
char *buf_room(struct buf *buf, size_t more);
void buf_add(struct buf *buf, const void *data, size_t len);
void buf_text(struct buf *buf, const char *text);
void buf_format(struct buf *buf, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* Adds text as a quoted JSON string; bytes above 0x7e become \u00XX. */
void buf_json(struct buf *buf, const char *text);
/* Empties it; gives memory back that is larger than an idle client needs. */
void buf_clear(struct buf *buf);
void buf_fini(struct buf *buf);

#endif
