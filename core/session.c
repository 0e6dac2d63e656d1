/* SPDX-License-Identifier: MIT
 *
 * Opening a session, its options, closing it. Blocking; the starting thread.
 */
#include "config.h"

#include "session_impl.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

int session__fault(struct session *s, int rc, struct errmsg *msg) {
  const char *fault = store_fault(s->store);
  return err_set(msg, rc, "%s/%s/session.db: %s", s->dir, SESSION_DIR,
                 fault[0] != '\0' && rc != ERR_NOMEM ? fault : err_text(rc));
}

int session__read_counts(struct session *s) {
  struct store_tally tally;
  int rc = store_tally(s->store, &tally);
  if (rc < 0)
    return rc;
  const uint64_t *rows = tally.rows;
  uint64_t other = rows[ROW_FAILED] + rows[ROW_EXPIRED] + rows[ROW_CANCELLED] +
                   rows[ROW_BAD];
  s->counts.done = tally.settled > other ? tally.settled - other : 0;
  s->counts.done_before = s->counts.done;
  s->counts.failed = rows[ROW_FAILED];
  s->counts.expired = rows[ROW_EXPIRED];
  s->counts.cancelled = rows[ROW_CANCELLED];
  s->counts.bad_lines = rows[ROW_BAD];
  return 0;
}

/* Marks of chunks that have nothing left to do are not needed. A chunk that
 * is not known was being worked on when the run was killed. */
static void drop_if_finished(void *arg, uint64_t key, int slot) {
  struct session *s = arg;
  struct store_loaded *loaded = NULL;
  int rc = store_load(s->store, (uint32_t)(key >> TASK_ORDINAL_BITS),
                      (uint32_t)key, false, &loaded);
  if (rc < 0 || loaded == NULL)
    return;
  bool open = loaded->chunk.settled < loaded->chunk.count ||
              loaded->chunk.count < CHUNK_LINES;
  for (size_t i = 0; i < loaded->row_count; i++)
    open |= row_again(loaded->rows[i].state);
  store_loaded_free(loaded);
  if (!open)
    marks_drop(s->marks, slot);
}

/* Streams that a killed run was receiving and had not begun to work on are
 * looked at like new ones; those that brought nothing are forgotten. */
