/* SPDX-License-Identifier: MIT
 *
 * The writing end of the wire: remembers what was sent, field by field, and
 * sends what differs. See wire.h for the form.
 *
 * A frame: head record; history; log; hosts; slots that came free; rows, each
 * its slot + 1 and its record, closed by 0.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "wire_impl.h"

#define SLOT_TABLE (4 * WIRE_SLOTS) /* a power of two */
#define OTHERS_MS 1000   /* how often rows out of sight are sent */

struct slot {
  uint64_t id;
  bool used, sent;
  uint32_t frame; /* when it was last in a snapshot */
  uint64_t sent_ms;
  uint64_t *was; /* values sent, by field; into the writer's block */
};

struct sent_log {
  int64_t unix_ms;
  uint64_t text;
};

struct wire_writer {
  uint8_t *out;
  size_t len, cap;
  bool starved;
  uint32_t frame;
  /* what was sent */
  uint64_t head[WIRE_FIELDS_MAX];
  size_t history_count;
  uint32_t history[2][SNAP_HISTORY];
  size_t log_count;
  struct sent_log log[SNAP_LOG];
  size_t host_count;
  uint64_t *host; /* WIRE_HOSTS records */
  struct slot *slot;
  uint64_t *values;          /* of the slots */
  uint16_t *table;           /* id to slot + 1 */
  unsigned slots, next_free; /* slots ever used; where to look */
  uint64_t watch[WIRE_WATCH];
  size_t watch_count;
  /* the texts before, of this frame */
  const char *before[WIRE_FIELDS_MAX];
};

struct wire_writer *wire_writer_new(void) {
  struct wire_writer *w = calloc(1, sizeof *w);
  if (w == NULL)
    return NULL;
  w->host = calloc((size_t)WIRE_HOSTS * wire_host.count, sizeof *w->host);
  w->slot = calloc(WIRE_SLOTS, sizeof *w->slot);
  w->values = calloc((size_t)WIRE_SLOTS * wire_task.count, sizeof *w->values);
  w->table = calloc(SLOT_TABLE, sizeof *w->table);
  if (w->host != NULL && w->slot != NULL && w->values != NULL &&
      w->table != NULL) {
    for (size_t i = 0; i < WIRE_SLOTS; i++)
      w->slot[i].was = w->values + i * wire_task.count;
    return w;
  }
  wire_writer_free(w);
  return NULL;
}

void wire_writer_free(struct wire_writer *w) {
  if (w == NULL)
    return;
  free(w->out);
  free(w->host);
  free(w->slot);
  free(w->values);
  free(w->table);
  free(w);
}

/* ---- bytes --------------------------------------------------------------- */

static void put(struct wire_writer *w, const void *data, size_t len) {
  if (w->cap - w->len < len) {
    size_t cap = w->cap > 0 ? w->cap : 16384;
    while (cap - w->len < len)
      cap *= 2;
    uint8_t *grown = realloc(w->out, cap);
    if (grown == NULL) {
      w->starved = true;
      return;
    }
    w->out = grown;
    w->cap = cap;
  }
  memcpy(w->out + w->len, data, len);
  w->len += len;
}

static void put_number(struct wire_writer *w, uint64_t value) {
  uint8_t bytes[10];
  size_t len = 0;
  for (; value > 127; value >>= 7)
    bytes[len++] = (uint8_t)(value | 128);
  bytes[len++] = (uint8_t)value;
  put(w, bytes, len);
}

static void put_rate(struct wire_writer *w, uint32_t bits) {
  uint8_t bytes[3] = {(uint8_t)bits, (uint8_t)(bits >> 8),
                      (uint8_t)(bits >> 16)};
  put(w, bytes, sizeof bytes);
}

static void put_exact(struct wire_writer *w, uint64_t bits) {
  uint8_t bytes[8];
  for (int i = 0; i < 8; i++)
    bytes[i] = (uint8_t)(bits >> 8 * i);
  put(w, bytes, sizeof bytes);
}

