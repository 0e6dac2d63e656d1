/* SPDX-License-Identifier: MIT
 *
 * The file of results: a line for each task that is settled, exactly once.
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

/* The name in the session: a prefix, for files of other kinds have names too,
 * and the whole path, since a run may go on from elsewhere. */
static char *name_of(const char *path) {
  char *full = realpath(path, NULL);
  size_t cap = strlen(full != NULL ? full : path) + sizeof SESSION_RESULTS;
  char *name = malloc(cap);
  if (name != NULL)
    snprintf(name, cap, "%s%s", SESSION_RESULTS, full != NULL ? full : path);
  free(full);
  return name;
}

static int system_fault(const char *path, struct errmsg *msg) {
  return err_set(msg, err_from_errno(errno),
                 "the results cannot be written to %s: %s", path,
                 strerror(errno));
}

/* Cuts the file to what is settled; one that the session does not know is
 * added to, from its present end. */
static int settle_length(struct session *s, const char *path,
                         struct errmsg *msg) {
  struct stat st;
  int64_t bytes = 0;
  uint64_t records = 0;
  if (fstat(s->results.fd, &st) < 0)
    return system_fault(path, msg);
  if (!S_ISREG(st.st_mode))
    return err_set(msg, ERR_USAGE, "--results: %s is not a plain file", path);
  int rc = store_file_get(s->store, s->results.name, &bytes, &records);
  if (rc < 0 && rc != ERR_NOTFOUND)
    return session__fault(s, rc, msg);
  if (rc == ERR_NOTFOUND || bytes > st.st_size)
    bytes = st.st_size;
  if (bytes < st.st_size && ftruncate(s->results.fd, (off_t)bytes) < 0)
    return system_fault(path, msg);
  s->results.bytes = bytes;
  s->results.records = records;
  rc = store_file_put(s->store, &s->results);
  return rc == 0 ? 0 : session__fault(s, rc, msg);
}

int session_results_open(struct session *s, const char *path,
                         struct errmsg *msg) {
  s->results.fd =
      open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0666);
  if (s->results.fd < 0)
    return system_fault(path, msg);
  s->results.name = name_of(path);
  int rc = s->results.name == NULL
               ? err_set(msg, ERR_NOMEM, "%s", err_text(ERR_NOMEM))
               : settle_length(s, path, msg);
  s->files_used = rc == 0;
  return rc;
}

void session_results_add(struct session *s, const char *line, size_t length) {
  struct store_batch *b = session__filling(s);
  size_t cap = b->text_cap;
  while (cap < b->text_length + length)
    cap = cap == 0 ? (size_t)64 * 1024 : cap * 2;
  char *text = cap == b->text_cap ? b->text : realloc(b->text, cap);
  if (text == NULL) { /* what is settled without its line must not count */
    b->suspect = s->files_lost = true;
    session__tell_once(s, ERR_NOMEM, err_text(ERR_NOMEM));
    return;
  }
  b->text = text;
  b->text_cap = cap;
  memcpy(b->text + b->text_length, line, length);
  b->text_length += length;
  b->text_records++;
}

void session__results_fini(struct session *s) {
  if (s->results.fd >= 0)
    close(s->results.fd);
  free(s->results.name);
}
