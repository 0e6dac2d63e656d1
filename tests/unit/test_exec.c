/* SPDX-License-Identifier: MIT
 *
 * exec.c with real programs: words, names that want to be commands, status,
 * time limits, what is left behind, and the semaphore.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "exec.h"

/* Stands before libuv's own: to let it fail. */
static bool reading_fails;

int uv_read_start(uv_stream_t *stream, uv_alloc_cb alloc_cb,
                  uv_read_cb read_cb) {
  int (*real)(uv_stream_t *, uv_alloc_cb, uv_read_cb);
  if (reading_fails)
    return UV_ENOMEM;
  *(void **)&real = dlsym(RTLD_NEXT, "uv_read_start");
  return real(stream, alloc_cb, read_cb);
}

/* Likewise: to see who starts programs, how many at once, and to have it take
 * its time. */
static atomic_uint spawning, spawning_most, spawns_on_loop;
static unsigned spawn_ms;
static uv_thread_t loop_thread;

/* Valgrind forks where glibc shares its memory: why a program was not started
 * stays in the child. So it is found out beforehand there. */
static int cannot_start(const char *file) {
  const char *preloaded = getenv("LD_PRELOAD");
  char magic[2] = "";
  int fd;
  if (preloaded == NULL || strstr(preloaded, "valgrind") == NULL ||
      strchr(file, '/') == NULL)
    return 0;
  fd = open(file, O_RDONLY);
  if (fd < 0)
    return errno;
  assert_int_equal(read(fd, magic, 2), 2);
  close(fd);
  return memcmp(magic, "#!", 2) == 0 || memcmp(magic, "\177E", 2) == 0
             ? 0
             : ENOEXEC;
}

int posix_spawnp(pid_t *pid, const char *file,
                 const posix_spawn_file_actions_t *files,
                 const posix_spawnattr_t *attr, char *const words[],
                 char *const env[]) {
  int (*real)(pid_t *, const char *, const posix_spawn_file_actions_t *,
              const posix_spawnattr_t *, char *const[], char *const[]);
  uv_thread_t self = uv_thread_self();
  unsigned now = atomic_fetch_add(&spawning, 1) + 1;
  int code;
  if (now > spawning_most)
    spawning_most = now;
  spawns_on_loop += uv_thread_equal(&self, &loop_thread) != 0;
  uv_sleep(spawn_ms);
  *(void **)&real = dlsym(RTLD_NEXT, "posix_spawnp");
  code = cannot_start(file);
  if (code == 0)
    code = real(pid, file, files, attr, words, env);
  spawning--;
  return code;
}

struct rig {
  uv_loop_t loop;
  struct execs execs;
  int ended, lines;
  struct exec_result result;
  char why[700], line[EXEC_LINE + 1];
  unsigned most; /* that ran at once */
};

static void on_line(void *owner, const char *line) {
  struct rig *rig = owner;
  rig->lines++;
  snprintf(rig->line, sizeof(rig->line), "%s", line);
}

static void on_ended(void *owner, const struct exec_result *result) {
  struct rig *rig = owner;
  rig->ended++;
  rig->result = *result;
  snprintf(rig->why, sizeof(rig->why), "%s", result->why);
}

static const struct exec_ops ops = {on_line, on_ended};

static void begin(struct rig *rig, const char *text, bool shell, uint32_t limit,
                  double timeout_s) {
  struct exec_command command;
  memset(rig, 0, sizeof(*rig));
  assert_int_equal(exec_command_init(&command, text, shell, NULL), 0);
  uv_loop_init(&rig->loop);
  execs_init(&rig->execs, &rig->loop, limit, timeout_s, &command);
}

static void end(struct rig *rig) {
  assert_int_equal(uv_run(&rig->loop, UV_RUN_DEFAULT), 0);
  assert_int_equal(rig->execs.live, 0);
  assert_int_equal(rig->execs.sem.used, 0);
  execs_fini(&rig->execs);
  assert_int_equal(uv_loop_close(&rig->loop), 0);
}

static void once(struct rig *rig, const char *text, bool shell,
                 const char *path, double timeout_s) {
  begin(rig, text, shell, 2, timeout_s);
  assert_non_null(exec_start(&rig->execs, path, 0, rig, &ops));
  assert_int_equal(rig->ended, 0);
  end(rig);
  assert_int_equal(rig->ended, 1);
}

/* ---- words ------------------------------------------------------------------
 */

static void words_are(const char *text, const char *path,
                      const char *const *expected) {
  struct exec_command command;
  char **words;
  size_t i;
  assert_int_equal(exec_command_init(&command, text, false, NULL), 0);
  words = exec_command_for(&command, path);
  assert_non_null(words);
  for (i = 0; expected[i] != NULL; i++) {
    assert_non_null(words[i]);
    assert_string_equal(words[i], expected[i]);
  }
  assert_null(words[i]);
  free(words);
  exec_command_fini(&command);
}

