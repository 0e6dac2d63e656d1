/* SPDX-License-Identifier: MIT
 *
 * The screens behind the first one, played by keys and the mouse: the way into
 * errors and back, limits, the frozen picture, looks, the log.
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

static void test_details_and_back(void **state) {
  (void)state;
  type("j\n");
  assert_int_equal(app.screen, SCREEN_DETAILS);
  assert_shows("bravo");
  type("n");
  assert_shows("HTTP 404");
  assert_int_equal(app.focus, 5);
  type("p");
  type("q");
  assert_int_equal(app.screen, SCREEN_TASKS);
  type("gj\n");
  type("p");
  assert_int_equal(sent[sent_count - 1].kind, CMD_PAUSE_TASK);
  assert_int_equal(sent[sent_count - 1].task, 2);
}

static void test_details_of_a_task_that_goes(void **state) {
  (void)state;
  type("\n");
  tasks[0].id = 77;
  next_snapshot();
  assert_shows("no longer kept");
  type("pdr"); /* nothing is meant */
  assert_int_equal(sent_count, 0);
}

static void test_errors_down_to_the_task_and_back(void **state) {
  (void)state;
  tasks[3].state = TASK_WAITING;
  tasks[3].reason = "reset";
  type("e");
  assert_shows("http-404");
  assert_shows("reset");
  type("\n");
  assert_int_equal(app.errors.level, ERRCLASS_HOSTS);
  type("\n");
  assert_shows("errors / http-404 / h");
  type("\n");
  assert_int_equal(app.screen, SCREEN_DETAILS);
  assert_int_equal(app.focus, 5);
  type("q");
  assert_int_equal(app.screen, SCREEN_ERRORS);
  assert_int_equal(app.errors.level, ERRCLASS_TASKS);
  type("qq");
  assert_int_equal(app.errors.level, ERRCLASS_KINDS);
  type("q");
  assert_int_equal(app.screen, SCREEN_TASKS);
  assert_int_equal(sent_count, 0);
}

static void test_retry_of_a_kind(void **state) {
  (void)state;
  tasks[2].state = tasks[3].state = TASK_FAILED;
  tasks[2].reason = "HTTP 404";
  tasks[2].status = 404;
  tasks[3].reason = "reset";
  type("er");
  assert_int_equal(sent_count, 2);
  assert_int_equal(sent[0].kind, CMD_RETRY_TASK);
  assert_int_equal(sent[0].task, 3);
  assert_int_equal(sent[1].task, 5);
}

static void test_limits_by_arrow_and_by_hand(void **state) {
  (void)state;
  type("L");
  app_key(&app, KEY__RIGHT, now_ms);
  assert_int_equal(sent[0].limit, LIMIT_CONCURRENCY);
  assert_true(sent[0].value > 16.5 && sent[0].value < 17.5);
  type("-");
  assert_true(sent[1].value > 15.5 && sent[1].value < 16.5);
  type("jjj");
  type("\n\x15"
       "50/s\n");
  assert_int_equal(sent[2].limit, LIMIT_PER_HOST_RATE);
  assert_true(sent[2].value > 49 && sent[2].value < 51);
  type("\n\x15"
       "soon\n");
  assert_shows("soon");
  assert_int_equal(sent_count, 3);
  type("k+"); /* rate: there is none to raise */
  assert_shows("no limit to raise");
  type("G+");
  assert_int_equal(sent[3].limit, LIMIT_ADAPTIVE);
  assert_true(sent[3].value > 0.5);
  assert_shows("adaptive off -> on");
  type("-");
  assert_true(sent[4].value < 0.5);
  type("q");
  assert_int_equal(app.screen, SCREEN_TASKS);
}

static void test_frozen(void **state) {
  (void)state;
  type("f");
  tasks[0].name = "renamed";
  next_snapshot();
  assert_shows("HELD");
  snap.reply_seq = 50;
  snap.reply_text = "the engine says so";
  next_snapshot();
  assert_shows("the engine says so");
  /* It never hides the end. */
  snap.finished = true;
  next_snapshot();
  assert_true(app.snap->finished);
  snap.finished = false;
}

