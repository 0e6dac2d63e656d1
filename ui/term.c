/* SPDX-License-Identifier: MIT
 *
 * newterm() is given the terminal, so that it learns its speed and modes;
 * then its output descriptor is exchanged for a file in memory. From there on
 * modes are set by tty.c alone, since curses would set those of a file.
 */
#include "config.h"

#include "term.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>

#define NCURSES_WIDECHAR 1
#include <curses.h>

#include "keys.h"
#include "rescue.h"
#include "signals.h"
#include "stderrcap.h"
#include "text.h"
#include "tty.h"

#define ESC_DELAY_MS 25
#define MOUSE_CLICK_MS 200
#define GOODBYE_MAX 1024
#define GOODBYE_DRAIN_MS 1000
#define CODE_PASTE_BEGIN (KEY_MAX + 1)
#define CODE_PASTE_END (KEY_MAX + 2)

static const char paste_on[] = "\033[?2004h";
static const char paste_off[] = "\033[?2004l";
/* The title is pushed and popped (XTWINOPS 22, 23); progress is OSC 9;4. */
static const char title_push[] = "\033[22;2t";
static const char title_pop[] = "\033[23;2t";
static const char progress_off[] = "\033]9;4;0\033\\";

struct term {
  struct tty tty;
  struct stderrcap stderrcap;
  int stderr_fd;
  FILE *in, *out; /* taken; out's descriptor is the capture */
  int capture;    /* curses writes here */
  SCREEN *screen;
  WINDOW *keys;         /* a pad of one cell: reading it refreshes nothing */
  struct termios modes; /* while the screen is up */
  attr_t attr[ROLE_COUNT];
  short pair[ROLE_COUNT];
  struct canvas shown; /* what the terminal shows */
  cchar_t *line;       /* taken; shown.cols + 1 cells */
  bool full;           /* paint everything */
  bool pastes;         /* knows bracketed paste */
  bool color, titles, progress, mouse;
  char title[160]; /* shown last */
  int percent;
  bool failed;
  char goodbye[GOODBYE_MAX];
  size_t goodbye_len;
};

/* ---- what curses writes ------------------------------------------------- */

/* Takes what curses wrote since the last call; NULL and *len 0 when that is
 * nothing. Freed by the caller. */
static char *take(struct term *term, size_t *len) {
  off_t size = lseek(term->capture, 0, SEEK_CUR);
  *len = 0;
  if (size <= 0)
    return NULL;
  char *bytes = malloc((size_t)size);
  ssize_t have =
      bytes != NULL ? pread(term->capture, bytes, (size_t)size, 0) : -1;
  (void)lseek(term->capture, 0, SEEK_SET);
  if (have != size) {
    free(bytes);
    return NULL;
  }
  *len = (size_t)size;
  return bytes;
}

static void forget(struct term *term) {
  size_t len;
  free(take(term, &len));
}

/* Moves it to the queue; returns the number of bytes or an error. */
static int deliver(struct term *term) {
  size_t len;
  char *bytes = take(term, &len);
  int rc = len > 0 ? tty_put(&term->tty, bytes, len) : 0;
  free(bytes);
  if (rc == 0)
    rc = tty_flush(&term->tty);
  return rc < 0 ? rc : (int)len;
}

/* Curses may measure a file instead of the terminal here. */
static void resume_curses(struct term *term) {
  wrefresh(stdscr);
  keypad(term->keys, TRUE);
  if (LINES != term->shown.rows || COLS != term->shown.cols)
    resizeterm(term->shown.rows, term->shown.cols);
}

static void say_goodbye(struct term *term, const char *bytes, size_t len) {
  if (len > GOODBYE_MAX - term->goodbye_len)
    return;
  memcpy(term->goodbye + term->goodbye_len, bytes, len);
  term->goodbye_len += len;
}

/* What curses would say, when that could not be had. */
static void say_plain_goodbye(struct term *term) {
  static const char *const names[] = {"sgr0", "rmcup", "cnorm"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    const char *text = tigetstr((NCURSES_CONST char *)names[i]);
    if (text != NULL && text != (const char *)-1)
      say_goodbye(term, text, strlen(text));
  }
}

