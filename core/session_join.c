/* SPDX-License-Identifier: MIT
 *
 * A manifest that is added while the session runs. The storage thread looks at
 * it (what it is, of which form, its first object); then it is a source like
 * those of the start: a file that is read where it is, or, packed or from a
 * pipe, a stream that comes in. It is called added when its row is on the disk.
 *
 * A file whose first object a source has already is refused: comparing two
 * lists means moving chunks that are being read, which is for a start to do.
 *
 * Thread: the loop's, but for work(), which is the storage thread's.
 */
#include "config.h"

#include "session_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "spool.h"

struct session_join {
  struct store_job job; /* first */
  struct session_join *next;
  struct session *session;
  void (*done)(void *arg, const struct session_added *added);
  void *arg;
  char *path; /* taken; whole after the work */
  /* of the work */
  int fd;      /* of a stream; else -1 */
  bool stream; /* it comes in, instead of being read where it is */
  struct source_identity identity;
  const struct manifest_format *format;
  uint64_t object; /* of its first good line */
  struct errmsg msg;
  /* afterwards */
  bool written;   /* waits for the batch that says so */
  unsigned batch; /* its number */
};

static void free_join(struct session_join *join) {
  if (join->fd >= 0)
    close(join->fd);
  free(join->path);
  free(join);
}

/* ---- on the storage thread ---------------------------------------------- */

/* What a regular file is. */
static int look(struct session_join *join, int fd) {
  struct session *s = join->session;
  int rc = source_identify(fd, &join->identity);
  if (rc < 0)
    return err_set(&join->msg, rc, "%s: %s", join->path, err_text(rc));
  join->fd = session__packed_fd(s, fd, join->path, &join->format, &join->msg);
  join->stream = join->fd >= 0;
  if (join->stream || join->fd != ERR_NOTFOUND)
    return join->stream ? 0 : join->fd;
  join->format = &manifest_auto;
  return session__first_line(fd, join->path, &join->format, &join->object,
                             &join->msg);
}

static int look_at(struct session_join *join, int fd) {
  struct stat st;
  if (fstat(fd, &st) != 0)
    return err_set(&join->msg, ERR_IO, "%s: %s", join->path, strerror(errno));
  if (S_ISREG(st.st_mode))
    return look(join, fd);
  return err_set(&join->msg, ERR_USAGE, "manifest %s is not a file",
                 join->path);
}

