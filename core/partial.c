/* SPDX-License-Identifier: MIT
 *
 * See partial.h.
 */
#include "config.h"

#include "partial.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void partial_set_ranges(struct session_partial *partial,
                        const struct ranges *set) {
  struct ranges few = {0};
  size_t from;
  partial->durable = ranges_prefix(set);
  partial->range_count = 0;
  from = partial->durable > 0 ? 1 : 0;
  if (set->count - from > SESSION_RANGES) {
    if (ranges_add_all(&few, set) != 0) {
      ranges_fini(&few);
      return; /* the beginning alone */
    }
    if (from == 1) { /* it stays, however small it is */
      memmove(few.items, few.items + 1, (few.count - 1) * sizeof(*few.items));
      few.count--;
    }
    ranges_limit(&few, SESSION_RANGES);
    set = &few;
    from = 0;
  }
  for (size_t i = from; i < set->count; i++)
    partial->ranges[partial->range_count++] = set->items[i];
  ranges_fini(&few);
}

int partial_get_ranges(const struct session_partial *partial,
                       struct ranges *set) {
  int code = ranges_add(set, 0, partial->durable);
  for (unsigned i = 0; i < partial->range_count && code == 0; i++)
    code = ranges_add(set, partial->ranges[i].first, partial->ranges[i].end);
  return code;
}

void partial_ranges_text(const struct session_partial *partial, char *text,
                         size_t cap) {
  size_t length = 0;
  text[0] = '\0';
  for (unsigned i = 0; i < partial->range_count; i++) {
    int n = snprintf(text + length, cap - length, "%s%lld-%lld",
                     i > 0 ? "," : "", (long long)partial->ranges[i].first,
                     (long long)partial->ranges[i].end - 1);
    if (n < 0 || (size_t)n >= cap - length) {
      text[length] = '\0';
      return;
    }
    length += (size_t)n;
  }
}

/* Digits up to `stop`; -1 when there is something else. */
static int64_t number(const char **text, char stop) {
  const char *at = *text;
  int64_t value = 0;
  for (; *at >= '0' && *at <= '9'; at++) {
    if (value > (INT64_MAX - 9) / 10)
      return -1;
    value = value * 10 + (*at - '0');
  }
  if (at == *text || (*at != stop && (stop != ',' || *at != '\0')))
    return -1;
  *text = *at == '\0' ? at : at + 1;
  return value;
}

void partial_ranges_read(struct session_partial *partial, const char *text) {
  int64_t before = partial->durable;
  partial->range_count = 0;
  while (text != NULL && *text != '\0' &&
         partial->range_count < SESSION_RANGES) {
    int64_t first = number(&text, '-');
    int64_t last = first < 0 ? -1 : number(&text, ',');
    if (first <= before || last < first || last == INT64_MAX ||
        (partial->size >= 0 && last >= partial->size))
      return;
    partial->ranges[partial->range_count++] = (struct range){first, last + 1};
    before = last + 1;
  }
}
