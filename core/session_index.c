/* SPDX-License-Identifier: MIT
 *
 * Reading ahead: where deadlines, priorities, a random order or full hosts
 * are in play, the indexer goes through a list before it is delivered, and
 * each chunk it brings becomes a chunk of the session, with its row, so that
 * the feeds can choose among all of them. The first lines are delivered
 * meanwhile as if there were no index; where both read the same chunk, what
 * the feed has counts and the index adds the rest.
 *
 * A stream is indexed as far as it has come, by whole chunks. The loop's
 * thread.
 */
#include "config.h"

#include "session_impl.h"

#include <stdlib.h>
#include <string.h>

#include "spool.h"

#define DIRTY_MOST 64 /* chunks that wait to be written */
#define GROWTH ((uint64_t)1024 * 1024)
#define PREEMPT_NS UINT64_C(200000000)

bool index__reads(const struct session *s, const struct source *source) {
  return source->index && !source->indexed && s->indexer != NULL;
}

static void begin(struct session *s, struct source *source) {
  source->index = true;
  if (source->kind == SOURCE_ARGS) /* short, and grows while it runs */
    source->indexed = true;
  else if (s->indexer == NULL && indexer_start(&s->indexer, &s->wake) < 0)
    source->indexed = true; /* it goes in the manifest's order then */
  index__step(s);
}

void index__want(struct session *s, struct source *source) {
  source->index_all = true;
  begin(s, source);
}

void index__look(struct session *s, struct source *source) {
  if (!source->index)
    begin(s, source);
}

void session_read_ahead(struct session *s) {
  for (size_t i = 0; i < s->source_count; i++)
    if (!s->sources[i].gone && !s->sources[i].indexed)
      index__want(s, &s->sources[i]);
}

/* ---- what is brought -------------------------------------------------------
 */

static bool is_read(const struct session *s, const struct chunk *chunk) {
  for (int i = 0; i < SESSION_FEEDS; i++)
    if (s->feeds[i].chunk == chunk)
      return true;
  return false;
}

/* The chunk that the job's lines belong to; NULL: they are known already, or
 * it is not in memory. */
static struct chunk *target(struct session *s, const struct source *source,
                            uint32_t number) {
  struct chunk *chunk = chunk_table_find(&s->chunks, source->id, number);
  if (number + 1 == source->chunks)
    return chunk != NULL && chunk->count < CHUNK_LINES ? chunk : NULL;
  if (number != source->chunks)
    return NULL;
  return chunk != NULL ? chunk
                       : chunk_table_add(&s->chunks, source->id, number);
}

/* Who reads this chunk as it comes begins again, by what is known of it now. */
static void read_in_order(struct session *s, const struct chunk *chunk) {
  for (int i = 0; i < SESSION_FEEDS; i++)
    if (s->feeds[i].chunk == chunk && !s->rules.shuffle)
      s->feeds[i].leave_wanted = true;
}

static bool matters(const struct session *s, const struct line_keys *keys) {
  return keys->priority != 0 ||
         (s->rules.deadlines && keys->deadline_unix != 0);
}

/* Feeds in worse chunks change over; not more than a few times a second. */
static void preempt(struct session *s, const struct line_keys *keys) {
  uint64_t now = uv_hrtime();
  for (int i = 0; i < SESSION_FEEDS; i++) {
    struct feed *f = &s->feeds[i];
    if (f->chunk == NULL || f->incoming != NULL)
      continue;
    const struct line_keys *mine =
        f->keys.hosts != 0 ? &f->keys : &f->chunk->place.keys;
    if (order_before(&s->rules, keys, mine) && now - f->since_ns > PREEMPT_NS)
      f->leave_wanted = true;
  }
}

static int add_lines(struct session *s, struct source *source,
                     struct chunk *chunk, struct index_job *job) {
  struct order_entry *entry = order_at(&source->order, chunk->number);
  if (entry == NULL)
    return ERR_NOMEM;
  free(chunk->objects);
  chunk->objects = job->objects;
  job->objects = NULL;
  chunk->objects_dirty = true;
  source->tasks += job->count - chunk->count;
  source->bytes += job->end - source->tail.offset;
  source->chunks = chunk->number + 1;
  chunk->count = job->count;
  chunk->digest = job->digest;
  chunk->place = job->place;
  source->tail = (struct chunk_place){.offset = job->end,
                                      .first_line = job->end_line,
                                      .spool = job->place.spool};
  entry->state = is_read(s, chunk) ? ORDER_TAKEN : ORDER_OPEN;
  entry->keys = job->place.keys;
  session__touch(s, chunk);
  if (matters(s, &entry->keys))
    read_in_order(s, chunk);
  preempt(s, &entry->keys);
  return 0;
}

/* With one that came in, or to what is known: neither is to grow meanwhile. */
static bool is_compared(const struct session *s, const struct source *source) {
  const struct feed *f = &s->feeds[0];
  return f->incoming != NULL && (f->source == source || f->incoming == source);
}

/* False: the list cannot be indexed any further. */
static bool take(struct session *s, struct source *source,
                 struct index_job *job) {
  uint32_t number = (uint32_t)(job->first_task / CHUNK_LINES);
  if (job->count == 0)
    return true;
  struct chunk *chunk = target(s, source, number);
  if (chunk == NULL || job->count <= chunk->count)
    return true; /* the feed was quicker */
  if (chunk->count > 0 &&
      (chunk->objects == NULL ||
       memcmp(chunk->objects, job->objects, chunk->count) != 0))
    return false; /* the file is changing under our hands */
  if (source->first_object == 0 && job->first_object != 0) {
    source->first_object = job->first_object;
    session__source_touch(s, source);
  }
  return add_lines(s, source, chunk, job) == 0;
}