static void test_log_level_and_words(void **state) {
  static const struct snap_log log[] = {{.level = LOG_INFO, .text = "begun"},
                                        {.level = LOG_WARN, .text = "slow"},
                                        {.level = LOG_ERROR, .text = "gone"}};
  (void)state;
  snap.log = log;
  snap.log_count = 3;
  snap.log_lines = 3;
  type("4");
  assert_shows("begun");
  type("v");
  assert_false(shows("begun"));
  assert_shows("slow");
  type("v");
  assert_false(shows("slow"));
  type(":level info\n/slo\n");
  assert_false(shows("gone"));
  type(":level loud\n");
  assert_shows("none of debug");
}

static void test_hosts_selection_is_a_host(void **state) {
  static struct snap_host hosts[3] = {{.name = "http://a:80"},
                                      {.name = "http://b:80"},
                                      {.name = "http://c:80"}};
  (void)state;
  snap.hosts = hosts;
  snap.host_count = 3;
  type("2j");
  assert_string_equal(app.host, "http://b:80");
  hosts[0].name = "http://z:80";
  hosts[1].name = "http://a:80";
  hosts[2].name = "http://b:80";
  next_snapshot();
  app_draw(&app, &canvas, now_ms);
  assert_int_equal(app.listing[SCREEN_HOSTS].at, 2);
  type("\n");
  assert_int_equal(app.screen, SCREEN_TASKS);
  assert_string_equal(app.rows.filter.text, "host:b");
}

/* Tasks have a host's name, the screen of hosts its origin with the port. */
static void test_enter_on_a_host_with_a_port_finds_its_tasks(void **state) {
  static struct snap_host hosts[1] = {{.name = "http://h:8080"}};
  (void)state;
  snap.hosts = hosts;
  snap.host_count = 1;
  type("2\n");
  assert_int_equal(app.screen, SCREEN_TASKS);
  assert_true(app.rows.count > 0);
  assert_false(shows("no task matches"));
}

static void test_looks(void **state) {
  (void)state;
  type(":theme light\n");
  assert_ptr_equal(app.theme, theme_find("light"));
  assert_true(app.new_looks);
  type(":glyphs braille\n");
  assert_ptr_equal(app.glyphs, &glyphs_braille);
  type(":theme pink\n");
  assert_shows("high-contrast");
  type("m");
  assert_true(app.mouse);
}

static void test_mouse(void **state) {
  struct mouse click = {MOUSE_CLICK, 0, 0}, wheel = {MOUSE_DOWN, 0, 0};
  (void)state;
  type("");
  app_draw(&app, &canvas, now_ms);
  click.y = app.layout.part[PART_TABLE].y + 2;
  app_mouse(&app, &click, now_ms);
  assert_int_equal(app.rows.cursor, 2);
  app_mouse(&app, &wheel, now_ms);
  assert_int_equal(app.rows.cursor, 5);
  click.what = MOUSE_OPEN;
  app_mouse(&app, &click, now_ms);
  assert_int_equal(app.screen, SCREEN_DETAILS);
  app_draw(&app, &canvas, now_ms);
  click = (struct mouse){MOUSE_CLICK, 0, app.tab_end[SCREEN_GAUGES] - 2};
  app_mouse(&app, &click, now_ms);
  assert_int_equal(app.screen, SCREEN_GAUGES);
  /* Somewhere else it does nothing. */
  click.y = 500;
  app_mouse(&app, &click, now_ms);
  assert_int_equal(sent_count, 0);
}

/* ---- adding -------------------------------------------------------------- */

static void paste(const char *text) {
  app_key(&app, KEY__PASTE_BEGIN, now_ms);
  for (; *text != '\0'; text++)
    app_key(&app, *text == '\n' ? KEY__ENTER : *text, now_ms);
  app_key(&app, KEY__PASTE_END, now_ms);
}

