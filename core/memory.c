/* SPDX-License-Identifier: MIT
 *
 * The allocator's free pages; glibc's malloc_trim() where there is one.
 *
 * Thread: any.
 */
#include "config.h"

#include "memory.h"

#ifdef HAVE_MALLOC_H
#include <malloc.h>
#endif

void memory_give_back(void) {
#if defined HAVE_MALLOC_TRIM && defined HAVE_MALLINFO2
  struct mallinfo2 now = mallinfo2(); /* of all arenas */
  if (now.fordblks >= MEMORY_WORTH)
    (void)malloc_trim(0);
#endif
}
