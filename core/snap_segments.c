/* SPDX-License-Identifier: MIT
 *
 * See snap_segments.h.
 */
#include "config.h"

#include "snap_segments.h"

#include <stdio.h>
#include <string.h>

bool snap_segment_put(char *text, size_t cap, size_t *used,
                      const struct snap_segment *segment) {
  size_t room = cap - *used;
  int n = snprintf(text + *used, room, "%s%lld-%lld-%lld %s%lld %s",
                   *used > 0 ? ";" : "", (long long)segment->first,
                   (long long)segment->at, (long long)segment->end,
                   segment->receiving ? "" : "!",
                   (long long)segment->bytes_per_s, segment->host);
  if (n < 0 || (size_t)n >= room) {
    text[*used] = '\0';
    return false;
  }
  for (char *at = text + *used + (*used > 0); *at != '\0'; at++)
    if (*at == ';')
      *at = '_'; /* no host's name holds one */
  *used += (size_t)n;
  return true;
}

/* Digits and the sign behind them. */
static bool number(const char **text, char sign, int64_t *value) {
  const char *at = *text;
  for (*value = 0; *at >= '0' && *at <= '9'; at++) {
    if (*value > (INT64_MAX - 9) / 10)
      return false;
    *value = *value * 10 + (*at - '0');
  }
  if (at == *text || *at != sign)
    return false;
  *text = at + 1;
  return true;
}

bool snap_segment_next(const char **text, struct snap_segment *segment) {
  const char *at = *text;
  int64_t rate;
  size_t length;
  memset(segment, 0, sizeof(*segment));
  if (*at == '\0' || !number(&at, '-', &segment->first) ||
      !number(&at, '-', &segment->at) || !number(&at, ' ', &segment->end))
    return false;
  segment->receiving = *at != '!';
  if (!segment->receiving)
    at++;
  if (!number(&at, ' ', &rate) || segment->at < segment->first ||
      segment->end < segment->at)
    return false;
  segment->bytes_per_s = (double)rate;
  length = strcspn(at, ";");
  if (length >= sizeof(segment->host))
    return false;
  memcpy(segment->host, at, length);
  *text = at + length + (at[length] == ';');
  return true;
}
