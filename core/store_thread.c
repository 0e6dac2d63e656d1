/* SPDX-License-Identifier: MIT
 *
 * The storage thread; see store_thread.h for what crosses it.
 */
#include "config.h"

#include "store_thread.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "marks.h"
#include "results.h"

#define RETRY_NS UINT64_C(1000000000)
#define IDLE_NS UINT64_C(1000000000)
#define LAST_TRIES 2

struct queue {
  struct store_job *head, **tail;
};

struct store_thread {
  struct store_thread_config config;
  uv_thread_t thread;
  uv_mutex_t lock; /* guards what follows */
  uv_cond_t more;
  struct queue todo, done;
  bool hurry;
  int trouble;
  char trouble_text[256];
  bool trouble_new;
};

static void queue_init(struct queue *q) {
  q->head = NULL;
  q->tail = &q->head;
}

static void queue_push(struct queue *q, struct store_job *job) {
  job->next = NULL;
  *q->tail = job;
  q->tail = &job->next;
}

static struct store_job *queue_pop(struct queue *q) {
  struct store_job *job = q->head;
  if (job == NULL)
    return NULL;
  q->head = job->next;
  if (q->head == NULL)
    q->tail = &q->head;
  return job;
}

static void set_trouble(struct store_thread *t, int code, const char *text) {
  uv_mutex_lock(&t->lock);
  bool changed = t->trouble != code;
  if (changed) {
    t->trouble = code;
    t->trouble_new = true;
    snprintf(t->trouble_text, sizeof t->trouble_text, "%s", text);
  }
  uv_mutex_unlock(&t->lock);
  if (changed)
    uv_async_send(t->config.wake);
}

/* True: try again. Waits a second, or until the thread is in a hurry. */
static bool again(struct store_thread *t, int *tries) {
  uv_mutex_lock(&t->lock);
  if (!t->hurry)
    uv_cond_timedwait(&t->more, &t->lock, RETRY_NS);
  bool go_on = !t->hurry || ++*tries < LAST_TRIES;
  uv_mutex_unlock(&t->lock);
  return go_on;
}

/* Room in a batch for one more row or file, and a text of its own. It is waited
 * for: the tasks of a batch that is given up are never heard of again. */
static int room_for(struct store_thread *t, struct store_batch *batch, bool row,
                    const char *text, char **copy) {
  int tries = 0;
  for (;;) {
    *copy = strdup(text);
    if (*copy != NULL &&
        (row ? STORE_PUSH(batch, row) : STORE_PUSH(batch, file)) == 0)
      return 0;
    free(*copy);
    set_trouble(t, ERR_NOMEM, err_text(ERR_NOMEM));
    if (!again(t, &tries))
      return ERR_NOMEM;
  }
}

/* ---- flushing ---------------------------------------------------------- */

#ifdef HAVE_SYNCFS
static int flush(struct store_thread *t, const struct store_batch *batch) {
  (void)batch;
  if (syncfs(t->config.dirfd) == 0)
    return 0;
  if (errno != ENOSYS) /* a sandbox or an emulated kernel may lack it */
    return -1;
  sync(); /* waits, on Linux: see sync(2) */
  return 0;
}
#else
static int flush_path(int dirfd, const char *path) {
  int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0)
    return errno == ENOENT ? 0 : -1; /* an --exec may have moved it */
  int rc = fsync(fd);
  close(fd);
  return rc;
}

static int flush(struct store_thread *t, const struct store_batch *batch) {
  int rc = 0;
  for (size_t i = 0; rc == 0 && i < batch->path_count; i++)
    rc = flush_path(t->config.dirfd, batch->paths[i]);
  if (batch->path_count < batch->id_count)
    sync(); /* files whose names are not known here */
  return rc == 0 ? fsync(t->config.dirfd) : rc;
}
#endif

/* A file may lie on another file system than the output directory. After a
 * syncfs() that covered it this costs next to nothing. */
static int flush_files(const struct store_batch *batch) {
  int rc = 0;
  for (size_t i = 0; rc == 0 && i < batch->file_count; i++)
    if (batch->files[i].fd >= 0)
#ifdef HAVE_FDATASYNC
      rc = fdatasync(batch->files[i].fd);
#else
      rc = fsync(batch->files[i].fd);
#endif
  return rc;
}

static bool ended_badly(const struct store_batch *batch, uint64_t id) {
  for (size_t i = 0; i < batch->row_count; i++)
    if (batch->rows[i].id == id && batch->rows[i].state != ROW_NONE &&
        batch->rows[i].state != ROW_DONE)
      return true;
  return false;
}

/* After a failed flush the kernel takes the lost pages for clean: another
 * flush would succeed and prove nothing. So what the batch calls done becomes
 * a failure, which the next run fetches again. */
