/* SPDX-License-Identifier: MIT
 *
 * Chunks: bitmaps that agree with their counters, digests that see order, a
 * table that stays right through thousands of additions and removals.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "chunk.h"

static void ids_come_apart_as_they_were_put_together(void **state) {
  (void)state;
  uint64_t id = task_id(3, 2, 8191);
  assert_int_equal(task_source(id), 3);
  assert_int_equal(task_chunk(id), 2);
  assert_int_equal(task_index(id), 8191);
  assert_int_equal(task_ordinal(id), 3 * CHUNK_LINES);
  assert_int_equal(task_id(0, 0, 0), 1);
}

static void filled_bits_are_counted(void **state) {
  (void)state;
  uint8_t bits[CHUNK_BITMAP];
  const uint32_t counts[] = {0, 1, 7, 8, 9, 4095, 8191, 8192};
  for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
    chunk_bits_fill(bits, counts[i]);
    assert_int_equal(chunk_bits_count(bits), counts[i]);
    if (counts[i] > 0)
      assert_true(chunk_bit(bits, counts[i] - 1));
    if (counts[i] < CHUNK_LINES)
      assert_false(chunk_bit(bits, counts[i]));
  }
}

static void digest_depends_on_order_and_prefix(void **state) {
  (void)state;
  uint64_t ab = chunk_digest(chunk_digest(0, 1), 2);
  uint64_t ba = chunk_digest(chunk_digest(0, 2), 1);
  assert_true(ab != ba);
  assert_true(chunk_digest(0, 0) != 0);
  assert_true(chunk_digest(chunk_digest(0, 0), 0) != chunk_digest(0, 0));
}

static void settling_and_landing_happen_once(void **state) {
  (void)state;
  struct chunk_table table = {0};
  struct chunk *chunk = chunk_table_add(&table, 0, 0);
  assert_non_null(chunk);
  chunk->objects = calloc(1, CHUNK_LINES);
  assert_non_null(chunk->objects);
  for (uint32_t i = 0; i < CHUNK_LINES; i++)
    assert_int_equal(chunk_append(chunk, i), 0);
  assert_int_equal(chunk_append(chunk, 1), ERR_TOOBIG);
  assert_true(chunk_fly(chunk, 5));
  assert_false(chunk_fly(chunk, 5));
  assert_int_equal(chunk->flying, 1);
  assert_true(chunk_land(chunk, 5));
  assert_false(chunk_land(chunk, 5));
  assert_int_equal(chunk->flying, 0);
  assert_true(chunk_settle(chunk, 5));
  assert_false(chunk_settle(chunk, 5));
  assert_int_equal(chunk->settled, 1);
  assert_int_equal(chunk_bits_count(chunk->settled_bits), 1);
  chunk_table_fini(&table);
}

static void table_finds_what_is_in_it_and_nothing_else(void **state) {
  (void)state;
  enum { N = 3000 };
  static bool in[N];
  struct chunk_table table = {0};
  size_t count = 0;
  srand(1);
  memset(in, 0, sizeof in);
  for (int turn = 0; turn < 20000; turn++) {
    uint32_t key = (uint32_t)(rand() % N);
    struct chunk *chunk = chunk_table_find(&table, key % 3, key / 3);
    assert_int_equal(chunk != NULL, in[key]);
    if (chunk == NULL && rand() % 2 == 0) {
      assert_non_null(chunk_table_add(&table, key % 3, key / 3));
      in[key] = true;
      count++;
    } else if (chunk != NULL) {
      assert_int_equal(chunk->source, key % 3);
      assert_int_equal(chunk->number, key / 3);
      chunk_table_remove(&table, chunk);
      in[key] = false;
      count--;
    }
    assert_int_equal(table.count, count);
  }
  chunk_table_fini(&table);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(ids_come_apart_as_they_were_put_together),
      cmocka_unit_test(filled_bits_are_counted),
      cmocka_unit_test(digest_depends_on_order_and_prefix),
      cmocka_unit_test(settling_and_landing_happen_once),
      cmocka_unit_test(table_finds_what_is_in_it_and_nothing_else),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
