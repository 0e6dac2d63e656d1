/* SPDX-License-Identifier: MIT
 *
 * What is known of the selected task, in as many lines as there are.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "views.h"

#define ETAG_FROM_COLS 90
#define ETAG_CELLS 24

static int label(const struct draw *draw, int y, const char *text) {
  return draw_fmt(draw, y, 1, ROLE_DIM, "%-4s", text) + 2;
}

/* "word value", the value untrusted; returns the column behind. */
static int field(const struct draw *draw, int y, int x, const char *name,
                 const char *value, int cells) {
  x += draw_text(draw, y, x, ROLE_DIM, name) + 1;
  return x + draw_clip(draw, y, x, cells, ROLE_TEXT, value, 0) + 3;
}

static void http_text(const struct snap_task *task, char *buf, size_t cap) {
  char version[16] = "";
  if (task->http_version >= 20)
    snprintf(version, sizeof version, "HTTP/%d ", task->http_version / 10);
  else if (task->http_version > 0)
    snprintf(version, sizeof version, "HTTP/%d.%d ", task->http_version / 10,
             task->http_version % 10);
  snprintf(buf, cap, "%s%d", version, task->status);
}

/* What the server said stands at the end of the line; the path takes what is
 * left. */
static void draw_file(const struct app *app, const struct draw *draw, int y,
                      const struct snap_task *task) {
  char path[2048], http[32] = "";
  const char *resume = task->resumable ? "yes" : "no";
  bool known = task->status != 0;
  bool etag = known && task->etag[0] != '\0' && draw->rect.w >= ETAG_FROM_COLS;
  int tag = etag ? text_width(task->etag, TEXT_WHOLE, 0) : 0;
  tag = tag > ETAG_CELLS ? ETAG_CELLS : tag;
  view__path(app, task, path, sizeof path);
  if (known)
    http_text(task, http, sizeof http);
  int tail = known ? (int)strlen(http) + 3 + (etag ? tag + 8 : 0) + 10 + 3 : 0;
  int x = label(draw, y, "file");
  x += draw_clip(draw, y, x, draw->rect.w - x - tail, ROLE_TEXT, path,
                 TEXT_MIDDLE);
  if (!known)
    return;
  x += 3;
  x +=
      draw_text(draw, y, x, task->status >= 400 ? ROLE_ALERT : ROLE_TEXT, http);
  x += 3;
  if (etag)
    x = field(draw, y, x, "etag", task->etag, tag);
  field(draw, y, x, "resume", resume, 4);
}

static void draw_now(const struct draw *draw, int y,
                     const struct snap_task *task) {
  char got[TEXT_NUMBER_CAP], size[TEXT_NUMBER_CAP], rate[TEXT_NUMBER_CAP];
  int x = label(draw, y, "now");
  x += draw_text(draw, y, x, ROLE_TEXT, task_state_name(task->state));
  x += draw_fmt(draw, y, x, ROLE_TEXT, ", %s of %s",
                text_bytes(got, sizeof got, task->got),
                text_bytes(size, sizeof size, task->size));
  if (task->state == TASK_ACTIVE)
    x += draw_fmt(draw, y, x, ROLE_TEXT, ", %s, %d connection%s",
                  text_rate(rate, sizeof rate, task->bytes_per_s),
                  task->connections, task->connections == 1 ? "" : "s");
  if (task->attempt > 0)
    x += draw_fmt(draw, y, x, ROLE_TEXT, ", try %d of %d", task->attempt,
                  task->tries);
  if (task->reason[0] != '\0') {
    x += 3;
    draw_clip(draw, y, x, draw->rect.w - x,
              task->state == TASK_FAILED ? ROLE_ALERT : ROLE_NOTE, task->reason,
              0);
  }
}

void view__pane(const struct app *app, const struct draw *draw) {
  const struct snap_task *task = app__selected(app);
  if (task == NULL) {
    draw_rule(draw, 0, "", "");
    return;
  }
  draw_rule(draw, 0, task->name, "Enter: full detail");
  int x = label(draw, 1, "url");
  draw_clip(draw, 1, x, draw->rect.w - x, ROLE_TEXT, task->url, TEXT_MIDDLE);
  draw_file(app, draw, 2, task);
  draw_now(draw, 3, task);
  if (draw->rect.h < 5)
    return;
  x = label(draw, 4, "host");
  draw_clip(draw, 4, x, draw->rect.w - x, ROLE_TEXT, task->host, 0);
}
