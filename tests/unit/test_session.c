/* SPDX-License-Identifier: MIT
 *
 * The session over one or several clean runs: delivery, settling, resuming,
 * manifests that change, failures, locks, damage.
 */
#include "config.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "session_rig.h"
#include "store.h"

static struct rig rig;
static char path[256];

static int setup(void **state) {
  (void)state;
  rig_init(&rig);
  return 0;
}

static int teardown(void **state) {
  (void)state;
  rig_fini(&rig);
  return 0;
}

static void write_text(const char *text) {
  rig_write(&rig, "list", text, strlen(text), path, sizeof path);
}

/* Tasks whose URL holds the digit pattern in rig.arg get its state. */
struct special {
  const char *part;
  int state;
};

static int special_verdict(struct rig *r, const struct rig_item *item) {
  const struct special *special = r->arg;
  return strstr(item->url, special->part) != NULL ? special->state
                                                  : (int)TASK_DONE;
}

static void delivers_all_lines_in_order(void **state) {
  (void)state;
  rig_manifest(&rig, "list", 0, 20000, "a", path, sizeof path);
  rig_session(&rig, path);
  assert_int_equal(rig.delivered, 20000);
  assert_int_equal(rig.committed, 20000);
  for (size_t i = 0; i < rig.item_count; i++) {
    assert_int_equal(rig.items[i].id, i + 1);
    assert_int_equal(rig.items[i].line, i + 1);
  }
  assert_string_equal(rig.items[8192].url,
                      "http://h.example/o/00008192.bin?sig=a");
  assert_int_equal(rig.counts.tasks, 20000);
  assert_int_equal(rig.counts.done, 20000);
  rig_session(&rig, path);
  assert_int_equal(rig.delivered, 0);
  assert_int_equal(rig.counts.done_before, 20000);
  assert_int_equal(rig.counts.tasks, 20000);
}

/* At 32 million tasks the bitmaps are 17 MB; a look at the totals reads none.
 */
static void totals_are_read_from_an_index(void **state) {
  static const char *const texts[] = {
#define TEXT(name, text) [name] = (text),
      STORE_SQL(TEXT)
#undef TEXT
  };
  static const enum store_sql totals[] = {SQL_SETTLED, SQL_SOURCE_SUM};
  char file[256], sql[512];
  sqlite3 *db;
  (void)state;
  rig_manifest(&rig, "list", 0, 100, "a", path, sizeof path);
  rig_session(&rig, path);
  snprintf(file, sizeof file, "%s/.spate/session.db", rig.dir);
  assert_int_equal(sqlite3_open(file, &db), SQLITE_OK);
  for (size_t i = 0; i < sizeof totals / sizeof *totals; i++) {
    sqlite3_stmt *plan;
    snprintf(sql, sizeof sql, "EXPLAIN QUERY PLAN %s", texts[totals[i]]);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &plan, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(plan), SQLITE_ROW);
    assert_non_null(strstr((const char *)sqlite3_column_text(plan, 3),
                           "COVERING INDEX chunk_figures"));
    sqlite3_finalize(plan);
  }
  sqlite3_close(db);
}

static void skips_blanks_comments_and_reads_odd_ends(void **state) {
  (void)state;
  write_text("\xef\xbb\xbf# a comment\n\n"
             "http://h.example/a\r\n   \n"
             "http://h.example/b\tname b\r\n"
             "  # another\n"
             "http://h.example/c");
  rig_session(&rig, path);
  assert_int_equal(rig.delivered, 3);
  assert_string_equal(rig.items[0].url, "http://h.example/a");
  assert_int_equal(rig.items[0].line, 3);
  assert_string_equal(rig.items[1].out, "name b");
  assert_int_equal(rig.items[1].line, 5);
  assert_string_equal(rig.items[2].url, "http://h.example/c");
  assert_int_equal(rig.items[2].line, 7);
  assert_int_equal(rig.bad_count, 0);
}

