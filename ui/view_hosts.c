/* SPDX-License-Identifier: MIT
 *
 * One line for each host: how much it is asked for, how it answers, and
 * whether it holds us back.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "act.h"
#include "views.h"

struct host_column {
  const char *head;
  int width;
  int from_cols; /* shown on screens at least this wide */
};

enum host_field {
  HOST_CONN,
  HOST_QUEUE,
  HOST_RATE,
  HOST_REQUESTS,
  HOST_ERRORS,
  HOST_THROTTLED,
  HOST_RETRY,
  HOST_GOVERNOR,
  HOST_TTFB,
  HOST_BYTES,
  HOST_FIELDS
};

static const struct host_column columns[HOST_FIELDS] = {
    [HOST_CONN] = {"CONN", 7, 0},
    [HOST_QUEUE] = {"QUEUE", 6, 60},
    [HOST_RATE] = {"REQ/S", 9, 40},
    [HOST_REQUESTS] = {"REQS", 6, 80},
    [HOST_ERRORS] = {"ERR", 5, 50},
    [HOST_THROTTLED] = {"THROT", 6, 60},
    [HOST_RETRY] = {"HELD", 8, 70},
    [HOST_GOVERNOR] = {"PHASE", 7, 120},
    [HOST_TTFB] = {"TTFB P50/P99", 15, 110},
    [HOST_BYTES] = {"BYTES", 6, 96},
};

static void of_limit(char *buf, size_t cap, double value, double limit) {
  if (limit > 0)
    snprintf(buf, cap, "%.4g/%.4g", value, limit);
  else
    snprintf(buf, cap, "%.4g", value);
}

static void field_text(const struct snap_host *host, enum host_field field,
                       char *buf, size_t cap) {
  switch (field) {
  case HOST_CONN:
    of_limit(buf, cap, host->active, host->limit);
    break;
  case HOST_QUEUE:
    text_count(buf, cap, host->queued);
    break;
  case HOST_RATE:
    if (host->rate_limit > 0)
      snprintf(buf, cap, "%.1f/%.4g", host->requests_per_s, host->rate_limit);
    else
      snprintf(buf, cap, "%.1f", host->requests_per_s);
    break;
  case HOST_REQUESTS:
    text_count(buf, cap, host->requests);
    break;
  case HOST_ERRORS:
    text_count(buf, cap, host->errors);
    break;
  case HOST_THROTTLED:
    text_count(buf, cap, host->throttled);
    break;
  case HOST_RETRY:
    if (host->paused) {
      snprintf(buf, cap, "paused");
      break;
    }
    text_duration(buf, cap,
                  host->retry_in_ms < 0 ? -1
                                        : (host->retry_in_ms + 999) / 1000);
    break;
  case HOST_GOVERNOR: /* a breaker that is not closed matters more */
    snprintf(buf, cap, "%s",
             host->breaker != NULL && strcmp(host->breaker, "closed") != 0
                 ? host->breaker
             : host->governor != NULL ? host->governor
                                      : "");
    break;
  case HOST_TTFB:
    snprintf(buf, cap, "%.1f/%.1f ms", (double)host->ttfb_p50_us / 1000,
             (double)host->ttfb_p99_us / 1000);
    break;
  default:
    text_bytes(buf, cap, (int64_t)host->bytes);
  }
}

static enum role field_role(const struct snap_host *host,
                            enum host_field field) {
  if (field == HOST_ERRORS && host->errors > 0)
    return ROLE_ALERT;
  if (field == HOST_THROTTLED && host->throttled > 0)
    return ROLE_WARN;
  if (field == HOST_RETRY && (host->paused || host->retry_in_ms >= 0))
    return ROLE_WARN;
  return ROLE_TEXT;
}

#define SPARK_CELLS 12
#define SPARK_FROM_COLS 132

