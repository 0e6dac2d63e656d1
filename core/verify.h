/* SPDX-License-Identifier: MIT
 *
 * What each task's body has to pass before it gets its name: where the
 * promises come from (the list, the URL's fragment, a checksum file, the
 * server), and what becomes of a body that breaks them.
 *
 * A body whose digest is not what was promised is fetched once more from
 * scratch: a proxy or a cut may have damaged it. The second time the promise
 * itself is taken to be wrong, and the task fails for good.
 *
 * Thread: the loop's.
 */
#ifndef SPATE_VERIFY_H
#define SPATE_VERIFY_H

#include <stdbool.h>

#include "digest.h"

struct engine;
struct steps;
struct task;

/* Reads the files of --checksum-file; blocks, before the loop runs. */
int verify_init(struct engine *e, struct errmsg *msg) MUST_CHECK;
void verify_fini(struct engine *e);

/* The checksum that the task's own line carries, its field or the URL's
 * fragment ("#sha-256=HEX"), or else a checksum file. 0 with DIGEST_NONE when
 * there is none; ERR_SYNTAX for a field that is no checksum. */
int verify_promise(const struct engine *e, const struct task *task,
                   struct digest *digest, struct errmsg *msg) MUST_CHECK;

/* A new body begins: task->steps is what it has to go through, NULL nothing.
 * ERR_NOMEM or ERR_UNSUPPORTED. */
int verify_open(struct engine *e, struct task *task) MUST_CHECK;

/* The same for a file that is there. One that was unpacked is not what a
 * checksum of the body is about, so that its own digest alone is computed. */
int verify_adopt(struct engine *e, struct task *task) MUST_CHECK;

/* The sink has let go of the body: takes what came out of the steps into the
 * task and frees them. whole: every byte went through. */
void verify_close(struct engine *e, struct task *task, bool whole);

/* The body broke a promise: the task is tried again or fails, as code says. */
void verify_failed(struct engine *e, struct task *task, int code);

#endif
