/* SPDX-License-Identifier: MIT
 *
 * Memory that was freed goes back to the system.
 *
 * An allocator returns by itself only what lies at its top. After a window of
 * thousands of tasks has come and gone, one small piece that lives on keeps
 * megabytes below it: a run over millions of tasks would seem to grow.
 */
#ifndef SPATE_MEMORY_H
#define SPATE_MEMORY_H

#include <stddef.h>

/* So much that is free but kept is worth the work of returning it, in bytes. */
#define MEMORY_WORTH ((size_t)8 << 20)

/* Returns free pages when at least MEMORY_WORTH bytes of the process's heap are
 * free; takes some milliseconds at most for each 50 MB. Any thread; others that
 * allocate meanwhile wait. Does nothing where the allocator has no such call.
 */
void memory_give_back(void);

#endif