static int lose(struct store_thread *t, struct store_batch *batch) {
  size_t rows = batch->row_count;
  batch->lost = true;
  batch->lost_from = rows;
  for (size_t i = 0; i < batch->id_count; i++) {
    char *reason;
    if (ended_badly(batch, batch->ids[i]))
      continue;
    if (room_for(t, batch, true, STORE_LOST_REASON, &reason) < 0)
      return ERR_NOMEM;
    batch->rows[batch->row_count++] =
        (struct store_row){.id = batch->ids[i],
                           .state = ROW_FAILED,
                           .started = OWNS_PART | OWNS_NAME,
                           .reason = reason};
  }
  for (size_t i = 0; i < batch->chunk_count; i++)
    batch->chunks[i].rows_changed = true;
  return 0;
}

static int flush_batch(struct store_thread *t, struct store_batch *batch) {
  if (batch->suspect) {
    int rc = lose(t, batch);
    batch->lost = false; /* told already */
    return rc;
  }
  if (!t->config.durable || batch->id_count + batch->file_count == 0)
    return 0;
  return flush(t, batch) == 0 && flush_files(batch) == 0 ? 0 : lose(t, batch);
}

/* ---- jobs -------------------------------------------------------------- */

/* All of the text behind what is there; the same place when tried again. */
static int put_text(const struct store_file *file, const char *text,
                    size_t length) {
  for (size_t done = 0; done < length;) {
    ssize_t n = pwrite(file->fd, text + done, length - done,
                       (off_t)file->bytes + (off_t)done);
    if (n < 0 && errno != EINTR)
      return err_from_errno(errno);
    done += n > 0 ? (size_t)n : 0;
  }
  return 0;
}

/* The lines of a batch for one list, whose new length its transaction keeps. */
static int write_list(struct store_thread *t, struct store_batch *batch,
                      enum session_list list) {
  struct store_file *file = &t->config.lists[list];
  const struct store_text *lines = &batch->texts[list];
  int tries = 0, rc;
  char *name;
  if (lines->length == 0)
    return 0;
  while ((rc = put_text(file, lines->data, lines->length)) < 0) {
    char text[256];
    snprintf(text, sizeof text, "the %s cannot be written: %s",
             session_list_name(list), err_text(rc));
    set_trouble(t, rc, text);
    if (!again(t, &tries))
      return rc;
  }
  if (room_for(t, batch, false, file->name, &name) < 0)
    return ERR_NOMEM;
  file->bytes += (int64_t)lines->length;
  file->records += lines->records;
  batch->files[batch->file_count] = *file;
  batch->files[batch->file_count++].name = name;
  return 0;
}

/* Takes lines back; those of results come again as failures. */
static int lose_list(struct store_file *file, const struct store_text *lines,
                     bool results) {
  struct results_text text = {0};
  int64_t bytes = file->bytes - (int64_t)lines->length;
  int rc = results ? results_lines_lost(&text, lines->data, lines->length,
                                        STORE_LOST_REASON)
                   : 0;
  if (rc == 0 && ftruncate(file->fd, (off_t)bytes) < 0)
    rc = err_from_errno(errno);
  if (rc == 0) {
    struct store_file shorter = *file;
    shorter.bytes = bytes;
    rc = put_text(&shorter, text.data, text.length);
  }
  if (rc == 0) {
    file->bytes = bytes + (int64_t)text.length;
    file->records -= results ? 0 : lines->records;
  }
  results_text_fini(&text);
  return rc;
}

/* The lines of a batch that was lost do not stay as they are: those that said
 * "done" become failures or, where only finished files are listed, go. Their
 * lengths are not kept by the transaction, as those of no file are. */
static int lose_lines(struct store_thread *t, const struct store_batch *batch) {
  int tries = 0, rc;
  for (int list = 0; list < SESSION_LISTS; list++)
    while (batch->texts[list].length > 0 &&
           (rc = lose_list(&t->config.lists[list], &batch->texts[list],
                           list == SESSION_RESULTS)) < 0) {
      set_trouble(t, rc, err_text(rc));
      if (!again(t, &tries))
        return rc;
    }
  return 0;
}

static int write_batch(struct store_thread *t, struct store_batch *batch) {
  uint64_t begin = uv_hrtime();
  int tries = 0;
  int rc = 0;
  for (int list = 0; rc == 0 && list < SESSION_LISTS; list++)
    rc = write_list(t, batch, (enum session_list)list);
  if (rc == 0)
    rc = flush_batch(t, batch);
  if (rc == 0 && (batch->lost || batch->suspect))
    rc = lose_lines(t, batch);
  if (rc < 0) /* nothing of it may be called done */
    return rc;
  for (;;) {
    rc = store_apply(t->config.store, batch);
    if (rc == 0)
      break;
    set_trouble(t, rc, store_fault(t->config.store));
    if (!again(t, &tries))
      return rc;
  }
  batch->took_us = (uv_hrtime() - begin) / 1000;
  set_trouble(t, 0, "");
  return 0;
}

