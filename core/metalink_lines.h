/* SPDX-License-Identifier: MIT
 *
 * A Metalink as a manifest: a file of it is a line of jsonl, so that what reads
 * manifests reads it too. Its name is cleaned here, directories are kept.
 *
 * Foreign bytes: see metalink.h. metalink_lines() is pure, the others block;
 * any thread.
 */
#ifndef SPATE_METALINK_LINES_H
#define SPATE_METALINK_LINES_H

#include <stdbool.h>
#include <stddef.h>

#include "err.h"

/* XML that speaks of the Metalink namespace, as its beginning says. */
bool metalink_detect(const char *data, size_t length);

/* Text of lines, terminated, to be freed. A file without a URL that can be
 * used becomes a line that a reader calls bad, and says why. */
int metalink_lines(const char *data, size_t length, char **text,
                   size_t *text_len, struct errmsg *msg) MUST_CHECK;

/* The same for an open file, from its beginning whatever its offset: 1 or 0,
 * or ERR_IO (see errno) when nobody can tell. */
int metalink_file(int fd) MUST_CHECK;
/* Its lines are written to out_fd. name is for the message. */
int metalink_file_lines(int fd, const char *name, int out_fd,
                        struct errmsg *msg) MUST_CHECK;

#endif
