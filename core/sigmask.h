/* SPDX-License-Identifier: MIT
 *
 * Signals are the main thread's business: every other thread of the program
 * blocks them first, but for those that tell of a crash.
 *
 * Any thread; concerns the calling one.
 */
#ifndef SPATE_SIGMASK_H
#define SPATE_SIGMASK_H

void sigmask_block(void);

#endif