static void drop_pin(struct session *s) {
  struct feed *pin = &s->index_pin;
  struct store_loaded *l = pin->ahead;
  if (l == NULL)
    return;
  pin->ahead = NULL;
  struct chunk *chunk =
      chunk_table_find(&s->chunks, l->chunk.source, l->chunk.number);
  store_loaded_free(l);
  chunk->readers--;
  session__retire(s, chunk);
}

static void end_list(struct session *s, struct source *source) {
  source->indexed = true;
  if (source->received && !source->ended && s->index_job.rc == 0) {
    source->ended = true;
    session__source_touch(s, source);
  }
}

/* Whether more may come behind what its file has; what was cut off when it
 * came in has half a line at its end, which must not count. */
static bool may_grow(struct session *s, const struct source *source) {
  struct spool *spool = feed__spooler(s, source->tail.spool);
  bool ended;
  int trouble;
  if (spool == NULL)
    return false;
  (void)spool_state(spool, &ended, &trouble);
  return !ended || spool_fault(spool) == 0;
}

static void collect(struct session *s) {
  struct index_job *job = indexer_poll(s->indexer);
  if (job == NULL)
    return;
  struct source *source = session__source(s, s->index_source_id);
  s->index_busy = false;
  /* Asked before the list came in again: what was read is of the old file. */
  if (source != NULL &&
      (is_compared(s, source) || source->tail.spool != s->index_spool))
    source = NULL;
  if (source != NULL && job->rc == 0) {
    bool good = take(s, source, job);
    if (!good)
      source->indexed = true;
    else if (job->at_end && job->whole)
      end_list(s, source);
    source->index_all |= matters(s, &job->place.keys);
    source->index = source->index_all; /* else its beginning was enough */
    s->index_retry = 0;
  } else if (source != NULL && job->rc == ERR_NOTFOUND && may_grow(s, source)) {
    s->index_retry = job->end + GROWTH;
  } else if (source != NULL) {
    source->indexed = true;
  }
  free(job->objects);
  free(s->index_path);
  s->index_path = NULL;
  drop_pin(s);
  session__kick(s);
}

/* ---- what is asked ----------------------------------------------------------
 */

/* Whether its file has more to read, and if that is all there will be. */
static bool is_ready(struct session *s, const struct source *source,
                     bool *whole) {
  struct spool *spool = feed__spooler(s, source->tail.spool);
  bool ended;
  int trouble;
  *whole = source->received;
  if (spool == NULL)
    return true;
  uint64_t size = spool_state(spool, &ended, &trouble);
  *whole = ended && spool_fault(spool) == 0;
  return ended || size >= s->index_retry;
}

static struct source *next_source(struct session *s, bool *whole) {
  for (size_t i = 0; i < s->source_count; i++) {
    struct source *source = &s->sources[i];
    if (source->index && !source->indexed && !source->gone && !source->ended &&
        !source->cut && !source->merging && !is_compared(s, source) &&
        is_ready(s, source, whole))
      return source;
  }
  return NULL;
}

/* The last chunk goes on where it is not full: its place, once it is in
 * memory. */
static bool find_place(struct session *s, const struct source *source,
                       struct index_job *job) {
  job->first_task = (uint64_t)source->chunks * CHUNK_LINES;
  job->place = source->tail;
  if (source->tasks == job->first_task)
    return true;
  uint32_t last = source->chunks - 1;
  struct chunk *chunk = chunk_table_find(&s->chunks, source->id, last);
  if (chunk != NULL) {
    job->first_task = (uint64_t)last * CHUNK_LINES;
    job->place = chunk->place;
    return true;
  }
  struct feed *pin = &s->index_pin;
  if (feed__busy(pin) || pin->missing)
    return false;
  pin->job = (struct store_job){
      .kind = JOB_LOAD, .source = source->id, .number = last, .objects = true};
  feed__post(pin);
  return false;
}

static char *path_of(const struct session *s, const struct source *source) {
  char name[32];
  if (source->tail.spool == 0)
    return strdup(source->path);
  session__spool_name(source->tail.spool, name, sizeof name);
  return session__path(s->dir, name);
}

void index__step(struct session *s) {
  bool whole = true;
  if (s->indexer == NULL || s->stopping || s->loop == NULL)
    return;
  collect(s);
  if (s->index_busy || s->dirty_count > DIRTY_MOST)
    return;
  struct source *source = next_source(s, &whole);
  struct index_job *job = &s->index_job;
  *job = (struct index_job){.whole = whole};
  if (source == NULL || !find_place(s, source, job))
    return;
  s->index_path = path_of(s, source);
  if (s->index_path == NULL)
    return;
  job->path = s->index_path;
  job->format = source->format;
  s->index_source_id = source->id;
  s->index_spool = source->tail.spool;
  s->index_busy = true;
  indexer_post(s->indexer, job);
}

void index__stop(struct session *s) {
  indexer_free(s->indexer);
  s->indexer = NULL;
  if (s->index_busy)
    free(s->index_job.objects);
  s->index_job.objects = NULL;
  s->index_busy = false;
  free(s->index_path);
  s->index_path = NULL;
  if (s->index_pin.ahead != NULL)
    drop_pin(s);
}