/* Learns what would say good-bye now; it names the last line of the screen,
 * so it is learnt again when the size changes. Curses believes afterwards that
 * the screen is blank, and the next frame makes it so. */
static void learn_goodbye(struct term *term) {
  size_t len = 0;
  forget(term);
  endwin();
  char *bytes = take(term, &len);
  term->goodbye_len = 0;
  if (bytes != NULL)
    say_goodbye(term, bytes, len);
  else
    say_plain_goodbye(term);
  free(bytes);
  if (term->pastes)
    say_goodbye(term, paste_off, sizeof paste_off - 1);
  if (term->titles)
    say_goodbye(term, title_pop, sizeof title_pop - 1);
  if (term->progress)
    say_goodbye(term, progress_off, sizeof progress_off - 1);
  resume_curses(term);
  forget(term);
  term->full = true;
  rescue_arm(term->tty.out_fd, term->goodbye, term->goodbye_len,
             &term->tty.shell, term->stderrcap.saved);
}

/* ---- opening ------------------------------------------------------------ */

static bool able(const char *capability) {
  const char *text = tigetstr((NCURSES_CONST char *)capability);
  return text != NULL && text != (const char *)-1;
}

/* Terminals of these families either know bracketed paste or ignore it. */
static bool knows_paste(const char *name) {
  static const char *const families[] = {
      "xterm", "screen", "tmux", "rxvt",    "alacritty", "foot",
      "kitty", "st-",    "vte",  "konsole", "gnome"};
  for (size_t i = 0; i < sizeof families / sizeof families[0]; i++)
    if (strncmp(name, families[i], strlen(families[i])) == 0)
      return true;
  return false;
}

/* Others may print what they do not know. */
static bool knows_titles(const char *name) {
  return knows_paste(name) && strncmp(name, "screen", 6) != 0;
}

static attr_t attrs_of(unsigned look) {
  return (look & LOOK_BOLD ? A_BOLD : 0) | (look & LOOK_DIM ? A_DIM : 0) |
         (look & LOOK_REVERSE ? A_REVERSE : 0) |
         (look & LOOK_UNDERLINE ? A_UNDERLINE : 0);
}

static void set_looks(struct term *term, const struct theme *theme) {
  bool color = term->color && theme->colored && has_colors() &&
               start_color() == OK && use_default_colors() == OK && COLORS >= 8;
  for (int i = 0; i < ROLE_COUNT; i++) {
    const struct look *look = &theme->look[i];
    term->attr[i] = attrs_of(color ? look->attrs : look->mono);
    term->pair[i] = 0;
    if (color && look->color >= 0) {
      term->pair[i] = (short)(look->color + 1);
      init_pair(term->pair[i], look->color, -1);
    }
  }
}

static int open_curses(struct term *term, struct errmsg *msg) {
  int out = dup(term->tty.out_fd), in = dup(term->tty.in_fd);
  term->out = out >= 0 ? fdopen(out, "w") : NULL;
  term->in = in >= 0 ? fdopen(in, "r") : NULL;
  term->capture = tty_scratch();
  if (term->out == NULL || term->in == NULL || term->capture < 0)
    return err_set(msg, ERR_IO, "the screen cannot be opened: no descriptors");
  /* Else an exported LINES or COLUMNS would win whenever curses comes back
   * from endwin(). */
  use_env(FALSE);
  use_tioctl(TRUE);
  signals_save();
  term->screen = newterm(NULL, term->out, term->in);
  signals_restore();
  if (term->screen == NULL)
    return err_set(msg, ERR_UNSUPPORTED,
                   "the terminal type (TERM) is not known; use --no-tui");
  cbreak();
  noecho();
  nonl();
  if (tcgetattr(term->tty.in_fd, &term->modes) != 0)
    return err_set(msg, ERR_IO, "the terminal's modes cannot be read");
  if (dup2(term->capture, fileno(term->out)) < 0)
    return err_set(msg, ERR_IO, "the screen cannot be opened: no descriptors");
  if (!able("cup") || !able("clear"))
    return err_set(msg, ERR_UNSUPPORTED,
                   "this type of terminal (TERM) cannot move its cursor; "
                   "use --no-tui");
  set_escdelay(ESC_DELAY_MS);
  typeahead(-1);
  term->keys = newpad(1, 1);
  if (term->keys == NULL)
    return err_set(msg, ERR_NOMEM, "%s", err_text(ERR_NOMEM));
  nodelay(term->keys, TRUE);
  leaveok(stdscr, FALSE);
  scrollok(stdscr, FALSE);
  define_key("\033[200~", CODE_PASTE_BEGIN);
  define_key("\033[201~", CODE_PASTE_END);
  return 0;
}

