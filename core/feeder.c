/* SPDX-License-Identifier: MIT
 *
 * The feeder: takes a chunk's lines out of its file, block by block through
 * libuv's pool, and delivers what is not settled. Which chunk comes next is
 * the matter of feed_source.c.
 *
 * The next block is asked for while the last one is being delivered. A file
 * that a spooler still writes is followed. The loop's thread.
 */
#include "config.h"

#include "session_impl.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "indexer.h"
#include "spool.h"

#define PREFETCH_BELOW ((uint64_t)64 * 1024)
#define REFUSALS 256 /* lines of full hosts between two looks at them */

struct spool *feed__spooler(struct session *s, uint32_t spool) {
  for (size_t i = 0; spool != 0 && i < s->source_count; i++)
    if (s->sources[i].spool == spool && s->sources[i].spooler != NULL)
      return s->sources[i].spooler;
  return NULL;
}

bool feed__busy(const struct feed *f) {
  return f->fs_busy || f->job_busy;
}

void feed__fini(struct feed *f) {
  uv_fs_t req;
  if (f->fd >= 0)
    uv_fs_close(NULL, &req, f->fd, NULL);
  f->fd = -1;
  if (f->text_ready)
    manifest_fini(&f->text);
  f->text_ready = false;
  store_loaded_free(f->ahead);
  f->ahead = NULL;
  store_loaded_free(f->loaded);
  f->loaded = NULL;
}

/* ---- reading ----------------------------------------------------------- */

static void came_in(struct feed *f) {
  f->fs_busy = false;
  if (f->session->stopping)
    session__stop_step(f->session);
  else
    session__kick(f->session);
}

static void file_trouble(struct feed *f, ssize_t uv_code) {
  char text[256];
  const char *name = f->here.spool != 0 || f->source == NULL
                         ? "a list kept in the session"
                         : source_name(f->source);
  snprintf(text, sizeof text, "%s cannot be read: %s", name,
           uv_strerror((int)uv_code));
  session__feed_trouble(f->session, err_from_errno((int)-uv_code), text);
}

/* The last line of a stream that was cut off may be half a line. */
static bool last_line_counts(struct feed *f) {
  if (f->fd_spool == 0)
    return true;
  for (size_t i = 0; i < f->session->source_count; i++)
    if (f->session->sources[i].spool == f->fd_spool)
      return f->session->sources[i].received;
  return false;
}

static void reach_end(struct feed *f) {
  f->at_end = true;
  if (last_line_counts(f))
    manifest_end(&f->text);
}

static void on_read(uv_fs_t *req) {
  struct feed *f = req->data;
  ssize_t n = req->result;
  uv_fs_req_cleanup(req);
  if (n > 0)
    manifest_filled(&f->text, (size_t)n);
  else if (n == 0 && feed__spooler(f->session, f->fd_spool) == NULL)
    reach_end(f);
  else if (n < 0 && !f->session->stopping)
    file_trouble(f, n);
  came_in(f);
}

/* Lines may be added to the list of the command lines; of its spool only what
 * is below the limit is there. */
static bool grows(const struct feed *f) {
  return f->source != NULL && f->source->kind == SOURCE_ARGS &&
         f->fd_spool == f->source->spool;
}

/* Asks for the next block; true: it is known already that there is none. */
static bool read_more(struct feed *f) {
  struct spool *spool = feed__spooler(f->session, f->fd_spool);
  uint64_t at = manifest_wants(&f->text);
  size_t room;
  if (f->fs_busy || f->at_end || f->session->trouble_feed != 0)
    return false;
  if (spool != NULL) {
    bool ended;
    int trouble;
    if (spool_state(spool, &ended, &trouble) <= at) {
      if (ended) {
        session__poll_spools(f->session); /* how, before it counts */
        reach_end(f);
      }
      return ended;
    }
  }
  char *space = manifest_space(&f->text, &room);
  if (space == NULL)
    return false;
  if (grows(f) && at >= f->source->limit) {
    reach_end(f);
    return true;
  }
  if (grows(f) && room > f->source->limit - at)
    room = (size_t)(f->source->limit - at);
  uv_buf_t buf = uv_buf_init(space, (unsigned)room);
  f->fs.data = f;
  int rc = uv_fs_read(f->session->loop, &f->fs, f->fd, &buf, 1, (int64_t)at,
                      on_read);
  f->fs_busy = rc == 0;
  if (rc < 0)
    file_trouble(f, rc);
  return false;
}