static void words_are_split_as_a_shell_would(void **state) {
  static const char *const plain[] = {"a", "b", "p q", NULL};
  static const char *const quoted[] = {"a b", "c\"d", "e\\f", "$x",
                                       "",    "p",    NULL};
  static const char *const inside[] = {"x", "--in=p", "pp.out", NULL};
  (void)state;
  words_are("  a \t b ", "p q", plain);
  words_are("'a b' \"c\\\"d\" e\\\\f \"$x\" '' {}", "p", quoted);
  words_are("x --in={} {}{}.out", "p", inside);
}

static void bad_commands_are_refused(void **state) {
  static const char *const bad[] = {"", "  ", "'a", "a \"b", "a\\"};
  struct exec_command command;
  struct errmsg msg;
  (void)state;
  for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
    assert_int_equal(exec_command_init(&command, bad[i], false, &msg),
                     ERR_SYNTAX);
}

/* ---- programs
 * ------------------------------------------------------------------ */

static void status_and_words_come_back(void **state) {
  struct rig rig;
  (void)state;
  once(&rig, "true", false, "x", 0);
  assert_int_equal(rig.result.code, 0);
  assert_string_equal(rig.why, "");
  once(&rig, "echo hello", false, "a;b $(c)", 0);
  assert_int_equal(rig.result.code, 0);
  assert_string_equal(rig.line, "hello a;b $(c)");
  once(&rig,
       "printf '%s|' \"x{}y\" 'x{}y' x{}y \"$(printf %s: {} $((1)) {})\" "
       "\"`printf %s {}`\" '\"{}\"' \\\"{} {}0 \"it's {}\"",
       true, "a  *", 0);
  assert_string_equal(rig.line, "xa  *y|xa  *y|xa  *y|a  *:1:a  *:|a  *|"
                                "\"a  *\"|\"a  *|a  *0|it's a  *|");
  once(&rig, "echo bad news >&2; exit 3", true, "x", 0);
  assert_int_equal(rig.result.code, ERR_IO);
  assert_int_equal(rig.result.status, 3);
  assert_string_equal(rig.why, "the program ended with status 3: bad news");
  once(&rig, "kill -9 $$", true, "x", 0);
  assert_int_equal(rig.result.signal, 9);
  once(&rig, "/no/such/program", false, "x", 0);
  assert_int_equal(rig.result.code, ERR_IO);
  assert_non_null(strstr(rig.why, "could not be started"));
}

/* Nothing runs whose words nobody reads, and its permit comes back once. */
static void what_cannot_be_read_does_not_run(void **state) {
  struct rig rig;
  (void)state;
  reading_fails = true;
  once(&rig, "sleep 60", true, "x", 0);
  reading_fails = false;
  assert_int_equal(rig.result.code, ERR_IO);
  assert_non_null(strstr(rig.why, "could not be started"));
  assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no child */
}

static void names_are_never_commands(void **state) {
  static const char *const forms[] = {"printf %s {}", "printf %s \"{}\"",
                                      "printf %s '{}'"};
  static const char name[] = "a b'; echo \"x\" $(touch /tmp/no) `y` *";
  struct rig rig;
  (void)state;
  for (size_t i = 0; i < 3; i++) {
    once(&rig, forms[i], true, name, 0);
    assert_int_equal(rig.result.code, 0);
    assert_string_equal(rig.line, name);
  }
  once(&rig, "printf %s {}", false, name, 0);
  assert_string_equal(rig.line, name);
}

static void output_is_bounded(void **state) {
  struct rig rig;
  (void)state;
  once(&rig, "yes | head -n 100000; printf 'no newline'", true, "x", 0);
  assert_int_equal(rig.result.code, 0);
  assert_int_equal(rig.lines, EXEC_LINES);
  once(&rig, "head -c 1000000 /dev/zero | tr '\\0' x", true, "x", 0);
  assert_int_equal(rig.lines, 1);
  assert_int_equal(strlen(rig.line), EXEC_LINE);
}

/* It and what it has started are gone, also when they do not listen. */
static void time_limit_ends_the_whole_group(void **state) {
  char path[] = "/tmp/spate-exec-XXXXXX";
  struct rig rig;
  uint64_t begun = uv_hrtime();
  int fd = mkstemp(path);
  (void)state;
  assert_true(fd >= 0);
  close(fd);
  once(&rig, "(sleep 3; rm {}) & sleep 60", true, path, 0.2);
  assert_true(rig.result.timed_out);
  assert_int_equal(rig.result.code, ERR_IO);
  assert_non_null(strstr(rig.why, "took longer than 0.2 s"));
  once(&rig, "trap '' TERM; while :; do sleep 0.1; done", true, "x", 0.2);
  assert_int_equal(rig.result.signal, 9);
  assert_true(uv_hrtime() - begun < (uint64_t)20000000000);
  while (uv_hrtime() - begun < (uint64_t)3500000000)
    uv_sleep(100);
  assert_int_equal(unlink(path), 0);
}

