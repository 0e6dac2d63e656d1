/* SPDX-License-Identifier: MIT
 *
 * The history reader against a model: whatever is asked, forwards, backwards
 * or by kind, each page holds what the run did, and together they hold all.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "history.h"
#include "session_rig.h"

#define TASKS 20000
#define OTHERS 500 /* of a second list */

static struct rig rig;
static char list[256], other_list[256];

/* How the task of a line ends, by the number in its URL. */
static enum history_kind fate(size_t i) {
  if (i % 7 == 3)
    return HISTORY_FAILED;
  if (i % 1000 == 500)
    return HISTORY_CANCELLED;
  if (i % 400 == 10)
    return HISTORY_EXPIRED;
  return HISTORY_DONE;
}

static const char *reason_of(size_t i) {
  return i % 2 == 0 ? "HTTP 404 Not Found" : "Connection reset by peer";
}

static size_t number_in(const char *url) {
  const char *at = strstr(url, "/o/");
  assert_non_null(at);
  return strtoul(at + 3, NULL, 10);
}

static int verdict(struct rig *r, const struct rig_item *item) {
  static const enum task_state states[HISTORY_KINDS] = {
      [HISTORY_DONE] = TASK_DONE,
      [HISTORY_FAILED] = TASK_FAILED,
      [HISTORY_EXPIRED] = TASK_EXPIRED,
      [HISTORY_CANCELLED] = TASK_CANCELLED};
  (void)r;
  return (int)states[fate(number_in(item->url))];
}

static void dress(struct rig *r, struct session_result *result) {
  const struct rig_item *item = rig_find(r, result->id);
  if (result->state != TASK_FAILED)
    return;
  size_t i = number_in(item->url);
  result->reason = reason_of(i);
  result->status = i % 2 == 0 ? 404 : 0;
  result->attempts = (int)(i % 5) + 1;
}

static int setup(void **state) {
  (void)state;
  rig_init(&rig);
  rig.window = 2000;
  rig.verdict = verdict;
  rig.dress = dress;
  rig_manifest(&rig, "list", 0, TASKS, "S3CR3T", list, sizeof list);
  rig_manifest(&rig, "others", 100000, OTHERS, "S3CR3T", other_list,
               sizeof other_list);
  rig_open(&rig);
  rig_add_file(&rig, list);
  rig_add_file(&rig, other_list);
  rig_run(&rig, false);
  return 0;
}

static int teardown(void **state) {
  (void)state;
  rig_fini(&rig);
  return 0;
}

static struct history *open_it(void) {
  struct history *h;
  struct errmsg msg = {""};
  if (history_open(&h, rig.dir, &msg) != 0)
    fail_msg("%s", msg.text);
  return h;
}

static uint64_t number_at(uint64_t position) {
  return position < TASKS ? position : position - TASKS + 100000;
}

static void check_row(const struct history_row *row) {
  uint64_t i = number_at(row->position);
  assert_int_equal(number_in(row->url), i);
  assert_null(strstr(row->url, "S3CR3T"));
  assert_int_equal(row->kind, fate((size_t)i));
  assert_int_equal(row->line, row->position < TASKS ? i + 1 : i - 100000 + 1);
  if (row->kind == HISTORY_FAILED) {
    assert_string_equal(row->reason, reason_of((size_t)i));
    assert_string_equal(row->class_name, i % 2 ? "connection" : "http-404");
    assert_int_equal(row->attempts, i % 5 + 1);
  }
  if (row->kind == HISTORY_DONE)
    assert_string_equal(row->reason, "");
}

/* Pages through everything that fits and compares with the model; returns the
 * number of rows. */