static void on_open(uv_fs_t *req) {
  struct feed *f = req->data;
  ssize_t fd = req->result;
  uv_fs_req_cleanup(req);
  if (fd >= 0)
    f->fd = (uv_file)fd;
  else if (!f->session->stopping)
    file_trouble(f, fd);
  came_in(f);
}

static void open_file(struct feed *f) {
  uv_fs_t req;
  char name[32];
  if (f->session->trouble_feed != 0)
    return;
  if (f->fd >= 0)
    uv_fs_close(NULL, &req, f->fd, NULL);
  f->fd = -1;
  f->fd_spool = f->here.spool;
  f->fd_source = f->here.spool != 0 ? 0 : f->source->id;
  session__spool_name(f->here.spool, name, sizeof name);
  char *spool = f->here.spool != 0 ? session__path(f->session->dir, name)
                                   : strdup(f->source->path);
  f->fs.data = f;
  int rc = spool == NULL ? UV_ENOMEM
                         : uv_fs_open(f->session->loop, &f->fs, spool,
                                      O_RDONLY | O_CLOEXEC, 0, on_open);
  free(spool);
  f->fs_busy = rc == 0;
  if (rc < 0)
    file_trouble(f, rc);
}

static const struct manifest_format *format_here(const struct feed *f) {
  bool incoming =
      f->incoming != NULL && f->here.spool == f->incoming->tail.spool;
  const struct source *source = incoming ? f->incoming : f->source;
  return source != NULL ? source->format : &manifest_text;
}

/* Its name may say what form it has. */
static const char *hint_here(const struct feed *f) {
  const struct source *source = f->incoming != NULL ? f->incoming : f->source;
  return source != NULL && *source->path != '\0' ? source->path : NULL;
}

/* At the chunk's place, or on the way there by way of a table's header. */
static bool seek_here(struct feed *f) {
  f->at_end = false;
  if (!f->heading) {
    manifest_seek(&f->text, f->here.offset, f->here.first_line);
    if (!manifest_lacks_head(&f->text))
      return f->placed = true;
    manifest_seek(&f->text, 0, 1);
    f->heading = true;
  }
  while (manifest_head(&f->text) == 0)
    if (!read_more(f))
      return false;
  manifest_seek(&f->text, f->here.offset, f->here.first_line);
  f->heading = f->at_end = false;
  return f->placed = true;
}

/* True once the file is open and stands where the chunk (or, looking for a
 * first object, the file) begins. */
static bool go_to_place(struct feed *f) {
  uint32_t source = f->here.spool != 0 ? 0 : f->source->id;
  bool same = f->fd >= 0 && f->fd_spool == f->here.spool &&
              f->fd_source == source && f->text_ready &&
              !(f->at_end && grows(f)); /* it may have grown meanwhile */
  if (same && !f->heading && !manifest_lacks_head(&f->text) &&
      manifest_offset(&f->text) == f->here.offset &&
      manifest_line_number(&f->text) == f->here.first_line)
    return f->placed = true;
  if (f->fs_busy)
    return false;
  if (f->fd < 0 || f->fd_spool != f->here.spool || f->fd_source != source) {
    open_file(f);
    if (f->text_ready) {
      manifest_use(&f->text, format_here(f), hint_here(f));
      manifest_seek(&f->text, f->here.offset, f->here.first_line);
    }
    f->at_end = f->heading = false;
    return false;
  }
  if (!f->text_ready && manifest_init(&f->text, format_here(f)) < 0) {
    session__feed_trouble(f->session, ERR_NOMEM, NULL);
    return false;
  }
  if (!f->text_ready)
    manifest_use(&f->text, format_here(f), hint_here(f));
  f->text_ready = true;
  return seek_here(f);
}

