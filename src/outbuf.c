/* SPDX-License-Identifier: MIT
 *
 * Output that never blocks, see outbuf.h. A descriptor that poll(2) calls
 * writable takes at least PIPE_BUF bytes at once; more could block.
 */
#include "config.h"

#include "outbuf.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef PIPE_BUF
#define PIPE_BUF _POSIX_PIPE_BUF
#endif

void outbuf_init(struct outbuf *out, int fd) {
  *out = (struct outbuf){.fd = fd};
}

void outbuf_fini(struct outbuf *out) {
  free(out->data);
  outbuf_init(out, -1);
}

static bool reserve(struct outbuf *out, size_t want) {
  if (want <= out->cap)
    return true;
  size_t cap = out->cap > 0 ? out->cap : 4096;
  while (cap < want)
    cap *= 2;
  char *grown = realloc(out->data, cap);
  if (grown == NULL)
    return false;
  out->data = grown;
  out->cap = cap;
  return true;
}

bool outbuf_put(struct outbuf *out, const char *data, size_t len) {
  if (out->broken || len > OUTBUF_MAX || out->len > OUTBUF_MAX - len ||
      !reserve(out, out->len + len))
    return false;
  memcpy(out->data + out->len, data, len);
  out->len += len;
  return true;
}

bool outbuf_pending(const struct outbuf *out) {
  return out->len > 0;
}

size_t outbuf_waiting(const struct outbuf *out) {
  return out->len;
}

bool outbuf_full(const struct outbuf *out) {
  return out->len >= OUTBUF_FULL;
}

static bool writable(int fd) {
  struct pollfd p = {.fd = fd, .events = POLLOUT};
  return poll(&p, 1, 0) == 1 &&
         (p.revents & (POLLOUT | POLLERR | POLLNVAL)) != 0;
}

static void drop_all(struct outbuf *out) {
  out->broken = true;
  out->len = 0;
}

void outbuf_flush(struct outbuf *out) {
  size_t sent = 0;
  while (sent < out->len && writable(out->fd)) {
    size_t piece = out->len - sent;
    if (piece > PIPE_BUF)
      piece = PIPE_BUF;
    ssize_t n = write(out->fd, out->data + sent, piece);
    if (n >= 0) {
      sent += (size_t)n;
    } else if (errno == EAGAIN) {
      break;
    } else if (errno != EINTR) {
      drop_all(out);
      return;
    }
  }
  out->len -= sent;
  if (sent > 0 && out->len > 0)
    memmove(out->data, out->data + sent, out->len);
}