static void test_paste_into_the_add_box(void **state) {
  (void)state;
  type("a");
  paste("http://a/1\nhttp://a/2\nqdq no url\nhttp://a/1\n# why\nhttp://b/\tx");
  assert_int_equal(app.screen, SCREEN_ADD);
  assert_shows("3 URLs");
  assert_shows("1 twice");
  assert_shows(", line 3 is no URL");
  assert_int_equal(sent_count, 0);
  type("\n");
  assert_int_equal(sent_count, 1);
  assert_int_equal(sent[0].kind, CMD_ADD);
  assert_string_equal(texts[0], "http://a/1\nhttp://a/2\nhttp://b/\tx\n");
  assert_int_equal(app.screen, SCREEN_TASKS);
  assert_shows("adding 3 URLs");
  type("a");
  assert_shows("0 URLs");
}

static void test_typed_urls(void **state) {
  (void)state;
  type("a\n");
  assert_shows("type or paste a URL first");
  type("htp://x");
  type("\n");
  assert_shows("none of these lines is a URL");
  type("\x15https://x/y");
  app_key(&app, KEY__DOWN, now_ms);
  type("https://x/zz\x7f\n");
  assert_string_equal(texts[0], "https://x/y\nhttps://x/z\n");
  type(":add http://c/1 http://c/2\n");
  assert_string_equal(texts[1], "http://c/1\nhttp://c/2\n");
  type("ahttp://kept\x1b");
  assert_int_equal(app.screen, SCREEN_TASKS);
  type("a");
  assert_shows("http://kept");
  assert_int_equal(sent_count, 2);
}

/* No command is longer than the engine takes, and nothing is lost. */
static void test_a_long_paste_is_sent_in_parts(void **state) {
  char line[64];
  size_t bytes = 0;
  (void)state;
  type("a");
  app_key(&app, KEY__PASTE_BEGIN, now_ms);
  for (int i = 0; i < 10000; i++) {
    snprintf(line, sizeof line, "http://host.example/%d", i);
    for (const char *at = line; *at != '\0'; at++)
      app_key(&app, *at, now_ms);
    app_key(&app, KEY__ENTER, now_ms);
    bytes += strlen(line) + 1;
  }
  app_key(&app, KEY__PASTE_END, now_ms);
  type("\n");
  assert_true(sent_count > 1);
  for (int i = 0; i < sent_count; i++) {
    /* As JSON each of its bytes may be two. */
    assert_true(2 * strlen(texts[i]) + 256 <= COMMAND_TEXT_MAX);
    bytes -= strlen(texts[i]);
  }
  assert_int_equal(bytes, 0);
}

/* ---- what destroys, and order -------------------------------------------- */

static void test_data_goes_only_after_yes(void **state) {
  (void)state;
  type("D\n");
  type("Dy\n");
  type("Dye\n");
  app_key(&app, 'D', now_ms);
  paste("yes\n");
  type("\x1b");
  assert_int_equal(sent_count, 0);
  type("jDyes\n");
  assert_int_equal(sent_count, 1);
  assert_int_equal(sent[0].kind, CMD_DISCARD_TASK);
  assert_int_equal(sent[0].task, 2);
}

static void test_order(void **state) {
  (void)state;
  type("jKJ");
  assert_int_equal(sent[0].kind, CMD_RAISE_TASK);
  assert_int_equal(sent[1].kind, CMD_LOWER_TASK);
  assert_int_equal(sent[1].task, 2);
  type(":priority 5\n");
  assert_int_equal(sent[2].kind, CMD_TASK_PRIORITY);
  assert_true(sent[2].value > 4.5 && sent[2].value < 5.5);
  type(":top state:p\n");
  assert_int_equal(sent[3].kind, CMD_TOP_TASK);
  assert_int_equal(sent[3].task, 6);
  type(":priority soon\n");
  assert_int_equal(sent_count, 4);
  type(":restart\n");
  assert_int_equal(sent_count, 4);
  type("y");
  assert_int_equal(sent[4].kind, CMD_RESTART_TASK);
}