static int fit(struct term *term) {
  int rows, cols;
  tty_size(&term->tty, &rows, &cols);
  cchar_t *line = realloc(term->line, ((size_t)cols + 1) * sizeof *line);
  if (line == NULL)
    return ERR_NOMEM;
  term->line = line;
  if (canvas_resize(&term->shown, rows, cols) < 0 ||
      resizeterm(rows, cols) != OK)
    return ERR_NOMEM;
  return 0;
}

/* The first bytes: those that curses writes at the very start, then ours. */
static int greet(struct term *term) {
  werase(stdscr);
  resume_curses(term);
  term->title[0] = '\0';
  term->percent = -1;
  if (term->pastes && write(term->capture, paste_on, sizeof paste_on - 1) < 0)
    return ERR_IO;
  if (term->titles &&
      write(term->capture, title_push, sizeof title_push - 1) < 0)
    return ERR_IO;
  return deliver(term);
}

int term_open(struct term **out, const struct term_options *options,
              struct errmsg *msg) {
  struct term *term = calloc(1, sizeof *term);
  if (term == NULL)
    return err_set(msg, ERR_NOMEM, "%s", err_text(ERR_NOMEM));
  term->capture = -1;
  term->stderrcap = (struct stderrcap){-1, -1};
  term->stderr_fd = options->stderr_fd;
  term->tty.in_fd = term->tty.out_fd = -1;
  int rc = tty_open(&term->tty, msg);
  if (rc == 0) {
    rescue_install();
    rescue_arm(term->tty.out_fd, "", 0, &term->tty.shell, -1);
    rc = open_curses(term, msg);
  }
  if (rc == 0 && fit(term) < 0)
    rc = err_set(msg, ERR_NOMEM, "%s", err_text(ERR_NOMEM));
  if (rc < 0) {
    term_close(term, true);
    return rc;
  }
  term->pastes = knows_paste(getenv("TERM"));
  term->color = options->color;
  term->titles = options->title && knows_titles(getenv("TERM"));
  term->progress = options->progress && knows_titles(getenv("TERM"));
  set_looks(term, options->theme);
  stderrcap_begin(&term->stderrcap, term->stderr_fd);
  rc = greet(term);
  learn_goodbye(term);
  if (rc >= 0) {
    *out = term;
    return 0;
  }
  term_close(term, rc != ERR_NOMEM);
  return rc == ERR_NOMEM ? err_set(msg, rc, "%s", err_text(rc))
                         : err_set(msg, ERR_IO, "the terminal is gone");
}

/* ---- closing ------------------------------------------------------------ */

static void free_curses(struct term *term) {
  if (term->keys != NULL)
    delwin(term->keys);
  if (term->screen != NULL)
    delscreen(term->screen);
  if (term->in != NULL)
    fclose(term->in);
  if (term->out != NULL)
    fclose(term->out);
  if (term->capture >= 0)
    close(term->capture);
}

void term_leave(struct term *term) {
  rescue_disarm();
  endwin();
  forget(term);
  /* The good-bye is put behind what is left of a frame, for a frame cut in
   * the middle would swallow it. */
  if (tty_put(&term->tty, term->goodbye, term->goodbye_len) != 0 ||
      tty_drain(&term->tty, GOODBYE_DRAIN_MS) > 0)
    tty_force(&term->tty, term->goodbye, term->goodbye_len);
  tty_set_modes(&term->tty, &term->tty.shell);
  stderrcap_end(&term->stderrcap);
}

