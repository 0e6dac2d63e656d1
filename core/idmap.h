/* SPDX-License-Identifier: MIT
 *
 * Tasks by their number: open addressing over the tasks in the window.
 * Thread: the loop's.
 */
#ifndef SPATE_IDMAP_H
#define SPATE_IDMAP_H

#include <stddef.h>
#include <stdint.h>

#include "err.h"

struct task;

struct idmap {
  /* private */
  struct task **slots;
  size_t size, count; /* size is a power of two or 0 */
};

void idmap_init(struct idmap *map);
void idmap_fini(struct idmap *map);
int idmap_add(struct idmap *map, struct task *task) MUST_CHECK;
struct task *idmap_find(const struct idmap *map, uint64_t id);
void idmap_remove(struct idmap *map, uint64_t id);

#endif
