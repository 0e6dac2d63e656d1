/* SPDX-License-Identifier: MIT
 *
 * What the tasks came to, on the screen of the gauges: how many ended with
 * each status, at each host, with each type, how large the files are and how
 * long the first byte took; and the shards that bodies are gathered in.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "page.h"
#include "views.h"

static const char *const of_what[SNAP_BYS] = {
    [SNAP_BY_STATUS] = "status",
    [SNAP_BY_HOST] = "host",
    [SNAP_BY_TYPE] = "type",
};

/* Those that were answered by none of what is counted have status 0. */
static const char *share_name(enum snap_by by, const char *name) {
  return by == SNAP_BY_STATUS && strcmp(name, "0") == 0 ? "no answer" : name;
}

/* "200 1,204   404 3   others 2", as many as there is room for; the rest is
 * among the others. */
static void shares(struct page *page, const struct snapshot *snap,
                   enum snap_by by) {
  const struct snap_share *share = snap->summary.share[by];
  uint64_t others = snap->summary.others[by];
  const struct draw *draw = page->draw;
  char count[TEXT_NUMBER_CAP];
  int room = draw->rect.w - 16; /* left to the others */
  if (share[0].name == NULL || share[0].name[0] == '\0')
    return;
  int y = page_name(page, of_what[by]), x = PAGE_VALUE;
  for (int i = 0; i < SNAP_SHARES && share[i].name != NULL; i++) {
    const char *name = share_name(by, share[i].name);
    if (name[0] == '\0')
      break;
    text_count(count, sizeof count, share[i].tasks);
    int cells = text_width(name, strlen(name), 0) + 1 + (int)strlen(count);
    if (i > 0 && x + cells > room) {
      others += share[i].tasks;
      continue;
    }
    if (y < 0)
      continue;
    enum role role =
        by == SNAP_BY_STATUS && name[0] >= '4' ? ROLE_WARN : ROLE_TEXT;
    int left = room - x - 1 - (int)strlen(count);
    x += draw_clip(draw, y, x, left, role, name, TEXT_MIDDLE) + 1;
    x += draw_text(draw, y, x, ROLE_FIGURE, count) + 3;
  }
  if (y >= 0 && others > 0)
    draw_fmt(draw, y, x, ROLE_DIM, "others %s",
             text_count(count, sizeof count, others));
}

static char *time_text(char *buf, size_t cap, uint64_t us) {
  if (us < 10000000)
    snprintf(buf, cap, "%.1f ms", (double)us / 1e3);
  else
    snprintf(buf, cap, "%.1f s", (double)us / 1e6);
  return buf;
}

static char *size_text(char *buf, size_t cap, uint64_t bytes) {
  return text_bytes(buf, cap, bytes < INT64_MAX ? (int64_t)bytes : INT64_MAX);
}

static void spread(struct page *page, const char *name,
                   const struct snap_spread *of,
                   char *(*text)(char *, size_t, uint64_t)) {
  char half[32], most[32], nearly[32], max[32];
  if (of->count == 0)
    return;
  page_fmt(page, name, ROLE_TEXT, "p50 %-9s p90 %-9s p99 %-9s max %s",
           text(half, sizeof half, of->p50), text(most, sizeof most, of->p90),
           text(nearly, sizeof nearly, of->p99),
           text(max, sizeof max, of->max));
}

static void shard_lines(struct page *page, const struct snapshot *snap) {
  const struct snap_shards *shards = &snap->shards;
  char a[TEXT_NUMBER_CAP], b[TEXT_NUMBER_CAP], c[TEXT_NUMBER_CAP];
  page_title(page, "shards", "");
  page_fmt(page, "closed", ROLE_TEXT, "%s, %s open   %s records in %s",
           text_count(a, sizeof a, shards->shards),
           text_count(b, sizeof b, shards->open),
           text_count(c, sizeof c, shards->records),
           text_bytes((char[TEXT_NUMBER_CAP]){""}, TEXT_NUMBER_CAP,
                      (int64_t)shards->bytes));
  if (shards->name != NULL && shards->name[0] != '\0')
    page_fmt(page, "open", ROLE_TEXT, "%s   %s records, %s", shards->name,
             text_count(a, sizeof a, shards->name_records),
             text_bytes(b, sizeof b, (int64_t)shards->name_bytes));
  double part = shards->bytes_in > 0
                    ? (double)shards->bytes_out / (double)shards->bytes_in
                    : 0;
  page_fmt(page, "this run", shards->waiting > 0 ? ROLE_NOTE : ROLE_TEXT,
           "%s records   %s became %s (%.0f%%)   %s wait",
           text_count(a, sizeof a, shards->records_run),
           text_bytes(b, sizeof b, (int64_t)shards->bytes_in),
           text_bytes(c, sizeof c, (int64_t)shards->bytes_out), part * 100,
           text_count((char[TEXT_NUMBER_CAP]){""}, TEXT_NUMBER_CAP,
                      shards->waiting));
}

void view__results(struct page *page, const struct snapshot *snap) {
  const struct snap_summary *summary = &snap->summary;
  const char *first = summary->share[SNAP_BY_STATUS][0].name;
  if (snap->shards.on)
    shard_lines(page, snap);
  if (first == NULL || first[0] == '\0')
    return;
  page_title(page, "results, of all runs", "e: errors");
  for (int by = 0; by < SNAP_BYS; by++)
    shares(page, snap, (enum snap_by)by);
  spread(page, "sizes", &summary->size, size_text);
  spread(page, "first byte", &summary->latency_us, time_text);
}
