/* SPDX-License-Identifier: MIT
 *
 * The running session: what the engine says of its tasks is noted in the
 * chunks and gathered in batches; one batch at a time is with the storage
 * thread. The loop's thread; nothing here blocks.
 *
 * Invariant: a chunk is in s->dirtys exactly while its dirty flag is set, in
 * s->sents once for each of its batches.
 */
#include "config.h"

#include "session_impl.h"

#include <stdlib.h>
#include <string.h>

#define SETTLE_TRIES 3 /* whoever ended waits for the commit */
#define BATCH_MS 100
#define BATCH_SETTLED 1000

struct store_batch *session__filling(struct session *s) {
  return &s->batches[s->current];
}

/* ---- trouble ----------------------------------------------------------- */

void session__tell_trouble(struct session *s, const char *text) {
  int code = s->trouble_store != 0   ? s->trouble_store
             : s->trouble_spool != 0 ? s->trouble_spool
                                     : s->trouble_feed;
  if (code == s->trouble_told)
    return;
  s->trouble_told = code;
  if (s->hooks.trouble != NULL)
    s->hooks.trouble(s->hooks.arg, code,
                     code == 0      ? ""
                     : text != NULL ? text
                                    : err_text(code));
}

void session__tell_once(struct session *s, int code, const char *text) {
  if (s->hooks.trouble == NULL)
    return;
  s->hooks.trouble(s->hooks.arg, code, text);
  s->hooks.trouble(s->hooks.arg, s->trouble_told, "");
}

/* ---- what changed ------------------------------------------------------ */

bool session__pending(const struct session *s) {
  const struct store_batch *b = &s->batches[s->current];
  return s->dirty_count + b->row_count + b->partial_count + b->rank_count +
                 b->source_count + b->id_count + b->file_count +
                 b->option_count + b->ask_count + b->robbed_count +
                 b->claim_count >
             0 ||
         b->traffic.bytes + b->traffic.requests + b->traffic.retries +
                 b->traffic.throttled >
             0;
}

static void on_commit_timer(uv_timer_t *timer) {
  struct session *s = timer->data;
  if (!s->batch_busy && session__pending(s))
    session__send(s);
}

void session__schedule(struct session *s) {
  if (s->batch_busy || s->stopping || s->loop == NULL)
    return;
  if (session__filling(s)->id_count >= BATCH_SETTLED && s->grouped == 0)
    session__send(s);
  else if (!uv_is_active((uv_handle_t *)&s->commit_timer))
    uv_timer_start(&s->commit_timer, on_commit_timer, BATCH_MS, 0);
}

void session_hurry(struct session *s) {
  if (s->batch_busy || s->stopping || s->grouped > 0 || !session__pending(s))
    return;
  uv_timer_stop(&s->commit_timer);
  session__send(s);
}

static int reserve_dirty(struct session *s) {
  return store__push((void **)&s->dirtys, &s->dirty_cap, s->dirty_count,
                     sizeof *s->dirtys);
}

void session__touch(struct session *s, struct chunk *chunk) {
  if (!chunk->dirty) {
    if (reserve_dirty(s) < 0) {
      session__tell_once(s, ERR_NOMEM, err_text(ERR_NOMEM));
      return;
    }
    s->dirtys[s->dirty_count++] = chunk;
    chunk->dirty = true;
  }
  session__schedule(s);
}

void session__source_touch(struct session *s, struct source *source) {
  if (STORE_PUSH(session__filling(s), source) < 0) {
    session__tell_once(s, ERR_NOMEM, err_text(ERR_NOMEM));
    return;
  }
  session__filling(s)->sources[session__filling(s)->source_count++] = *source;
  session__schedule(s);
}

void session__retire(struct session *s, struct chunk *chunk) {
  if (chunk->readers > 0 || chunk->flying > 0 || chunk->dirty ||
      chunk->batches > 0)
    return;
  /* Marks stay while a task may still need them in a later run: when a batch
   * was given up, what has settled here is not known there. */
  if (chunk->slot >= 0 && !s->batch_failed &&
      marks_only(s->marks, chunk->slot, chunk->settled_bits))
    marks_drop(s->marks, chunk->slot);
  chunk_table_remove(&s->chunks, chunk);
}

/* ---- batches ----------------------------------------------------------- */

