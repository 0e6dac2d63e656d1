/* SPDX-License-Identifier: MIT
 *
 * Output that waits for its reader and never blocks its writer: bytes are
 * gathered here and written as the descriptor takes them, asked by poll(2)
 * each time. The descriptor itself stays blocking: it may be shared with the
 * shell, which would be surprised.
 *
 * Thread: any one.
 */
#ifndef SPATE_OUTBUF_H
#define SPATE_OUTBUF_H

#include <stdbool.h>
#include <stddef.h>

/* A writer that can wait does so from here on. */
#define OUTBUF_FULL ((size_t)256 * 1024)
/* Beyond this nothing is taken any more. */
#define OUTBUF_MAX ((size_t)4 * 1024 * 1024)

struct outbuf {
  int fd; /* borrowed */
  /* private */
  char *data;
  size_t len, cap;
  bool broken; /* the reader is gone: everything is dropped */
};

void outbuf_init(struct outbuf *out, int fd);
void outbuf_fini(struct outbuf *out);

/* Adds all of it or (out of memory, over the ceiling, no reader) nothing;
 * false then. */
bool outbuf_put(struct outbuf *out, const char *data, size_t len);

bool outbuf_pending(const struct outbuf *out);
size_t outbuf_waiting(const struct outbuf *out); /* bytes */
bool outbuf_full(const struct outbuf *out);

/* Writes what can be written without waiting. */
void outbuf_flush(struct outbuf *out);

#endif
