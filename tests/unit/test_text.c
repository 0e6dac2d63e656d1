/* SPDX-License-Identifier: MIT
 *
 * text: nothing that moves a cursor, reorders or hides text gets through, the
 * width is what it says, and no character is cut in two. Random bytes too.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <limits.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <utf8proc.h>
#include <wchar.h>

#include "retry.h"
#include "text.h"

#define FFFD "\xef\xbf\xbd"
#define DOTS "\xe2\x80\xa6"

static void check(const char *src, int cells, unsigned flags, const char *want,
                  int want_cells) {
  char dst[256];
  int used = -1;
  size_t len = text_clip(dst, sizeof dst, src, TEXT_WHOLE, cells, flags, &used);
  assert_string_equal(dst, want);
  assert_int_equal(len, strlen(want));
  assert_int_equal(used, want_cells);
}

static void plain_text_passes(void **state) {
  (void)state;
  check("debian-12.7.0.iso", -1, 0, "debian-12.7.0.iso", 17);
  check("debian-12.7.0.iso", 17, 0, "debian-12.7.0.iso", 17);
  check("", 5, 0, "", 0);
  check("gr\xc3\xbc\xc3\x9f"
        "e",
        -1, 0,
        "gr\xc3\xbc\xc3\x9f"
        "e",
        5);
  check("\xe6\x97\xa5\xe6\x9c\xac", -1, 0, "\xe6\x97\xa5\xe6\x9c\xac", 4);
}

static void it_is_clipped_at_the_end(void **state) {
  (void)state;
  check("debian-12.7.0.iso", 16, 0, "debian-12.7.0.i" DOTS, 16);
  check("debian-12.7.0.iso", 8, TEXT_ASCII, "debian-~", 8);
  check("debian", 1, 0, DOTS, 1);
  check("debian", 0, 0, "", 0);
  check("d", 1, 0, "d", 1);
  /* a wide character that does not fit in half a cell less */
  check("\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e", 4, 0, "\xe6\x97\xa5" DOTS, 3);
  check("\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e", 4, TEXT_PAD,
        "\xe6\x97\xa5" DOTS " ", 4);
}

static void it_is_clipped_in_the_middle(void **state) {
  (void)state;
  check("debian-12.7.0.iso", 9, TEXT_MIDDLE, "debi" DOTS ".iso", 9);
  check("debian-12.7.0.iso", 9, TEXT_MIDDLE | TEXT_ASCII, "debi~.iso", 9);
  check("debian-12.7.0.iso", 17, TEXT_MIDDLE, "debian-12.7.0.iso", 17);
  check("abcdef", 3, TEXT_MIDDLE, "a" DOTS "f", 3);
  check("abcdef", 2, TEXT_MIDDLE, "a" DOTS, 2);
  check("\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e", 5, TEXT_MIDDLE,
        "\xe6\x97\xa5" DOTS "\xe8\xaa\x9e", 5);
}

static void it_is_padded(void **state) {
  (void)state;
  check("ab", 5, TEXT_PAD, "ab   ", 5);
  check("ab", 5, TEXT_PAD | TEXT_RIGHT, "   ab", 5);
  check("abcdef", 5, TEXT_PAD, "abcd" DOTS, 5);
  check("", 2, TEXT_PAD, "  ", 2);
}

static void controls_are_replaced(void **state) {
  (void)state;
  check("a\x1b[31mb", -1, 0, "a" FFFD "[31mb", 7);
  check("a\r\n\tb\b", -1, TEXT_ASCII, "a???b?", 6);
  check("\x7f", -1, 0, FFFD, 1);
  check("\xc2\x9b"
        "31m",
        -1, 0, FFFD "31m", 4); /* C1: CSI */
  check("\xe2\x80\xa8\xe2\x80\xa9", -1, 0, FFFD FFFD, 2);
  check("\xee\x80\x80", -1, 0, FFFD, 1); /* private use */
  char dst[16];
  assert_int_equal(text_clip(dst, sizeof dst, "a\0b", 3, -1, TEXT_ASCII, NULL),
                   3);
  assert_string_equal(dst, "a?b");
}

static void invalid_bytes_are_replaced_one_by_one(void **state) {
  (void)state;
  check("a\xff\xfe"
        "b",
        -1, TEXT_ASCII, "a??b", 4);
  check("\xc0\xaf", -1, 0, FFFD FFFD, 2);          /* overlong '/' */
  check("\xed\xa0\x80", -1, 0, FFFD FFFD FFFD, 3); /* surrogate */
  check("\xe6\x97", -1, 0, FFFD FFFD, 2);          /* cut off */
  check("\xf4\x90\x80\x80", -1, 0, FFFD FFFD FFFD FFFD, 4);
}

