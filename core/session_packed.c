/* SPDX-License-Identifier: MIT
 *
 * Manifest files that are packed (gzip, zstd, xz, bzip2). They cannot be read
 * from their middle, so they come in as a pipe does: unpacked into a spool of
 * the session while the run goes on. What makes them a file is their path and
 * identity: a list that came in whole is not unpacked again, one that a kill
 * cut off is opened again without being asked for. So come lists that are
 * followed as they grow: what was read of them stays, whatever becomes of the
 * file.
 *
 * So come Metalinks too, as the lines that metalink_lines.h makes of them.
 *
 * Blocking; the starting thread.
 */
#include "config.h"

#include "session_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "metalink_lines.h"
#include "plain.h"

static bool is_packed_file(const struct source *source) {
  return source->kind == SOURCE_STREAM && !source->gone && *source->path != 0;
}

/* 1, 0, or ERR_IO when it cannot be read: to take it for lines then would
 * fill the session with what is none. */
static int looks_packed(int fd) {
  char head[PLAIN_MAGIC];
  bool more;
  ssize_t n;
  do
    n = pread(fd, head, sizeof head, 0);
  while (n < 0 && errno == EINTR);
  if (n < 0)
    return ERR_IO;
  return n > 0 && plain_kind(head, (size_t)n, &more) != UNPACK_NONE;
}

static int is_unreadable(const char *path, struct errmsg *msg) {
  return err_set(msg, ERR_IO, "manifest %s: %s", path, strerror(errno));
}

int session__is_packed(const struct session *s, int fd, const char *path,
                       struct errmsg *msg) {
  int packed = s->follow || s->metalink ? 1 : metalink_file(fd);
  for (size_t i = 0; i < s->source_count && packed == 0; i++)
    packed = is_packed_file(&s->sources[i]) &&
             strcmp(s->sources[i].path, path) == 0; /* as it came in before */
  if (packed == 0)
    packed = looks_packed(fd);
  return packed < 0 ? is_unreadable(path, msg) : packed;
}

void session_follow(struct session *s, bool follow) {
  s->follow = follow;
}

/* Receives the file into a source that has no line yet, or into a new one that
 * is compared with what is known. fd is taken when it works. */
static int receive(struct session *s, struct source *source, int fd,
                   const char *path, const struct source_identity *identity,
                   struct errmsg *msg) {
  if (source == NULL) {
    int rc = session_add_stream(s, fd, msg);
    if (rc < 0)
      return rc;
    source = &s->sources[s->source_count - 1];
  }
  char *copy = strdup(path);
  if (copy == NULL)
    return err_set(msg, ERR_NOMEM, "%s", err_text(ERR_NOMEM));
  free(source->path);
  source->path = copy;
  source->identity = *identity;
  source->in_fd = fd;
  source->checked = source->merging = true;
  int rc = store_source_put(s->store, source);
  if (rc < 0) {
    source->in_fd = -1;
    return session__fault(s, rc, msg);
  }
  source->fd_owned = true;
  return 0;
}

/* The lines of a Metalink, in a file of the session that has no name any more,
 * at its beginning. A descriptor, or a code. */