static size_t walk(const struct history_query *q, bool backwards, size_t max,
                   bool (*fits)(uint64_t position)) {
  struct history *h = open_it();
  struct errmsg msg = {""};
  uint64_t at = backwards ? TASKS + OTHERS : 0, want = at;
  size_t rows = 0;
  for (bool end = false; !end;) {
    struct history_page page;
    assert_int_equal(history_page(h, q, at, backwards, max, &page, &msg), 0);
    assert_true(page.count <= max);
    for (size_t i = 0; i < page.count; i++) {
      size_t k = backwards ? page.count - 1 - i : i;
      do
        want += backwards ? (uint64_t)-1 : rows + i > 0;
      while (!fits(want) && (backwards || rows + i > 0));
      while (!backwards && !fits(want))
        want++;
      assert_int_equal(page.rows[k].position, want);
      check_row(&page.rows[k]);
    }
    rows += page.count;
    at = page.next;
    end = page.end;
    assert_true(end || page.count > 0 || q->text != NULL);
    history_page_fini(&page);
  }
  history_close(h);
  return rows;
}

static size_t count_fitting(bool (*fits)(uint64_t position)) {
  size_t count = 0;
  for (uint64_t i = 0; i < TASKS + OTHERS; i++)
    count += fits(i);
  return count;
}

static bool any(uint64_t position) {
  (void)position;
  return true;
}
static bool failed(uint64_t position) {
  return fate(number_at(position)) == HISTORY_FAILED;
}
static bool rare(uint64_t position) {
  enum history_kind kind = fate(number_at(position));
  return kind == HISTORY_CANCELLED || kind == HISTORY_EXPIRED;
}
static bool done(uint64_t position) {
  return fate(number_at(position)) == HISTORY_DONE;
}
static bool lost_connection(uint64_t position) {
  return failed(position) && number_at(position) % 2 == 1;
}
static bool with_text(uint64_t position) { /* /o/000123xx */
  return number_at(position) / 100 == 123;
}

static void check_both_ways(struct history_query q,
                            bool (*fits)(uint64_t position), size_t max) {
  size_t want = count_fitting(fits);
  assert_true(want > 0);
  assert_int_equal(walk(&q, false, max, fits), want);
  assert_int_equal(walk(&q, true, max, fits), want);
}

static void test_everything(void **state) {
  (void)state;
  check_both_ways((struct history_query){0}, any, 777);
  check_both_ways((struct history_query){0}, any, 30000);
}

static void test_by_kind(void **state) {
  (void)state;
  check_both_ways((struct history_query){.kinds = HISTORY_BIT(HISTORY_FAILED)},
                  failed, 100);
  check_both_ways((struct history_query){.kinds = HISTORY_BIT(HISTORY_DONE)},
                  done, 1000);
  check_both_ways(
      (struct history_query){.kinds = HISTORY_BIT(HISTORY_EXPIRED) |
                                      HISTORY_BIT(HISTORY_CANCELLED)},
      rare, 7);
}

static void test_by_class_and_text(void **state) {
  (void)state;
  check_both_ways((struct history_query){.class_name = "connection"},
                  lost_connection, 50);
  check_both_ways((struct history_query){.text = "/O/000123"}, with_text, 30);
}

static void test_nothing_fits(void **state) {
  (void)state;
  struct history *h = open_it();
  struct history_page page;
  const struct history_query q = {.kinds = HISTORY_BIT(HISTORY_BAD)};
  assert_int_equal(history_page(h, &q, 0, false, 10, &page, NULL), 0);
  assert_int_equal(page.count, 0);
  assert_true(page.end);
  history_page_fini(&page);
  assert_int_equal(history_page(h, NULL, UINT64_MAX, false, 10, &page, NULL),
                   0);
  assert_int_equal(page.count, 0);
  assert_true(page.end);
  history_page_fini(&page);
  history_close(h);
}