static bool find_marks(struct feed *f) {
  struct session *s = f->session;
  uint64_t key = chunk_key(f->chunk->source, f->chunk->number);
  if (f->chunk->slot < 0)
    f->chunk->slot = marks_find(s->marks, key);
  if (f->chunk->slot < 0)
    f->chunk->slot = marks_take(s->marks, key);
  if (f->chunk->slot >= 0)
    return f->marked = true;
  if (!s->grow_busy) {
    s->grow_busy = true;
    s->grow_job = (struct store_job){.kind = JOB_GROW};
    store_thread_post(s->thread, &s->grow_job);
  }
  return false;
}

/* ---- lines ------------------------------------------------------------- */

static const struct store_loaded_row *row_of(const struct feed *f,
                                             uint32_t index) {
  const struct store_loaded *l = f->loaded;
  size_t low = 0, high = l == NULL ? 0 : l->row_count;
  while (low < high) {
    size_t mid = (low + high) / 2;
    if (l->rows[mid].index < index)
      low = mid + 1;
    else
      high = mid;
  }
  return l != NULL && low < l->row_count && l->rows[low].index == index
             ? &l->rows[low]
             : NULL;
}

static const struct session_partial *partial_of(const struct feed *f,
                                                uint32_t index) {
  const struct store_loaded *l = f->loaded;
  if (l == NULL || !chunk_bit(f->chunk->partial_bits, index))
    return NULL;
  for (size_t i = 0; i < l->partial_count; i++)
    if (l->partials[i].index == index)
      return &l->partials[i].partial;
  return NULL;
}

/* The line's own, or what a person has made of it. */
static int32_t priority_of(const struct feed *f, uint32_t index,
                           const struct manifest_line *line) {
  const struct store_loaded *l = f->loaded;
  size_t low = 0, high = l == NULL ? 0 : l->rank_count;
  while (low < high) {
    size_t mid = (low + high) / 2;
    if (l->ranks[mid].index == index)
      return l->ranks[mid].priority;
    if (l->ranks[mid].index < index)
      low = mid + 1;
    else
      high = mid;
  }
  return line->priority;
}

static void deliver(struct feed *f, uint32_t index,
                    const struct manifest_line *line,
                    const struct store_loaded_row *row) {
  struct session *s = f->session;
  struct chunk *chunk = f->chunk;
  struct session_unflushed unflushed;
  enum mark mark = marks_get(s->marks, chunk->slot, index);
  unsigned owns = row != NULL ? row->started : OWNS_NOTHING;
  if (row != NULL && chunk_bit(chunk->settled_bits, index)) {
    uint64_t *count = session__count_of(s, row->state);
    *count -= *count > 0; /* it is pending again */
  }
  struct session_item item = {
      .id = task_id(chunk->source, chunk->number, index),
      .url = line->url,
      .out = line->out,
      .dir = line->dir,
      .deadline_unix = line->deadline_unix,
      .priority = priority_of(f, index, line),
      .fields = line->fields,
      .line = line->line,
      .started =
          (mark != MARK_NONE && !marks_taken(s->marks, chunk->slot, index)) ||
          (owns & OWNS_NAME) != 0,
      .begun = mark != MARK_NONE || owns != OWNS_NOTHING,
      .written =
          mark == MARK_WRITTEN && !marks_taken(s->marks, chunk->slot, index),
      .ours_since_unix_ns = s->ours_since_unix_ns,
      .failed_before = row != NULL && row->state != ROW_BAD,
      .again = f->redo || (row != NULL && s->retry_only != NULL),
      .partial = partial_of(f, index)};
  if (unflushed_get(s->unflushed, item.id, &unflushed))
    item.unflushed = &unflushed;
  chunk_fly(chunk, index);
  f->delivered++;
  s->room--;
  s->hooks.item(s->hooks.arg, &item);
}

static void report_bad(struct feed *f, const struct manifest_line *line) {
  struct session *s = f->session;
  if (s->hooks.bad_line != NULL)
    s->hooks.bad_line(s->hooks.arg, source_name(f->source), line->line,
                      line->why);
}

static bool is_due(const struct feed *f, uint32_t index,
                   const struct store_loaded_row *row) {
  const struct chunk *chunk = f->chunk;
  if (chunk_bit(chunk->flying_bits, index))
    return false;
  if (f->redo) /* the row may be gone since it was read */
    return chunk_bit(f->wanted, index) && row != NULL &&
           row->state != ROW_DONE && row->state != ROW_BAD &&
           chunk_bit(chunk->row_bits, index);
  if (!chunk_bit(chunk->settled_bits, index))
    return true;
  return row != NULL && row_again(row->state) && row->run != f->session->run &&
         !chunk_bit(chunk->tried_bits, index);
}

