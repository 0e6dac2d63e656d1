/* SPDX-License-Identifier: MIT
 *
 * The JSON reporter, read back with a parser, and the queue between the engine
 * and a reporter that has stopped reading.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "report.h"

struct fixture {
  struct report report;
  struct snapshot snap;
  int fds[2];
};

static int setup(void **state) {
  struct fixture *f = calloc(1, sizeof *f);
  *state = f;
  if (f == NULL || pipe(f->fds) != 0)
    return -1;
  fcntl(f->fds[0], F_SETFL, O_NONBLOCK);
  f->report.ops = &report_json;
  f->report.session_dir = "/srv/out";
  f->report.tasks = -1;
  outbuf_init(&f->report.out, f->fds[1]);
  f->snap.hold = "";
  f->snap.total.tasks = 10;
  f->snap.eta_s = -1;
  return 0;
}

static int teardown(void **state) {
  struct fixture *f = *state;
  outbuf_fini(&f->report.out);
  close(f->fds[0]);
  if (f->fds[1] >= 0)
    close(f->fds[1]);
  free(f);
  return 0;
}

/* The only line that was printed, as an object. */
static json_t *printed(struct fixture *f) {
  char line[65536];
  outbuf_flush(&f->report.out);
  ssize_t len = read(f->fds[0], line, sizeof line - 1);
  assert_true(len > 0);
  assert_int_equal(line[len - 1], '\n');
  line[len] = '\0';
  assert_ptr_equal(strchr(line, '\n'), line + len - 1);
  for (ssize_t i = 0; i < len; i++)
    assert_true((unsigned char)line[i] < 0x7f);
  json_error_t error;
  json_t *object = json_loads(line, 0, &error);
  if (object == NULL)
    fail_msg("%s in: %s", error.text, line);
  return object;
}

static const char *text_of(const json_t *object, const char *name) {
  const char *text = json_string_value(json_object_get(object, name));
  return text != NULL ? text : "(none)";
}

#define assert_whole(object, name, value) \
  assert_int_equal(json_integer_value(json_object_get(object, name)), value)

static void test_start(void **state) {
  struct fixture *f = *state;
  report_json.begin(&f->report);
  json_t *o = printed(f);
  assert_string_equal(text_of(o, "event"), "start");
  assert_string_equal(text_of(o, "session"), "/srv/out");
  assert_true(json_is_null(json_object_get(o, "tasks")));
  json_decref(o);
}

static void test_progress_has_every_member(void **state) {
  static const char *const names[] = {
      "t",     "pending", "active", "done",           "failed",
      "bytes", "net",     "disk",   "requests_per_s", "eta_s",
      "cpu",   "rate",    "loop",   "bytes_per_s"};
  struct fixture *f = *state;
  f->snap.t_s = 1.23456;
  f->snap.sem[SNAP_NET] =
      (struct snap_sem){.used = 3, .limit = 16, .waiting = 7};
  report_json.progress(&f->report, &f->snap);
  json_t *o = printed(f);
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
    if (json_object_get(o, names[i]) == NULL)
      fail_msg("no member '%s'", names[i]);
  assert_true(json_is_null(json_object_get(o, "eta_s")));
  assert_true(fabs(json_real_value(json_object_get(o, "t")) - 1.235) < 1e-9);
  json_t *net = json_object_get(o, "net");
  assert_whole(net, "used", 3);
  assert_whole(net, "limit", 16);
  assert_whole(net, "waiting", 7);
  json_decref(o);
}

static void test_deadline_is_null_or_an_object(void **state) {
  struct fixture *f = *state;
  report_json.progress(&f->report, &f->snap);
  json_t *o = printed(f);
  assert_true(json_is_null(json_object_get(o, "deadline")));
  json_decref(o);
  f->snap.has_deadline = true;
  f->snap.deadline_in_s = -5;
  f->snap.needed_per_s = 2.5;
  f->snap.will_miss = 7;
  f->snap.total.throttled = 3;
  f->snap.total.retries = 4;
  report_json.progress(&f->report, &f->snap);
  o = printed(f);
  json_t *deadline = json_object_get(o, "deadline");
  assert_whole(deadline, "in_s", -5);
  assert_whole(deadline, "will_miss", 7);
  assert_true(json_real_value(json_object_get(deadline, "needed_per_s")) ==
              2.5);
  assert_whole(o, "throttled", 3);
  assert_whole(o, "retries", 4);
  json_decref(o);
}

