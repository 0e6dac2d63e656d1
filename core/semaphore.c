/* SPDX-License-Identifier: MIT
 *
 * The semaphore's queue: a list sorted by priority, in which equal ones keep
 * their order. Invariant outside of grant(): nobody waits while a permit is
 * free. Thread: one; pure.
 */
#include "config.h"

#include "semaphore.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void semaphore_init(struct semaphore *s, const char *name, uint32_t limit) {
  memset(s, 0, sizeof *s);
  s->name = name;
  s->limit = limit;
}

static void enqueue(struct semaphore *s, struct semaphore_waiter *w) {
  struct semaphore_waiter *before = s->tail;
  while (before && before->priority < w->priority)
    before = before->prev;
  w->prev = before;
  w->next = before ? before->next : s->head;
  *(w->prev ? &w->prev->next : &s->head) = w;
  *(w->next ? &w->next->prev : &s->tail) = w;
  w->queued = true;
  s->waiting++;
}

static void dequeue(struct semaphore *s, struct semaphore_waiter *w) {
  *(w->prev ? &w->prev->next : &s->head) = w->next;
  *(w->next ? &w->next->prev : &s->tail) = w->prev;
  w->prev = w->next = NULL;
  w->queued = false;
  s->waiting--;
}

bool semaphore_try_acquire(struct semaphore *s) {
  if (s->head || s->used >= s->limit)
    return false;
  s->used++;
  return true;
}

bool semaphore_acquire(struct semaphore *s, struct semaphore_waiter *w,
                       uint64_t now_ns) {
  if (semaphore_try_acquire(s)) {
    semaphore_note_wait(s, 0);
    return true;
  }
  w->since_ns = now_ns;
  enqueue(s, w);
  return false;
}

void semaphore_cancel(struct semaphore *s, struct semaphore_waiter *w) {
  if (w->queued)
    dequeue(s, w);
}

/* Serves waiters while there are permits. A callback that releases or resizes
 * comes here again: the outer call goes on for it, so that the stack does not
 * grow with the queue. */
static void grant(struct semaphore *s, uint64_t now_ns) {
  if (s->granting)
    return;
  s->granting = true;
  while (s->head && s->used < s->limit) {
    struct semaphore_waiter *w = s->head;
    dequeue(s, w);
    s->used++;
    semaphore_note_wait(s, now_ns > w->since_ns ? now_ns - w->since_ns : 0);
    w->granted(w);
  }
  s->granting = false;
}

void semaphore_release(struct semaphore *s, uint64_t now_ns) {
  if (s->used == 0) {
    fprintf(stderr,
            "semaphore %s: released without being held (used 0, limit %" PRIu32
            ", waiting %" PRIu32 ")\n",
            s->name, s->limit, s->waiting);
    abort();
  }
  s->used--;
  grant(s, now_ns);
}

void semaphore_resize(struct semaphore *s, uint32_t limit, uint64_t now_ns) {
  s->limit = limit;
  grant(s, now_ns);
}

void semaphore_note_wait(struct semaphore *s, uint64_t waited_ns) {
  if (s->waits)
    histogram_window_record(s->waits, waited_ns);
}
