/* SPDX-License-Identifier: MIT
 *
 * Lists that come through a pipe: delivered as they come, spooled, and known
 * again when they are piped in a second time.
 */
#include "config.h"

#include <dirent.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "session_rig.h"

static struct rig rig;
static int fds[2];

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

struct list {
  size_t first, count;
  const char *sig;
  size_t odd; /* this line names another object; 0 none */
};

static void write_list(void *arg) {
  const struct list *list = arg;
  FILE *file = fdopen(fds[1], "w");
  for (size_t i = list->first; i < list->first + list->count; i++)
    fprintf(file, "http://h.example/%s%zu?sig=%s\n",
            i + 1 == list->odd ? "odd/" : "", i, list->sig);
  fclose(file);
}

/* A run with the list coming in from another thread. */
static void pipe_in(struct list list) {
  uv_thread_t writer;
  rig_reset(&rig);
  assert_int_equal(pipe(fds), 0);
  rig_open(&rig);
  assert_int_equal(session_add_stream(rig.session, fds[0], &rig.msg), 0);
  assert_int_equal(uv_thread_create(&writer, write_list, &list), 0);
  rig_run(&rig, false);
  close(fds[0]);
  uv_thread_join(&writer);
}

static size_t count_spools(void) {
  char name[300];
  size_t count = 0;
  snprintf(name, sizeof name, "%s/.spate", rig.dir);
  DIR *dir = opendir(name);
  assert_non_null(dir);
  for (struct dirent *e = readdir(dir); e != NULL; e = readdir(dir))
    count += strncmp(e->d_name, "spool-", 6) == 0;
  closedir(dir);
  return count;
}

/* Each line follows when the one before it was delivered; the pipe is closed
   after the tenth, or when one is not delivered in good time. */
static int lines_written, turns_left;
static void drip(struct rig *r) {
  char line[64];
  if (lines_written > 10)
    return;
  if (lines_written == 10 || turns_left-- == 0) {
    lines_written += 10;
    close(fds[1]);
  } else if (r->delivered == (size_t)lines_written) {
    lines_written++;
    int length =
        snprintf(line, sizeof line, "http://h.example/%d\n", lines_written);
    assert_int_equal(write(fds[1], line, (size_t)length), length);
  }
}

static void slow_pipe_is_delivered_as_it_comes(void **state) {
  (void)state;
  lines_written = 0;
  turns_left = 15000;
  assert_int_equal(pipe(fds), 0);
  rig_open(&rig);
  assert_int_equal(session_add_stream(rig.session, fds[0], &rig.msg), 0);
  rig.tick = drip;
  rig_run(&rig, false);
  close(fds[0]);
  assert_int_equal(rig.delivered, 10);
  assert_int_equal(lines_written, 20);
  assert_int_equal(rig.counts.tasks, 10);
  assert_int_equal(rig.counts.done, 10);
}

static void piped_again_continues_with_the_new_signatures(void **state) {
  (void)state;
  rig.stop_after = 12000;
  rig.window = 500;
  pipe_in((struct list){.count = 20000, .sig = "old"});
  size_t first = rig.committed;
  assert_true(first >= 12000 && first < 20000);
  rig.stop_after = 0;
  pipe_in((struct list){.count = 20000, .sig = "new"});
  assert_int_equal(first + rig.delivered, 20000);
  for (size_t i = 0; i < rig.item_count; i++)
    assert_non_null(strstr(rig.items[i].url, "sig=new"));
  assert_int_equal(rig.counts.tasks, 20000);
  assert_int_equal(rig.bad_count, 0);
  pipe_in((struct list){.count = 20000, .sig = "again"});
  assert_int_equal(rig.delivered, 0);
  assert_int_equal(rig.counts.done, 20000);
  rig_open(&rig); /* sweeps what nothing refers to */
  rig_close(&rig, false);
  assert_int_equal(count_spools(), 1);
}

static void read_ahead(struct rig *r) {
  session_read_ahead(r->session);
}

/* A list that is being compared was read ahead as one of its own: after a kill
 * all of it was fetched again. */
static void piped_again_is_no_second_list_to_read_ahead(void **state) {
  (void)state;
  rig.stop_after = 12000;
  rig.window = 500;
  rig.tick = read_ahead;
  pipe_in((struct list){.count = 30000, .sig = "old"});
  size_t first = rig.committed;
  pipe_in((struct list){.count = 30000, .sig = "new"});
  first += rig.committed;
  rig.stop_after = 0;
  pipe_in((struct list){.count = 30000, .sig = "again"});
  assert_int_equal(first + rig.delivered, 30000);
  assert_int_equal(rig.counts.tasks, 30000);
  assert_int_equal(rig.counts.done, 30000);
}

static int fail_odd_thousands(struct rig *r, const struct rig_item *item) {
  (void)r;
  return item->id % 1000 == 0 ? TASK_FAILED : TASK_DONE;
}