/* ---- passes ------------------------------------------------------------ */

/* The next pass over this chunk may begin with the line at hand. */
static void note_left(struct feed *f, uint32_t index,
                      const struct chunk_place *begin) {
  if (f->left_noted)
    return;
  f->left_noted = true;
  f->chunk->left = *begin;
  f->chunk->left_index = index;
}

/* A host is full: when all of the chunk's are, there is no use in reading on;
 * of a list whose rest is not known, the index finds what else is in it. */
static void note_refusal(struct feed *f) {
  struct session *s = f->session;
  if (f->refusals++ % REFUSALS == 0)
    feed__ask_full(s);
  bool fresh = f->chunk->count < CHUNK_LINES;
  uint64_t hosts = fresh ? f->chunk->place.keys.hosts : f->keys.hosts;
  if (fresh)
    index__want(s, f->source);
  if (hosts != 0 && (hosts & ~s->rules.full) == 0 &&
      (!fresh || index__reads(s, f->source)))
    f->leave_wanted = true;
}

/* Whether the line belongs to another pass than this one. */
static bool is_for_later(struct feed *f, uint32_t index,
                         const struct manifest_line *line,
                         const struct chunk_place *begin) {
  struct session *s = f->session;
  int64_t deadline = INT64_MAX;
  if (f->redo || f->incoming != NULL)
    return false;
  bool other =
      f->slice >= 0 &&
      (int)order_slice(s->slice_seed, f->chunk->number, index) != f->slice;
  if (other) {
    note_left(f, index, begin);
    return true;
  }
  if (f->deadline_bound != INT64_MAX)
    deadline = line_deadline(line);
  int32_t priority = priority_of(f, index, line);
  bool late = priority < f->priority_bound ||
              (f->deadline_bound != INT64_MAX && deadline > f->deadline_bound);
  bool full = !late && s->hooks.accepts != NULL &&
              !s->hooks.accepts(s->hooks.arg, line->url);
  if (!late && !full)
    return false;
  note_left(f, index, begin);
  line_keys_add(late ? &f->later : &f->refused, deadline, priority,
                order_host_bit(line->url));
  if (full)
    note_refusal(f);
  return true;
}

static bool is_meant(const struct feed *f, uint32_t index,
                     const struct manifest_line *line) {
  const struct session_hooks *hooks = &f->session->hooks;
  if (!f->redo || f->choice == NULL || hooks->of_host == NULL)
    return true;
  return hooks->of_host(hooks->arg,
                        task_id(f->chunk->source, f->chunk->number, index),
                        line->url, f->choice);
}

static void known_line(struct feed *f, uint32_t index,
                       const struct manifest_line *line,
                       const struct chunk_place *begin) {
  const struct store_loaded_row *row = row_of(f, index);
  if (!is_due(f, index, row))
    return;
  if (line->why == NULL) {
    if (is_meant(f, index, line) && !is_for_later(f, index, line, begin))
      deliver(f, index, line, row);
    return;
  }
  if (!chunk_bit(f->chunk->settled_bits, index)) /* only indexed */
    session__settle_bad(f->session, f->chunk, index, line->line, line->why);
  report_bad(f, line); /* still bad, or for the first time */
}

/* The entry of a chunk whose first line has come. */
static void begin_entry(struct feed *f) {
  struct order_entry *entry = order_at(&f->source->order, f->chunk->number);
  if (entry == NULL)
    session__feed_trouble(f->session, ERR_NOMEM, NULL);
  else
    entry->state = ORDER_TAKEN;
}

/* Lists in which lines say something about their turn are read ahead. */
static void look_for_keys(struct feed *f, const struct manifest_line *line) {
  const struct order_rules *rules = &f->session->rules;
  if (!f->source->index &&
      (line->priority != 0 || rules->shuffle ||
       (rules->deadlines && f->here.keys.deadline_unix != 0)))
    index__want(f->session, f->source);
}

