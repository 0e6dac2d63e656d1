/* SPDX-License-Identifier: MIT
 *
 * Files that grow beside a session: their lengths go with the tasks they
 * cover, whatever is killed when; the newest word counts; they can be
 * forgotten, listed and read from outside.
 */
#include "config.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "session_rig.h"

#define LINES 30000
#define ROUNDS 40
#define RECORD 8 /* bytes: a number of seven digits and a newline */

static struct rig rig;
static char path[256], grown[256];
static int fd;
static int64_t length;
static uint64_t records;

static int setup(void **state) {
  (void)state;
  rig_init(&rig);
  rig_manifest(&rig, "list", 0, LINES, "a", path, sizeof path);
  snprintf(grown, sizeof grown, "%s/grown", rig.dir);
  return 0;
}

static int teardown(void **state) {
  (void)state;
  rig_fini(&rig);
  return 0;
}

/* ---- exactly once ------------------------------------------------------ */

/* Records go to the file in several writes, some of which a kill cuts. */
static void append(struct rig *r, const uint64_t *ids, size_t count) {
  for (size_t i = 0; i < count; i++) {
    char line[RECORD + 1];
    snprintf(line, sizeof line, "%07u\n", (unsigned)ids[i]);
    assert_int_equal(pwrite(fd, line, RECORD, length), RECORD);
    length += RECORD;
    records++;
  }
  session_file_put(r->session, "grown", fd, length, records);
}

static void open_grown(void) {
  length = 0;
  records = 0;
  int rc = session_file_get(rig.session, "grown", &length, &records, &rig.msg);
  assert_true(rc == 0 || rc == ERR_NOTFOUND);
  fd = open(grown, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  assert_true(fd >= 0);
  assert_int_equal(ftruncate(fd, length), 0);
}

static void one_run(void) {
  rig_reset(&rig);
  rig_open(&rig);
  open_grown();
  rig_add_file(&rig, path);
  rig_run(&rig, false);
  close(fd);
}

/* The part of the file that counts has whole lines, none twice. */
static size_t check_grown(unsigned char *seen) {
  struct stat st;
  size_t found = 0;
  assert_int_equal(stat(grown, &st), 0);
  rig_open(&rig);
  open_grown();
  assert_true(st.st_size >= length);
  assert_int_equal(length, records * RECORD);
  memset(seen, 0, LINES + 1);
  for (int64_t at = 0; at < length; at += RECORD) {
    char line[RECORD + 1] = "";
    assert_int_equal(pread(fd, line, RECORD, at), RECORD);
    assert_int_equal(line[RECORD - 1], '\n');
    long id = strtol(line, NULL, 10);
    assert_in_range(id, 1, LINES);
    assert_int_equal(seen[id], 0);
    seen[id] = 1;
    found++;
  }
  close(fd);
  rig_close(&rig, false);
  return found;
}

static void killed_at_any_moment_each_record_is_there_once(void **state) {
  static unsigned char seen[LINES + 1];
  int killed = 0;
  (void)state;
  rig.quiet = true;
  rig.window = 3000; /* more than a batch takes: groups must hold */
  rig.record = append;
  srand(815);
  for (int round = 0; round < ROUNDS; round++) {
    int status;
    pid_t pid = fork();
    if (pid == 0) {
      one_run();
      _exit(0);
    }
    assert_true(pid > 0);
    usleep((useconds_t)(3000 + rand() % 15000));
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    killed += WIFSIGNALED(status);
    if (access(grown, F_OK) == 0)
      check_grown(seen);
  }
  assert_true(killed > 2); /* a quick disk ends most runs in time */
  one_run();
  assert_int_equal(rig.counts.done, LINES);
  assert_int_equal(check_grown(seen), LINES);
  print_message("# %d kills\n", killed);
}

/* ---- what is kept ------------------------------------------------------- */

static int told;
static int64_t told_bytes;

static void note_file(struct rig *r, const char *name, int64_t bytes) {
  (void)r;
  if (strcmp(name, "b") == 0) {
    told++;
    told_bytes = bytes;
  }
}

static void say_files(struct rig *r, const uint64_t *ids, size_t count) {
  (void)ids;
  (void)count;
  session_file_put(r->session, "b", -1, 5, 1);
  session_file_put(r->session, "a", -1, 0, 0);
  session_file_put(r->session, "b", -1, INT64_C(5000000000), 70);
  session_file_put(r->session, "gone", -1, 7, 7);
  r->record = NULL;
}

static void forget_file(struct rig *r, const uint64_t *ids, size_t count) {
  (void)ids;
  (void)count;
  session_file_put(r->session, "gone", -1, -1, 0);
  session_file_put(r->session, "never", -1, -1, 0);
  r->record = NULL;
}

static int list_files(void *arg, const char *name, int64_t bytes,
                      uint64_t count) {
  char *text = arg;
  size_t used = strlen(text);
  snprintf(text + used, 200 - used, "%s:%lld:%llu ", name, (long long)bytes,
           (unsigned long long)count);
  return 0;
}

static int stop_at_once(void *arg, const char *name, int64_t bytes,
                        uint64_t count) {
  (void)bytes;
  (void)count;
  assert_string_equal(name, "a");
  ++*(int *)arg;
  return 17;
}

static void the_newest_word_counts(void **state) {
  char text[200] = "";
  int calls = 0;
  int64_t bytes = 0;
  uint64_t count = 0;
  (void)state;
  told = 0;
  rig.record = say_files;
  rig.saw_file = note_file;
  rig.stop_after = 3000;
  rig_session(&rig, path);
  assert_int_equal(told, 1);
  assert_int_equal(told_bytes, INT64_C(5000000000));
  rig_open(&rig);
  assert_int_equal(session_file_get(rig.session, "b", &bytes, &count, &rig.msg),
                   0);
  assert_int_equal(bytes, INT64_C(5000000000));
  assert_int_equal(count, 70);
  assert_int_equal(session_file_get(rig.session, "c", &bytes, &count, &rig.msg),
                   ERR_NOTFOUND);
  assert_int_equal(
      session_files_each(rig.session, stop_at_once, &calls, &rig.msg), 17);
  assert_int_equal(calls, 1);
  rig_close(&rig, false);
  rig.record = forget_file;
  rig.stop_after = 0;
  rig_session(&rig, path);
  assert_int_equal(session_files_read(rig.dir, list_files, text, &rig.msg), 0);
  assert_string_equal(text, "a:0:0 b:5000000000:70 ");
}

static void a_length_alone_is_committed_too(void **state) {
  int64_t bytes = 0;
  uint64_t count = 0;
  (void)state;
  rig.record = say_files;
  rig_session(&rig, path);
  rig.record = NULL;
  rig_reset(&rig);
  rig_open(&rig);
  rig.tick = NULL;
  /* Said before the first turn; nothing at all is settled in this run. */
  rig_add_file(&rig, path);
  session_file_put(rig.session, "a", -1, 99, 3);
  rig_run(&rig, false);
  assert_int_equal(rig.delivered, 0);
  rig_open(&rig);
  assert_int_equal(session_file_get(rig.session, "a", &bytes, &count, &rig.msg),
                   0);
  assert_int_equal(bytes, 99);
  rig_close(&rig, false);
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
  const struct CMUnitTest tests[] = {
      T(killed_at_any_moment_each_record_is_there_once),
      T(the_newest_word_counts),
      T(a_length_alone_is_committed_too),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
