/* SPDX-License-Identifier: MIT
 *
 * Lists: a line for tasks that are settled, exactly once. The results have one
 * for each, the checksums one for each finished file.
 *
 * Lines travel with the batch that settles their tasks. The storage thread
 * writes them behind those of the batches before, flushes, and keeps the new
 * length in the transaction; a run that was killed in between left bytes that
 * no length covers, and they are cut off when the file is opened again.
 *
 * Thread: opening blocks and belongs to the starting thread, adding to the
 * loop's.
 */
#include "config.h"

#include "session_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What begins the name of such a file in the session, for files of other kinds
 * have names too. */
static const struct {
  const char *prefix, *name, *option;
} kinds[SESSION_LISTS] = {
    [SESSION_RESULTS] = {"results:", "results", "--results"},
    [SESSION_CHECKSUMS] = {"checksums:", "checksums", "--write-checksums"},
};

const char *session_list_name(enum session_list list) {
  return kinds[list].name;
}

bool session__is_list(const char *name) {
  for (int list = 0; list < SESSION_LISTS; list++)
    if (strncmp(name, kinds[list].prefix, strlen(kinds[list].prefix)) == 0)
      return true;
  return false;
}

/* With the whole path, since a run may go on from elsewhere. */
static char *name_of(enum session_list list, const char *path) {
  char *full = realpath(path, NULL);
  const char *prefix = kinds[list].prefix;
  size_t cap = strlen(full != NULL ? full : path) + strlen(prefix) + 1;
  char *name = malloc(cap);
  if (name != NULL)
    snprintf(name, cap, "%s%s", prefix, full != NULL ? full : path);
  free(full);
  return name;
}

static int system_fault(enum session_list list, const char *path,
                        struct errmsg *msg) {
  return err_set(msg, err_from_errno(errno),
                 "the %s cannot be written to %s: %s", kinds[list].name, path,
                 strerror(errno));
}

/* Two lists in one file would write over each other. */
static bool is_taken(const struct session *s, enum session_list list,
                     const struct stat *st) {
  struct stat other;
  for (int i = 0; i < SESSION_LISTS; i++)
    if (i != (int)list && s->lists[i].fd >= 0 &&
        fstat(s->lists[i].fd, &other) == 0 && other.st_dev == st->st_dev &&
        other.st_ino == st->st_ino)
      return true;
  return false;
}

/* After a kill the file is cut to what is settled. Otherwise, and when the
 * session does not know it, it is added to from its present end: others may
 * have written to it since. */
static int settle_length(struct session *s, enum session_list list,
                         const char *path, struct errmsg *msg) {
  struct store_file *file = &s->lists[list];
  struct stat st;
  int64_t bytes = 0;
  uint64_t records = 0;
  if (fstat(file->fd, &st) < 0)
    return system_fault(list, path, msg);
  if (!S_ISREG(st.st_mode))
    return err_set(msg, ERR_USAGE, "%s: %s is not a plain file",
                   kinds[list].option, path);
  if (is_taken(s, list, &st))
    return err_set(msg, ERR_USAGE, "%s: %s is another list's already",
                   kinds[list].option, path);
  int rc = store_file_get(s->store, file->name, &bytes, &records);
  if (rc < 0 && rc != ERR_NOTFOUND)
    return session__fault(s, rc, msg);
  if (rc == ERR_NOTFOUND || bytes > st.st_size || !store_was_killed(s->store))
    bytes = st.st_size;
  if (bytes < st.st_size && ftruncate(file->fd, (off_t)bytes) < 0)
    return system_fault(list, path, msg);
  file->bytes = bytes;
  file->records = records;
  rc = store_file_put(s->store, file);
  return rc == 0 ? 0 : session__fault(s, rc, msg);
}

int session_list_open(struct session *s, enum session_list list,
                      const char *path, struct errmsg *msg) {
  struct store_file *file = &s->lists[list];
  file->fd =
      open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0666);
  if (file->fd < 0)
    return system_fault(list, path, msg);
  file->name = name_of(list, path);
  int rc = file->name == NULL
               ? err_set(msg, ERR_NOMEM, "%s", err_text(ERR_NOMEM))
               : settle_length(s, list, path, msg);
  s->files_used = s->files_used || rc == 0;
  return rc;
}

void session_list_lost(struct session *s) {
  session__filling(s)->suspect = s->files_lost = true;
  session__tell_once(s, ERR_NOMEM, err_text(ERR_NOMEM));
}

void session_list_add(struct session *s, enum session_list list,
                      const char *line, size_t length) {
  struct store_batch *b = session__filling(s);
  struct store_text *text = &b->texts[list];
  size_t cap = text->cap;
  while (cap < text->length + length)
    cap = cap == 0 ? (size_t)64 * 1024 : cap * 2;
  char *data = cap == text->cap ? text->data : realloc(text->data, cap);
  if (data == NULL) {
    session_list_lost(s);
    return;
  }
  text->data = data;
  text->cap = cap;
  memcpy(data + text->length, line, length);
  text->length += length;
  text->records++;
}

void session__lists_fini(struct session *s) {
  for (int list = 0; list < SESSION_LISTS; list++) {
    if (s->lists[list].fd >= 0)
      close(s->lists[list].fd);
    free(s->lists[list].name);
  }
}
