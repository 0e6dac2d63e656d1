/* SPDX-License-Identifier: MIT
 *
 * Adding manifest files and streams: new ones, known ones, and known ones
 * that were replaced. Blocking; the starting thread.
 *
 * A replaced manifest is read once from its beginning to the end of what is
 * known of it: every line's object must be the one that the session has. Then
 * its chunks are told where they stand now, in one transaction.
 */
#include "config.h"

#include "session_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "indexer.h"
#include "lines.h"
#include "redact.h"

struct source *session__source(struct session *s, uint32_t id) {
  for (size_t i = 0; i < s->source_count; i++)
    if (s->sources[i].id == id && !s->sources[i].gone)
      return &s->sources[i];
  return NULL;
}

struct source *session__source_new(struct session *s, enum source_kind kind,
                                   const char *path) {
  uint32_t id = 0;
  for (size_t i = 0; i < s->source_count; i++)
    if (s->sources[i].id >= id)
      id = s->sources[i].id + 1;
  char *copy = strdup(path);
  if (copy == NULL || store__push((void **)&s->sources, &s->source_cap,
                                  s->source_count, sizeof *s->sources) < 0) {
    free(copy);
    return NULL;
  }
  struct source *source = &s->sources[s->source_count++];
  *source = (struct source){.id = id,
                            .kind = kind,
                            .path = copy,
                            .format = &manifest_text,
                            .received = kind != SOURCE_STREAM,
                            .tail = {.first_line = 1},
                            .in_fd = -1};
  return source;
}

void session__source_undo(struct session *s) {
  free(s->sources[--s->source_count].path);
}

/* ---- comparing --------------------------------------------------------- */

struct moved {
  struct chunk_place *places;
  size_t count, cap;
};

static int changed(const struct source *source, const char *path,
                   const struct manifest_line *line, struct errmsg *msg) {
  char url[256];
  if (line == NULL)
    return err_set(msg, ERR_CHANGED,
                   "%s ends before what the session knows of it: %" PRIu64
                   " tasks. Nothing was changed; another list needs another "
                   "directory",
                   path, source->tasks);
  redact_url(line->url, url, sizeof url);
  char *query = strpbrk(url, "?#");
  if (query != NULL)
    *query = '\0';
  return err_set(msg, ERR_CHANGED,
                 "%s, line %" PRIu64 ": the manifest has %s, the session "
                 "knows another object there. Nothing was changed; another "
                 "list needs another directory",
                 path, line->line, line->why != NULL ? line->why : url);
}

static bool was_bad(const struct store_loaded *known, uint32_t index) {
  for (size_t i = 0; i < known->row_count; i++)
    if (known->rows[i].index == index)
      return known->rows[i].state == ROW_BAD;
  return false;
}

/* Reads a chunk's lines; says where they stand now. */
static int compare_chunk(struct lines *lines, const struct source *source,
                         const char *path, const struct store_loaded *known,
                         struct chunk_place *place, struct errmsg *msg) {
  struct manifest_line line;
  uint64_t digest = 0;
  *place = (struct chunk_place){.offset = lines_offset(lines),
                                .first_line = lines_number(lines)};
  for (uint32_t i = 0; i < known->chunk.count; i++) {
    int rc = lines_next(lines, &line);
    if (rc < 0)
      return err_set(msg, rc, "%s: %s", path, err_text(rc));
    if (rc == 0)
      return changed(source, path, NULL, msg);
    uint64_t object = was_bad(known, i) ? OBJECT_BAD : line.object;
    digest = chunk_digest(digest, object);
    if (line.why == NULL)
      line_keys_add(&place->keys, line_deadline(&line), line.priority,
                    order_host_bit(line.url));
    if (known->chunk.objects[i] != (uint8_t)object)
      return changed(source, path, &line, msg);
  }
  if (digest != known->chunk.digest)
    return changed(source, path, &line, msg);
  place->bytes = lines_offset(lines) - place->offset;
  place->lines = lines_number(lines) - place->first_line;
  return 0;
}

