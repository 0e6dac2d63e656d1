/* SPDX-License-Identifier: MIT
 *
 * unpack.c against what the libraries themselves have packed: whole, in
 * pieces, one behind the other, cut, damaged, and made to do harm.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <bzlib.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include "unpack.h"

#define SIZE 200000
#define ROOM (SIZE * 2)

static unsigned char plain[SIZE], packed[ROOM * 2], out[ROOM * 2];
static const struct unpack_limits none = {0, 0};

static int make_plain(void **state) {
  unsigned x = 7;
  (void)state;
  for (size_t i = 0; i < SIZE; i++) {
    x = x * 1103515245u + 12345u;
    plain[i] = (unsigned char)(i % 100 < 60 ? i / 1000 : x >> 16);
  }
  return 0;
}

static size_t gzip_pack(unsigned char *to, const void *data, size_t length) {
  z_stream z;
  memset(&z, 0, sizeof(z));
  assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 31, 8, 0), Z_OK);
  z.next_in = (Bytef *)(uintptr_t)data;
  z.avail_in = (uInt)length;
  z.next_out = to;
  z.avail_out = ROOM;
  assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
  deflateEnd(&z);
  return z.total_out;
}

static size_t pack(enum unpack_kind kind, unsigned char *to, const void *data,
                   size_t length) {
  size_t size = 0;
  unsigned room = ROOM;
  switch (kind) {
  case UNPACK_GZIP:
    return gzip_pack(to, data, length);
  case UNPACK_ZSTD:
    size = ZSTD_compress(to, ROOM, data, length, 3);
    assert_false(ZSTD_isError(size));
    return size;
  case UNPACK_XZ:
    assert_int_equal(lzma_easy_buffer_encode(1, LZMA_CHECK_CRC64, NULL, data,
                                             length, to, &size, ROOM),
                     LZMA_OK);
    return size;
  default:
    assert_int_equal(BZ2_bzBuffToBuffCompress((char *)to, &room,
                                              (char *)(uintptr_t)data,
                                              (unsigned)length, 1, 0, 0),
                     BZ_OK);
    return room;
  }
}

/* Unpacks into out; returns the length or the error. */
static int64_t unpacked(enum unpack_kind kind, const unsigned char *data,
                        size_t length, size_t piece,
                        const struct unpack_limits *limits) {
  struct unpack *u;
  int64_t total = 0, n = 0;
  unsigned char *exact = malloc(piece);
  assert_non_null(exact);
  assert_int_equal(unpack_new(&u, kind, limits), 0);
  for (size_t at = 0; n >= 0;) {
    size_t part = length - at < piece ? length - at : piece;
    memcpy(exact, data + at, part);
    unpack_give(u, exact, part);
    at += part;
    while ((n = unpack_take(u, out + total % ROOM,
                            piece < 1000 ? 1000 : piece)) > 0)
      total += n;
    if (part == 0)
      break;
  }
  if (n >= 0) {
    assert_int_equal(unpack_out(u), total);
    assert_int_equal(unpack_in(u), length);
  }
  unpack_free(u);
  free(exact);
  return n < 0 ? n : total;
}

static void what_was_packed_comes_out(void **state) {
  static const size_t pieces[] = {1, 7, 4096, ROOM};
  (void)state;
  for (int kind = UNPACK_GZIP; kind < UNPACK_KINDS; kind++) {
    size_t length = pack((enum unpack_kind)kind, packed, plain, SIZE);
    for (size_t i = 0; i < sizeof(pieces) / sizeof(*pieces); i++) {
      memset(out, 0, sizeof(out));
      assert_int_equal(
          unpacked((enum unpack_kind)kind, packed, length, pieces[i], &none),
          SIZE);
      assert_memory_equal(out, plain, SIZE);
    }
    length = pack((enum unpack_kind)kind, packed, plain, 0);
    assert_int_equal(unpacked((enum unpack_kind)kind, packed, length, 5, &none),
                     0);
  }
}

static void several_members_are_one(void **state) {
  (void)state;
  for (int k = UNPACK_GZIP; k < UNPACK_KINDS; k++) {
    enum unpack_kind kind = (enum unpack_kind)k;
    size_t a = pack(kind, packed, plain, 1000);
    size_t b = pack(kind, packed + a, plain + 1000, 500);
    for (size_t piece = 1; piece < 4000; piece += 333) {
      assert_int_equal(unpacked(kind, packed, a + b, piece, &none), 1500);
      assert_memory_equal(out, plain, 1500);
    }
    memset(packed + a + b, 0, 512); /* padding */
    assert_int_equal(unpacked(kind, packed, a + b + 512, 100, &none), 1500);
    memset(packed + a + b + 512, 'x', 4);
    assert_int_equal(unpacked(kind, packed, a + b + 516, 100, &none),
                     ERR_MALFORMED);
    memcpy(packed + a + b, "rubbish behind it", 17);
    assert_int_equal(unpacked(kind, packed, a + b + 17, 100, &none),
                     ERR_MALFORMED);
  }
}

