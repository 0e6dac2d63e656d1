/* SPDX-License-Identifier: MIT
 *
 * Packed lists become text, other lists stay what they are, however the bytes
 * are dealt out; damage is told.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include <cmocka.h>

#include "plain.h"

#define TEXT_CAP ((size_t)1 << 20)

static unsigned char *packed, *unpacked;
static char *text;
static size_t text_len;

static int setup(void **state) {
  (void)state;
  packed = malloc(TEXT_CAP);
  unpacked = malloc(TEXT_CAP);
  text = malloc(TEXT_CAP);
  text_len = 0;
  for (int i = 0; i < 3000; i++)
    text_len += (size_t)snprintf(text + text_len, TEXT_CAP - text_len,
                                 "http://h.example/%d?s=%d\n", i, i * 7919);
  return packed == NULL || unpacked == NULL || text == NULL;
}

static int teardown(void **state) {
  (void)state;
  free(packed);
  free(unpacked);
  free(text);
  return 0;
}

static size_t gzip(const char *data, size_t length) {
  z_stream z = {.next_in = (Bytef *)(uintptr_t)data,
                .avail_in = (uInt)length,
                .next_out = packed,
                .avail_out = (uInt)TEXT_CAP};
  assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 31, 8, 0), Z_OK);
  assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
  deflateEnd(&z);
  return TEXT_CAP - z.avail_out;
}

static size_t zstd(const char *data, size_t length) {
  size_t size = ZSTD_compress(packed, TEXT_CAP, data, length, 3);
  assert_false(ZSTD_isError(size));
  return size;
}

static int64_t drain(struct plain *p, size_t *have) {
  for (;;) {
    int64_t got = plain_take(p, unpacked + *have, 1000);
    if (got <= 0)
      return got;
    *have += (size_t)got;
  }
}

/* The length of what comes out, or what goes wrong. */
static int64_t unpack(const void *data, size_t length, size_t block) {
  struct plain p;
  size_t have = 0;
  int64_t rc = 0;
  plain_init(&p);
  for (size_t at = 0; at < length && rc == 0; at += block) {
    size_t piece = length - at < block ? length - at : block;
    assert_int_equal(plain_give(&p, (const char *)data + at, piece), 0);
    rc = drain(&p, &have);
  }
  if (rc == 0) {
    assert_int_equal(plain_give(&p, NULL, 0), 0);
    rc = drain(&p, &have);
  }
  plain_fini(&p);
  return rc < 0 ? rc : (int64_t)have;
}

static void expect_text(const void *data, size_t length) {
  const size_t blocks[] = {1, 2, 3, 5, 7, 1000, TEXT_CAP};
  for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) {
    assert_int_equal(unpack(data, length, blocks[i]), text_len);
    assert_memory_equal(unpacked, text, text_len);
  }
}

static void text_passes(void **state) {
  (void)state;
  expect_text(text, text_len);
  const char *const shorts[] = {"",
                                "h",
                                "B",
                                "BZ",
                                "\x1f",
                                "(\xb5",
                                ("\xfd"
                                 "7")};
  for (size_t i = 0; i < sizeof shorts / sizeof *shorts; i++) {
    assert_int_equal(unpack(shorts[i], strlen(shorts[i]), 1),
                     strlen(shorts[i]));
    assert_memory_equal(unpacked, shorts[i], strlen(shorts[i]));
  }
}

static void packed_becomes_text(void **state) {
  (void)state;
  expect_text(packed, gzip(text, text_len));
  expect_text(packed, zstd(text, text_len));
}

static void cut_and_damaged_is_told(void **state) {
  (void)state;
  for (int kind = 0; kind < 2; kind++) {
    size_t size = kind == 0 ? gzip(text, text_len) : zstd(text, text_len);
    for (size_t cut = kind == 0 ? 2 : 4; cut < size; cut += 97)
      assert_int_equal(unpack(packed, cut, 1000), ERR_MALFORMED);
    packed[size / 2] ^= 0x55;
    int64_t rc = unpack(packed, size, 1000);
    assert_true(rc == ERR_MALFORMED || memcmp(unpacked, text, text_len) != 0);
    assert_true(kind == 1 || rc == ERR_MALFORMED); /* gzip has a checksum */
  }
}

static void bomb_is_refused(void **state) {
  (void)state;
  static char zeros[1 << 20];
  z_stream z = {.next_out = packed, .avail_out = (uInt)TEXT_CAP};
  assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 31, 9, 0), Z_OK);
  for (int i = 0; i < 64; i++) {
    z.next_in = (Bytef *)zeros;
    z.avail_in = sizeof zeros;
    assert_int_not_equal(deflate(&z, i == 63 ? Z_FINISH : Z_NO_FLUSH),
                         Z_STREAM_ERROR);
  }
  deflateEnd(&z);
  struct plain p;
  int64_t out = 0, got;
  plain_init(&p);
  assert_int_equal(plain_give(&p, packed, TEXT_CAP - z.avail_out), 0);
  while ((got = plain_take(&p, unpacked, TEXT_CAP)) > 0)
    out += got;
  plain_fini(&p);
  assert_int_equal(got, ERR_BOMB);
  assert_true(out < ((int64_t)33 << 20));
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
  const struct CMUnitTest tests[] = {
      T(text_passes),
      T(packed_becomes_text),
      T(cut_and_damaged_is_told),
      T(bomb_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