static int compare_all(struct session *s, struct lines *lines,
                       const struct source *source, const char *path,
                       struct moved *moved, struct errmsg *msg) {
  for (uint32_t number = 0; number < source->chunks; number++) {
    struct store_loaded *known;
    int rc = store_load(s->store, source->id, number, true, &known);
    if (rc < 0)
      return session__fault(s, rc, msg);
    rc = store__push((void **)&moved->places, &moved->cap, moved->count,
                     sizeof *moved->places);
    if (rc == 0 && known == NULL)
      rc = ERR_CORRUPT;
    if (rc < 0)
      err_set(msg, rc, "%s", err_text(rc));
    else
      rc = compare_chunk(lines, source, path, known,
                         &moved->places[moved->count++], msg);
    store_loaded_free(known);
    if (rc < 0)
      return rc;
  }
  return 0;
}

static int write_places(struct session *s, const struct source *source,
                        const struct moved *moved) {
  int rc = store_begin(s->store);
  if (rc < 0)
    return rc;
  for (size_t i = 0; rc == 0 && i < moved->count; i++)
    rc = store_chunk_move(s->store, source->id, (uint32_t)i, &moved->places[i]);
  if (rc == 0)
    rc = store_source_put(s->store, source);
  if (rc == 0)
    rc = store_commit(s->store);
  if (rc < 0)
    store_rollback(s->store);
  return rc;
}

/* fd holds another version of the source: compares, and takes it over. */
static int adopt(struct session *s, struct source *source, int fd,
                 const char *path, const struct manifest_format *format,
                 const struct source_identity *identity, struct errmsg *msg) {
  struct lines lines;
  struct moved moved = {0};
  char *copy = strdup(path);
  int rc = copy == NULL ? ERR_NOMEM : lines_init(&lines, fd, format);
  if (rc < 0) {
    free(copy);
    return err_set(msg, rc, "%s", err_text(rc));
  }
  rc = compare_all(s, &lines, source, path, &moved, msg);
  if (rc == 0) {
    struct source next = *source;
    next.path = copy;
    next.format = format;
    next.identity = *identity;
    next.ended = false; /* more may follow now */
    next.checked = true;
    next.bytes = lines_offset(&lines);
    next.tail = (struct chunk_place){.offset = lines_offset(&lines),
                                     .first_line = lines_number(&lines)};
    rc = write_places(s, &next, &moved);
    if (rc < 0)
      session__fault(s, rc, msg);
    if (rc == 0) {
      copy = source->path;
      *source = next;
    }
  }
  free(copy);
  free(moved.places);
  lines_fini(&lines);
  return rc;
}

/* The first good line's object; 0 none. */
static int first_object(int fd, const char *path,
                        const struct manifest_format *format, uint64_t *object,
                        struct errmsg *msg) {
  struct lines lines;
  struct manifest_line line;
  *object = 0;
  int rc = lines_init(&lines, fd, format);
  if (rc < 0)
    return err_set(msg, rc, "%s", err_text(rc));
  if (format->table)
    rc = lines_head(&lines);
  if (rc == ERR_SYNTAX) {
    err_set(msg, ERR_USAGE, "%s is read as %s: %s", path, format->name,
            lines_why(&lines));
    lines_fini(&lines);
    return ERR_USAGE;
  }
  do
    rc = rc < 0 ? rc : lines_next(&lines, &line);
  while (rc == 1 && line.why != NULL);
  if (rc == 1)
    *object = line.object;
  lines_fini(&lines);
  return rc < 0 ? err_set(msg, rc, "%s: %s", path, err_text(rc)) : 0;
}

int session_input_format(struct session *s, const char *name) {
  const struct manifest_format *format = manifest_format_named(name);
  s->metalink = strcmp(name, "metalink") == 0;
  if (s->metalink)
    format = &manifest_auto;
  if (format == NULL)
    return ERR_USAGE;
  s->input_format = format;
  return 0;
}