void term_close(struct term *term, bool gone) {
  if (term == NULL)
    return;
  if (term->screen != NULL && !isendwin() && !gone)
    term_leave(term);
  rescue_disarm();
  if (term->screen != NULL && !isendwin())
    endwin();
  if (gone && term->tty.in_fd >= 0)
    tty_set_modes(&term->tty, &term->tty.shell);
  stderrcap_end(&term->stderrcap);
  free_curses(term);
  rescue_uninstall();
  canvas_fini(&term->shown);
  free(term->line);
  tty_close(&term->tty);
  free(term);
}

int term_enter(struct term *term) {
  term->tty.len = 0;
  stderrcap_begin(&term->stderrcap, term->stderr_fd);
  tty_set_modes(&term->tty, &term->modes);
  if (fit(term) < 0)
    return ERR_NOMEM;
  int rc = greet(term);
  learn_goodbye(term);
  return rc < 0 ? rc : 0;
}

/* ---- painting ----------------------------------------------------------- */

int term_in_fd(const struct term *term) {
  return term->tty.in_fd;
}

int term_out_fd(const struct term *term) {
  return term->tty.out_fd;
}

void term_size(const struct term *term, int *rows, int *cols) {
  *rows = term->shown.rows;
  *cols = term->shown.cols;
}

bool term_in_foreground(const struct term *term) {
  return tty_in_foreground(&term->tty);
}

bool term_busy(const struct term *term) {
  return tty_busy(&term->tty);
}

int term_flush(struct term *term) {
  return tty_flush(&term->tty);
}

void term_repaint(struct term *term) {
  term->full = true;
}

int term_resize(struct term *term) {
  int rc = fit(term);
  if (rc == 0)
    learn_goodbye(term);
  return rc;
}

static void to_cchar(const struct term *term, const struct cell *cell,
                     cchar_t *out) {
  wchar_t wide[CCHARW_MAX + 1] = {L' '};
  mbstate_t state = {0};
  const char *text = cell->text;
  if (mbsrtowcs(wide, &text, CCHARW_MAX, &state) == (size_t)-1 ||
      wide[0] == 0) {
    wide[0] = L'?';
    wide[1] = 0;
  }
  attr_t attrs = term->attr[cell->role];
  short pair = term->pair[cell->role];
  if (cell->style & CELL_BOLD)
    attrs |= A_BOLD;
  /* The selected row is of one piece: no colours in reverse. */
  if (cell->style & CELL_REVERSE) {
    attrs = (attrs & ~(attr_t)A_DIM) | A_REVERSE;
    pair = 0;
  }
  setcchar(out, wide, attrs, pair, NULL);
}

/* Hands over the cells of a line from the first to the last that differ,
 * widened so that no wide character is cut. */
static bool paint_line(struct term *term, const struct canvas *canvas, int y) {
  const struct cell *now = canvas_cell(canvas, y, 0);
  struct cell *old = canvas_cell(&term->shown, y, 0);
  int first = 0, last = canvas->cols - 1, count = 0;
  while (first <= last && !term->full &&
         memcmp(&now[first], &old[first], sizeof *now) == 0)
    first++;
  if (first > last)
    return false;
  while (!term->full && memcmp(&now[last], &old[last], sizeof *now) == 0)
    last--;
  while (first > 0 && (now[first].width == 0 || old[first].width == 0))
    first--;
  while (last + 1 < canvas->cols &&
         (now[last + 1].width == 0 || old[last + 1].width == 0))
    last++;
  for (int x = first; x <= last; x++)
    if (now[x].width > 0)
      to_cchar(term, &now[x], &term->line[count++]);
  mvwadd_wchnstr(stdscr, y, first, term->line, count);
  memcpy(&old[first], &now[first], (size_t)(last - first + 1) * sizeof *now);
  return true;
}

int term_paint(struct term *term, const struct canvas *canvas) {
  if (canvas->rows != term->shown.rows || canvas->cols != term->shown.cols)
    return 0;
  bool changed = term->full || canvas->cursor_y != term->shown.cursor_y ||
                 canvas->cursor_x != term->shown.cursor_x;
  if (term->full) {
    werase(stdscr);
    clearok(curscr, TRUE);
  }
  for (int y = 0; y < canvas->rows; y++)
    changed |= paint_line(term, canvas, y);
  if (!changed)
    return 0;
  term->full = false;
  term->shown.cursor_y = canvas->cursor_y;
  term->shown.cursor_x = canvas->cursor_x;
  wmove(stdscr, canvas->cursor_y, canvas->cursor_x);
  wnoutrefresh(stdscr);
  doupdate();
  return deliver(term);
}