static void test_limits_of_a_task(void **state) {
  (void)state;
  type("jl");
  assert_shows("limits of bravo");
  type("\n\x15"
       "1M\n");
  assert_int_equal(sent[0].kind, CMD_TASK_RATE);
  assert_int_equal(sent[0].task, 2);
  assert_true(sent[0].value > 1048575 && sent[0].value < 1048577);
  type("j++");
  assert_int_equal(sent[1].kind, CMD_TASK_SPLIT);
  assert_true(sent[2].value > 1.5 && sent[2].value < 2.5);
  type("j-");
  assert_int_equal(sent[3].kind, CMD_TASK_PRIORITY);
  assert_true(sent[3].value < -0.5);
  type("\n\x15x\n");
  assert_shows("no whole number");
}

static void test_limits_of_a_host(void **state) {
  static struct snap_host hosts[2] = {
      {.name = "http://a:80", .active = 4, .limit = 8},
      {.name = "http://b:80", .active = 3}};
  (void)state;
  snap.hosts = hosts;
  snap.host_count = 2;
  type("2++");
  assert_int_equal(sent[0].kind, CMD_SET_HOST);
  assert_string_equal(texts[0], "http://a:80");
  assert_true(sent[1].value > 9.5 && sent[1].value < 10.5);
  type("j-");
  assert_string_equal(texts[2], "http://b:80");
  assert_true(sent[2].value > 2.5 && sent[2].value < 3.5);
  type("p");
  assert_int_equal(sent[3].kind, CMD_PAUSE_HOST);
  assert_string_equal(texts[3], "http://b:80");
  type("l");
  assert_shows("limits of http://b:80");
  type("j\n\x15"
       "5/s\n");
  assert_int_equal(sent[4].limit, LIMIT_PER_HOST_RATE);
  type("G+");
  assert_int_equal(sent[5].kind, CMD_SET_HOST);
  assert_int_equal(sent[5].limit, LIMIT_ADAPTIVE);
  assert_true(sent[5].value > 0.5);
}

/* ---- the list of everything ---------------------------------------------- */

/* A page as the pager would deliver it, of a list of so many tasks. A row owns
 * its URL alone: there the others lie in the same block. */
static void deliver(uint64_t all, uint64_t from, size_t count, bool backwards,
                    bool end) {
  struct pager_result *result = calloc(1, sizeof *result);
  result->wish = (struct pager_wish){.what = PAGER_PAGE,
                                     .from = backwards ? from + count : from,
                                     .backwards = backwards};
  result->count = (struct history_count){.tasks = all, .complete = true};
  result->page.rows = calloc(count + 1, sizeof *result->page.rows);
  result->page.count = count;
  result->page.end = end;
  for (size_t i = 0; i < count; i++)
    result->page.rows[i] = (struct history_row){.position = from + i,
                                                .id = from + i + 1,
                                                .kind = HISTORY_DONE,
                                                .url = strdup("http://h/x"),
                                                .name = "x",
                                                .source = "",
                                                .reason = "",
                                                .class_name = "",
                                                .bytes = 5};
  app__take_result(&app, result);
  app_draw(&app, &canvas, now_ms);
}

static void test_scrolling_through_millions(void **state) {
  const uint64_t all = 32000000;
  (void)state;
  type("H");
  assert_shows("reading");
  assert_int_equal(app.list.wish.what, PAGER_PAGE);
  deliver(all, 0, PAGER_ROWS, false, false);
  assert_shows("1 of 32000000");
  for (int i = 0; i < 20; i++)
    app_key(&app, KEY__PGDN, now_ms);
  app_draw(&app, &canvas, now_ms);
  /* Near the end of what is there the next rows are asked for. */
  assert_true(app.list.asked);
  assert_false(app.list.wish.backwards);
  assert_true(app.list.at > 300);
  uint64_t at = app.list.at;
  deliver(all, app.list.wish.from, PAGER_ROWS, false, false);
  assert_int_equal(app.list.at, at);
  type("G");
  assert_true(app.list.wish.backwards);
  deliver(all, all - PAGER_ROWS, PAGER_ROWS, true, false);
  assert_int_equal(app.list.at, all - 1);
  assert_shows("32000000 of 32000000   100.00%");
  type(":goto 16000001\n");
  deliver(all, app.list.wish.from, PAGER_ROWS, false, false);
  assert_int_equal(app.list.at, 16000000);
  assert_shows("50.00%");
  type("g");
  deliver(all, 0, PAGER_ROWS, false, false);
  assert_int_equal(app.list.at, 0);
}