/* What was asked for, else what its beginning and its name say. */
static int choose_format(int fd, const char *path,
                         const struct manifest_format **format) {
  if (*format != &manifest_auto)
    return 0;
  char *block = malloc(MANIFEST_BLOCK);
  size_t have = 0;
  ssize_t n = 1;
  if (block == NULL)
    return ERR_NOMEM;
  while (have < MANIFEST_BLOCK && n != 0) {
    n = pread(fd, block + have, MANIFEST_BLOCK - have, (off_t)have);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      break;
    have += (size_t)n;
  }
  int saved = errno;
  *format = manifest_detect(block, have, true, path);
  free(block);
  return n < 0 ? err_from_errno(saved) : 0;
}

int session__first_line(int fd, const char *path,
                        const struct manifest_format **format, uint64_t *object,
                        struct errmsg *msg) {
  int rc = choose_format(fd, path, format);
  if (rc < 0)
    return err_set(msg, rc, "%s: %s", path, err_text(rc));
  return first_object(fd, path, *format, object, msg);
}

/* ---- files ------------------------------------------------------------- */

static int save(struct session *s, struct source *source, struct errmsg *msg) {
  int rc = store_source_put(s->store, source);
  return rc == 0 ? 0 : session__fault(s, rc, msg);
}

static int recognise(struct session *s, struct source *source, const char *path,
                     struct errmsg *msg) {
  source->checked = true;
  if (strcmp(source->path, path) == 0)
    return 0;
  char *copy = strdup(path);
  if (copy == NULL)
    return err_set(msg, ERR_NOMEM, "%s", err_text(ERR_NOMEM));
  free(source->path);
  source->path = copy;
  return save(s, source, msg);
}

static int add_new(struct session *s, const char *path,
                   const struct manifest_format *format,
                   const struct source_identity *identity, uint64_t object,
                   struct errmsg *msg) {
  struct source *source = session__source_new(s, SOURCE_FILE, path);
  if (source == NULL)
    return err_set(msg, ERR_NOMEM, "%s", err_text(ERR_NOMEM));
  source->format = format;
  source->identity = *identity;
  source->first_object = object;
  source->checked = true;
  int rc = save(s, source, msg);
  if (rc < 0)
    session__source_undo(s);
  return rc;
}

/* A source whose list this may be: known by its first object, or never read
 * so far and of the same path. */
static bool may_be(const struct source *source, uint64_t object,
                   const char *path) {
  if (source->kind != SOURCE_FILE || source->gone)
    return false;
  if (source->chunks == 0)
    return strcmp(source->path, path) == 0;
  return object != 0 && source->first_object == object;
}

static int add_known_file(struct session *s, int fd, const char *path,
                          struct errmsg *msg) {
  struct source_identity identity;
  const struct manifest_format *format;
  uint64_t object = 0;
  int rc = source_identify(fd, &identity);
  if (rc < 0)
    return err_set(msg, rc, "%s: %s", path, err_text(rc));
  for (size_t i = 0; i < s->source_count; i++)
    if (s->sources[i].kind == SOURCE_FILE &&
        source_same(&s->sources[i].identity, &identity) &&
        (s->input_format == &manifest_auto ||
         s->input_format == s->sources[i].format))
      return recognise(s, &s->sources[i], path, msg);
  format = s->input_format;
  rc = session__first_line(fd, path, &format, &object, msg);
  if (rc < 0)
    return rc;
  rc = ERR_NOTFOUND;
  for (size_t i = 0; i < s->source_count; i++) {
    struct source *source = &s->sources[i];
    if (!may_be(source, object, path))
      continue;
    if (source->chunks == 0)
      source->first_object = object;
    rc = adopt(s, source, fd, path, format, &identity, msg);
    if (rc != ERR_CHANGED)
      return rc;
  }
  return rc == ERR_NOTFOUND ? add_new(s, path, format, &identity, object, msg)
                            : rc;
}