static void what_it_leaves_behind_holds_nothing_up(void **state) {
  struct rig rig;
  uint64_t begun = uv_hrtime();
  (void)state;
  once(&rig, "sleep 60 & echo done", true, "x", 0);
  assert_string_equal(rig.line, "done");
  once(&rig, "setsid sleep 30 & echo done", true, "x", 0);
  assert_string_equal(rig.line, "done");
  assert_true(uv_hrtime() - begun < (uint64_t)20000000000);
}

static void on_many_line(void *owner, const char *line) {
  struct rig *rig = owner;
  (void)line;
  if (rig->execs.sem.used > rig->most)
    rig->most = rig->execs.sem.used;
}

static void semaphore_bounds_and_stop_ends_them(void **state) {
  static const struct exec_ops many = {on_many_line, on_ended};
  struct rig rig;
  (void)state;
  begin(&rig, "echo", false, 3, 0);
  for (int i = 0; i < 20; i++)
    assert_non_null(exec_start(&rig.execs, "x", 0, &rig, &many));
  end(&rig);
  assert_int_equal(rig.ended, 20);
  assert_true(rig.most >= 2 && rig.most <= 3);
  begin(&rig, "sleep 60", false, 2, 0);
  for (int i = 0; i < 5; i++)
    assert_non_null(exec_start(&rig.execs, "1", 0, &rig, &ops));
  execs_stop_all(&rig.execs);
  end(&rig);
  assert_int_equal(rig.ended, 5);
  assert_int_equal(rig.result.code, ERR_CLOSED);
  assert_in_range(rig.execs.started, 0, 2);
}

static void on_no_line(void *owner, const char *line) {
  (void)owner;
  (void)line;
}

static void on_one_ended(void *owner, const struct exec_result *result) {
  struct rig *rig = owner;
  rig->ended += result->code == 0;
}

/* Many permits, and yet the loop starts none itself, and no two are started at
 * the same time. */
static void programs_are_started_one_by_one_off_the_loop(void **state) {
  static const struct exec_ops counted = {on_no_line, on_one_ended};
  struct rig rig;
  (void)state;
  spawning_most = spawns_on_loop = 0;
  loop_thread = uv_thread_self();
  spawn_ms = 5;
  begin(&rig, "true", false, 100, 0);
  for (int i = 0; i < 20; i++)
    assert_non_null(exec_start(&rig.execs, "x", 0, &rig, &counted));
  assert_int_equal(rig.execs.sem.used, 20);
  assert_int_equal(rig.execs.started, 0);
  end(&rig);
  spawn_ms = 0;
  assert_int_equal(rig.ended, 20);
  assert_int_equal(rig.execs.started, 20);
  assert_int_equal(spawning_most, 1);
  assert_int_equal(spawns_on_loop, 0);
}

/* Who is stopped while it is being started is ended, the ones behind it are
 * never started, and their permits serve others. */
static void stopped_before_it_is_started(void **state) {
  struct rig rig;
  (void)state;
  spawn_ms = 50;
  begin(&rig, "sleep 60", false, 3, 0);
  for (int i = 0; i < 5; i++)
    assert_non_null(exec_start(&rig.execs, "1", 0, &rig, &ops));
  while (spawning == 0)
    uv_sleep(1);
  execs_stop_all(&rig.execs);
  assert_int_equal(rig.ended, 0);
  end(&rig);
  spawn_ms = 0;
  assert_int_equal(rig.ended, 5);
  assert_int_equal(rig.result.code, ERR_CLOSED);
  assert_int_equal(rig.execs.started, 1);
}

/* As execvp() does: a shell reads what does not say who is to read it. */
static void file_without_interpreter_is_a_script(void **state) {
  char path[] = "/tmp/spate-exec-XXXXXX";
  struct rig rig;
  int fd = mkstemp(path);
  (void)state;
  assert_true(fd >= 0);
  assert_int_equal(write(fd, "echo \"got $1\"\n", 14), 14);
  assert_int_equal(fchmod(fd, 0700), 0);
  close(fd);
  once(&rig, path, false, "a b", 0);
  assert_int_equal(rig.result.code, 0);
  assert_string_equal(rig.line, "got a b");
  assert_int_equal(unlink(path), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(words_are_split_as_a_shell_would),
      cmocka_unit_test(bad_commands_are_refused),
      cmocka_unit_test(status_and_words_come_back),
      cmocka_unit_test(what_cannot_be_read_does_not_run),
      cmocka_unit_test(names_are_never_commands),
      cmocka_unit_test(output_is_bounded),
      cmocka_unit_test(time_limit_ends_the_whole_group),
      cmocka_unit_test(what_it_leaves_behind_holds_nothing_up),
      cmocka_unit_test(semaphore_bounds_and_stop_ends_them),
      cmocka_unit_test(programs_are_started_one_by_one_off_the_loop),
      cmocka_unit_test(stopped_before_it_is_started),
      cmocka_unit_test(file_without_interpreter_is_a_script),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