static void test_figures_that_are_none_are_null(void **state) {
  struct fixture *f = *state;
  f->snap.bytes_per_s = NAN;
  f->snap.requests_per_s = INFINITY;
  f->snap.total.bytes = UINT64_MAX;
  report_json.progress(&f->report, &f->snap);
  json_t *o = printed(f);
  assert_true(json_is_null(json_object_get(o, "bytes_per_s")));
  assert_true(json_is_null(json_object_get(o, "requests_per_s")));
  assert_true(json_integer_value(json_object_get(o, "bytes")) == INT64_MAX);
  json_decref(o);
}

static struct engine_event failure(void) {
  return (struct engine_event){.state = TASK_FAILED,
                               .task = (UINT64_C(2) << 40) | 7,
                               .url = "https://h/p",
                               .path = "",
                               .reason = "404",
                               .digest = "",
                               .status = 404,
                               .attempts = 1};
}

static void test_failed_is_always_told(void **state) {
  struct fixture *f = *state;
  struct engine_event event = failure();
  report_json.event(&f->report, &event);
  json_t *o = printed(f);
  assert_string_equal(text_of(o, "event"), "failed");
  assert_string_equal(text_of(o, "reason"), "404");
  assert_whole(o, "status", 404);
  assert_whole(o, "attempts", 1);
  assert_whole(o, "task", (json_int_t)event.task);
  json_decref(o);
}

static void test_done_is_told_with_v_alone(void **state) {
  struct fixture *f = *state;
  struct engine_event event = failure();
  event.state = TASK_DONE;
  event.path = "a/b";
  event.bytes = 2048;
  report_json.event(&f->report, &event);
  assert_false(outbuf_pending(&f->report.out));
  f->report.verbose = true;
  report_json.event(&f->report, &event);
  json_t *o = printed(f);
  assert_string_equal(text_of(o, "event"), "done");
  assert_string_equal(text_of(o, "path"), "a/b");
  assert_whole(o, "bytes", 2048);
  assert_true(json_is_null(json_object_get(o, "digest")));
  json_decref(o);
}

static void test_odd_names_arrive_exactly_and_harmless(void **state) {
  struct fixture *f = *state;
  struct engine_event event = failure();
  event.reason = "\033[2J\"\\ \u00e9 \u202e\xc2\x9b";
  report_json.event(&f->report, &event);
  json_t *o = printed(f); /* which checks that all is printable ASCII */
  assert_string_equal(text_of(o, "reason"), event.reason);
  json_decref(o);
}

static void test_bytes_that_are_no_utf8_are_replaced(void **state) {
  struct fixture *f = *state;
  struct engine_event event = failure();
  event.url = "http://h/\xff\xfe";
  report_json.event(&f->report, &event);
  json_t *o = printed(f);
  assert_string_equal(text_of(o, "url"), "http://h/\ufffd\ufffd");
  json_decref(o);
}

static void test_summary(void **state) {
  struct fixture *f = *state;
  f->snap.total.done = 9;
  f->snap.total.failed = 1;
  f->snap.total.requests = 12;
  f->report.dropped = 5;
  report_json.end(&f->report, &f->snap, 1);
  json_t *o = printed(f);
  assert_string_equal(text_of(o, "event"), "summary");
  assert_whole(o, "done", 9);
  assert_whole(o, "failed", 1);
  assert_whole(o, "requests", 12);
  assert_whole(o, "events_dropped", 5);
  assert_whole(o, "exit", 1);
  json_decref(o);
}

/* ---- slow and vanished readers ---------------------------------------------
 */

