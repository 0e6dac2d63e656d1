/* SPDX-License-Identifier: MIT
 *
 * Which chunk comes next: known ones that have something left, in the order
 * of the sources, then lines that were never seen. Lists that came again
 * through a pipe are compared with what is known of them, chunk by chunk;
 * each chunk moves to the new file when it agreed to its last line, so a kill
 * at any moment leaves every chunk with a file that holds its lines.
 *
 * The loop's thread.
 */
#include "config.h"

#include "session_impl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- taking up a chunk ------------------------------------------------- */

static void fill(struct chunk *chunk, const struct store_loaded *l) {
  chunk->place = l->chunk.place;
  chunk->count = l->chunk.count;
  chunk->settled = l->chunk.settled;
  chunk->digest = l->chunk.digest;
  memcpy(chunk->settled_bits, l->chunk.bits, CHUNK_BITMAP);
}

static void note_rows(struct chunk *chunk, const struct store_loaded *l) {
  for (size_t i = 0; i < l->row_count; i++)
    if (l->rows[i].state != ROW_DONE)
      chunk_bit_set(chunk->row_bits, l->rows[i].index);
  for (size_t i = 0; i < l->partial_count; i++)
    chunk_bit_set(chunk->partial_bits, l->partials[i].index);
}

static void take_up(struct feed *f, struct chunk *chunk) {
  f->chunk = chunk;
  f->here = chunk->place;
  f->here.bytes = f->here.lines = 0;
  f->index = 0;
  f->digest = 0;
  f->placed = f->marked = false;
}

/* Makes what was loaded the chunk in memory and holds it there, so that there
 * is one truth of it from now on; one that is in memory already knows better
 * than its row. */
static int pin(struct session *s, const struct store_loaded *l) {
  struct chunk *chunk =
      chunk_table_find(&s->chunks, l->chunk.source, l->chunk.number);
  if (chunk == NULL) {
    chunk = chunk_table_add(&s->chunks, l->chunk.source, l->chunk.number);
    if (chunk == NULL)
      return ERR_NOMEM;
    fill(chunk, l);
    note_rows(chunk, l);
  }
  chunk->readers++;
  if (chunk->count == CHUNK_LINES || chunk->objects != NULL)
    return 0;
  chunk->objects = calloc(1, CHUNK_LINES); /* more lines may follow */
  if (chunk->objects == NULL) {
    chunk->readers--;
    session__retire(s, chunk);
    return ERR_NOMEM;
  }
  if (l->chunk.objects != NULL)
    memcpy(chunk->objects, l->chunk.objects, CHUNK_LINES);
  return 0;
}

static void unpin(struct session *s, struct store_loaded *l) {
  struct chunk *chunk =
      chunk_table_find(&s->chunks, l->chunk.source, l->chunk.number);
  chunk->readers--;
  session__retire(s, chunk);
  store_loaded_free(l);
}

static void drop_ahead(struct feed *f) {
  while (f->ahead_at < f->ahead_count)
    unpin(f->session, f->ahead[f->ahead_at++]);
}

static bool take_ahead(struct feed *f) {
  struct store_loaded *l = f->ahead[f->ahead_at++];
  f->loaded = l;
  take_up(f, chunk_table_find(&f->session->chunks, l->chunk.source,
                              l->chunk.number));
  return true;
}

static bool take_new(struct feed *f) {
  struct session *s = f->session;
  struct source *source = f->source;
  struct chunk *chunk = chunk_table_add(&s->chunks, source->id, source->chunks);
  if (chunk != NULL)
    chunk->objects = calloc(1, CHUNK_LINES);
  if (chunk == NULL || chunk->objects == NULL) {
    if (chunk != NULL)
      chunk_table_remove(&s->chunks, chunk);
    session__feed_trouble(s, ERR_NOMEM, NULL);
    return false;
  }
  chunk->place = source->tail;
  chunk->readers++;
  take_up(f, chunk);
  return true;
}

/* ---- asking the storage thread ----------------------------------------- */

void feed__post(struct feed *f) {
  f->job.owner = f;
  f->job_busy = true;
  store_thread_post(f->session->thread, &f->job);
}

void feed__job_done(struct feed *f, struct store_job *job) {
  f->job_busy = false;
  if (job->rc < 0) {
    session__feed_trouble(f->session, job->rc,
                          "the session database cannot be read");
    return;
  }
  f->ahead_at = f->ahead_count = 0;
  for (size_t i = 0; i < job->count; i++)
    if (pin(f->session, job->loaded[i]) == 0)
      f->ahead[f->ahead_count++] = job->loaded[i];
    else
      store_loaded_free(job->loaded[i]);
  if (f->ahead_count < job->count) { /* asked for again in a second */
    drop_ahead(f);
    session__feed_trouble(f->session, ERR_NOMEM, NULL);
  } else if (job->kind == JOB_NEXT) {
    f->drained = job->count == 0;
  } else {
    f->missing = job->count == 0;
  }
}