/* ---- looks, mouse, what stands outside of the window -------------------- */

void term_set_theme(struct term *term, const struct theme *theme) {
  set_looks(term, theme);
  term->full = true;
}

/* Curses writes what switches it, and what takes it back is learnt anew. */
void term_set_mouse(struct term *term, bool on) {
  const mmask_t mask = BUTTON1_CLICKED | BUTTON1_PRESSED |
                       BUTTON1_DOUBLE_CLICKED | BUTTON4_PRESSED |
                       BUTTON5_PRESSED;
  if (on == term->mouse)
    return;
  term->mouse = on;
  mouseinterval(on ? MOUSE_CLICK_MS : 0);
  mousemask(on ? mask : 0, NULL);
  (void)deliver(term);
  learn_goodbye(term);
}

bool term_mouse(struct term *term, struct term_mouse *mouse) {
  MEVENT event;
  if (!term->mouse || getmouse(&event) != OK)
    return false;
  mouse->y = event.y;
  mouse->x = event.x;
  mouse->twice = (event.bstate & BUTTON1_DOUBLE_CLICKED) != 0;
  mouse->wheel = (event.bstate & BUTTON4_PRESSED) != 0   ? -1
                 : (event.bstate & BUTTON5_PRESSED) != 0 ? 1
                                                         : 0;
  return true;
}

void term_announce(struct term *term, const char *title, int percent,
                   bool failed) {
  char safe[sizeof term->title], bytes[256];
  if (tty_busy(&term->tty))
    return;
  text_clip(safe, sizeof safe, title, TEXT_WHOLE, 80, 0, NULL);
  if (term->titles && strcmp(safe, term->title) != 0) {
    memcpy(term->title, safe, sizeof safe);
    snprintf(bytes, sizeof bytes, "\033]2;%s\033\\", safe);
    (void)!tty_put(&term->tty, bytes, strlen(bytes));
  }
  if (term->progress && (percent != term->percent || failed != term->failed)) {
    term->percent = percent;
    term->failed = failed;
    if (percent < 0)
      snprintf(bytes, sizeof bytes, "%s", progress_off);
    else
      snprintf(bytes, sizeof bytes, "\033]9;4;%d;%d\033\\", failed ? 2 : 1,
               percent);
    (void)!tty_put(&term->tty, bytes, strlen(bytes));
  }
  (void)tty_flush(&term->tty);
}

/* ---- keys --------------------------------------------------------------- */

static int function_key(wint_t code) {
  static const struct {
    wint_t code;
    int key;
  } table[] = {
      {KEY_UP, KEY__UP},
      {KEY_DOWN, KEY__DOWN},
      {KEY_LEFT, KEY__LEFT},
      {KEY_RIGHT, KEY__RIGHT},
      {KEY_HOME, KEY__HOME},
      {KEY_END, KEY__END},
      {KEY_PPAGE, KEY__PGUP},
      {KEY_NPAGE, KEY__PGDN},
      {KEY_DC, KEY__DELETE},
      {KEY_BACKSPACE, KEY__BACKSPACE},
      {KEY_ENTER, KEY__ENTER},
      {KEY_MOUSE, KEY__MOUSE},
      {CODE_PASTE_BEGIN, KEY__PASTE_BEGIN},
      {CODE_PASTE_END, KEY__PASTE_END},
  };
  for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
    if (table[i].code == code)
      return table[i].key;
  return 0;
}

int term_key(struct term *term) {
  wint_t code;
  for (;;) {
    int rc = wget_wch(term->keys, &code);
    if (rc == ERR)
      return -1;
    if (rc == OK)
      return code == '\n' ? KEY__ENTER : (int)code;
    int key = function_key(code);
    if (key != 0)
      return key;
  }
}
