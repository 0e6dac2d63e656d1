/* SPDX-License-Identifier: MIT
 *
 * Files without a name, for what is read more than once. Any thread.
 */
#ifndef SPATE_TEMPFILE_H
#define SPATE_TEMPFILE_H

#include <stddef.h>

#include "err.h"

/* Opens an empty one in $TMPDIR or /tmp, of mode 0600 and gone when it is
 * closed. Returns its descriptor or a negative code; errno is set. */
int tempfile_open(void) MUST_CHECK;

/* write(2) until all is written. */
int tempfile_write(int fd, const char *data, size_t len) MUST_CHECK;

#endif
