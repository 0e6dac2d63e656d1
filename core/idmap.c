/* SPDX-License-Identifier: MIT
 *
 * Tasks by their number: see idmap.h.
 */
#include "config.h"

#include "idmap.h"

#include <stdlib.h>
#include <string.h>

#include "task.h"

void idmap_init(struct idmap *map) {
  memset(map, 0, sizeof(*map));
}

void idmap_fini(struct idmap *map) {
  free(map->slots);
  memset(map, 0, sizeof(*map));
}

static size_t slot_of(const struct idmap *map, uint64_t id) {
  return (size_t)((id * 0x9e3779b97f4a7c15u) >> 20) & (map->size - 1);
}

static void put(struct idmap *map, struct task *task) {
  size_t slot = slot_of(map, task->id);
  while (map->slots[slot] != NULL)
    slot = (slot + 1) & (map->size - 1);
  map->slots[slot] = task;
}

static int grow(struct idmap *map) {
  struct task **old = map->slots;
  size_t old_size = map->size;
  size_t size = old_size > 0 ? old_size * 2 : 256;
  struct task **slots;
  if (map->count * 2 < map->size)
    return 0;
  slots = calloc(size, sizeof(struct task *));
  if (slots == NULL)
    return ERR_NOMEM;
  map->slots = slots;
  map->size = size;
  for (size_t i = 0; i < old_size; i++)
    if (old[i] != NULL)
      put(map, old[i]);
  free(old);
  return 0;
}

int idmap_add(struct idmap *map, struct task *task) {
  if (grow(map) != 0)
    return ERR_NOMEM;
  put(map, task);
  map->count++;
  return 0;
}

static size_t find_slot(const struct idmap *map, uint64_t id) {
  size_t slot = slot_of(map, id);
  while (map->slots[slot] != NULL && map->slots[slot]->id != id)
    slot = (slot + 1) & (map->size - 1);
  return slot;
}

struct task *idmap_find(const struct idmap *map, uint64_t id) {
  return map->size > 0 ? map->slots[find_slot(map, id)] : NULL;
}

/* Moves later entries of the run back, so that no gap hides them. */
void idmap_remove(struct idmap *map, uint64_t id) {
  size_t gap, next;
  if (map->size == 0)
    return;
  gap = find_slot(map, id);
  if (map->slots[gap] == NULL)
    return;
  map->slots[gap] = NULL;
  map->count--;
  for (next = (gap + 1) & (map->size - 1); map->slots[next] != NULL;
       next = (next + 1) & (map->size - 1)) {
    struct task *task = map->slots[next];
    map->slots[next] = NULL;
    put(map, task);
  }
}
