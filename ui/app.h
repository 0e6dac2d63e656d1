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

#include "addbox.h"
#include "canvas.h"
#include "draw.h"
#include "errclass.h"
#include "keys.h"
#include "layout.h"
#include "listing.h"
#include "logbook.h"
#include "pager.h"
#include "prompt.h"
#include "rows.h"
#include "theme.h"
#include "trace.h"
#include "ui.h"

enum screen {
  SCREEN_TASKS,
  SCREEN_HOSTS,
  SCREEN_GAUGES,
  SCREEN_LOG,
  SCREEN_HELP, /* from here on no tabs */
  SCREEN_DETAILS,
  SCREEN_ERRORS,
  SCREEN_LIST,
  SCREEN_LIMITS,
  SCREEN_ADD,
  SCREEN_COUNT
};

#define SCREEN_TABS SCREEN_HELP
#define SCREEN_DEPTH 8 /* how far one can go into screens and back */

struct app;

enum mouse_what { MOUSE_CLICK, MOUSE_OPEN, MOUSE_UP, MOUSE_DOWN };

struct mouse {
  enum mouse_what what;
  int y, x;
};

/* A screen is data and operations; it owns neither window nor canvas. */
struct view {
  const char *title;
  unsigned where; /* its bit of keys.h */
  /* Draws into layout.part[]; the frame around (header, error line, keys) is
   * drawn by others. */
  void (*draw)(struct app *app, const struct draw *draw);
  /* Lines that can be scrolled; NULL: move says what moving does. */
  size_t (*lines)(const struct app *app);
  void (*move)(struct app *app, enum action action);
  /* Enter. May be NULL, as all that follow. */
  void (*open)(struct app *app);
  /* q and Esc: true when there was something to go back from within it. */
  bool (*back)(struct app *app);
  /* Takes every key: a box of text. */
  void (*key)(struct app *app, int key, bool pasted);
  /* The mouse on line y of PART_TABLE. */
  void (*click)(struct app *app, int y);
};

struct scroll {
  size_t top, page, count;
  bool to_end; /* follows what comes */
};

/* A limit that was sent and is not in a snapshot yet. */
struct wanted_limit {
  double value;
  uint64_t seq;
};

/* What the form of limits is about. */
enum limits_of { LIMITS_OF_ALL, LIMITS_OF_HOST, LIMITS_OF_TASK };
#define LIMITS_LINES 4 /* of a host or a task */

/* The list of all tasks of the session. */
struct list_state {
  struct pager_wish wish;     /* the last one */
  struct pager_result *shown; /* taken; NULL before the first */
  bool asked, failed;
  bool ahead; /* the engine was asked to read the lists to their ends */
  int64_t asked_ms;
  uint64_t at; /* position of the cursor */
  size_t line; /* its line on the screen */
  size_t page;
};

struct app {
  const struct ui_engine *engine; /* borrowed */
  const struct snapshot *snap;    /* a reference; NULL before the first */
  const struct glyphs *glyphs;    /* borrowed */
  const struct theme *theme;      /* borrowed */
  const struct canvas *painted;   /* borrowed; what was drawn last */
  struct keymap keys;
  struct prompt prompt;
  struct rows rows;
  struct layout layout;
  struct trace trace;     /* figures of the last minutes */
  struct logbook logbook; /* the log as far as it was seen */
  enum wish details;
  enum screen screen;
  enum screen behind[SCREEN_DEPTH]; /* where back leads; the last is nearest */
  int depth;
  struct scroll scroll[SCREEN_COUNT];
  struct listing listing[SCREEN_COUNT];
  int tab_end[SCREEN_TABS]; /* columns of the header, for the mouse */
  int64_t now_ms;

  uint64_t focus;          /* the task of the details and their limits */
  int64_t look_ms;         /* when all about it was asked for */
  char host[ERRCLASS_CAP]; /* the selected one of the hosts */
  enum limits_of limits_of;
  struct wanted_limit form_wanted[LIMITS_LINES];
  bool form_moved;             /* they are another host's */
  struct errclass_path errors; /* how far one has gone into them */
  struct errclass_table error_rows;
  struct pager_result *classes, *class_hosts; /* taken; of the session */
  int64_t classes_ms;                         /* when they were asked for */
  struct addbox add;
  struct list_state list;
  struct pager *pager; /* taken; NULL until it is needed */

  char message[512];
  enum role message_role;
  int64_t message_until_ms; /* 0: there is none */

  enum action asked; /* what the open question is about */
  uint64_t *targets; /* taken; tasks the question is about */
  size_t target_count;
  double value; /* that commands to tasks carry */

  uint64_t seq; /* of the last command sent */
  uint64_t replies_seen;
  uint64_t errors_seen;
  struct wanted_limit wanted[LIMIT_COUNT];
  double graph_top;
  bool pasting;
  bool stop_sent;
  bool frozen;
  bool mouse;
  bool exec_seen; /* commands have run: their semaphore is shown */

  /* Read and reset by ui.c. */
  bool repaint, suspend, leave, detach, new_looks;
  /* Told by ui.c, shown on the gauges screen. */
  uint64_t frames, frame_bytes;
  double frame_ms, frame_max_ms; /* to draw and hand over one */
};

void app_init(struct app *app, const struct ui_engine *engine,
              const struct glyphs *glyphs);
void app_fini(struct app *app);

/* Fetches the newest snapshot. Returns 0: nothing new; 1: figures changed;
 * 2: something a person waits for changed. */
int app_fetch(struct app *app, int64_t now_ms);
void app_key(struct app *app, int key, int64_t now_ms);
void app_mouse(struct app *app, const struct mouse *mouse, int64_t now_ms);
void app_draw(struct app *app, struct canvas *canvas, int64_t now_ms);
/* Writes what a window's title should say; returns the progress in per cent,
 * -1 unknown, and whether something has failed. */
int app_title(const struct app *app, char *buf, size_t cap, bool *failed);
/* Readable when the pager has something, which app_paged() takes; -1 while
 * there is no pager. */
int app_pager_fd(const struct app *app);
void app_paged(struct app *app, int64_t now_ms);
/* When the picture changes without key or snapshot; -1 never. */
int64_t app_due_ms(const struct app *app);

/* ---- for the other files of ui/ ----------------------------------------- */

const struct view *app__view(enum screen screen);
/* Shows a line for some seconds in place of the status. */
void app__say(struct app *app, enum role role, const char *fmt, ...)
    PRINTF_LIKE(3, 4);
void app__go(struct app *app, enum screen screen);
/* Takes over what the pager has read. */
void app__take_result(struct app *app, struct pager_result *result);
/* Asks the pager; says so when the session cannot be read. */
void app__ask(struct app *app, const struct pager_wish *wish);
/* Goes back to where one came from; false when there is nowhere. */
bool app__back(struct app *app);
/* The tables are drawn from rows; call after sort or filter changed. */
void app__resort(struct app *app);
/* The selected task, on the screen of details the one shown; NULL when there
 * is none or it is no longer in the snapshot. */
const struct snap_task *app__selected(const struct app *app);
const struct snap_task *app__task(const struct app *app, uint64_t id);
/* The host of that name (scheme://host:port); NULL. */
const struct snap_host *app__host(const struct app *app, const char *name);
/* How far a movement goes in a list of count rows seen page at a time. */
int64_t app__distance(enum action action, uint64_t count, size_t page);
/* Fills in seq and origin and sends; says so when that fails. Returns the
 * command's seq, 0 when it was not sent. */
uint64_t app__send(struct app *app, struct command command);

#endif
