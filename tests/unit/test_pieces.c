/* SPDX-License-Identifier: MIT
 *
 * pieces.c: which pieces are damaged, whole and shortened values, and texts
 * that are not for the file; and the ranges that are left without them.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pieces.h"

#define LENGTH 1000
#define SIZE 4500 /* the last of five pieces is a short one */
#define COUNT 5

static unsigned char file[SIZE], values[COUNT * 32];

static int setup(void **state) {
  (void)state;
  for (size_t i = 0; i < SIZE; i++)
    file[i] = (unsigned char)(i * 7 + i / 251);
  for (size_t i = 0; i < COUNT; i++) {
    struct digest_sum sum = {0};
    struct digest digest;
    size_t first = i * LENGTH, left = SIZE - first;
    assert_int_equal(digest_sum_init(&sum, DIGEST_SHA256), 0);
    digest_sum_add(&sum, file + first, left < LENGTH ? left : LENGTH);
    assert_int_equal(digest_sum_end(&sum, &digest), 0);
    digest_sum_fini(&sum);
    memcpy(values + 32 * i, digest.value, 32);
  }
  return 0;
}

static char *text_with(size_t cap) {
  return pieces_text(DIGEST_SHA256, LENGTH, values, COUNT, cap);
}

/* Feeds the file in strides; returns the set, whose bad pieces are in *bad. */
static struct pieces *look(const char *text, size_t stride, int64_t size,
                           const struct ranges **bad) {
  struct pieces *pieces;
  assert_int_equal(pieces_new(&pieces, text, SIZE), 0);
  for (int64_t at = 0; at < size; at += (int64_t)stride)
    pieces_feed(pieces, file + at,
                size - at < (int64_t)stride ? (size_t)(size - at) : stride);
  assert_int_equal(pieces_fed(pieces), size);
  assert_int_equal(pieces_end(pieces, bad), 0);
  return pieces;
}

static void damaged_pieces_are_found(void **state) {
  static const size_t strides[] = {1, 333, 1000, 1001, SIZE};
  char *text = text_with(4096);
  const struct ranges *bad;
  (void)state;
  assert_true(pieces_valid(text));
  for (size_t i = 0; i < sizeof(strides) / sizeof(*strides); i++) {
    struct pieces *pieces = look(text, strides[i], SIZE, &bad);
    assert_int_equal(bad->count, 0);
    pieces_free(pieces);
    file[1999] ^= 1;
    file[4499] ^= 1;
    pieces = look(text, strides[i], SIZE, &bad);
    file[1999] ^= 1;
    file[4499] ^= 1;
    assert_int_equal(bad->count, 2);
    assert_int_equal(bad->items[0].first, 1000);
    assert_int_equal(bad->items[0].end, 2000);
    assert_int_equal(bad->items[1].first, 4000);
    assert_int_equal(bad->items[1].end, SIZE);
    pieces_free(pieces);
  }
  free(text);
}

static void what_was_not_fed_is_damaged(void **state) {
  char *text = text_with(4096);
  const struct ranges *bad;
  struct pieces *pieces = look(text, 100, 2100, &bad);
  (void)state;
  assert_int_equal(bad->count, 1);
  assert_int_equal(bad->items[0].first, 2000);
  assert_int_equal(bad->items[0].end, SIZE);
  pieces_free(pieces);
  free(text);
}

/* 5 values of 32 bytes take 216 letters of base64, of 16 bytes 108. */
static void values_are_shortened_where_there_is_no_room(void **state) {
  char *text = text_with(64 + 108);
  const struct ranges *bad;
  struct pieces *pieces;
  (void)state;
  assert_non_null(text);
  assert_true(strlen(text) < 64 + 108);
  file[2500] ^= 1;
  pieces = look(text, 512, SIZE, &bad);
  file[2500] ^= 1;
  assert_int_equal(bad->count, 1);
  assert_int_equal(bad->items[0].first, 2000);
  pieces_free(pieces);
  free(text);
  assert_null(text_with(64 + 20)); /* not even with four bytes each */
}

static void texts_for_other_files_are_refused(void **state) {
  static const char *const wrong[] = {"",
                                      "sha-256",
                                      "sha-256=",
                                      "sha-256=0:AAAAAAAA",
                                      "x=1:AAAA",
                                      "sha-256=-1:AAAA",
                                      "sha-256=9:AAA",
                                      "sha-256=9:A.AA",
                                      "sha-256=9:",
                                      "sha-256=9:AAAA====",
                                      "sha-256=9:AAAA AAAA"};
  struct pieces *pieces;
  char *text = text_with(4096);
  (void)state;
  for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
    assert_false(pieces_valid(wrong[i]));
  assert_int_equal(pieces_new(&pieces, text, 0), ERR_SYNTAX);
  assert_int_equal(pieces_new(&pieces, text, 1000), ERR_SYNTAX);
  assert_int_equal(pieces_new(&pieces, text, 900000), ERR_SYNTAX);
  free(text);
}

static void assert_ranges(const struct ranges *set, const char *want) {
  char text[200] = "";
  for (size_t i = 0; i < set->count; i++) {
    size_t used = strlen(text);
    snprintf(text + used, sizeof(text) - used, "%d-%d ",
             (int)set->items[i].first, (int)set->items[i].end);
  }
  assert_string_equal(text, want);
}

static void ranges_lose_what_is_cut_out(void **state) {
  struct ranges set = {0}, other = {0};
  (void)state;
  assert_int_equal(ranges_add(&set, 0, 100), 0);
  assert_int_equal(ranges_add(&set, 200, 300), 0);
  assert_int_equal(ranges_add(&set, 400, 500), 0);
  assert_int_equal(ranges_remove(&set, 100, 200), 0); /* touches none */
  assert_ranges(&set, "0-100 200-300 400-500 ");
  assert_int_equal(ranges_remove(&set, 40, 60), 0);
  assert_ranges(&set, "0-40 60-100 200-300 400-500 ");
  assert_int_equal(ranges_remove(&set, 90, 450), 0);
  assert_ranges(&set, "0-40 60-90 450-500 ");
  assert_int_equal(ranges_add(&other, 30, 70), 0);
  assert_int_equal(ranges_add(&other, 80, 460), 0);
  assert_int_equal(ranges_common(&set, &other), 10 + 10 + 10 + 10);
  assert_int_equal(ranges_common(&other, &set), 40);
  assert_int_equal(ranges_remove_all(&set, &other), 0);
  assert_ranges(&set, "0-30 70-80 460-500 ");
  assert_int_equal(ranges_remove(&set, 0, 500), 0);
  assert_int_equal(set.count, 0);
  ranges_fini(&set);
  ranges_fini(&other);
}

static void they_fit_files_of_their_size_alone(void **state) {
  static const unsigned char two[2 * 32] = {1};
  char *text = pieces_text(DIGEST_SHA256, 100, two, 2, 1024);
  (void)state;
  assert_non_null(text);
  assert_true(pieces_fit(text, 200));
  assert_true(pieces_fit(text, 101));
  assert_false(pieces_fit(text, 0));
  assert_false(pieces_fit("sha-256=x", 200));
  free(text);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(damaged_pieces_are_found),
      cmocka_unit_test(what_was_not_fed_is_damaged),
      cmocka_unit_test(values_are_shortened_where_there_is_no_room),
      cmocka_unit_test(texts_for_other_files_are_refused),
      cmocka_unit_test(they_fit_files_of_their_size_alone),
      cmocka_unit_test(ranges_lose_what_is_cut_out),
  };
  return cmocka_run_group_tests(tests, setup, NULL);
}
