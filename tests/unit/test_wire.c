/* SPDX-License-Identifier: MIT
 *
 * The wire: what is written is read back, whatever changes between frames; it
 * is small; and no sequence of bytes does harm to the reader.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "retry.h"
#include "wire_impl.h"

#define TASKS 1000

/* See test_no_field_is_forgotten(). */
#define WIRE_TASK_PADDING 15
#define WIRE_HOST_PADDING 10
#define WIRE_LOG_PADDING 4
#define WIRE_HEAD_OTHERS 4031

struct scene {
  struct snapshot snap;
  struct snap_task task[TASKS + 500];
  struct snap_host host[4];
  struct snap_log line[SNAP_LOG];
  char text[TASKS + 500][3][120];
  char lines[SNAP_LOG][80];
  struct rng rng;
  uint64_t logged;
};

static void fill_task(struct scene *s, size_t i, uint64_t id) {
  struct snap_task *task = &s->task[i];
  snprintf(s->text[i][0], sizeof s->text[i][0], "data/shard-%07u.tar",
           (unsigned)id);
  snprintf(s->text[i][1], sizeof s->text[i][1],
           "https://cdn.example.org/data/shard-%07u.tar?X-Amz-Signature=***",
           (unsigned)id);
  snprintf(s->text[i][2], sizeof s->text[i][2], "\"%08x-62\"",
           (unsigned)(id * 2654435761u));
  memset(task, 0, sizeof *task);
  task->id = id;
  task->state = TASK_ACTIVE;
  task->name = s->text[i][0];
  task->url = s->text[i][1];
  task->etag = s->text[i][2];
  task->host = "cdn.example.org";
  task->reason = "";
  task->size = 1 << 30;
  task->due_in_ms = -1;
  task->connections = 1;
  task->attempt = 1;
  task->tries = 5;
  task->status = 200;
  task->http_version = 11;
  task->resumable = true;
}

static void fill_texts(void *record, const struct wire_table *table) {
  for (unsigned i = 0; i < table->count; i++)
    if (table->field[i].kind == WIRE_TEXT &&
        *wire_text(record, &table->field[i]) == NULL)
      *wire_text(record, &table->field[i]) = "";
}

static void log_line(struct scene *s) {
  size_t n = s->snap.log_count;
  if (n == SNAP_LOG) {
    memmove(s->lines[0], s->lines[1], sizeof s->lines - sizeof s->lines[0]);
    n--;
  }
  snprintf(s->lines[n], sizeof s->lines[n], "line %llu",
           (unsigned long long)++s->logged);
  s->snap.log_count = n + 1;
  for (size_t i = 0; i <= n; i++)
    s->line[i] = (struct snap_log){(int64_t)(s->logged - n + i) * 1000,
                                   LOG_INFO, 0, s->lines[i]};
}

static struct scene *scene_new(size_t tasks) {
  struct scene *s = calloc(1, sizeof *s);
  assert_non_null(s);
  rng_seed(&s->rng, 7);
  for (size_t i = 0; i < tasks; i++)
    fill_task(s, i, i + 1);
  for (int i = 0; i < 4; i++) {
    s->host[i].name = i % 2 ? "https://a.example:443" : "http://b.example:80";
    fill_texts(&s->host[i], &wire_host);
  }
  s->snap.tasks = s->task;
  s->snap.task_count = tasks;
  s->snap.hosts = s->host;
  s->snap.host_count = 4;
  s->snap.log = s->line;
  s->snap.reply_text = "";
  fill_texts(&s->snap, &wire_head);
  s->snap.session_dir = "/srv/data";
  for (int i = 0; i < LIMIT_COUNT; i++)
    s->snap.limit[i] = limit_default((enum limit_id)i);
  return s;
}

