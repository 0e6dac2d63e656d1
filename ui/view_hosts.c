/* SPDX-License-Identifier: MIT
 *
 * One line for each host: how much it is asked for, how it answers, and
 * whether it holds us back.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>

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
    of_limit(buf, cap, host->requests_per_s, host->rate_limit);
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
  if (field == HOST_RETRY && host->retry_in_ms >= 0)
    return ROLE_WARN;
  return ROLE_TEXT;
}

/* A line of the table; without a host its head. */
static void draw_line(const struct draw *draw, int y,
                      const struct snap_host *host) {
  int end = draw->rect.w;
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
    draw_clip(draw, y, 1, end - 2, ROLE_TEXT, host->name, TEXT_MIDDLE);
  else
    draw_text(draw, y, 1, ROLE_DIM, "HOST");
}

static size_t host_lines(const struct app *app) {
  return app->snap->host_count;
}

static void draw_hosts(struct app *app, const struct draw *draw) {
  struct draw body = draw_in(draw, app->layout.part[PART_TABLE]);
  struct scroll *scroll = &app->scroll[SCREEN_HOSTS];
  size_t count = app->snap->host_count;
  if (body.rect.h < 2)
    return;
  draw_line(&body, 0, NULL);
  scroll->page = (size_t)(body.rect.h - 1);
  size_t most = count > scroll->page ? count - scroll->page : 0;
  if (scroll->top > most)
    scroll->top = most;
  for (int y = 1; y < body.rect.h; y++) {
    size_t row = scroll->top + (size_t)(y - 1);
    if (row >= count)
      break;
    draw_line(&body, y, &app->snap->hosts[row]);
  }
  if (count == 0)
    draw_text(&body, 1, 1, ROLE_DIM, "no host was asked yet");
}

const struct view view_hosts = {
    .title = "Hosts",
    .where = IN_HOSTS,
    .draw = draw_hosts,
    .lines = host_lines,
};