static void new_line(struct feed *f, uint32_t index,
                     const struct manifest_line *line,
                     const struct chunk_place *begin) {
  struct session *s = f->session;
  struct source *source = f->source;
  struct chunk *chunk = f->chunk;
  if (chunk_append(chunk, line->object) < 0)
    return;
  if (index == 0) {
    source->chunks = chunk->number + 1;
    begin_entry(f);
  }
  source->tasks++;
  source->bytes += line->end - source->tail.offset;
  chunk->place = f->here;
  source->tail.offset = line->end;
  source->tail.first_line = line->next_line;
  source->tail.spool = f->here.spool;
  if (source->first_object == 0 && line->why == NULL) {
    source->first_object = line->object;
    session__source_touch(s, source);
    if (source->kind == SOURCE_STREAM)
      session_hurry(s); /* by it the list is known again after a kill */
  }
  session__touch(s, chunk);
  if (line->why == NULL) {
    look_for_keys(f, line);
    if (!is_for_later(f, index, line, begin))
      deliver(f, index, line, NULL);
  } else {
    session__settle_bad(s, chunk, index, line->line, line->why);
    report_bad(f, line);
  }
}

static void refuse(struct feed *f, uint64_t line) {
  static const char why[] =
      "it names another object than the list that the session knows; "
      "nothing more is read from it, the known list goes on";
  struct session *s = f->session;
  s->counts.bad_lines++;
  if (s->hooks.bad_line != NULL)
    s->hooks.bad_line(s->hooks.arg, source_name(f->incoming), line, why);
  feed__merge_stop(f);
}

/* Compares a line of a list that came again with what is known of it. False:
 * it is another list. */
static bool compare(struct feed *f, uint32_t index,
                    const struct manifest_line *line) {
  const struct store_loaded_row *row = row_of(f, index);
  const uint8_t *objects = f->loaded->chunk.objects;
  bool was_bad = row != NULL && row->state == ROW_BAD;
  uint64_t object = was_bad ? OBJECT_BAD : line->object;
  f->digest = chunk_digest(f->digest, object);
  if (objects != NULL && objects[index] != (uint8_t)object)
    return false;
  if (index + 1 < f->chunk->count)
    return true;
  if (f->digest != f->chunk->digest)
    return false;
  f->chunk->place = f->here; /* all there: the new file takes over */
  if (f->chunk->number + 1 == f->source->chunks)
    f->source->tail = f->merge_at;
  session__touch(f->session, f->chunk);
  return true;
}

static void take_line(struct feed *f, const struct manifest_line *line) {
  struct chunk *chunk = f->chunk;
  uint32_t index = f->index++;
  struct chunk_place begin = f->here;
  begin.offset += f->here.bytes;
  begin.first_line += f->here.lines;
  if (line->why == NULL && (index >= chunk->count || f->incoming != NULL ||
                            chunk->count < CHUNK_LINES))
    line_keys_add(&f->here.keys, line_deadline(line), line->priority,
                  order_host_bit(line->url));
  f->here.bytes = line->end - f->here.offset;
  f->here.lines = line->next_line - f->here.first_line;
  if (f->incoming != NULL)
    f->merge_at = (struct chunk_place){.offset = line->end,
                                       .first_line = line->next_line,
                                       .spool = f->here.spool};
  if (index >= chunk->count) {
    new_line(f, index, line, &begin);
  } else {
    bool known = f->incoming == NULL || compare(f, index, line);
    if (!known) {
      refuse(f, line->line);
      return;
    }
    known_line(f, index, line, &begin);
  }
  if (f->chunk != chunk)
    return;
  if (f->redo && chunk_bit(f->wanted, index))
    f->wanted_left--;
  bool over = f->redo ? f->wanted_left == 0 || f->index >= chunk->count
                      : f->index == CHUNK_LINES;
  if (over)
    feed__leave(f, true);
}

/* What is left of a shuffled chunk: this part of it, or others. */
static void close_slice(struct feed *f, struct order_entry *entry) {
  if (f->refused.hosts == 0 && f->slice >= 0)
    entry->slices = (uint8_t)(entry->slices & ~(1u << f->slice));
  entry->keys = f->chunk->place.keys;
  if (f->refused.hosts != 0 && f->delivered == 0)
    entry->keys.hosts = f->refused.hosts; /* until one of those has room */
  entry->state = entry->slices != 0 ? ORDER_OPEN : ORDER_OVER;
}