/* A tenth of a second passes. */
static void pass(struct scene *s) {
  struct snapshot *snap = &s->snap;
  snap->seq++;
  snap->t_s += 0.1;
  snap->unix_ms += 100;
  for (size_t i = 0; i < snap->task_count; i++) {
    s->task[i].got += (int64_t)(rng_unit(&s->rng) * 200000);
    s->task[i].bytes_per_s = 1e6 * (0.5 + rng_unit(&s->rng));
    s->task[i].eta_s =
        (int64_t)((double)(s->task[i].size - s->task[i].got) / 1e6);
  }
  snap->total.bytes += 100000000;
  snap->bytes_per_s = 1e9 * rng_unit(&s->rng);
  snap->loop_busy = rng_unit(&s->rng);
  snap->lag_p99_ms = rng_unit(&s->rng) * 3;
  snap->rss_bytes += 4096;
  s->host[0].bytes += 100000000;
  if (snap->seq % 10 != 0)
    return;
  if (snap->history_count == SNAP_HISTORY) {
    memmove(snap->history_bytes_per_s, snap->history_bytes_per_s + 1,
            (SNAP_HISTORY - 1) * sizeof(double));
    memmove(snap->history_requests_per_s, snap->history_requests_per_s + 1,
            (SNAP_HISTORY - 1) * sizeof(double));
    snap->history_count--;
  }
  snap->history_bytes_per_s[snap->history_count] = snap->bytes_per_s;
  snap->history_requests_per_s[snap->history_count++] = 3;
  log_line(s);
}

static void same_record(const struct wire_table *table, const void *a,
                        const void *b) {
  for (unsigned i = 0; i < table->count; i++)
    if (wire_get(a, &table->field[i]) != wire_get(b, &table->field[i]))
      fail_msg("%s differs", table->field[i].name);
}

static const struct snap_task *row_of(const struct snapshot *snap,
                                      uint64_t id) {
  for (size_t i = 0; i < snap->task_count; i++)
    if (snap->tasks[i].id == id)
      return &snap->tasks[i];
  return NULL;
}

static void same(const struct snapshot *want, const struct snapshot *have) {
  same_record(&wire_head, want, have);
  assert_int_equal(have->history_count, want->history_count);
  for (size_t i = 0; i < want->history_count; i++)
    assert_int_equal(wire_pack_rate(have->history_bytes_per_s[i]),
                     wire_pack_rate(want->history_bytes_per_s[i]));
  assert_int_equal(have->log_count, want->log_count);
  for (size_t i = 0; i < want->log_count; i++)
    same_record(&wire_log, &want->log[i], &have->log[i]);
  assert_int_equal(have->host_count, want->host_count);
  for (size_t i = 0; i < want->host_count; i++)
    same_record(&wire_host, &want->hosts[i], &have->hosts[i]);
}

static void same_rows(const struct snapshot *want,
                      const struct snapshot *have) {
  assert_int_equal(have->task_count, want->task_count);
  for (size_t i = 0; i < want->task_count; i++) {
    const struct snap_task *row = row_of(have, want->tasks[i].id);
    assert_non_null(row);
    same_record(&wire_task, &want->tasks[i], row);
  }
}

static size_t carry(struct wire_writer *w, struct wire_reader *r,
                    const struct snapshot *snap, uint64_t now_ms) {
  size_t len = 0;
  const uint8_t *frame = wire_write(w, snap, now_ms, &len);
  assert_non_null(frame);
  assert_int_equal(wire_read(r, frame, len), 0);
  return len;
}

static void test_what_is_written_is_read(void **state) {
  struct scene *s = scene_new(40);
  struct wire_writer *w = wire_writer_new();
  struct wire_reader *r = wire_reader_new();
  uint64_t seen[40];
  (void)state;
  for (size_t i = 0; i < 40; i++)
    seen[i] = s->task[i].id;
  wire_writer_watch(w, seen, 40);
  for (int turn = 0; turn < 3000; turn++) {
    pass(s);
    if (turn % 7 == 0) { /* tasks end and others come */
      size_t i = (size_t)(rng_next(&s->rng) % s->snap.task_count);
      fill_task(s, i, 1000 + (uint64_t)turn);
      seen[i] = s->task[i].id;
      wire_writer_watch(w, seen, 40);
    }
    s->snap.task_count = turn % 100 < 50 ? 40 : 20;
    s->snap.host_count = turn % 90 < 45 ? 4 : 2;
    (void)carry(w, r, &s->snap, (uint64_t)turn * 100);
    if (turn % 10 != 0)
      continue;
    struct snapshot *got = wire_snapshot(r, 5, "said");
    same(&s->snap, got);
    same_rows(&s->snap, got);
    assert_int_equal(got->reply_seq, 5);
    assert_string_equal(got->reply_text, "said");
    free(got);
  }
  wire_writer_free(w);
  wire_reader_free(r);
  free(s);
}

