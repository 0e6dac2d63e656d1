/* SPDX-License-Identifier: MIT
 *
 * A binary min-heap of things that are due at a time. Nodes are embedded;
 * each knows its place, so that it can be moved or taken out in O(log n).
 * Thread: the loop's.
 */
#ifndef SPATE_HEAP_H
#define SPATE_HEAP_H

#include <stddef.h>
#include <stdint.h>

#include "err.h"

struct heap_node {
  uint64_t due_ns; /* read by anyone, set by heap_put */
  size_t place;    /* private: index + 1; 0 = not in a heap */
};

struct heap {
  /* private */
  struct heap_node **nodes;
  size_t count, capacity;
};

void heap_init(struct heap *heap);
void heap_fini(struct heap *heap);

/* Puts the node in or moves it to a new time. ERR_NOMEM leaves it out. */
int heap_put(struct heap *heap, struct heap_node *node,
             uint64_t due_ns) MUST_CHECK;

/* Takes the node out; nothing happens when it is in no heap. */
void heap_remove(struct heap *heap, struct heap_node *node);

/* The earliest node, or NULL. */
struct heap_node *heap_first(const struct heap *heap);

#endif