static void test_counts_and_classes(void **state) {
  (void)state;
  struct history *h = open_it();
  struct history_count c;
  struct history_class *classes;
  size_t count, lost = count_fitting(lost_connection);
  assert_int_equal(history_count(h, &c, NULL), 0);
  assert_int_equal(c.tasks, TASKS + OTHERS);
  assert_true(c.complete);
  assert_int_equal(c.kind[HISTORY_FAILED], count_fitting(failed));
  assert_int_equal(c.kind[HISTORY_DONE], count_fitting(done));
  assert_int_equal(c.kind[HISTORY_PENDING], 0);
  assert_int_equal(c.kind[HISTORY_EXPIRED] + c.kind[HISTORY_CANCELLED],
                   count_fitting(rare));
  assert_int_equal(history_classes(h, &classes, &count, NULL), 0);
  assert_int_equal(count, 3);
  for (size_t i = 1; i < count; i++)
    assert_true(classes[i - 1].count >= classes[i].count);
  for (size_t i = 0; i < count; i++) {
    if (strcmp(classes[i].name, "connection") == 0)
      assert_int_equal(classes[i].count, lost);
    else if (strcmp(classes[i].name, "http-404") == 0)
      assert_int_equal(classes[i].count, count_fitting(failed) - lost);
    else
      assert_string_equal(classes[i].name, "expired");
  }
  free(classes);
  history_close(h);
}

/* A list that was changed lends no names to the session's tasks; one that is
 * gone leaves the states. */
static void test_list_changed_or_gone(void **state) {
  (void)state;
  struct history *h;
  struct history_page page;
  char path[300];
  rig_manifest(&rig, "list", 5000, TASKS, "x", path, sizeof path);
  h = open_it();
  assert_int_equal(history_page(h, NULL, 8192, false, 200, &page, NULL), 0);
  assert_int_equal(page.count, 200);
  size_t named = 0;
  for (size_t i = 0; i < page.count; i++) {
    named += page.rows[i].url[0] != '\0';
    assert_int_equal(page.rows[i].kind, fate(8192 + i));
  }
  assert_true(named < 20); /* one byte of each object is compared */
  history_page_fini(&page);
  history_close(h);
  assert_int_equal(unlink(path), 0);
  h = open_it();
  assert_int_equal(history_page(h, NULL, 0, false, 10, &page, NULL), 0);
  assert_int_equal(page.count, 10);
  assert_string_equal(page.rows[0].url, "");
  assert_int_equal(page.rows[3].kind, HISTORY_FAILED);
  history_page_fini(&page);
  history_close(h);
}

static void test_no_session(void **state) {
  (void)state;
  struct history *h;
  struct errmsg msg = {""};
  assert_int_equal(history_open(&h, "/nonexistent", &msg), ERR_NOTFOUND);
  assert_non_null(strstr(msg.text, "no session"));
}

/* While it runs: what is held is pending, with its mark. */
static size_t seen_pending, seen_started;

static int hold_some(struct rig *r, const struct rig_item *item) {
  (void)r;
  session_mark_started(rig.session, item->id, false);
  return item->line % 10 == 0 ? RIG_HOLD : TASK_DONE;
}

static void look(struct rig *r) {
  struct history_page page;
  const struct history_query q = {.kinds = HISTORY_BIT(HISTORY_PENDING)};
  if (r->committed < 900 || seen_pending > 0)
    return;
  struct history *h = open_it();
  assert_int_equal(history_page(h, &q, 0, false, 2000, &page, NULL), 0);
  for (size_t i = 0; i < page.count; i++) {
    seen_pending++;
    seen_started += page.rows[i].started;
    assert_int_equal(page.rows[i].line % 10, 0);
  }
  history_page_fini(&page);
  history_close(h);
}

static void test_while_it_runs(void **state) {
  (void)state;
  rig_fini(&rig);
  rig_init(&rig);
  rig.window = 2000;
  rig.verdict = hold_some;
  rig.marks_itself = true;
  rig.tick = look;
  rig_manifest(&rig, "list", 0, 1000, "x", list, sizeof list);
  rig_session(&rig, list);
  assert_int_equal(seen_pending, 100);
  assert_int_equal(seen_started, 100);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_everything),
      cmocka_unit_test(test_by_kind),
      cmocka_unit_test(test_by_class_and_text),
      cmocka_unit_test(test_nothing_fits),
      cmocka_unit_test(test_counts_and_classes),
      cmocka_unit_test(test_list_changed_or_gone),
      cmocka_unit_test(test_no_session),
      cmocka_unit_test(test_while_it_runs),
  };
  return cmocka_run_group_tests(tests, setup, teardown);
}