static int metalink_fd(struct session *s, int fd, const char *path,
                       struct errmsg *msg) {
  static const char name[] = "metalink";
  if (s->follow)
    return err_set(msg, ERR_USAGE, "%s is a Metalink, which is not followed",
                   path);
  int out = openat(s->sdirfd, name,
                   O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  int rc = out < 0 ? err_from_errno(errno) : 0;
  if (rc < 0)
    return err_set(msg, rc, "%s: %s", path, strerror(errno));
  unlinkat(s->sdirfd, name, 0);
  rc = metalink_file_lines(fd, path, out, msg);
  if (rc == 0 && lseek(out, 0, SEEK_SET) != 0)
    rc = err_set(msg, ERR_IO, "%s: %s", path, strerror(errno));
  if (rc == 0)
    return out;
  close(out);
  return rc == ERR_SYNTAX ? ERR_USAGE : rc;
}

static int receive_metalink(struct session *s, struct source *source, int fd,
                            const char *path,
                            const struct source_identity *identity,
                            struct errmsg *msg) {
  const struct manifest_format *format = s->input_format;
  int own = metalink_fd(s, fd, path, msg);
  if (own < 0)
    return own;
  s->input_format = &manifest_jsonl;
  if (source != NULL)
    source->format = s->input_format;
  int rc = receive(s, source, own, path, identity, msg);
  s->input_format = format;
  if (rc < 0)
    close(own);
  return rc;
}

static int receive_path(struct session *s, struct source *source, int fd,
                        const char *path,
                        const struct source_identity *identity,
                        struct errmsg *msg) {
  int metalink = s->metalink ? 1 : metalink_file(fd);
  if (metalink < 0)
    return is_unreadable(path, msg);
  if (metalink)
    return receive_metalink(s, source, fd, path, identity, msg);
  int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
  if (own < 0)
    return err_set(msg, ERR_IO, "%s: %s", path, strerror(errno));
  int rc = receive(s, source, own, path, identity, msg);
  if (rc < 0)
    close(own);
  return rc;
}

int session__add_packed(struct session *s, int fd, const char *path,
                        struct errmsg *msg) {
  struct source_identity identity;
  struct source *unread = NULL;
  int rc = source_identify(fd, &identity);
  if (rc < 0)
    return err_set(msg, rc, "%s: %s", path, err_text(rc));
  for (size_t i = 0; i < s->source_count; i++) {
    struct source *source = &s->sources[i];
    if (source->kind == SOURCE_FILE && !source->gone &&
        strcmp(source->path, path) == 0)
      return err_set(msg, ERR_USAGE,
                     "%s is a manifest of this session already, read to its "
                     "end: to follow it, take another directory",
                     path);
    if (!is_packed_file(source))
      continue;
    if (!s->follow && source->received &&
        source_same(&source->identity, &identity)) {
      source->checked = true;
      return 0;
    }
    if (source->chunks == 0 && source->in_fd < 0 &&
        strcmp(source->path, path) == 0)
      unread = source;
  }
  return receive_path(s, unread, fd, path, &identity, msg);
}

int session__packed_fd(struct session *s, int fd, const char *path,
                       const struct manifest_format **format,
                       struct errmsg *msg) {
  int metalink = metalink_file(fd), packed = metalink;
  if (packed == 0)
    packed = looks_packed(fd);
  if (packed < 0)
    return is_unreadable(path, msg);
  if (packed == 0)
    return ERR_NOTFOUND;
  *format = metalink ? &manifest_jsonl : &manifest_auto;
  int own =
      metalink ? metalink_fd(s, fd, path, msg) : fcntl(fd, F_DUPFD_CLOEXEC, 0);
  return own >= 0 || metalink
             ? own
             : err_set(msg, ERR_IO, "%s: %s", path, strerror(errno));
}

static bool comes_in(const struct session *s, const char *path) {
  for (size_t i = 0; i < s->source_count; i++)
    if (s->sources[i].in_fd >= 0 && strcmp(s->sources[i].path, path) == 0)
      return true;
  return false;
}

/* A list that comes in otherwise may be this one, so that it is not missed. */
static int open_again(struct session *s, struct source *source,
                      bool others_come, struct errmsg *msg) {
  struct source_identity identity;
  int fd = open(source->path, O_RDONLY | O_CLOEXEC);
  if (fd < 0 && others_come)
    return 0;
  if (fd < 0)
    return err_set(msg, ERR_NOTFOUND,
                   "the manifest %s of this session was not read to its end, "
                   "and cannot be opened: %s. Put it back, or move %s/%s away "
                   "to begin anew",
                   source->path, strerror(errno), s->dir, SESSION_DIR);
  int rc = source_identify(fd, &identity);
  if (rc < 0)
    err_set(msg, rc, "%s: %s", source->path, err_text(rc));
  else
    rc = receive_path(s, source->chunks == 0 ? source : NULL, fd, source->path,
                      &identity, msg);
  close(fd);
  return rc;
}

/* What a killed run had of a list that it compared with a known one: compared
 * once more, it would make that one end where the kill cut it. */
static int forget(struct session *s, struct source *source,
                  struct errmsg *msg) {
  int rc = store_source_drop(s->store, source->id);
  source->gone = true;
  return rc == 0 ? 0 : session__fault(s, rc, msg);
}

int session__reopen_packed(struct session *s, struct errmsg *msg) {
  size_t count = s->source_count; /* those that are added are open */
  bool others_come = false;
  for (size_t i = 0; i < count; i++)
    others_come |= s->sources[i].in_fd >= 0;
  for (size_t i = 0; i < count; i++) {
    struct source *source = &s->sources[i]; /* may move: not kept */
    int rc = 0;
    if (!is_packed_file(source) || source->received)
      continue;
    if (!comes_in(s, source->path))
      rc = open_again(s, source, others_come, msg);
    else if (source->merging && source->in_fd < 0)
      rc = forget(s, source, msg);
    if (rc < 0)
      return rc;
  }
  return 0;
}
