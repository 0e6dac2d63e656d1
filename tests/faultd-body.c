/* SPDX-License-Identifier: MIT
 *
 * The generator of bodies, see faultd-body.h. Pure after body_init().
 */
#include "config.h"

#include <string.h>

#include "faultd-body.h"

#define PERIOD 65521U

static unsigned char base[PERIOD];
static uint32_t crc_table[256];

uint64_t body_mix(uint64_t x) {
  x += 0x9e3779b97f4a7c15U;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
  return x ^ (x >> 31);
}

void body_init(void) {
  uint64_t x = 1;

  for (size_t i = 0; i < PERIOD; i++) {
    x = x * 6364136223846793005U + 1442695040888963407U;
    base[i] = (unsigned char)(x >> 56);
  }
  for (uint32_t i = 0; i < 256; i++) {
    uint32_t c = i;
    for (int bit = 0; bit < 8; bit++)
      c = c & 1 ? 0xedb88320U ^ (c >> 1) : c >> 1;
    crc_table[i] = c;
  }
}

/* Eight bytes at a time: this is most of what the server does for large
 * bodies. */
static void copy_masked(char *out, const unsigned char *from, size_t len,
                        unsigned char mask) {
  uint64_t wide = 0x0101010101010101U * mask;
  size_t i = 0;

  for (; i + 8 <= len; i += 8) {
    uint64_t word;
    memcpy(&word, from + i, 8);
    word ^= wide;
    memcpy(out + i, &word, 8);
  }
  for (; i < len; i++)
    out[i] = (char)(from[i] ^ mask);
}

void body_fill(uint64_t seed, uint64_t at, char *out, size_t len) {
  uint64_t pos = at + (body_mix(seed) & (((uint64_t)1 << 40) - 1));

  while (len > 0) {
    size_t from = (size_t)(pos % PERIOD);
    uint64_t turn = pos / PERIOD;
    size_t n = PERIOD - from < len ? PERIOD - from : len;
    copy_masked(out, base + from, n,
                (unsigned char)(turn * 167 + (turn >> 8) * 59));
    out += n;
    pos += n;
    len -= n;
  }
}

static uint32_t crc32_add(uint32_t crc, const char *data, size_t len) {
  for (size_t i = 0; i < len; i++)
    crc = crc_table[(crc ^ (unsigned char)data[i]) & 0xff] ^ (crc >> 8);
  return crc;
}

static void add_le(struct buf *out, uint32_t value, int bytes) {
  for (int i = 0; i < bytes; i++) {
    char byte = (char)(value >> (8 * i));
    buf_add(out, &byte, 1);
  }
}

void body_gzip(uint64_t seed, uint64_t size, struct buf *out) {
  static const char head[10] = {0x1f, (char)0x8b, 8, 0, 0, 0, 0, 0, 0, 3};
  uint32_t crc = 0xffffffffU;
  uint64_t at = 0;

  buf_add(out, head, sizeof head);
  do {
    size_t n = size - at < 65535 ? (size_t)(size - at) : 65535;
    add_le(out, at + n == size, 1);
    add_le(out, (uint32_t)n, 2);
    add_le(out, (uint32_t)~n & 0xffff, 2);
    char *room = buf_room(out, n);
    body_fill(seed, at, room, n);
    crc = crc32_add(crc, room, n);
    out->len += n;
    at += n;
  } while (at < size);
  add_le(out, ~crc, 4);
  add_le(out, (uint32_t)size, 4);
}
