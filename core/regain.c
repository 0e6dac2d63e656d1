/* SPDX-License-Identifier: MIT
 *
 * What was written by a run that was killed: see regain.h.
 */
#include "config.h"

#include "regain.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine_priv.h"
#include "names.h"
#include "partial.h"

/* A write that was under way at the kill is younger than what was said last,
 * but not by much: there is word at the end of each, a few blocks apart. */
#define LATE_NS ((int64_t)5000000000)

static int64_t end_of(const struct session_partial *partial) {
  return partial->range_count > 0
             ? partial->ranges[partial->range_count - 1].end
             : partial->durable;
}

static int64_t changed_ns(const struct stat *st) {
#ifdef HAVE_STRUCT_STAT_ST_MTIM
  return (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
#else
  return (int64_t)st->st_mtime * 1000000000;
#endif
}

static bool is_as_left(const struct stat *st,
                       const struct session_unflushed *known) {
  return S_ISREG(st->st_mode) && (uint64_t)st->st_ino == known->inode &&
         (int64_t)st->st_size >= end_of(&known->partial) &&
         changed_ns(st) <= known->said_ns + LATE_NS;
}

bool regain_flush(int dirfd, const char *part,
                  const struct session_unflushed *known, int64_t *size) {
  struct stat st;
  bool good;
  int fd = name_open(dirfd, part, O_WRONLY | O_NONBLOCK, 0, false);
  *size = -1;
  if (fd < 0)
    return false;
  if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
    *size = (int64_t)st.st_size;
  good = *size >= 0 && is_as_left(&st, known) && fsync(fd) == 0;
  close(fd);
  return good;
}

void regain_note(struct task *task, const struct session_unflushed *known) {
  if (known == NULL)
    return;
  task->unflushed = malloc(sizeof(*known)); /* without: what was flushed */
  if (task->unflushed != NULL)
    memcpy(task->unflushed, known, sizeof(*known));
}

bool regain_named(const struct task *task, uint64_t inode, int64_t size) {
  const struct session_unflushed *known = task->unflushed;
  return known != NULL && known->inode == inode && known->partial.size > 0 &&
         known->partial.size == size;
}

static bool is_of(const struct task *task,
                  const struct session_partial *partial) {
  return task->has_partial && task->size == partial->size &&
         strcmp(task->etag, partial->etag) == 0 &&
         strcmp(task->last_modified, partial->last_modified) == 0;
}

/* What was said last is never older than the session's row; where they speak
 * of different files the row is of an earlier one. */
static int add(struct task *task, const struct session_partial *partial) {
  if (!is_of(task, partial))
    ranges_clear(&task->kept);
  task->size = partial->size;
  memcpy(task->etag, partial->etag, sizeof(task->etag));
  memcpy(task->last_modified, partial->last_modified,
         sizeof(task->last_modified));
  return partial_get_ranges(partial, &task->kept);
}

void regain_take(struct engine *e, struct task *task, bool flushed) {
  struct session_unflushed *known = task->unflushed;
  task->unflushed = NULL;
  if (known == NULL)
    return;
  if (!flushed)
    session_unflushed_put(e->session, task->id, false, NULL);
  else if (add(task, &known->partial) != 0)
    fetch__forget_partial(e, task);
  else
    fetch__regained(e, task, known->inode);
  free(known);
}
