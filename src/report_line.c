/* SPDX-License-Identifier: MIT
 *
 * Progress for people without the screen: on a terminal one line that is
 * rewritten, clipped to its width so that it never wraps; elsewhere a line
 * every few seconds. Failures go to standard error as they come, also where
 * that is all that is wanted (report_none).
 */
#include "config.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "report.h"
#include "text.h"

#define LINE_MAX_BYTES 1024
#define CLEAR "\r\033[K"

static int terminal_columns(int fd) {
  struct winsize size;
  if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 1)
    return size.ws_col;
  return 80;
}

/* ---- the text of a line ----------------------------------------------------
 */

struct line {
  char text[LINE_MAX_BYTES];
  size_t len;
};

static void add(struct line *line, const char *fmt, ...) PRINTF_LIKE(2, 3);

static void add(struct line *line, const char *fmt, ...) {
  va_list args;
  va_start(args, fmt);
  int n = vsnprintf(line->text + line->len, sizeof line->text - line->len, fmt,
                    args);
  va_end(args);
  if (n > 0)
    line->len += (size_t)n;
  if (line->len >= sizeof line->text)
    line->len = sizeof line->text - 1;
}

/* The one task of a small run, by name. */
static const struct snap_task *only_task(const struct snapshot *snap) {
  if (snap->total.tasks != 1)
    return NULL;
  for (size_t i = 0; i < snap->task_count; i++)
    if (snap->tasks[i].state != TASK_DONE)
      return &snap->tasks[i];
  return NULL;
}

static void add_task(struct line *line, const struct snap_task *task) {
  char name[256], got[TEXT_NUMBER_CAP], size[TEXT_NUMBER_CAP];
  text_clip(name, sizeof name, task->name, TEXT_WHOLE, 32, TEXT_MIDDLE, NULL);
  add(line, "%s  %s", name, text_bytes(got, sizeof got, task->got));
  if (task->size > 0)
    add(line, " of %s  %d%%", text_bytes(size, sizeof size, task->size),
        (int)(100.0 * (double)task->got / (double)task->size));
}

static void add_counts(struct line *line, const struct snap_totals *total) {
  add(line, "%" PRIu64, total->done);
  if (total->tasks >= 0)
    add(line, "/%" PRId64, total->tasks);
  else if (total->tasks_guess >= 0)
    add(line, "/~%" PRId64, total->tasks_guess);
  add(line, " done");
  if (total->failed > 0)
    add(line, ", %" PRIu64 " failed", total->failed);
  if (total->expired > 0)
    add(line, ", %" PRIu64 " expired", total->expired);
  add(line, ", %" PRIu64 " active", total->active);
  if (total->waiting > 0)
    add(line, ", %" PRIu64 " waiting", total->waiting);
}

static void format_progress(struct line *line, const struct snapshot *snap) {
  char rate[TEXT_NUMBER_CAP], bytes[TEXT_NUMBER_CAP], eta[TEXT_NUMBER_CAP];
  const struct snap_task *task = only_task(snap);
  if (task != NULL)
    add_task(line, task);
  else
    add_counts(line, &snap->total);
  add(line, "  %s", text_rate(rate, sizeof rate, snap->bytes_per_s));
  if (task == NULL)
    add(line, "  %.0f req/s  %s", snap->requests_per_s,
        text_bytes(bytes, sizeof bytes, (int64_t)snap->total.bytes));
  if (snap->eta_s >= 0)
    add(line, "  ETA %s", text_duration(eta, sizeof eta, snap->eta_s));
  if (snap->has_deadline && snap->will_miss > 0)
    add(line, "  %" PRId64 " will miss the deadline", snap->will_miss);
  if (snap->stopping)
    add(line, "  stopping");
  else if (snap->paused)
    add(line, "  paused");
  if (*snap->hold != '\0')
    add(line, "  waits: %s", snap->hold);
}

/* ---- printing --------------------------------------------------------------
 */

static void put_text(struct outbuf *out, const char *text) {
  outbuf_put(out, text, strlen(text));
}

static void put_clipped(struct outbuf *out, const char *text, int cells) {
  char safe[LINE_MAX_BYTES * 3];
  text_clip(safe, sizeof safe, text, TEXT_WHOLE, cells, 0, NULL);
  put_text(out, safe);
}

static void clear_line(struct report *report) {
  if (report->line_up)
    put_text(&report->out, CLEAR);
  report->line_up = false;
}

static void progress(struct report *report, const struct snapshot *snap) {
  struct line line = {.len = 0};
  /* A reader that is behind gets the next one; the first picture is empty. */
  if (outbuf_pending(&report->out) || snap->t_s < report->interval_s / 2)
    return;
  format_progress(&line, snap);
  if (report->tty) {
    put_text(&report->out, "\r");
    put_clipped(&report->out, line.text, terminal_columns(report->out.fd) - 1);
    put_text(&report->out, "\033[K");
    report->line_up = true;
  } else {
    put_clipped(&report->out, line.text, -1);
    put_text(&report->out, "\n");
  }
}