static void test_details_of_a_row_long_done(void **state) {
  (void)state;
  type("H");
  deliver(5000, 1000, PAGER_ROWS, false, false);
  type("\n");
  assert_int_equal(app.screen, SCREEN_DETAILS);
  assert_shows("http://h/x");
  assert_shows("done");
}

static void test_a_session_that_cannot_be_read(void **state) {
  struct pager_result *result = calloc(1, sizeof *result);
  (void)state;
  type("H");
  result->wish.what = PAGER_PAGE;
  result->code = ERR_CORRUPT;
  app__take_result(&app, result);
  assert_shows("cannot be read");
  deliver(3, 0, 3, false, true);
  assert_shows("1 of 3");
}

static void test_titles(void **state) {
  char title[128];
  bool failed;
  (void)state;
  snap.total.tasks = 10;
  snap.total.done = 4;
  snap.total.bytes_expected = -1;
  next_snapshot();
  assert_int_equal(app_title(&app, title, sizeof title, &failed), 40);
  assert_false(failed);
  assert_non_null(strstr(title, "40%"));
  snap.total.failed = 1;
  next_snapshot();
  (void)app_title(&app, title, sizeof title, &failed);
  assert_true(failed);
}

static void test_completion(void **state) {
  (void)state;
  type(":theme hi\t");
  assert_string_equal(app.prompt.text, "theme high-contrast");
  type("\x1b:set per-h\t");
  assert_string_equal(app.prompt.text, "set per-host");
  type("\x1b:retry st\t");
  assert_string_equal(app.prompt.text, "retry state:");
  type("\x1b:nonsense x\t");
  assert_string_equal(app.prompt.text, "nonsense x");
}

/* However one goes about, screens never pile up without end and q leads out. */
static void test_any_way_leads_back(void **state) {
  static const char keys[] = "1234eLH?\n\x1bjk";
  unsigned random = 7;
  (void)state;
  for (int i = 0; i < 5000; i++) {
    random = random * 1103515245u + 12345u;
    char one[2] = {keys[(random >> 16) % (sizeof keys - 1)], '\0'};
    type(one);
    assert_true(app.depth >= 0 && app.depth <= SCREEN_DEPTH);
  }
  if (app.prompt.kind != PROMPT_NONE)
    type("\x1b");
  for (int i = 0; i < SCREEN_DEPTH + 4; i++)
    type("\x1b");
  assert_int_equal(app.screen, SCREEN_TASKS);
  for (int i = 0; i < sent_count; i++)
    assert_int_not_equal(sent[i].kind, CMD_STOP);
}

static int set_up_group(void **state) {
  (void)state;
  return setlocale(LC_ALL, "C.UTF-8") != NULL ? 0 : -1;
}

#define TEST(name) \
  cmocka_unit_test_setup_teardown(name, rig_set_up, rig_tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(test_details_and_back),
      TEST(test_details_of_a_task_that_goes),
      TEST(test_errors_down_to_the_task_and_back),
      TEST(test_retry_of_a_kind),
      TEST(test_limits_by_arrow_and_by_hand),
      TEST(test_frozen),
      TEST(test_log_level_and_words),
      TEST(test_hosts_selection_is_a_host),
      TEST(test_enter_on_a_host_with_a_port_finds_its_tasks),
      TEST(test_looks),
      TEST(test_mouse),
      TEST(test_paste_into_the_add_box),
      TEST(test_typed_urls),
      TEST(test_a_long_paste_is_sent_in_parts),
      TEST(test_data_goes_only_after_yes),
      TEST(test_order),
      TEST(test_limits_of_a_task),
      TEST(test_limits_of_a_host),
      TEST(test_scrolling_through_millions),
      TEST(test_details_of_a_row_long_done),
      TEST(test_a_session_that_cannot_be_read),
      TEST(test_titles),
      TEST(test_completion),
      TEST(test_any_way_leads_back),
  };
  return cmocka_run_group_tests(tests, set_up_group, NULL);
}