static void cut_data_is_malformed(void **state) {
  (void)state;
  for (int k = UNPACK_GZIP; k < UNPACK_KINDS; k++) {
    enum unpack_kind kind = (enum unpack_kind)k;
    size_t length = pack(kind, packed, plain, 3000);
    for (size_t cut = 0; cut < length; cut++)
      if (unpacked(kind, packed, cut, 100, &none) != ERR_MALFORMED)
        fail_msg("%s cut after %zu of %zu bytes", unpack_name(kind), cut,
                 length);
  }
}

/* All of them carry a checksum, but zstd's one-call function, whose frames
 * may change unseen: there it is enough that nothing bad happens. */
static void damaged_data_is_found_out(void **state) {
  (void)state;
  for (int k = UNPACK_GZIP; k < UNPACK_KINDS; k++) {
    enum unpack_kind kind = (enum unpack_kind)k;
    size_t length = pack(kind, packed, plain, 3000);
    for (size_t at = 0; at < length; at += 3) {
      int64_t n;
      packed[at] ^= 0x10;
      n = unpacked(kind, packed, length, 64, &none);
      packed[at] ^= 0x10;
      if (n >= 0 && kind != UNPACK_ZSTD &&
          (n != 3000 || memcmp(out, plain, 3000) != 0))
        fail_msg("%s: a change of byte %zu goes unseen", unpack_name(kind), at);
    }
    memset(packed, 'a', 1000);
    assert_int_equal(unpacked(kind, packed, 1000, 64, &none), ERR_MALFORMED);
  }
}

/* The library reads what zstd wrote before its format was settled, too, and
 * does not always look whether there is as much as was said. */
static void zstd_frames_are_what_they_say(void **state) {
  static const unsigned char old[] = {0x26, 0xb5, 0x2f, 0xfd, 4, 0xfd, 4,
                                      0,    0,    0,    0,    0, 0};
  static const unsigned char skipped[] = {0x5a, 0x2a, 0x4d, 0x18, 3,  0,
                                          0,    0,    'a',  'b',  'c'};
  /* says 2,187 bytes, has none */
  static const unsigned char lies[] = {0x28, 0xb5, 0x2f, 0xfd, 0x80, 0x1f, 0x8b,
                                       8,    0,    0,    1,    0,    0};
  size_t length = pack(UNPACK_ZSTD, packed, plain, 1000);
  (void)state;
  memcpy(packed + length, skipped, sizeof skipped);
  length += sizeof skipped;
  for (size_t piece = 1; piece < 100; piece += 6) {
    assert_int_equal(unpacked(UNPACK_ZSTD, old, sizeof old, piece, &none),
                     ERR_MALFORMED);
    assert_int_equal(unpacked(UNPACK_ZSTD, lies, sizeof lies, piece, &none),
                     ERR_MALFORMED);
    assert_int_equal(unpacked(UNPACK_ZSTD, packed, length, piece, &none), 1000);
  }
}

static void bombs_are_stopped(void **state) {
  const size_t big = (size_t)80 << 20;
  const struct unpack_limits ratio = {100, 0}, size = {0, 1 << 20},
                             wide = {0, (int64_t)1 << 30};
  unsigned char *zeros = calloc(1, big);
  (void)state;
  assert_non_null(zeros);
  for (int k = UNPACK_GZIP; k < UNPACK_KINDS; k++) {
    enum unpack_kind kind = (enum unpack_kind)k;
    size_t length = pack(kind, packed, zeros, big);
    assert_int_equal(unpacked(kind, packed, length, 65536, &ratio), ERR_BOMB);
    assert_int_equal(unpacked(kind, packed, length, 65536, &size), ERR_BOMB);
    assert_int_equal(unpacked(kind, packed, length, 65536, &wide), big);
    /* what is small may be as dense as it likes */
    length = pack(kind, packed, zeros, UNPACK_FREE);
    assert_int_equal(unpacked(kind, packed, length, 65536, &ratio),
                     UNPACK_FREE);
  }
  free(zeros);
}

static void kinds_by_suffix(void **state) {
  size_t stem;
  (void)state;
  assert_int_equal(unpack_kind_of("a/b.tar.gz", &stem), UNPACK_GZIP);
  assert_int_equal(stem, 7);
  assert_int_equal(unpack_kind_of("x.ZST", &stem), UNPACK_ZSTD);
  assert_int_equal(unpack_kind_of("x.xz", &stem), UNPACK_XZ);
  assert_int_equal(unpack_kind_of("x.bz2", &stem), UNPACK_BZIP2);
  assert_int_equal(stem, 1);
  assert_int_equal(unpack_kind_of("x.tgz", &stem), UNPACK_NONE);
  assert_int_equal(unpack_kind_of(".gz", &stem), UNPACK_NONE);
  assert_int_equal(unpack_kind_of("dir/.gz", &stem), UNPACK_NONE);
  assert_int_equal(unpack_kind_of("", &stem), UNPACK_NONE);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_was_packed_comes_out),
      cmocka_unit_test(several_members_are_one),
      cmocka_unit_test(cut_data_is_malformed),
      cmocka_unit_test(damaged_data_is_found_out),
      cmocka_unit_test(zstd_frames_are_what_they_say),
      cmocka_unit_test(bombs_are_stopped),
      cmocka_unit_test(kinds_by_suffix),
  };
  return cmocka_run_group_tests(tests, make_plain, NULL);
}
