/* SPDX-License-Identifier: MIT
 *
 * The URLs of a command line as task lines ("URL" or "URL<tab>NAME").
 * The starting thread alone.
 */
#ifndef SPATE_WORDS_H
#define SPATE_WORDS_H

#include <stddef.h>

#include "err.h"

struct word_lines {
  char **items;
  size_t count;
};

/* out_name: the name of a single URL, or NULL. A word without a scheme gets
 * http:// as with curl and wget, unless it looks like something else. allow: the
 * protocols (protocol.h) that a URL may have. */
int word_lines_init(struct word_lines *lines, char *const *words, size_t count,
                    const char *out_name, unsigned allow,
                    struct errmsg *msg) MUST_CHECK;
/* The checksum ("TYPE=HEX") of the one line goes into it as the URL's
 * fragment, so that it stays with the task wherever the line goes. */
int word_lines_checksum(struct word_lines *lines, const char *checksum,
                        struct errmsg *msg) MUST_CHECK;
void word_lines_fini(struct word_lines *lines);

#endif
