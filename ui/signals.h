/* SPDX-License-Identifier: MIT
 *
 * Signals that concern the screen, as bytes of a pipe: a changed size, a
 * suspend, a continue. Handlers are installed before curses comes, which then
 * leaves them alone, and are put back at the end.
 */
#ifndef SPATE_UI_SIGNALS_H
#define SPATE_UI_SIGNALS_H

#include <stdbool.h>

#include "err.h"

struct signals_seen {
  bool resized, suspend, continued;
};

int signals_open(void) MUST_CHECK;
void signals_close(void);
/* Readable when a signal has come. */
int signals_fd(void);
void signals_read(struct signals_seen *seen);

/* Stops the process as ^Z does. group: the others of the pipeline as well,
 * which a real ^Z has stopped already. Returns when it goes on. */
void signals_stop_self(bool group);

/* What curses may have overwritten. */
void signals_save(void);
void signals_restore(void);

#endif
