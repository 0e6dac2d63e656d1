/* SPDX-License-Identifier: MIT
 *
 * A semaphore that can be resized while it is held: net, each host, disk, cpu,
 * exec. Shrinking never interrupts a holder, it drains (used > limit until
 * enough permits came back). Waiters are served by priority, then in their
 * order; nobody overtakes one who waits.
 *
 * Bounded: releasing what nobody acquired is a bug and aborts the process.
 *
 * Thread: one (the loop's), no locks. Pure; the clock is passed in.
 */
#ifndef SPATE_SEMAPHORE_H
#define SPATE_SEMAPHORE_H

#include <stdbool.h>
#include <stdint.h>

#include "err.h"
#include "stats.h"

/* One who waits. The caller's memory; must stay until granted or cancelled.
 * Set granted, arg and priority; zero the rest before the first use. */
struct semaphore_waiter {
  /* The permit is held now. Called from semaphore_release() or _resize(),
   * never from semaphore_acquire(). May use this semaphore again. */
  void (*granted)(struct semaphore_waiter *waiter);
  void *arg;    /* the caller's */
  int priority; /* greater goes first */
  /* private */
  struct semaphore_waiter *prev, *next;
  uint64_t since_ns;
  bool queued;
};

struct semaphore {
  /* read only for others */
  const char *name; /* borrowed, usually a literal */
  uint32_t used, limit, waiting;
  /* Where waiting times in ns are recorded, 0 for those who need not wait;
   * borrowed, NULL (as semaphore_init leaves it) records nothing. */
  struct histogram_window *waits;
  /* private */
  struct semaphore_waiter *head, *tail;
  bool granting;
};

/* A limit of 0 admits nobody until it is resized. */
void semaphore_init(struct semaphore *s, const char *name, uint32_t limit);

/* A permit at once or none; false while anybody waits. */
bool semaphore_try_acquire(struct semaphore *s) MUST_CHECK;

/* True: a permit is held now and w is not used. False: w waits; w->granted
 * tells when. */
bool semaphore_acquire(struct semaphore *s, struct semaphore_waiter *w,
                       uint64_t now_ns) MUST_CHECK;

/* Takes w out of the queue; nothing happens when it does not wait. A waiter
 * that was granted holds a permit and has to release it. */
void semaphore_cancel(struct semaphore *s, struct semaphore_waiter *w);

/* Gives one permit back. Without one held: says so and aborts. */
void semaphore_release(struct semaphore *s, uint64_t now_ns);

/* A new limit: growing serves waiters at once, shrinking drains. */
void semaphore_resize(struct semaphore *s, uint32_t limit, uint64_t now_ns);

/* Records a waiting time, for schedulers with queues of their own (they use
 * semaphore_try_acquire, which records nothing). */
void semaphore_note_wait(struct semaphore *s, uint64_t waited_ns);

#endif
