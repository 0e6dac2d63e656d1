/* SPDX-License-Identifier: MIT
 *
 * Batches: their vectors, and writing one in a single transaction. Runs on
 * the storage thread; the vectors are filled on the loop's thread before.
 */
#include "config.h"

#include "partial.h"
#include "store.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char *const state_names[ROW_STATE_COUNT] = {
    "", "failed", "expired", "cancelled", "bad", "done"};

enum row_state store__state(const char *name) {
  for (int i = ROW_FAILED; name != NULL && i < ROW_STATE_COUNT; i++)
    if (strcmp(name, state_names[i]) == 0)
      return (enum row_state)i;
  return ROW_NONE;
}

enum row_state row_of_task(enum task_state state) {
  switch (state) {
  case TASK_FAILED:
    return ROW_FAILED;
  case TASK_EXPIRED:
    return ROW_EXPIRED;
  case TASK_CANCELLED:
    return ROW_CANCELLED;
  default:
    return ROW_NONE;
  }
}

int store__push(void **vector, size_t *cap, size_t count, size_t size) {
  if (count < *cap)
    return 0;
  size_t more = *cap == 0 ? 16 : *cap * 2;
  void *bigger = realloc(*vector, more * size);
  if (bigger == NULL)
    return ERR_NOMEM;
  *vector = bigger;
  *cap = more;
  return 0;
}

void store_batch_reset(struct store_batch *b) {
  for (size_t i = 0; i < b->chunk_count; i++)
    free(b->chunks[i].objects);
  for (size_t i = 0; i < b->row_count; i++)
    free((char *)b->rows[i].reason);
  for (size_t i = 0; i < b->path_count; i++)
    free(b->paths[i]);
  for (size_t i = 0; i < b->file_count; i++)
    free(b->files[i].name);
  b->chunk_count = b->row_count = b->partial_count = b->file_count = 0;
  b->rank_count = 0;
  for (size_t i = 0; i < b->figure_count; i++)
    free(b->figures[i].name);
  b->figure_count = 0;
  for (size_t i = 0; i < b->option_count; i++)
    free(b->options[i].name);
  b->option_count = 0;
  b->source_count = b->id_count = b->path_count = b->ask_count = 0;
  for (size_t i = 0; i < b->claim_count; i++)
    free(b->claims[i].path);
  b->robbed_count = b->claim_count = 0;
  for (int list = 0; list < SESSION_LISTS; list++)
    b->texts[list].length = b->texts[list].records = 0;
  b->traffic = (struct session_traffic){0};
  b->revived = 0;
  b->lost = b->suspect = false;
}

void store_batch_fini(struct store_batch *b) {
  store_batch_reset(b);
  free(b->chunks);
  free(b->rows);
  free(b->partials);
  free(b->ranks);
  free(b->sources);
  free(b->ids);
  free(b->asks);
  free(b->robbed);
  free(b->claims);
  free(b->paths);
  free(b->files);
  free(b->options);
  free(b->figures);
  for (int list = 0; list < SESSION_LISTS; list++)
    free(b->texts[list].data);
  *b = (struct store_batch){0};
}

static int put_chunk(struct store *st, const struct store_chunk *c) {
  bool full = c->settled == c->count;
  int rc = store__run(
      st, store__bind(st, SQL_CHUNK_PUT, "iiiiiiuuuuubiiu", (int64_t)c->source,
                      (int64_t)c->number, (int64_t)c->number * CHUNK_LINES + 1,
                      (int64_t)c->count, (int64_t)c->settled,
                      (int64_t)c->place.spool, c->place.offset, c->place.bytes,
                      c->place.first_line, c->place.lines, c->digest,
                      full ? NULL : c->bits,
                      full ? (size_t)0 : (size_t)CHUNK_BITMAP,
                      c->place.keys.deadline_unix,
                      (int64_t)c->place.keys.priority, c->place.keys.hosts));
  if (rc == 0 && c->objects != NULL)
    rc = store__run(st, store__bind(st, SQL_OBJECTS_PUT, "iib",
                                    (int64_t)c->source, (int64_t)c->number,
                                    c->objects, (size_t)c->count));
  return rc;
}

/* Neither its file nor what was known of it is its own any more. */
static int rob(struct store *st, uint64_t id) {
  static const enum store_sql all[] = {SQL_LEFT_DROP, SQL_ROW_FOREIGN,
                                       SQL_PARTIAL_DROP};
  int rc = 0;
  for (size_t i = 0; rc == 0 && i < sizeof all / sizeof *all; i++)
    rc = store__run(st, store__bind(st, all[i], "iu", (int64_t)task_source(id),
                                    task_ordinal(id)));
  return rc;
}

