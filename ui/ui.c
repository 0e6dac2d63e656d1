/* SPDX-License-Identifier: MIT
 *
 * The loop: waits for keys, snapshots, signals and the terminal's readiness,
 * and decides when to paint.
 *
 * At most ten paints a second for what a person did or waits for, two when
 * only figures changed (fewer over ssh, where they are large), none when
 * nothing did, and none while the terminal has
 * not read the last one. In the background (after `bg`) the terminal is left
 * alone and the run goes on.
 */
#include "config.h"

#include "ui.h"

#include <errno.h>
#include <langinfo.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "app.h"
#include "signals.h"
#include "term.h"

#define PAINT_KEY_MS 100
#define PAINT_FIGURES_MS 500
#define PAINT_FIGURES_MAX_MS 3000
#define REMOTE_BYTES_PER_S 1500 /* for figures: what a slow line bears */
#define RESIZE_QUIET_MS 30
#define SNAPSHOT_MS 500
#define SNAPSHOT_FAST_MS 100
#define SNAPSHOT_IDLE_MS 1000
#define FAST_FOR_MS 2000
#define BACKGROUND_POLL_MS 500
#define EMPTY_READS_MAX 8 /* readable, but no byte: nobody is there */

enum { POLL_KEYS, POLL_OUT, POLL_SIGNALS, POLL_WAKE, POLL_PAGER, POLL_FDS };

struct ui {
  const struct ui_options *options;
  const struct ui_engine *engine;
  struct term *term;
  struct app app;
  struct canvas canvas;
  int dirty; /* as app_fetch(): 1 figures, 2 something awaited */
  int64_t painted_ms;
  int64_t resize_due_ms; /* 0: no change of size is waiting */
  int64_t fast_until_ms;
  int64_t fetched_ms;
  unsigned interval_ms; /* told to the engine */
  int empty_reads;
  bool background;
  bool remote;         /* the terminal is at the other end of a line */
  double figure_bytes; /* of a frame, on average */
  int end;             /* enum ui_end, -1 while it runs */
};

static int64_t clock_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- events ------------------------------------------------------------- */

static void fetch(struct ui *ui, int64_t now) {
  int news = app_fetch(&ui->app, now);
  ui->fetched_ms = now;
  if (news > ui->dirty)
    ui->dirty = news;
  if (ui->app.snap != NULL && ui->app.snap->finished)
    ui->end = UI_FINISHED;
  else if (ui->engine->lost != NULL &&
           ui->engine->lost(ui->engine->arg) != NULL)
    ui->end = UI_LOST;
}

static void on_wake(struct ui *ui, short events, int64_t now) {
  char bytes[64];
  if ((events & POLLIN) != 0 && !ui->engine->attached)
    (void)!read(ui->options->wake_fd, bytes, sizeof bytes);
  fetch(ui, now);
}

static void on_mouse(struct ui *ui, int64_t now) {
  struct term_mouse event;
  if (!term_mouse(ui->term, &event))
    return;
  struct mouse mouse = {event.wheel < 0   ? MOUSE_UP
                        : event.wheel > 0 ? MOUSE_DOWN
                        : event.twice     ? MOUSE_OPEN
                                          : MOUSE_CLICK,
                        event.y, event.x};
  app_mouse(&ui->app, &mouse, now);
}

/* Something readable that yields no key may be a terminal at its end: curses
 * does not tell, so the driver is asked how much there was. */
static void on_keys(struct ui *ui, short events, int64_t now) {
  if ((events & (POLLHUP | POLLERR | POLLNVAL)) != 0) {
    ui->end = UI_HANGUP;
    return;
  }
  int waiting = 0, key, count = 0;
  int asked = ioctl(term_in_fd(ui->term), FIONREAD, &waiting);
  while ((key = term_key(ui->term)) >= 0) {
    count++;
    if (key == KEY__MOUSE)
      on_mouse(ui, now);
    else
      app_key(&ui->app, key, now);
  }
  if (asked < 0 && count == 0)
    ui->end = UI_HANGUP;
  if (count > 0 || waiting > 0)
    ui->empty_reads = 0;
  else if (++ui->empty_reads >= EMPTY_READS_MAX)
    ui->end = UI_HANGUP;
  if (count > 0) {
    ui->dirty = 2;
    ui->fast_until_ms = now + FAST_FOR_MS;
  }
}