/* Says in the order what this pass has left. */
static void close_pass(struct feed *f, bool through) {
  struct source *source = f->source;
  struct chunk *chunk = f->chunk;
  if (chunk->number >= source->order.count)
    return;
  struct order_entry *entry = &source->order.entries[chunk->number];
  bool more_to_come =
      chunk->count < CHUNK_LINES && !source->ended && !source->cut;
  if (!through) {
    entry->state = ORDER_OPEN;
    entry->keys = f->keys.hosts != 0 ? f->keys : chunk->place.keys;
    struct chunk_place next = f->here;
    next.offset += f->here.bytes;
    next.first_line += f->here.lines;
    note_left(f, f->index, &next);
  } else if (f->slice >= 0) {
    close_slice(f, entry);
    if (entry->state == ORDER_OVER && more_to_come) {
      *entry = (struct order_entry){.state = ORDER_OPEN, .slices = UINT8_MAX};
    }
  } else if (f->later.hosts != 0 || f->refused.hosts != 0) {
    entry->state = ORDER_OPEN;
    entry->keys = f->later.hosts != 0 ? f->later : f->refused;
    entry->keys.hosts |= f->refused.hosts;
  } else {
    entry->state = more_to_come ? ORDER_OPEN : ORDER_OVER;
    entry->keys = (struct line_keys){0};
  }
}

void feed__leave(struct feed *f, bool through) {
  struct chunk *chunk = f->chunk;
  if (!f->redo)
    close_pass(f, through);
  f->chunk = NULL;
  f->placed = f->marked = f->leave_wanted = false;
  store_loaded_free(f->loaded);
  f->loaded = NULL;
  chunk->readers--;
  session__retire(f->session, chunk);
}

/* What is asked for again was warned of before. */
static void tell_warnings(struct feed *f) {
  char text[128];
  struct session *s = f->session;
  while (manifest_warning(&f->text, text, sizeof text))
    if (s->hooks.warning != NULL && !f->redo)
      s->hooks.warning(s->hooks.arg, source_name(f->source), text);
}

/* ---- stepping ---------------------------------------------------------- */

/* The line is read again when there is memory: nothing is known about it, and
 * what is noted of a line counts for ever. */
static void wait_for_memory(struct feed *f) {
  f->again = true;
  session__feed_trouble(f->session, ERR_NOMEM, NULL);
}

static bool back_to_line(struct feed *f) {
  if (f->fs_busy) /* into the text's buffer */
    return false;
  manifest_seek(&f->text, f->here.offset + f->here.bytes,
                f->here.first_line + f->here.lines);
  f->again = f->at_end = false;
  return true;
}

static bool next_line(struct feed *f) {
  struct manifest_line line;
  bool got = manifest_next(&f->text, &line) != 0;
  tell_warnings(f);
  if (got && line.starved) {
    wait_for_memory(f);
    return false;
  }
  if (got) {
    if (f->identifying)
      return feed__found(f, &line);
    take_line(f, &line);
    if (f->placed &&
        manifest_wants(&f->text) - manifest_offset(&f->text) < PREFETCH_BELOW)
      read_more(f);
    return true;
  }
  if (f->at_end) {
    if (f->identifying)
      return feed__found(f, NULL);
    feed__source_end(f);
    return true;
  }
  if (read_more(f))
    return true;
  if (!f->fs_busy && f->text.format == &manifest_auto)
    session__patience(f->session);
  /* The list is still being written: what else is there goes on meanwhile. */
  if (!f->fs_busy && f->chunk != NULL && feed__has_other(f)) {
    feed__leave(f, f->index >= f->chunk->count);
    return true;
  }
  return false;
}

bool feed__step(struct feed *f) {
  if (f->job_busy || f->session->trouble_feed != 0)
    return false;
  if (f->leave_wanted && f->chunk != NULL && f->incoming == NULL)
    feed__leave(f, false);
  if (f->chunk == NULL && !f->identifying)
    return feed__choose(f);
  f->again = f->again && f->placed;
  if (!f->placed && !go_to_place(f))
    return false;
  if (f->again && !back_to_line(f))
    return false;
  if (!f->identifying && !f->marked && !find_marks(f))
    return false;
  return next_line(f);
}