static int find_unread_streams(struct session *s) {
  for (size_t i = 0; i < s->source_count; i++) {
    struct source *source = &s->sources[i];
    char name[32];
    struct stat st;
    if (source->kind != SOURCE_STREAM || source->first_object != 0 ||
        source->chunks > 0 || source->ended)
      continue;
    session__spool_name(source->spool, name, sizeof name);
    source->merging = true;
    if (*source->path != '\0')
      continue; /* a file: it is opened again */
    if (fstatat(s->sdirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
        st.st_size > 0)
      continue;
    source->gone = true;
    int rc = store_source_drop(s->store, source->id);
    if (rc < 0)
      return rc;
  }
  return 0;
}

/* A stream whose lines were being worked on when the run was killed, before the
 * first of them was recorded, is a list of its own: its marks speak of it. It
 * is known by its first line when it comes in again. */
static int recall_begun_streams(struct session *s, struct errmsg *msg) {
  int rc = 0;
  for (size_t i = 0; rc == 0 && i < s->source_count; i++) {
    struct source *source = &s->sources[i];
    char name[32];
    if (!source->merging || source->gone || *source->path != '\0' ||
        marks_find(s->marks, chunk_key(source->id, 0)) < 0)
      continue;
    session__spool_name(source->spool, name, sizeof name);
    int fd = openat(s->sdirfd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
      continue; /* who reads it will say why */
    rc = session__first_line(fd, name, &source->format, &source->first_object,
                             msg);
    close(fd);
    source->merging = source->first_object == 0;
    if (rc == 0 && !source->merging) {
      rc = store_source_put(s->store, source);
      rc = rc == 0 ? 0 : session__fault(s, rc, msg);
    }
  }
  return rc;
}

/* SQLite would make it for all to read, and its companions get its mode. What
 * goes wrong here it will find out and say. */
static void close_to_others(struct session *s) {
  struct stat st;
  int fd = openat(s->sdirfd, "session.db",
                  O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
  if (fd < 0)
    return;
  if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 077) != 0)
    (void)!fchmod(fd, 0600);
  close(fd);
}

static int open_database(struct session *s, struct errmsg *msg) {
  int64_t created;
  char *path = session__path(s->dir, "session.db");
  if (path == NULL)
    return err_set(msg, ERR_NOMEM, "%s", err_text(ERR_NOMEM));
  close_to_others(s);
  int rc = store_open(&s->store, path, msg);
  free(path);
  if (rc < 0)
    return rc;
  rc = store_meta_get(s->store, "created_unix", &created);
  if (rc == 0 && created == 0)
    rc = store_meta_put(s->store, "created_unix", (int64_t)time(NULL));
  if (rc == 0)
    rc = store_sources(s->store, &s->sources, &s->source_count);
  s->source_cap = s->source_count;
  if (rc == 0)
    rc = store_summary(s->store, &s->summary);
  if (rc == 0)
    rc = find_unread_streams(s);
  if (rc == 0)
    rc = session__read_counts(s);
  if (rc == 0)
    rc = session__spool_sweep(s);
  return rc == 0 ? 0 : session__fault(s, rc, msg);
}

static int open_all(struct session *s, const char *dir, struct errmsg *msg) {
  int rc = session__open_dir(s, dir, msg);
  if (rc == 0)
    rc = session__lock(s, msg);
  if (rc == 0)
    rc = open_database(s, msg);
  if (rc < 0)
    return rc;
  s->boot_hash = boot_id(s->boot, sizeof s->boot);
  rc = marks_open(&s->marks, s->sdirfd, "marks", s->boot_hash, msg);
  if (rc == 0)
    marks_each(s->marks, drop_if_finished, s);
  if (rc == 0)
    rc = recall_begun_streams(s, msg);
  if (rc == 0)
    s->unflushed = unflushed_open(s->sdirfd, "unflushed", s->boot_hash);
  return rc;
}

int session_open(struct session **out, const char *dir, bool durable,
                 struct errmsg *msg) {
  struct session *s = calloc(1, sizeof *s);
  if (s == NULL)
    return err_set(msg, ERR_NOMEM, "%s", err_text(ERR_NOMEM));
  s->dirfd = s->sdirfd = s->lockfd = -1;
  s->redo.fd = -1;
  for (int list = 0; list < SESSION_LISTS; list++)
    s->lists[list].fd = -1;
  for (int i = 0; i < SESSION_FEEDS; i++)
    s->feeds[i].fd = -1;
  s->durable = durable;
  s->next_spool = 1;
  s->input_format = &manifest_auto;
  int rc = open_all(s, dir, msg);
  if (rc < 0) {
    session_close(s, false);
    return rc;
  }
  *out = s;
  return 0;
}

int session_options_put(struct session *s, const struct session_option *options,
                        size_t count, struct errmsg *msg) {
  int rc = store_options_put(s->store, options, count);
  return rc == 0 ? 0 : session__fault(s, rc, msg);
}

int session_options_get(struct session *s,
                        int (*each)(void *arg, const char *name,
                                    const char *value),
                        void *arg, struct errmsg *msg) {
  int rc = store_options_get(s->store, each, arg);
  if (rc == ERR_NOTFOUND)
    return err_set(msg, rc, "the session in %s was started without options",
                   s->dir);
  return rc >= 0 ? rc : err_set(msg, rc, "%s", store_fault(s->store));
}

void session_retry_only(struct session *s,
                        const struct failure_filter *filter) {
  s->retry_only = filter;
}

int session_dirfd(const struct session *s) {
  return s->dirfd;
}

const char *session_dir(const struct session *s) {
  return s->dir;
}

/* ---- closing ----------------------------------------------------------- */

/* All that was asked for came from command lines and is done. */
static bool forgettable(struct session *s) {
  struct store_tally tally;
  uint64_t tasks = 0;
  if (s->store == NULL || s->batch_failed || store_tally(s->store, &tally) < 0)
    return false;
  for (size_t i = 0; i < s->source_count; i++) {
    const struct source *source = &s->sources[i];
    if (source->gone)
      continue;
    if (source->kind != SOURCE_ARGS || !source->ended)
      return false;
    tasks += source->tasks;
  }
  return tally.settled == tasks && tally.rows[ROW_FAILED] == 0 &&
         tally.rows[ROW_EXPIRED] == 0 && tally.rows[ROW_CANCELLED] == 0 &&
         tally.rows[ROW_BAD] == 0;
}

void session_close(struct session *s, bool forget_if_done) {
  if (s == NULL)
    return;
  bool forget = forget_if_done && forgettable(s);
  store_close(s->store);
  marks_close(s->marks);
  unflushed_close(s->unflushed);
  if (forget)
    session__remove_all(s);
  for (size_t i = 0; i < s->source_count; i++) {
    free(s->sources[i].path);
    order_fini(&s->sources[i].order);
    if (s->sources[i].fd_owned)
      close(s->sources[i].in_fd);
  }
  free(s->sources);
  chunk_table_fini(&s->chunks);
  store_batch_fini(&s->batches[0]);
  store_batch_fini(&s->batches[1]);
  session__lists_fini(s);
  summary_fini(&s->summary);
  free(s->redo_ids);
  free(s->dirtys);
  free(s->sents);
  if (s->lockfd >= 0)
    close(s->lockfd); /* and with it the lock */
  if (s->sdirfd >= 0)
    close(s->sdirfd);
  if (s->dirfd >= 0)
    close(s->dirfd);
  free(s->dir);
  free(s);
}