static void work(struct store_job *job) {
  struct session_join *join = (struct session_join *)(void *)job;
  char *whole = realpath(join->path, NULL);
  int fd = whole != NULL ? open(whole, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;
  if (fd < 0) {
    job->rc = err_set(&join->msg, errno == ENOENT ? ERR_NOTFOUND : ERR_IO,
                      "manifest %s: %s", join->path, strerror(errno));
    free(whole);
    return;
  }
  free(join->path);
  join->path = whole;
  job->rc = look_at(join, fd);
  if (job->rc < 0 || !join->stream)
    join->fd = -1;
  close(fd);
}

/* ---- the loop's side ----------------------------------------------------- */

static void answer(struct session_join *join, int code) {
  struct session_added added = {.code = code,
                                .text = code == 0 ? ""
                                        : join->msg.text[0] != '\0'
                                            ? join->msg.text
                                            : err_text(code)};
  join->done(join->arg, &added);
  free_join(join);
}

static void post_next(struct session *s) {
  if (s->joins == NULL || s->join_busy || s->joins->written || s->stopping)
    return;
  s->join_busy = true;
  s->joins->job =
      (struct store_job){.kind = JOB_CALL, .call = work, .owner = s->joins};
  store_thread_post(s->thread, &s->joins->job);
}

static int refuse_known(struct session *s, struct session_join *join) {
  for (size_t i = 0; i < s->source_count; i++) {
    const struct source *source = &s->sources[i];
    if (source->gone)
      continue;
    if (source_same(&source->identity, &join->identity) &&
        (source->kind == SOURCE_FILE || source->received))
      return err_set(&join->msg, ERR_EXISTS,
                     "%s is a manifest of this session already", join->path);
    if (source->kind == SOURCE_FILE && !join->stream &&
        (strcmp(source->path, join->path) == 0 ||
         (join->object != 0 && source->first_object == join->object)))
      return err_set(&join->msg, ERR_CHANGED,
                     "%s begins as a manifest of this session does: stop the "
                     "run, and 'spate -i' takes it over with all that is done",
                     join->path);
  }
  return 0;
}

/* It comes in by a thread of its own, as at the start. */
static int receive(struct session *s, struct source *source,
                   struct session_join *join) {
  int fd;
  source->spool = s->next_spool;
  source->tail.spool = source->spool;
  source->merging = true;
  source->received = false;
  source->in_fd = join->fd;
  source->fd_owned = true;
  join->fd = -1;
  int rc = session__spool_create(s, source->spool, &fd, &join->msg);
  if (rc == 0)
    rc = spool_start(&source->spooler, source->in_fd, NULL, fd, &s->wake);
  if (rc == 0)
    s->next_spool++;
  return rc;
}

/* Another source; the feed goes on with it. */
static int take(struct session *s, struct session_join *join) {
  int rc = refuse_known(s, join);
  if (rc < 0)
    return rc;
  if (s->source_count == s->source_cap) /* they must not move */
    return err_set(&join->msg, ERR_TOOBIG,
                   "this run has got %d manifests: stop it, and add more with "
                   "'spate -i'",
                   SESSION_JOINS);
  struct source *source = session__source_new(
      s, join->stream ? SOURCE_STREAM : SOURCE_FILE, join->path);
  if (source == NULL)
    return ERR_NOMEM;
  source->format = join->format;
  source->identity = join->identity;
  source->first_object = join->object;
  source->checked = true;
  rc = join->stream ? receive(s, source, join) : 0;
  if (rc < 0) {
    if (source->in_fd >= 0)
      close(source->in_fd);
    session__source_undo(s);
    return rc;
  }
  s->feeds[0].done = s->told_exhausted = false;
  session__source_touch(s, source);
  join->written = true;
  join->batch = s->current;
  session_hurry(s);
  session__kick(s);
  return 0;
}

void session__join_worked(struct session *s, struct store_job *job) {
  struct session_join *join = job->owner;
  s->join_busy = false;
  int rc = job->rc;
  if (rc == 0 && s->stopping)
    rc = err_set(&join->msg, ERR_CLOSED, "the run is ending");
  if (rc == 0)
    rc = take(s, join);
  if (rc == 0)
    return;
  s->joins = join->next;
  answer(join, rc);
  post_next(s);
}

/* A batch came back: the one that says so, maybe. */
void session__join_committed(struct session *s, unsigned batch, int rc) {
  struct session_join *join = s->joins;
  if (join == NULL || !join->written || join->batch != batch)
    return;
  s->joins = join->next;
  answer(join, rc);
  s->told_exhausted = false; /* whoever was told before is told again */
  session__kick(s);
  post_next(s);
}

void session__joins_end(struct session *s) {
  while (s->joins != NULL) {
    struct session_join *join = s->joins;
    s->joins = join->next;
    err_set(&join->msg, ERR_CLOSED, "the run is ending");
    answer(join, ERR_CLOSED);
  }
}

int session_join(struct session *s, const char *path,
                 void (*done)(void *arg, const struct session_added *added),
                 void *arg) {
  struct session_join **at = &s->joins;
  if (s->stopping || s->ended)
    return ERR_CLOSED;
  struct session_join *join = calloc(1, sizeof *join);
  if (join != NULL)
    join->path = strdup(path);
  if (join == NULL || join->path == NULL) {
    free(join);
    return ERR_NOMEM;
  }
  join->fd = -1;
  join->session = s;
  join->done = done;
  join->arg = arg;
  while (*at != NULL)
    at = &(*at)->next;
  *at = join;
  post_next(s);
  return 0;
}

/* ---- at the start (blocking) --------------------------------------------- */

/* Feeds and batches point to sources: room for those to come is made before
 * the first of them does. */
int session__joins_begin(struct session *s) {
  size_t cap = s->source_count + SESSION_JOINS;
  struct source *grown = realloc(s->sources, cap * sizeof *grown);
  if (grown == NULL)
    return ERR_NOMEM;
  s->sources = grown;
  s->source_cap = cap;
  return 0;
}
