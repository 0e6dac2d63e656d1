/* SPDX-License-Identifier: MIT
 *
 * The only owner of the terminal, and the only file that knows curses.
 *
 * It turns a canvas into the bytes that change the screen and the terminal's
 * bytes into keys. Curses writes into a file in memory; what it wrote becomes
 * one frame in the queue of tty.c, so that no write can block and a frame is
 * never begun while the last one is not through. One terminal a process; all
 * calls from one thread.
 */
#ifndef SPATE_UI_TERM_H
#define SPATE_UI_TERM_H

#include <stdbool.h>
#include <stddef.h>

#include "canvas.h"
#include "err.h"
#include "theme.h"

struct term;

struct term_mouse {
  int y, x;
  int wheel;  /* -1 up, 1 down, 0 a button */
  bool twice; /* a double click */
};

struct term_options {
  const struct theme *theme; /* borrowed */
  bool color;                /* if the terminal has any */
  bool title, progress;      /* may they be set, if the terminal can */
  int stderr_fd;             /* see ui.h */
};

/* ERR_UNSUPPORTED with a sentence when the terminal cannot move its cursor,
 * or when there is none. Call signals_open() before. */
int term_open(struct term **out, const struct term_options *options,
              struct errmsg *msg) MUST_CHECK;
/* Gives the terminal back. gone: nobody reads it any more. */
void term_close(struct term *term, bool gone);

int term_in_fd(const struct term *term);
int term_out_fd(const struct term *term);
void term_size(const struct term *term, int *rows, int *cols);
bool term_in_foreground(const struct term *term);

/* Adopts the present size; the next frame is painted in full. */
int term_resize(struct term *term) MUST_CHECK;
void term_repaint(struct term *term);
/* Queues what differs from the last frame. Returns the number of bytes, 0 when
 * nothing differs, or an error. */
int term_paint(struct term *term, const struct canvas *canvas) MUST_CHECK;

/* Are there bytes that the terminal has not read yet? */
bool term_busy(const struct term *term);
/* 0 all written, 1 something is left, ERR_IO the terminal is gone. */
int term_flush(struct term *term);

/* Other colours, and the mouse on or off; the next frame is painted in full. */
void term_set_theme(struct term *term, const struct theme *theme);
void term_set_mouse(struct term *term, bool on);
/* The window's title (untrusted), and the progress that some terminals show on
 * their icon: per cent, or -1 for none; failed: in its colour of errors. Only
 * written when it has changed. */
void term_announce(struct term *term, const char *title, int percent,
                   bool failed);

/* What KEY__MOUSE was about; false when it is nothing we know. */
bool term_mouse(struct term *term, struct term_mouse *mouse);
/* The next key (enum key or a code point), or -1 when there is none. */
int term_key(struct term *term);

/* Away from the terminal and back, around a suspend. */
void term_leave(struct term *term);
int term_enter(struct term *term) MUST_CHECK;

#endif
