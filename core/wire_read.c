/* SPDX-License-Identifier: MIT
 *
 * The reading end of the wire: keeps the last state of everything, takes
 * frames in, and makes snapshots of it. What comes in may be anything: every
 * number is checked before it is used, every text has its ceiling.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "wire_impl.h"

struct row {
  bool used;
  struct snap_task task; /* its texts are owned */
};

struct wire_reader {
  bool broken;
  struct snapshot head; /* its texts are owned; no arrays */
  size_t history_count;
  double history[2][SNAP_HISTORY];
  size_t log_count;
  struct snap_log log[SNAP_LOG];
  size_t host_count;
  struct snap_host host[WIRE_HOSTS];
  struct row row[WIRE_SLOTS];
  unsigned rows; /* slots ever used */
  /* of the frame at hand */
  const uint8_t *at, *end;
  bool bad;
  char before[WIRE_FIELDS_MAX][WIRE_TEXT_MAX + 1];
};

struct wire_reader *wire_reader_new(void) {
  return calloc(1, sizeof(struct wire_reader));
}

static void free_texts(const struct wire_table *table, void *record) {
  for (unsigned i = 0; i < table->count; i++)
    if (table->field[i].kind == WIRE_TEXT) {
      const char **text = wire_text(record, &table->field[i]);
      free((char *)(uintptr_t)*text);
      *text = NULL;
    }
}

void wire_reader_free(struct wire_reader *r) {
  if (r == NULL)
    return;
  free_texts(&wire_head, &r->head);
  for (size_t i = 0; i < r->log_count; i++)
    free_texts(&wire_log, &r->log[i]);
  for (size_t i = 0; i < r->host_count; i++)
    free_texts(&wire_host, &r->host[i]);
  for (unsigned i = 0; i < r->rows; i++)
    free_texts(&wire_task, &r->row[i].task);
  free(r);
}

/* ---- bytes --------------------------------------------------------------- */

static uint64_t bad(struct wire_reader *r) {
  r->bad = true;
  return 0;
}

static uint64_t number(struct wire_reader *r) {
  uint64_t value = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    if (r->at == r->end)
      return bad(r);
    uint8_t byte = *r->at++;
    if (shift == 63 && byte > 1)
      return bad(r);
    value |= (uint64_t)(byte & 127) << shift;
    if ((byte & 128) == 0)
      return value;
  }
  return bad(r);
}

/* At most `most`. */
static size_t bounded(struct wire_reader *r, size_t most) {
  uint64_t value = number(r);
  return value <= most ? (size_t)value : (size_t)bad(r);
}

static uint64_t raw(struct wire_reader *r, int bytes) {
  uint64_t value = 0;
  if (r->end - r->at < bytes)
    return bad(r);
  for (int i = 0; i < bytes; i++)
    value |= (uint64_t)r->at[i] << 8 * i;
  r->at += bytes;
  return value;
}

static double rate(struct wire_reader *r) {
  uint32_t bits = (uint32_t)raw(r, 3);
  /* Infinite, or no number. */
  return (bits & 0x7f8000u) == 0x7f8000u ? (double)bad(r)
                                         : wire_unpack_rate(bits);
}

/* ---- records ------------------------------------------------------------- */

static void read_text(struct wire_reader *r, void *record,
                      const struct wire_field *field, unsigned index) {
  char *before = r->before[index];
  size_t same = bounded(r, strlen(before));
  size_t len = bounded(r, WIRE_TEXT_MAX - same);
  if (r->bad || (size_t)(r->end - r->at) < len ||
      memchr(r->at, '\0', len) != NULL) {
    bad(r);
    return;
  }
  memcpy(before + same, r->at, len);
  before[same + len] = '\0';
  r->at += len;
  const char **text = wire_text(record, field);
  free((char *)(uintptr_t)*text);
  *text = strdup(before);
  if (*text == NULL)
    bad(r);
}

static void read_value(struct wire_reader *r, void *record,
                       const struct wire_field *field, unsigned index) {
  uint64_t bits;
  switch (field->kind) {
  case WIRE_TEXT:
    read_text(r, record, field, index);
    return;
  case WIRE_EXACT:
    bits = raw(r, 8);
    break;
  case WIRE_RATE:
    bits = raw(r, 3);
    break;
  default:
    bits = wire_get(record, field) + wire_unzigzag(number(r));
    break;
  }
  if (!r->bad && !wire_set(record, field, bits))
    bad(r);
}

