/* SPDX-License-Identifier: MIT
 *
 * A task: one URL to one output, while it is in the engine's window.
 *
 * Its state changes in task_set_state() alone, against a table of legal
 * transitions; the counts of tasks in each state live beside it.
 *
 * Thread: the loop's. Owned by the engine from delivery to its end; the last
 * few that ended are kept for the screen.
 */
#ifndef SPATE_TASK_H
#define SPATE_TASK_H

#include <stdbool.h>
#include <stdint.h>

#include "bandwidth.h"
#include "heap.h"
#include "list.h"
#include "session.h"
#include "stats.h"
#include "task_state.h"
#include "unpack.h"

struct engine;
struct record;
struct host;
struct mend;
struct adoption;
struct exec;
struct found_mirrors;
struct naming;
struct sink;
struct steps;
struct split;
struct transfer;

/* What becomes of an active task when its sink has let go. */
enum task_after {
  AFTER_NOTHING,
  AFTER_QUEUE,
  AFTER_WAIT, /* until after_due_ns */
  AFTER_FAIL,
  AFTER_EXPIRE,
  AFTER_PAUSE,
  AFTER_CANCEL,
  AFTER_DISCARD, /* cancelled, and its data deleted */
  AFTER_RESTART, /* queued again with nothing of what it had */
};

struct task {
  uint64_t id;
  uint64_t line;        /* in its manifest */
  uint64_t output_hash; /* of its place in the engine's outputs; 0 none */
  enum task_state state;
  struct engine *engine;     /* borrowed */
  struct link all;           /* on the engine's list of live or recent tasks */
  struct link queued;        /* in its host's queue while it is ready */
  struct heap_node due;      /* in the scheduler's heap while it waits */
  struct host *host;         /* borrowed; of the present URL */
  struct host *home;         /* borrowed; of the task's own URL */
  struct transfer *transfer; /* owned while active, but for a split task */
  struct split *split;       /* owned; its several connections; NULL none */
  struct sink *sink;         /* owned from the first byte to its end */

  char *url;                  /* as the manifest gives it, in clear */
  char *hop;                  /* where redirects have led; NULL = url */
  char *name;                 /* output, relative to the output directory */
  struct task_fields *fields; /* what its line says besides; NULL nothing */
  size_t weight;              /* bytes of url and fields */
  char *shown_url;            /* redacted; made when first shown */
  char *reason;               /* why it waits or failed; NULL none */
  unsigned redirects;
  struct steps *steps;       /* of the body that comes; owned; NULL none */
  struct exec *exec;         /* the program that runs on its file; NULL none */
  struct naming *naming;     /* its name is being made; NULL it is not */
  struct adoption *adoption; /* its file is being read; NULL it is not */
  enum unpack_kind unpack;   /* its body is unpacked into its file */
  char *digest;              /* "sha-256=HEX" of the body; NULL none */
  struct mend *mend;         /* of a body with digests of pieces; NULL none */
  unsigned mismatches;       /* bodies that were not what was promised */
  unsigned mirror; /* whose turn it is: 0 its own URL, 1 the first mirror */
  unsigned validator_of;       /* the mirror that sent etag and last_modified */
  uint32_t bad_mirrors;        /* bits: not asked any more */
  struct found_mirrors *found; /* further ones, by its answer; NULL none */

