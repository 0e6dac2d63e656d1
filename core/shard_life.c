/* SPDX-License-Identifier: MIT
 *
 * The life of a shard's file: see shards.h.
 *
 *   probing -> announcing -> creating -> open <-> appending
 *      open -> ending -> committing -> naming -> gone
 *
 * Announcing and committing wait for a transaction of the session, the others
 * but open for a job. A full disk leaves a file where it is, to be tried again
 * when it is over.
 *
 * Thread: the loop's.
 */
#include "config.h"

#include "shards_impl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define APPEND_MAX ((int64_t)16 << 20) /* in one job */
#define APPEND_RECORDS 1024            /* which are settled in one callback */

struct shard_file *shards__file_new(struct shards *s) {
  struct shard_file *file = calloc(1, sizeof *file);
  if (file == NULL)
    return NULL;
  file->shards = s;
  file->plan = s->plan;
  file->codec = s->config.codec;
  file->dirfd = s->config.dirfd;
  file->fd = file->index_fd = -1;
  list_init(&file->frames);
  return file;
}

void shards__file_free(struct shard_file *file) {
  if (file == NULL)
    return;
  if (file->fd >= 0)
    close(file->fd);
  if (file->index_fd >= 0)
    close(file->index_fd);
  free(file);
}

static void submit(struct shard_file *file, enum file_state state,
                   const char *name, void (*work)(struct job *job),
                   void (*done)(struct job *job)) {
  file->state = state;
  file->shards->jobs++;
  pool_submit(file->shards->config.pool, &file->job, JOB_DISK, name, work,
              done);
}

static struct shard_file *file_of(struct job *job) {
  return (struct shard_file *)(void *)job;
}

static void note(struct shard_file *file, const char *what) {
  struct shards *s = file->shards;
  char text[256];
  snprintf(text, sizeof text, "%s: %s%s%s", file->name, what,
           file->saved_errno != 0 ? ": " : "",
           file->saved_errno != 0 ? strerror(file->saved_errno) : "");
  s->config.ops->note(s->config.arg, true, text);
}

/* Says both lengths under the names with or without ".part". */
static void say(struct shard_file *file, bool part, int64_t length,
                int64_t index_length) {
  struct session *session = file->shards->config.session;
  char name[SHARD_NAME + 8], index[SHARD_NAME + 8];
  snprintf(name, sizeof name, "%s%s", file->name, part ? ".part" : "");
  snprintf(index, sizeof index, "%s%s", file->index, part ? ".part" : "");
  session_file_put(session, name, file->fd, length, file->records);
  session_file_put(session, index, file->index_fd, index_length, file->records);
}

/* ---- a new file ------------------------------------------------------------
 */

/* What waits for a stream whose file cannot be made has no place to go. */
static void cannot_make(struct shard_file *file) {
  struct shards *s = file->shards;
  struct stream *stream = file->stream;
  int code = file->code, saved_errno = file->saved_errno;
  struct link *l;
  stream->file = NULL;
  shards__file_free(file);
  if (code == ERR_FULL) {
    s->blocked = true;
    s->config.ops->full(s->config.arg);
    return;
  }
  for (l = stream->frames.next; l != &stream->frames;) {
    struct frame *frame = LINK_ENTRY(l, struct frame, link);
    l = l->next;
    if (frame->state == FRAME_PACKING)
      continue;
    list_remove(&frame->link);
    shards__frame_over(frame, code, saved_errno);
  }
}

static void on_create_work(struct job *job) {
  shard_job_create(file_of(job));
}

static void on_created(struct job *job) {
  struct shard_file *file = file_of(job);
  struct stream *stream = file->stream;
  file->shards->jobs--;
  if (file->code != 0) {
    say(file, true, -1, -1);
    cannot_make(file);
    return;
  }
  file->state = FILE_OPEN;
  shards__stream_pump(stream);
}

static void on_probe_work(struct job *job) {
  shard_job_probe(file_of(job));
}

static void on_probed(struct job *job) {
  struct shard_file *file = file_of(job);
  struct shards *s = file->shards;
  s->jobs--;
  if (file->code != 0) {
    cannot_make(file);
    return;
  }
  if (s->next <= file->number)
    s->next = file->number + 1;
  file->state = FILE_ANNOUNCING;
  s->announced++;
  session_group_begin(s->config.session);
  say(file, true, 0, 0);
  session_group_end(s->config.session);
  session_hurry(s->config.session);
}