static void reports_bad_lines_each_run_and_counts_them_once(void **state) {
  (void)state;
  write_text("http://h.example/a\nnot a url\nhttp://h.example/b\n");
  rig_session(&rig, path);
  assert_int_equal(rig.delivered, 2);
  assert_int_equal(rig.items[1].id, 3);
  assert_int_equal(rig.bad_count, 1);
  assert_int_equal(rig.bad_line[0], 2);
  assert_int_equal(rig.counts.bad_lines, 1);
  assert_int_equal(rig.counts.tasks, 2);
  rig_session(&rig, path);
  assert_int_equal(rig.delivered, 0);
  assert_int_equal(rig.bad_count, 1);
  assert_int_equal(rig.counts.bad_lines, 1);
}

static void bad_line_put_right_is_fetched(void **state) {
  (void)state;
  write_text("http://h.example/a\nnot a url\nhttp://h.example/b\n");
  rig_session(&rig, path);
  write_text("http://h.example/a\nhttp://h.example/n\nhttp://h.example/b\n");
  rig_session(&rig, path);
  assert_int_equal(rig.delivered, 1);
  assert_string_equal(rig.items[0].url, "http://h.example/n");
  assert_int_equal(rig.counts.bad_lines, 0);
  assert_int_equal(rig.counts.done, 3);
  rig_session(&rig, path);
  assert_int_equal(rig.delivered, 0);
}

static void long_lines_and_nul_bytes_are_bad_lines(void **state) {
  (void)state;
  size_t length = 300000;
  char *data = malloc(length);
  assert_non_null(data);
  memset(data, 'x', length);
  memcpy(data, "http://h.example/a\nhttp://h.example/", 36);
  memcpy(data + 200000, "\nhttp://h.example/b\0c\nhttp://h.example/d\n", 41);
  rig_write(&rig, "list", data, 200041, path, sizeof path);
  free(data);
  rig_session(&rig, path);
  assert_int_equal(rig.delivered, 2);
  assert_int_equal(rig.bad_count, 2);
  assert_int_equal(rig.bad_line[0], 2);
  assert_int_equal(rig.bad_line[1], 3);
  assert_int_equal(rig.items[1].line, 4);
  assert_string_equal(rig.items[1].url, "http://h.example/d");
}

static void stopped_run_goes_on(void **state) {
  (void)state;
  rig_manifest(&rig, "list", 0, 30000, "a", path, sizeof path);
  rig.stop_after = 10000;
  rig_session(&rig, path);
  size_t first = rig.committed;
  assert_true(rig.delivered >= 10000);
  rig.stop_after = 0;
  rig_session(&rig, NULL); /* as `spate resume` does */
  assert_int_equal(first + rig.delivered, 30000);
  assert_int_equal(rig.counts.done, 30000);
}

static void signed_again_keeps_progress_and_uses_the_new_urls(void **state) {
  (void)state;
  rig_manifest(&rig, "list", 0, 20000, "old", path, sizeof path);
  rig.stop_after = 9000;
  rig_session(&rig, path);
  size_t first = rig.committed;
  rig.stop_after = 0;
  rig_manifest(&rig, "list", 0, 20000, "new-and-longer", path, sizeof path);
  rig_session(&rig, path);
  assert_int_equal(first + rig.delivered, 20000);
  assert_non_null(strstr(rig.items[0].url, "?sig=new-and-longer"));
  assert_int_equal(rig.items[0].id, first + 1);
  rig_session(&rig, path);
  assert_int_equal(rig.delivered, 0);
}

static void longer_manifest_adds_its_new_lines(void **state) {
  (void)state;
  rig_manifest(&rig, "list", 0, 9000, "a", path, sizeof path);
  rig_session(&rig, path);
  rig_manifest(&rig, "list", 0, 19000, "a", path, sizeof path);
  rig_session(&rig, path);
  assert_int_equal(rig.delivered, 10000);
  assert_int_equal(rig.items[0].id, 9001);
  assert_int_equal(rig.counts.tasks, 19000);
  rig_session(&rig, path);
  assert_int_equal(rig.delivered, 0);
}

