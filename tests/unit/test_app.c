/* SPDX-License-Identifier: MIT
 *
 * What keys and typed commands do: the commands they send, the questions they
 * ask, and where the selection stands when the list moves.
 */
#include "config.h"

#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "ui_rig.h"

static uint64_t selected(void) {
  return app__selected(&app)->id;
}

/* ---- commands ------------------------------------------------------------ */

static void test_p_pauses_the_selected_task(void **state) {
  (void)state;
  type("jp");
  assert_int_equal(sent_count, 1);
  assert_int_equal(sent[0].kind, CMD_PAUSE_TASK);
  assert_int_equal(sent[0].task, 2);
  assert_string_equal(sent[0].origin, "ui");
  assert_true(sent[0].seq > 0);
}

static void test_p_resumes_a_paused_task(void **state) {
  (void)state;
  type("/foxtrot\np");
  assert_int_equal(sent_count, 1);
  assert_int_equal(sent[0].kind, CMD_RESUME_TASK);
  assert_int_equal(sent[0].task, 6);
}

static void test_p_twice_is_about_the_same_task(void **state) {
  (void)state;
  type("p");
  now_ms += 5000;
  tasks[0].state = TASK_PAUSED;
  next_snapshot();
  type("p");
  assert_int_equal(sent_count, 2);
  assert_int_equal(sent[1].kind, CMD_RESUME_TASK);
  assert_int_equal(sent[1].task, sent[0].task);
}

static void test_p_acts_on_the_tagged_tasks(void **state) {
  (void)state;
  type("j  p");
  assert_int_equal(sent_count, 2);
  assert_int_equal(sent[0].task, 2);
  assert_int_equal(sent[1].task, 3);
  assert_shows("2 tasks");
}

static void test_capital_p_pauses_and_resumes_everything(void **state) {
  (void)state;
  type("P");
  snap.paused = true;
  next_snapshot();
  type("P");
  assert_int_equal(sent[0].kind, CMD_PAUSE_ALL);
  assert_int_equal(sent[1].kind, CMD_RESUME_ALL);
}

static void test_drop_asks_and_remembers_what_it_asked_about(void **state) {
  (void)state;
  type("jd");
  assert_int_equal(sent_count, 0);
  assert_shows("drop bravo from the list?");
  /* Another order, another selection: the question was about bravo. */
  tasks[1].state = TASK_WAITING;
  app.rows.moved = false;
  now_ms += 5000;
  next_snapshot();
  type("y");
  assert_int_equal(sent_count, 1);
  assert_int_equal(sent[0].kind, CMD_CANCEL_TASK);
  assert_int_equal(sent[0].task, 2);
}

/* The keys that answer stand at the end, whatever the name. */
static void test_questions_about_long_names_show_their_keys(void **state) {
  (void)state;
  tasks[0].name =
      "a-name-that-is-longer-than-any-that-one-would-give-to-a-file";
  type("d");
  assert_shows("(y, Esc)");
  type("n:restart\n");
  assert_shows("(y, Esc)");
  type("nD");
  assert_shows("type yes:");
  assert_int_equal(sent_count, 0);
}

static void test_drop_is_cancelled_by_esc(void **state) {
  (void)state;
  type("d\x1b");
  type("dn");
  assert_int_equal(sent_count, 0);
}

static void test_q_asks_while_transfers_run(void **state) {
  (void)state;
  type("q");
  assert_int_equal(sent_count, 0);
  assert_shows("stop 4 running transfers?");
  type("\x1b");
  assert_int_equal(sent_count, 0);
  assert_false(app.leave);
  type("qq");
  assert_int_equal(sent_count, 1);
  assert_int_equal(sent[0].kind, CMD_STOP);
  assert_false(app.leave);
  assert_shows("stopping");
  type("q");
  assert_true(app.leave);
}

static void test_q_does_not_ask_when_nothing_runs(void **state) {
  (void)state;
  snap.total.active = 0;
  type("q");
  assert_int_equal(sent_count, 1);
  assert_int_equal(sent[0].kind, CMD_STOP);
}

static void test_q_leaves_a_screen_and_not_the_program(void **state) {
  (void)state;
  type("3q");
  assert_int_equal(app.screen, SCREEN_TASKS);
  type("4?q");
  assert_int_equal(app.screen, SCREEN_LOG);
  type("\x1b\x1b\x1b");
  assert_int_equal(app.screen, SCREEN_TASKS);
  assert_int_equal(sent_count, 0);
  assert_int_equal(app.prompt.kind, PROMPT_NONE);
}

static void test_ctrl_d_deletes_nothing(void **state) {
  (void)state;
  type("\x04\x04\x15");
  assert_int_equal(sent_count, 0);
  assert_int_equal(app.prompt.kind, PROMPT_NONE);
}

