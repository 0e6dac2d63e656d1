/* SPDX-License-Identifier: MIT
 *
 * The connections of one task as a snapshot carries them: a text, so that a
 * row stays flat wherever snapshots go. One after the other, separated by ";":
 *
 *   FIRST-AT-END RATE [HOST]      first..at has come, at..end is to come;
 *                                 bytes/s; "!" before RATE: no answer yet
 *
 * Pure; any thread.
 */
#ifndef SPATE_SNAP_SEGMENTS_H
#define SPATE_SNAP_SEGMENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct snap_segment {
  int64_t first, at, end;
  double bytes_per_s;
  bool receiving;
  char host[128]; /* where it comes from; not safe for a terminal */
};

/* Adds one to a text of length *used; false when it does not fit. */
bool snap_segment_put(char *text, size_t cap, size_t *used,
                      const struct snap_segment *segment);

/* Reads the next one and moves *text on; false at the end, or when what
 * follows is malformed. */
bool snap_segment_next(const char **text, struct snap_segment *segment);

#endif