/* What it has in common with the text of this field before it is not said. */
static void put_text(struct wire_writer *w, const char *text, unsigned field) {
  const char *before = w->before[field] != NULL ? w->before[field] : "";
  size_t same = 0, len;
  text = text != NULL ? text : "";
  while (same < WIRE_TEXT_MAX && text[same] != '\0' &&
         text[same] == before[same])
    same++;
  len = strnlen(text + same, WIRE_TEXT_MAX - same);
  put_number(w, same);
  put_number(w, len);
  put(w, text + same, len);
  w->before[field] = text;
}

/* ---- records ------------------------------------------------------------- */

static void put_value(struct wire_writer *w, const struct wire_field *field,
                      const void *record, unsigned index, uint64_t now,
                      uint64_t was) {
  switch (field->kind) {
  case WIRE_EXACT:
    put_exact(w, now);
    break;
  case WIRE_RATE:
    put_rate(w, (uint32_t)now);
    break;
  case WIRE_TEXT:
    put_text(w,
             *(const char *const *)(const void *)((const char *)record +
                                                  field->offset),
             index);
    break;
  default:
    put_number(w, wire_zigzag(now - was));
    break;
  }
}

/* Seven fields a byte; the top bit says that more follow. */
static void put_mask(struct wire_writer *w, const bool *differs,
                     unsigned count) {
  unsigned last = 0;
  for (unsigned i = 0; i < count; i++)
    if (differs[i])
      last = i / 7;
  for (unsigned byte = 0; byte <= last; byte++) {
    uint8_t bits = byte < last ? 128 : 0;
    for (unsigned i = 0; i < 7 && byte * 7 + i < count; i++)
      if (differs[byte * 7 + i])
        bits |= (uint8_t)(1u << i);
    put(w, &bits, 1);
  }
}

/* fresh: the reader has nothing of it. */
static void put_record(struct wire_writer *w, const struct wire_table *table,
                       const void *record, uint64_t *was, bool fresh) {
  uint64_t now[WIRE_FIELDS_MAX];
  bool differs[WIRE_FIELDS_MAX];
  for (unsigned i = 0; i < table->count; i++) {
    bool text = table->field[i].kind == WIRE_TEXT;
    now[i] = wire_get(record, &table->field[i]);
    if (fresh)
      was[i] = 0;
    differs[i] = now[i] != was[i] || (fresh && text);
  }
  put_mask(w, differs, table->count);
  for (unsigned i = 0; i < table->count; i++)
    if (differs[i])
      put_value(w, &table->field[i], record, i, now[i], was[i]);
  memcpy(was, now, table->count * sizeof now[0]);
}

static void forget_texts(struct wire_writer *w) {
  memset(w->before, 0, sizeof w->before);
}

/* ---- what moves on ---------------------------------------------------------
 */

/* How many of the old ones are left out so that the rest begins the new ones.
 */
static size_t moved_on(const uint32_t *old, size_t old_count,
                       const uint32_t *now, size_t now_count) {
  for (size_t shift = 0; shift < old_count; shift++)
    if (old_count - shift <= now_count &&
        memcmp(old + shift, now, (old_count - shift) * sizeof *now) == 0)
      return shift;
  return old_count;
}

static void put_history(struct wire_writer *w, const struct snapshot *snap) {
  const double *from[2] = {snap->history_bytes_per_s,
                           snap->history_requests_per_s};
  uint32_t now[2][SNAP_HISTORY];
  size_t count =
      snap->history_count < SNAP_HISTORY ? snap->history_count : SNAP_HISTORY;
  size_t shift = 0;
  for (int s = 0; s < 2; s++) {
    for (size_t i = 0; i < count; i++)
      now[s][i] = wire_pack_rate(from[s][i]);
    size_t moved = moved_on(w->history[s], w->history_count, now[s], count);
    shift = moved > shift ? moved : shift;
  }
  /* Constant series fit at several places; both must at the same one. */
  for (int s = 0; s < 2; s++)
    if (w->history_count - shift > count ||
        memcmp(w->history[s] + shift, now[s],
               (w->history_count - shift) * sizeof now[s][0]) != 0)
      shift = w->history_count;
  size_t kept = w->history_count - shift;
  put_number(w, shift);
  put_number(w, count - kept);
  for (int s = 0; s < 2; s++)
    for (size_t i = kept; i < count; i++)
      put_rate(w, now[s][i]);
  memcpy(w->history, now, sizeof now);
  w->history_count = count;
}