static int grow_marks(struct store_thread *t) {
  int tries = 0, rc;
  for (;;) {
    rc = marks_grow(t->config.marks);
    if (rc == 0)
      break;
    set_trouble(t, rc, "no room for the marks of more tasks");
    if (!again(t, &tries))
      return rc;
  }
  set_trouble(t, 0, "");
  return 0;
}

static int end_run(struct store_thread *t, const struct store_job *job) {
  struct timespec now;
  int rc = t->config.durable ? marks_sync(t->config.marks) : 0;
  clock_gettime(CLOCK_REALTIME, &now);
  if (rc == 0)
    rc = store_run_end(t->config.store, job->run,
                       (int64_t)now.tv_sec * 1000000000 + now.tv_nsec,
                       job->finished);
  store_checkpoint(t->config.store);
  return rc;
}

static void work(struct store_thread *t, struct store_job *job) {
  struct store *store = t->config.store;
  switch (job->kind) {
  case JOB_BATCH:
    job->rc = write_batch(t, job->batch);
    break;
  case JOB_NEXT:
    job->rc = store_next(store, job->source, job->after, job->ended,
                         job->loaded, &job->count);
    break;
  case JOB_LOAD:
    job->rc = store_load(store, job->source, job->number, job->objects,
                         &job->loaded[0]);
    job->count = job->loaded[0] != NULL;
    break;
  case JOB_GROW:
    job->rc = grow_marks(t);
    break;
  case JOB_CALL:
  case JOB_ASK:
  case JOB_SWEEP:
    job->call(job);
    break;
  case JOB_STOP:
    job->rc = end_run(t, job);
    break;
  }
}

/* The next job; checkpoints when there has been none for a second. */
static struct store_job *take(struct store_thread *t, bool *dirty) {
  uv_mutex_lock(&t->lock);
  struct store_job *job = queue_pop(&t->todo);
  while (job == NULL) {
    int rc = 0;
    if (*dirty)
      rc = uv_cond_timedwait(&t->more, &t->lock, IDLE_NS);
    else
      uv_cond_wait(&t->more, &t->lock);
    job = queue_pop(&t->todo);
    if (job == NULL && rc == UV_ETIMEDOUT) {
      uv_mutex_unlock(&t->lock);
      store_checkpoint(t->config.store);
      *dirty = false;
      uv_mutex_lock(&t->lock);
      job = queue_pop(&t->todo);
    }
  }
  uv_mutex_unlock(&t->lock);
  return job;
}

static void thread_main(void *arg) {
  struct store_thread *t = arg;
  bool dirty = false, last = false;
  while (!last) {
    struct store_job *job = take(t, &dirty);
    last = job->kind == JOB_STOP;
    dirty |= job->kind == JOB_BATCH;
    work(t, job);
    uv_mutex_lock(&t->lock);
    queue_push(&t->done, job);
    uv_mutex_unlock(&t->lock);
    uv_async_send(t->config.wake);
  }
}

int store_thread_start(struct store_thread **out,
                       const struct store_thread_config *config) {
  struct store_thread *t = calloc(1, sizeof *t);
  if (t == NULL)
    return ERR_NOMEM;
  t->config = *config;
  queue_init(&t->todo);
  queue_init(&t->done);
  if (uv_mutex_init(&t->lock) < 0)
    goto no_lock;
  if (uv_cond_init(&t->more) < 0)
    goto no_cond;
  if (uv_thread_create(&t->thread, thread_main, t) < 0)
    goto no_thread;
  *out = t;
  return 0;
no_thread:
  uv_cond_destroy(&t->more);
no_cond:
  uv_mutex_destroy(&t->lock);
no_lock:
  free(t);
  return ERR_NOMEM;
}

void store_thread_post(struct store_thread *t, struct store_job *job) {
  uv_mutex_lock(&t->lock);
  queue_push(&t->todo, job);
  uv_cond_signal(&t->more);
  uv_mutex_unlock(&t->lock);
}

void store_thread_hurry(struct store_thread *t) {
  uv_mutex_lock(&t->lock);
  t->hurry = true;
  uv_cond_signal(&t->more);
  uv_mutex_unlock(&t->lock);
}

void store_thread_poll(struct store_thread *t) {
  char text[sizeof t->trouble_text];
  uv_mutex_lock(&t->lock);
  struct store_job *job = t->done.head;
  queue_init(&t->done);
  bool told = t->trouble_new;
  int code = t->trouble;
  memcpy(text, t->trouble_text, sizeof text);
  t->trouble_new = false;
  uv_mutex_unlock(&t->lock);
  if (told)
    t->config.trouble(t->config.arg, code, text);
  while (job != NULL) {
    struct store_job *next = job->next;
    t->config.done(t->config.arg, job);
    job = next;
  }
}

void store_thread_free(struct store_thread *t) {
  if (t == NULL)
    return;
  uv_thread_join(&t->thread);
  uv_cond_destroy(&t->more);
  uv_mutex_destroy(&t->lock);
  free(t);
}
