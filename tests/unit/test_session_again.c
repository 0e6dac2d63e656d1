/* SPDX-License-Identifier: MIT
 *
 * What a person asks during a run about tasks out of the window: that those
 * which failed be tried again, and how one of them stands.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "session_rig.h"

static struct rig rig;
static char path[256];

static int setup(void **state) {
  (void)state;
  rig_init(&rig);
  rig.window = 1000;
  return 0;
}

static int teardown(void **state) {
  (void)state;
  rig_fini(&rig);
  return 0;
}

/* More than are remembered anywhere, in four chunks; every other one fails
 * until it is asked for again, and each seventh of them always. */
#define SWEPT 30000
static struct {
  unsigned asked, told;
  struct session_standing standing[3];
  const char *words;
} sweep;

static int swept_verdict(struct rig *r, const struct rig_item *item) {
  (void)r;
  if (item->line % 2 == 0 && (sweep.asked == 0 || item->line % 14 == 0))
    return TASK_FAILED;
  return TASK_DONE;
}

static void swept_dress(struct rig *r, struct session_result *result) {
  (void)r;
  if (result->state == TASK_FAILED) {
    result->status = result->id % 4 == 0 ? 503 : 404;
    result->reason = "it is not there";
  }
}

static void note_standing(void *arg, const struct session_standing *standing) {
  (void)arg;
  assert_true(sweep.told < 3);
  sweep.standing[sweep.told++] = *standing;
}

static void retry_when_all_is_committed(struct rig *r) {
  if (sweep.asked > 0 || r->exhausted == 0 || r->committed < SWEPT)
    return;
  sweep.asked = 1;
  r->exhausted = 0;
  assert_int_equal(
      session_retry(r->session, sweep.words, note_standing, NULL, &r->msg), 0);
}

static void sweep_list(const char *words) {
  sweep.words = words;
  sweep.asked = sweep.told = 0;
  rig_manifest(&rig, "list", 0, SWEPT, "a", path, sizeof path);
  rig.verdict = swept_verdict;
  rig.dress = swept_dress;
  rig.tick = retry_when_all_is_committed;
  rig_session(&rig, path);
  assert_int_equal(sweep.told, 1);
  assert_int_equal(sweep.standing[0].code, 0);
}

static void all_that_failed_is_tried_once_more_within_the_run(void **state) {
  (void)state;
  sweep_list(NULL);
  assert_int_equal(sweep.standing[0].failed, SWEPT / 2);
  assert_int_equal(rig.delivered, SWEPT + SWEPT / 2);
  for (size_t i = SWEPT; i < rig.delivered; i++)
    assert_int_equal(rig.items[i].id, 2 * (i - SWEPT + 1));
  assert_int_equal(rig.counts.failed, SWEPT / 14);
  assert_int_equal(rig.counts.done, SWEPT - SWEPT / 14);
}

static void failed_tasks_are_chosen_by_how_they_ended(void **state) {
  (void)state;
  sweep_list("status:5xx err:NOT");
  assert_int_equal(sweep.standing[0].failed, SWEPT / 4);
  assert_int_equal(rig.delivered, SWEPT + SWEPT / 4);
  for (size_t i = SWEPT; i < rig.delivered; i++)
    assert_int_equal(rig.items[i].id, 4 * (i - SWEPT + 1));
}

static bool of_even_name(void *arg, uint64_t id, const char *url,
                         const struct failed_choice *choice) {
  (void)arg;
  (void)choice;
  assert_non_null(strstr(url, ".bin?sig=a"));
  return id % 4 == 0;
}

static void failed_tasks_are_chosen_by_their_hosts(void **state) {
  (void)state;
  rig.of_host = of_even_name;
  sweep_list("host:h.example");
  assert_true(sweep.standing[0].by_host);
  assert_int_equal(rig.delivered, SWEPT + SWEPT / 4);
  assert_int_equal(rig.items[SWEPT].id, 4);
}

static void retry_thrice(struct rig *r) {
  if (sweep.asked > 0 || r->exhausted == 0 || r->committed < SWEPT)
    return;
  sweep.asked = 1;
  r->exhausted = 0;
  for (int i = 0; i < 3; i++)
    assert_int_equal(
        session_retry(r->session, NULL, note_standing, NULL, &r->msg), 0);
  assert_int_equal(
      session_retry(r->session, "status:x", note_standing, NULL, &r->msg),
      ERR_SYNTAX);
}

