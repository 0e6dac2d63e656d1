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
#include <time.h>

#include "spool.h"

#include "plain.h"

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
  chunk->ranked = l->rank_count > 0;
}

static int64_t now_unix(void) {
  return (int64_t)time(NULL);
}

/* What this pass delivers. */
static void set_pass(struct feed *f, const struct order_entry *entry) {
  struct session *s = f->session;
  f->keys = entry != NULL ? entry->keys : (struct line_keys){0};
  f->deadline_bound = INT64_MAX;
  f->priority_bound = INT32_MIN;
  f->slice = -1;
  f->later = f->refused = (struct line_keys){0};
  f->delivered = 0;
  f->left_noted = false;
  if (f->redo || f->incoming != NULL)
    return;
  if (s->rules.shuffle)
    f->slice =
        order_pick_slice(&s->rules, entry != NULL ? entry->slices : UINT8_MAX);
  if (s->rules.shuffle || entry == NULL || entry->keys.hosts == 0)
    return;
  f->priority_bound = entry->keys.priority;
  if (s->rules.deadlines)
    f->deadline_bound =
        order_deadline_bound(entry->keys.deadline_unix, now_unix());
}

static struct order_entry *entry_of(const struct feed *f) {
  struct source *source = f->source;
  return source != NULL && f->chunk->number < source->order.count
             ? &source->order.entries[f->chunk->number]
             : NULL;
}

static void take_up(struct feed *f, struct chunk *chunk) {
  f->chunk = chunk;
  f->here = chunk->place;
  f->index = 0;
  f->digest = 0;
  f->placed = f->marked = f->leave_wanted = false;
  f->since_ns = uv_hrtime();
  struct order_entry *entry = f->redo ? NULL : entry_of(f);
  if (entry != NULL)
    entry->state = ORDER_TAKEN;
  set_pass(f, entry);
  /* All before that line is delivered. */
  if (!f->redo && f->incoming == NULL && chunk->left_index > 0 &&
      chunk->count == CHUNK_LINES) {
    f->here = chunk->left;
    f->index = chunk->left_index;
  }
  f->here.bytes = f->here.lines = 0;
  f->here.keys = (struct line_keys){0};
  chunk->left_index = 0;
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
  if (f->ahead != NULL)
    unpin(f->session, f->ahead);
  f->ahead = NULL;
}

static bool take_ahead(struct feed *f) {
  struct store_loaded *l = f->ahead;
  f->ahead = NULL;
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
  if (source->chunks == 0)
    index__look(s, source);
  return true;
}

/* ---- asking the storage thread ----------------------------------------- */

void feed__post(struct feed *f) {
  f->job.owner = f;
  f->job_busy = true;
  store_thread_post(f->session->thread, &f->job);
}

/* What was asked for did not come. */
static void reopen(struct feed *f) {
  struct source *source = f->source;
  if (!f->redo && f->incoming == NULL && source != NULL &&
      f->asked < source->order.count)
    source->order.entries[f->asked].state = ORDER_OPEN;
}

void feed__job_done(struct feed *f, struct store_job *job) {
  f->job_busy = false;
  if (job->rc < 0) {
    reopen(f);
    session__feed_trouble(f->session, job->rc,
                          "the session database cannot be read");
    return;
  }
  bool swept = job->kind == JOB_SWEEP;
  if (swept)
    session__swept(f);
  f->missing = job->count == 0;
  if (f->missing)
    return;
  if (pin(f->session, job->loaded[0]) == 0) {
    f->ahead = job->loaded[0];
    return;
  }
  store_loaded_free(job->loaded[0]); /* asked for again in a second */
  if (swept)
    session__sweep_back(f->session);
  reopen(f);
  session__feed_trouble(f->session, ERR_NOMEM, NULL);
}

/* ---- the order of sources ---------------------------------------------- */

/* Lists that are coming in go before known pipes: they may be the same,
 * signed again. */
static int turn_of(const struct source *source, bool incoming) {
  if (source->merging) /* one that a kill left behind: after the living */
    return source->spooler != NULL ? 1 : 2;
  return source->kind == SOURCE_STREAM && incoming ? 3 : 0;
}

/* One that is being recognised may be any of the known pipes. */
static bool any_incoming(const struct session *s) {
  bool incoming = s->feeds[0].identifying;
  for (size_t i = 0; i < s->source_count; i++)
    incoming |= s->sources[i].merging && !s->sources[i].visited &&
                !s->sources[i].gone;
  return incoming;
}

static struct source *first_in_turn(struct session *s) {
  bool incoming = any_incoming(s);
  struct source *first = NULL;
  for (size_t i = 0; i < s->source_count; i++) {
    struct source *source = &s->sources[i];
    if (source->visited || source->gone)
      continue;
    if (first == NULL || turn_of(source, incoming) < turn_of(first, incoming))
      first = source;
  }
  return first;
}

