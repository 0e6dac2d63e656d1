/* SPDX-License-Identifier: MIT
 *
 * Gives the terminal back when the process is about to die.
 *
 * The bytes that say good-bye to the terminal and its modes are stored
 * beforehand; the handlers do nothing but write, tcsetattr and dup2, all of
 * which are safe in a signal handler, and raise the signal again with its
 * default action. They cover crashes, and those signals that end a process and
 * for which the program has no handler of its own.
 */
#ifndef SPATE_UI_RESCUE_H
#define SPATE_UI_RESCUE_H

#include <stddef.h>
#include <termios.h>

void rescue_install(void);
void rescue_uninstall(void);

/* From now on there is something to give back: bytes (cut at 1 KiB), modes,
 * and the descriptor that was the standard error (-1: unchanged). */
void rescue_arm(int tty_fd, const char *bytes, size_t len,
                const struct termios *modes, int stderr_fd);
void rescue_disarm(void);

/* Gives it back now, when there is something to give; safe in a signal
 * handler. */
void rescue_give_back(void);

#endif