/* None of those that wait is lost, and what still fails is tried once for each
 * that had begun: the third is the second, which waited. */
static void asking_again_while_it_is_tried_ends(void **state) {
  (void)state;
  sweep.asked = sweep.told = 0;
  rig_manifest(&rig, "list", 0, SWEPT, "a", path, sizeof path);
  rig.verdict = swept_verdict;
  rig.tick = retry_thrice;
  rig_session(&rig, path);
  assert_int_equal(sweep.told, 3);
  assert_int_equal(rig.counts.failed, SWEPT / 14);
  assert_in_range(rig.delivered, SWEPT + SWEPT / 2,
                  SWEPT + SWEPT / 2 + 2 * (SWEPT / 14));
}

static void ask_how_they_stand(struct rig *r) {
  struct session *s = r->session;
  if (sweep.told == 3) {
    r->exhausted = 1;
    r->tick = NULL;
  }
  if (sweep.asked > 0 || r->exhausted == 0 || r->committed < 9999)
    return;
  sweep.asked = 1;
  r->exhausted = 0; /* the run goes on until it is told */
  assert_int_equal(session_stands(s, 9000, note_standing, NULL), 0);
  assert_int_equal(session_stands(s, 5, note_standing, NULL), 0);
  assert_int_equal(session_stands(s, 77, note_standing, NULL), 0);
  assert_int_equal(session_stands(s, 10001, note_standing, NULL), ERR_NOTFOUND);
  assert_int_equal(session_stands(s, 0, note_standing, NULL), ERR_NOTFOUND);
  assert_int_equal(session_stands(s, UINT64_MAX, note_standing, NULL),
                   ERR_NOTFOUND);
}

static int one_fails_one_is_held(struct rig *r, const struct rig_item *item) {
  (void)r;
  return item->id == 9000 ? TASK_FAILED : item->id == 77 ? RIG_HOLD : TASK_DONE;
}

static void session_knows_how_a_task_stands(void **state) {
  (void)state;
  sweep.asked = sweep.told = 0;
  rig_manifest(&rig, "list", 0, 10000, "a", path, sizeof path);
  rig.verdict = one_fails_one_is_held;
  rig.tick = ask_how_they_stand;
  rig_session(&rig, path);
  assert_int_equal(sweep.told, 3);
  assert_int_equal(sweep.standing[0].task, 9000);
  assert_int_equal(sweep.standing[0].stands, SESSION_ENDED);
  assert_int_equal(sweep.standing[1].stands, SESSION_DONE);
  assert_int_equal(sweep.standing[2].stands, SESSION_OPEN);
}

/* The run ends while failed tasks are being gone through, and while a count is
 * under way: it ends, whoever asked is told, and the next run has the rest. */
static void stop_in_the_midst(struct rig *r) {
  if (sweep.told == 0) {
    retry_when_all_is_committed(r);
    return;
  }
  if (r->delivered < SWEPT + 2000)
    return;
  r->tick = NULL;
  assert_int_equal(
      session_retry(r->session, NULL, note_standing, NULL, &r->msg), 0);
}

static void a_stop_in_the_midst_leaves_the_rest_to_the_next_run(void **state) {
  (void)state;
  rig.stop_after = SWEPT + 2000;
  sweep.words = NULL;
  sweep.asked = sweep.told = 0;
  rig_manifest(&rig, "list", 0, SWEPT, "a", path, sizeof path);
  rig.verdict = swept_verdict;
  rig.tick = stop_in_the_midst;
  rig_session(&rig, path);
  assert_int_equal(sweep.told, 2);
  assert_int_equal(sweep.standing[1].code, ERR_CLOSED);
  assert_true(rig.counts.done < SWEPT - SWEPT / 14);
  rig.stop_after = 0;
  rig.tick = NULL;
  rig_session(&rig, NULL);
  assert_int_equal(rig.counts.done, SWEPT - SWEPT / 14);
  assert_int_equal(rig.counts.failed, SWEPT / 14);
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
  const struct CMUnitTest tests[] = {
      T(all_that_failed_is_tried_once_more_within_the_run),
      T(failed_tasks_are_chosen_by_how_they_ended),
      T(failed_tasks_are_chosen_by_their_hosts),
      T(asking_again_while_it_is_tried_ends),
      T(session_knows_how_a_task_stands),
      T(a_stop_in_the_midst_leaves_the_rest_to_the_next_run),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
