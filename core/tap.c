/* SPDX-License-Identifier: MIT
 *
 * Bodies on their way through their steps: see tap.h.
 */
#include "config.h"

#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "names.h"
#include "sink_job.h"

#define READ_BYTES (256u << 10) /* between two looks at the clock */

void tap_init(struct tap *tap, struct pool *pool, struct steps *steps,
              uint64_t task) {
  memset(tap, 0, sizeof(*tap));
  tap->pool = pool;
  tap->steps = steps;
  tap->fd = -1;
  tap->job.task = task;
}

void tap_fini(struct tap *tap) {
  if (tap->steps == NULL)
    return;
  if (tap->fd >= 0)
    close(tap->fd);
  tap->fd = -1;
  free(tap->buffer);
  tap->buffer = NULL;
}

/* ---- the job --------------------------------------------------------------
 */

static int open_file(struct tap *tap) {
  char part[NAME_CAP];
  if (tap->fd >= 0)
    return 0;
  if (snprintf(part, sizeof(part), "%s%s", tap->name,
               tap->named ? "" : ".part") >= NAME_CAP)
    return ERR_TOOBIG;
  if (tap->buffer == NULL)
    tap->buffer = malloc(READ_BYTES);
  if (tap->buffer == NULL)
    return ERR_NOMEM;
  tap->fd = name_open(tap->dirfd, part, O_RDONLY, 0, false);
  if (tap->fd >= 0)
    return 0;
  tap->saved_errno = errno;
  return errno == ENOENT ? ERR_CHANGED : tap->fd;
}

/* One buffer's worth from there: its length, or a code. */
static ssize_t read_buffer(struct tap *tap, int64_t at) {
  size_t want = READ_BYTES;
  ssize_t n;
  int code = open_file(tap);
  if (code != 0)
    return code;
  if (tap->size - at < (int64_t)want)
    want = (size_t)(tap->size - at);
  do
    n = pread(tap->fd, tap->buffer, want, (off_t)at);
  while (n < 0 && errno == EINTR);
  if (n < 0) {
    tap->saved_errno = errno;
    return err_from_errno(errno);
  }
  return n > 0 ? n : ERR_CHANGED; /* shorter than what was written to it */
}

/* What passed the tap by. */
static int read_back(struct tap *tap) {
  ssize_t n = read_buffer(tap, steps_fed(tap->steps));
  if (n < 0)
    return (int)n;
  steps_feed(tap->steps, tap->buffer, (size_t)n);
  return 0;
}

/* The next part of what was taken. */
static void feed(struct tap *tap) {
  struct block *block = tap->chain;
  size_t length = block->len - tap->block_at;
  if (length > READ_BYTES)
    length = READ_BYTES;
  steps_feed(tap->steps, block->data + tap->block_at, length);
  tap->block_at += length;
  if (tap->block_at < block->len)
    return;
  tap->block_at = 0;
  tap->chain = block->tap_next;
}

static bool has_more(const struct tap *tap) {
  if (tap->chain != NULL)
    return true;
  return tap->over && tap->code == 0 && steps_fed(tap->steps) < tap->size;
}

/* Everything once more. False: it cannot be read, so that nothing of it is
 * known to be good. */
static bool look_again(struct tap *tap) {
  int64_t at = steps_looked(tap->steps);
  ssize_t n = read_buffer(tap, at);
  if (n < 0)
    return false;
  steps_look(tap->steps, tap->buffer, (size_t)n);
  return steps_looked(tap->steps) > at;
}

static void on_work(struct job *job) {
  struct tap *tap = (struct tap *)(void *)job;
  while (has_more(tap)) {
    if (tap->chain != NULL)
      feed(tap);
    else
      tap->code = read_back(tap);
    job_progress(job, steps_fed(tap->steps));
    if (job_piece_over(job) && has_more(tap)) {
      job->more = true;
      return;
    }
  }
  if (tap->over && tap->code == 0)
    tap->code = steps_end(tap->steps);
  while (tap->code == ERR_MISMATCH && steps_look_again(tap->steps)) {
    if (job_piece_over(job)) {
      job->more = true;
      return;
    }
    if (!look_again(tap))
      return;
  }
}

/* ---- the loop's side --------------------------------------------------------
 */

static void pump(struct tap *tap);

static void on_done(struct job *job) {
  struct tap *tap = (struct tap *)(void *)job;
  struct block *used = tap->used;
  bool over = tap->over || tap->cut;
  tap->used = tap->chain = NULL;
  tap->block_at = 0;
  tap->running = false;
  if (!over)
    pump(tap);
  if (used != NULL)
    tap->passed(tap, used);
  if (over)
    tap->ended(tap); /* it may be gone after this */
}

static void pump(struct tap *tap) {
  if (tap->running || tap->over || (tap->first == NULL && !tap->finishing))
    return;
  tap->chain = tap->used = tap->first;
  tap->first = tap->last = NULL;
  tap->waiting = 0;
  tap->over = tap->finishing;
  tap->running = true;
  pool_submit(tap->pool, &tap->job, JOB_CPU, "digests", on_work, on_done);
}

bool tap_take(struct tap *tap, struct block *block) {
  if (tap->steps == NULL || tap->finishing || block->offset != tap->next ||
      tap->closed || !steps_need_bytes(tap->steps))
    return false; /* finishing: it is being cut */
  tap->next += (int64_t)block->len;
  block->holders++;
  block->tap_next = NULL;
  if (tap->last != NULL)
    tap->last->tap_next = block;
  else
    tap->first = block;
  tap->last = block;
  tap->waiting++;
  pump(tap);
  return true;
}

bool tap_must_read(const struct tap *tap, int64_t size) {
  return tap->next < size || steps_have_pieces(tap->steps);
}

void tap_close(struct tap *tap) {
  tap->closed = true;
}

void tap_finish(struct tap *tap, int64_t size, int dirfd, const char *name) {
  tap->size = size;
  tap->dirfd = dirfd;
  tap->name = name;
  tap->finishing = true;
  pump(tap);
}

void tap_read(struct tap *tap, int64_t size, int dirfd, const char *name) {
  tap->named = true;
  tap_finish(tap, size, dirfd, name);
}

void tap_cut(struct tap *tap) {
  struct block *dropped = tap->first;
  tap->first = tap->last = NULL;
  tap->waiting = 0;
  tap->finishing = tap->cut = true;
  if (tap->running)
    job_cancel(&tap->job);
  if (dropped != NULL)
    tap->passed(tap, dropped);
}
