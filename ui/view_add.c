/* SPDX-License-Identifier: MIT
 *
 * The box for new URLs: what is typed or pasted, how many there are, which are
 * no URLs, and where they will go, before Enter sends them.
 *
 * Lines go out in commands of bounded size; while their answers are on the way
 * the interface goes on.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "views.h"

/* As JSON it grows to twice its size at most (line feeds, tabs, quotes), and
 * must still be one line of the control socket. */
#define CHUNK (COMMAND_TEXT_MAX / 2 - 256)

/* ---- drawing ------------------------------------------------------------- */

/* "12 URLs, 2 twice, line 3 is no URL" */
static void draw_count(struct app *app, const struct draw *draw, int y) {
  struct addbox_count count;
  char text[TEXT_NUMBER_CAP];
  int x = 1;
  if (addbox_count(&app->add, &count) < 0)
    return;
  x += draw_fmt(draw, y, x, count.urls > 0 ? ROLE_GOOD : ROLE_DIM, "%s URL%s",
                text_count(text, sizeof text, count.urls),
                count.urls == 1 ? "" : "s");
  if (count.duplicates > 0)
    x += draw_fmt(draw, y, x, ROLE_WARN, ", %s twice (added once)",
                  text_count(text, sizeof text, count.duplicates));
  if (count.bad == 1)
    x += draw_fmt(draw, y, x, ROLE_ALERT, ", line %zu is no URL",
                  count.first_bad);
  else if (count.bad > 1)
    x += draw_fmt(draw, y, x, ROLE_ALERT, ", %s lines are no URLs (first %zu)",
                  text_count(text, sizeof text, count.bad), count.first_bad);
  if (app->add.refused > 0)
    draw_fmt(draw, y, x, ROLE_ALERT, ", the box is full");
}

static void draw_text_lines(struct app *app, const struct draw *draw, int y0,
                            int rows) {
  size_t lines = addbox_lines(&app->add);
  size_t first = lines > (size_t)rows ? lines - (size_t)rows : 0;
  for (int y = 0; y < rows && first + (size_t)y < lines; y++) {
    char line[2048];
    size_t len;
    const char *at = addbox_line(&app->add, first + (size_t)y, &len);
    snprintf(line, sizeof line, "%.*s",
             (int)(len < sizeof line ? len : sizeof line - 1), at);
    /* The name of the output follows a tab. */
    char *tab = strchr(line, '\t');
    if (tab != NULL)
      *tab = '\0';
    bool last = first + (size_t)y == lines - 1;
    draw_right(draw, y0 + y, 5, ROLE_DIM, "%zu", first + (size_t)y + 1);
    int room = draw->rect.w - 7;
    int used = draw_clip(draw, y0 + y, 7, room, ROLE_TEXT, line,
                         last ? TEXT_MIDDLE : 0);
    if (tab != NULL) {
      draw_text(draw, y0 + y, 7 + used + 1, ROLE_DIM, "->");
      used += 4;
      used +=
          draw_clip(draw, y0 + y, 7 + used, room - used, ROLE_NOTE, tab + 1, 0);
    }
    if (!last)
      continue;
    draw->canvas->cursor_y = draw->rect.y + y0 + y;
    draw->canvas->cursor_x =
        draw->rect.x + (7 + used < draw->rect.w ? 7 + used : draw->rect.w - 1);
  }
}

/* Until there is something to see. */
static void draw_hints(const struct draw *draw, int y) {
  static const char *const hints[] = {
      "Paste or type URLs, one a line. Enter adds them.",
      "Down begins another line, Ctrl-U takes the last one away.",
      "Tab behind a URL: then the name of its file.",
  };
  for (int i = 0; i < 3; i++)
    draw_text(draw, y + i, 7, ROLE_DIM, hints[i]);
}