static void resize(struct ui *ui) {
  int rows, cols;
  ui->resize_due_ms = 0;
  ui->dirty = 2;
  if (term_resize(ui->term) < 0)
    return;
  term_size(ui->term, &rows, &cols);
  /* Without memory the old canvas stays, and nothing is painted until the
   * next change of size. */
  (void)!canvas_resize(&ui->canvas, rows, cols);
}

static void tell_suspended(struct ui *ui) {
  struct command command = {
      .kind = CMD_SUSPENDED, .seq = ++ui->app.seq, .origin = "ui"};
  (void)ui->engine->command(ui->engine->arg, &command);
}

/* Back from a suspend, unless the shell has put us into the background. */
static void come_back(struct ui *ui) {
  ui->background = !term_in_foreground(ui->term);
  if (ui->background)
    return;
  if (term_enter(ui->term) < 0)
    ui->end = UI_HANGUP;
  resize(ui);
}

static void suspend(struct ui *ui, bool group) {
  struct signals_seen ignored = {false, false, false};
  if (!ui->background)
    term_leave(ui->term);
  signals_stop_self(group);
  signals_read(&ignored);
  tell_suspended(ui);
  come_back(ui);
}

static void on_signals(struct ui *ui, int64_t now) {
  struct signals_seen seen = {false, false, false};
  signals_read(&seen);
  if (seen.suspend) {
    suspend(ui, false);
    return;
  }
  if (seen.continued) {
    /* Stopped by SIGSTOP, or brought to the foreground: whoever had the
     * terminal meanwhile has left their modes on it. */
    if (!ui->background)
      term_leave(ui->term);
    tell_suspended(ui);
    come_back(ui);
  }
  if (seen.resized && ui->resize_due_ms == 0)
    ui->resize_due_ms = now + RESIZE_QUIET_MS;
}

/* ---- painting ----------------------------------------------------------- */

/* What is written waits in many buffers on the way to a distant terminal,
 * where no poll sees it, and whatever a key brings waits behind it. */
static int64_t figures_ms(const struct ui *ui) {
  double pace = ui->figure_bytes * 1000 / REMOTE_BYTES_PER_S;
  if (!ui->remote || pace < PAINT_FIGURES_MS)
    return PAINT_FIGURES_MS;
  return pace < PAINT_FIGURES_MAX_MS ? (int64_t)pace : PAINT_FIGURES_MAX_MS;
}

static int64_t paint_due(const struct ui *ui) {
  if (ui->dirty == 0 || ui->background || term_busy(ui->term))
    return -1;
  return ui->painted_ms + (ui->dirty >= 2 ? PAINT_KEY_MS : figures_ms(ui));
}

static double clock_exact_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static void announce(struct ui *ui) {
  char title[128];
  bool failed;
  int percent = app_title(&ui->app, title, sizeof title, &failed);
  term_announce(ui->term, title, percent, failed);
}

static void new_looks(struct ui *ui) {
  ui->app.new_looks = false;
  term_set_theme(ui->term, ui->app.theme);
  term_set_mouse(ui->term, ui->app.mouse);
}

static void tell_sight(struct ui *ui) {
  const struct rows *rows = &ui->app.rows;
  size_t left = rows->top < rows->count ? rows->count - rows->top : 0;
  if (ui->engine->watch != NULL)
    ui->engine->watch(ui->engine->arg, rows->id + rows->top,
                      rows->page < left ? rows->page : left);
}

