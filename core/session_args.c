/* SPDX-License-Identifier: MIT
 *
 * The URLs of command lines: one source, whose lines are kept in a spool.
 * When URLs are typed again or added, a new spool with all lines is written
 * and put on the disk, then one transaction makes the session use it: killed
 * at any moment, the one or the other is whole.
 *
 * Blocking; the starting thread.
 */
#include "config.h"

#include "session_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lines.h"
#include "redact.h"

struct arg {
  char *text; /* taken; without newline */
  uint64_t object;
};

struct args {
  struct arg *list;
  size_t count, cap;
  bool changed, grown;
};

static void args_fini(struct args *args) {
  for (size_t i = 0; i < args->count; i++)
    free(args->list[i].text);
  free(args->list);
}

/* "URL" or "URL\tNAME". */
static char *join(const struct manifest_line *line) {
  size_t cap =
      strlen(line->url) + 1 + (line->out != NULL ? strlen(line->out) + 1 : 0);
  char *text = malloc(cap);
  if (text != NULL)
    snprintf(text, cap, "%s%s%s", line->url, line->out != NULL ? "\t" : "",
             line->out != NULL ? line->out : "");
  return text;
}

static int append(struct args *args, const struct manifest_line *line) {
  if (store__push((void **)&args->list, &args->cap, args->count,
                  sizeof *args->list) < 0)
    return ERR_NOMEM;
  char *text = join(line);
  if (text == NULL)
    return ERR_NOMEM;
  args->list[args->count++] = (struct arg){text, line->object};
  return 0;
}

static int read_known(struct session *s, const struct source *source,
                      struct args *args) {
  char name[32];
  struct lines lines;
  struct manifest_line line;
  session__spool_name(source->spool, name, sizeof name);
  int fd = openat(s->sdirfd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0)
    return err_from_errno(errno);
  int rc = lines_init(&lines, fd, &manifest_text);
  if (rc == 0) {
    rc = lines_next(&lines, &line);
    while (rc == 1) {
      rc = append(args, &line);
      if (rc == 0)
        rc = lines_next(&lines, &line);
    }
    lines_fini(&lines);
  }
  close(fd);
  return rc;
}

/* ---- what was typed ---------------------------------------------------- */

static int put(struct session *s, const struct source *source,
               struct args *args, const struct manifest_line *line) {
  for (size_t i = 0; i < args->count; i++) {
    struct arg *arg = &args->list[i];
    if (arg->object != line->object)
      continue;
    char *text = join(line);
    if (text == NULL)
      return ERR_NOMEM;
    args->changed |= strcmp(arg->text, text) != 0;
    free(arg->text);
    arg->text = text;
    return i < source->tasks
               ? store_row_revive(
                     s->store, task_id(source->id, (uint32_t)(i / CHUNK_LINES),
                                       (uint32_t)(i % CHUNK_LINES)))
               : 0;
  }
  args->changed = args->grown = true;
  return append(args, line);
}

static int put_text(struct session *s, const struct source *source,
                    struct args *args, const char *text, struct errmsg *msg) {
  struct manifest_line line = {0};
  char shown[200];
  char *copy = strdup(text);
  if (copy == NULL)
    return err_set(msg, ERR_NOMEM, "%s", err_text(ERR_NOMEM));
  int rc = 0;
  if (strlen(copy) > MANIFEST_LINE_CAP)
    line.why = "it is longer than 64 KB";
  else if (strchr(copy, '\n') != NULL)
    line.why = "a newline in it";
  else if (!manifest_parse_text(copy, strlen(copy), &line))
    line.why = "no URL";
  if (line.why != NULL) {
    redact_text(text, shown, sizeof shown);
    rc = err_set(msg, ERR_SYNTAX, "'%s': %s", shown, line.why);
  } else {
    rc = put(s, source, args, &line);
    if (rc < 0)
      session__fault(s, rc, msg);
  }
  free(copy);
  return rc;
}

/* ---- writing ----------------------------------------------------------- */

