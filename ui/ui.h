/* SPDX-License-Identifier: MIT
 *
 * The terminal interface: shows an engine's snapshots and sends it commands.
 *
 * ui_run() takes the terminal, runs a poll() loop in the calling thread and
 * gives the terminal back in every way of ending, a crash included. The engine
 * is reached through struct ui_engine alone, so that it may be one of this
 * process, of another, or of a test. The engine never waits for the screen: a
 * terminal that has stopped reading holds up frames and nothing else.
 *
 * Signals: handlers that the program has installed for INT, TERM, HUP and QUIT
 * stay as they are; where there is none, the terminal is given back before the
 * default action. WINCH, TSTP and CONT are handled here while ui_run() runs.
 * The program calls setlocale(LC_ALL, "") before.
 */
#ifndef SPATE_UI_H
#define SPATE_UI_H

#include <stdbool.h>
#include <stddef.h>

#include "command.h"
#include "err.h"
#include "snapshot.h"

enum ui_choice { UI_AUTO, UI_ON, UI_OFF };

struct ui_binding {
  const char *command; /* name of keys.h, as after `:` */
  const char *keys;    /* "x C-k" */
};

struct ui_options {
  enum ui_choice color; /* AUTO: unless NO_COLOR is set or TERM has none */
  enum ui_choice ascii; /* AUTO: by the locale */
  const char *theme;    /* NULL = default; see theme.h */
  const char *glyphs;   /* NULL: blocks or ascii, as ascii says; see theme.h */
  bool mouse;           /* on from the start */
  bool title, progress; /* of the window, where the terminal has them */
  int wake_fd;   /* readable when a new snapshot can be fetched; -1 none */
  int stderr_fd; /* where descriptor 2 goes meanwhile; -1: what is printed to
                    a terminal is kept and shown after the end */
  const struct ui_binding *bindings; /* borrowed; [keys] of the INI files */
  size_t binding_count;
};

struct ui_engine {
  void *arg;
  /* The newest snapshot with a reference, or NULL before the first. */
  const struct snapshot *(*snapshot)(void *arg);
  void (*release)(void *arg, const struct snapshot *snap);
  /* 0, or ERR_CLOSED when the engine has ended. */
  int (*command)(void *arg, const struct command *command);
  /* How often snapshots are wanted. May be NULL. */
  void (*snapshot_every)(void *arg, unsigned interval_ms);
  /* Of a run elsewhere: leaving the screen leaves it running, and wake_fd is
   * read by snapshot(). */
  bool attached;
  /* Which tasks' rows are in sight: those come first. May be NULL. */
  void (*watch)(void *arg, const uint64_t *ids, size_t count);
  /* Not attached: NULL, or why the run cannot go on without its screen. May
   * be NULL: then it cannot. */
  const char *(*detach)(void *arg);
  /* NULL, or why no snapshot will come any more. May be NULL. */
  const char *(*lost)(void *arg);
};

/* How it ended. */
enum ui_end {
  UI_FINISHED, /* the snapshot said so */
  UI_QUIT,     /* a person wants to leave before the engine has stopped */
  UI_HANGUP,   /* the terminal is gone: stop, or go on without */
  UI_DETACHED, /* a person leaves; the run is to go on */
  UI_LOST,     /* lost() said why */
};

/* Returns an enum ui_end, or a negative code with a sentence when there is no
 * usable terminal (ERR_UNSUPPORTED: use lines instead) or no memory. */
int ui_run(const struct ui_options *options, const struct ui_engine *engine,
           struct errmsg *msg) MUST_CHECK;

#endif