static bool begin_merge(struct feed *f, struct source *source) {
  source->visited = true;
  f->source = f->incoming = source;
  f->identifying = true;
  f->placed = false;
  f->here = (struct chunk_place){.first_line = 1, .spool = source->spool};
  return true;
}

/* ---- what may come next -------------------------------------------------- */

bool feed__tail_grew(struct session *s, const struct source *source) {
  struct spool *spool = feed__spooler(s, source->spool);
  bool ended;
  int trouble;
  return spool == NULL ||
         spool_state(spool, &ended, &trouble) > source->tail.offset || ended;
}

/* Whether a feed stands behind the last known chunk, or wants to. */
static bool tail_is_taken(struct session *s, const struct source *source) {
  for (int i = 0; i < SESSION_FEEDS; i++) {
    const struct chunk *chunk = s->feeds[i].chunk;
    if (s->feeds[i].source == source && chunk != NULL &&
        chunk->number >= source->chunks)
      return true;
  }
  return false;
}

/* Lines that were never seen: behind the last chunk, if that is full. */
static bool has_new(struct session *s, const struct source *source) {
  return !source->ended && !source->cut &&
         source->tasks == (uint64_t)source->chunks * CHUNK_LINES &&
         !tail_is_taken(s, source);
}

static bool has_work_left(struct session *s, const struct source *source) {
  if (tail_is_taken(s, source) || has_new(s, source))
    return true;
  for (uint32_t i = 0; i < source->order.count; i++)
    if (source->order.entries[i].state != ORDER_OVER)
      return true;
  return false;
}

/* A last chunk that is not full is looked at when its file has grown. */
static bool waits_for_more(struct session *s, const struct source *source,
                           uint32_t number) {
  const struct order_entry *entry = &source->order.entries[number];
  return number + 1 == source->chunks && !source->ended &&
         entry->keys.hosts == 0 && entry->state == ORDER_OPEN &&
         source->tasks < (uint64_t)source->chunks * CHUNK_LINES &&
         !feed__tail_grew(s, source);
}

static void consider(struct session *s, struct source *source,
                     struct order_choice *choice) {
  static const struct line_keys unknown;
  uint32_t last = source->chunks;
  bool asleep = last > 0 && last <= source->order.count &&
                waits_for_more(s, source, last - 1);
  if (asleep) /* out of sight for a moment */
    source->order.entries[last - 1].state = ORDER_TAKEN;
  order_consider_all(choice, &s->rules, source->id, &source->order);
  if (asleep)
    source->order.entries[last - 1].state = ORDER_OPEN;
  /* Unread lines; those of full hosts are passed over by the index. */
  bool by_index = index__reads(s, source) && s->rules.full != 0;
  if (has_new(s, source) && feed__tail_grew(s, source) && !by_index &&
      !(s->rules.shuffle && choice->found))
    order_consider(choice, &s->rules, source->id, last, &unknown);
}

/* The best for this feed; found = false: nothing. */
static struct order_choice best(struct feed *f) {
  struct session *s = f->session;
  struct order_choice choice = {0};
  const struct source *compared =
      s->feeds[0].incoming != NULL ? s->feeds[0].source : NULL;
  const struct source *first = first_in_turn(s);
  bool incoming = any_incoming(s);
  for (size_t i = 0; first != NULL && i < s->source_count; i++) {
    struct source *source = &s->sources[i];
    if (!source->visited && !source->gone && !source->merging &&
        source != compared && turn_of(source, incoming) == 0)
      consider(s, source, &choice);
  }
  return choice;
}

void feed__ask_full(struct session *s) {
  s->rules.full = s->hooks.full != NULL ? s->hooks.full(s->hooks.arg) : 0;
}

bool feed__has_other(struct feed *f) {
  return !f->redo && f->incoming == NULL && best(f).found;
}

static void leave_finished(struct session *s) {
  for (size_t i = 0; i < s->source_count; i++) {
    struct source *source = &s->sources[i];
    if (!source->visited && !source->merging && !source->gone &&
        !has_work_left(s, source))
      source->visited = true;
  }
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
    f->source = f->incoming = NULL;
    return true;
  }
  f->source = known;
  f->merge_next = 0;
  f->merge_at = (struct chunk_place){.first_line = 1, .spool = incoming->spool};
  return true;
}

/* The comparison is over; the known list goes on from where it stands. */
void feed__merge_stop(struct feed *f) {
  struct source *incoming = f->incoming;
  if (f->chunk != NULL)
    feed__leave(f, false);
  drop_ahead(f);
  incoming->gone = true;
  session__source_touch(f->session, incoming);
  f->source = f->incoming = NULL;
}

/* A chunk that is in memory may have news that its row has not; they are
 * sent on their way. False: wait. */
static bool is_written(struct session *s, uint32_t source, uint32_t number) {
  if (chunk_table_find(&s->chunks, source, number) == NULL)
    return true;
  if (s->batch_busy)
    return false;
  if (!session__pending(s))
    return true;
  session__send(s);
  return s->batch_busy;
}