static size_t log_moved_on(const struct wire_writer *w,
                           const struct sent_log *now, size_t count) {
  for (size_t shift = 0; shift < w->log_count; shift++) {
    size_t kept = w->log_count - shift, i = 0;
    while (i < kept && kept <= count &&
           w->log[shift + i].unix_ms == now[i].unix_ms &&
           w->log[shift + i].text == now[i].text)
      i++;
    if (i == kept)
      return shift;
  }
  return w->log_count;
}

static void put_log(struct wire_writer *w, const struct snapshot *snap) {
  struct sent_log now[SNAP_LOG];
  uint64_t nothing[WIRE_FIELDS_MAX];
  size_t count = snap->log_count < SNAP_LOG ? snap->log_count : SNAP_LOG;
  const struct wire_field *text = &wire_log.field[wire_log.count - 1];
  forget_texts(w);
  for (size_t i = 0; i < count; i++) {
    now[i].unix_ms = snap->log[i].unix_ms;
    now[i].text = wire_get(&snap->log[i], text);
  }
  size_t shift = log_moved_on(w, now, count);
  size_t kept = w->log_count - shift;
  put_number(w, shift);
  put_number(w, count - kept);
  for (size_t i = kept; i < count; i++)
    put_record(w, &wire_log, &snap->log[i], nothing, true);
  memcpy(w->log, now, count * sizeof now[0]);
  w->log_count = count;
}

/* ---- hosts --------------------------------------------------------------- */

static void put_hosts(struct wire_writer *w, const struct snapshot *snap) {
  size_t count = snap->host_count < WIRE_HOSTS ? snap->host_count : WIRE_HOSTS;
  forget_texts(w);
  put_number(w, count);
  for (size_t i = 0; i < count; i++)
    put_record(w, &wire_host, &snap->hosts[i], w->host + i * wire_host.count,
               i >= w->host_count);
  w->host_count = count;
}

/* ---- rows ---------------------------------------------------------------- */

static size_t place_of(uint64_t id) {
  return (size_t)((id * UINT64_C(0x9e3779b97f4a7c15)) >> 40) & (SLOT_TABLE - 1);
}

static void table_put(struct wire_writer *w, unsigned slot) {
  size_t at = place_of(w->slot[slot].id);
  while (w->table[at] != 0)
    at = (at + 1) & (SLOT_TABLE - 1);
  w->table[at] = (uint16_t)(slot + 1);
}

static struct slot *slot_find(struct wire_writer *w, uint64_t id) {
  for (size_t at = place_of(id); w->table[at] != 0;
       at = (at + 1) & (SLOT_TABLE - 1))
    if (w->slot[w->table[at] - 1].id == id)
      return &w->slot[w->table[at] - 1];
  return NULL;
}

static struct slot *slot_new(struct wire_writer *w, uint64_t id) {
  while (w->next_free < w->slots && w->slot[w->next_free].used)
    w->next_free++;
  if (w->next_free == WIRE_SLOTS)
    return NULL;
  struct slot *slot = &w->slot[w->next_free++];
  if (w->next_free > w->slots)
    w->slots = w->next_free;
  slot->id = id;
  slot->used = true;
  slot->sent = false;
  table_put(w, (unsigned)(slot - w->slot));
  return slot;
}

/* Finds the rows' slots; says which came free. */
static void put_free(struct wire_writer *w, const struct snapshot *snap) {
  for (size_t i = 0; i < snap->task_count; i++) {
    struct slot *slot = slot_find(w, snap->tasks[i].id);
    if (slot != NULL)
      slot->frame = w->frame;
  }
  for (unsigned i = 0; i < w->slots; i++) {
    struct slot *slot = &w->slot[i];
    if (!slot->used || slot->frame == w->frame)
      continue;
    slot->used = false;
    if (slot->sent)
      put_number(w, i + 1);
  }
  put_number(w, 0);
  memset(w->table, 0, SLOT_TABLE * sizeof *w->table);
  w->next_free = 0;
  for (unsigned i = 0; i < w->slots; i++)
    if (w->slot[i].used)
      table_put(w, i);
}