static void changed_manifest_is_refused_with_its_line(void **state) {
  (void)state;
  write_text("http://h.example/1?s=x\nhttp://h.example/2?s=x\n"
             "http://h.example/3?s=x\n");
  rig_session(&rig, path);
  write_text("http://h.example/1?s=y\n# note\nhttp://h.example/other?s=SECRET\n"
             "http://h.example/3?s=y\n");
  rig_open(&rig);
  assert_int_equal(session_add_file(rig.session, path, &rig.msg), ERR_CHANGED);
  assert_non_null(strstr(rig.msg.text, "line 3"));
  assert_non_null(strstr(rig.msg.text, "http://h.example/other"));
  assert_null(strstr(rig.msg.text, "SECRET"));
  rig_close(&rig, false);
  write_text("http://h.example/1?s=y\n");
  rig_open(&rig);
  assert_int_equal(session_add_file(rig.session, path, &rig.msg), ERR_CHANGED);
  rig_close(&rig, false);
}

static void another_list_is_another_source(void **state) {
  (void)state;
  rig_manifest(&rig, "list", 0, 100, "a", path, sizeof path);
  rig_session(&rig, path);
  rig_manifest(&rig, "other", 5000, 50, "a", path, sizeof path);
  rig_session(&rig, path);
  assert_int_equal(rig.delivered, 50);
  assert_int_equal(rig.items[0].id, ((uint64_t)1 << TASK_ORDINAL_BITS) + 1);
  assert_int_equal(rig.counts.tasks, 150);
  assert_int_equal(rig.counts.done, 150);
}

static void missing_manifest_is_named(void **state) {
  (void)state;
  struct session_hooks hooks = {0};
  uv_loop_t loop;
  rig_manifest(&rig, "list", 0, 100, "a", path, sizeof path);
  rig.stop_after = 10;
  rig.window = 10;
  rig_session(&rig, path);
  unlink(path);
  rig_open(&rig);
  uv_loop_init(&loop);
  assert_int_equal(session_start(rig.session, &loop, &hooks, &rig.msg),
                   ERR_NOTFOUND);
  assert_non_null(strstr(rig.msg.text, "list"));
  assert_int_equal(uv_loop_close(&loop), 0);
  rig_close(&rig, false);
}

/* ---- failures ---------------------------------------------------------- */

static int count_failure(void *arg, const struct session_failure *failure) {
  struct rig_item *last = arg;
  last->line++;
  last->id = failure->id;
  snprintf(last->url, sizeof last->url, "%s", failure->line);
  snprintf(last->out, sizeof last->out, "%s", failure->reason);
  assert_int_equal(failure->status, 404);
  return 0;
}

static int written_elsewhere(struct rig *r, const struct rig_item *item) {
  session_mark_started(r->session, item->id, true);
  session_mark_written(r->session, item->id, true);
  return TASK_FAILED;
}

/* Its file got another name; the one that it has not is somebody else's, in
 * every run to come. */
static void a_name_that_was_taken_is_not_ours_later_on(void **state) {
  (void)state;
  rig_manifest(&rig, "list", 0, 1, "a", path, sizeof path);
  rig.verdict = written_elsewhere;
  rig.marks_itself = true;
  for (int i = 0; i < 3; i++) {
    rig_session(&rig, path);
    assert_int_equal(rig.delivered, 1);
    assert_false(rig.items[0].started);
    assert_false(rig.items[0].written);
  }
}

static void failed_tasks_come_again_and_lose_their_row(void **state) {
  (void)state;
  struct rig_item last = {0};
  struct special special = {"0007.bin", TASK_FAILED}; /* 00007 and 10007 */
  rig_manifest(&rig, "list", 0, 20000, "a", path, sizeof path);
  rig.verdict = special_verdict;
  rig.arg = &special;
  rig_session(&rig, path);
  assert_int_equal(rig.counts.failed, 2);
  assert_int_equal(rig.counts.done, 19998);
  assert_int_equal(
      session_failures_read(rig.dir, count_failure, &last, &rig.msg), 0);
  assert_int_equal(last.line, 2);
  assert_int_equal(last.id, 10008);
  assert_string_equal(last.url, "http://h.example/o/00010007.bin?sig=a");
  assert_string_equal(last.out, "not found");
  rig_session(&rig, path);
  assert_int_equal(rig.delivered, 2);
  assert_true(rig.items[0].failed_before);
  assert_true(rig.items[0].started);
  assert_int_equal(rig.counts.failed, 2);
  rig.verdict = NULL;
  rig_session(&rig, path);
  assert_int_equal(rig.delivered, 2);
  assert_int_equal(rig.counts.failed, 0);
  assert_int_equal(rig.counts.done, 20000);
  last.line = 0;
  assert_int_equal(
      session_failures_read(rig.dir, count_failure, &last, &rig.msg), 0);
  assert_int_equal(last.line, 0);
}