static void what_hides_or_reorders_is_dropped(void **state) {
  static const char *const dropped[] = {
      "\xe2\x80\xae",     "\xe2\x80\xaa", "\xe2\x81\xa6", "\xe2\x81\xa9",
      "\xe2\x80\x8e",     "\xe2\x80\x8f", "\xd8\x9c",     "\xe2\x80\x8b",
      "\xe2\x80\x8c",     "\xe2\x80\x8d", "\xe2\x81\xa0", "\xef\xbb\xbf",
      "\xf3\xa0\x81\x81", "\xef\xb8\x8f", "\xc2\xad",     "\xe3\x85\xa4",
      "\xcd\x8f",
  };
  (void)state;
  for (size_t i = 0; i < sizeof dropped / sizeof *dropped; i++) {
    char src[32];
    snprintf(src, sizeof src, "a%sb", dropped[i]);
    check(src, -1, 0, "ab", 2);
    check(src, 2, 0, "ab", 2);
  }
}

static void marks_are_few_and_need_a_base(void **state) {
  (void)state;
  check("e\xcc\x81", -1, 0, "e\xcc\x81", 1);
  check("e\xcc\x81\xcc\x82\xcc\x83\xcc\x84x", -1, 0, "e\xcc\x81\xcc\x82x", 2);
  check("\xcc\x81x", -1, 0, FFFD "x", 2);
  check("e\xcc\x81", 1, 0, "e\xcc\x81", 1);
  check("ee\xcc\x81"
        "e",
        2, 0, "e" DOTS, 2);
  check("e\xcc\x81", -1, TEXT_ASCII, "e", 1);
  check("\xcc\x81", -1, TEXT_ASCII, "", 0);
  /* a Hangul syllable in three parts */
  check("\xe1\x84\x92\xe1\x85\xa1\xe1\x86\xab", 2, 0,
        "\xe1\x84\x92\xe1\x85\xa1\xe1\x86\xab", 2);
}

static void small_buffers_hold_whole_characters(void **state) {
  const char *src = "a\xc3\xbc\xe6\x97\xa5\xf0\x9f\x98\x80z";
  char dst[32];
  (void)state;
  for (size_t cap = 0; cap < sizeof dst; cap++) {
    int used = -1;
    memset(dst, 'X', sizeof dst);
    size_t len = text_clip(dst, cap, src, TEXT_WHOLE, -1, 0, &used);
    assert_int_equal(dst[cap], 'X');
    if (cap == 0)
      continue;
    assert_true(len < cap);
    assert_int_equal(dst[len], '\0');
    assert_int_equal(used, text_width(dst, TEXT_WHOLE, 0));
  }
  assert_string_equal(dst, "a\xc3\xbc\xe6\x97\xa5\xf0\x9f\x98\x80z");
}

/* What the output must be, whatever came in. */
static void assert_safe(const char *dst, size_t len, int used, int cells,
                        unsigned flags) {
  int sum = 0, marks = 0;
  assert_int_equal(strlen(dst), len);
  if (cells >= 0)
    assert_true(flags & TEXT_PAD ? used == cells : used <= cells);
  for (size_t i = 0; i < len;) {
    int32_t c = -1;
    utf8proc_ssize_t size =
        utf8proc_iterate((const unsigned char *)dst + i, -1, &c);
    assert_true(size > 0);
    assert_true(c >= 0x20 && c != 0x7f && !(c >= 0x80 && c < 0xa0));
    assert_true(c != 0x2028 && c != 0x2029);
    assert_int_not_equal(utf8proc_category(c), UTF8PROC_CATEGORY_CF);
    if (flags & TEXT_ASCII)
      assert_true(c < 0x80);
    int width = wcwidth((wchar_t)c);
    if (width < 0) /* newer than the C library knows */
      width = utf8proc_charwidth(c);
    marks = width == 0 ? marks + 1 : 0;
    assert_true(marks <= 2);
    sum += width;
    i += (size_t)size;
  }
  if (sum != used)
    for (size_t i = 0; i < len; i++)
      print_error("%02x ", (unsigned char)dst[i]);
  assert_int_equal(sum, used);
}

static size_t random_text(struct rng *r, char *src, size_t cap) {
  static const int32_t odd[] = {0x202e, 0x301,  0x302,  0x65e5, 0x1f600, 0x9b,
                                0x200d, 0xfe0f, 0x1160, 0x11a8, 0x4dc0,  0x93f,
                                0x1b,   0xfffd, 0x2026, 0x34f,  0xe0041, 0xad};
  size_t n = 0, want = rng_next(r) % 40;
  while (n + 4 < cap && want-- > 0) {
    switch (rng_next(r) % 4) {
    case 0:
      src[n++] = (char)rng_next(r);
      break;
    case 1:
      src[n++] = (char)(0x20 + rng_next(r) % 95);
      break;
    case 2:
      n += (size_t)utf8proc_encode_char(odd[rng_next(r) % 18],
                                        (unsigned char *)src + n);
      break;
    default: {
      int32_t c = (int32_t)(rng_next(r) % 0x110000);
      n += (size_t)utf8proc_encode_char(c, (unsigned char *)src + n);
    }
    }
  }
  return n;
}

