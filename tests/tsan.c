/* SPDX-License-Identifier: MIT
 *
 * Linked into the programs of configure --enable-tsan alone. libuv closes
 * files with syscall(SYS_close), past ThreadSanitizer, which goes on taking the
 * number for the file that has gone: whoever gets it next by a call that is not
 * seen either, as openat(), is said to race with the users of the first file.
 * Here such a close is made one that is seen. Nothing else changes, so that a
 * file that is closed while another thread uses it is still found.
 */
#include "config.h"

#include <dlfcn.h>
#include <stdarg.h>
#include <sys/syscall.h>
#include <unistd.h>

typedef long call(long, ...);

static call *real;

__attribute__((constructor)) static void find(void) {
  real = (call *)dlsym(RTLD_NEXT, "syscall");
}

long syscall(long number, ...) {
  long a[6];
  va_list list;
  va_start(list, number);
  for (int i = 0; i < 6; i++)
    a[i] = va_arg(list, long);
  va_end(list);
  if (number == SYS_close)
    return close((int)a[0]);
  return real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

const char *__tsan_default_options(void);

/* test_session_kill forks where threads are, and the child starts some. */
const char *__tsan_default_options(void) {
  return "die_after_fork=0";
}
