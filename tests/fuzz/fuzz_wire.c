/* SPDX-License-Identifier: MIT
 *
 * The wire of snapshots. By the first byte: frames as they come; a good frame
 * with bytes changed; a picture of the fuzzer's choice, which must come over
 * as it is.
 */
#include "config.h"

#include "fuzz.h"
#include "wire_impl.h"

#define TASKS 3

struct scene {
  struct snapshot snap;
  struct snap_task task[TASKS];
  struct snap_host host;
  struct snap_log log;
};

static void texts(void *record, const struct wire_table *table,
                  const char *text) {
  for (unsigned i = 0; i < table->count; i++)
    if (table->field[i].kind == WIRE_TEXT)
      *wire_text(record, &table->field[i]) = text;
}

static void scene_init(struct scene *s) {
  memset(s, 0, sizeof *s);
  texts(&s->snap, &wire_head, "/srv/data");
  texts(&s->host, &wire_host, "https://a.example:443");
  texts(&s->log, &wire_log, "a line");
  for (int i = 0; i < TASKS; i++) {
    texts(&s->task[i], &wire_task, i ? "data/one.tar" : "");
    s->task[i].id = (uint64_t)i + 1;
    s->task[i].size = 1 << (10 * i);
  }
  s->snap.tasks = s->task;
  s->snap.task_count = TASKS;
  s->snap.hosts = &s->host;
  s->snap.host_count = 1;
  s->snap.log = &s->log;
  s->snap.log_count = s->snap.log_lines = 1;
}

static void need_whole(const struct wire_reader *reader) {
  struct snapshot *snap = wire_snapshot(reader, 1, "said");
  size_t bytes = 0;
  FUZZ_NEED(snap != NULL && snap->task_count <= WIRE_SLOTS);
  FUZZ_NEED(snap->host_count <= WIRE_HOSTS && snap->log_count <= SNAP_LOG);
  FUZZ_NEED(snap->history_count <= SNAP_HISTORY);
  for (size_t i = 0; i < snap->task_count; i++) {
    FUZZ_NEED((unsigned)snap->tasks[i].state < TASK_STATE_COUNT);
    bytes += strlen(snap->tasks[i].name) + strlen(snap->tasks[i].url);
  }
  for (size_t i = 0; i < snap->host_count; i++)
    bytes += strlen(snap->hosts[i].name);
  for (size_t i = 0; i < snap->log_count; i++)
    bytes += strlen(snap->log[i].text);
  FUZZ_NEED(bytes < WIRE_FRAME_MAX * 16);
  free(snap);
}

/* Each with two bytes of its length in front. */
static void frames(struct wire_reader *reader, const uint8_t *data,
                   size_t size) {
  while (size >= 2) {
    size_t n = (size_t)data[0] | (size_t)data[1] << 8;
    n = n < size - 2 ? n : size - 2;
    uint8_t *frame = fuzz_alloc(n);
    memcpy(frame, data + 2, n);
    int code = wire_read(reader, frame, n);
    free(frame);
    if (code != 0)
      return;
    need_whole(reader);
    data += 2 + n;
    size -= 2 + n;
  }
}

static int deliver(struct wire_reader *reader, const uint8_t *frame, size_t len,
                   const uint8_t **edits, size_t *size) {
  uint8_t *copy = fuzz_alloc(len);
  memcpy(copy, frame, len);
  for (; *size >= 3 && (*edits)[0] != 255; *edits += 3, *size -= 3)
    copy[((size_t)(*edits)[0] << 8 | (*edits)[1]) % len] = (*edits)[2];
  if (*size > 0) {
    ++*edits;
    --*size;
  }
  int code = wire_read(reader, copy, len);
  free(copy);
  return code;
}

/* Triples of place and byte; 255 leads to the next frame. */
static void changed(struct wire_reader *reader, const uint8_t *data,
                    size_t size) {
  struct scene s;
  struct wire_writer *writer = wire_writer_new();
  scene_init(&s);
  for (uint64_t turn = 0; turn < 3; turn++) {
    size_t len = 0;
    s.task[1].got = (int64_t)turn * 1000;
    s.snap.seq = turn;
    const uint8_t *frame = wire_write(writer, &s.snap, turn * 100, &len);
    FUZZ_NEED(frame != NULL && len > 0);
    if (deliver(reader, frame, len, &data, &size) != 0)
      break;
    need_whole(reader);
  }
  wire_writer_free(writer);
}

static void choose(void *record, const struct wire_table *table,
                   const uint8_t **data, size_t *size) {
  static const uint64_t odd[] = {0, 1, 127, INT32_MAX, INT64_MAX, UINT64_MAX};
  if (*size < 2)
    return;
  unsigned field = fuzz_byte(data, size) % table->count;
  unsigned value = fuzz_byte(data, size);
  const struct wire_field *f = &table->field[field];
  if (f->kind == WIRE_TEXT)
    *wire_text(record, f) = value & 1 ? "\x1b[2J\xff" : "data/two.tar";
  else
    (void)wire_set(record, f, odd[value % (sizeof odd / sizeof *odd)] + value);
}

static void need_equal(const struct wire_table *table, const void *a,
                       const void *b) {
  for (unsigned i = 0; i < table->count; i++)
    FUZZ_NEED(wire_get(a, &table->field[i]) == wire_get(b, &table->field[i]));
}

/* What an engine never says the reader refuses. */
static void possible(struct scene *s) {
  for (int i = 0; i < TASKS; i++) {
    s->task[i].id = (uint64_t)i + 1;
    s->task[i].state =
        (enum task_state)((unsigned)s->task[i].state % TASK_STATE_COUNT);
  }
  s->snap.slow_count %= SNAP_SLOW + 1;
  s->snap.log_lines = 1;
}

static void pictures(struct wire_reader *reader, const uint8_t *data,
                     size_t size) {
  struct scene s;
  struct wire_writer *writer = wire_writer_new();
  scene_init(&s);
  for (uint64_t turn = 0; turn < 4; turn++) {
    size_t len = 0;
    for (int i = 0; i < 6; i++) {
      choose(&s.snap, &wire_head, &data, &size);
      choose(&s.host, &wire_host, &data, &size);
      choose(&s.task[turn % TASKS], &wire_task, &data, &size);
    }
    possible(&s);
    const uint8_t *frame = wire_write(writer, &s.snap, turn * 2000, &len);
    FUZZ_NEED(frame != NULL && wire_read(reader, frame, len) == 0);
    struct snapshot *got = wire_snapshot(reader, 0, "");
    FUZZ_NEED(got != NULL && got->task_count == TASKS && got->host_count == 1);
    need_equal(&wire_head, &s.snap, got);
    need_equal(&wire_host, &s.host, &got->hosts[0]);
    free(got);
  }
  wire_writer_free(writer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static void (*const way[])(struct wire_reader *, const uint8_t *,
                             size_t) = {frames, changed, pictures};
  unsigned choice = fuzz_byte(&data, &size) % 3;
  struct wire_reader *reader = wire_reader_new();
  if (reader == NULL)
    exit(77);
  way[choice](reader, data, size);
  wire_reader_free(reader);
  return 0;
}