static void put_row(struct wire_writer *w, struct slot *slot,
                    const struct snap_task *task, uint64_t now_ms) {
  put_number(w, (uint64_t)(slot - w->slot) + 1);
  put_record(w, &wire_task, task, slot->was, !slot->sent);
  slot->sent_ms = now_ms;
  if (!slot->sent) /* those that came together are not due together */
    slot->sent_ms -= (uint64_t)(slot - w->slot) * 61 % OTHERS_MS;
  slot->sent = true;
}

static bool row_differs(const struct slot *slot, const struct snap_task *task) {
  for (unsigned i = 0; i < wire_task.count; i++)
    if (wire_get(task, &wire_task.field[i]) != slot->was[i])
      return true;
  return false;
}

static bool in_sight(const struct wire_writer *w, uint64_t id) {
  size_t low = 0, high = w->watch_count;
  while (low < high) {
    size_t middle = (low + high) / 2;
    if (w->watch[middle] < id)
      low = middle + 1;
    else
      high = middle;
  }
  return low < w->watch_count && w->watch[low] == id;
}

static bool state_differs(const struct slot *slot,
                          const struct snap_task *task) {
  for (unsigned i = 0; i < wire_task.count; i++)
    if (wire_task.field[i].offset == offsetof(struct snap_task, state))
      return wire_get(task, &wire_task.field[i]) != slot->was[i];
  return true;
}

/* In sight: now; another state or new: as the budget allows; figures: once a
 * second. */
static void put_rows(struct wire_writer *w, const struct snapshot *snap,
                     uint64_t now_ms, bool seen) {
  size_t budget = w->frame == 1 ? WIRE_BUDGET_FIRST : WIRE_BUDGET;
  size_t end = w->len + budget;
  for (size_t i = 0; i < snap->task_count; i++) {
    const struct snap_task *task = &snap->tasks[i];
    struct slot *slot = slot_find(w, task->id);
    if (in_sight(w, task->id) != seen || (!seen && w->len > end))
      continue;
    if (slot == NULL)
      slot = slot_new(w, task->id);
    if (slot == NULL)
      return;
    slot->frame = w->frame;
    bool due = seen || !slot->sent || now_ms - slot->sent_ms >= OTHERS_MS ||
               state_differs(slot, task);
    if (due && (!slot->sent || row_differs(slot, task)))
      put_row(w, slot, task, now_ms);
  }
}

/* ---- frames -------------------------------------------------------------- */

static int by_id(const void *a, const void *b) {
  const uint64_t *x = a, *y = b;
  return *x < *y ? -1 : *x > *y;
}

void wire_writer_watch(struct wire_writer *w, const uint64_t *ids,
                       size_t count) {
  w->watch_count = count < WIRE_WATCH ? count : WIRE_WATCH;
  if (w->watch_count > 0)
    memcpy(w->watch, ids, w->watch_count * sizeof *ids);
  qsort(w->watch, w->watch_count, sizeof *w->watch, by_id);
}

const uint8_t *wire_write(struct wire_writer *w, const struct snapshot *snap,
                          uint64_t now_ms, size_t *len) {
  w->len = 0;
  w->frame++;
  forget_texts(w);
  put_record(w, &wire_head, snap, w->head, w->frame == 1);
  put_history(w, snap);
  put_log(w, snap);
  put_hosts(w, snap);
  put_free(w, snap);
  forget_texts(w);
  put_rows(w, snap, now_ms, true);
  put_rows(w, snap, now_ms, false);
  put_number(w, 0);
  *len = w->len;
  return w->starved || w->len > WIRE_FRAME_MAX ? NULL : w->out;
}
