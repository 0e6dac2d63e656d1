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

#include "app.h"

#define TASKS 6

static struct snapshot snap;
static struct snap_task tasks[TASKS];
static struct command sent[64];
static int sent_count;
static int command_result;

static struct app app;
static struct canvas canvas;
static int64_t now_ms;

/* Published pictures do not change: some copies take turns. */
static const struct snapshot *get(void *arg) {
  static struct snapshot published[16];
  struct snapshot *copy = &published[snap.seq & 15];
  (void)arg;
  if (copy->seq != snap.seq)
    *copy = snap;
  return copy;
}

static void release(void *arg, const struct snapshot *old) {
  (void)arg;
  (void)old;
}

static int take(void *arg, const struct command *command) {
  (void)arg;
  if (command_result == 0 && sent_count < 64)
    sent[sent_count++] = *command;
  return command_result;
}

static const struct ui_engine engine = {NULL, get, release, take, NULL};

static int set_up(void **state) {
  static const char *const names[TASKS] = {"alpha", "bravo", "charlie",
                                           "delta", "echo",  "foxtrot"};
  (void)state;
  memset(&snap, 0, sizeof snap);
  for (int i = 0; i < TASKS; i++)
    tasks[i] = (struct snap_task){.id = (uint64_t)i + 1,
                                  .state = TASK_ACTIVE,
                                  .name = names[i],
                                  .host = "h",
                                  .url = "u",
                                  .reason = "",
                                  .etag = "",
                                  .size = 1000,
                                  .got = 100 * i,
                                  .bytes_per_s = 10 * i,
                                  .eta_s = -1,
                                  .due_in_ms = -1};
  tasks[4].state = TASK_FAILED;
  tasks[4].reason = "HTTP 404";
  tasks[5].state = TASK_PAUSED;
  snap.tasks = tasks;
  snap.task_count = TASKS;
  static uint64_t seq;
  snap.seq = seq += 1000;
  snap.hold = snap.reply_text = snap.slowest = snap.session_dir = "";
  for (int i = 0; i < SNAP_SEM_COUNT; i++)
    snap.sem[i].name = "sem";
  snap.total.active = 4;
  snap.limit[LIMIT_CONCURRENCY] = 16;
  sent_count = command_result = 0;
  now_ms = 10000;
  app_init(&app, &engine, &glyphs_ascii);
  app_fetch(&app, now_ms);
  return canvas_init(&canvas, 24, 80);
}

static int tear_down(void **state) {
  (void)state;
  app_fini(&app);
  canvas_fini(&canvas);
  return 0;
}

static void next_snapshot(void) {
  snap.seq++;
  app_fetch(&app, now_ms);
}

static void type(const char *keys) {
  next_snapshot();
  for (; *keys != '\0'; keys++) {
    app_key(&app, *keys == '\n' ? KEY__ENTER : *keys, now_ms);
    app_draw(&app, &canvas, now_ms);
  }
}

static bool shows(const char *text) {
  char line[1024];
  app_draw(&app, &canvas, now_ms);
  for (int y = 0; y < canvas.rows; y++) {
    canvas_line(&canvas, y, line, sizeof line);
    if (strstr(line, text) != NULL)
      return true;
  }
  return false;
}

#define assert_shows(text)                             \
  do {                                                 \
    if (!shows(text))                                  \
      fail_msg("the screen does not show '%s'", text); \
  } while (0)

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
  assert_shows("HTTP 404");
  assert_shows("reset");
  type("\n");
  assert_int_equal(app.errors.level, ERRCLASS_HOSTS);
  type("\n");
  assert_shows("errors / HTTP 404 / h");
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
  assert_string_equal(app.rows.filter.text, "host:b:80");
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
  static const char keys[] = "1234eL?\n\x1bjk";
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

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
      TEST(test_looks),
      TEST(test_mouse),
      TEST(test_titles),
      TEST(test_completion),
      TEST(test_any_way_leads_back),
  };
  return cmocka_run_group_tests(tests, set_up_group, NULL);
}