static void draw_add(struct app *app, const struct draw *draw) {
  struct draw body = draw_in(draw, app->layout.part[PART_TABLE]);
  int height = body.rect.h;
  draw_rule(&body, 0, "add URLs", "Esc: leave");
  if (height < 4)
    return;
  draw_text_lines(app, &body, 1, height - 4);
  if (app->add.len == 0 && height >= 9)
    draw_hints(&body, 3);
  draw_rule(&body, height - 3, "", "");
  draw_count(app, &body, height - 2);
  int x = draw_text(&body, height - 1, 1, ROLE_DIM, "into ") + 1;
  draw_clip(&body, height - 1, x, body.rect.w - x, ROLE_TEXT,
            app->snap->session_dir, TEXT_MIDDLE);
}

/* ---- sending ------------------------------------------------------------- */

struct parcel {
  struct app *app;
  char *text; /* taken; CHUNK bytes and a NUL */
  size_t len;
  bool refused;
};

static void post(struct parcel *parcel) {
  struct command command = {.kind = CMD_ADD, .text = parcel->text};
  if (parcel->len > 0 && app__send(parcel->app, command) == 0)
    parcel->refused = true;
  parcel->len = 0;
}

static int pack(void *arg, const char *line) {
  struct parcel *parcel = arg;
  size_t len = strlen(line);
  if (len + 1 > CHUNK)
    return ERR_TOOBIG;
  if (parcel->len + len + 1 > CHUNK)
    post(parcel);
  if (parcel->refused)
    return ERR_CLOSED;
  memcpy(parcel->text + parcel->len, line, len);
  parcel->len += len;
  parcel->text[parcel->len++] = '\n';
  parcel->text[parcel->len] = '\0';
  return 0;
}

static void submit(struct app *app) {
  struct parcel parcel = {.app = app, .text = malloc(CHUNK + 1)};
  struct addbox_count count;
  int rc = parcel.text != NULL ? addbox_count(&app->add, &count) : ERR_NOMEM;
  if (rc == 0 && count.urls == 0) {
    free(parcel.text);
    app__say(app, ROLE_WARN,
             count.bad > 0 ? "none of these lines is a URL (http, https)"
                           : "type or paste a URL first; Esc leaves");
    return;
  }
  if (rc == 0)
    rc = addbox_each(&app->add, pack, &parcel);
  if (rc == 0)
    post(&parcel);
  free(parcel.text);
  if (rc < 0 || parcel.refused) {
    app__say(app, ROLE_ALERT, "%s", err_text(rc < 0 ? rc : ERR_CLOSED));
    return;
  }
  addbox_clear(&app->add);
  (void)app__back(app);
  app__say(app, ROLE_TEXT, "adding %zu URL%s", count.urls,
           count.urls == 1 ? "" : "s");
}

/* Enter sends, so a further line is begun with Down; pasted line ends are line
 * ends. */
static void key_add(struct app *app, int key, bool pasted) {
  struct addbox *box = &app->add;
  if (pasted)
    addbox_type(box, key == KEY__ENTER ? '\n' : key);
  else if (key == KEY__ENTER)
    submit(app);
  else if (key == KEY__ESC || key == ('g' & 0x1f))
    (void)app__back(app);
  else if (key == KEY__DOWN)
    addbox_type(box, '\n');
  else if (key == KEY__BACKSPACE || key == ('h' & 0x1f))
    addbox_backspace(box);
  else if (key == ('u' & 0x1f))
    addbox_cut_line(box);
  else
    addbox_type(box, key);
}

void view__add_open(struct app *app, const char *text) {
  for (const char *at = text; *at != '\0';) {
    size_t len = strcspn(at, " ");
    for (const char *end = at + len; at < end;) {
      utf8proc_int32_t code = 0;
      utf8proc_ssize_t used =
          utf8proc_iterate((const utf8proc_uint8_t *)at, end - at, &code);
      addbox_type(&app->add, used > 0 ? code : 0);
      at += used > 0 ? used : 1;
    }
    at += strspn(at, " ");
    if (*at != '\0')
      addbox_type(&app->add, '\n');
  }
  if (text[0] != '\0')
    submit(app);
  else
    app__go(app, SCREEN_ADD);
}

const struct view view_add = {
    .title = "Add",
    .where = ON_ADD,
    .draw = draw_add,
    .key = key_add,
};