/* The .part of that name is this task's alone. */
static int claim(struct store *st, uint64_t id, const char *path) {
  int rc;
  do {
    struct sqlite3_stmt *stmt =
        store__bind(st, SQL_LEFT_OTHER, "siu", path, (int64_t)task_source(id),
                    task_ordinal(id));
    rc = store__step(st, stmt);
    if (rc != 1)
      break;
    uint64_t other =
        ((uint64_t)sqlite3_column_int64(stmt, 0) << TASK_ORDINAL_BITS) |
        (uint64_t)sqlite3_column_int64(stmt, 1);
    store__done(stmt);
    rc = rob(st, other);
  } while (rc == 0);
  return rc;
}

/* What it leaves, and nothing any more otherwise. */
static int put_left(struct store *st, const struct store_row *row) {
  int64_t source = task_source(row->id);
  uint64_t task = task_ordinal(row->id);
  int rc = store__run(
      st, row->left ? store__bind(st, SQL_LEFT_PUT, "iusu", source, task,
                                  row->path, row->object)
                    : store__bind(st, SQL_LEFT_DROP, "iu", source, task));
  return rc == 0 && row->left ? claim(st, row->id, row->path) : rc;
}

static int put_row(struct store *st, const struct store_row *row,
                   uint64_t run) {
  int64_t source = task_source(row->id);
  uint64_t task = task_ordinal(row->id);
  char name[FAILURE_CLASS_CAP];
  const char *class_name = NULL;
  if (row->state == ROW_NONE)
    return store__run(st, store__bind(st, SQL_ROW_DROP, "iu", source, task));
  if (row->state == ROW_EXPIRED)
    class_name = "expired";
  else if (row->state == ROW_FAILED)
    class_name = failure_class(row->status, row->reason, name);
  return store__run(st,
                    store__bind(st, SQL_ROW_PUT, "iusiissiiuus", source, task,
                                state_names[row->state], (int64_t)row->status,
                                (int64_t)row->attempts, row->reason, row->path,
                                row->bytes, (int64_t)row->started, row->line,
                                run, class_name));
}

static int put_partial(struct store *st, const struct store_partial *p) {
  int64_t source = task_source(p->id);
  uint64_t task = task_ordinal(p->id);
  char ranges[SESSION_RANGES * 44];
  if (p->forget)
    return store__run(st,
                      store__bind(st, SQL_PARTIAL_DROP, "iu", source, task));
  partial_ranges_text(&p->partial, ranges, sizeof ranges);
  return store__run(st, store__bind(st, SQL_PARTIAL_PUT, "iuiisss", source,
                                    task, p->partial.durable, p->partial.size,
                                    p->partial.etag, p->partial.last_modified,
                                    *ranges ? ranges : NULL));
}

static int put_rank(struct store *st, const struct store_rank *r) {
  int64_t source = task_source(r->id);
  uint64_t task = task_ordinal(r->id);
  if (r->forget)
    return store__run(st, store__bind(st, SQL_RANK_DROP, "iu", source, task));
  return store__run(st, store__bind(st, SQL_RANK_PUT, "iui", source, task,
                                    (int64_t)r->priority));
}

static int put_traffic(struct store *st, const struct session_traffic *t) {
  const struct {
    const char *name;
    uint64_t value;
  } all[] = {{"bytes", t->bytes},
             {"requests", t->requests},
             {"retries", t->retries},
             {"throttled", t->throttled}};
  int rc = 0;
  for (size_t i = 0; rc == 0 && i < sizeof all / sizeof *all; i++)
    if (all[i].value != 0)
      rc = store__run(
          st, store__bind(st, SQL_META_ADD, "su", all[i].name, all[i].value));
  return rc;
}

static int put_sources(struct store *st, const struct store_batch *b) {
  int rc = 0;
  for (size_t i = 0; rc == 0 && i < b->source_count; i++)
    rc = b->sources[i].gone ? store_source_drop(st, b->sources[i].id)
                            : store_source_put(st, &b->sources[i]);
  return rc;
}

int store_file_put(struct store *st, const struct store_file *f) {
  return store__run(st, f->bytes < 0
                            ? store__bind(st, SQL_FILE_DROP, "s", f->name)
                            : store__bind(st, SQL_FILE_PUT, "siu", f->name,
                                          f->bytes, f->records));
}

static int put_files(struct store *st, const struct store_batch *b) {
  int rc = 0;
  if (b->lost || b->suspect) /* their lengths are what they were */
    return 0;
  for (size_t i = 0; rc == 0 && i < b->file_count; i++)
    rc = store_file_put(st, &b->files[i]);
  return rc;
}

static int put_figures(struct store *st, const struct store_batch *b) {
  int rc = 0;
  for (size_t i = 0; rc == 0 && i < b->figure_count; i++) {
    const struct store_figure *f = &b->figures[i];
    rc = store__run(st, f->name == NULL
                            ? store__bind(st, SQL_SUMMARY_DROP, "s", f->kind)
                            : store__bind(st, SQL_SUMMARY_PUT, "ssu", f->kind,
                                          f->name, f->value));
  }
  return rc;
}

