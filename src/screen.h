/* SPDX-License-Identifier: MIT
 *
 * The terminal interface on an engine of this process or a run elsewhere. The
 * main thread.
 */
#ifndef SPATE_SCREEN_H
#define SPATE_SCREEN_H

#include "engine.h"
#include "options.h"
#include "settings.h"

enum screen_end {
  SCREEN_OVER,        /* the engine has ended, was asked to, or there was no
                         screen */
  SCREEN_HANDED_OVER, /* asked to stop, and to go on in the background */
  SCREEN_LOST,        /* the terminal is gone, and the run goes on without */
};

/* Shows the engine until it ends or the person leaves; asks the engine to stop
 * where it is left running. wake_fd is borrowed. */
enum screen_end screen_run(struct engine *engine, int wake_fd,
                           const struct options *options,
                           const struct settings *settings);

/* Shows a run of another process and leaves it alone. How it ended: an enum
 * ui_end, or a negative code with a sentence. */
struct remote;
int screen_attach(struct remote *remote, const struct options *options,
                  const struct settings *settings,
                  struct errmsg *msg) MUST_CHECK;

/* Whether standard output can be drawn on. */
bool screen_possible(void);

#endif
