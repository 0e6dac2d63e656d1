/* SPDX-License-Identifier: MIT
 *
 * The growing byte buffer of the fault server. Pure, any thread.
 */
#include "config.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "faultd-buf.h"

#define KEEP 8192

static void die(const char *why) {
  fprintf(stderr, "faultd: %s\n", why);
  abort();
}

char *buf_room(struct buf *buf, size_t more) {
  if (more > BUF_CEILING - buf->len)
    die("a buffer would pass its ceiling");
  if (buf->len + more > buf->cap) {
    size_t cap = buf->cap ? buf->cap : 1024;
    while (cap < buf->len + more)
      cap *= 2;
    char *data = realloc(buf->data, cap);
    if (!data)
      die("out of memory");
    buf->data = data;
    buf->cap = cap;
  }
  return buf->data + buf->len;
}

void buf_add(struct buf *buf, const void *data, size_t len) {
  if (len == 0)
    return;
  memcpy(buf_room(buf, len), data, len);
  buf->len += len;
}

void buf_text(struct buf *buf, const char *text) {
  buf_add(buf, text, strlen(text));
}

void buf_format(struct buf *buf, const char *fmt, ...) {
  va_list ap, again;

  if (!fmt)
    return;
  va_start(ap, fmt);
  va_copy(again, ap);
  char *room = buf_room(buf, 256);
  int need = vsnprintf(room, 256, fmt, ap);
  va_end(ap);
  if (need >= 256) {
    room = buf_room(buf, (size_t)need + 1);
    need = vsnprintf(room, (size_t)need + 1, fmt, again);
  }
  va_end(again);
  if (need > 0)
    buf->len += (size_t)need;
}

void buf_json(struct buf *buf, const char *text) {
  buf_add(buf, "\"", 1);
  for (const char *p = text; *p; p++) {
    unsigned char byte = (unsigned char)*p;
    if (byte == '"' || byte == '\\') {
      buf_add(buf, "\\", 1);
      buf_add(buf, p, 1);
    } else if (byte < 0x20 || byte > 0x7e) {
      buf_format(buf, "\\u%04x", (unsigned)byte);
    } else {
      buf_add(buf, p, 1);
    }
  }
  buf_add(buf, "\"", 1);
}

void buf_clear(struct buf *buf) {
  buf->at = buf->len = 0;
  if (buf->cap > KEEP)
    buf_fini(buf);
}

void buf_fini(struct buf *buf) {
  free(buf->data);
  *buf = (struct buf){0};
}
