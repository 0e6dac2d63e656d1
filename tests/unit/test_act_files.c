/* SPDX-License-Identifier: MIT
 *
 * Keys and commands that deal with files and URLs: another URL, a manifest,
 * lists that are written; the way from the table into the list of everything;
 * leaving the screen; the mouse on every screen.
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
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "ui_rig.h"

static char dir[] = "/tmp/spate-files-XXXXXX";

static void in_dir(char *buf, size_t cap, const char *name) {
  snprintf(buf, cap, "%s/%s", dir, name);
}

static void make_file(const char *name, const char *text) {
  char path[128];
  in_dir(path, sizeof path, name);
  FILE *file = fopen(path, "w");
  assert_non_null(file);
  fputs(text, file);
  fclose(file);
}

static void paste(const char *text) {
  app_key(&app, KEY__PASTE_BEGIN, now_ms);
  for (; *text != '\0'; text++)
    app_key(&app, (unsigned char)*text, now_ms);
  app_key(&app, KEY__PASTE_END, now_ms);
}

/* ---- another URL --------------------------------------------------------- */

static void test_u_asks_for_a_url_and_sends_it(void **state) {
  (void)state;
  tasks[1].url = "http://h/a.iso";
  type("ju");
  assert_shows("URL of bravo:");
  assert_shows("http://h/a.iso");
  type("?v=2\n");
  assert_int_equal(sent_count, 1);
  assert_int_equal(sent[0].kind, CMD_TASK_URL);
  assert_int_equal(sent[0].task, 2);
  assert_string_equal(texts[0], "http://h/a.iso?v=2");
}

static void test_a_url_with_a_secret_is_given_anew(void **state) {
  char url[3000] = "http://h/a.iso?sig=";
  (void)state;
  tasks[0].url = "http://h/a.iso?sig=***";
  type("u");
  assert_shows("new URL of alpha:");
  assert_false(shows("***"));
  memset(url + strlen(url), 'x', sizeof url - 100); /* longer than a line */
  paste(url);
  type("\n");
  assert_int_equal(sent_count, 1);
  assert_string_equal(texts[0], url);
}

static void test_a_url_that_was_not_changed_is_not_sent(void **state) {
  (void)state;
  type("u\n");
  type("u\x1b");
  assert_int_equal(sent_count, 0);
}

static void test_plus_in_front_adds_a_mirror(void **state) {
  (void)state;
  tasks[0].url = "http://h/x?sig=***";
  type("u+http://m/x\n");
  type(":mirror http://n/x\n");
  type(":url http://o/x http://p/x\n");
  assert_int_equal(sent_count, 3);
  assert_int_equal(sent[0].kind, CMD_TASK_MIRROR);
  assert_string_equal(texts[0], "http://m/x");
  assert_int_equal(sent[1].kind, CMD_TASK_MIRROR);
  assert_string_equal(texts[1], "http://n/x");
  assert_int_equal(sent[2].kind, CMD_TASK_URL);
  assert_string_equal(texts[2], "http://o/x http://p/x");
}

/* ---- manifests ----------------------------------------------------------- */

static void test_a_manifest_is_added_by_its_whole_path(void **state) {
  char line[256], whole[128];
  (void)state;
  make_file("list of files", "http://h/a\n");
  in_dir(whole, sizeof whole, "list of files");
  snprintf(line, sizeof line, "A%s/list\t\n", dir);
  type(line);
  assert_int_equal(sent_count, 1);
  assert_int_equal(sent[0].kind, CMD_ADD_LIST);
  assert_string_equal(texts[0], whole);
  assert_shows("adding the manifest");
  unlink(whole);
}

static void test_a_manifest_that_is_not_there_is_not_sent(void **state) {
  char line[256];
  (void)state;
  snprintf(line, sizeof line, ":add-list %s/none\n", dir);
  type(line);
  assert_int_equal(sent_count, 0);
  assert_shows("No such file");
}

static void test_home_is_written_out(void **state) {
  char whole[128];
  (void)state;
  make_file("urls", "http://h/a\n");
  in_dir(whole, sizeof whole, "urls");
  setenv("HOME", dir, 1);
  type("A~/ur\t\n");
  assert_int_equal(sent_count, 1);
  assert_string_equal(texts[0], whole);
  unlink(whole);
}

