/* SPDX-License-Identifier: MIT
 *
 * Output names of the tasks in memory: see outputs.h.
 */
#include "config.h"

#include "outputs.h"

#include <stdlib.h>
#include <string.h>

#include "task.h"

void outputs_init(struct outputs *outputs) {
  memset(outputs, 0, sizeof(*outputs));
}

void outputs_fini(struct outputs *outputs) {
  free(outputs->slots);
  outputs_init(outputs);
}

/* FNV-1a; never 0, which is a task without a place. */
static uint64_t hash_of(const char *name) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (; *name != '\0'; name++)
    hash = (hash ^ (unsigned char)*name) * 0x100000001b3u;
  hash ^= hash >> 32;
  return hash != 0 ? hash : 1;
}

static size_t next_slot(const struct outputs *o, size_t slot) {
  return (slot + 1) & (o->size - 1);
}

static void put(struct outputs *o, struct task *task) {
  size_t slot = (size_t)task->output_hash & (o->size - 1);
  while (o->slots[slot] != NULL)
    slot = next_slot(o, slot);
  o->slots[slot] = task;
}

static int grow(struct outputs *o) {
  struct task **old = o->slots;
  size_t old_size = o->size;
  if (o->count * 2 < o->size)
    return 0;
  size_t size = old_size > 0 ? old_size * 2 : 256;
  struct task **slots = calloc(size, sizeof(struct task *));
  if (slots == NULL)
    return ERR_NOMEM;
  o->slots = slots;
  o->size = size;
  for (size_t i = 0; i < old_size; i++)
    if (old[i] != NULL)
      put(o, old[i]);
  free(old);
  return 0;
}

struct task *outputs_find(const struct outputs *o, const char *name) {
  uint64_t hash = hash_of(name);
  if (o->size == 0)
    return NULL;
  size_t slot = (size_t)hash & (o->size - 1);
  while (o->slots[slot] != NULL) {
    struct task *task = o->slots[slot];
    if (task->output_hash == hash && strcmp(task->name, name) == 0)
      return task;
    slot = next_slot(o, slot);
  }
  return NULL;
}

int outputs_add(struct outputs *o, struct task *task) {
  if (grow(o) != 0)
    return ERR_NOMEM;
  task->output_hash = hash_of(task->name);
  put(o, task);
  o->count++;
  return 0;
}

/* Entries of the run behind the gap are put in anew, so that it hides none. */
void outputs_remove(struct outputs *o, struct task *task) {
  if (task->output_hash == 0)
    return;
  size_t slot = (size_t)task->output_hash & (o->size - 1);
  while (o->slots[slot] != task)
    slot = next_slot(o, slot);
  o->slots[slot] = NULL;
  o->count--;
  task->output_hash = 0;
  for (slot = next_slot(o, slot); o->slots[slot] != NULL;
       slot = next_slot(o, slot)) {
    struct task *moved = o->slots[slot];
    o->slots[slot] = NULL;
    put(o, moved);
  }
}
