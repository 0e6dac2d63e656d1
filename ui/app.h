/* SPDX-License-Identifier: MIT
 *
 * What the front end knows: the snapshot it shows, where one is, what is
 * typed, what is being asked.
 *
 * It is given snapshots, keys and the time, and draws itself on a canvas; it
 * knows no terminal and reads no clock, so that tests can play it. ui.c joins
 * it with term.c.
 */
#ifndef SPATE_UI_APP_H
#define SPATE_UI_APP_H

#include <stdbool.h>

#include "canvas.h"
#include "draw.h"
#include "keys.h"
#include "layout.h"
#include "prompt.h"
#include "rows.h"
#include "theme.h"
#include "ui.h"

enum screen {
  SCREEN_TASKS,
  SCREEN_HOSTS,
  SCREEN_GAUGES,
  SCREEN_LOG,
  SCREEN_HELP, /* not a tab */
  SCREEN_COUNT
};

#define SCREEN_TABS SCREEN_HELP

struct app;

/* A screen is data and operations; it owns neither window nor canvas. */
struct view {
  const char *title;
  unsigned where; /* its bit of keys.h */
  /* Draws into layout.part[]; the frame around (header, error line, keys) is
   * drawn by others. */
  void (*draw)(struct app *app, const struct draw *draw);
  /* Lines that can be scrolled; NULL: the view moves its own selection. */
  size_t (*lines)(const struct app *app);
};

struct scroll {
  size_t top, page;
  bool to_end; /* follows what comes */
};

/* A limit that was sent and is not in a snapshot yet. */
struct wanted_limit {
  double value;
  uint64_t seq;
};

struct app {
  const struct ui_engine *engine; /* borrowed */
  const struct snapshot *snap;    /* a reference; NULL before the first */
  const struct glyphs *glyphs;    /* borrowed */
  const struct canvas *painted;   /* borrowed; what was drawn last */
  struct keymap keys;
  struct prompt prompt;
  struct rows rows;
  struct layout layout;
  enum wish details;
  enum screen screen, before_help;
  struct scroll scroll[SCREEN_COUNT];
  int64_t now_ms;

  char message[512];
  enum role message_role;
  int64_t message_until_ms; /* 0: there is none */

  enum action asked; /* what the open question is about */
  uint64_t *targets; /* taken; tasks the question is about */
  size_t target_count;

  uint64_t seq; /* of the last command sent */
  uint64_t replies_seen;
  uint64_t errors_seen;
  struct wanted_limit wanted[LIMIT_COUNT];
  double graph_top;
  bool pasting;
  bool stop_sent;

  /* Read and reset by ui.c. */
  bool repaint, suspend, leave;
  /* Told by ui.c, shown on the gauges screen. */
  uint64_t frames, frame_bytes;
};

void app_init(struct app *app, const struct ui_engine *engine,
              const struct glyphs *glyphs);
void app_fini(struct app *app);

/* Fetches the newest snapshot. Returns 0: nothing new; 1: figures changed;
 * 2: something a person waits for changed. */
int app_fetch(struct app *app, int64_t now_ms);
void app_key(struct app *app, int key, int64_t now_ms);
void app_draw(struct app *app, struct canvas *canvas, int64_t now_ms);
/* When the picture changes without key or snapshot; -1 never. */
int64_t app_due_ms(const struct app *app);

/* ---- for the other files of ui/ ----------------------------------------- */

const struct view *app__view(enum screen screen);
/* Shows a line for some seconds in place of the status. */
void app__say(struct app *app, enum role role, const char *fmt, ...)
    PRINTF_LIKE(3, 4);
void app__go(struct app *app, enum screen screen);
/* The tables are drawn from rows; call after sort or filter changed. */
void app__resort(struct app *app);
/* The selected task; NULL when there is none. */
const struct snap_task *app__selected(const struct app *app);
/* Fills in seq and origin and sends; says so when that fails. Returns the
 * command's seq, 0 when it was not sent. */
uint64_t app__send(struct app *app, struct command command);

#endif