static void on_failed(struct report *report, const struct engine_event *event) {
  struct line line = {.len = 0};
  add(&line, "%s: %s: %s", task_state_name(event->state), event->url,
      event->reason);
  if (event->attempts > 1)
    add(&line, " (%d attempts)", event->attempts);
  clear_line(report);
  outbuf_flush(&report->out);
  put_text(&report->err, "spate: ");
  put_clipped(&report->err, line.text, -1);
  put_text(&report->err, "\n");
}

static void on_warning(struct report *report,
                       const struct engine_event *event) {
  struct line line = {.len = 0};
  add(&line, "warning: %s: %s", event->url, event->reason);
  clear_line(report);
  outbuf_flush(&report->out);
  put_text(&report->err, "spate: ");
  put_clipped(&report->err, line.text, -1);
  put_text(&report->err, "\n");
}

static void on_done(struct report *report, const struct engine_event *event) {
  char size[TEXT_NUMBER_CAP];
  struct line line = {.len = 0};
  add(&line, "done: %s  %s", event->path,
      text_bytes(size, sizeof size, event->bytes));
  clear_line(report);
  put_clipped(&report->out, line.text, -1);
  put_text(&report->out, "\n");
}

static void event(struct report *report, const struct engine_event *what) {
  if (what->warning)
    on_warning(report, what);
  else if (what->state == TASK_FAILED || what->state == TASK_EXPIRED)
    on_failed(report, what);
  else if (what->state == TASK_DONE && report->verbose)
    on_done(report, what);
}

static void add_end_counts(struct line *line, const struct snap_totals *total) {
  add(line, "%" PRIu64 " done", total->done);
  if (total->done_before > 0)
    add(line, " (%" PRIu64 " before)", total->done_before);
  add(line, ", %" PRIu64 " failed", total->failed);
  if (total->expired > 0)
    add(line, ", %" PRIu64 " expired", total->expired);
  if (total->cancelled > 0)
    add(line, ", %" PRIu64 " cancelled", total->cancelled);
  if (total->pending > 0)
    add(line, ", %" PRIu64 " left", total->pending);
  if (total->bad_lines > 0)
    add(line, ", %" PRIu64 " bad lines", total->bad_lines);
}

static void add_shards(struct line *line, const struct snap_shards *shards) {
  char in[TEXT_NUMBER_CAP], out[TEXT_NUMBER_CAP];
  if (!shards->on)
    return;
  add(line, "; %" PRIu64 " records, %s, as %s in shards (%" PRIu64 ",",
      shards->records_run, text_bytes(in, sizeof in, (int64_t)shards->bytes_in),
      text_bytes(out, sizeof out, (int64_t)shards->bytes_out), shards->shards);
  add(line, " %" PRIu64 " open)", shards->open);
}

static void end(struct report *report, const struct snapshot *snap,
                int status) {
  char bytes[TEXT_NUMBER_CAP], time[TEXT_NUMBER_CAP], rate[TEXT_NUMBER_CAP];
  struct line line = {.len = 0};
  double bytes_per_s =
      snap->t_s > 0 ? (double)snap->total.bytes / snap->t_s : 0;
  add_end_counts(&line, &snap->total);
  add(&line, "; %s in %s (%s), %" PRIu64 " requests",
      text_bytes(bytes, sizeof bytes, (int64_t)snap->total.bytes),
      text_duration(time, sizeof time, (int64_t)snap->t_s),
      text_rate(rate, sizeof rate, bytes_per_s), snap->total.requests);
  if (snap->total.retries > 0)
    add(&line, ", %" PRIu64 " retries", snap->total.retries);
  add_shards(&line, &snap->shards);
  clear_line(report);
  put_clipped(&report->out, line.text, -1);
  put_text(&report->out, "\n");
  if (report->dropped > 0) {
    struct line lost = {.len = 0};
    add(&lost, "%" PRIu64 " lines were not printed: nobody read them\n",
        report->dropped);
    put_text(&report->out, lost.text);
  }
  if (status != 4)
    return;
  line.len = 0;
  add(&line, "spate: stopped with work left; go on with: spate resume %s",
      report->session_dir);
  put_clipped(&report->err, line.text, -1);
  put_text(&report->err, "\n");
}

void report_cause(struct report *report, const struct snapshot *snap) {
  struct line line = {.len = 0};
  add(&line, "spate: %s; go on with: spate resume %s",
      *snap->hold != '\0' ? snap->hold
                          : "not all could be kept: no memory, or a disk fails",
      report->session_dir);
  put_clipped(&report->err, line.text, -1);
  put_text(&report->err, "\n");
}

const struct report_ops report_line = {
    .progress = progress, .event = event, .end = end};

static void failures_alone(struct report *report,
                           const struct engine_event *what) {
  if (what->warning)
    on_warning(report, what);
  else if (what->state == TASK_FAILED || what->state == TASK_EXPIRED)
    on_failed(report, what);
}

const struct report_ops report_none = {.event = failures_alone};

const struct report_ops report_quiet = {.event = NULL};
