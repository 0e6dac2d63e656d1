/* SPDX-License-Identifier: MIT
 *
 * A task in several connections.
 *
 * A task begins as any other, with one request. When the head of its answer
 * says that the body is large and comes in ranges, its transfer becomes the
 * first part of a split, and further parts are started beside it as long as
 * they raise the throughput (pace.h), each with permits and a turn of its own
 * (scheduler_extra). Where mirrors are known a part goes to the one that is
 * quickest; one that fails or has another file is dropped.
 *
 * A part's answer must be the range that was asked for, of a file of the same
 * size and, from the same source, with the same validator. One that does not
 * fit ends the splitting; the first connection, whose answer is good in
 * itself, takes its bytes over again.
 *
 * Thread: the loop's.
 */
#ifndef SPATE_SPLIT_H
#define SPATE_SPLIT_H

#include "engine_priv.h"
#include "pace.h"
#include "segments.h"
#include "verdict.h"

#define SPLIT_SOURCES 16

/* A URL of the file: the task's own (0) or a mirror. */
struct split_source {
  const char *url; /* borrowed */
  char *hop;       /* owned; where redirects have led; NULL nowhere */
  struct host *host;
  struct host *home; /* of url */
  bool bad, tried;
  bool strict; /* its ETag has to be the first one's */
  unsigned running, redirects;
  unsigned failures;     /* without anything between them */
  double per_connection; /* bytes/s, last known */
  char etag[128];
  char last_modified[64];
};

struct part {
  struct split *split;
  struct transfer *transfer;  /* owned */
  struct sink_writer *writer; /* the sink's */
  int slot;
  unsigned source;
  bool good;            /* its answer fits */
  const char *mismatch; /* why not; a literal */
  struct byte_waiter byte_turn;
  bool bytes_paid;
  struct meter rate;
  int64_t got;
};

struct split {
  struct link all;   /* on the engine's list */
  struct task *task; /* borrowed */
  struct segments map;
  struct part *part[SEGMENTS_MAX]; /* by slot */
  unsigned running;
  struct pace pace;
  uint64_t window_ns; /* of the pace, by the time to the first byte */
  uint64_t measured_ns;
  uint64_t next_ns;    /* not sooner: one more part */
  unsigned barren;     /* failures in a row without a byte, */
  struct verdict last; /* how the last of them went, */
  struct host *failed; /* and where; NULL none */
  struct split_source source[SPLIT_SOURCES];
  unsigned source_count;
};

/* From inside the head callback of a task whose sink is open: makes the
 * transfer the first part, when the file is worth it. */
void split_consider(struct engine *e, struct task *task,
                    struct transfer *transfer);

/* Measures, and starts and ends parts as wanted; at the end of each turn of
 * the loop. */
void split_turn(struct engine *e);
/* Sees to what does not end by itself; some times a second. */
void split_tick(struct engine *e);

/* Cuts all parts and frees the split; its sink goes on living. */
void split_drop(struct engine *e, struct task *task);

void split_each(struct task *task, void (*act)(struct transfer *transfer));
unsigned split_running(const struct task *task);

/* ---- for split.c and split_part.c alone ---- */

extern const struct transfer_ops split__ops;

/* Links a part with a transfer under way into a slot. */
struct part *split__part_new(struct split *split, int slot, unsigned source);
/* Gives its range, its place in lines and its writer back. Not its transfer. */
void split__part_end(struct engine *e, struct part *part);
bool split__part_start(struct engine *e, struct split *split, uint64_t now_ns);
/* A part has ended: the whole may have. failed: how, NULL when well. */
void split__settle(struct engine *e, struct split *split, struct host *host,
                   const struct verdict *failed, double wait_s);

#endif