static void any_bytes_come_out_safe(void **state) {
  struct rng r;
  (void)state;
  assert_non_null(setlocale(LC_CTYPE, "C.UTF-8"));
  rng_seed(&r, 11);
  for (int i = 0; i < 200000; i++) {
    char src[256], dst[256];
    size_t n = random_text(&r, src, sizeof src), cap = rng_next(&r) % 200;
    unsigned flags = (unsigned)(rng_next(&r) % 16);
    int cells = (int)(rng_next(&r) % 30) - 1, used = -1;
    size_t room = cap > 120 ? sizeof dst : cap;
    if (room < sizeof dst)
      flags &= ~TEXT_PAD; /* there may be no room for it */
    size_t len = text_clip(dst, room, src, n, cells, flags, &used);
    if (room > 0)
      assert_safe(dst, len, used, cells, flags);
    if (room == sizeof dst && cells < 0)
      assert_int_equal(used, text_width(src, n, flags));
  }
  setlocale(LC_CTYPE, "C");
}

static void bytes_for_people(void **state) {
  static const struct {
    int64_t bytes;
    const char *want;
  } row[] = {
      {0, "0"},
      {1023, "1023"},
      {1024, "1.00k"},
      {10230, "9.99k"},
      {10235, "10.0k"},
      {102348, "99.9k"},
      {102400, "100k"},
      {1047552, "1023k"},
      {1048063, "1023k"},
      {1048064, "1.00M"},
      {145752064, "139M"},
      {92379546, "88.1M"},
      {3983613030, "3.71G"},
      {-1, "-"},
      {INT64_MAX, "8.00E"},
  };
  char buf[TEXT_NUMBER_CAP];
  (void)state;
  for (size_t i = 0; i < sizeof row / sizeof *row; i++)
    assert_string_equal(text_bytes(buf, sizeof buf, row[i].bytes), row[i].want);
  for (int64_t b = 1; b > 0 && b < INT64_MAX / 3; b = b * 3 / 2 + 1)
    assert_true(strlen(text_bytes(buf, sizeof buf, b)) <= 5);
}

static void other_figures_for_people(void **state) {
  char buf[TEXT_NUMBER_CAP];
  (void)state;
  assert_string_equal(text_rate(buf, sizeof buf, 11.2 * 1048576), "11.2M/s");
  assert_string_equal(text_rate(buf, sizeof buf, 0), "0/s");
  assert_string_equal(text_rate(buf, sizeof buf, -1), "-");
  assert_string_equal(text_rate(buf, sizeof buf, 1e300), "-");
  assert_string_equal(text_count(buf, sizeof buf, 99999), "99999");
  assert_string_equal(text_count(buf, sizeof buf, 100000), "100k");
  assert_string_equal(text_count(buf, sizeof buf, 999499), "999k");
  assert_string_equal(text_count(buf, sizeof buf, 999500), "1.00M");
  assert_string_equal(text_count(buf, sizeof buf, 32000000), "32.0M");
  assert_string_equal(text_duration(buf, sizeof buf, 124), "00:02:04");
  assert_string_equal(text_duration(buf, sizeof buf, 47 * 3600 + 59),
                      "47:00:59");
  assert_string_equal(text_duration(buf, sizeof buf, 76 * 3600), "3d 04h");
  assert_string_equal(text_duration(buf, sizeof buf, 86400 * 3405ll),
                      "9y 120d");
  assert_string_equal(text_duration(buf, sizeof buf, -1), "-");
  assert_string_equal(text_duration(buf, sizeof buf, INT64_MAX), ">99y");
  for (int64_t s = 1; s > 0 && s < INT64_MAX / 20; s = s * 9 / 8 + 1)
    assert_true(strlen(text_duration(buf, sizeof buf, s)) <= 8);
  for (uint64_t n = 1; n < UINT64_MAX / 20; n = n * 9 / 8 + 1)
    assert_true(strlen(text_count(buf, sizeof buf, n)) <= 5);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(plain_text_passes),
      cmocka_unit_test(it_is_clipped_at_the_end),
      cmocka_unit_test(it_is_clipped_in_the_middle),
      cmocka_unit_test(it_is_padded),
      cmocka_unit_test(controls_are_replaced),
      cmocka_unit_test(invalid_bytes_are_replaced_one_by_one),
      cmocka_unit_test(what_hides_or_reorders_is_dropped),
      cmocka_unit_test(marks_are_few_and_need_a_base),
      cmocka_unit_test(small_buffers_hold_whole_characters),
      cmocka_unit_test(any_bytes_come_out_safe),
      cmocka_unit_test(bytes_for_people),
      cmocka_unit_test(other_figures_for_people),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
