/* SPDX-License-Identifier: MIT
 *
 * sink.c and sink_job.c on a real loop, pool and directory: small bodies,
 * large ones, back-pressure, what is kept, and what is never touched.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sink.h"
#include "steps.h"

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);

static bool no_memory; /* the linker puts this before the real one */

void *__wrap_malloc(size_t size) {
  return no_memory ? NULL : __real_malloc(size);
}

struct bench {
  uv_loop_t loop;
  struct loopwatch watch;
  struct pool pool;
  struct sinks sinks;
  char dir[64];
  int dirfd;
  int ended, rooms;
  struct sink_result result;
  char name[NAME_CAP];
  int64_t durable;
  struct range written; /* the last one */
  size_t written_count;
  uint64_t inode;
  int64_t kept, kept_total; /* of the result */
};

static void on_room(void *owner) {
  ((struct bench *)owner)->rooms++;
}

static void on_ended(void *owner, const struct sink_result *result) {
  struct bench *b = owner;
  b->ended++;
  b->result = *result;
  b->kept = ranges_prefix(result->durable);
  b->kept_total = ranges_total(result->durable);
  snprintf(b->name, sizeof(b->name), "%s", result->name);
}

static void on_durable(void *owner, const struct ranges *durable) {
  ((struct bench *)owner)->durable = ranges_prefix(durable);
}

static void on_written(void *owner, const struct ranges *written,
                       uint64_t inode) {
  struct bench *b = owner;
  b->written = written->items[written->count - 1];
  b->written_count = written->count;
  b->inode = inode;
}

static const struct sink_ops ops = {on_room, on_ended, on_durable, on_written};

static int open_bench(void **state) {
  struct bench *b = calloc(1, sizeof(*b));
  assert_non_null(b);
  snprintf(b->dir, sizeof(b->dir), "/tmp/spate-sink-XXXXXX");
  assert_non_null(mkdtemp(b->dir));
  b->dirfd = open(b->dir, O_RDONLY | O_DIRECTORY);
  assert_true(b->dirfd >= 0);
  uv_loop_init(&b->loop);
  loopwatch_init(&b->watch);
  pool_init(&b->pool, &b->loop, &b->watch, 2, 1);
  sinks_init(&b->sinks, &b->pool, b->dirfd, true, 8 << 20, &ops);
  *state = b;
  return 0;
}

static int remove_entry(const char *path, const struct stat *st, int type,
                        struct FTW *ftw) {
  (void)st;
  (void)type;
  (void)ftw;
  return remove(path);
}

static int close_bench(void **state) {
  struct bench *b = *state;
  assert_int_equal(b->sinks.live, 0);
  assert_int_equal(b->sinks.finishing, 0);
  assert_int_equal(b->sinks.buffer_bytes, 0);
  sinks_fini(&b->sinks);
  uv_loop_close(&b->loop);
  close(b->dirfd);
  assert_int_equal(nftw(b->dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS), 0);
  free(b);
  return 0;
}

static struct sink *sink_for(struct bench *b, const char *name) {
  struct sink_target target;
  struct sink *sink;
  memset(&target, 0, sizeof(target));
  target.name = name;
  target.size = -1;
  sink = sink_open(&b->sinks, b, &target);
  assert_non_null(sink);
  return sink;
}

static void run(struct bench *b) {
  do {
    sinks_turn(&b->sinks);
    uv_run(&b->loop, UV_RUN_DEFAULT);
  } while (b->sinks.complete_count > 0 || b->sinks.unchecked_count > 0);
}

/* Byte i of a body. */
static char body_at(int64_t i) {
  return (char)(i * 31 + i / 4096);
}

/* Writes a body as libcurl would, running the loop when the sink is full. */
static void write_body(struct bench *b, struct sink *sink, int64_t from,
                       int64_t to) {
  char data[16384];
  while (from < to) {
    size_t n =
        (size_t)(to - from) < sizeof(data) ? (size_t)(to - from) : sizeof(data);
    for (size_t i = 0; i < n; i++)
      data[i] = body_at(from + (int64_t)i);
    if (sink_write(sink, data, n) == SINK_FULL) {
      int rooms = b->rooms;
      run(b);
      assert_true(b->rooms > rooms); /* full is always followed by room */
      continue;
    }
    from += (int64_t)n;
  }
}

