/* SPDX-License-Identifier: MIT
 *
 * See status_summary.h.
 */
#include "config.h"

#include "status_summary.h"

#include <inttypes.h>
#include <stdio.h>

#include "member.h"
#include "text.h"

#define NAMES_PRINTED 4

static const struct {
  const char *label, *member, *others;
} by_what[SUMMARY_BYS] = {
    [SUMMARY_STATUS] = {"statuses", "status", "status_others"},
    [SUMMARY_HOST] = {"hosts", "host", "host_others"},
    [SUMMARY_TYPE] = {"types", "type", "type_others"},
};

static const struct {
  const char *name;
  double share;
} quantiles[] = {{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}};
#define QUANTILES (sizeof quantiles / sizeof *quantiles)

/* ---- for programs ---------------------------------------------------------
 */

static void put_names(json_t *o, const struct summary *summary,
                      enum summary_by by) {
  struct summary_share shares[SUMMARY_SHOWN];
  uint64_t others;
  size_t count = summary_busiest(summary, by, shares, &others);
  json_t *list = json_array();
  for (size_t i = 0; i < count; i++) {
    json_t *share = json_object();
    member_text(share, "name", shares[i].name);
    member_whole(share, "tasks", shares[i].count);
    json_array_append_new(list, share);
  }
  member_put(o, by_what[by].member, list);
  member_whole(o, by_what[by].others, others);
}

static json_t *values_json(const struct histogram *values) {
  json_t *o = json_object();
  member_whole(o, "count", values->count);
  for (size_t i = 0; i < QUANTILES; i++)
    member_whole(o, quantiles[i].name,
                 histogram_quantile(values, quantiles[i].share));
  member_whole(o, "max", values->max);
  return o;
}

json_t *summary_json(const struct summary *summary) {
  struct summary_share shares[SUMMARY_SHOWN];
  uint64_t others;
  if (summary_busiest(summary, SUMMARY_STATUS, shares, &others) == 0)
    return json_null();
  json_t *o = json_object();
  for (int by = 0; by < SUMMARY_BYS; by++)
    put_names(o, summary, (enum summary_by)by);
  member_put(o, "size", values_json(summary_values(summary, SUMMARY_SIZE)));
  member_put(o, "latency_us",
             values_json(summary_values(summary, SUMMARY_LATENCY)));
  return o;
}

/* ---- for people ------------------------------------------------------------
 */

static void print_names(const struct summary *summary, enum summary_by by) {
  struct summary_share shares[SUMMARY_SHOWN];
  uint64_t others;
  size_t count = summary_busiest(summary, by, shares, &others);
  if (count == 0)
    return;
  printf("%-10s ", by_what[by].label);
  for (size_t i = 0; i < count; i++) {
    char name[256];
    if (i >= NAMES_PRINTED) {
      others += shares[i].count;
      continue;
    }
    text_clip(name, sizeof name, shares[i].name, TEXT_WHOLE, -1, 0, NULL);
    printf("%s%s %" PRIu64, i > 0 ? ", " : "", name, shares[i].count);
  }
  if (others > 0)
    printf(", others %" PRIu64, others);
  putchar('\n');
}

static const char *size_text(char *buf, size_t cap, uint64_t bytes) {
  return text_bytes(buf, cap, bytes < INT64_MAX ? (int64_t)bytes : INT64_MAX);
}

static const char *time_text(char *buf, size_t cap, uint64_t us) {
  if (us < 10000000)
    snprintf(buf, cap, "%.1f ms", (double)us / 1e3);
  else
    snprintf(buf, cap, "%.1f s", (double)us / 1e6);
  return buf;
}

static void print_values(const char *label, const struct histogram *values,
                         const char *(*text)(char *, size_t, uint64_t)) {
  char buf[40];
  if (values->count == 0)
    return;
  printf("%-10s ", label);
  for (size_t i = 0; i < QUANTILES; i++)
    printf(
        "%s %s, ", quantiles[i].name,
        text(buf, sizeof buf, histogram_quantile(values, quantiles[i].share)));
  printf("max %s\n", text(buf, sizeof buf, values->max));
}

void summary_print(const struct summary *summary) {
  for (int by = 0; by < SUMMARY_BYS; by++)
    print_names(summary, (enum summary_by)by);
  print_values("sizes", summary_values(summary, SUMMARY_SIZE), size_text);
  print_values("first byte", summary_values(summary, SUMMARY_LATENCY),
               time_text);
}