static void cancelled_tasks_stay_so_and_expired_come_again(void **state) {
  (void)state;
  struct special special = {"00000003.bin", TASK_CANCELLED};
  rig_manifest(&rig, "list", 0, 10, "a", path, sizeof path);
  rig.verdict = special_verdict;
  rig.arg = &special;
  rig_session(&rig, path);
  assert_int_equal(rig.counts.cancelled, 1);
  rig_session(&rig, path);
  assert_int_equal(rig.delivered, 0);
  assert_int_equal(rig.counts.cancelled, 1);
  special = (struct special){"00005003.bin", TASK_EXPIRED};
  rig_manifest(&rig, "more", 5000, 10, "a", path, sizeof path);
  rig_session(&rig, path);
  assert_int_equal(rig.counts.expired, 1);
  rig.verdict = NULL;
  rig_session(&rig, NULL);
  assert_int_equal(rig.delivered, 1);
  assert_int_equal(rig.counts.expired, 0);
  assert_int_equal(rig.counts.done, 19);
}

static size_t redelivered;
static void ask_and_stop(struct rig *r) {
  if (redelivered > 0 || r->committed < 20000)
    return;
  redelivered = 1;
  session_redeliver(r->session, 3, true);
  session_redeliver(r->session, 8195, false);
  session_redeliver(r->session, 5, true); /* done: it stays so */
  r->stop_after = 1;
}

static int drop_two(struct rig *r, const struct rig_item *item) {
  (void)r;
  return item->id == 3 || item->id == 8195 ? TASK_CANCELLED : TASK_DONE;
}

/* Of two cancelled tasks one is asked for for good, then the run stops. */
static void cancelled_task_that_is_wanted_again_outlives_the_run(void **state) {
  (void)state;
  rig_manifest(&rig, "list", 0, 20000, "a", path, sizeof path);
  rig.verdict = drop_two;
  rig.tick = ask_and_stop;
  redelivered = 0;
  rig_session(&rig, path);
  assert_int_equal(rig.delivered, 20000);
  assert_int_equal(rig.counts.cancelled, 1);
  assert_int_equal(rig.counts.failed, 1);
  assert_int_equal(rig.counts.done, 19998);
  rig.tick = NULL;
  rig.stop_after = 0;
  rig.verdict = NULL;
  rig_session(&rig, path);
  assert_int_equal(rig.delivered, 1);
  assert_int_equal(rig.items[0].id, 3);
  assert_int_equal(rig.counts.cancelled, 1);
  assert_int_equal(rig.counts.failed, 0);
  assert_int_equal(rig.counts.done, 19999);
}

static void redeliver_once(struct rig *r) {
  if (redelivered > 0 || r->exhausted == 0 || r->committed < 20000)
    return;
  redelivered = 1;
  r->exhausted = 0;
  r->verdict = NULL;
  session_redeliver(r->session, 12346, true);
  session_redeliver(r->session, 5, true); /* done: nothing happens */
  session_redeliver(r->session, 0, true);
  session_redeliver(r->session, UINT64_MAX, true);
}

static void failed_task_is_redelivered_within_the_run(void **state) {
  (void)state;
  struct special special = {"00012345.bin", TASK_FAILED};
  rig_manifest(&rig, "list", 0, 20000, "a", path, sizeof path);
  rig.verdict = special_verdict;
  rig.arg = &special;
  rig.tick = redeliver_once;
  redelivered = 0;
  rig_session(&rig, path);
  assert_int_equal(rig.delivered, 20001);
  assert_int_equal(rig.items[20000].id, 12346);
  assert_int_equal(rig.items[20000].line, 12346);
  assert_true(rig.items[20000].started);
  assert_int_equal(rig.counts.done, 20000);
  assert_int_equal(rig.counts.failed, 0);
  rig.tick = NULL;
  rig_session(&rig, path);
  assert_int_equal(rig.delivered, 0);
}

/* ---- partial files, options, traffic ------------------------------------ */

