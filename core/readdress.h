/* SPDX-License-Identifier: MIT
 *
 * A URL, and mirrors, that a person has given a task in place of what its list
 * says: one that was signed anew, or of a server that has the file. Kept as a
 * text by task in the session's file "urls" (titles.h).
 *
 * It stands for the line as it was: `of` is a digest of the line's URL, query
 * and all, so that a list which is signed again later goes before it.
 *
 * Pure; any thread.
 */
#ifndef SPATE_READDRESS_H
#define SPATE_READDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

#define READDRESS_MIRRORS 31 /* that a task may have */

struct readdress {
  uint64_t of; /* 0: of whatever the line says */
  char *url;   /* one piece of memory with what follows */
  size_t mirror_count;
  const char *mirror[READDRESS_MIRRORS];
};

/* The digest of a line's URL; never 0. */
uint64_t readdress_of(const char *url);

/* Whether it stands for a line of this URL. */
bool readdress_fits(const struct readdress *address, const char *line);

/* From words "URL [MIRROR...]" as a person types them, with blanks or tabs
 * between. ERR_SYNTAX with a sentence when there is none, too many, or one
 * holds the *** that stands for a secret on screens. What is a URL and what
 * may be asked is for others to say. */
int readdress_read(struct readdress *address, const char *words,
                   struct errmsg *msg) MUST_CHECK;

/* Another mirror, behind the others; ERR_TOOBIG, ERR_EXISTS. */
int readdress_add(struct readdress *address, const char *url) MUST_CHECK;

/* "OF URL<tab>MIRROR...", the caller's to free, and back; what cannot be read
 * leaves an empty address. */
char *readdress_text(const struct readdress *address);
int readdress_parse(struct readdress *address, const char *text) MUST_CHECK;

void readdress_fini(struct readdress *address);

#endif
