/* SPDX-License-Identifier: MIT
 *
 * The spooler's thread; see spool.h.
 */
#include "config.h"

#include "spool.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plain.h"

#define SPOOL_BLOCK ((size_t)256 * 1024)
#define RETRY_MS 1000
#define FOLLOW_MS 250

struct spool {
  int in_fd, out_fd;
  const char *follow; /* borrowed; NULL: the stream's end is its end */
  int64_t taken;      /* bytes read */
  int stop_pipe[2];
  char *block, *text; /* as it comes in; unpacked */
  struct plain plain; /* the thread's */
  int fault;          /* set before ended */
  uv_thread_t thread;
  uv_async_t *wake;
  _Atomic uint64_t size;
  atomic_bool ended;
  atomic_int trouble;
};

/* Waits for input (in_fd >= 0) or a moment; false: stop. */
static bool wait_for(struct spool *sp, int in_fd, int timeout_ms) {
  struct pollfd fds[2] = {{.fd = sp->stop_pipe[0], .events = POLLIN},
                          {.fd = in_fd, .events = POLLIN}};
  int n;
  do
    n = poll(fds, 2, timeout_ms);
  while (n < 0 && errno == EINTR);
  return fds[0].revents == 0;
}

static void tell_trouble(struct spool *sp, int code) {
  if (atomic_exchange(&sp->trouble, code) != code)
    uv_async_send(sp->wake);
}

/* False: stopped before all was written. */
static bool write_all(struct spool *sp, const char *data, size_t left) {
  while (left > 0) {
    ssize_t n = write(sp->out_fd, data, left);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0) {
      tell_trouble(sp, err_from_errno(errno));
      if (!wait_for(sp, -1, RETRY_MS))
        return false;
      continue;
    }
    tell_trouble(sp, 0);
    atomic_fetch_add(&sp->size, (uint64_t)n);
    data += n;
    left -= (size_t)n;
  }
  return true;
}

static void end(struct spool *sp, int fault) {
  sp->fault = fault;
  atomic_store(&sp->ended, true);
  uv_async_send(sp->wake);
}

/* Writes what a block (length 0: the end) becomes. False: it is over. */
static bool take_block(struct spool *sp, size_t length) {
  int64_t n = plain_give(&sp->plain, sp->block, length);
  while (n >= 0) {
    n = plain_take(&sp->plain, sp->text, SPOOL_BLOCK);
    if (n <= 0)
      break;
    if (!write_all(sp, sp->text, (size_t)n))
      return false;
    uv_async_send(sp->wake);
  }
  if (n < 0 || length == 0) {
    end(sp, (int)n);
    return false;
  }
  return true;
}

/* A followed file may still be what it was, and longer: 1. 0: the end of a
 * stream. */
static int look_again(const struct spool *sp) {
  struct stat open_one, named;
  if (sp->follow == NULL)
    return 0;
  if (fstat(sp->in_fd, &open_one) != 0)
    return err_from_errno(errno);
  bool same = stat(sp->follow, &named) == 0 &&
              named.st_dev == open_one.st_dev &&
              named.st_ino == open_one.st_ino;
  return same && open_one.st_size >= sp->taken ? 1 : ERR_CHANGED;
}

/* At the file's end. False: it is over. */
static bool wait_for_more(struct spool *sp) {
  int again = look_again(sp);
  if (again < 0)
    end(sp, again);
  return again > 0 && wait_for(sp, -1, FOLLOW_MS);
}

static void copy(void *arg) {
  struct spool *sp = arg;
  while (wait_for(sp, sp->in_fd, -1)) {
    ssize_t n = read(sp->in_fd, sp->block, SPOOL_BLOCK);
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
      continue;
    if (n < 0) { /* it is cut off here: nobody must wait for the rest */
      end(sp, err_from_errno(errno));
      break;
    }
    sp->taken += n;
    if (n == 0 && sp->follow != NULL) {
      if (!wait_for_more(sp))
        break;
    } else if (!take_block(sp, (size_t)n)) {
      break;
    }
  }
}

int spool_start(struct spool **out, int in_fd, const char *follow, int out_fd,
                uv_async_t *wake) {
  struct spool *sp = calloc(1, sizeof *sp);
  char *block = malloc(SPOOL_BLOCK), *text = malloc(SPOOL_BLOCK);
  int rc = sp == NULL || block == NULL || text == NULL ? ERR_NOMEM : 0;
  if (rc == 0) {
    sp->in_fd = in_fd;
    sp->follow = follow;
    sp->out_fd = out_fd;
    sp->wake = wake;
    sp->block = block;
    sp->text = text;
    plain_init(&sp->plain);
    if (pipe(sp->stop_pipe) < 0)
      rc = err_from_errno(errno);
  }
  if (rc == 0) {
    fcntl(sp->stop_pipe[0], F_SETFD, FD_CLOEXEC);
    fcntl(sp->stop_pipe[1], F_SETFD, FD_CLOEXEC);
    if (uv_thread_create(&sp->thread, copy, sp) == 0) {
      *out = sp;
      return 0;
    }
    close(sp->stop_pipe[0]);
    close(sp->stop_pipe[1]);
    rc = ERR_NOMEM;
  }
  free(block);
  free(text);
  free(sp);
  close(out_fd);
  return rc;
}

int spool_fault(const struct spool *sp) {
  return sp->fault;
}

uint64_t spool_state(const struct spool *sp, bool *ended, int *trouble) {
  *trouble = atomic_load(&sp->trouble);
  *ended = atomic_load(&sp->ended); /* before size: size is then the last */
  return atomic_load(&sp->size);
}

void spool_free(struct spool *sp) {
  if (sp == NULL)
    return;
  close(sp->stop_pipe[1]); /* its other end becomes ready */
  uv_thread_join(&sp->thread);
  close(sp->stop_pipe[0]);
  close(sp->out_fd);
  plain_fini(&sp->plain);
  free(sp->block);
  free(sp->text);
  free(sp);
}