  int64_t size;       /* of the whole body; -1 unknown */
  int64_t got;        /* bytes of it that have arrived */
  struct ranges kept; /* of got: on the disk from earlier attempts */
  struct session_unflushed *unflushed; /* owned until its .part is looked at */
  char etag[128];
  char last_modified[64];
  char type[SUMMARY_TYPE_CAP];   /* of the last answer, see summary_type() */
  struct byte_limit *byte_limit; /* its own, owned while active; NULL none */
  struct byte_waiter byte_turn;  /* while a byte limit holds it up */
  bool bytes_paid;               /* the chunk at hand was counted already */
  struct meter rate;             /* bytes/s */
  uint64_t ready_ns;             /* when it came into its host's queue */
  int64_t started_unix_ms;       /* its first request; 0 none yet */
  uint64_t turn;                 /* its place among equals there */
  bool ranked;                   /* there with a priority other than 0 */
  int64_t ended_unix;
  int64_t deadline_unix; /* may start before it; INT64_MAX none */
  int32_t priority;      /* larger ones go first; 0 is usual */
  double own_rate;       /* bytes/s for it alone; 0: as for all */
  int own_split;         /* connections for it; 0: as its line or all */
  struct task_times {
    uint32_t resolved_us, connected_us, secured_us, first_byte_us;
  } times;      /* of the last answer; 0 none */
  int attempts; /* begun, throttled ones not counted */
  int status;
  int http_version;
  int64_t ours_since_unix_ns;

  struct record *record; /* the head of its answer, for a shard; owned */

  bool ours;           /* its .part is this session's */
  bool ours_named;     /* and so is a file of its name */
  bool taken;          /* such a file is there and is somebody else's */
  bool replace;        /* such a file may be replaced */
  bool unname;         /* such a file is ours, and not whole as far as known */
  bool rename;         /* take another name if there is such a file */
  bool no_request;     /* the file is there and whole: adopt it */
  bool unnamed;        /* name is the URL's; the answer gives another */
  bool renamed;        /* name is not what URL and manifest say */
  bool numbered;       /* it has a number: another task had it */
  bool resumable;      /* the server answered a range */
  bool own_part;       /* this run has made its .part */
  bool part_asked;     /* whose the .part in its way is */
  bool has_partial;    /* the session has a row for its .part */
  bool in_intake;      /* its name is being looked up */
  bool twin;           /* waits on engine.twins, see twins.h */
  bool has_twin;       /* one waits for it */
  bool twin_done;      /* the one that it waited for has its file */
  bool unseen;         /* paused before that: still to be done */
  bool pause_wanted;   /* by a person, while in_intake */
  bool cancel_wanted;  /* likewise */
  bool discard_wanted; /* with its data */
  bool restart_wanted; /* from nothing */
  bool following;      /* the next request is a redirect's, no new attempt */
  bool as_get;         /* a redirect made a GET of its request */
  bool start_over;     /* the answer did not fit what is kept */
  bool in_doubt;       /* a request that may not be repeated was cut */
  bool no_split;       /* its server's ranges are not to be trusted */
  enum task_after after;
  uint64_t after_due_ns;
};

/* Counts by state, kept by task_set_state(). */
struct task_counts {
  uint64_t in[TASK_STATE_COUNT];
};

/* Copies url and out; NULL without memory. Not counted yet. */
struct task *task_new(const struct session_item *item);
void task_free(struct task *task);

/* A task that is over and is kept to be looked at: lets go of its fields when
 * they are large. */
#define TASK_HEAVY ((size_t)4 << 10)
void task_lighten(struct task *task);

/* A new task enters the counts as queued. */
void task_enter(struct task_counts *counts, struct task *task);

/* The one place where a state changes. A transition that the table does not
 * allow is a bug: it aborts, naming both states. */
void task_set_state(struct task_counts *counts, struct task *task,
                    enum task_state state);
bool task_state_legal(enum task_state from, enum task_state to);

/* done, failed, cancelled or expired. */
bool task_state_final(enum task_state state);

/* Replaces the reason (redacted copy; "" or NULL clears it). */
void task_set_reason(struct task *task, const char *reason);

/* What the session knows of its .part is its own. NULL: nothing. */
void task_take_partial(struct task *task,
                       const struct session_partial *partial);

/* The URL of a mirror; 0 is the task's own. */
const char *task_mirror_url(const struct task *task, unsigned mirror);

/* The URL to ask next. */
const char *task_target(const struct task *task);

/* Redacted, for people; "" without memory. */
const char *task_shown_url(struct task *task);

#endif
