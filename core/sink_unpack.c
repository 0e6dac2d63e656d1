/* SPDX-License-Identifier: MIT
 *
 * --decompress: see sink_unpack.h.
 */
#include "config.h"

#include "sink_unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "names.h"
#include "sink_job.h"
#include "steps.h"

#define BUFFER (256u << 10)
#define PIECE (64u << 10) /* that comes out between two looks at the clock */

/* ---- in memory
 * ----------------------------------------------------------------- */

static struct block *grow(struct block *block, size_t cap) {
  struct block *grown = realloc(block, sizeof(*grown) + cap);
  if (grown == NULL)
    return NULL;
  if (block == NULL)
    memset(grown, 0, sizeof(*grown));
  grown->cap = cap;
  grown->holders = 1;
  return grown;
}

#define TOO_MUCH 2 /* besides SINK_UNPACK_AGAIN and error codes */

/* One buffer's worth more into *block, which grows. 0: all is out. */
static int64_t take_some(struct sink_unpack *work, struct block **block) {
  struct block *b = *block;
  size_t room;
  int64_t n;
  if (b->len == b->cap) {
    if (b->cap >= work->room)
      return ERR_TOOBIG;
    b = grow(b, b->cap * 2);
    if (b == NULL)
      return ERR_NOMEM;
    *block = b;
  }
  room = b->cap - b->len < PIECE ? b->cap - b->len : PIECE;
  n = unpack_take(work->unpack, b->data + b->len, room);
  if (n > 0)
    b->len += (size_t)n;
  return n;
}

static int take_all(struct sink_unpack *work, struct block **block,
                    const struct job *job) {
  for (;;) {
    int64_t n = take_some(work, block);
    if (n == ERR_TOOBIG)
      return TOO_MUCH;
    if (n < 0)
      return (int)n;
    if (n == 0 && work->at_end)
      return 0;
    if (n == 0)
      unpack_give(work->unpack, NULL, 0);
    work->at_end = work->at_end || n == 0;
    if (job_piece_over(job))
      return SINK_UNPACK_AGAIN;
  }
}

/* A ratio of four is usual for text. */
static size_t first_size(size_t packed) {
  size_t cap = 4096;
  while (cap < packed * 4 && cap < UNPACK_SMALL)
    cap *= 2;
  return cap;
}

static int begin_memory(struct sink_unpack *work, const struct block *in,
                        struct block **out) {
  size_t length = in != NULL ? in->len : 0;
  int code = first_size(length) <= work->room ? 0 : TOO_MUCH;
  if (code == 0)
    code = unpack_new(&work->unpack, work->kind, &work->limits);
  if (code == 0)
    *out = grow(NULL, first_size(length));
  if (code == 0 && *out == NULL)
    code = ERR_NOMEM;
  work->at_end = length == 0;
  if (code == 0)
    unpack_give(work->unpack, in != NULL ? in->data : NULL, length);
  return code;
}

/* What came out passes the steps. */
static int show_all(struct sink_unpack *work, const struct block *block,
                    const struct job *job) {
  int code = 0;
  work->bytes = (int64_t)block->len;
  while (work->steps != NULL && code == 0 && work->at < work->bytes) {
    int64_t length = work->bytes - work->at;
    if (length > PIECE)
      length = PIECE;
    code = steps_unpacked(work->steps, block->data + work->at, (size_t)length);
    work->at += length;
    if (code == 0 && job_piece_over(job))
      return SINK_UNPACK_AGAIN;
  }
  if (work->steps != NULL && code == 0)
    code = steps_unpacked_end(work->steps);
  return code;
}

int sink_unpack_memory(struct sink_unpack *work, const struct block *in,
                       struct block **out, const struct job *job) {
  int code = *out == NULL ? begin_memory(work, in, out) : 0;
  if (code == 0 && work->unpack != NULL)
    code = take_all(work, out, job);
  if (code == SINK_UNPACK_AGAIN)
    return code;
  unpack_free(work->unpack);
  work->unpack = NULL;
  if (code == 0)
    code = show_all(work, *out, job);
  if (code == SINK_UNPACK_AGAIN)
    return code;
  work->at = 0;
  work->at_end = false;
  if (code == 0)
    return 0;
  work->bytes = 0;
  free(*out);
  *out = NULL;
  return code == TOO_MUCH ? 0 : code;
}

/* ---- from file to file
 * ----------------------------------------------------------- */

static int fail(struct sink_unpack *work, int code) {
  work->saved_errno = errno;
  work->code = code;
  return code;
}

static int file_name(const struct sink_unpack *work, const char *suffix,
                     char *name) {
  int n = snprintf(name, NAME_CAP, "%s%s", work->file->name, suffix);
  return n < 0 || n >= NAME_CAP ? ERR_TOOBIG : 0;
}

static void remove_output(struct sink_unpack *work) {
  char name[NAME_CAP];
  const char *leaf;
  int dir;
  if (file_name(work, ".unpack", name) != 0)
    return;
  dir = name_open_parent(work->file->dirfd, name, false, &leaf);
  if (dir < 0)
    return;
  (void)unlinkat(dir, leaf, 0);
  close(dir);
}