static void test_retry(void **state) {
  (void)state;
  type("nr");
  assert_int_equal(sent_count, 1);
  assert_int_equal(sent[0].kind, CMD_RETRY_TASK);
  assert_int_equal(sent[0].task, 5);
  type("gr");
  assert_int_equal(sent_count, 1);
  type("R");
  assert_int_equal(sent[1].kind, CMD_RETRY_FAILED);
}

static void test_a_closed_engine_is_told(void **state) {
  (void)state;
  command_result = ERR_CLOSED;
  type("p");
  assert_int_equal(sent_count, 0);
  assert_shows(err_text(ERR_CLOSED));
}

/* ---- limits -------------------------------------------------------------- */

static void test_plus_goes_on_from_what_was_asked(void **state) {
  (void)state;
  type("++-");
  assert_int_equal(sent_count, 3);
  assert_int_equal(sent[0].limit, LIMIT_CONCURRENCY);
  assert_true(fabs(sent[0].value - 17) < 1e-9);
  assert_true(fabs(sent[1].value - 18) < 1e-9);
  assert_true(fabs(sent[2].value - 17) < 1e-9);
  /* Once answered, the snapshot's figure counts. */
  snap.limit[LIMIT_CONCURRENCY] = 100;
  snap.reply_seq = sent[2].seq;
  next_snapshot();
  type("+");
  assert_true(fabs(sent[3].value - 110) < 1e-9);
}

static void test_limits_stay_in_their_range(void **state) {
  (void)state;
  snap.limit[LIMIT_CONCURRENCY] = 1;
  type("-");
  assert_true(sent[0].value >= 1);
}

static void test_rate_keys(void **state) {
  (void)state;
  type("]");
  assert_int_equal(sent_count, 0);
  assert_shows("no limit to raise");
  type("[");
  assert_int_equal(sent_count, 0);
  snap.requests_per_s = 100;
  type("[");
  assert_true(fabs(sent[0].value - 90) < 1e-6);
  type("}");
  assert_true(fabs(sent[1].value - 180) < 1e-6);
  type("{");
  assert_true(fabs(sent[2].value - 90) < 1e-6);
  assert_int_equal(sent[2].limit, LIMIT_RATE);
  snap.bytes_per_s = 1048576;
  type("<");
  assert_int_equal(sent[3].limit, LIMIT_BANDWIDTH);
  assert_true(fabs(sent[3].value - 943718) < 1024 * 2);
}

static void test_bandwidth_keys_do_not_end_in_seven_digits(void **state) {
  (void)state;
  snap.bytes_per_s = 2.7 * 1048576;
  type("<");
  assert_int_equal(sent_count, 1);
  assert_true(fabs(sent[0].value - 2.43 * 1048576) < 1024);
  assert_shows("-> 2488k/s");
}

static void test_min_split_size_is_shown_as_a_size_and_no_rate(void **state) {
  (void)state;
  type(":set min-split-size 32M\n");
  assert_int_equal(sent_count, 1);
  assert_shows("-> 32M");
  assert_false(shows("32M/s"));
  type(":set limit-rate 5M\n");
  assert_shows("-> 5M/s");
}

static void test_typed_set(void **state) {
  (void)state;
  type(":set rate 200/s\n");
  assert_int_equal(sent_count, 1);
  assert_int_equal(sent[0].kind, CMD_SET_LIMIT);
  assert_int_equal(sent[0].limit, LIMIT_RATE);
  assert_true(fabs(sent[0].value - 200) < 1e-9);
  assert_shows("rate none -> 200/s");
  type(":set limit-rate 5M\n");
  assert_true(fabs(sent[1].value - 5 * 1048576.0) < 1e-9);
}

static void test_a_switch_is_typed_as_a_word(void **state) {
  (void)state;
  type(":set adaptive on\n");
  assert_int_equal(sent_count, 1);
  assert_int_equal(sent[0].limit, LIMIT_ADAPTIVE);
  assert_true(sent[0].value > 0.5);
  assert_shows("adaptive off -> on");
  type(":set adaptive fast\n");
  assert_shows("give on or off");
  assert_int_equal(sent_count, 1);
}

static void test_typed_nonsense_is_explained(void **state) {
  (void)state;
  type(":set rate banana\n");
  assert_shows("banana");
  type(":set warp 9\n");
  assert_shows("no limit 'warp'");
  type(":frobnicate\n");
  assert_shows(":frobnicate: there is no such command");
  type(":set\n");
  assert_shows("set NAME VALUE");
  assert_int_equal(sent_count, 0);
}