static int write_lines(FILE *file, const struct args *args) {
  for (size_t i = 0; i < args->count; i++)
    if (fprintf(file, "%s\n", args->list[i].text) < 0)
      return err_from_errno(errno);
  if (fflush(file) != 0 || fsync(fileno(file)) != 0)
    return err_from_errno(errno);
  return 0;
}

static int write_spool(struct session *s, uint32_t spool,
                       const struct args *args, struct errmsg *msg) {
  int fd;
  int rc = session__spool_create(s, spool, &fd, msg);
  if (rc < 0)
    return rc;
  FILE *file = fdopen(fd, "w");
  if (file == NULL) {
    close(fd);
    return err_set(msg, ERR_NOMEM, "%s", err_text(ERR_NOMEM));
  }
  rc = write_lines(file, args);
  if (fclose(file) != 0 && rc == 0)
    rc = err_from_errno(errno);
  if (rc == 0 && fsync(s->sdirfd) != 0)
    rc = err_from_errno(errno);
  return rc == 0
             ? 0
             : err_set(msg, rc, "%s/%s: %s", s->dir, SESSION_DIR, err_text(rc));
}

/* Tells the known chunks where their lines stand now. */
static int move_chunks(struct session *s, struct source *source,
                       const struct args *args) {
  struct chunk_place at = {.first_line = 1, .spool = source->spool};
  size_t i = 0;
  for (uint32_t number = 0; number < source->chunks; number++) {
    for (; i < source->tasks && i / CHUNK_LINES == number; i++) {
      at.bytes += strlen(args->list[i].text) + 1;
      at.lines++;
    }
    int rc = store_chunk_move(s->store, source->id, number, &at);
    if (rc < 0)
      return rc;
    at.offset += at.bytes;
    at.first_line += at.lines;
    at.bytes = at.lines = 0;
  }
  source->tail = at;
  source->bytes = at.offset;
  return 0;
}

static int use_args(struct session *s, struct source *source, struct args *args,
                    struct errmsg *msg) {
  if (!args->changed)
    return 0;
  int rc = write_spool(s, s->next_spool, args, msg);
  if (rc < 0)
    return rc;
  source->spool = s->next_spool++;
  if (args->grown)
    source->ended = false;
  rc = move_chunks(s, source, args);
  if (rc == 0)
    rc = store_source_put(s->store, source);
  return rc == 0 ? 0 : session__fault(s, rc, msg);
}

static int add_all(struct session *s, struct source *source, struct args *args,
                   const char *const *lines, size_t count, struct errmsg *msg) {
  int rc = source->spool != 0 ? read_known(s, source, args) : 0;
  if (rc < 0)
    return err_set(msg, rc, "%s/%s: %s", s->dir, SESSION_DIR, err_text(rc));
  if (args->count < source->tasks)
    return err_set(msg, ERR_CORRUPT,
                   "%s/%s: the kept command line is shorter than it was",
                   s->dir, SESSION_DIR);
  rc = store_begin(s->store);
  if (rc < 0)
    return session__fault(s, rc, msg);
  for (size_t i = 0; rc == 0 && i < count; i++)
    rc = put_text(s, source, args, lines[i], msg);
  if (rc == 0)
    rc = use_args(s, source, args, msg);
  if (rc == 0) {
    rc = store_commit(s->store);
    if (rc < 0)
      session__fault(s, rc, msg);
  }
  if (rc < 0)
    store_rollback(s->store);
  return rc;
}

int session_add_lines(struct session *s, const char *const *lines, size_t count,
                      struct errmsg *msg) {
  struct args args = {0};
  struct source *source = NULL;
  if (count == 0)
    return 0;
  for (size_t i = 0; i < s->source_count; i++)
    if (s->sources[i].kind == SOURCE_ARGS)
      source = &s->sources[i];
  bool fresh = source == NULL;
  if (fresh)
    source = session__source_new(s, SOURCE_ARGS, "");
  if (source == NULL)
    return err_set(msg, ERR_NOMEM, "%s", err_text(ERR_NOMEM));
  struct source before = *source;
  int rc = add_all(s, source, &args, lines, count, msg);
  if (rc < 0)
    *source = before;
  if (rc < 0 && fresh)
    session__source_undo(s);
  args_fini(&args);
  return rc;
}
