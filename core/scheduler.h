/* SPDX-License-Identifier: MIT
 *
 * The scheduler: which task starts next, and when.
 *
 * Ready tasks wait in their host's queue: highest priority, then earliest
 * deadline, then first come, first served. Hosts that may start something stand
 * on a ring and take turns, so that no host's long queue holds up another's;
 * where tasks have priorities, hosts with the highest take turns first. A host
 * that may not start anything now (throttled, its own limits, its name not
 * resolved yet) is off the ring and comes back by a timer or an event. A start
 * needs the net semaphore, the global bucket, the host's gate (throttled?
 * governed?), its name resolved, its semaphore, its bucket and its breaker; all
 * are taken together or none.
 *
 * Tasks that were tried before and failed stand in a line of their own and go
 * within the host's retry budget, so that retries neither hammer a broken
 * server nor hold up fresh tasks.
 *
 * libcurl gets only what may start at once: its own queues are first in, first
 * out over all hosts, and its time-outs run while a transfer waits there.
 *
 * Thread: the loop's.
 */
#ifndef SPATE_SCHEDULER_H
#define SPATE_SCHEDULER_H

#include <stdbool.h>
#include <stdint.h>

#include "alarm.h"
#include "bucket.h"
#include "heap.h"
#include "hosts.h"
#include "list.h"
#include "resolve.h"
#include "semaphore.h"
#include "task.h"

struct scheduler {
  struct semaphore net;
  struct bucket rate; /* starts/s over all hosts */
  uint64_t runnable;  /* ready tasks whose host is on the ring */
  uint64_t ready;     /* ready tasks of all hosts */
  uint64_t ranked;    /* of those: with a priority other than 0 */
  bool blocked;       /* paused, on hold or stopping: nothing starts */
  bool behind;        /* what was fetched waits for the disk: nothing starts */
  bool shuffle;       /* deadlines do not count; turns are random */
  uint64_t seed;      /* of the random turns */
  unsigned full_hosts;
  bool relieved; /* a full host has room again; reset by whoever reads it */
  /* private */
  uint64_t arrivals;
  struct link ring;
  struct heap waiting; /* tasks by the time of their next attempt */
  struct heap held;    /* hosts by the time of their next start */
  struct hosts *hosts;
  struct resolver *resolver;
  struct alarm alarm;
  struct task_counts *counts;
  void (*start)(void *arg, struct task *task);
  void *arg;
};

/* hosts, resolver and counts are borrowed. start must begin the transfer and
 * may give the permits back at once by scheduler_ended(). wake is called when
 * a timer has come and scheduler_run() should be. */
int scheduler_init(struct scheduler *s, uv_loop_t *loop, struct hosts *hosts,
                   struct resolver *resolver, struct task_counts *counts,
                   void (*start)(void *arg, struct task *task),
                   void (*wake)(void *arg), void *arg) MUST_CHECK;
/* Closes the alarm; the loop must run on. */
void scheduler_close(struct scheduler *s);
void scheduler_fini(struct scheduler *s);

/* A queued task may start. */
void scheduler_ready(struct scheduler *s, struct task *task, uint64_t now_ns);

/* Whether the host may not start more now and has plenty of ready tasks; it is
 * full then until half of them are gone. */
bool scheduler_is_full(struct scheduler *s, struct host *host);

/* A task in state waiting becomes ready at due_ns. */
int scheduler_wait(struct scheduler *s, struct task *task,
                   uint64_t due_ns) MUST_CHECK;

/* Takes a ready or waiting task out. */
void scheduler_remove(struct scheduler *s, struct task *task);

/* A transfer to the host has ended: its permits come back. */
void scheduler_ended(struct scheduler *s, struct host *host, uint64_t now_ns);

/* What an answer, or the lack of one, says about how the host bears it. */
struct scheduler_answer {
  uint64_t sent_ns; /* when its request started */
  enum governor_outcome outcome;
  const struct throttle_hint *hint; /* NULL none */
};

/* A request to the host has ended so; before scheduler_ended().
 *
 * THROTTLED: nobody starts there for as long as the hint says or, without one,
 * a time that doubles while it goes on; then one canary. Answers to requests
 * that were under way when the gate closed change nothing but a longer wait.
 * With a governor, that decides about all that was sent since it is there. OK
 * lets a canary pass. ERROR and TIMEOUT are counted by the breaker. */
void scheduler_answered(struct scheduler *s, struct host *host,
                        const struct scheduler_answer *answer, uint64_t now_ns);

/* When the host may be asked again; 0 when nothing holds it. */
uint64_t scheduler_held_until(const struct host *host, uint64_t now_ns);

/* The host's name was resolved, or its limits have changed. */
void scheduler_recheck(struct scheduler *s, struct host *host);
void scheduler_recheck_all(struct scheduler *s);

/* Takes every ready task of a host out, for callers that must fail them. */
struct task *scheduler_take_ready(struct scheduler *s, struct host *host);

/* One more connection for a task that runs already: takes all that a start
 * needs, or nothing. Tasks that wait go first. Ended by scheduler_ended(). */
bool scheduler_extra(struct scheduler *s, struct host *host, uint64_t now_ns);

/* Starts one task in spite of blocked, to see whether the network is back.
 * False when there is none to start. */
bool scheduler_probe(struct scheduler *s, uint64_t now_ns);

/* Starts all that may start and sets the alarm for the next. */
void scheduler_run(struct scheduler *s, uint64_t now_ns);

#endif