/* ---- what is written ----------------------------------------------------- */

static void test_w_keeps_the_limits(void **state) {
  (void)state;
  type("Lw");
  type(":write\n");
  assert_int_equal(sent_count, 2);
  assert_int_equal(sent[0].kind, CMD_KEEP_LIMITS);
  assert_int_equal(sent[1].kind, CMD_KEEP_LIMITS);
}

static void test_the_rows_shown_are_written_to_a_new_file(void **state) {
  char path[128], line[256], text[512];
  struct stat st;
  (void)state;
  in_dir(path, sizeof path, "rows");
  snprintf(line, sizeof line, "/echo\n:write %s\n", path);
  type(line);
  assert_shows("1 row was written");
  FILE *file = fopen(path, "r");
  assert_non_null(file);
  size_t len = fread(text, 1, sizeof text - 1, file);
  text[len] = '\0';
  fclose(file);
  assert_string_equal(text, "# failed: HTTP 404\nu\techo\n");
  assert_int_equal(stat(path, &st), 0);
  assert_int_equal(st.st_mode & 0777, 0600);
  type(line + strlen("/echo\n"));
  assert_shows("File exists");
  snprintf(line, sizeof line, ":write %s.2 everything\n", path);
  type(line);
  assert_shows("none of shown, all, failed");
  unlink(path);
}

static void test_the_reason_is_seen_behind_a_long_path(void **state) {
  char line[512];
  (void)state;
  snprintf(line, sizeof line, ":write /nowhere/%0200d/rows\n", 0);
  type(line);
  assert_shows("write: /nowhere/0");
  assert_shows("No such file or directory");
}

static void test_reload_is_asked_for(void **state) {
  (void)state;
  type(":reload\n");
  assert_int_equal(sent_count, 1);
  assert_int_equal(sent[0].kind, CMD_RELOAD);
}

/* ---- what the tasks came to ---------------------------------------------- */

static void test_results_and_shards_on_the_gauges(void **state) {
  (void)state;
  snap.summary.share[SNAP_BY_STATUS][0] = (struct snap_share){"200", 1204};
  snap.summary.share[SNAP_BY_STATUS][1] = (struct snap_share){"404", 3};
  snap.summary.others[SNAP_BY_STATUS] = 2;
  snap.summary.share[SNAP_BY_HOST][0] =
      (struct snap_share){"https://a\x1b[2J.example", 1209};
  snap.summary.size = (struct snap_spread){1204, 2048, 4096, 8192, 1 << 20};
  snap.shards = (struct snap_shards){.on = true,
                                     .shards = 7,
                                     .open = 1,
                                     .records = 90000,
                                     .bytes = 1 << 30,
                                     .name = "part-00007.jsonl.zst",
                                     .name_records = 12,
                                     .name_bytes = 4096,
                                     .bytes_in = 1000,
                                     .bytes_out = 250};
  type("3G");
  assert_int_equal(canvas_resize(&canvas, 60, 100), 0);
  assert_shows(" closed     7, 1 open   90000 records in 1.00G");
  assert_shows(" open       part-00007.jsonl.zst   12 records, 4.00k");
  assert_shows("(25%)");
  assert_shows(" status     200 1204   404 3   others 2");
  assert_shows(" host       https://a");
  assert_shows("p50 2.00k");
  assert_false(shows("first byte"));
  assert_false(shows(" type "));
}

/* ---- leaving, leading on ------------------------------------------------- */

static const char *why_not;

static const char *ask_detach(void *arg) {
  (void)arg;
  return why_not;
}

static void test_detach_on_the_runs_own_screen(void **state) {
  static struct ui_engine other;
  (void)state;
  other = *app.engine;
  type(":detach\n");
  assert_false(app.detach); /* where nobody can go on with it */
  other.detach = ask_detach;
  app.engine = &other;
  why_not = "for a reason";
  type(":detach\n");
  assert_false(app.detach);
  assert_shows("for a reason");
  why_not = NULL;
  snap.paused = true;
  type(":detach\n");
  assert_false(app.detach);
  assert_shows("P first");
  snap.paused = false;
  type(":detach\n");
  assert_true(app.detach);
}