/* A line of the table; without a host its head. */
static void draw_line(const struct app *app, const struct draw *draw, int y,
                      const struct snap_host *host) {
  int end = draw->rect.w;
  if (draw->rect.w >= SPARK_FROM_COLS) {
    float rate[SPARK_CELLS];
    end -= SPARK_CELLS;
    if (host != NULL) {
      trace_host(&app->trace, host->name, rate, SPARK_CELLS);
      draw_spark(draw, y, end, ROLE_GRAPH, rate, SPARK_CELLS, 0);
    } else {
      draw_text(draw, y, end, ROLE_DIM, "LAST 12 s");
    }
    end--;
  }
  for (int i = HOST_FIELDS - 1; i >= 0; i--) {
    char text[48];
    if (draw->rect.w < columns[i].from_cols)
      continue;
    if (host != NULL)
      field_text(host, (enum host_field)i, text, sizeof text);
    draw_right(draw, y, end,
               host != NULL ? field_role(host, (enum host_field)i) : ROLE_DIM,
               "%s", host != NULL ? text : columns[i].head);
    end -= columns[i].width + 1;
  }
  if (host != NULL)
    draw_clip(draw, y, 2, end - 3, ROLE_TEXT, host->name, TEXT_MIDDLE);
  else
    draw_text(draw, y, 2, ROLE_DIM, "HOST");
}

/* The selection is a host, not a row. */
static void find_selected(struct app *app) {
  struct listing *listing = &app->listing[SCREEN_HOSTS];
  const struct snapshot *snap = app->snap;
  const struct snap_host *host = app__host(app, app->host);
  if (app->host[0] != '\0' && host != NULL)
    listing->at = (uint64_t)(host - snap->hosts);
}

static void keep_selected(struct app *app) {
  const struct listing *listing = &app->listing[SCREEN_HOSTS];
  if (app->snap == NULL || listing->at >= app->snap->host_count)
    return;
  app->form_moved |= strncmp(app->host, app->snap->hosts[listing->at].name,
                             sizeof app->host - 1) != 0;
  snprintf(app->host, sizeof app->host, "%s",
           app->snap->hosts[listing->at].name);
}

static void draw_hosts(struct app *app, const struct draw *draw) {
  struct draw body = draw_in(draw, app->layout.part[PART_TABLE]);
  struct listing *listing = &app->listing[SCREEN_HOSTS];
  size_t count = app->snap->host_count;
  if (body.rect.h < 2)
    return;
  draw_line(app, &body, 0, NULL);
  find_selected(app);
  listing_show(listing, count, (size_t)(body.rect.h - 1));
  keep_selected(app);
  for (int y = 1; y < body.rect.h; y++) {
    uint64_t row = listing->top + (uint64_t)(y - 1);
    struct draw line = body;
    if (row >= count)
      break;
    if (row == listing->at) {
      line.style = CELL_REVERSE;
      draw_fill(&line, y, 0, line.rect.w, ROLE_TEXT, " ");
      draw_text(&line, y, 0, ROLE_TITLE, draw->glyphs->selected);
    }
    draw_line(app, &line, y, &app->snap->hosts[row]);
    if (row == listing->at && app->prompt.kind == PROMPT_NONE) {
      draw->canvas->cursor_y = body.rect.y + y;
      draw->canvas->cursor_x = body.rect.x;
    }
  }
  if (count == 0)
    draw_text(&body, 1, 2, ROLE_DIM, "no host was asked yet");
}

static void move_hosts(struct app *app, enum action action) {
  struct listing *listing = &app->listing[SCREEN_HOSTS];
  listing_move(listing, app__distance(action, listing->count, listing->page));
  keep_selected(app);
}

/* Enter: the tasks of the host. */
static void open_host(struct app *app) {
  struct errmsg msg;
  char text[ERRCLASS_CAP + 8] = "host:";
  if (app->host[0] == '\0')
    return;
  errclass_host_name(app->host, text + 5, sizeof text - 5);
  text[sizeof app->rows.filter.word[0].text - 1 + 5 - 1] = '\0';
  app__go(app, SCREEN_TASKS);
  if (!act__set_filter(app, text, &msg))
    app__say(app, ROLE_ALERT, "%s", msg.text);
  else
    app__say(app, ROLE_TEXT, "the tasks of this host (Esc: all again)");
}

static void click_hosts(struct app *app, int y) {
  struct listing *listing = &app->listing[SCREEN_HOSTS];
  if (y >= 1 && listing->top + (uint64_t)(y - 1) < listing->count)
    listing->at = listing->top + (uint64_t)(y - 1);
  keep_selected(app);
}

const struct view view_hosts = {
    .title = "Hosts",
    .where = ON_HOSTS,
    .draw = draw_hosts,
    .move = move_hosts,
    .open = open_host,
    .click = click_hosts,
};
