/* SPDX-License-Identifier: MIT
 *
 * A list as text: see plain.h.
 */
#include "config.h"

#include "plain.h"

#include <string.h>

static const struct {
  enum unpack_kind kind;
  size_t length;
  unsigned char bytes[PLAIN_MAGIC];
} magics[] = {
    {UNPACK_GZIP, 2, {0x1f, 0x8b}},
    {UNPACK_ZSTD, 4, {0x28, 0xb5, 0x2f, 0xfd}},
    {UNPACK_XZ, 6, {0xfd, '7', 'z', 'X', 'Z', 0}},
    {UNPACK_BZIP2, 3, {'B', 'Z', 'h'}},
};

enum unpack_kind plain_kind(const void *data, size_t length, bool *more) {
  *more = false;
  for (size_t i = 0; i < sizeof(magics) / sizeof(magics[0]); i++) {
    size_t seen = length < magics[i].length ? length : magics[i].length;
    if (memcmp(data, magics[i].bytes, seen) != 0)
      continue;
    if (seen == magics[i].length)
      return magics[i].kind;
    *more = true;
  }
  return UNPACK_NONE;
}

void plain_init(struct plain *p) {
  memset(p, 0, sizeof(*p));
}

void plain_fini(struct plain *p) {
  unpack_free(p->unpack);
  p->unpack = NULL;
}

/* False: more bytes are needed for that. */
static bool decide(struct plain *p, int *code) {
  static const struct unpack_limits limits = {.max_ratio = PLAIN_RATIO};
  bool more;
  enum unpack_kind kind = plain_kind(p->head, p->head_len, &more);
  if (more && !p->ended)
    return false;
  p->decided = true;
  p->part[0].data = p->head;
  p->part[0].length = p->head_len;
  if (kind != UNPACK_NONE)
    *code = unpack_new(&p->unpack, kind, &limits);
  return true;
}

int plain_give(struct plain *p, const void *data, size_t length) {
  const unsigned char *bytes = data;
  int code = 0;
  p->ended = p->ended || length == 0;
  while (!p->decided) {
    if (decide(p, &code))
      break;
    if (length == 0)
      return 0;
    p->head[p->head_len++] = *bytes++;
    length--;
  }
  p->part[1].data = bytes;
  p->part[1].length = length;
  return code;
}

/* Puts the next part in front. */
static bool next_part(struct plain *p) {
  if (p->part[0].length == 0) {
    p->part[0] = p->part[1];
    p->part[1].length = 0;
  }
  return p->part[0].length > 0;
}

static int64_t take_text(struct plain *p, void *data, size_t cap) {
  if (!next_part(p))
    return 0;
  size_t length = p->part[0].length < cap ? p->part[0].length : cap;
  memcpy(data, p->part[0].data, length);
  p->part[0].data += length;
  p->part[0].length -= length;
  return (int64_t)length;
}

int64_t plain_take(struct plain *p, void *data, size_t cap) {
  if (!p->decided)
    return 0;
  if (p->unpack == NULL)
    return take_text(p, data, cap);
  for (;;) {
    int64_t got = unpack_take(p->unpack, data, cap);
    if (got != 0)
      return got;
    if (next_part(p)) {
      unpack_give(p->unpack, p->part[0].data, p->part[0].length);
      p->part[0].length = 0;
    } else if (p->ended && !p->told_end) {
      unpack_give(p->unpack, NULL, 0);
      p->told_end = true;
    } else {
      return 0;
    }
  }
}

const char *plain_fault(int code) {
  if (code == ERR_BOMB)
    return "the packed list unpacks to more than 900 times its size: it is no "
           "list";
  if (code == ERR_CHANGED)
    return "the followed list was cut short, or another file has its name: it "
           "is followed no further";
  if (code == ERR_MALFORMED)
    return "the packed list is damaged or cut off here";
  return err_text(code);
}
