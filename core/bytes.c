/* SPDX-License-Identifier: MIT
 *
 * Bytes that grow: see bytes.h.
 */
#include "config.h"

#include "bytes.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST 256

void bytes_init(struct bytes *bytes, size_t ceiling) {
  *bytes = (struct bytes){.ceiling = ceiling};
}

void bytes_fini(struct bytes *bytes) {
  free(bytes->data);
  bytes_init(bytes, bytes->ceiling);
}

void bytes_clear(struct bytes *bytes) {
  bytes->len = 0;
  bytes->failed = 0;
}

char *bytes_room(struct bytes *bytes, size_t more) {
  if (bytes->failed != 0)
    return NULL;
  if (more > bytes->ceiling - bytes->len) {
    bytes->failed = ERR_TOOBIG;
    return NULL;
  }
  if (bytes->len + more > bytes->cap) {
    size_t cap = bytes->cap < FIRST ? FIRST : bytes->cap * 2;
    if (cap < bytes->len + more)
      cap = bytes->len + more;
    char *grown = realloc(bytes->data, cap);
    if (grown == NULL) {
      bytes->failed = ERR_NOMEM;
      return NULL;
    }
    bytes->data = grown;
    bytes->cap = cap;
  }
  return bytes->data + bytes->len;
}

void bytes_add(struct bytes *bytes, const void *data, size_t length) {
  char *room = length > 0 ? bytes_room(bytes, length) : NULL;
  if (room == NULL)
    return;
  memcpy(room, data, length);
  bytes->len += length;
}

void bytes_text(struct bytes *bytes, const char *text) {
  bytes_add(bytes, text, strlen(text));
}

void bytes_printf(struct bytes *bytes, const char *fmt, ...) {
  va_list args, again;
  va_start(args, fmt);
  va_copy(again, args);
  int n = vsnprintf(NULL, 0, fmt, args);
  char *room = n >= 0 ? bytes_room(bytes, (size_t)n + 1) : NULL;
  if (room != NULL) {
    vsnprintf(room, (size_t)n + 1, fmt, again);
    bytes->len += (size_t)n;
  }
  va_end(again);
  va_end(args);
}