static unsigned read_mask(struct wire_reader *r, bool *differs) {
  unsigned count = 0;
  memset(differs, 0, WIRE_FIELDS_MAX * sizeof *differs);
  for (;;) {
    uint64_t byte = raw(r, 1);
    if (r->bad || count + 7 > WIRE_FIELDS_MAX)
      return (unsigned)bad(r);
    for (unsigned i = 0; i < 7; i++)
      differs[count++] = byte >> i & 1;
    if ((byte & 128) == 0)
      return count;
  }
}

static void read_record(struct wire_reader *r, const struct wire_table *table,
                        void *record) {
  bool differs[WIRE_FIELDS_MAX];
  unsigned count = read_mask(r, differs);
  for (unsigned i = 0; i < count && !r->bad; i++) {
    if (!differs[i])
      continue;
    if (i >= table->count)
      bad(r);
    else
      read_value(r, record, &table->field[i], i);
  }
}

static void forget_texts(struct wire_reader *r) {
  for (unsigned i = 0; i < WIRE_FIELDS_MAX; i++)
    r->before[i][0] = '\0';
}

/* ---- what moves on ---------------------------------------------------------
 */

/* How many leave at the front, and how many come behind. */
static bool read_shift(struct wire_reader *r, size_t count, size_t most,
                       size_t *shift, size_t *fresh) {
  *shift = bounded(r, count);
  *fresh = r->bad ? 0 : bounded(r, most - (count - *shift));
  return !r->bad;
}

static void read_history(struct wire_reader *r) {
  size_t shift, fresh;
  if (!read_shift(r, r->history_count, SNAP_HISTORY, &shift, &fresh))
    return;
  size_t kept = r->history_count - shift;
  for (int s = 0; s < 2; s++) {
    memmove(r->history[s], r->history[s] + shift, kept * sizeof(double));
    for (size_t i = 0; i < fresh; i++)
      r->history[s][kept + i] = rate(r);
  }
  r->history_count = kept + fresh;
}

static void read_log(struct wire_reader *r) {
  size_t shift, fresh;
  forget_texts(r);
  if (!read_shift(r, r->log_count, SNAP_LOG, &shift, &fresh))
    return;
  for (size_t i = 0; i < shift; i++)
    free_texts(&wire_log, &r->log[i]);
  r->log_count -= shift;
  memmove(r->log, r->log + shift, r->log_count * sizeof r->log[0]);
  for (size_t i = 0; i < fresh && !r->bad; i++) {
    struct snap_log *line = &r->log[r->log_count++];
    memset(line, 0, sizeof *line);
    read_record(r, &wire_log, line);
    if ((unsigned)line->level > LOG_ERROR)
      bad(r);
  }
}

static void read_hosts(struct wire_reader *r) {
  size_t count = bounded(r, WIRE_HOSTS);
  forget_texts(r);
  if (r->bad)
    return;
  for (size_t i = count; i < r->host_count; i++)
    free_texts(&wire_host, &r->host[i]);
  for (size_t i = r->host_count; i < count; i++)
    memset(&r->host[i], 0, sizeof r->host[i]);
  r->host_count = count;
  for (size_t i = 0; i < count && !r->bad; i++)
    read_record(r, &wire_host, &r->host[i]);
}

/* ---- rows ---------------------------------------------------------------- */

static void read_free(struct wire_reader *r) {
  size_t slot = bounded(r, r->rows);
  while (slot != 0 && !r->bad) {
    struct row *row = &r->row[slot - 1];
    free_texts(&wire_task, &row->task);
    memset(row, 0, sizeof *row);
    slot = bounded(r, r->rows);
  }
}

static void read_rows(struct wire_reader *r) {
  size_t slot = bounded(r, WIRE_SLOTS);
  forget_texts(r);
  while (slot != 0 && !r->bad) {
    struct row *row = &r->row[slot - 1];
    if (slot > r->rows)
      r->rows = (unsigned)slot;
    row->used = true;
    read_record(r, &wire_task, &row->task);
    if ((unsigned)row->task.state >= TASK_STATE_COUNT)
      bad(r);
    slot = r->bad ? 0 : bounded(r, WIRE_SLOTS);
  }
}