static int copy_chunk(struct session *s, struct chunk *chunk) {
  struct store_batch *b = session__filling(s);
  uint8_t *objects = NULL;
  if (STORE_PUSH(b, chunk) < 0 ||
      store__push((void **)&s->sents, &s->sent_cap, s->sent_count,
                  sizeof *s->sents) < 0)
    return ERR_NOMEM;
  if (chunk->objects_dirty && chunk->objects != NULL) {
    objects = malloc(chunk->count);
    if (objects == NULL)
      return ERR_NOMEM;
    memcpy(objects, chunk->objects, chunk->count);
  }
  struct store_chunk *copy = &b->chunks[b->chunk_count++];
  *copy = (struct store_chunk){.source = chunk->source,
                               .number = chunk->number,
                               .count = chunk->count,
                               .settled = chunk->settled,
                               .place = chunk->place,
                               .digest = chunk->digest,
                               .rows_changed = chunk->rows_changed,
                               .objects = objects};
  memcpy(copy->bits, chunk->settled_bits, CHUNK_BITMAP);
  s->sents[s->sent_count++] = chunk;
  chunk->batches++;
  chunk->dirty = chunk->objects_dirty = chunk->rows_changed = false;
  if (chunk->count == CHUNK_LINES) {
    free(chunk->objects); /* complete, and soon in the database */
    chunk->objects = NULL;
  }
  return 0;
}

static int push_figure(void *arg, const char *kind, const char *name,
                       uint64_t value) {
  struct store_batch *b = arg;
  char *copy = name != NULL ? strdup(name) : NULL;
  if ((name != NULL && copy == NULL) || STORE_PUSH(b, figure) < 0) {
    free(copy);
    return ERR_NOMEM;
  }
  b->figures[b->figure_count++] = (struct store_figure){kind, copy, value};
  return 0;
}

void session__send(struct session *s) {
  struct store_batch *b = session__filling(s);
  for (size_t i = 0; i < s->dirty_count; i++)
    if (copy_chunk(s, s->dirtys[i]) < 0) {
      session__tell_once(s, ERR_NOMEM, err_text(ERR_NOMEM));
      memmove(s->dirtys, s->dirtys + i,
              (s->dirty_count - i) * sizeof *s->dirtys);
      s->dirty_count -= i;
      if (!s->stopping) /* the next occasion carries on */
        uv_timer_start(&s->commit_timer, on_commit_timer, BATCH_MS, 0);
      return;
    }
  s->dirty_count = 0;
  (void)summary_take(&s->summary, push_figure, b); /* the rest comes later */
  b->run = s->run;
  b->suspect = b->suspect || s->files_lost;
  s->current ^= 1;
  s->batch_busy = true;
  s->batch_job = (struct store_job){.kind = JOB_BATCH, .batch = b};
  store_thread_post(s->thread, &s->batch_job);
}

/* What was taken for done is failed after all. */
static void take_back(struct session *s, const struct store_batch *b) {
  for (size_t i = b->lost_from; i < b->row_count; i++) {
    uint64_t id = b->rows[i].id;
    struct chunk *chunk =
        chunk_table_find(&s->chunks, task_source(id), task_chunk(id));
    if (chunk != NULL)
      chunk_bit_set(chunk->row_bits, task_index(id));
    s->counts.done -= s->counts.done > 0;
    s->counts.failed++;
    if (s->hooks.lost != NULL)
      s->hooks.lost(s->hooks.arg, id);
  }
}

/* The flush failed: nothing that was on its way to the disk can be trusted,
 * what was settled since included. */
static void take_loss(struct session *s, struct store_batch *b) {
  if (b->lost || b->suspect)
    take_back(s, b);
  if (!b->lost)
    return;
  marks_taint(s->marks);
  unflushed_give_up(s->unflushed);
  session__filling(s)->suspect = true;
  s->files_lost = s->files_used; /* the gap in them stays */
  session__tell_once(
      s, ERR_IO,
      "the system reported lost data: the files written last are "
      "counted as failed and will be fetched again by the next run");
}

/* Cancelled ones that are wanted after all count as failed until then. */
static void take_revived(struct session *s, const struct store_batch *b) {
  uint64_t revived = b->revived;
  if (revived > s->counts.cancelled)
    revived = s->counts.cancelled;
  s->counts.cancelled -= revived;
  s->counts.failed += revived;
}

