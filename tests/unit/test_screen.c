/* SPDX-License-Identifier: MIT
 *
 * Whole screens, drawn onto a canvas from pictures made by hand and compared
 * with tests/golden/. SPATE_UPDATE_GOLDEN=1 writes those files anew. Names
 * that try to break the screen must not leave their cells.
 */
#include "config.h"

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <utf8proc.h>

#include <cmocka.h>

#include "app.h"
#include "ui_feed.h"

static const struct snapshot *picture;

static const struct snapshot *get(void *arg) {
  (void)arg;
  return picture;
}

static void release(void *arg, const struct snapshot *snap) {
  (void)arg;
  (void)snap;
}

static int ignore(void *arg, const struct command *command) {
  (void)arg;
  (void)command;
  return 0;
}

static const struct ui_engine engine = {
    .snapshot = get, .release = release, .command = ignore};

static void start(struct app *app, const struct glyphs *glyphs, bool hostile) {
  picture = feed_example(hostile);
  app_init(app, &engine, glyphs);
  assert_int_equal(app_fetch(app, 1000), 2);
}

/* ---- golden screens ------------------------------------------------------ */

static char *render(const struct glyphs *glyphs, bool hostile, int rows,
                    int cols, const char *keys) {
  struct app app;
  struct canvas canvas;
  size_t cap = 65536, len = 0;
  char *text = malloc(cap);
  start(&app, glyphs, hostile);
  assert_int_equal(canvas_init(&canvas, rows, cols), 0);
  for (; *keys != '\0'; keys++) {
    app_draw(&app, &canvas, 1000);
    app_key(&app, *keys, 1000);
  }
  app_draw(&app, &canvas, 1000);
  for (int y = 0; y < rows; y++) {
    len += canvas_line(&canvas, y, text + len, cap - len - 2);
    text[len++] = '\n';
  }
  text[len] = '\0';
  canvas_fini(&canvas);
  app_fini(&app);
  return text;
}

static void golden_path(char *path, size_t cap, const char *name) {
  const char *dir = getenv("srcdir");
  snprintf(path, cap, "%s/tests/golden/%s.txt", dir != NULL ? dir : ".", name);
}

static void compare(const char *name, char *text) {
  char path[512];
  const char *update = getenv("SPATE_UPDATE_GOLDEN");
  golden_path(path, sizeof path, name);
  if (update != NULL && update[0] == '1') {
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
  }
  FILE *file = fopen(path, "r");
  if (file == NULL)
    fail_msg("%s is missing", path);
  char *want = calloc(1, 65536);
  size_t len = fread(want, 1, 65535, file);
  fclose(file);
  want[len] = '\0';
  assert_string_equal(text, want);
  free(want);
  free(text);
}

static const struct {
  int rows, cols;
} sizes[] = {{30, 100}, {24, 80}, {10, 40}, {4, 20}};

#define SIZES (sizeof sizes / sizeof sizes[0])

static const struct glyphs *const glyph_sets[] = {&glyphs_ascii, &glyphs_utf8,
                                                  &glyphs_braille};

static void test_golden_sizes_and_glyphs(void **state) {
  char name[64];
  (void)state;
  for (size_t i = 0; i < SIZES; i++)
    for (size_t j = 0; j < 3; j++) {
      snprintf(name, sizeof name, "tasks-%dx%d-%s", sizes[i].cols,
               sizes[i].rows, glyph_sets[j]->name);
      compare(name,
              render(glyph_sets[j], false, sizes[i].rows, sizes[i].cols, ""));
    }
}

static void test_golden_hostile(void **state) {
  (void)state;
  compare("hostile-100x30-blocks", render(&glyphs_utf8, true, 30, 100, ""));
  compare("hostile-80x24-ascii", render(&glyphs_ascii, true, 24, 80, ""));
  compare("hostile-details-80x24-blocks",
          render(&glyphs_utf8, true, 24, 80, "jjjjjjj\r"));
  compare("hostile-errors-80x24-ascii",
          render(&glyphs_ascii, true, 24, 80, "e"));
}

