/* SPDX-License-Identifier: MIT
 *
 * The event log: see eventlog.h.
 */
#include "config.h"

#include "eventlog.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "redact.h"
#include "text.h"

int eventlog_init(struct eventlog *log, struct pool *pool, int fd,
                  enum log_level least) {
  memset(log, 0, sizeof(*log));
  log->pool = pool;
  log->fd = fd;
  log->least = least;
  if (fd < 0)
    return 0;
  log->pending = malloc(EVENTLOG_PENDING);
  log->writing = malloc(EVENTLOG_PENDING);
  if (log->pending == NULL || log->writing == NULL)
    return ERR_NOMEM;
  return 0;
}

static int64_t unix_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void to_file(struct eventlog *log, const struct eventlog_line *line) {
  static const char letter[] = "DIWE";
  char text[EVENTLOG_TEXT + 80];
  char stamp[32] = "";
  time_t seconds = (time_t)(line->unix_ms / 1000);
  struct tm tm;
  int n;
  if (log->fd < 0)
    return;
  if (gmtime_r(&seconds, &tm) != NULL)
    strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &tm);
  n = snprintf(text, sizeof(text), "%s.%03dZ %c %llu %s\n", stamp,
               (int)(line->unix_ms % 1000), letter[line->level],
               (unsigned long long)line->task, line->text);
  if (n < 0 || log->pending_len + (size_t)n > EVENTLOG_PENDING) {
    log->lost++;
    return;
  }
  memcpy(log->pending + log->pending_len, text, (size_t)n);
  log->pending_len += (size_t)n;
}

void eventlog_add(struct eventlog *log, enum log_level level, uint64_t task,
                  const char *fmt, ...) {
  struct eventlog_line *line = &log->lines[log->count % SNAP_LOG];
  char raw[1024], shown[1024];
  va_list args;
  if (level < log->least)
    return;
  va_start(args, fmt);
  vsnprintf(raw, sizeof(raw), fmt, args);
  va_end(args);
  redact_text(raw, shown, sizeof(shown));
  text_clip(line->text, sizeof(line->text), shown, TEXT_WHOLE, -1, 0, NULL);
  line->unix_ms = unix_ms();
  line->task = task;
  line->level = level;
  log->count++;
  if (level == LOG_ERROR)
    log->errors++;
  to_file(log, line);
}

static void write_out(int fd, const char *data, size_t length) {
  while (length > 0) {
    ssize_t n = write(fd, data, length);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return; /* a log that cannot be written must not stop the run */
    data += n;
    length -= (size_t)n;
  }
}

static void on_work(struct job *job) {
  struct eventlog *log =
      (struct eventlog *)(void *)((char *)job - offsetof(struct eventlog, job));
  write_out(log->fd, log->writing, log->writing_len);
}

static void on_done(struct job *job) {
  struct eventlog *log =
      (struct eventlog *)(void *)((char *)job - offsetof(struct eventlog, job));
  log->running = false;
  log->writing_len = 0;
}

void eventlog_flush(struct eventlog *log) {
  char *swap = log->pending;
  if (log->running || log->fd < 0 || log->pending_len == 0)
    return;
  log->pending = log->writing;
  log->writing = swap;
  log->writing_len = log->pending_len;
  log->pending_len = 0;
  log->running = true;
  pool_submit(log->pool, &log->job, JOB_DISK, "log written", on_work, on_done);
}

void eventlog_fini(struct eventlog *log) {
  if (log->fd >= 0) {
    if (log->pending != NULL)
      write_out(log->fd, log->pending, log->pending_len);
    close(log->fd);
  }
  free(log->pending);
  free(log->writing);
  log->pending = log->writing = NULL;
  log->fd = -1;
}