static void failed_ones_of_a_pipe_get_fresh_urls(void **state) {
  (void)state;
  rig.verdict = fail_odd_thousands;
  pipe_in((struct list){.count = 10000, .sig = "old"});
  assert_int_equal(rig.counts.failed, 10);
  rig.verdict = NULL;
  pipe_in((struct list){.count = 10000, .sig = "new"});
  assert_int_equal(rig.delivered, 10);
  assert_non_null(strstr(rig.items[9].url, "/9999?sig=new"));
  assert_true(rig.items[0].failed_before);
  assert_int_equal(rig.counts.done, 10000);
}

static void longer_list_piped_again_adds_its_lines(void **state) {
  (void)state;
  pipe_in((struct list){.count = 9000, .sig = "old"});
  assert_int_equal(rig.delivered, 9000);
  pipe_in((struct list){.count = 19000, .sig = "new"});
  assert_int_equal(rig.delivered, 10000);
  assert_int_equal(rig.items[0].id, 9001);
  assert_int_equal(rig.counts.tasks, 19000);
  rig_session(&rig, NULL);
  assert_int_equal(rig.delivered, 0);
  assert_int_equal(rig.counts.tasks, 19000);
}

static void shorter_list_piped_again_leaves_the_rest_known(void **state) {
  (void)state;
  rig.stop_after = 2000;
  pipe_in((struct list){.count = 20000, .sig = "old"});
  size_t first = rig.committed;
  /* The rest comes from what was spooled before the stop. */
  rig.stop_after = 0;
  pipe_in((struct list){.count = 500, .sig = "new"});
  assert_true(first + rig.delivered == 20000 || rig.bad_count > 0);
  for (size_t i = 0; i < rig.item_count; i++)
    assert_true(rig.items[i].id > first);
}

static void other_list_stops_and_the_known_one_goes_on(void **state) {
  (void)state;
  rig.verdict = fail_odd_thousands;
  pipe_in((struct list){.count = 10000, .sig = "old"});
  rig.verdict = NULL;
  pipe_in((struct list){.count = 10000, .sig = "new", .odd = 8500});
  assert_int_equal(rig.bad_count, 1);
  assert_int_equal(rig.bad_line[0], 8500);
  assert_int_equal(rig.delivered, 10);
  assert_non_null(strstr(rig.items[0].url, "/999?sig=new"));
  assert_non_null(strstr(rig.items[9].url, "/9999?sig=old"));
  assert_int_equal(rig.counts.done, 10000);
  assert_int_equal(rig.counts.tasks, 9999 + 1 - 1);
}

static void cut_pipe_is_said_and_completed_by_the_next(void **state) {
  (void)state;
  struct list rest = {.count = 100, .sig = "b"};
  assert_int_equal(pipe(fds), 0);
  rig_open(&rig);
  assert_int_equal(session_add_stream(rig.session, fds[0], &rig.msg), 0);
  dprintf(fds[1], "http://h.example/0?sig=a\nhttp://h.example/1?sig=a\n"
                  "http://h.example/2?si");
  rig.stop_after = 2;
  rig_run(&rig, false);
  close(fds[0]);
  close(fds[1]);
  size_t first = rig.committed;
  rig.stop_after = 0;
  rig_session(&rig, NULL);
  assert_int_equal(first + rig.delivered, 2);
  assert_int_equal(rig.bad_count, 1);
  assert_int_equal(rig.bad_line[0], 3);
  assert_int_equal(rig.counts.tasks, -1);
  pipe_in(rest);
  assert_int_equal(rig.delivered, 98);
  assert_int_equal(rig.bad_count, 0);
  assert_int_equal(rig.counts.tasks, 100);
  assert_int_equal(rig.counts.done, 100);
}

static void two_lists_are_two_sources(void **state) {
  (void)state;
  char path[256];
  pipe_in((struct list){.count = 10, .sig = "a"});
  pipe_in((struct list){.first = 500, .count = 20, .sig = "a"});
  assert_int_equal(rig.delivered, 20);
  rig_manifest(&rig, "list", 0, 30, "a", path, sizeof path);
  rig_session(&rig, path);
  assert_int_equal(rig.delivered, 30);
  assert_int_equal(rig.counts.done, 60);
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
  const struct CMUnitTest tests[] = {
      T(slow_pipe_is_delivered_as_it_comes),
      T(piped_again_continues_with_the_new_signatures),
      T(piped_again_is_no_second_list_to_read_ahead),
      T(failed_ones_of_a_pipe_get_fresh_urls),
      T(longer_list_piped_again_adds_its_lines),
      T(shorter_list_piped_again_leaves_the_rest_known),
      T(other_list_stops_and_the_known_one_goes_on),
      T(cut_pipe_is_said_and_completed_by_the_next),
      T(two_lists_are_two_sources),
  };
  /* A run that stops early may close the pipe before all is written. */
  signal(SIGPIPE, SIG_IGN);
  return cmocka_run_group_tests(tests, NULL, NULL);
}
