/* SPDX-License-Identifier: MIT
 *
 * What a session's tasks came to, over all its runs: how many ended with each
 * status, at each host, with each content type; how large the files are and
 * how long the first byte took.
 *
 * Bounded: names are counted in a table of SUMMARY_NAMES; when it is full the
 * rarest quarter goes into one count, "others", so that a name in the table
 * may have been met a few times more, and the sum of all is exact. Who stays
 * is decided as in lossy counting (Manku and Motwani, 2002): a new name begins
 * with the rank of the best one dropped, and so outlives older ones that were
 * met as rarely; what is frequent is not dropped. Sizes and
 * times are histograms with 16 buckets to each power of two.
 *
 * It is kept as rows (kind, name, value); summary_take() tells those that have
 * changed, summary_load() gets them back.
 *
 * Pure; a summary belongs to one thread at a time.
 */
#ifndef SPATE_SUMMARY_H
#define SPATE_SUMMARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "stats.h"

#define SUMMARY_NAMES 512 /* counted by themselves */
#define SUMMARY_SHOWN 32
#define SUMMARY_TYPE_CAP 48

enum summary_by { SUMMARY_STATUS, SUMMARY_HOST, SUMMARY_TYPE, SUMMARY_BYS };
enum summary_of { SUMMARY_SIZE, SUMMARY_LATENCY, SUMMARY_OFS };

/* How a task ended. */
struct summary_end {
  int status;          /* last HTTP status; 0: no request was needed */
  const char *host;    /* NULL or "" none */
  const char *type;    /* summary_type(); NULL or "" none */
  int64_t bytes;       /* of a finished file; negative: there is none */
  uint64_t latency_us; /* from the request to the first byte; 0 none */
};

struct summary {
  /* private */
  struct summary_names {
    struct summary_count {
      char *name; /* owned */
      uint64_t hash, count;
      uint64_t rank; /* decides who stays */
      bool changed;
    } item[SUMMARY_NAMES];
    size_t count, last; /* last: found last */
    uint64_t others, floor;
    bool others_changed, dropped; /* dropped: all rows are to go first */
  } by[SUMMARY_BYS];
  struct summary_values {
    struct histogram values;
    bool changed[HISTOGRAM_BUCKETS];
    bool any_changed, max_changed;
  } of[SUMMARY_OFS];
};

void summary_fini(struct summary *summary); /* zeroed memory is an empty one */

void summary_note(struct summary *summary, const struct summary_end *end);

/* Content-Type as it is counted: without parameters, in lower case. Returns
 * out, which has room for SUMMARY_TYPE_CAP. */
char *summary_type(const char *header, char *out);

/* name NULL: all rows of that kind go. Returns non-zero to stop; what was not
 * told then is told by the next summary_take(). */
typedef int summary_row_fn(void *arg, const char *kind, const char *name,
                           uint64_t value);
int summary_take(struct summary *summary, summary_row_fn *each, void *arg);

/* A row of before. One that is not understood is passed over. ERR_NOMEM. */
int summary_load(struct summary *summary, const char *kind, const char *name,
                 uint64_t value) MUST_CHECK;

/* The names with the largest counts, in that order, and the rest in *others.
 * Names are the summary's. */
struct summary_share {
  const char *name;
  uint64_t count;
};
size_t summary_busiest(const struct summary *summary, enum summary_by by,
                       struct summary_share shares[SUMMARY_SHOWN],
                       uint64_t *others);

/* The same for the cap largest alone, quickly; *others stays without those
 * that are told. */
size_t summary_top(const struct summary *summary, enum summary_by by,
                   struct summary_share *shares, size_t cap, uint64_t *others);

const struct histogram *summary_values(const struct summary *summary,
                                       enum summary_of of);

#endif