static void test_typed_commands_with_a_filter(void **state) {
  (void)state;
  type(":retry state:e\n");
  assert_int_equal(sent_count, 1);
  assert_int_equal(sent[0].task, 5);
  type(":pause host:h\n");
  assert_int_equal(sent_count, 5);
  type(":pause\n");
  assert_int_equal(sent[5].kind, CMD_PAUSE_ALL);
  type(":resume\n");
  assert_int_equal(sent[6].kind, CMD_RESUME_ALL);
}

static void test_history_and_completion(void **state) {
  (void)state;
  type(":set tries 7\n");
  type(":");
  app_key(&app, KEY__UP, now_ms);
  assert_string_equal(app.prompt.text, "set tries 7");
  app_key(&app, KEY__DOWN, now_ms);
  assert_string_equal(app.prompt.text, "");
  type("set co\t");
  assert_string_equal(app.prompt.text, "set con");
  type("c\t");
  assert_string_equal(app.prompt.text, "set concurrency ");
  type("c\t"); /* no limit's name is its value */
  assert_string_equal(app.prompt.text, "set concurrency c");
  type("\x1b:set ad\t\t");
  assert_string_equal(app.prompt.text, "set adaptive o");
  assert_shows("on off");
  type("f\t");
  assert_string_equal(app.prompt.text, "set adaptive off");
  type("\x1b:hel\t");
  assert_string_equal(app.prompt.text, "help");
}

static void test_paste_goes_nowhere_but_into_a_prompt(void **state) {
  (void)state;
  app_key(&app, KEY__PASTE_BEGIN, now_ms);
  type("dyqqPR");
  app_key(&app, KEY__PASTE_END, now_ms);
  assert_int_equal(sent_count, 0);
  assert_int_equal(app.prompt.kind, PROMPT_NONE);
  type(":");
  app_key(&app, KEY__PASTE_BEGIN, now_ms);
  type("set\nrate\x1b");
  app_key(&app, KEY__PASTE_END, now_ms);
  assert_string_equal(app.prompt.text, "setrate");
}

/* ---- the table ----------------------------------------------------------- */

static void test_a_task_carried_out_of_sight_leaves_the_picture(void **state) {
  (void)state;
  assert_int_equal(canvas_resize(&canvas, 6, 40), 0);
  type("j");
  assert_int_equal(selected(), 2);
  assert_in_range(app.rows.page, 2, 4);
  now_ms += 5000;
  tasks[1].state = TASK_DONE; /* behind all others */
  next_snapshot();
  assert_int_equal(app.rows.cursor, 1);
  assert_int_equal(selected(), 3);
  assert_int_equal(app.rows.top, 0);
  now_ms += 5000;
  tasks[2].state = TASK_PAUSED; /* p again has to mean the same one */
  next_snapshot();
  assert_int_equal(selected(), 3);
}

static void test_the_selection_is_a_task(void **state) {
  (void)state;
  type("jj");
  assert_int_equal(selected(), 3);
  now_ms += 5000;
  tasks[0].state = TASK_DONE;
  tasks[1].state = TASK_DONE;
  next_snapshot();
  assert_int_equal(selected(), 3);
  assert_int_equal(app.rows.cursor, 0);
}

static void
test_the_selection_stays_on_its_row_when_the_task_goes(void **state) {
  (void)state;
  type("jj");
  now_ms += 5000;
  tasks[2].id = 99;
  next_snapshot();
  assert_int_equal(app.rows.cursor, 2);
}

static void test_the_order_is_held_after_a_key(void **state) {
  (void)state;
  type("j");
  tasks[0].state = TASK_DONE;
  now_ms += 1500;
  next_snapshot();
  assert_int_equal(app.rows.id[0], 1);
  now_ms += 1000;
  next_snapshot();
  assert_int_equal(app.rows.id[0], 2);
}

static void test_untouched_selection_rests_on_the_first_row(void **state) {
  (void)state;
  now_ms += 5000;
  tasks[0].state = TASK_DONE;
  next_snapshot();
  assert_int_equal(app.rows.cursor, 0);
  assert_int_equal(selected(), 2);
}

static void test_sort_and_reverse(void **state) {
  (void)state;
  type(":sort rate\n");
  assert_int_equal(app.rows.id[0], 6);
  type("S");
  assert_int_equal(app.rows.id[0], 1);
  type(":sort nothing\n");
  assert_shows("is no field");
  type("s");
  assert_int_equal(app.rows.sort, SORT_ETA);
}

static void test_filter(void **state) {
  (void)state;
  type("/ALP\n");
  assert_int_equal(app.rows.count, 1);
  type("/\x15"
       "err:404\n");
  assert_int_equal(app.rows.count, 1);
  assert_int_equal(selected(), 5);
  type("/\x15state:ep\n");
  assert_int_equal(app.rows.count, 2);
  type("\x1b");
  assert_int_equal(app.rows.count, TASKS);
  type("/state:z\n");
  assert_shows("is no state");
}