int session_add_file(struct session *s, const char *path, struct errmsg *msg) {
  struct stat st;
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0 || fstat(fd, &st) < 0) {
    int saved = errno;
    if (fd >= 0)
      close(fd);
    return err_set(msg, saved == ENOENT ? ERR_NOTFOUND : ERR_IO,
                   "manifest %s: %s", path, strerror(saved));
  }
  if (S_ISFIFO(st.st_mode) || S_ISCHR(st.st_mode) || S_ISSOCK(st.st_mode)) {
    int rc = session_add_stream(s, fd, msg);
    if (rc == 0)
      s->sources[s->source_count - 1].fd_owned = true;
    else
      close(fd);
    return rc;
  }
  char *whole = S_ISREG(st.st_mode) ? realpath(path, NULL) : NULL;
  int rc = whole != NULL
               ? session__is_packed(s, fd, whole, msg)
               : err_set(msg, ERR_USAGE, "manifest %s is not a file", path);
  if (rc >= 0)
    rc = rc > 0 ? session__add_packed(s, fd, whole, msg)
                : add_known_file(s, fd, whole, msg);
  free(whole);
  close(fd);
  return rc;
}

/* ---- files that were not named this time ------------------------------- */

static int has_work(struct session *s, const struct source *source,
                    bool *work) {
  struct store_loaded *loaded[STORE_AHEAD];
  size_t count;
  *work = !source->ended;
  int rc = store_next(s->store, source->id, -1, source->ended, loaded, &count);
  for (size_t i = 0; rc == 0 && i < count; i++) {
    *work = true;
    store_loaded_free(loaded[i]);
  }
  return rc;
}

static int check_file(struct session *s, struct source *source,
                      struct errmsg *msg) {
  struct source_identity identity;
  int fd = open(source->path, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return err_set(msg, ERR_NOTFOUND,
                   "the manifest %s of this session cannot be opened: %s. Put "
                   "it back, name its new place with -i, or move %s/%s away "
                   "to begin anew",
                   source->path, strerror(errno), s->dir, SESSION_DIR);
  int rc = source_identify(fd, &identity);
  if (rc < 0)
    err_set(msg, rc, "%s: %s", source->path, err_text(rc));
  else if (!source_same(&identity, &source->identity))
    rc = adopt(s, source, fd, source->path, source->format, &identity, msg);
  close(fd);
  return rc;
}

int session__check_files(struct session *s, struct errmsg *msg) {
  for (size_t i = 0; i < s->source_count; i++) {
    struct source *source = &s->sources[i];
    bool work;
    if (source->kind != SOURCE_FILE || source->checked)
      continue;
    int rc = has_work(s, source, &work);
    if (rc < 0)
      return session__fault(s, rc, msg);
    rc = work ? check_file(s, source, msg) : 0;
    if (rc < 0)
      return rc;
    source->checked = true;
  }
  return session__reopen_packed(s, msg);
}

/* ---- streams ----------------------------------------------------------- */

int session_add_stream(struct session *s, int in_fd, struct errmsg *msg) {
  int fd;
  if (s->metalink && s->input_format == &manifest_auto)
    return err_set(msg, ERR_USAGE,
                   "a Metalink is read from a file, not a pipe");
  struct source *source = session__source_new(s, SOURCE_STREAM, "");
  if (source == NULL)
    return err_set(msg, ERR_NOMEM, "%s", err_text(ERR_NOMEM));
  source->format = s->input_format;
  source->spool = s->next_spool;
  source->tail.spool = source->spool;
  source->merging = true;
  source->in_fd = in_fd;
  int rc = session__spool_create(s, source->spool, &fd, msg);
  if (rc == 0) {
    close(fd); /* opened again when the run starts; the row needs its file */
    rc = save(s, source, msg);
  }
  if (rc < 0) {
    session__source_undo(s);
    return rc;
  }
  s->next_spool++;
  return 0;
}