/* ---- the order of sources ---------------------------------------------- */

/* Lists that are coming in go before known pipes: they may be the same,
 * signed again. */
static int turn_of(const struct source *source, bool incoming) {
  if (source->merging) /* one that a kill left behind: after the living */
    return source->spooler != NULL ? 1 : 2;
  return source->kind == SOURCE_STREAM && incoming ? 3 : 0;
}

static struct source *first_in_turn(struct session *s) {
  bool incoming = false;
  struct source *first = NULL;
  for (size_t i = 0; i < s->source_count; i++)
    incoming |= s->sources[i].merging && !s->sources[i].visited;
  for (size_t i = 0; i < s->source_count; i++) {
    struct source *source = &s->sources[i];
    if (source->visited || source->gone)
      continue;
    if (first == NULL || turn_of(source, incoming) < turn_of(first, incoming))
      first = source;
  }
  return first;
}

static void enter(struct feed *f, struct source *source) {
  f->source = source;
  f->after = -1;
  f->drained = source->chunks == 0;
}

static bool choose_source(struct feed *f) {
  struct source *source = first_in_turn(f->session);
  if (source == NULL) {
    f->done = true;
    return true;
  }
  if (!source->merging) {
    enter(f, source);
    return true;
  }
  source->visited = true;
  f->source = f->incoming = source;
  f->identifying = true;
  f->placed = false;
  f->here = (struct chunk_place){.first_line = 1, .spool = source->spool};
  return true;
}

static void leave_source(struct feed *f) {
  drop_ahead(f);
  f->source->visited = true;
  f->source = NULL;
}

/* ---- lists that come again --------------------------------------------- */

/* Each chunk of a source stands in some file of it, all of one form. */
static void other_form(struct feed *f, const struct source *known,
                       uint64_t line) {
  char why[200];
  struct session *s = f->session;
  snprintf(why, sizeof why,
           "it is the list that came in as %s before, as %s now: pipe it in as "
           "%s; nothing more is read from it, the known list goes on",
           known->format->name, f->incoming->format->name, known->format->name);
  s->counts.bad_lines++;
  if (s->hooks.bad_line != NULL)
    s->hooks.bad_line(s->hooks.arg, source_name(f->incoming), line, why);
  f->incoming->gone = true;
  session__source_touch(s, f->incoming);
  f->source = f->incoming = NULL;
}

/* Its first good line was found (NULL: it has none). */
bool feed__found(struct feed *f, const struct manifest_line *line) {
  struct session *s = f->session;
  struct source *incoming = f->incoming, *known = NULL;
  if (line != NULL && line->why != NULL)
    return true;
  if (incoming->format != f->text.format) {
    incoming->format = f->text.format;
    session__source_touch(s, incoming);
  }
  for (size_t i = 0; line != NULL && i < s->source_count; i++) {
    struct source *source = &s->sources[i];
    if (source != incoming && source->kind == SOURCE_STREAM && !source->gone &&
        source->first_object == line->object)
      known = source;
  }
  f->identifying = f->placed = false;
  incoming->merging = false;
  if (known != NULL && known->format != incoming->format) {
    other_form(f, known, line->line);
    return true;
  }
  if (known == NULL) { /* a new list */
    incoming->visited = false;
    f->incoming = NULL;
    enter(f, incoming);
    return true;
  }
  f->source = known;
  f->merge_next = 0;
  f->merge_at = (struct chunk_place){.first_line = 1, .spool = incoming->spool};
  return true;
}

/* The comparison is over; the known list goes on from where it stands. */
void feed__merge_stop(struct feed *f) {
  struct source *source = f->source, *incoming = f->incoming;
  int64_t after = (int64_t)f->merge_next - 2;
  if (f->chunk != NULL)
    feed__leave(f);
  incoming->gone = true;
  session__source_touch(f->session, incoming);
  f->incoming = NULL;
  f->after = after;
  f->drained = false;
  f->source = source;
}

/* A chunk that is in memory may have news that its row has not; they are
 * sent on their way. False: wait. */
static bool is_written(struct session *s, uint32_t source, uint32_t number) {
  if (chunk_table_find(&s->chunks, source, number) == NULL)
    return true;
  if (s->batch_busy)
    return false;
  if (session__pending(s))
    session__send(s);
  return true;
}