static void open_file(struct stream *stream) {
  struct shards *s = stream->shards;
  struct shard_file *file = shards__file_new(s);
  if (file == NULL)
    return; /* tried again at the next turn */
  stream->file = file;
  file->stream = stream;
  file->number = s->next++; /* nobody else looks at this one */
  submit(file, FILE_PROBING, "shard named", on_probe_work, on_probed);
}

/* ---- appending
 * --------------------------------------------------------------- */

/* The frames are in the file: their tasks are settled with its length. */
static void take_length(struct shard_file *file) {
  struct shards *s = file->shards;
  s->records_run += file->new_records - file->records;
  s->bytes_out += (uint64_t)(file->new_length - file->length);
  file->length = file->new_length;
  file->index_length = file->new_index_length;
  file->records = file->new_records;
}

static void appended(struct shard_file *file) {
  struct session *session = file->shards->config.session;
  struct link *l;
  take_length(file);
  session_group_begin(session);
  say(file, true, file->length, file->index_length);
  while ((l = list_take(&file->frames)) != NULL)
    shards__frame_over(LINK_ENTRY(l, struct frame, link), 0, 0);
  session_group_end(session);
}

/* Back to the head of the line, in their order. */
static void put_back(struct shard_file *file) {
  struct link *l;
  while (!list_empty(&file->frames)) {
    l = file->frames.prev;
    list_remove(l);
    LINK_ENTRY(l, struct frame, link)->state = FRAME_READY;
    list_prepend(&file->stream->frames, l);
  }
}

static bool is_full(struct shard_file *file) {
  struct shards *s = file->shards;
  if (file->code != ERR_FULL)
    return false;
  s->blocked = true;
  s->config.ops->full(s->config.arg);
  return true;
}

static void on_append_work(struct job *job) {
  shard_job_append(file_of(job));
}

static void on_appended(struct job *job) {
  struct shard_file *file = file_of(job);
  struct stream *stream = file->stream;
  struct link *l;
  file->shards->jobs--;
  file->state = FILE_OPEN;
  if (file->code == 0) {
    appended(file);
  } else if (is_full(file)) {
    put_back(file);
  } else {
    note(file, "cannot be written");
    while ((l = list_take(&file->frames)) != NULL)
      shards__frame_over(LINK_ENTRY(l, struct frame, link), file->code,
                         file->saved_errno);
  }
  shards__stream_pump(stream);
}

static void on_append_piece_work(struct job *job) {
  shard_job_append_piece(file_of(job));
}

static void on_piece_appended(struct job *job) {
  struct shard_file *file = file_of(job);
  struct stream *stream = file->stream;
  struct frame *frame = file->big;
  file->shards->jobs--;
  file->state = FILE_OPEN;
  file->big = NULL;
  if (file->code == 0 && frame->over) {
    file->ragged = false;
    list_remove(&frame->link);
    list_append(&file->frames, &frame->link);
    appended(file);
  } else if (file->code != 0 && !is_full(file)) {
    note(file, "cannot be written");
    list_remove(&frame->link);
    shards__frame_over(frame, file->code, file->saved_errno);
  }
  shards__stream_pump(stream);
}

void shards__append_piece(struct shard_file *file, struct frame *frame) {
  file->big = frame;
  submit(file, FILE_APPENDING, "shard written", on_append_piece_work,
         on_piece_appended);
}

/* Whether so many bytes more would make it larger than it may be. */
static bool too_large(const struct shard_file *file, uint64_t more) {
  return file->records > 0 &&
         file->length + (int64_t)more > file->shards->config.size;
}

static struct frame *head(struct stream *stream) {
  return list_empty(&stream->frames)
             ? NULL
             : LINK_ENTRY(stream->frames.next, struct frame, link);
}

static void append_ready(struct shard_file *file) {
  struct stream *stream = file->stream;
  int64_t more = 0;
  unsigned count = 0;
  for (;;) {
    struct frame *frame = head(stream);
    if (frame == NULL || frame->state != FRAME_READY || frame->code != 0 ||
        more >= APPEND_MAX ||
        (count > 0 && count + frame->count > APPEND_RECORDS))
      break;
    if ((file->records > 0 || more > 0) &&
        file->length + more + (int64_t)frame->out.len >
            file->shards->config.size)
      break;
    list_remove(&frame->link);
    frame->state = FRAME_WRITING;
    more += (int64_t)frame->out.len;
    count += frame->count;
    list_append(&file->frames, &frame->link);
  }
  submit(file, FILE_APPENDING, "shard written", on_append_work, on_appended);
}