static void paint(struct ui *ui, int64_t now) {
  double begun_ms = clock_exact_ms();
  if (ui->app.new_looks)
    new_looks(ui);
  if (ui->app.repaint)
    term_repaint(ui->term);
  ui->app.repaint = false;
  app_draw(&ui->app, &ui->canvas, now);
  tell_sight(ui);
  int bytes = term_paint(ui->term, &ui->canvas);
  if (ui->dirty == 1 && bytes > 0)
    ui->figure_bytes += (bytes - ui->figure_bytes) / 4;
  ui->dirty = 0;
  if (bytes == ERR_IO)
    ui->end = UI_HANGUP;
  else if (bytes < 0) /* no memory for it: all of it with the next one */
    ui->app.repaint = true;
  if (bytes <= 0)
    return;
  ui->painted_ms = now;
  ui->app.frames++;
  ui->app.frame_bytes += (uint64_t)bytes;
  ui->app.frame_ms = clock_exact_ms() - begun_ms;
  if (ui->app.frame_ms > ui->app.frame_max_ms)
    ui->app.frame_max_ms = ui->app.frame_ms;
  announce(ui);
}

/* ---- the loop ----------------------------------------------------------- */

static void sooner(int64_t *due, int64_t other) {
  if (other >= 0 && (*due < 0 || other < *due))
    *due = other;
}

static int next_timeout(const struct ui *ui, int64_t now) {
  int64_t due = paint_due(ui);
  sooner(&due, ui->resize_due_ms > 0 ? ui->resize_due_ms : -1);
  sooner(&due, app_due_ms(&ui->app));
  if (ui->options->wake_fd < 0)
    sooner(&due, ui->fetched_ms + ui->interval_ms);
  if (ui->background)
    sooner(&due, now + BACKGROUND_POLL_MS);
  if (ui->fast_until_ms > now)
    sooner(&due, ui->fast_until_ms);
  if (due < 0)
    return -1;
  return due > now ? (int)(due - now) : 0;
}

static void choose_interval(struct ui *ui, int64_t now) {
  unsigned wanted = now < ui->fast_until_ms ? SNAPSHOT_FAST_MS : SNAPSHOT_MS;
  if (ui->background || term_busy(ui->term))
    wanted = SNAPSHOT_IDLE_MS;
  if (wanted == ui->interval_ms)
    return;
  ui->interval_ms = wanted;
  if (ui->engine->snapshot_every != NULL)
    ui->engine->snapshot_every(ui->engine->arg, wanted);
}

static void wait_for_events(struct ui *ui) {
  int64_t now = clock_ms();
  struct pollfd fds[POLL_FDS] = {
      [POLL_KEYS] = {.fd = term_in_fd(ui->term), .events = POLLIN},
      [POLL_OUT] = {.fd = -1, .events = POLLOUT},
      [POLL_SIGNALS] = {.fd = signals_fd(), .events = POLLIN},
      [POLL_WAKE] = {.fd = ui->options->wake_fd, .events = POLLIN},
      [POLL_PAGER] = {.fd = app_pager_fd(&ui->app), .events = POLLIN},
  };
  if (ui->background)
    fds[POLL_KEYS].events = 0;
  else if (term_busy(ui->term))
    fds[POLL_OUT].fd = term_out_fd(ui->term);
  if (poll(fds, POLL_FDS, next_timeout(ui, now)) < 0)
    return;
  now = clock_ms();
  if (fds[POLL_SIGNALS].revents != 0)
    on_signals(ui, now);
  if (fds[POLL_WAKE].revents != 0)
    on_wake(ui, fds[POLL_WAKE].revents, now);
  if (fds[POLL_PAGER].revents != 0) {
    app_paged(&ui->app, now);
    ui->dirty = 2;
  }
  if (fds[POLL_KEYS].revents != 0 && ui->end < 0)
    on_keys(ui, fds[POLL_KEYS].revents, now);
  if (fds[POLL_OUT].revents != 0 && term_flush(ui->term) < 0)
    ui->end = UI_HANGUP;
}