/* In place of the one of the same name that begins like it. */
static int put_options(struct store *st, const struct store_batch *b) {
  int rc = 0;
  for (size_t i = 0; rc == 0 && i < b->option_count; i++) {
    const struct store_option *o = &b->options[i];
    rc = store__run(
        st, store__bind(st, SQL_OPTIONS_SET_DROP, "ss", o->name, o->same));
    if (rc == 0)
      rc = store__run(
          st, store__bind(st, SQL_OPTIONS_PUT, "ss", o->name, o->value));
  }
  return rc;
}

static int count_failed(struct store *st, uint32_t source, uint32_t number) {
  return store__run(st, store__bind(st, SQL_CHUNK_FAILED, "iii",
                                    (int64_t)source, (int64_t)number,
                                    (int64_t)number * CHUNK_LINES));
}

/* 1 when it was a cancelled one. */
static int revive(struct store *st, uint64_t id) {
  int rc =
      store__run(st, store__bind(st, SQL_ROW_REVIVE, "iu",
                                 (int64_t)task_source(id), task_ordinal(id)));
  return rc < 0 ? rc : store__changes(st) > 0;
}

/* A chunk is counted anew once for all of its tasks that follow each other. */
static int revive_all(struct store *st, const uint64_t *ids, size_t count,
                      uint64_t *revived) {
  bool changed = false;
  *revived = 0;
  for (size_t i = 0; i < count; i++) {
    int rc = revive(st, ids[i]);
    if (rc < 0)
      return rc;
    changed |= rc > 0;
    *revived += (uint64_t)rc;
    bool last = i + 1 == count ||
                task_source(ids[i + 1]) != task_source(ids[i]) ||
                task_chunk(ids[i + 1]) != task_chunk(ids[i]);
    if (!last || !changed)
      continue;
    rc = count_failed(st, task_source(ids[i]), task_chunk(ids[i]));
    if (rc < 0)
      return rc;
    changed = false;
  }
  return 0;
}

static int put_all(struct store *st, struct store_batch *b) {
  int rc = put_sources(st, b);
  for (size_t i = 0; rc == 0 && i < b->chunk_count; i++)
    rc = put_chunk(st, &b->chunks[i]);
  for (size_t i = 0; rc == 0 && i < b->claim_count; i++)
    rc = claim(st, b->claims[i].id, b->claims[i].path);
  for (size_t i = 0; rc == 0 && i < b->row_count; i++)
    if ((rc = put_left(st, &b->rows[i])) == 0)
      rc = put_row(st, &b->rows[i], b->run);
  for (size_t i = 0; rc == 0 && i < b->partial_count; i++)
    rc = put_partial(st, &b->partials[i]);
  for (size_t i = 0; rc == 0 && i < b->rank_count; i++)
    rc = put_rank(st, &b->ranks[i]);
  for (size_t i = 0; rc == 0 && i < b->chunk_count; i++) {
    const struct store_chunk *c = &b->chunks[i];
    if (c->rows_changed)
      rc = count_failed(st, c->source, c->number);
  }
  if (rc == 0) /* behind the rows: they were cancelled before they were asked */
    rc = revive_all(st, b->asks, b->ask_count, &b->revived);
  for (size_t i = 0; rc == 0 && i < b->robbed_count; i++)
    rc = rob(st, b->robbed[i]);
  if (rc == 0)
    rc = put_files(st, b);
  if (rc == 0)
    rc = put_traffic(st, &b->traffic);
  if (rc == 0)
    rc = put_figures(st, b);
  if (rc == 0)
    rc = put_options(st, b);
  return rc;
}

int store_apply(struct store *st, struct store_batch *b) {
  int rc = store_begin(st);
  if (rc < 0)
    return rc;
  rc = put_all(st, b);
  if (rc == 0)
    rc = store_meta_put(st, "updated_unix", (int64_t)time(NULL));
  if (rc == 0)
    rc = store_commit(st);
  if (rc < 0)
    store_rollback(st);
  return rc;
}

int store_chunk_move(struct store *st, uint32_t source, uint32_t number,
                     const struct chunk_place *place) {
  return store__run(
      st, store__bind(st, SQL_CHUNK_MOVE, "iiiuuuuiiu", (int64_t)source,
                      (int64_t)number, (int64_t)place->spool, place->offset,
                      place->bytes, place->first_line, place->lines,
                      place->keys.deadline_unix, (int64_t)place->keys.priority,
                      place->keys.hosts));
}

int store_row_revive(struct store *st, uint64_t id) {
  uint64_t revived;
  return revive_all(st, &id, 1, &revived);
}
