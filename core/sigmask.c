/* SPDX-License-Identifier: MIT
 *
 * See sigmask.h.
 */
#include "config.h"

#include "sigmask.h"

#include <pthread.h>
#include <signal.h>

void sigmask_block(void) {
  static const int crashes[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
  sigset_t set;
  sigfillset(&set);
  for (unsigned i = 0; i < sizeof crashes / sizeof crashes[0]; i++)
    sigdelset(&set, crashes[i]);
  pthread_sigmask(SIG_BLOCK, &set, NULL);
}
