/* SPDX-License-Identifier: MIT
 *
 * Checksum files as sha256sum and its kin write and check them:
 *
 *   HEX  NAME           HEX *NAME          \HEX  NAME with \n, \r and \\
 *   SHA256 (NAME) = HEX                    (the BSD form)
 *
 * What is kept is a table from names to digests: 40 bytes for a name's entry
 * and as many as its longest digest has, so that millions of lines fit. Names
 * are kept as hashes of 64 bits of the name and of its last segment; two
 * entries that give one last segment different digests make that segment
 * useless, and the whole name alone counts.
 *
 * Foreign bytes: a line that is none of these is counted and passed over.
 * Thread: read once, then looked at by any.
 */
#ifndef SPATE_CHECKSUM_FILE_H
#define SPATE_CHECKSUM_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "digest.h"

#define CHECKSUM_LINE_CAP (16u << 10)
#define CHECKSUM_FILE_CAP ((int64_t)4 << 30)

struct checksum_table;

int checksum_table_new(struct checksum_table **out) MUST_CHECK;
void checksum_table_free(struct checksum_table *table); /* takes NULL */

/* Adds the next bytes of a file; length 0 ends it. type is what a line of
 * plain digits means when their number fits it; DIGEST_NONE: by their number.
 * ERR_NOMEM. */
int checksum_table_add(struct checksum_table *table, const char *data,
                       size_t length) MUST_CHECK;

/* Lines read, and those that could not be. */
size_t checksum_table_count(const struct checksum_table *table);
size_t checksum_table_bad(const struct checksum_table *table);

/* The digest for an output of that name (relative, '/' between): by the whole
 * name or else by its last segment. type DIGEST_NONE: there is none. */
void checksum_table_find(const struct checksum_table *table, const char *name,
                         struct digest *digest);

/* Reads one line (terminated; changed in place): the digest and where the
 * name is. ERR_SYNTAX. */
int checksum_line_parse(char *line, struct digest *digest,
                        const char **name) MUST_CHECK;

/* Writes "HEX  NAME\n", escaped where the name needs it, terminated. Returns
 * its length or ERR_TOOBIG. */
int checksum_line_format(const struct digest *digest, const char *name,
                         char *line, size_t cap) MUST_CHECK;

#endif