static void test_golden_other_screens(void **state) {
  static const struct {
    const char *name, *keys;
  } screens[] = {
      {"hosts", "2"},
      {"gauges", "3"},
      {"log", "4"},
      {"help", "?"},
      {"quit", "q"},
      {"details", "jjjjjjj\r"},
      {"active-details", "\r"},
      {"errors", "e"},
      {"limits", "L"},
      {"error-tasks", "e\r\r"},
      {"add", "a"},
      {"task-limits", "l"},
      {"drop-data", "D"},
      {"drop", "d"},
      {"restart", ":restart\r"},
      {"url", "u"},
      {"manifest", "A"},
      {"command", ":sa"},
      {"filter", "/deb"},
      {"limit-value", "L\r"},
      {"error-hosts", "e\r"},
      {"host-limits", "2l"},
      {"list", "H"},
      {"gauges-end", "3G"},
      {"frozen", "f"},
  };
  char name[64];
  (void)state;
  for (size_t i = 0; i < sizeof screens / sizeof screens[0]; i++)
    for (size_t j = 0; j < 2; j++) {
      snprintf(name, sizeof name, "%s-%dx%d-ascii", screens[i].name,
               sizes[j].cols, sizes[j].rows);
      compare(name, render(&glyphs_ascii, false, sizes[j].rows, sizes[j].cols,
                           screens[i].keys));
    }
}

/* ---- looks --------------------------------------------------------------- */

/* What a cell is painted with, as a letter: by its colour from b (black) to w,
 * '.' the terminal's own; capital letters and ':' are bold. */
static char look_letter(const struct theme *theme, const struct cell *cell) {
  static const char colors[] = "brgymacw";
  const struct look *look = &theme->look[cell->role];
  bool bold = ((theme->colored ? look->attrs : look->mono) & LOOK_BOLD) != 0;
  if ((cell->style & CELL_REVERSE) != 0)
    return bold ? '#' : '=';
  if (cell->text[0] == ' ' && cell->text[1] == '\0')
    return ' ';
  if ((((theme->colored ? look->attrs : look->mono)) & LOOK_REVERSE) != 0)
    return '#';
  if (!theme->colored || look->color < 0)
    return bold ? ':' : '.';
  return (char)(colors[look->color] - (bold ? 'a' - 'A' : 0));
}

static char *render_looks(const char *theme, int rows, int cols) {
  struct app app;
  struct canvas canvas;
  char *text = malloc((size_t)rows * ((size_t)cols + 1) + 1), *at = text;
  start(&app, &glyphs_ascii, false);
  assert_int_equal(canvas_init(&canvas, rows, cols), 0);
  app_draw(&app, &canvas, 1000);
  for (int y = 0; y < rows; y++) {
    for (int x = 0; x < cols; x++)
      *at++ = look_letter(theme_find(theme), canvas_cell(&canvas, y, x));
    while (at > text && at[-1] == ' ')
      at--;
    *at++ = '\n';
  }
  *at = '\0';
  canvas_fini(&canvas);
  app_fini(&app);
  return text;
}

static void test_golden_themes(void **state) {
  static const char *const themes[] = {"default", "light", "mono",
                                       "high-contrast"};
  char name[64];
  (void)state;
  for (size_t i = 0; i < SIZES; i++)
    for (size_t j = 0; j < 4; j++) {
      snprintf(name, sizeof name, "looks-%dx%d-%s", sizes[i].cols,
               sizes[i].rows, themes[j]);
      compare(name, render_looks(themes[j], sizes[i].rows, sizes[i].cols));
    }
}

/* ---- properties ---------------------------------------------------------- */

/* Every cell holds whole, visible characters; wide ones own two cells. */
/* Most cells are plain; they are millions. */
static bool is_plain(const struct cell *cell) {
  return cell->width == 1 && cell->text[0] >= 32 && cell->text[0] < 127 &&
         cell->text[1] == '\0';
}

static void check_cells(const struct canvas *canvas) {
  for (int y = 0; y < canvas->rows; y++)
    for (int x = 0; x < canvas->cols; x++) {
      const struct cell *cell = canvas_cell(canvas, y, x);
      const utf8proc_uint8_t *at = (const utf8proc_uint8_t *)cell->text;
      if (is_plain(cell))
        continue;
      if (cell->width == 0) {
        assert_true(x > 0 && canvas_cell(canvas, y, x - 1)->width == 2);
        assert_int_equal(cell->text[0], '\0');
        continue;
      }
      assert_true(cell->width == 1 || x + 1 < canvas->cols);
      assert_true(cell->text[0] != '\0');
      while (*at != 0) {
        utf8proc_int32_t code;
        utf8proc_ssize_t len = utf8proc_iterate(at, -1, &code);
        assert_true(len > 0);
        assert_true(code >= 32 && (code < 127 || code >= 160));
        assert_true(code < 0x200b || code > 0x200f);
        assert_true(code < 0x2028 || code > 0x202e);
        assert_true(code < 0x2060 || code > 0x206f);
        at += len;
      }
    }
  assert_true(canvas->cursor_y >= 0 && canvas->cursor_y < canvas->rows);
  assert_true(canvas->cursor_x >= 0 && canvas->cursor_x < canvas->cols);
}