/* From here on the row says what is its own: a mark says more. */
static void unmark(struct session *s, const struct store_row *row) {
  uint32_t index = task_index(row->id);
  struct chunk *chunk =
      chunk_table_find(&s->chunks, task_source(row->id), task_chunk(row->id));
  if ((row->started & OWNS_NAME) == 0 && row->state != ROW_NONE &&
      row->state != ROW_DONE && chunk != NULL && chunk->slot >= 0 &&
      !chunk_bit(chunk->flying_bits, index))
    marks_set(s->marks, chunk->slot, index, MARK_NONE);
}

void session__batch_done(struct session *s, struct store_job *job) {
  struct store_batch *b = job->batch;
  s->batch_busy = false;
  if (job->rc < 0) {
    s->batch_failed = true;
  } else {
    s->counts.commits++;
    histogram_record(&s->commit_us, b->took_us);
    take_loss(s, b);
    take_revived(s, b);
    for (size_t i = 0; i < b->row_count; i++)
      unmark(s, &b->rows[i]);
    session__files_done(s, b);
    if (b->id_count > 0 && s->hooks.committed != NULL)
      s->hooks.committed(s->hooks.arg, b->ids, b->id_count);
  }
  store_batch_reset(b);
  session__add_committed(s, (unsigned)(b - s->batches), job->rc);
  session__join_committed(s, (unsigned)(b - s->batches), job->rc);
  session__asked_step(s);
  size_t count = s->sent_count;
  s->sent_count = 0;
  for (size_t i = 0; i < count; i++) {
    s->sents[i]->batches--;
    session__retire(s, s->sents[i]);
  }
  if (session__pending(s))
    session__schedule(s);
}

/* ---- settling ---------------------------------------------------------- */

uint64_t *session__count_of(struct session *s, enum row_state state) {
  switch (state) {
  case ROW_FAILED:
    return &s->counts.failed;
  case ROW_EXPIRED:
    return &s->counts.expired;
  case ROW_CANCELLED:
    return &s->counts.cancelled;
  case ROW_BAD:
    return &s->counts.bad_lines;
  default:
    return &s->counts.done;
  }
}

/* A row with copies of the texts in one block at reason. */
static int push_row(struct session *s, const struct store_row *row) {
  struct store_batch *b = session__filling(s);
  size_t reason = row->reason != NULL ? strlen(row->reason) + 1 : 1;
  size_t path = row->path != NULL ? strlen(row->path) + 1 : 0;
  if (STORE_PUSH(b, row) < 0)
    return ERR_NOMEM;
  char *text = calloc(1, reason + path);
  if (text == NULL)
    return ERR_NOMEM;
  if (row->reason != NULL)
    memcpy(text, row->reason, reason);
  if (row->path != NULL)
    memcpy(text + reason, row->path, path);
  struct store_row *copy = &b->rows[b->row_count++];
  *copy = *row;
  copy->reason = text;
  copy->path = row->path != NULL ? text + reason : NULL;
  return 0;
}

static int push_partial(struct session *s, struct chunk *chunk, uint64_t id,
                        const struct session_partial *partial) {
  struct store_batch *b = session__filling(s);
  if (STORE_PUSH(b, partial) < 0)
    return ERR_NOMEM;
  struct store_partial *copy = &b->partials[b->partial_count++];
  *copy = (struct store_partial){.id = id, .forget = partial == NULL};
  if (partial != NULL) {
    copy->partial = *partial;
    chunk_bit_set(chunk->partial_bits, task_index(id));
  } else {
    chunk_bit_clear(chunk->partial_bits, task_index(id));
  }
  return 0;
}

static int push_rank(struct session *s, struct chunk *chunk,
                     const struct store_rank *rank) {
  struct store_batch *b = session__filling(s);
  if (STORE_PUSH(b, rank) < 0)
    return ERR_NOMEM;
  b->ranks[b->rank_count++] = *rank;
  chunk->ranked = true;
  return 0;
}

static int push_path(struct session *s, const struct session_result *result) {
#ifdef HAVE_SYNCFS
  (void)s;
  (void)result;
  return 0;
#else
  struct store_batch *b = session__filling(s);
  if (result->state != TASK_DONE || result->path == NULL || !s->durable)
    return 0;
  if (STORE_PUSH(b, path) < 0)
    return ERR_NOMEM;
  b->paths[b->path_count] = strdup(result->path);
  if (b->paths[b->path_count] == NULL)
    return ERR_NOMEM;
  b->path_count++;
  return 0;
#endif
}