/* Out of sight: all rows come, and their figures are at most a second old. */
static void test_rows_out_of_sight_catch_up(void **state) {
  struct scene *s = scene_new(TASKS);
  struct wire_writer *w = wire_writer_new();
  struct wire_reader *r = wire_reader_new();
  (void)state;
  for (int turn = 0; turn < 30; turn++) {
    pass(s);
    (void)carry(w, r, &s->snap, (uint64_t)turn * 100);
  }
  for (int turn = 30; turn < 60; turn++)
    (void)carry(w, r, &s->snap, (uint64_t)turn * 100);
  struct snapshot *got = wire_snapshot(r, 0, "");
  same(&s->snap, got);
  same_rows(&s->snap, got);
  free(got);
  wire_writer_free(w);
  wire_reader_free(r);
  free(s);
}

/* Ten a second over ssh with 1,000 active tasks of which 50 are in sight. */
static void test_frames_are_small(void **state) {
  struct scene *s = scene_new(TASKS);
  struct wire_writer *w = wire_writer_new();
  struct wire_reader *r = wire_reader_new();
  uint64_t seen[50];
  size_t first, sum = 0, most = 0;
  (void)state;
  for (size_t i = 0; i < 50; i++)
    seen[i] = s->task[i * 3].id;
  wire_writer_watch(w, seen, 50);
  pass(s);
  first = carry(w, r, &s->snap, 0);
  for (int turn = 1; turn <= 600; turn++) {
    pass(s);
    size_t len = carry(w, r, &s->snap, (uint64_t)turn * 100);
    if (turn <= 100)
      continue; /* until the rows are spread over the second */
    sum += len;
    most = len > most ? len : most;
  }
  print_message("# wire: %zu bytes at first, then %zu a frame, at most %zu\n",
                first, sum / 500, most);
  assert_true(first < 100000);
  assert_true(sum / 500 < 2500);
  assert_true(most < WIRE_BUDGET + 4096);
  wire_writer_free(w);
  wire_reader_free(r);
  free(s);
}

static void test_odd_values(void **state) {
  struct scene *s = scene_new(2);
  struct wire_writer *w = wire_writer_new();
  struct wire_reader *r = wire_reader_new();
  char *big = malloc(100000);
  (void)state;
  memset(big, 'x', 99999);
  big[99999] = '\0';
  s->task[0].url = big;
  s->task[0].size = INT64_MIN;
  s->task[0].got = INT64_MAX;
  s->task[1].name = "\xff\xfe \x1b[2J\n";
  s->task[1].bytes_per_s = INFINITY;
  s->snap.bytes_per_s = NAN;
  s->snap.total.bytes = UINT64_MAX;
  (void)carry(w, r, &s->snap, 0);
  struct snapshot *got = wire_snapshot(r, 0, "");
  assert_int_equal(strlen(row_of(got, 1)->url), WIRE_TEXT_MAX);
  assert_true(row_of(got, 1)->size == INT64_MIN);
  assert_true(row_of(got, 1)->got == INT64_MAX);
  assert_string_equal(row_of(got, 2)->name, s->task[1].name);
  assert_true(row_of(got, 2)->bytes_per_s == 0);
  assert_true(got->total.bytes == UINT64_MAX);
  free(got);
  free(big);
  wire_writer_free(w);
  wire_reader_free(r);
  free(s);
}

static void test_rates_keep_their_digits(void **state) {
  (void)state;
  for (double value = 1e-9; value < 1e15; value *= 1.37) {
    double back = wire_unpack_rate(wire_pack_rate(value));
    if (fabs(back - value) > value / 30000)
      fail_msg("%g came back as %g", value, back);
  }
  assert_true(wire_unpack_rate(wire_pack_rate(0)) == 0);
}

/* ---- hostile bytes ------------------------------------------------------- */

/* A frame and those before it, cut or changed: an error or another picture,
 * nothing else. Sanitizers watch. */
static void feed(const uint8_t *good, size_t len, const uint8_t *frame,
                 size_t frame_len) {
  struct wire_reader *r = wire_reader_new();
  assert_int_equal(wire_read(r, good, len), 0);
  if (wire_read(r, frame, frame_len) == 0) {
    struct snapshot *snap = wire_snapshot(r, 0, "");
    assert_non_null(snap);
    for (size_t i = 0; i < snap->task_count; i++)
      assert_true((unsigned)snap->tasks[i].state < TASK_STATE_COUNT);
    free(snap);
  } else {
    assert_int_equal(wire_read(r, good, len), ERR_SYNTAX); /* stays so */
  }
  wire_reader_free(r);
}

