/* SPDX-License-Identifier: MIT
 *
 * The limit of open files; see descriptors.h. Its usual value, 1,024 on Linux
 * and 256 on macOS, is a soft one from the days of select(2): any program may
 * raise it.
 */
#include "config.h"

#include "descriptors.h"

#include <sys/resource.h>

unsigned descriptors_for(unsigned transfers) {
  struct rlimit limit;
  rlim_t want = (rlim_t)transfers * DESCRIPTORS_EACH + (rlim_t)DESCRIPTORS_OWN;
  if (want < DESCRIPTORS_LEAST)
    want = DESCRIPTORS_LEAST;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
    return transfers;
  if (limit.rlim_cur < want && limit.rlim_cur != limit.rlim_max) {
    struct rlimit more = limit;
    more.rlim_cur = want < limit.rlim_max ? want : limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &more) == 0)
      limit = more;
  }
  if (limit.rlim_cur >= want)
    return transfers;
  if (limit.rlim_cur < DESCRIPTORS_LEAST)
    return 0;
  return (unsigned)(limit.rlim_cur - DESCRIPTORS_OWN) / DESCRIPTORS_EACH;
}
