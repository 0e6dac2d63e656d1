/* SPDX-License-Identifier: MIT
 *
 * A run from an opened session to an exit status: the engine, the front end
 * that suits, the end. `spate URL...` and `spate resume` differ only in what
 * they do before.
 *
 * Thread: the main thread.
 */
#ifndef SPATE_RUN_H
#define SPATE_RUN_H

#include "options.h"
#include "session.h"
#include "settings.h"

/* Which front end the options and descriptors ask for; checked before
 * anything is opened. */
enum front { FRONT_SCREEN, FRONT_LINE, FRONT_JSON, FRONT_NONE, FRONT_QUIET };
int run_choose_front(const struct options *options, enum front *front,
                     struct errmsg *msg) MUST_CHECK;

/* Process-wide preparations, before a session is opened in dir. With --detach
 * it returns in a process of its own. */
int run_prepare(const struct options *options, const char *dir,
                struct errmsg *msg) MUST_CHECK;

/* Keeps the options in the session for `spate resume`. */
int run_keep_options(struct session *session, const struct options *options,
                     struct errmsg *msg) MUST_CHECK;

/* Runs the session, which it takes over, to its end. Returns the exit
 * status. */
int run_session(struct session *session, const struct options *options,
                const struct settings *settings, enum front front);

#endif