static void test_the_end_of_the_table_leads_into_the_whole_list(void **state) {
  (void)state;
  snap.total.tasks = TASKS;
  type("Gj");
  assert_int_equal(app.screen, SCREEN_TASKS); /* here are all of them */
  snap.total.tasks = 1000000;
  type("/a\nGj");
  assert_int_equal(app.screen, SCREEN_TASKS); /* what was asked for is here */
  type("/\x15\nG");
  assert_int_equal(app.screen, SCREEN_TASKS);
  type("j");
  assert_int_equal(app.screen, SCREEN_LIST);
  type("q");
  assert_int_equal(app.screen, SCREEN_TASKS);
  assert_int_equal(app.rows.cursor, TASKS - 1);
}

/* ---- the mouse ----------------------------------------------------------- */

static void mouse_at(enum mouse_what what, int y, int x) {
  struct mouse mouse = {what, y, x};
  app_draw(&app, &canvas, now_ms);
  app_mouse(&app, &mouse, now_ms);
  app_draw(&app, &canvas, now_ms);
}

/* On every screen, at every place: nothing is sent, nothing is asked. */
static void test_the_mouse_changes_no_run(void **state) {
  static const char *const ways[] = {"1", "2", "3",   "4",  "?",
                                     "e", "L", "\nq", "1l", "\n"};
  (void)state;
  for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
    for (int y = -1; y <= canvas.rows; y++)
      for (int what = MOUSE_CLICK; what <= MOUSE_DOWN; what++) {
        type(ways[i]);
        mouse_at((enum mouse_what)what, y, y % 3 == 0 ? 2 : 40);
        prompt_close(&app.prompt);
        type("1");
      }
  }
  assert_int_equal(sent_count, 0);
}

static void test_a_click_selects_and_two_open(void **state) {
  (void)state;
  type("L");
  mouse_at(MOUSE_CLICK, app.layout.part[PART_TABLE].y + 3, 4);
  assert_int_equal(app.listing[SCREEN_LIMITS].at, 2);
  mouse_at(MOUSE_OPEN, app.layout.part[PART_TABLE].y + 3, 4);
  assert_int_equal(app.prompt.kind, PROMPT_VALUE);
  assert_shows("rate:");
  type("\x1b"
       "1");
  mouse_at(MOUSE_CLICK, app.layout.part[PART_TABLE].y + 4, 4);
  assert_int_equal(app.rows.cursor, 4);
  mouse_at(MOUSE_OPEN, app.layout.part[PART_TABLE].y + 4, 4);
  assert_int_equal(app.screen, SCREEN_DETAILS);
}

static void test_a_click_below_the_last_row_selects_nothing_else(void **state) {
  (void)state;
  type("g");
  mouse_at(MOUSE_CLICK, app.layout.part[PART_TABLE].y + TASKS + 1, 4);
  assert_int_equal(app.rows.cursor, 0);
}

static int set_up_group(void **state) {
  (void)state;
  if (setlocale(LC_ALL, "C.UTF-8") == NULL || mkdtemp(dir) == NULL)
    return -1;
  return 0;
}

static int tear_down_group(void **state) {
  (void)state;
  return rmdir(dir);
}

#define TEST(name) \
  cmocka_unit_test_setup_teardown(name, rig_set_up, rig_tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(test_u_asks_for_a_url_and_sends_it),
      TEST(test_a_url_with_a_secret_is_given_anew),
      TEST(test_a_url_that_was_not_changed_is_not_sent),
      TEST(test_plus_in_front_adds_a_mirror),
      TEST(test_a_manifest_is_added_by_its_whole_path),
      TEST(test_a_manifest_that_is_not_there_is_not_sent),
      TEST(test_home_is_written_out),
      TEST(test_w_keeps_the_limits),
      TEST(test_the_rows_shown_are_written_to_a_new_file),
      TEST(test_the_reason_is_seen_behind_a_long_path),
      TEST(test_reload_is_asked_for),
      TEST(test_results_and_shards_on_the_gauges),
      TEST(test_detach_on_the_runs_own_screen),
      TEST(test_the_end_of_the_table_leads_into_the_whole_list),
      TEST(test_the_mouse_changes_no_run),
      TEST(test_a_click_selects_and_two_open),
      TEST(test_a_click_below_the_last_row_selects_nothing_else),
  };
  return cmocka_run_group_tests(tests, set_up_group, tear_down_group);
}