static int hold_third(struct rig *r, const struct rig_item *item) {
  struct session_partial partial = {.durable = 4096, .size = 9999};
  if (item->id != 3)
    return TASK_DONE;
  snprintf(partial.etag, sizeof partial.etag, "\"v1\"");
  session_mark_started(r->session, item->id, false);
  session_partial_put(r->session, item->id, &partial);
  return RIG_HOLD;
}

static void partial_and_marks_of_a_stopped_task_come_back(void **state) {
  (void)state;
  rig_manifest(&rig, "list", 0, 10, "a", path, sizeof path);
  rig.verdict = hold_third;
  rig_session(&rig, path);
  assert_int_equal(rig.counts.done, 9);
  rig.verdict = NULL;
  rig_session(&rig, path);
  assert_int_equal(rig.delivered, 1);
  assert_int_equal(rig.items[0].id, 3);
  assert_true(rig.items[0].started);
  assert_false(rig.items[0].written);
  assert_true(rig.items[0].partial);
  assert_int_equal(rig.items[0].durable, 4096);
  rig_session(&rig, path);
  assert_int_equal(rig.delivered, 0);
}

static void edit(const char *sql) {
  char file[300];
  sqlite3 *db;
  snprintf(file, sizeof file, "%s/.spate/session.db", rig.dir);
  assert_int_equal(sqlite3_open(file, &db), SQLITE_OK);
  assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
  sqlite3_close(db);
}

static void files_since_a_run_cut_by_a_reboot_are_ours(void **state) {
  (void)state;
  rig_manifest(&rig, "list", 0, 10, "a", path, sizeof path);
  rig.verdict = hold_third;
  rig_session(&rig, path);
  rig_session(&rig, path);
  assert_int_equal(rig.items[0].ours_since, 0); /* ended well */
  edit("UPDATE runs SET clean=0,started_unix_ns=12345 WHERE run=1");
  rig_session(&rig, path);
  assert_int_equal(rig.items[0].ours_since, 0); /* the same boot */
  edit("UPDATE runs SET boot_id='another' WHERE run=1");
  rig_session(&rig, path);
  assert_int_equal(rig.items[0].ours_since, 12345);
  rig.verdict = NULL;
  rig_session(&rig, path);
  assert_int_equal(rig.counts.done, 10);
  rig_manifest(&rig, "list", 0, 20, "a", path, sizeof path);
  rig_session(&rig, path); /* all was done since: that run is history */
  assert_int_equal(rig.items[0].ours_since, 0);
}

static int collect_option(void *arg, const char *name, const char *value) {
  char *text = arg;
  size_t used = strlen(text);
  snprintf(text + used, 100 - used, "%s=%s;", name, value);
  return 0;
}

static void options_are_kept_in_order(void **state) {
  (void)state;
  char text[100] = "";
  struct session_option options[] = {
      {"header", "A: 1"}, {"rate", "5/s"}, {"header", "B: 2"}};
  rig_open(&rig);
  assert_int_equal(
      session_options_get(rig.session, collect_option, text, &rig.msg),
      ERR_NOTFOUND);
  assert_int_equal(session_options_put(rig.session, options, 3, &rig.msg), 0);
  rig_close(&rig, false);
  rig_open(&rig);
  assert_int_equal(
      session_options_get(rig.session, collect_option, text, &rig.msg), 0);
  assert_string_equal(text, "header=A: 1;rate=5/s;header=B: 2;");
  rig_close(&rig, false);
}

static int pid_seen;
static void look_at_status(struct rig *r) {
  struct session_status status;
  struct session_traffic traffic = {.bytes = 10, .requests = 1};
  session_traffic(r->session, &traffic);
  assert_int_equal(session_status_read(r->dir, &status, &r->msg), 0);
  if (status.running_pid == getpid())
    pid_seen++;
  assert_true(status.counts.done <= 3000);
}