/* Left by a run that was killed, when the task is this session's. */
static int create_output(struct sink_unpack *work) {
  const int flags = O_WRONLY | O_CREAT | O_EXCL;
  char name[NAME_CAP];
  if (file_name(work, ".unpack", name) != 0)
    return ERR_TOOBIG;
  work->out_fd = name_open(work->file->dirfd, name, flags, 0666, true);
  if (work->out_fd == ERR_EXISTS && work->file->ours) {
    remove_output(work);
    work->out_fd = name_open(work->file->dirfd, name, flags, 0666, true);
  }
  return work->out_fd < 0 ? work->out_fd : 0;
}

static int begin(struct sink_unpack *work) {
  char name[NAME_CAP];
  int code;
  if (work->unpack != NULL)
    return 0;
  work->in = malloc(BUFFER);
  work->out = malloc(BUFFER);
  if (work->in == NULL || work->out == NULL)
    return fail(work, ERR_NOMEM);
  if (file_name(work, ".part", name) != 0)
    return fail(work, ERR_TOOBIG);
  work->in_fd = name_open(work->file->dirfd, name, O_RDONLY, 0, false);
  if (work->in_fd < 0)
    return fail(work, errno == ENOENT ? ERR_CHANGED : work->in_fd);
  code = unpack_new(&work->unpack, work->kind, &work->limits);
  if (code == 0)
    code = create_output(work);
  return code != 0 ? fail(work, code) : 0;
}

static int put(struct sink_unpack *work, size_t length) {
  for (size_t done = 0; done < length;) {
    ssize_t n = pwrite(work->out_fd, work->out + done, length - done,
                       (off_t)work->bytes);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0) {
      if (n == 0)
        errno = ENOSPC;
      return fail(work, err_from_errno(errno));
    }
    done += (size_t)n;
    work->bytes += n;
  }
  return 0;
}

static int give(struct sink_unpack *work) {
  ssize_t n;
  do
    n = pread(work->in_fd, work->in, BUFFER, (off_t)work->at);
  while (n < 0 && errno == EINTR);
  if (n < 0)
    return fail(work, err_from_errno(errno));
  work->at += n;
  work->at_end = n == 0;
  unpack_give(work->unpack, work->in, (size_t)n);
  return 0;
}

/* Takes out what there is, or gives more in; 1: everything is out. */
static int move(struct sink_unpack *work) {
  int64_t n = unpack_take(work->unpack, work->out, BUFFER);
  int code = 0;
  if (n < 0)
    return fail(work, (int)n);
  if (n == 0)
    return work->at_end ? 1 : give(work);
  if (work->steps != NULL)
    code = steps_unpacked(work->steps, work->out, (size_t)n);
  return code != 0 ? fail(work, code) : put(work, (size_t)n);
}

/* The unpacked file takes the place of the packed one. */
static void replace(struct sink_unpack *work) {
  char from[NAME_CAP], to[NAME_CAP];
  const char *leaf, *slash;
  int dir;
  if (file_name(work, ".unpack", from) != 0 ||
      file_name(work, ".part", to) != 0) {
    fail(work, ERR_TOOBIG);
    return;
  }
  dir = name_open_parent(work->file->dirfd, to, false, &leaf);
  if (dir < 0) {
    fail(work, dir);
    return;
  }
  slash = strrchr(from, '/');
  if (renameat(dir, slash != NULL ? slash + 1 : from, dir, leaf) != 0)
    fail(work, err_from_errno(errno));
  close(dir);
  if (work->code != 0)
    return;
  if (work->file->fd >= 0)
    close(work->file->fd);
  work->file->fd = work->out_fd;
  work->file->resume = 0;
  work->out_fd = -1;
}

static void clean_up(struct sink_unpack *work) {
  if (work->out_fd >= 0) {
    close(work->out_fd);
    remove_output(work);
  }
  if (work->in_fd >= 0)
    close(work->in_fd);
  work->in_fd = work->out_fd = -1;
  unpack_free(work->unpack);
  work->unpack = NULL;
  free(work->in);
  free(work->out);
  work->in = work->out = NULL;
}

static void on_work(struct job *job) {
  struct sink_unpack *work = (struct sink_unpack *)(void *)job;
  int code = begin(work);
  while (code == 0) {
    if (job_piece_over(job)) {
      job->more = true;
      return;
    }
    code = move(work);
    job_progress(job, work->at);
  }
  if (code == 1 && work->steps != NULL) {
    int end = steps_unpacked_end(work->steps);
    if (end != 0)
      code = fail(work, end);
  }
  if (code == 1)
    replace(work);
  clean_up(work);
}

static void on_done(struct job *job) {
  struct sink_unpack *work = (struct sink_unpack *)(void *)job;
  if (work->unpack != NULL) { /* cancelled between two pieces */
    clean_up(work);
    work->code = ERR_CLOSED;
  }
  work->done = true;
  work->ended(work); /* it may be gone after this */
}

void sink_unpack_cancel(struct sink_unpack *work) {
  if (work->file != NULL && !work->done)
    job_cancel(&work->job);
}

void sink_unpack_start(struct sink_unpack *work, struct pool *pool,
                       struct sink_job *file) {
  work->file = file;
  work->in_fd = work->out_fd = -1;
  pool_submit(pool, &work->job, JOB_CPU, "unpacked", on_work, on_done);
}
