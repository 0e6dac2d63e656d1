/* SPDX-License-Identifier: MIT
 *
 * The loop of the front ends without a screen: waits for the engine, for
 * signals and for a slow output at once. Nothing here makes the engine wait: a
 * reader that has stopped reading fills the output, then the queue, which
 * drops and counts.
 */
#include "config.h"

#include "report.h"

#include <poll.h>
#include <stdlib.h>

#include "interrupt.h"

#define EVENTS_AT_ONCE 256
#define LAST_WORDS_MS 2000

static void flush_all(struct report *report) {
  outbuf_flush(&report->out);
  outbuf_flush(&report->err);
}

/* Whether the limit was reached, so that there may be more. */
static bool report_events(struct report *report, struct report_queue *queue,
                          unsigned limit) {
  struct report_event *event;
  for (unsigned i = 0; i < limit; i++) {
    if (outbuf_full(&report->out) || outbuf_full(&report->err))
      return false;
    event = report_queue_take(queue);
    if (event == NULL)
      return false;
    if (report->ops->event != NULL)
      report->ops->event(report, &event->event);
    free(event);
  }
  return true;
}

/* Waits for news, a signal, or an output that takes more, and attends to all
 * but the news. False when nothing came in time. */
static bool attend(struct report *report, struct engine *engine,
                   struct report_queue *queue, int timeout_ms) {
  struct pollfd p[4] = {
      {.fd = report_queue_fd(queue), .events = POLLIN},
      {.fd = interrupt_fd(), .events = POLLIN},
      {.fd = outbuf_pending(&report->out) ? report->out.fd : -1,
       .events = POLLOUT},
      {.fd = outbuf_pending(&report->err) ? report->err.fd : -1,
       .events = POLLOUT},
  };
  int ready = poll(p, 4, timeout_ms);
  interrupt_deliver(engine);
  report_queue_quiet(queue);
  flush_all(report);
  return ready != 0;
}

/* The newest snapshot if it was not seen yet; whether it is the last one. */
static bool look(struct report *report, struct engine *engine, uint64_t *seen) {
  const struct snapshot *snap = engine_snapshot(engine);
  if (snap == NULL)
    return false;
  bool finished = snap->finished;
  if (snap->seq != *seen && !finished && report->ops->progress != NULL)
    report->ops->progress(report, snap);
  *seen = snap->seq;
  snapshot_unref(snap);
  return finished;
}

/* The run is over and only the output is waited for; whoever has asked for the
 * end does not wait long. */
static bool attend_output(struct report *report, struct engine *engine,
                          struct report_queue *queue) {
  return attend(report, engine, queue,
                interrupt_stop_asked() ? LAST_WORDS_MS : -1);
}

static void end(struct report *report, struct engine *engine,
                struct report_queue *queue, int status) {
  while (report_events(report, queue, EVENTS_AT_ONCE) ||
         outbuf_full(&report->out) || outbuf_full(&report->err)) {
    flush_all(report);
    if ((outbuf_full(&report->out) || outbuf_full(&report->err)) &&
        !attend_output(report, engine, queue))
      return;
  }
  report->dropped += report_queue_dropped(queue);
  const struct snapshot *snap = engine_snapshot(engine);
  if (snap != NULL && report->ops->end != NULL)
    report->ops->end(report, snap, status);
  if (snap != NULL && status == STATUS_SYSTEM)
    report_cause(report, snap);
  snapshot_unref(snap);
  flush_all(report);
  while (outbuf_pending(&report->out) || outbuf_pending(&report->err))
    if (!attend_output(report, engine, queue))
      return;
}

int report_run(struct report *report, struct engine *engine,
               struct report_queue *queue) {
  uint64_t seen = 0;
  bool more = false;
  engine_snapshot_every(engine, (unsigned)(report->interval_s * 1000));
  if (report->ops->begin != NULL)
    report->ops->begin(report);
  flush_all(report);
  /* The screen before us may have taken the news of the last snapshot. */
  bool finished = look(report, engine, &seen);
  while (!finished) {
    attend(report, engine, queue, more ? 0 : -1);
    more = report_events(report, queue, EVENTS_AT_ONCE);
    finished = look(report, engine, &seen);
  }
  int status = engine_join(engine);
  end(report, engine, queue, status);
  return status;
}