/* The next chunk to compare, or the first line beyond all that is known. */
static bool choose_merge(struct feed *f) {
  struct source *source = f->source;
  if (f->ahead != NULL) {
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
  char *path = source->path; /* a batch under way may hold either one */
  source->path = incoming->path;
  incoming->path = path;
  source->identity = incoming->identity;
  source->fault = incoming->fault;
  source->spool = incoming->spool;
  source->received = received;
  source->ended = received;
  session__source_touch(f->session, source);
}

/* ---- the end of a source ----------------------------------------------- */

static void report(struct feed *f, struct source *source, uint64_t line,
                   const char *why) {
  struct session *s = f->session;
  source->cut = true;
  s->counts.bad_lines++;
  if (s->hooks.bad_line != NULL)
    s->hooks.bad_line(s->hooks.arg, source_name(source), line, why);
}

void feed__source_end(struct feed *f) {
  struct chunk *chunk = f->chunk;
  struct source *source = f->source;
  bool short_of = f->index < chunk->count;
  uint64_t line = manifest_line_number(&f->text);
  if (f->incoming != NULL) {
    bool all = !short_of && f->merge_next >= source->chunks;
    if (!all && f->incoming->fault != 0)
      report(f, f->incoming, line, plain_fault(f->incoming->fault));
    end_merge(f, all);
    return;
  }
  if (f->redo) {
    feed__leave(f, true);
    return;
  }
  if (source->more) { /* lines were added meanwhile */
    source->more = false;
  } else if (short_of) {
    if (!source->cut)
      report(f, source, line,
             "the list ends before what is known of it: it was cut");
  } else if (!source->received) {
    if (!source->cut)
      report(f, source, line,
             source->fault != 0 ? plain_fault(source->fault)
                                : "the list was cut off here when it came in: "
                                  "pipe it in again");
  } else if (!source->ended) {
    source->ended = true;
    session__source_touch(f->session, source);
  }
  feed__leave(f, true);
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
  if (f->ahead != NULL && f->source == NULL) { /* its list is gone */
    drop_ahead(f);
    return true;
  }
  if (f->ahead != NULL)
    return take_ahead(f);
  if ((s->redo_count == 0 && !session__sweeping(s)) || s->batch_busy)
    return false;
  if (session__pending(s)) { /* the row must be there before it is read */
    session__send(s);
    if (!s->batch_busy)
      return false;
  }
  if (s->redo_count == 0) {
    session__sweep_next(f);
    return false;
  }
  uint64_t first = s->redo_ids[0];
  f->source = session__source(s, task_source(first));
  f->choice = NULL;
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

/* Takes up a chunk that is in memory, if that is all that is known of it. */
static bool take_here(struct feed *f, uint32_t number) {
  struct session *s = f->session;
  struct chunk *chunk = chunk_table_find(&s->chunks, f->source->id, number);
  static const uint8_t none[CHUNK_BITMAP];
  if (chunk == NULL)
    return false;
  bool rows = chunk->ranked ||
              memcmp(chunk->row_bits, none, CHUNK_BITMAP) != 0 ||
              memcmp(chunk->partial_bits, none, CHUNK_BITMAP) != 0;
  if (rows && !f->missing)
    return false;
  chunk->readers++;
  take_up(f, chunk);
  return true;
}

static bool choose_best(struct feed *f) {
  struct session *s = f->session;
  struct order_choice choice = best(f);
  if (!choice.found)
    return false;
  f->source = session__source(s, choice.source);
  f->asked = choice.number;
  f->missing = false;
  if (choice.number >= f->source->chunks)
    return take_new(f);
  f->source->order.entries[choice.number].state = ORDER_TAKEN;
  if (take_here(f, choice.number))
    return true;
  f->job = (struct store_job){.kind = JOB_LOAD,
                              .source = choice.source,
                              .number = choice.number,
                              .objects = true};
  feed__post(f);
  return false;
}

bool feed__choose(struct feed *f) {
  struct session *s = f->session;
  if (f->redo)
    return choose_redo(f);
  if (f->incoming != NULL)
    return choose_merge(f);
  if (f->ahead != NULL)
    return take_ahead(f);
  if (f->missing) { /* no row: it is in memory, or was never written */
    bool here = take_here(f, f->asked);
    if (!here) /* it may have been written just now */
      f->source->order.entries[f->asked].state =
          f->missed == f->asked + 1 && f->missed_source == f->source->id
              ? ORDER_OVER
              : ORDER_OPEN;
    f->missed = f->asked + 1;
    f->missed_source = f->source->id;
    f->missing = false;
    return true;
  }
  if (f->done)
    return false;
  f->source = NULL;
  leave_finished(s);
  struct source *first = first_in_turn(s);
  if (f == &s->feeds[0] && first == NULL) {
    f->done = true;
    return true;
  }
  if (f == &s->feeds[0] && first != NULL && first->merging)
    return begin_merge(f, first);
  return choose_best(f);
}
