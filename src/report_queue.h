/* SPDX-License-Identifier: MIT
 *
 * From the engine's thread to the reporter's: what happened to tasks, in
 * order, and a descriptor that becomes readable when there is something to
 * look at.
 *
 * The engine never waits here. When nobody takes the events away, finished
 * tasks beyond REPORT_DONE_MAX are dropped and counted; failed ones are kept
 * up to REPORT_FAILED_MAX (some hundred MB), since people act on them.
 *
 * Thread: the hooks belong to the engine's thread, the rest to the reporter's.
 */
#ifndef SPATE_REPORT_QUEUE_H
#define SPATE_REPORT_QUEUE_H

#include <stdint.h>

#include "engine.h"
#include "err.h"

#define REPORT_DONE_MAX 8192u
#define REPORT_FAILED_MAX 1000000u

/* A copy of an engine event in one block of memory; free() frees it all. */
struct report_event {
  struct report_event *next;
  struct engine_event event; /* its strings stand behind it */
};

struct report_queue;

int report_queue_new(struct report_queue **out, struct errmsg *msg) MUST_CHECK;
void report_queue_free(struct report_queue *queue);

/* Hooks for engine_start(); the queue must outlive the engine. */
void report_queue_hooks(struct report_queue *queue, struct engine_hooks *hooks);

/* Readable when the engine has something new (borrowed). */
int report_queue_fd(const struct report_queue *queue);

/* Makes the descriptor quiet until the next news. Before looking. */
void report_queue_quiet(struct report_queue *queue);

/* The oldest event, now the caller's; NULL none. */
struct report_event *report_queue_take(struct report_queue *queue);

/* Events that were dropped so far. */
uint64_t report_queue_dropped(struct report_queue *queue);

#endif
