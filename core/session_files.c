/* SPDX-License-Identifier: MIT
 *
 * The lengths of files that grow beside the session; see "Files" and
 * session_file_put() in session.h. The bytes are somebody else's business:
 * here a length travels with the batch that settles the tasks it covers.
 *
 * Thread: put and group belong to the loop's, the rest blocks and belongs to
 * the starting thread.
 */
#include "config.h"

#include "session_impl.h"

#include <stdlib.h>
#include <string.h>

static struct store_file *find(struct store_batch *b, const char *name) {
  for (size_t i = 0; i < b->file_count; i++)
    if (strcmp(b->files[i].name, name) == 0)
      return &b->files[i];
  return NULL;
}

void session_file_put(struct session *s, const char *name, int fd,
                      int64_t bytes, uint64_t records) {
  struct store_batch *b = session__filling(s);
  struct store_file *file = find(b, name);
  s->files_used = true;
  if (file == NULL) {
    char *copy = strdup(name);
    if (copy == NULL || STORE_PUSH(b, file) < 0) {
      free(copy);
      /* What is settled now would not be covered: it must not count. */
      b->suspect = s->files_lost = true;
      session__tell_once(s, ERR_NOMEM, err_text(ERR_NOMEM));
      return;
    }
    file = &b->files[b->file_count++];
    file->name = copy;
  }
  file->fd = fd;
  file->bytes = bytes;
  file->records = records;
  session__schedule(s);
}

void session_group_begin(struct session *s) {
  s->grouped++;
}

void session_group_end(struct session *s) {
  s->grouped--;
  if (session__pending(s))
    session__schedule(s);
}

void session__files_done(struct session *s, const struct store_batch *b) {
  bool lost = b->lost || b->suspect;
  if (s->hooks.file == NULL)
    return;
  for (size_t i = 0; i < b->file_count; i++)
    if (!session__is_list(b->files[i].name))
      s->hooks.file(s->hooks.arg, b->files[i].name,
                    lost ? SESSION_FILE_LOST : b->files[i].bytes);
}

int session_file_get(struct session *s, const char *name, int64_t *bytes,
                     uint64_t *records, struct errmsg *msg) {
  int rc = store_file_get(s->store, name, bytes, records);
  if (rc == ERR_NOTFOUND)
    return err_set(msg, rc, "the session in %s knows no file %s", s->dir, name);
  return rc < 0 ? session__fault(s, rc, msg) : 0;
}

int session_files_each(struct session *s, session_file_fn *each, void *arg,
                       struct errmsg *msg) {
  int rc = store_files(s->store, each, arg);
  return rc < 0 ? session__fault(s, rc, msg) : rc;
}
