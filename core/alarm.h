/* SPDX-License-Identifier: MIT
 *
 * One absolute wake-up on the loop, precise to tens of microseconds.
 *
 * uv_timer counts in milliseconds, which turns evenly spaced starts into
 * bursts. Where the system has timerfd an absolute one is polled by the loop;
 * elsewhere uv_timer serves, rounded down, and the caller asks again.
 *
 * Thread: the loop's.
 */
#ifndef SPATE_ALARM_H
#define SPATE_ALARM_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "err.h"

#define ALARM_NEVER UINT64_MAX

struct alarm {
  /* private */
  uv_timer_t timer;
  uv_poll_t poll;
  int fd; /* timerfd; -1 when uv_timer serves */
  uint64_t due_ns;
  void (*ring)(void *arg);
  void *arg;
};

int alarm_start(struct alarm *alarm, uv_loop_t *loop, void (*ring)(void *arg),
                void *arg) MUST_CHECK;

/* Rings once at due_ns (uv_hrtime clock; the past means the next iteration);
 * ALARM_NEVER disarms. Replaces what was set. */
void alarm_set(struct alarm *alarm, uint64_t due_ns);

/* Closes the loop handles; the memory must live until the loop has run on.
 * Nothing happens to one that is zeroed or closed. */
void alarm_close(struct alarm *alarm);

#endif
