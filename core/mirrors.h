/* SPDX-License-Identifier: MIT
 *
 * Mirrors that the head of an answer names: Link: <URL>; rel=duplicate (RFC
 * 6249). They stand behind those that the task's own line gives, by number.
 *
 * Nobody but the server has vouched for them, so that they count only where
 * what comes from them is told to be right: by a digest of the whole that the
 * task or the server promises (SHA-256 or better from a server), or, within a
 * split task alone, by the very same strong ETag (RFC 6249 sections 4 and 5).
 * A mirror with credentials in its URL, of a scheme other than http and https,
 * or without TLS where the answer came with it, is none. They get neither
 * credentials nor headers of the user, as any other origin.
 *
 * Thread: the loop's.
 */
#ifndef SPATE_MIRRORS_H
#define SPATE_MIRRORS_H

#include <stdbool.h>
#include <stdint.h>

#define MIRRORS_FOUND 8     /* of one task */
#define MIRRORS_SEEN 64     /* links of one head that are looked at */
#define MIRRORS_BYTES 16384 /* of all its Link fields */

struct digest;
struct engine;
struct found_mirrors;
struct host;
struct task;
struct transfer;

/* From inside the head callback of an answer that is good. */
void mirrors_learn(struct engine *e, struct task *task,
                   const struct transfer *transfer);
void mirrors_free(struct found_mirrors *found); /* takes NULL */

/* How many there are; strict: those whose only warrant is their ETag too. */
unsigned mirrors_found(const struct task *task, bool strict);
/* Must its ETag be the first one's? */
bool mirrors_strict(const struct task *task);
const char *mirrors_url(const struct task *task, unsigned index);

/* --no-private-redirects: the mirror of that number was found, and a
 * connection to that host of it may lead to no private address. */
bool mirrors_public_only(const struct engine *e, const struct task *task,
                         unsigned number, const struct host *host);

/* The digest that came with their names; NULL none. */
const struct digest *mirrors_digest(const struct task *task);

/* The body was wrong: none of them, nor that digest, counts any more. */
void mirrors_forget(struct engine *e, struct task *task);

#endif