static void test_stuck_reader_blocks_nobody(void **state) {
  struct fixture *f = *state;
  struct engine_event event = failure();
  f->report.verbose = true;
  /* More than a pipe holds; flush must return each time. */
  for (int i = 0; i < 20000; i++) {
    report_json.event(&f->report, &event);
    outbuf_flush(&f->report.out);
  }
  assert_true(outbuf_full(&f->report.out));
  /* What was taken arrives whole and in order once somebody reads. */
  static char sink[1 << 16];
  size_t lines = 0;
  ssize_t got;
  while ((got = read(f->fds[0], sink, sizeof sink)) > 0) {
    for (ssize_t i = 0; i < got; i++)
      lines += sink[i] == '\n';
    outbuf_flush(&f->report.out);
  }
  assert_int_equal(errno, EAGAIN);
  assert_int_equal(lines + f->report.dropped, 20000);
}

static void test_vanished_reader_is_forgotten(void **state) {
  struct fixture *f = *state;
  struct engine_event event = failure();
  close(f->fds[0]);
  f->fds[0] = open("/dev/null", O_RDONLY);
  report_json.event(&f->report, &event);
  outbuf_flush(&f->report.out);
  assert_false(outbuf_pending(&f->report.out));
  report_json.event(&f->report, &event);
  assert_false(outbuf_pending(&f->report.out));
}

static void test_queue_keeps_failures_and_counts_what_it_drops(void **state) {
  (void)state;
  struct report_queue *queue;
  struct engine_hooks hooks;
  struct errmsg msg;
  assert_int_equal(report_queue_new(&queue, &msg), 0);
  report_queue_hooks(queue, &hooks);
  struct engine_event done = failure(), failed = failure();
  done.state = TASK_DONE;
  for (unsigned i = 0; i < REPORT_DONE_MAX + 100; i++)
    hooks.event(hooks.arg, &done);
  for (unsigned i = 0; i < 50; i++)
    hooks.event(hooks.arg, &failed);
  assert_int_equal(report_queue_dropped(queue), 100);
  struct pollfd p = {.fd = report_queue_fd(queue), .events = POLLIN};
  assert_int_equal(poll(&p, 1, 0), 1);
  report_queue_quiet(queue);
  assert_int_equal(poll(&p, 1, 0), 0);
  unsigned taken[TASK_STATE_COUNT] = {0};
  struct report_event *event;
  while ((event = report_queue_take(queue)) != NULL) {
    taken[event->event.state]++;
    assert_string_equal(event->event.url, "https://h/p");
    free(event);
  }
  assert_int_equal(taken[TASK_DONE], REPORT_DONE_MAX);
  assert_int_equal(taken[TASK_FAILED], 50);
  hooks.event(hooks.arg, &done); /* freed with the queue */
  report_queue_free(queue);
}

static void test_wake_never_blocks(void **state) {
  (void)state;
  struct report_queue *queue;
  struct engine_hooks hooks;
  struct errmsg msg;
  assert_int_equal(report_queue_new(&queue, &msg), 0);
  report_queue_hooks(queue, &hooks);
  for (int i = 0; i < 100000; i++)
    hooks.wake(hooks.arg);
  report_queue_quiet(queue);
  report_queue_free(queue);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      CASE(test_start),
      CASE(test_progress_has_every_member),
      CASE(test_deadline_is_null_or_an_object),
      CASE(test_figures_that_are_none_are_null),
      CASE(test_failed_is_always_told),
      CASE(test_done_is_told_with_v_alone),
      CASE(test_odd_names_arrive_exactly_and_harmless),
      CASE(test_bytes_that_are_no_utf8_are_replaced),
      CASE(test_summary),
      CASE(test_stuck_reader_blocks_nobody),
      CASE(test_vanished_reader_is_forgotten),
      cmocka_unit_test(test_queue_keeps_failures_and_counts_what_it_drops),
      cmocka_unit_test(test_wake_never_blocks),
  };
  /* A pipe without a reader must be an error, as in the program. */
  if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
    return 1;
  return cmocka_run_group_tests(tests, NULL, NULL);
}