/* Writes down how a task ended; on failure nothing has changed that counts. */
static int note_end(struct session *s, struct chunk *chunk,
                    const struct store_row *row) {
  struct store_batch *b = session__filling(s);
  uint32_t index = task_index(row->id);
  bool has_row = chunk_bit(chunk->row_bits, index);
  int rc = 0;
  if (STORE_PUSH(b, id) < 0 || reserve_dirty(s) < 0)
    return ERR_NOMEM;
  if (row->state == ROW_NONE && chunk_bit(chunk->partial_bits, index))
    rc = push_partial(s, chunk, row->id, NULL);
  if (rc == 0 && chunk->ranked && !row_again(row->state))
    rc = push_rank(s, chunk,
                   &(struct store_rank){.id = row->id, .forget = true});
  if (rc == 0 && (row->state != ROW_NONE || has_row)) {
    rc = push_row(s, row);
    chunk->rows_changed = true;
  }
  if (rc < 0)
    return rc;
  if (row->state != ROW_NONE && row->state != ROW_DONE)
    chunk_bit_set(chunk->row_bits, index);
  else
    chunk_bit_clear(chunk->row_bits, index);
  chunk_land(chunk, index);
  chunk_settle(chunk, index);
  ++*session__count_of(s, row->state);
  return 0;
}

static struct chunk *flying(struct session *s, uint64_t id) {
  if (task_ordinal(id) == 0)
    return NULL;
  struct chunk *chunk =
      chunk_table_find(&s->chunks, task_source(id), task_chunk(id));
  if (chunk == NULL || !chunk_bit(chunk->flying_bits, task_index(id)))
    return NULL;
  return chunk;
}

static void summarise(struct session *s, const struct session_result *r) {
  const struct summary_end end = {.status = r->status,
                                  .host = r->host,
                                  .type = r->type,
                                  .bytes =
                                      r->state == TASK_DONE ? r->bytes : -1,
                                  .latency_us = r->latency_us};
  if (r->state != TASK_CANCELLED)
    summary_note(&s->summary, &end);
}

/* A name that was given, or was lost, is its own whatever the task knows; but
 * not one that was taken. */
static unsigned owned(const struct session_result *result, enum mark mark,
                      bool taken) {
  unsigned marked = mark == MARK_NONE ? OWNS_NOTHING
                    : taken           ? OWNS_PART
                                      : OWNS_PART | OWNS_NAME;
  bool named = !taken && (mark == MARK_WRITTEN || mark == MARK_TAINTED);
  if (!result->told || named)
    return marked;
  if (result->once && mark != MARK_NONE)
    return result->owns | OWNS_PART;
  return result->owns;
}

void session_settle(struct session *s, const struct session_result *result) {
  struct chunk *chunk = flying(s, result->id);
  if (chunk == NULL)
    return;
  unflushed_drop(s->unflushed, result->id);
  enum mark mark = marks_get(s->marks, chunk->slot, task_index(result->id));
  bool taken = marks_taken(s->marks, chunk->slot, task_index(result->id));
  struct store_row row = {.id = result->id,
                          .state = row_of_task(result->state),
                          .started = owned(result, mark, taken),
                          .status = result->status,
                          .attempts = result->attempts,
                          .bytes = result->bytes,
                          .reason = result->reason};
  if (result->state == TASK_DONE && mark == MARK_TAINTED) {
    row.state = ROW_FAILED;
    row.reason = STORE_LOST_REASON;
  }
  if (result->renamed && result->path != NULL) {
    row.path = result->path;
    if (row.state == ROW_NONE)
      row.state = ROW_DONE;
  }
  if (result->left && (row.started & OWNS_PART) != 0 && result->path != NULL) {
    row.path = result->path;
    row.left = true;
    row.object = result->object;
  }
  int rc = ERR_NOMEM;
  for (int i = 0; rc == ERR_NOMEM && i < SETTLE_TRIES; i++) {
    rc = push_path(s, result);
    if (rc == 0) /* on failure nothing has changed that counts */
      rc = note_end(s, chunk, &row);
  }
  if (rc < 0) {
    session__tell_once(s, rc, err_text(rc));
    return;
  }
  session__filling(s)->ids[session__filling(s)->id_count++] = result->id;
  summarise(s, result);
  session__touch(s, chunk);
}

void session__settle_bad(struct session *s, struct chunk *chunk, uint32_t index,
                         uint64_t line, const char *why) {
  struct store_row row = {.id = task_id(chunk->source, chunk->number, index),
                          .state = ROW_BAD,
                          .line = line,
                          .reason = why};
  if (note_end(s, chunk, &row) < 0)
    session__tell_once(s, ERR_NOMEM, err_text(ERR_NOMEM));
  session__touch(s, chunk);
}