static void draw_everywhere(struct app *app, int rows, int cols) {
  struct canvas canvas;
  assert_int_equal(canvas_init(&canvas, rows, cols), 0);
  static const char keys[] = "1234?qe\r\rq\x1b\x1bL\r\x1bq1\rq:x\x1bqn/\x1bu\x1b"
                             "A\x1bHq2l\rx\x1bq3Ggq1D\x1b" "aqu\x1b";
  for (const char *key = keys; *key != '\0'; key++) {
    app_key(app, *key, 1000);
    app_draw(app, &canvas, 1000);
    check_cells(&canvas);
  }
  canvas_fini(&canvas);
}

static void test_every_size_of_every_screen(void **state) {
  struct app app;
  (void)state;
  start(&app, &glyphs_utf8, true);
  for (int rows = 1; rows <= 60; rows += rows < 32 ? 1 : 9)
    for (int cols = 1; cols <= 250; cols += cols < 12 ? 1 : 13)
      draw_everywhere(&app, rows, cols);
  app_fini(&app);
}

/* The screen of the tasks at all sizes there are, in all glyphs. */
static void test_every_size(void **state) {
  struct app app;
  struct canvas canvas;
  (void)state;
  for (size_t i = 0; i < 3; i++) {
    start(&app, glyph_sets[i], true);
    assert_int_equal(canvas_init(&canvas, 60, 250), 0);
    for (int rows = 1; rows <= 60; rows++)
      for (int cols = 1 + (int)i; cols <= 250; cols += 3) {
        assert_int_equal(canvas_resize(&canvas, rows, cols), 0);
        app_draw(&app, &canvas, 1000);
        check_cells(&canvas);
      }
    canvas_fini(&canvas);
    app_fini(&app);
  }
}

static void test_before_the_first_snapshot(void **state) {
  struct app app;
  (void)state;
  picture = NULL;
  app_init(&app, &engine, &glyphs_ascii);
  assert_int_equal(app_fetch(&app, 0), 0);
  draw_everywhere(&app, 24, 80);
  for (int key = 1; key < 127; key++)
    app_key(&app, key, 0);
  draw_everywhere(&app, 1, 1);
  app_fini(&app);
}

static void test_ascii_screens_are_ascii(void **state) {
  static const char *const keys[] = {"", "2", "3", "4", "?", "e", "\r", "L"};
  (void)state;
  for (int i = 0; i < 8; i++) {
    char *text = render(&glyphs_ascii, true, 30, 100, keys[i]);
    for (const char *at = text; *at != '\0'; at++)
      assert_true(*at == '\n' || (*at >= 32 && *at < 127));
    free(text);
  }
}

/* Escape sequences must be visible as harmless text or gone, never a line
 * that the server could have written itself. */
static void test_a_server_cannot_write_a_line_of_its_own(void **state) {
  (void)state;
  char *text = render(&glyphs_utf8, true, 30, 100, "jjjjjjj");
  assert_null(strchr(text, '\033'));
  assert_null(strstr(text, "\nDone. 0 errors"));
  assert_null(strstr(text, "\nfeed"));
  assert_null(strstr(text, "\xe2\x80\xae"));
  free(text);
}

static void test_same_picture_same_canvas(void **state) {
  (void)state;
  char *once = render(&glyphs_utf8, false, 30, 100, "");
  char *again = render(&glyphs_utf8, false, 30, 100, "");
  assert_string_equal(once, again);
  free(once);
  free(again);
}

static int set_up(void **state) {
  (void)state;
  if (setlocale(LC_ALL, "C.UTF-8") == NULL)
    return -1;
  setenv("TZ", "UTC", 1);
  tzset();
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_golden_sizes_and_glyphs),
      cmocka_unit_test(test_golden_themes),
      cmocka_unit_test(test_golden_hostile),
      cmocka_unit_test(test_golden_other_screens),
      cmocka_unit_test(test_every_size_of_every_screen),
      cmocka_unit_test(test_every_size),
      cmocka_unit_test(test_before_the_first_snapshot),
      cmocka_unit_test(test_ascii_screens_are_ascii),
      cmocka_unit_test(test_a_server_cannot_write_a_line_of_its_own),
      cmocka_unit_test(test_same_picture_same_canvas),
  };
  return cmocka_run_group_tests(tests, set_up, NULL);
}