static void on_time(struct ui *ui) {
  int64_t now = clock_ms();
  if (ui->options->wake_fd < 0 && now >= ui->fetched_ms + ui->interval_ms)
    fetch(ui, now);
  if (ui->background && term_in_foreground(ui->term))
    come_back(ui);
  if (ui->resize_due_ms > 0 && now >= ui->resize_due_ms && !ui->background)
    resize(ui);
  int64_t message_due = app_due_ms(&ui->app);
  if (message_due >= 0 && now >= message_due)
    ui->dirty = 2;
  if (ui->app.suspend) {
    ui->app.suspend = false;
    suspend(ui, true);
  }
  if (ui->app.detach && ui->end < 0)
    ui->end = UI_DETACHED;
  if (ui->app.leave && ui->end < 0)
    ui->end = UI_QUIT;
  choose_interval(ui, now);
  int64_t due = paint_due(ui);
  if (ui->end < 0 && due >= 0 && clock_ms() >= due)
    paint(ui, now);
}

/* ---- start and end ------------------------------------------------------ */

static const struct glyphs *choose_glyphs(const struct ui_options *options) {
  const char *type = getenv("TERM");
  const struct glyphs *wanted =
      options->glyphs != NULL ? glyphs_find(options->glyphs) : NULL;
  if (options->ascii == UI_ON)
    return &glyphs_ascii;
  if (strcmp(nl_langinfo(CODESET), "UTF-8") != 0)
    return &glyphs_ascii;
  bool old = type != NULL &&
             (strncmp(type, "vt", 2) == 0 || strcmp(type, "linux") == 0);
  if (wanted != NULL)
    return wanted;
  return old && options->ascii == UI_AUTO ? &glyphs_ascii : &glyphs_utf8;
}

static bool choose_color(const struct ui_options *options) {
  const char *no = getenv("NO_COLOR");
  if (options->color != UI_AUTO)
    return options->color == UI_ON;
  return no == NULL || no[0] == '\0';
}

static int bind_keys(struct app *app, const struct ui_options *options,
                     struct errmsg *msg) {
  for (size_t i = 0; i < options->binding_count; i++) {
    int rc = keymap_bind(&app->keys, options->bindings[i].command,
                         options->bindings[i].keys, msg);
    if (rc < 0)
      return rc;
  }
  return 0;
}

static int start(struct ui *ui, struct errmsg *msg) {
  int rows, cols;
  struct term_options options = {
      .theme = theme_find(ui->options->theme),
      .color = choose_color(ui->options),
      .title = ui->options->title,
      .progress = ui->options->progress,
      .stderr_fd = ui->options->stderr_fd,
  };
  if (options.theme == NULL)
    return err_set(msg, ERR_USAGE, "there is no theme '%.40s'; known are %s",
                   ui->options->theme, theme_names());
  int rc = bind_keys(&ui->app, ui->options, msg);
  if (rc < 0)
    return rc;
  rc = term_open(&ui->term, &options, msg);
  if (rc < 0)
    return rc;
  ui->app.theme = options.theme;
  ui->app.mouse = ui->options->mouse;
  ui->app.new_looks = ui->app.mouse;
  term_size(ui->term, &rows, &cols);
  if (canvas_init(&ui->canvas, rows, cols) < 0)
    return err_set(msg, ERR_NOMEM, "%s", err_text(ERR_NOMEM));
  return 0;
}

int ui_run(const struct ui_options *options, const struct ui_engine *engine,
           struct errmsg *msg) {
  struct ui ui = {.options = options,
                  .engine = engine,
                  .end = -1,
                  .dirty = 2,
                  .remote = getenv("SSH_CONNECTION") != NULL ||
                            getenv("SSH_TTY") != NULL};
  if (signals_open() < 0)
    return err_set(msg, ERR_IO, "no descriptors are left for the screen");
  app_init(&ui.app, engine, choose_glyphs(options));
  int rc = start(&ui, msg);
  if (rc == 0) {
    fetch(&ui, clock_ms());
    on_time(&ui);
    while (ui.end < 0) {
      wait_for_events(&ui);
      on_time(&ui);
    }
    rc = ui.end;
  }
  term_close(ui.term, rc == UI_HANGUP);
  signals_close();
  canvas_fini(&ui.canvas);
  app_fini(&ui.app);
  return rc;
}
