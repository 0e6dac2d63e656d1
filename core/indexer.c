/* SPDX-License-Identifier: MIT
 *
 * The indexer's thread; see indexer.h.
 */
#include "config.h"

#include "indexer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/resource.h>
#include <sys/syscall.h>
#endif

#include "expiry.h"
#include "lines.h"

#define NICE 10
/* So many chunks are read at the pace of everybody else: a list of usual length
 * is known at once on a machine that is busy too, and its order is kept. */
#define EAGER 4

struct indexer {
  uv_thread_t thread;
  uv_mutex_t lock; /* guards todo, done and stop */
  uv_cond_t more;
  uv_async_t *wake;
  struct index_job *todo, *done;
  bool stop;
  /* the thread's */
  char *path; /* taken; of the file that lines reads; NULL none */
  const struct manifest_format *format;
  int fd;
  struct lines lines;
};

int64_t line_deadline(const struct manifest_line *line) {
  int64_t at = line->deadline_unix;
  if (at == INT64_MAX && expiry_from_url(line->url, &at) != 0)
    at = INT64_MAX;
  return at;
}

static void close_list(struct indexer *x) {
  if (x->path == NULL)
    return;
  lines_fini(&x->lines);
  close(x->fd);
  free(x->path);
  x->path = NULL;
}

static int open_list(struct indexer *x, const struct index_job *job) {
  if (x->path != NULL && x->format == job->format &&
      strcmp(x->path, job->path) == 0)
    return 0;
  close_list(x);
  x->fd = open(job->path, O_RDONLY | O_CLOEXEC);
  if (x->fd < 0)
    return err_from_errno(errno);
  x->path = strdup(job->path);
  int rc =
      x->path == NULL ? ERR_NOMEM : lines_init(&x->lines, x->fd, job->format);
  if (rc == 0 && job->format->table) {
    rc = lines_head(&x->lines);
    if (rc < 0)
      lines_fini(&x->lines);
  }
  if (rc < 0) {
    close(x->fd);
    free(x->path);
    x->path = NULL;
    return rc;
  }
  x->format = job->format;
  return 0;
}

static void take(struct index_job *job, const struct manifest_line *line) {
  job->objects[job->count++] = (uint8_t)line->object;
  job->digest = chunk_digest(job->digest, line->object);
  job->end = line->end;
  job->end_line = line->next_line;
  if (line->why != NULL)
    return;
  if (job->first_object == 0)
    job->first_object = line->object;
  line_keys_add(&job->place.keys, line_deadline(line), line->priority,
                order_host_bit(line->url));
}

static int read_chunk(struct indexer *x, struct index_job *job) {
  struct manifest_line line;
  int rc = open_list(x, job);
  job->objects = calloc(1, CHUNK_LINES);
  if (rc == 0 && job->objects == NULL)
    rc = ERR_NOMEM;
  if (rc < 0)
    return rc;
  job->end = job->place.offset;
  job->end_line = job->place.first_line;
  if (lines_offset(&x->lines) != job->place.offset || x->lines.at_end)
    lines_seek(&x->lines, job->place.offset, job->place.first_line);
  while (job->count < CHUNK_LINES && rc == 0) {
    rc = lines_next(&x->lines, &line);
    /* The last line of a file that grows may be half a line. */
    if (x->lines.at_end && !job->whole)
      rc = ERR_NOTFOUND;
    if (rc != 1)
      break;
    take(job, &line);
    rc = 0;
  }
  job->at_end = job->count < CHUNK_LINES;
  job->place.bytes = job->end - job->place.offset;
  job->place.lines = job->end_line - job->place.first_line;
  return rc;
}

static void run(struct indexer *x, struct index_job *job) {
  job->count = 0;
  job->digest = job->first_object = 0;
  job->objects = NULL;
  job->place.keys = (struct line_keys){0};
  job->rc = read_chunk(x, job);
}

static void be_modest(void) {
#if defined(__linux__) && defined(SYS_gettid)
  /* Here the nice value belongs to a thread. */
  (void)!setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), NICE);
#endif
}

static void thread_main(void *arg) {
  struct indexer *x = arg;
  unsigned chunks = 0;
  uv_mutex_lock(&x->lock);
  while (!x->stop) {
    struct index_job *job = x->todo;
    if (job == NULL) {
      uv_cond_wait(&x->more, &x->lock);
      continue;
    }
    x->todo = NULL;
    uv_mutex_unlock(&x->lock);
    if (chunks++ == EAGER)
      be_modest();
    run(x, job);
    uv_mutex_lock(&x->lock);
    x->done = job;
    uv_async_send(x->wake);
  }
  uv_mutex_unlock(&x->lock);
  close_list(x);
}

int indexer_start(struct indexer **out, uv_async_t *wake) {
  struct indexer *x = calloc(1, sizeof *x);
  if (x == NULL)
    return ERR_NOMEM;
  x->wake = wake;
  if (uv_mutex_init(&x->lock) < 0)
    goto no_lock;
  if (uv_cond_init(&x->more) < 0)
    goto no_cond;
  if (uv_thread_create(&x->thread, thread_main, x) < 0)
    goto no_thread;
  *out = x;
  return 0;
no_thread:
  uv_cond_destroy(&x->more);
no_cond:
  uv_mutex_destroy(&x->lock);
no_lock:
  free(x);
  return ERR_NOMEM;
}

void indexer_post(struct indexer *x, struct index_job *job) {
  uv_mutex_lock(&x->lock);
  x->todo = job;
  uv_cond_signal(&x->more);
  uv_mutex_unlock(&x->lock);
}

struct index_job *indexer_poll(struct indexer *x) {
  uv_mutex_lock(&x->lock);
  struct index_job *job = x->done;
  x->done = NULL;
  uv_mutex_unlock(&x->lock);
  return job;
}

void indexer_free(struct indexer *x) {
  if (x == NULL)
    return;
  uv_mutex_lock(&x->lock);
  x->stop = true;
  uv_cond_signal(&x->more);
  uv_mutex_unlock(&x->lock);
  uv_thread_join(&x->thread);
  uv_cond_destroy(&x->more);
  uv_mutex_destroy(&x->lock);
  free(x);
}
