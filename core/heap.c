/* SPDX-License-Identifier: MIT
 *
 * A binary min-heap of things that are due at a time: see heap.h.
 */
#include "config.h"

#include "heap.h"

#include <stdlib.h>
#include <string.h>

void heap_init(struct heap *heap) {
  memset(heap, 0, sizeof(*heap));
}

void heap_fini(struct heap *heap) {
  free(heap->nodes);
  memset(heap, 0, sizeof(*heap));
}

static void place(struct heap *heap, size_t index, struct heap_node *node) {
  heap->nodes[index] = node;
  node->place = index + 1;
}

static void sift_up(struct heap *heap, size_t index) {
  struct heap_node *node = heap->nodes[index];
  while (index > 0) {
    size_t parent = (index - 1) / 2;
    if (heap->nodes[parent]->due_ns <= node->due_ns)
      break;
    place(heap, index, heap->nodes[parent]);
    index = parent;
  }
  place(heap, index, node);
}

static void sift_down(struct heap *heap, size_t index) {
  struct heap_node *node = heap->nodes[index];
  for (;;) {
    size_t child = 2 * index + 1;
    if (child >= heap->count)
      break;
    if (child + 1 < heap->count &&
        heap->nodes[child + 1]->due_ns < heap->nodes[child]->due_ns)
      child++;
    if (heap->nodes[child]->due_ns >= node->due_ns)
      break;
    place(heap, index, heap->nodes[child]);
    index = child;
  }
  place(heap, index, node);
}

static int reserve(struct heap *heap) {
  size_t capacity = heap->capacity ? heap->capacity * 2 : 64;
  struct heap_node **grown;
  if (heap->count < heap->capacity)
    return 0;
  grown = realloc(heap->nodes, capacity * sizeof(struct heap_node *));
  if (grown == NULL)
    return ERR_NOMEM;
  heap->nodes = grown;
  heap->capacity = capacity;
  return 0;
}

int heap_put(struct heap *heap, struct heap_node *node, uint64_t due_ns) {
  heap_remove(heap, node);
  if (reserve(heap) != 0)
    return ERR_NOMEM;
  node->due_ns = due_ns;
  heap->nodes[heap->count++] = node;
  sift_up(heap, heap->count - 1);
  return 0;
}

void heap_remove(struct heap *heap, struct heap_node *node) {
  size_t index;
  struct heap_node *last;
  if (node->place == 0)
    return;
  index = node->place - 1;
  last = heap->nodes[--heap->count];
  node->place = 0;
  if (last == node)
    return;
  place(heap, index, last);
  sift_down(heap, index);
  sift_up(heap, last->place - 1);
}

struct heap_node *heap_first(const struct heap *heap) {
  return heap->count > 0 ? heap->nodes[0] : NULL;
}