static void file_is(struct bench *b, const char *name, int64_t size) {
  int fd = openat(b->dirfd, name, O_RDONLY);
  struct stat st;
  char *data;
  assert_true(fd >= 0);
  assert_int_equal(fstat(fd, &st), 0);
  assert_int_equal(st.st_size, size);
  data = malloc((size_t)size + 1);
  assert_non_null(data);
  assert_int_equal(read(fd, data, (size_t)size), size);
  for (int64_t i = 0; i < size; i++)
    if (data[i] != body_at(i))
      fail_msg("byte %lld of %s differs", (long long)i, name);
  free(data);
  close(fd);
}

static void no_file(struct bench *b, const char *name) {
  assert_int_equal(faccessat(b->dirfd, name, F_OK, 0), -1);
}

static void put_file(struct bench *b, const char *name, const char *text) {
  int fd = openat(b->dirfd, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  assert_true(fd >= 0);
  assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
  close(fd);
}

static void text_is(struct bench *b, const char *name, const char *text) {
  char data[100] = "";
  int fd = openat(b->dirfd, name, O_RDONLY);
  assert_true(fd >= 0);
  assert_true(read(fd, data, sizeof(data) - 1) >= 0);
  close(fd);
  assert_string_equal(data, text);
}

static void small_body_is_created_whole(void **state) {
  struct bench *b = *state;
  struct sink *sink = sink_for(b, "dir/small");
  write_body(b, sink, 0, 40000);
  assert_false(sink_spilled(sink));
  no_file(b, "dir/small");
  sink_finish(sink);
  run(b);
  assert_int_equal(b->ended, 1);
  assert_int_equal(b->result.code, 0);
  file_is(b, "dir/small", 40000);
  no_file(b, "dir/small.part");
}

static void empty_body_is_an_empty_file(void **state) {
  struct bench *b = *state;
  sink_finish(sink_for(b, "empty"));
  run(b);
  assert_int_equal(b->result.code, 0);
  file_is(b, "empty", 0);
}

static void large_body_grows_as_part_within_the_budget(void **state) {
  struct bench *b = *state;
  struct sink *sink = sink_for(b, "large");
  write_body(b, sink, 0, 30 << 20);
  assert_true(sink_spilled(sink));
  assert_true(b->rooms > 0); /* 8 MB of buffers, 30 MB of body */
  run(b);
  assert_int_equal(faccessat(b->dirfd, "large.part", F_OK, 0), 0);
  no_file(b, "large");
  sink_finish(sink);
  run(b);
  assert_int_equal(b->result.code, 0);
  file_is(b, "large", 30 << 20);
  no_file(b, "large.part");
}

static void cut_body_is_kept_and_resumed(void **state) {
  struct bench *b = *state;
  struct sink_target target;
  struct sink *sink = sink_for(b, "file");
  write_body(b, sink, 0, 3000000);
  sink_cut(sink, true);
  run(b);
  assert_int_equal(b->result.code, 0);
  assert_int_equal(b->kept, 3000000);
  memset(&target, 0, sizeof(target));
  target.name = "file";
  target.ours = true;
  target.offset = 2000000; /* what came after it was not known to be there */
  target.size = 5000000;
  sink = sink_open(&b->sinks, b, &target);
  assert_non_null(sink);
  write_body(b, sink, 2000000, 5000000);
  sink_finish(sink);
  run(b);
  assert_int_equal(b->result.code, 0);
  file_is(b, "file", 5000000);
}

static void dropped_body_leaves_nothing(void **state) {
  struct bench *b = *state;
  struct sink *sink = sink_for(b, "gone");
  write_body(b, sink, 0, 3000000);
  sink_cut(sink, false);
  run(b);
  assert_int_equal(b->ended, 1);
  no_file(b, "gone");
  no_file(b, "gone.part");
}

/* A body has its NAME or its .part, never both: a kill in between would make
 * NAME somebody else's. So the .part goes before NAME is tried. */
static void small_body_has_no_part_beside_its_name(void **state) {
  struct bench *b = *state;
  struct sink_target target;
  struct sink *sink = sink_for(b, "file");
  write_body(b, sink, 0, 3000000);
  sink_cut(sink, true);
  run(b);
  assert_int_equal(mkdirat(b->dirfd, "file", 0777), 0);
  memset(&target, 0, sizeof(target));
  target.name = "file";
  target.ours = true;
  target.size = 1000;
  sink = sink_open(&b->sinks, b, &target);
  assert_non_null(sink);
  write_body(b, sink, 0, 1000);
  sink_finish(sink);
  run(b);
  assert_int_equal(b->result.code, ERR_EXISTS);
  no_file(b, "file.part");
}

static void checkpoint_tells_what_is_on_the_disk(void **state) {
  struct bench *b = *state;
  struct sink *sink = sink_for(b, "file");
  write_body(b, sink, 0, 2500000);
  sink_checkpoint(sink);
  run(b);
  assert_int_equal(b->durable, 2500000);
  sink_cut(sink, false);
  run(b);
}

static void it_tells_what_is_written_without_a_flush(void **state) {
  struct bench *b = *state;
  struct sink *sink = sink_for(b, "file");
  struct sink_writer *writer;
  struct stat st;
  write_body(b, sink, 0, 2 * SINK_BLOCK + 5000);
  run(b);
  assert_int_equal(b->durable, 0);
  assert_int_equal(b->written.first, 0);
  assert_in_range(b->written.end, SINK_BLOCK, 2 * SINK_BLOCK + 5000);
  assert_int_equal(fstatat(b->dirfd, "file.part", &st, 0), 0);
  assert_true(b->inode == (uint64_t)st.st_ino);
  assert_int_equal(st.st_size, b->written.end);
  writer = sink_writer_open(sink, 9000000);
  assert_int_equal(sink_writer_write(writer, "12345", 5), 5);
  sink_writer_close(writer);
  run(b);
  assert_int_equal(b->written_count, 2);
  assert_int_equal(b->written.first, 9000000);
  assert_int_equal(b->written.end, 9000005);
  sink_cut(sink, true);
  run(b);
  assert_true(b->result.inode == b->inode);
}

static void foreign_file_is_never_touched(void **state) {
  struct bench *b = *state;
  struct sink *sink;
  put_file(b, "small", "precious");
  put_file(b, "large.part", "precious too");
  sink = sink_for(b, "small");
  write_body(b, sink, 0, 100);
  sink_finish(sink);
  run(b);
  assert_int_equal(b->result.code, ERR_EXISTS);
  text_is(b, "small", "precious");
  sink = sink_for(b, "large");
  write_body(b, sink, 0, 1 << 20);
  sink_finish(sink);
  run(b);
  assert_int_equal(b->result.code, ERR_EXISTS);
  text_is(b, "large.part", "precious too");
  no_file(b, "large");
}

static void file_that_appears_while_a_large_body_comes_is_kept(void **state) {
  struct bench *b = *state;
  struct sink *sink = sink_for(b, "large");
  write_body(b, sink, 0, 1 << 20);
  put_file(b, "large", "precious");
  sink_finish(sink);
  run(b);
  assert_int_equal(b->result.code, ERR_EXISTS);
  text_is(b, "large", "precious");
  no_file(b, "large.part");
}

static void finish_with(struct bench *b, const char *name, bool replace,
                        bool rename) {
  struct sink_target target;
  struct sink *sink;
  memset(&target, 0, sizeof(target));
  target.name = name;
  target.size = -1;
  target.replace = replace;
  target.rename = rename;
  sink = sink_open(&b->sinks, b, &target);
  assert_non_null(sink);
  write_body(b, sink, 0, 5000);
  sink_finish(sink);
  run(b);
  assert_int_equal(b->result.code, 0);
}

static void replaces_and_renames_when_told(void **state) {
  struct bench *b = *state;
  put_file(b, "old.txt", "old");
  finish_with(b, "old.txt", false, true);
  assert_string_equal(b->name, "old.1.txt");
  text_is(b, "old.txt", "old");
  file_is(b, "old.1.txt", 5000);
  finish_with(b, "old.txt", false, true);
  assert_string_equal(b->name, "old.2.txt");
  finish_with(b, "old.txt", true, false);
  assert_string_equal(b->name, "old.txt");
  file_is(b, "old.txt", 5000);
}

static void link_on_the_way_is_refused(void **state) {
  struct bench *b = *state;
  char outside[] = "/tmp/spate-outside-XXXXXX";
  char path[80];
  struct sink *sink;
  assert_non_null(mkdtemp(outside));
  assert_int_equal(symlinkat(outside, b->dirfd, "dir"), 0);
  snprintf(path, sizeof(path), "%s/target", outside);
  assert_int_equal(symlinkat(path, b->dirfd, "leaf"), 0);
  sink = sink_for(b, "dir/file");
  write_body(b, sink, 0, 10);
  sink_finish(sink);
  run(b);
  assert_int_not_equal(b->result.code, 0);
  sink = sink_for(b, "leaf");
  write_body(b, sink, 0, 10);
  sink_finish(sink);
  run(b);
  assert_int_not_equal(b->result.code, 0);
  assert_int_equal(rmdir(outside), 0); /* nothing came into being there */
}

/* Nobody gives memory back here, and still it is asked for again. */
static void a_system_without_memory_is_asked_again(void **state) {
  struct bench *b = *state;
  struct sink *sink = sink_for(b, "alone");
  no_memory = true;
  size_t taken = sink_write(sink, "abc", 3);
  no_memory = false;
  assert_true(taken == SINK_FULL);
  assert_int_equal(b->rooms, 0);
  sinks_turn(&b->sinks);
  assert_int_equal(b->rooms, 1);
  sinks_turn(&b->sinks);
  assert_int_equal(b->rooms, 1);
  write_body(b, sink, 0, 3);
  sink_finish(sink);
  run(b);
  assert_int_equal(b->result.code, 0);
  file_is(b, "alone", 3);
}

static void many_small_ones_share_the_budget(void **state) {
  struct bench *b = *state;
  enum { COUNT = 200 };
  struct sink *sinks[COUNT];
  char name[32];
  for (int i = 0; i < COUNT; i++) {
    snprintf(name, sizeof(name), "many/%d", i);
    sinks[i] = sink_for(b, name);
    write_body(b, sinks[i], 0, 3000);
  }
  assert_true(b->sinks.buffer_bytes <= b->sinks.buffer_limit);
  for (int i = 0; i < COUNT; i++)
    sink_finish(sinks[i]);
  run(b);
  assert_int_equal(b->ended, COUNT);
  file_is(b, "many/0", 3000);
  file_is(b, "many/199", 3000);
}

/* ---- with steps -----------------------------------------------------------
 */

/* The digest of the body's first size bytes. */
static struct digest body_digest(int64_t size) {
  struct digest_sum sum;
  struct digest digest;
  assert_int_equal(digest_sum_init(&sum, DIGEST_SHA256), 0);
  for (int64_t i = 0; i < size; i++) {
    char c = body_at(i);
    digest_sum_add(&sum, &c, 1);
  }
  assert_int_equal(digest_sum_end(&sum, &digest), 0);
  digest_sum_fini(&sum);
  return digest;
}

/* Steps that want the digest of a body of that size. */
static struct steps *steps_for(int64_t size) {
  struct steps_plan plan;
  struct steps *steps;
  struct digest digest = body_digest(size);
  memset(&plan, 0, sizeof(plan));
  plan.record = DIGEST_MD5;
  steps_expect(&plan, &digest, "the checksum");
  assert_int_equal(steps_new(&steps, &plan), 0);
  return steps;
}

static struct sink *sink_with(struct bench *b, const char *name,
                              struct steps *steps, int64_t offset) {
  struct sink_target target;
  struct sink *sink;
  memset(&target, 0, sizeof(target));
  target.name = name;
  target.size = -1;
  target.offset = offset;
  target.ours = true;
  target.steps = steps;
  sink = sink_open(&b->sinks, b, &target);
  assert_non_null(sink);
  return sink;
}

/* Writes bytes from..size through steps that want the digest of promised. */
static void pass(struct bench *b, const char *name, int64_t from, int64_t size,
                 int64_t promised) {
  struct steps *steps = steps_for(promised);
  struct sink *sink = sink_with(b, name, steps, from);
  char part[64];
  b->ended = 0;
  write_body(b, sink, from, size);
  sink_finish(sink);
  run(b);
  assert_int_equal(b->ended, 1);
  snprintf(part, sizeof(part), "%s.part", name);
  no_file(b, part);
  if (size == promised) {
    assert_int_equal(b->result.code, 0);
    assert_int_equal(steps_digest(steps)->type, DIGEST_MD5);
    file_is(b, name, size);
  } else {
    assert_int_equal(b->result.code, ERR_MISMATCH);
    assert_non_null(strstr(steps_why(steps), "the checksum does not agree"));
    no_file(b, name);
  }
  assert_int_equal(steps_fed(steps), size);
  steps_free(steps);
}

static void wrong_digest_leaves_nothing_under_the_name(void **state) {
  struct bench *b = *state;
  pass(b, "small", 0, 5000, 5000);
  pass(b, "small-bad", 0, 5000, 5001);
  pass(b, "empty", 0, 0, 0);
  pass(b, "empty-bad", 0, 0, 1);
  pass(b, "large", 0, 20 << 20, 20 << 20);
  pass(b, "large-bad", 0, 20 << 20, (20 << 20) - 1);
}

static void resumed_body_is_read_back_for_its_digest(void **state) {
  struct bench *b = *state;
  for (int bad = 0; bad < 2; bad++) {
    struct sink *sink = sink_for(b, "file");
    write_body(b, sink, 0, 3000000);
    sink_cut(sink, true);
    run(b);
    pass(b, "file", 2000000, 5000000, 5000000 + bad);
    (void)unlinkat(b->dirfd, "file", 0);
  }
}

/* What is kept is whole already: nothing more comes. */
static void whole_part_is_read_back(void **state) {
  struct bench *b = *state;
  struct sink *sink = sink_for(b, "file");
  write_body(b, sink, 0, 3000000);
  sink_cut(sink, true);
  run(b);
  pass(b, "file", 3000000, 3000000, 3000000);
}

static void cut_while_digests_run_waits_for_them(void **state) {
  struct bench *b = *state;
  for (int keep = 0; keep < 2; keep++) {
    struct steps *steps = steps_for(10);
    struct sink *sink = sink_with(b, "cut", steps, 0);
    b->ended = 0;
    write_body(b, sink, 0, 6 << 20);
    sink_cut(sink, keep);
    run(b);
    assert_int_equal(b->ended, 1);
    assert_int_equal(b->result.code, 0);
    no_file(b, "cut");
    steps_free(steps);
  }
}

/* A part of 64 MB is read back: the thread and the others who wait for it get
 * their turn all the while, and one can see how far it is. */
static void a_long_digest_goes_in_pieces(void **state) {
  struct bench *b = *state;
  const int64_t size = 64 << 20;
  struct steps *steps = steps_for(10);
  struct sink *sink;
  const struct pool_figures *f = NULL;
  bool on_its_way = false;
  int fd = openat(b->dirfd, "long.part", O_WRONLY | O_CREAT, 0600);
  assert_true(fd >= 0);
  assert_int_equal(ftruncate(fd, size), 0);
  close(fd);
  sink = sink_with(b, "long", steps, size);
  sink_finish(sink);
  while (b->ended == 0) {
    int64_t at = sink_progress(sink);
    on_its_way = on_its_way || (at > 0 && at < size);
    uv_run(&b->loop, UV_RUN_ONCE);
  }
  assert_int_equal(steps_fed(steps), size);
  assert_true(on_its_way);
  for (unsigned i = 0; i < b->pool.figure_count; i++)
    if (strcmp(b->pool.figures[i].name, "digests") == 0)
      f = &b->pool.figures[i];
  assert_non_null(f);
  assert_int_equal(f->jobs, 1);
  assert_true(f->pieces >= 3);
  assert_true(f->longest_cpu_ns > 0 && f->longest_cpu_ns * 2 < f->cpu_ns);
  steps_free(steps);
}

static void failed_write_waits_for_digests_too(void **state) {
  struct bench *b = *state;
  struct steps *steps = steps_for(10);
  struct sink *sink;
  assert_int_equal(mkdirat(b->dirfd, "file.part", 0700), 0);
  sink = sink_with(b, "file", steps, 0);
  write_body(b, sink, 0, 4 << 20);
  run(b);
  assert_int_equal(b->ended, 1);
  assert_int_not_equal(b->result.code, 0);
  assert_int_equal(unlinkat(b->dirfd, "file.part", AT_REMOVEDIR), 0);
  steps_free(steps);
}

static void many_small_ones_are_checked_together(void **state) {
  struct bench *b = *state;
  enum { COUNT = 300 };
  struct sink *sinks[COUNT];
  struct steps *steps[COUNT];
  char name[32];
  for (int i = 0; i < COUNT; i++) {
    snprintf(name, sizeof(name), "many/%d", i);
    steps[i] = steps_for(i % 3 == 0 ? 2999 : 3000);
    sinks[i] = sink_with(b, name, steps[i], 0);
    write_body(b, sinks[i], 0, 3000);
  }
  for (int i = 0; i < COUNT; i++)
    sink_finish(sinks[i]);
  run(b);
  assert_int_equal(b->ended, COUNT);
  for (int i = 0; i < COUNT; i++) {
    snprintf(name, sizeof(name), "many/%d", i);
    assert_int_equal(faccessat(b->dirfd, name, F_OK, 0), i % 3 == 0 ? -1 : 0);
    steps_free(steps[i]);
  }
}

static void bodies_that_wait_for_the_disk_are_counted(void **state) {
  struct bench *b = *state;
  char name[16];
  for (int i = 0; i < 3; i++) {
    snprintf(name, sizeof(name), "wait-%d", i);
    struct sink *sink = sink_for(b, name);
    write_body(b, sink, 0, 100);
    assert_int_equal(b->sinks.finishing, i);
    sink_finish(sink);
  }
  assert_int_equal(b->sinks.finishing, 3);
  struct sink *cut = sink_for(b, "cut");
  sink_cut(cut, false);
  assert_int_equal(b->sinks.finishing, 3);
  run(b);
  assert_int_equal(b->ended, 4);
  assert_int_equal(b->sinks.finishing, 0);
}

int main(void) {
#define BENCH(name) \
  cmocka_unit_test_setup_teardown(name, open_bench, close_bench)
  const struct CMUnitTest tests[] = {
      BENCH(bodies_that_wait_for_the_disk_are_counted),
      BENCH(small_body_is_created_whole),
      BENCH(empty_body_is_an_empty_file),
      BENCH(large_body_grows_as_part_within_the_budget),
      BENCH(cut_body_is_kept_and_resumed),
      BENCH(small_body_has_no_part_beside_its_name),
      BENCH(dropped_body_leaves_nothing),
      BENCH(checkpoint_tells_what_is_on_the_disk),
      BENCH(it_tells_what_is_written_without_a_flush),
      BENCH(foreign_file_is_never_touched),
      BENCH(file_that_appears_while_a_large_body_comes_is_kept),
      BENCH(replaces_and_renames_when_told),
      BENCH(link_on_the_way_is_refused),
      BENCH(a_system_without_memory_is_asked_again),
      BENCH(many_small_ones_share_the_budget),
      BENCH(wrong_digest_leaves_nothing_under_the_name),
      BENCH(a_long_digest_goes_in_pieces),
      BENCH(resumed_body_is_read_back_for_its_digest),
      BENCH(whole_part_is_read_back),
      BENCH(cut_while_digests_run_waits_for_them),
      BENCH(failed_write_waits_for_digests_too),
      BENCH(many_small_ones_are_checked_together),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