/* Frames that could not be packed fail, and stand in nobody's way. */
static void drop_failed(struct stream *stream) {
  struct frame *frame = head(stream);
  while (frame != NULL && frame->state == FRAME_READY && frame->code != 0) {
    list_remove(&frame->link);
    shards__frame_over(frame, frame->code, frame->saved_errno);
    frame = head(stream);
  }
}

void shards__stream_pump(struct stream *stream) {
  struct shards *s = stream->shards;
  struct frame *frame;
  bool big;
  drop_failed(stream);
  frame = head(stream);
  if (frame == NULL || s->blocked)
    return;
  big = frame->state == FRAME_BIG;
  if (stream->file == NULL) {
    open_file(stream);
    return;
  }
  if (stream->file->state != FILE_OPEN || (!big && frame->state != FRAME_READY))
    return;
  if ((!big || frame->written == 0) &&
      too_large(stream->file, big ? frame->raw : frame->out.len)) {
    shards__close(stream->file);
    open_file(stream);
  } else if (big) {
    shards__big_step(frame);
  } else {
    append_ready(stream->file);
  }
}

/* ---- the end
 * ------------------------------------------------------------------ */

static void on_name_work(struct job *job) {
  shard_job_name(file_of(job));
}

static void on_named(struct job *job) {
  struct shard_file *file = file_of(job);
  struct shards *s = file->shards;
  s->jobs--;
  if (file->code != 0) { /* the next run tries again */
    note(file, "keeps the end .part: it cannot be given its name");
    s->unfinished++;
  }
  s->closed++;
  s->closed_records += file->records;
  s->closed_bytes += file->length;
  file->state = FILE_GONE;
  list_remove(&file->link);
  shards__file_free(file);
}

static void on_end_work(struct job *job) {
  shard_job_end(file_of(job));
}

static void on_ended(struct job *job) {
  struct shard_file *file = file_of(job);
  struct shards *s = file->shards;
  s->jobs--;
  file->state = FILE_OPEN;
  if (file->code != 0) {
    if (!is_full(file)) {
      note(file, "cannot be ended");
      s->unfinished++;
      list_remove(&file->link); /* it stays as it is for the next run */
      list_append(&s->dead, &file->link);
    }
    return;
  }
  take_length(file);
  file->state = FILE_COMMITTING;
  s->announced++;
  session_group_begin(s->config.session);
  say(file, true, -1, -1);
  say(file, false, file->length, file->index_length);
  session_group_end(s->config.session);
  session_hurry(s->config.session);
}

void shards__close(struct shard_file *file) {
  if (file == NULL || file->state != FILE_OPEN)
    return;
  file->stream->file = NULL;
  file->stream = NULL;
  list_append(&file->shards->ending, &file->link);
}

static void on_discard_work(struct job *job) {
  shard_job_discard(file_of(job));
}

static void on_discarded(struct job *job) {
  struct shard_file *file = file_of(job);
  struct shards *s = file->shards;
  s->jobs--;
  list_remove(&file->link);
  list_append(&s->dead, &file->link);
  say(file, true, -1, -1);
}

void shards__ending_pump(struct shards *s) {
  struct link *next;
  if (s->blocked)
    return;
  for (struct link *l = s->ending.next; l != &s->ending; l = next) {
    struct shard_file *file = LINK_ENTRY(l, struct shard_file, link);
    next = l->next;
    if (file->state == FILE_OPEN && file->records == 0)
      submit(file, FILE_ENDING, "shard ended", on_discard_work, on_discarded);
    else if (file->state == FILE_OPEN)
      submit(file, FILE_ENDING, "shard ended", on_end_work, on_ended);
  }
}

/* ---- what the session says
 * ------------------------------------------------------ */

static bool is_named(const struct shard_file *file, const char *name,
                     bool part) {
  size_t length = strlen(file->name);
  return strncmp(name, file->name, length) == 0 &&
         strcmp(name + length, part ? ".part" : "") == 0;
}

void shards_file_committed(struct shards *s, const char *name) {
  for (unsigned i = 0; i < s->config.count; i++) {
    struct shard_file *file = s->streams[i].file;
    if (file != NULL && file->state == FILE_ANNOUNCING &&
        is_named(file, name, true)) {
      s->announced--;
      submit(file, FILE_CREATING, "shard made", on_create_work, on_created);
      return;
    }
  }
  for (struct link *l = s->ending.next; l != &s->ending; l = l->next) {
    struct shard_file *file = LINK_ENTRY(l, struct shard_file, link);
    if (file->state == FILE_COMMITTING && is_named(file, name, false)) {
      s->announced--;
      submit(file, FILE_NAMING, "shard named", on_name_work, on_named);
      return;
    }
  }
}