static void test_many_rows_scroll(void **state) {
  static struct snap_task many[500];
  (void)state;
  for (int i = 0; i < 500; i++) {
    many[i] = tasks[0];
    many[i].id = 1000 + (uint64_t)i;
  }
  snap.tasks = many;
  snap.task_count = 500;
  next_snapshot();
  type("G");
  assert_int_equal(selected(), 1499);
  assert_int_equal(app.rows.top + app.rows.page, 500);
  app_key(&app, KEY__PGUP, now_ms);
  assert_int_equal(selected(), 1499 - app.rows.page + 1);
  type("g");
  assert_int_equal(selected(), 1000);
  app_key(&app, KEY__PGDN, now_ms);
  assert_int_equal(selected(), 1000 + app.rows.page - 1);
}

static void test_messages_go_by_themselves(void **state) {
  (void)state;
  type("P");
  assert_shows("pausing everything");
  assert_true(app_due_ms(&app) > now_ms);
  now_ms = app_due_ms(&app);
  assert_false(shows("pausing everything"));
  assert_int_equal(app_due_ms(&app), -1);
}

static void test_a_reply_is_shown(void **state) {
  (void)state;
  type("p");
  snap.reply_seq = sent[0].seq;
  snap.reply_text = "it cannot be resumed: \033[2Jno ranges";
  snap.seq++;
  assert_int_equal(app_fetch(&app, now_ms), 2);
  assert_shows("it cannot be resumed: ?[2Jno ranges");
}

static void test_save_screen_never_overwrites(void **state) {
  char path[64], line[160];
  (void)state;
  snprintf(path, sizeof path, "/tmp/spate-screen-%ld", (long)getpid());
  snprintf(line, sizeof line, ":save-screen %s\n", path);
  type(line);
  FILE *file = fopen(path, "r");
  assert_non_null(file);
  assert_non_null(fgets(line, sizeof line, file));
  fclose(file);
  assert_memory_equal(line, "spate [1 Tasks]", 15);
  snprintf(line, sizeof line, ":save-screen %s\n", path);
  type(line);
  assert_shows("File exists");
  unlink(path);
}

static int set_up_group(void **state) {
  (void)state;
  return setlocale(LC_ALL, "C.UTF-8") != NULL ? 0 : -1;
}

#define TEST(name) \
  cmocka_unit_test_setup_teardown(name, rig_set_up, rig_tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(test_p_pauses_the_selected_task),
      TEST(test_p_resumes_a_paused_task),
      TEST(test_p_twice_is_about_the_same_task),
      TEST(test_p_acts_on_the_tagged_tasks),
      TEST(test_capital_p_pauses_and_resumes_everything),
      TEST(test_drop_asks_and_remembers_what_it_asked_about),
      TEST(test_questions_about_long_names_show_their_keys),
      TEST(test_drop_is_cancelled_by_esc),
      TEST(test_q_asks_while_transfers_run),
      TEST(test_q_does_not_ask_when_nothing_runs),
      TEST(test_q_leaves_a_screen_and_not_the_program),
      TEST(test_ctrl_d_deletes_nothing),
      TEST(test_retry),
      TEST(test_a_closed_engine_is_told),
      TEST(test_plus_goes_on_from_what_was_asked),
      TEST(test_limits_stay_in_their_range),
      TEST(test_rate_keys),
      TEST(test_bandwidth_keys_do_not_end_in_seven_digits),
      TEST(test_min_split_size_is_shown_as_a_size_and_no_rate),
      TEST(test_typed_set),
      TEST(test_a_switch_is_typed_as_a_word),
      TEST(test_typed_nonsense_is_explained),
      TEST(test_typed_commands_with_a_filter),
      TEST(test_history_and_completion),
      TEST(test_paste_goes_nowhere_but_into_a_prompt),
      TEST(test_the_selection_is_a_task),
      TEST(test_a_task_carried_out_of_sight_leaves_the_picture),
      TEST(test_the_selection_stays_on_its_row_when_the_task_goes),
      TEST(test_the_order_is_held_after_a_key),
      TEST(test_untouched_selection_rests_on_the_first_row),
      TEST(test_sort_and_reverse),
      TEST(test_filter),
      TEST(test_many_rows_scroll),
      TEST(test_messages_go_by_themselves),
      TEST(test_a_reply_is_shown),
      TEST(test_save_screen_never_overwrites),
  };
  return cmocka_run_group_tests(tests, set_up_group, NULL);
}
