/* SPDX-License-Identifier: MIT
 *
 * Sentences on standard error, "spate: ..." each, safe for a terminal.
 * Any thread, though only the main one has something to say.
 */
#ifndef SPATE_SAY_H
#define SPATE_SAY_H

#include "err.h"

/* At most 2000 bytes; secrets in URLs are replaced. */
void say(const char *fmt, ...) PRINTF_LIKE(1, 2);

/* Says what is in msg, or the general sentence for code when it is empty, and
 * returns the exit status that fits a run that did not begin: 2 or 3. */
int say_error(int code, const struct errmsg *msg);

/* Flushes standard output: 0, or 3 after saying that it could not be written
 * to. */
int say_printed(void);

#endif
