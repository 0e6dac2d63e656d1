/* SPDX-License-Identifier: MIT
 *
 * heap.c: order, moves and removals against a plain sorted model.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "heap.h"

#define NODES 500

static void takes_the_earliest_first(void **state) {
  struct heap heap;
  struct heap_node node[NODES] = {{0}};
  uint64_t last = 0;
  unsigned seed = 7;
  (void)state;
  heap_init(&heap);
  for (size_t i = 0; i < NODES; i++) {
    seed = seed * 1103515245u + 12345u;
    assert_int_equal(heap_put(&heap, &node[i], seed % 1000), 0);
  }
  for (size_t i = 0; i < NODES; i++) {
    struct heap_node *first = heap_first(&heap);
    assert_non_null(first);
    assert_true(first->due_ns >= last);
    last = first->due_ns;
    heap_remove(&heap, first);
  }
  assert_null(heap_first(&heap));
  heap_fini(&heap);
}

static void moves_and_removes_from_the_middle(void **state) {
  struct heap heap;
  struct heap_node node[NODES] = {{0}};
  size_t left = 0;
  uint64_t last = 0;
  (void)state;
  heap_init(&heap);
  for (size_t i = 0; i < NODES; i++)
    assert_int_equal(heap_put(&heap, &node[i], i), 0);
  for (size_t i = 0; i < NODES; i += 3)
    assert_int_equal(heap_put(&heap, &node[i], NODES - i), 0);
  for (size_t i = 1; i < NODES; i += 3)
    heap_remove(&heap, &node[i]);
  heap_remove(&heap, &node[1]); /* once more does no harm */
  for (struct heap_node *n = heap_first(&heap); n != NULL;
       n = heap_first(&heap)) {
    assert_int_not_equal((n - node) % 3, 1);
    assert_true(n->due_ns >= last);
    last = n->due_ns;
    heap_remove(&heap, n);
    left++;
  }
  assert_int_equal(left, NODES - (NODES + 1) / 3);
  heap_fini(&heap);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(takes_the_earliest_first),
      cmocka_unit_test(moves_and_removes_from_the_middle),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