/* ---- marks, partials, traffic ------------------------------------------- */

void session_mark_started(struct session *s, uint64_t id, bool taken) {
  struct chunk *chunk = flying(s, id);
  if (chunk == NULL)
    return;
  marks_set_taken(s->marks, chunk->slot, task_index(id), taken);
  marks_set(s->marks, chunk->slot, task_index(id), MARK_STARTED);
}

void session_mark_foreign(struct session *s, uint64_t id) {
  struct chunk *chunk = flying(s, id);
  if (chunk != NULL)
    marks_set(s->marks, chunk->slot, task_index(id), MARK_NONE);
}

/* A file that was begun before data got lost stays suspect. */
void session_mark_written(struct session *s, uint64_t id, bool elsewhere) {
  struct chunk *chunk = flying(s, id);
  if (chunk != NULL &&
      marks_get(s->marks, chunk->slot, task_index(id)) != MARK_TAINTED) {
    marks_set(s->marks, chunk->slot, task_index(id), MARK_WRITTEN);
    marks_set_taken(s->marks, chunk->slot, task_index(id), elsewhere);
  }
}

void session_partial_put(struct session *s, uint64_t id,
                         const struct session_partial *partial) {
  struct chunk *chunk = flying(s, id);
  if (partial == NULL)
    unflushed_drop(s->unflushed, id);
  if (chunk == NULL)
    return;
  if (push_partial(s, chunk, id, partial) < 0)
    session__tell_once(s, ERR_NOMEM, err_text(ERR_NOMEM));
  session__touch(s, chunk);
}

void session_unflushed_put(struct session *s, uint64_t id, bool busy,
                           const struct session_unflushed *known) {
  if (known != NULL)
    unflushed_put(s->unflushed, id, busy, known);
  else
    unflushed_drop(s->unflushed, id);
}

void session_priority_put(struct session *s, uint64_t id, int32_t priority) {
  struct chunk *chunk = flying(s, id);
  if (chunk == NULL)
    return;
  struct store_rank rank = {.id = id, .priority = priority};
  if (push_rank(s, chunk, &rank) < 0)
    session__tell_once(s, ERR_NOMEM, err_text(ERR_NOMEM));
  session__schedule(s);
}

void session_option_set(struct session *s, const char *name, const char *value,
                        const char *same) {
  struct store_batch *b = session__filling(s);
  size_t n = strlen(name) + 1, v = strlen(value) + 1, w = strlen(same) + 1;
  char *text = malloc(n + v + w);
  if (text == NULL || STORE_PUSH(b, option) < 0) {
    free(text);
    session__tell_once(s, ERR_NOMEM, err_text(ERR_NOMEM));
    return;
  }
  memcpy(text, name, n);
  memcpy(text + n, value, v);
  memcpy(text + n + v, same, w);
  b->options[b->option_count++] =
      (struct store_option){text, text + n, text + n + v};
  session__schedule(s);
}

void session_traffic(struct session *s, const struct session_traffic *since) {
  struct session_traffic *sum = &session__filling(s)->traffic;
  sum->bytes += since->bytes;
  sum->requests += since->requests;
  sum->retries += since->retries;
  sum->throttled += since->throttled;
}

/* ---- counts ------------------------------------------------------------ */

const struct summary *session_summary(const struct session *s) {
  return &s->summary;
}

void session_counts(const struct session *s, struct session_counts *counts) {
  *counts = s->counts;
  counts->tasks = counts->tasks_guess = 0;
  for (size_t i = 0; i < s->source_count; i++) {
    const struct source *source = &s->sources[i];
    if (source->gone)
      continue;
    int64_t likely = source_guess(source);
    if (!source->ended)
      counts->tasks = -1;
    if (counts->tasks >= 0)
      counts->tasks += (int64_t)source->tasks;
    if (likely < 0)
      counts->tasks_guess = -1;
    if (counts->tasks_guess >= 0)
      counts->tasks_guess += likely;
  }
  if (counts->tasks >= 0)
    counts->tasks -= (int64_t)counts->bad_lines;
  if (counts->tasks_guess >= 0)
    counts->tasks_guess -= (int64_t)counts->bad_lines;
  counts->commit_p50_us = histogram_quantile(&s->commit_us, 0.5);
  counts->commit_p99_us = histogram_quantile(&s->commit_us, 0.99);
}
