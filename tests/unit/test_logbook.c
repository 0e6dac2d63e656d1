/* SPDX-License-Identifier: MIT
 *
 * Lines of the log are gathered once each, and a gap is said to be one; the
 * seconds of a curve are where they belong, and a second without a snapshot is
 * a gap.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "logbook.h"
#include "trace.h"

static struct snap_log lines[SNAP_LOG];

static void fill(struct snapshot *snap, uint64_t first, size_t count) {
  static char texts[SNAP_LOG][32];
  for (size_t i = 0; i < count; i++) {
    snprintf(texts[i], sizeof texts[i], "line %d", (int)(first + i));
    lines[i] =
        (struct snap_log){.level = (first + i) % 10 == 0 ? LOG_ERROR : LOG_INFO,
                          .text = texts[i]};
  }
  snap->log = lines;
  snap->log_count = count;
  snap->log_lines = first + count;
}

static void test_each_line_once(void **state) {
  struct logbook book;
  struct snapshot snap = {0};
  (void)state;
  logbook_init(&book);
  fill(&snap, 0, 5);
  logbook_take(&book, &snap);
  logbook_take(&book, &snap);
  assert_int_equal(logbook_count(&book), 5);
  fill(&snap, 2, 6); /* 2..7: three of them are new */
  logbook_take(&book, &snap);
  assert_int_equal(logbook_count(&book), 8);
  assert_string_equal(logbook_at(&book, 7)->text, "line 7");
  assert_null(logbook_at(&book, 8));
  logbook_fini(&book);
}

static void test_a_gap_is_told(void **state) {
  struct logbook book;
  struct snapshot snap = {0};
  (void)state;
  logbook_init(&book);
  fill(&snap, 0, 2);
  logbook_take(&book, &snap);
  fill(&snap, 100, 3);
  logbook_take(&book, &snap);
  assert_int_equal(logbook_count(&book), 6);
  assert_non_null(strstr(logbook_at(&book, 2)->text, "98 lines"));
  logbook_fini(&book);
}

static void test_level_and_words(void **state) {
  struct logbook book;
  struct snapshot snap = {0};
  (void)state;
  logbook_init(&book);
  fill(&snap, 0, 30);
  logbook_take(&book, &snap);
  book.level = LOG_ERROR;
  assert_int_equal(logbook_count(&book), 3);
  book.level = LOG_DEBUG;
  snprintf(book.filter, sizeof book.filter, "LINE 2");
  assert_int_equal(logbook_count(&book), 11);
  assert_string_equal(logbook_at(&book, 1)->text, "line 20");
  logbook_fini(&book);
}

static void test_the_oldest_go(void **state) {
  struct logbook book;
  struct snapshot snap = {0};
  (void)state;
  logbook_init(&book);
  for (uint64_t i = 0; i < 2 * LOGBOOK_LINES; i += 50) {
    fill(&snap, i, 50);
    logbook_take(&book, &snap);
  }
  assert_int_equal(logbook_count(&book), LOGBOOK_LINES);
  logbook_fini(&book);
}

static void test_seconds_and_gaps(void **state) {
  static struct trace trace;
  struct snap_host host = {.name = "a"};
  struct snapshot snap = {.hosts = &host, .host_count = 1};
  float out[10];
  (void)state;
  trace_init(&trace);
  for (int id = 0; id < SNAP_SEM_COUNT; id++)
    snap.sem[id].limit = 10;
  for (int t = 0; t < 5; t++) {
    snap.t_s = t + 0.3;
    snap.sem[SNAP_NET].used = (uint32_t)t;
    host.bytes += 100;
    trace_take(&trace, &snap);
    trace_take(&trace, &snap); /* twice in a second is once */
  }
  snap.t_s = 8.1; /* three seconds are missing */
  host.bytes += 400;
  trace_take(&trace, &snap);
  trace_sem(&trace, SNAP_NET, out, 10);
  assert_true(out[9] > 0.39f && out[9] < 0.41f);
  assert_true(out[8] < 0 && out[7] < 0 && out[6] < 0);
  assert_true(out[5] > 0.39f && out[4] > 0.29f && out[4] < 0.31f);
  assert_true(out[0] < 0);
  trace_host(&trace, "a", out, 10);
  assert_true(out[9] > 99 && out[9] < 101);
  assert_true(out[8] < 0);
  assert_true(out[5] > 99 && out[5] < 101);
  trace_host(&trace, "unknown", out, 10);
  assert_true(out[9] < 0);
}

static void test_more_hosts_than_curves(void **state) {
  enum { MANY = 500 };
  static struct trace trace;
  static struct snap_host hosts[MANY];
  static char names[MANY][16];
  struct snapshot snap = {.hosts = hosts, .host_count = MANY};
  float out[2];
  (void)state;
  trace_init(&trace);
  for (int i = 0; i < MANY; i++) {
    snprintf(names[i], sizeof names[i], "h%d", i);
    hosts[i].name = names[i];
  }
  trace_take(&trace, &snap);
  trace_host(&trace, "h1", out, 2);
  assert_true(out[1] >= 0);
  trace_host(&trace, "h499", out, 2);
  assert_true(out[1] < 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_each_line_once),
      cmocka_unit_test(test_a_gap_is_told),
      cmocka_unit_test(test_level_and_words),
      cmocka_unit_test(test_the_oldest_go),
      cmocka_unit_test(test_seconds_and_gaps),
      cmocka_unit_test(test_more_hosts_than_curves),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
