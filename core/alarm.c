/* SPDX-License-Identifier: MIT
 *
 * One absolute wake-up on the loop: see alarm.h.
 */
#include "config.h"

#include "alarm.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#ifdef HAVE_SYS_TIMERFD_H
#include <sys/timerfd.h>
#endif

static void on_timer(uv_timer_t *timer) {
  struct alarm *alarm = timer->data;
  alarm->due_ns = ALARM_NEVER;
  alarm->ring(alarm->arg);
}

#ifdef HAVE_SYS_TIMERFD_H
static void on_readable(uv_poll_t *poll, int status, int events) {
  struct alarm *alarm = poll->data;
  uint64_t expirations;
  (void)status;
  (void)events;
  /* Re-armed between the expiry and this callback: EAGAIN, nothing is due. */
  if (read(alarm->fd, &expirations, sizeof(expirations)) < 0)
    return;
  alarm->due_ns = ALARM_NEVER;
  alarm->ring(alarm->arg);
}

static int open_timerfd(struct alarm *alarm, uv_loop_t *loop) {
  int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  if (fd < 0)
    return -1;
  if (uv_poll_init(loop, &alarm->poll, fd) != 0) {
    close(fd);
    return -1;
  }
  if (uv_poll_start(&alarm->poll, UV_READABLE, on_readable) != 0) {
    uv_close((uv_handle_t *)&alarm->poll, NULL); /* it lives with the loop */
    close(fd);
    return -1;
  }
  alarm->poll.data = alarm;
  return fd;
}

static void set_timerfd(struct alarm *alarm, uint64_t due_ns) {
  struct itimerspec when;
  memset(&when, 0, sizeof(when));
  if (due_ns != ALARM_NEVER) {
    if (due_ns == 0)
      due_ns = 1; /* zero would disarm */
    when.it_value.tv_sec = (time_t)(due_ns / 1000000000u);
    when.it_value.tv_nsec = (long)(due_ns % 1000000000u);
  }
  timerfd_settime(alarm->fd, TFD_TIMER_ABSTIME, &when, NULL);
}
#endif

int alarm_start(struct alarm *alarm, uv_loop_t *loop, void (*ring)(void *arg),
                void *arg) {
  memset(alarm, 0, sizeof(*alarm));
  if (uv_timer_init(loop, &alarm->timer) != 0)
    return ERR_NOMEM;
  alarm->ring = ring;
  alarm->arg = arg;
  alarm->due_ns = ALARM_NEVER;
  alarm->fd = -1;
  alarm->timer.data = alarm;
#ifdef HAVE_SYS_TIMERFD_H
  alarm->fd = open_timerfd(alarm, loop);
#endif
  return 0;
}

void alarm_set(struct alarm *alarm, uint64_t due_ns) {
  uint64_t now;
  if (due_ns == alarm->due_ns)
    return;
  alarm->due_ns = due_ns;
#ifdef HAVE_SYS_TIMERFD_H
  if (alarm->fd >= 0) {
    set_timerfd(alarm, due_ns);
    return;
  }
#endif
  if (due_ns == ALARM_NEVER) {
    uv_timer_stop(&alarm->timer);
    return;
  }
  now = uv_hrtime();
  uv_update_time(alarm->timer.loop);
  uv_timer_start(&alarm->timer, on_timer,
                 due_ns > now ? (due_ns - now) / 1000000u : 0, 0);
}

#ifdef HAVE_SYS_TIMERFD_H
static void on_poll_closed(uv_handle_t *handle) {
  struct alarm *alarm = handle->data;
  close(alarm->fd);
  alarm->fd = -1;
}
#endif

void alarm_close(struct alarm *alarm) {
  if (alarm->ring == NULL)
    return;
  alarm->ring = NULL;
#ifdef HAVE_SYS_TIMERFD_H
  if (alarm->fd >= 0) {
    uv_poll_stop(&alarm->poll);
    uv_close((uv_handle_t *)&alarm->poll, on_poll_closed);
  }
#endif
  uv_close((uv_handle_t *)&alarm->timer, NULL);
}