/* The next chunk to compare, or the first line beyond all that is known. */
static bool choose_merge(struct feed *f) {
  struct source *source = f->source;
  if (f->ahead_at < f->ahead_count) {
    take_ahead(f);
    f->merge_next++;
    f->here.offset = f->merge_at.offset;
    f->here.first_line = f->merge_at.first_line;
    f->here.spool = f->merge_at.spool;
    return true;
  }
  if (f->missing) { /* not what it was: the known list stays as it is */
    f->missing = false;
    feed__merge_stop(f);
    return true;
  }
  if (f->merge_next < source->chunks) {
    if (!is_written(f->session, source->id, f->merge_next))
      return false;
    f->job = (struct store_job){.kind = JOB_LOAD,
                                .source = source->id,
                                .number = f->merge_next,
                                .objects = true};
    feed__post(f);
    return false;
  }
  source->tail = f->merge_at;
  source->spool = f->merge_at.spool;
  source->ended = false;
  f->merge_next++;
  return take_new(f);
}

/* The list that came in has ended: what it did not reach stays in the old
 * file. */
static void end_merge(struct feed *f, bool complete) {
  struct source *source = f->source, *incoming = f->incoming;
  bool received = incoming->received;
  feed__merge_stop(f);
  if (!complete)
    return;
  source->spool = incoming->spool;
  source->received = received;
  source->ended = received;
  session__source_touch(f->session, source);
}

/* ---- the end of a source ----------------------------------------------- */

static void report(struct feed *f, uint64_t line, const char *why) {
  struct session *s = f->session;
  s->counts.bad_lines++;
  if (s->hooks.bad_line != NULL)
    s->hooks.bad_line(s->hooks.arg, source_name(f->source), line, why);
}

void feed__source_end(struct feed *f) {
  struct chunk *chunk = f->chunk;
  struct source *source = f->source;
  bool short_of = f->index < chunk->count;
  uint64_t line = manifest_line_number(&f->text);
  if (f->incoming != NULL) {
    bool all = !short_of && f->merge_next >= source->chunks;
    end_merge(f, all);
    return;
  }
  feed__leave(f);
  if (f->redo)
    return;
  if (short_of) {
    report(f, line, "the list ends before what is known of it: it was cut");
    leave_source(f);
    return;
  }
  if (source->more) { /* to be entered again, at what is left */
    source->more = false;
    drop_ahead(f);
    f->source = NULL;
    return;
  }
  if (source->received) {
    source->ended = true;
    session__source_touch(f->session, source);
  } else {
    report(f, line,
           "the list was cut off here when it came in: pipe it in again");
  }
  leave_source(f);
}

/* ---- tasks that are wanted again --------------------------------------- */

/* Takes out of the waiting ids all that are of the first one's chunk. */
static void gather(struct feed *f, uint64_t first) {
  struct session *s = f->session;
  size_t kept = 0;
  memset(f->wanted, 0, sizeof f->wanted);
  f->wanted_left = 0;
  for (size_t i = 0; i < s->redo_count; i++) {
    uint64_t id = s->redo_ids[i];
    if (task_source(id) != task_source(first) ||
        task_chunk(id) != task_chunk(first)) {
      s->redo_ids[kept++] = id;
    } else if (!chunk_bit(f->wanted, task_index(id))) {
      chunk_bit_set(f->wanted, task_index(id));
      f->wanted_left++;
    }
  }
  s->redo_count = kept;
}

static bool choose_redo(struct feed *f) {
  struct session *s = f->session;
  f->missing = false;
  if (f->ahead_at < f->ahead_count)
    return take_ahead(f);
  if (s->redo_count == 0 || s->batch_busy)
    return false;
  uint64_t first = s->redo_ids[0];
  f->source = session__source(s, task_source(first));
  if (session__pending(s)) /* the row must be there before it is read */
    session__send(s);
  gather(f, first);
  if (f->source == NULL || task_ordinal(first) == 0)
    return true;
  f->job = (struct store_job){.kind = JOB_LOAD,
                              .source = task_source(first),
                              .number = task_chunk(first)};
  feed__post(f);
  return false;
}

/* ---- choosing ---------------------------------------------------------- */

bool feed__choose(struct feed *f) {
  if (f->redo)
    return choose_redo(f);
  if (f->done)
    return false;
  if (f->source == NULL)
    return choose_source(f);
  if (f->incoming != NULL)
    return choose_merge(f);
  if (f->ahead_at < f->ahead_count)
    return take_ahead(f);
  if (!f->drained) {
    if (f->source->kind == SOURCE_ARGS && f->source->chunks > 0 &&
        !is_written(f->session, f->source->id, f->source->chunks - 1))
      return false;
    f->job = (struct store_job){.kind = JOB_NEXT,
                                .source = f->source->id,
                                .after = f->after,
                                .ended = f->source->ended};
    feed__post(f);
    return false;
  }
  if (!f->source->ended)
    return take_new(f);
  leave_source(f);
  return true;
}