static void status_is_readable_while_it_runs_and_after(void **state) {
  (void)state;
  struct session_status status;
  assert_int_equal(session_status_read(rig.dir, &status, &rig.msg),
                   ERR_NOTFOUND);
  rig_manifest(&rig, "list", 0, 3000, "a", path, sizeof path);
  rig.tick = look_at_status;
  pid_seen = 0;
  rig_session(&rig, path);
  assert_true(pid_seen > 0);
  assert_int_equal(session_status_read(rig.dir, &status, &rig.msg), 0);
  assert_int_equal(status.running_pid, 0);
  assert_int_equal(status.counts.done, 3000);
  assert_int_equal(status.counts.tasks, 3000);
  assert_true(status.finished);
  assert_int_equal(status.traffic.bytes, 10 * status.traffic.requests);
  assert_true(status.traffic.requests > 0);
}

/* ---- lock, damage ------------------------------------------------------ */

static void second_opener_is_told_the_pid(void **state) {
  (void)state;
  struct session *second = NULL;
  char pid[32];
  rig_open(&rig);
  snprintf(pid, sizeof pid, "process %ld", (long)getpid());
  assert_int_equal(session_open(&second, rig.dir, false, &rig.msg), ERR_LOCKED);
  assert_non_null(strstr(rig.msg.text, pid));
  rig_close(&rig, false);
  assert_int_equal(session_open(&second, rig.dir, false, &rig.msg), 0);
  session_close(second, false);
}

static void damaged_database_is_refused_not_replaced(void **state) {
  (void)state;
  struct session *session = NULL;
  struct stat st;
  char junk[4096], sub[300];
  memset(junk, 'j', sizeof junk);
  snprintf(sub, sizeof sub, "%s/.spate", rig.dir);
  assert_int_equal(mkdir(sub, 0700), 0);
  rig_write(&rig, ".spate/session.db", junk, sizeof junk, path, sizeof path);
  assert_int_equal(session_open(&session, rig.dir, false, &rig.msg),
                   ERR_CORRUPT);
  assert_non_null(strstr(rig.msg.text, "session.db"));
  assert_int_equal(stat(path, &st), 0);
  assert_int_equal(st.st_size, sizeof junk);
}

static void linked_session_directory_is_refused(void **state) {
  (void)state;
  struct session *session = NULL;
  char sub[300];
  snprintf(sub, sizeof sub, "%s/.spate", rig.dir);
  assert_int_equal(symlink("/tmp", sub), 0);
  assert_int_equal(session_open(&session, rig.dir, false, &rig.msg),
                   ERR_UNSAFE);
}

/* ---- command lines ----------------------------------------------------- */

static void add_line(const char *line) {
  int rc = session_add_lines(rig.session, &line, 1, &rig.msg);
  if (rc != 0)
    fail_msg("session_add_lines: %d %s", rc, rig.msg.text);
}

static void typed_urls_that_are_done_leave_nothing(void **state) {
  (void)state;
  char sub[300];
  rig_open(&rig);
  add_line("http://h.example/a?s=1");
  add_line("http://h.example/b?s=1\tname");
  rig_run(&rig, true);
  assert_int_equal(rig.delivered, 2);
  assert_string_equal(rig.items[1].out, "name");
  rig_close(&rig, true);
  snprintf(sub, sizeof sub, "%s/.spate", rig.dir);
  assert_int_equal(access(sub, F_OK), -1);
}

static void typed_again_is_the_same_task_signed_again(void **state) {
  (void)state;
  struct special special = {"/a", TASK_FAILED};
  rig_open(&rig);
  add_line("http://h.example/a?s=1");
  add_line("http://h.example/b?s=1");
  add_line("http://h.example/a?s=1");
  rig.verdict = special_verdict;
  rig.arg = &special;
  rig_run(&rig, true);
  assert_int_equal(rig.delivered, 2);
  rig_close(&rig, true); /* a failed: it stays */
  rig_reset(&rig);
  rig.verdict = NULL;
  rig_open(&rig);
  add_line("http://h.example/c?s=2");
  add_line("http://h.example/a?s=2222222");
  add_line("http://h.example/b?s=2");
  rig_run(&rig, true);
  assert_int_equal(rig.delivered, 2);
  assert_string_equal(rig.items[0].url, "http://h.example/a?s=2222222");
  assert_int_equal(rig.items[0].id, 1);
  assert_true(rig.items[0].failed_before);
  assert_string_equal(rig.items[1].url, "http://h.example/c?s=2");
  assert_int_equal(rig.items[1].id, 3);
  assert_int_equal(rig.counts.done, 3);
  rig_close(&rig, false);
}