static void test_hostile_bytes(void **state) {
  struct scene *s = scene_new(12);
  struct wire_writer *w = wire_writer_new();
  size_t len, next;
  (void)state;
  pass(s);
  const uint8_t *out = wire_write(w, &s->snap, 0, &len);
  uint8_t *first = malloc(len);
  memcpy(first, out, len);
  pass(s);
  out = wire_write(w, &s->snap, 2000, &next);
  uint8_t *second = malloc(next + 64), *work = malloc(next + 64);
  memcpy(second, out, next);
  for (size_t cut = 0; cut < next; cut++) { /* every truncation fails */
    struct wire_reader *r = wire_reader_new();
    assert_int_equal(wire_read(r, first, len), 0);
    assert_int_equal(wire_read(r, second, cut), ERR_SYNTAX);
    wire_reader_free(r);
  }
  for (int round = 0; round < 8000; round++) {
    memcpy(work, second, next);
    for (uint64_t n = 1 + rng_next(&s->rng) % 4; n > 0; n--)
      work[rng_next(&s->rng) % next] = (uint8_t)rng_next(&s->rng);
    feed(first, len, work, next);
  }
  for (int round = 0; round < 8000; round++) {
    size_t size = 1 + (size_t)(rng_next(&s->rng) % (next + 63));
    for (size_t i = 0; i < size; i++)
      work[i] = (uint8_t)(rng_next(&s->rng) >> (round % 5));
    feed(first, len, work, size);
  }
  free(first);
  free(second);
  free(work);
  wire_writer_free(w);
  free(s);
}

/* What the count says lies behind the array would be read as memory. */
static void test_more_slow_callbacks_than_there_are_is_no_frame(void **state) {
  struct scene *s = scene_new(2);
  struct wire_writer *w = wire_writer_new();
  struct wire_reader *r = wire_reader_new();
  size_t len;
  (void)state;
  s->snap.slow_count = SNAP_SLOW;
  (void)carry(w, r, &s->snap, 0);
  s->snap.slow_count = SNAP_SLOW + 1;
  const uint8_t *frame = wire_write(w, &s->snap, 2000, &len);
  assert_non_null(frame);
  assert_int_equal(wire_read(r, frame, len), ERR_SYNTAX);
  wire_writer_free(w);
  wire_reader_free(r);
  free(s);
}

/* Bytes of each record that no field stands for are padding, the arrays of the
 * head, and the reply. A field that was added to a snapshot belongs into the
 * tables of wire_fields.c. */
static void test_no_field_is_forgotten(void **state) {
  static const size_t width[] = {[WIRE_U64] = 8,  [WIRE_I64] = 8,
                                 [WIRE_U32] = 4,  [WIRE_INT] = 4,
                                 [WIRE_BOOL] = 1, [WIRE_EXACT] = 8,
                                 [WIRE_RATE] = 8, [WIRE_TEXT] = sizeof(char *)};
  const struct {
    const struct wire_table *table;
    size_t uncovered;
  } records[] = {
      {&wire_task, WIRE_TASK_PADDING},
      {&wire_host, WIRE_HOST_PADDING},
      {&wire_log, WIRE_LOG_PADDING},
      {&wire_head, WIRE_HEAD_OTHERS},
  };
  (void)state;
  for (size_t k = 0; k < sizeof records / sizeof records[0]; k++) {
    const struct wire_table *table = records[k].table;
    size_t sum = 0;
    for (unsigned i = 0; i < table->count; i++)
      sum += width[table->field[i].kind];
    if (table->size - sum != records[k].uncovered)
      fail_msg("table %zu: %zu bytes have no field, not %zu; add what is new "
               "to core/wire_fields.c",
               k, table->size - sum, records[k].uncovered);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_what_is_written_is_read),
      cmocka_unit_test(test_rows_out_of_sight_catch_up),
      cmocka_unit_test(test_frames_are_small),
      cmocka_unit_test(test_odd_values),
      cmocka_unit_test(test_rates_keep_their_digits),
      cmocka_unit_test(test_hostile_bytes),
      cmocka_unit_test(test_more_slow_callbacks_than_there_are_is_no_frame),
      cmocka_unit_test(test_no_field_is_forgotten),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