int wire_read(struct wire_reader *r, const uint8_t *frame, size_t len) {
  if (r->broken || len > WIRE_FRAME_MAX)
    return ERR_SYNTAX;
  r->at = frame;
  r->end = frame + len;
  r->bad = false;
  forget_texts(r);
  read_record(r, &wire_head, &r->head);
  if (r->head.slow_count > SNAP_SLOW) /* who shows them counts on it */
    bad(r);
  if (!r->bad)
    read_history(r);
  if (!r->bad)
    read_log(r);
  if (!r->bad)
    read_hosts(r);
  if (!r->bad)
    read_free(r);
  if (!r->bad)
    read_rows(r);
  r->broken = r->bad || r->at != r->end;
  return r->broken ? ERR_SYNTAX : 0;
}

/* ---- snapshots ----------------------------------------------------------- */

/* Texts are counted first, then copied behind the rows. */
struct block {
  char *text; /* NULL: only counting */
  size_t used;
};

static const char *keep(struct block *block, const char *text) {
  size_t len;
  if (text == NULL || text[0] == '\0')
    return "";
  len = strlen(text) + 1;
  char *copy = block->text != NULL ? block->text + block->used : NULL;
  block->used += len;
  if (copy != NULL)
    memcpy(copy, text, len);
  return copy;
}

static void keep_texts(struct block *block, const struct wire_table *table,
                       const void *from, void *to) {
  for (unsigned i = 0; i < table->count; i++) {
    if (table->field[i].kind != WIRE_TEXT)
      continue;
    const char *text =
        *(const char *const *)(const void *)((const char *)from +
                                             table->field[i].offset);
    const char *copy = keep(block, text);
    if (to != NULL)
      *wire_text(to, &table->field[i]) = copy;
  }
}

static size_t count_rows(const struct wire_reader *r) {
  size_t count = 0;
  for (unsigned i = 0; i < r->rows; i++)
    count += r->row[i].used;
  return count;
}

static void fill(const struct wire_reader *r, struct block *block,
                 struct snapshot *snap, struct snap_task *task,
                 struct snap_host *host, struct snap_log *line) {
  keep_texts(block, &wire_head, &r->head, snap);
  for (unsigned i = 0; i < r->rows; i++) {
    if (!r->row[i].used)
      continue;
    if (task != NULL)
      *task = r->row[i].task;
    keep_texts(block, &wire_task, &r->row[i].task, task);
    task = task != NULL ? task + 1 : NULL;
  }
  for (size_t i = 0; i < r->host_count; i++) {
    if (host != NULL)
      host[i] = r->host[i];
    keep_texts(block, &wire_host, &r->host[i], host != NULL ? &host[i] : NULL);
  }
  for (size_t i = 0; i < r->log_count; i++) {
    if (line != NULL)
      line[i] = r->log[i];
    keep_texts(block, &wire_log, &r->log[i], line != NULL ? &line[i] : NULL);
  }
}

struct snapshot *wire_snapshot(const struct wire_reader *r, uint64_t reply_seq,
                               const char *reply_text) {
  struct block block = {NULL, 0};
  size_t rows = count_rows(r);
  fill(r, &block, NULL, NULL, NULL, NULL);
  (void)keep(&block, reply_text);
  size_t fixed = sizeof(struct snapshot) + rows * sizeof(struct snap_task) +
                 r->host_count * sizeof(struct snap_host) +
                 r->log_count * sizeof(struct snap_log);
  struct snapshot *snap = malloc(fixed + block.used);
  if (snap == NULL)
    return NULL;
  *snap = r->head;
  struct snap_task *task = (struct snap_task *)(void *)(snap + 1);
  struct snap_host *host = (struct snap_host *)(void *)(task + rows);
  struct snap_log *line = (struct snap_log *)(void *)(host + r->host_count);
  block = (struct block){(char *)snap + fixed, 0};
  fill(r, &block, snap, task, host, line);
  snap->reply_seq = reply_seq;
  snap->reply_text = keep(&block, reply_text);
  snap->history_count = r->history_count;
  memcpy(snap->history_bytes_per_s, r->history[0], sizeof r->history[0]);
  memcpy(snap->history_requests_per_s, r->history[1], sizeof r->history[1]);
  snap->tasks = task;
  snap->task_count = rows;
  snap->hosts = host;
  snap->host_count = r->host_count;
  snap->log = line;
  snap->log_count = r->log_count;
  return snap;
}