static void bad_typed_line_is_refused_without_its_secret(void **state) {
  (void)state;
  const char *lines[] = {"http://h.example/a", "nonsense?token=SECRET"};
  rig_open(&rig);
  assert_int_equal(session_add_lines(rig.session, lines, 2, &rig.msg),
                   ERR_SYNTAX);
  rig_run(&rig, false);
  assert_int_equal(rig.delivered, 0);
}

/* ---- full disk --------------------------------------------------------- */

static void fill_disk(const char *dir, const char *name) {
  char file[300], block[4096] = {0};
  snprintf(file, sizeof file, "%s/%s", dir, name);
  int fd = open(file, O_WRONLY | O_CREAT, 0600);
  assert_true(fd >= 0);
  while (write(fd, block, sizeof block) > 0)
    continue;
  close(fd);
}

static void free_disk_after_trouble(struct rig *r) {
  static int turns;
  char file[300];
  snprintf(file, sizeof file, "%s/ballast", r->dir);
  if (r->delivered == 0 && turns == 0)
    fill_disk(r->dir, "ballast");
  turns++;
  if (r->last_trouble == ERR_FULL)
    unlink(file);
}

static void full_disk_waits_and_loses_nothing(void **state) {
  (void)state;
  if (geteuid() != 0 || mount("none", rig.dir, "tmpfs", 0, "size=8m") != 0) {
    print_message("# skipped: no tmpfs can be mounted here\n");
    skip();
  }
  char outside[] = "/tmp/spate-list-XXXXXX";
  int fd = mkstemp(outside);
  assert_true(fd >= 0);
  for (int i = 0; i < 20000; i++)
    dprintf(fd, "http://h.example/%d\n", i);
  close(fd);
  struct special special = {"7", TASK_FAILED}; /* many rows to write */
  rig.verdict = special_verdict;
  rig.arg = &special;
  rig.tick = free_disk_after_trouble;
  rig_session(&rig, outside);
  size_t failed = rig.counts.failed;
  int worst = rig.worst_trouble, last = rig.last_trouble;
  size_t committed = rig.committed;
  rig.tick = NULL;
  rig.verdict = NULL;
  rig_session(&rig, outside);
  size_t again = rig.delivered;
  unlink(outside);
  assert_int_equal(umount(rig.dir), 0);
  assert_int_equal(worst, ERR_FULL);
  assert_int_equal(last, 0);
  assert_int_equal(committed, 20000);
  assert_true(failed > 0);
  assert_int_equal(again, failed);
  assert_int_equal(rig.counts.done, 20000);
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
  const struct CMUnitTest tests[] = {
      T(delivers_all_lines_in_order),
      T(totals_are_read_from_an_index),
      T(skips_blanks_comments_and_reads_odd_ends),
      T(reports_bad_lines_each_run_and_counts_them_once),
      T(bad_line_put_right_is_fetched),
      T(long_lines_and_nul_bytes_are_bad_lines),
      T(stopped_run_goes_on),
      T(signed_again_keeps_progress_and_uses_the_new_urls),
      T(longer_manifest_adds_its_new_lines),
      T(changed_manifest_is_refused_with_its_line),
      T(another_list_is_another_source),
      T(missing_manifest_is_named),
      T(a_name_that_was_taken_is_not_ours_later_on),
      T(failed_tasks_come_again_and_lose_their_row),
      T(cancelled_tasks_stay_so_and_expired_come_again),
      T(cancelled_task_that_is_wanted_again_outlives_the_run),
      T(failed_task_is_redelivered_within_the_run),
      T(partial_and_marks_of_a_stopped_task_come_back),
      T(files_since_a_run_cut_by_a_reboot_are_ours),
      T(options_are_kept_in_order),
      T(status_is_readable_while_it_runs_and_after),
      T(second_opener_is_told_the_pid),
      T(damaged_database_is_refused_not_replaced),
      T(linked_session_directory_is_refused),
      T(typed_urls_that_are_done_leave_nothing),
      T(typed_again_is_the_same_task_signed_again),
      T(bad_typed_line_is_refused_without_its_secret),
      T(full_disk_waits_and_loses_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
