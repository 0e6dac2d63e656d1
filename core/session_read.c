/* SPDX-License-Identifier: MIT
 *
 * Looking at a session from outside: its status, its failed tasks. Any
 * process, any thread; nothing is written, and no transaction is held open
 * while the caller works, so that the writer's log can be checkpointed.
 */
#include "config.h"

#include "session_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lines.h"
#include "manifest_write.h"
#include "names.h"
#include "readdress.h"
#include "titles.h"
#include "url.h"

#define PAGE_ROWS 256

static int open_reader(struct store **store, const char *dir,
                       struct errmsg *msg) {
  char *path = session__path(dir, "session.db");
  if (path == NULL)
    return err_set(msg, ERR_NOMEM, "%s", err_text(ERR_NOMEM));
  int rc = store_open_reader(store, path, msg);
  if (rc == ERR_NOTFOUND)
    err_set(msg, rc, "there is no session in %s", dir);
  free(path);
  return rc;
}

/* ---- status ------------------------------------------------------------ */

static long running_pid(const char *dir) {
  char *path = session__path(dir, "lock");
  int fd = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);
  free(path);
  if (fd < 0)
    return 0;
  long pid = session__holder(fd);
  close(fd);
  return pid;
}

static int read_traffic(struct store *store, struct session_status *status) {
  const struct {
    const char *name;
    uint64_t *value;
  } all[] = {{"bytes", &status->traffic.bytes},
             {"requests", &status->traffic.requests},
             {"retries", &status->traffic.retries},
             {"throttled", &status->traffic.throttled}};
  int rc = store_meta_get(store, "created_unix", &status->created_unix);
  if (rc == 0)
    rc = store_meta_get(store, "updated_unix", &status->updated_unix);
  for (size_t i = 0; rc == 0 && i < sizeof all / sizeof *all; i++)
    rc = store_meta_get(store, all[i].name, (int64_t *)all[i].value);
  return rc;
}

static int read_all(struct store *store, struct session_status *status) {
  struct session seen = {.store = store};
  int rc = store_begin_read(store);
  if (rc == 0)
    rc = store_sources(store, &seen.sources, &seen.source_count);
  if (rc == 0)
    rc = session__read_counts(&seen);
  if (rc == 0)
    rc = read_traffic(store, status);
  if (rc == 0) {
    session_counts(&seen, &status->counts);
    const struct session_counts *c = &status->counts;
    status->finished =
        c->tasks >= 0 &&
        c->done + c->failed + c->cancelled + c->expired == (uint64_t)c->tasks;
  }
  store_end_read(store);
  for (size_t i = 0; i < seen.source_count; i++)
    free(seen.sources[i].path);
  free(seen.sources);
  return rc;
}

int session_status_read(const char *dir, struct session_status *status,
                        struct errmsg *msg) {
  struct store *store;
  *status = (struct session_status){0};
  int rc = open_reader(&store, dir, msg);
  if (rc < 0)
    return rc;
  rc = read_all(store, status);
  if (rc < 0)
    err_set(msg, rc, "%s: %s", dir, store_fault(store));
  else
    status->running_pid = running_pid(dir);
  store_close(store);
  return rc;
}

int session_files_read(const char *dir, session_file_fn *each, void *arg,
                       struct errmsg *msg) {
  struct store *store;
  int rc = open_reader(&store, dir, msg);
  if (rc < 0)
    return rc;
  rc = store_files(store, each, arg);
  if (rc < 0)
    err_set(msg, rc, "%s: %s", dir, store_fault(store));
  store_close(store);
  return rc;
}

int session_summary_read(const char *dir, struct summary *summary,
                         struct errmsg *msg) {
  struct store *store;
  int rc = open_reader(&store, dir, msg);
  if (rc < 0)
    return rc;
  rc = store_summary(store, summary);
  if (rc < 0)
    err_set(msg, rc, "%s: %s", dir, store_fault(store));
  store_close(store);
  return rc;
}

/* ---- failures ---------------------------------------------------------- */

/* Where the reader stands: it reads each chunk's lines once, forwards. */
struct walk {
  struct store *store;
  const struct session_search *search; /* borrowed; NULL: all */
  const char *dir;
  struct source *sources;
  size_t source_count;
  bool json; /* some list is more than names and URLs: all lines are JSON */
  struct store_loaded *chunk; /* taken; NULL none */
  struct lines lines;
  bool lines_ready;
  int fd;
  uint32_t fd_source, fd_spool;
  struct titles urls; /* that were given in place of what lines say */
  uint32_t next;      /* index of the line that lines_next() gives */
  struct errmsg *msg;
};

static const struct source *find_source(const struct walk *w, uint32_t id) {
  for (size_t i = 0; i < w->source_count; i++)
    if (w->sources[i].id == id)
      return &w->sources[i];
  return NULL;
}

static int open_list(struct walk *w, const struct source *source,
                     uint32_t spool) {
  char name[32];
  if (w->fd >= 0 && w->fd_source == source->id && w->fd_spool == spool)
    return 0;
  if (w->lines_ready)
    lines_fini(&w->lines);
  w->lines_ready = false;
  if (w->fd >= 0)
    close(w->fd);
  session__spool_name(spool, name, sizeof name);
  char *path = spool != 0 ? session__path(w->dir, name) : strdup(source->path);
  if (path == NULL)
    return err_set(w->msg, ERR_NOMEM, "%s", err_text(ERR_NOMEM));
  w->fd = open(path, O_RDONLY | O_CLOEXEC);
  if (w->fd < 0)
    err_set(w->msg, ERR_NOTFOUND, "%s: %s", path, strerror(errno));
  free(path);
  if (w->fd < 0)
    return ERR_NOTFOUND;
  w->fd_source = source->id;
  w->fd_spool = spool;
  int rc = lines_init(&w->lines, w->fd, source->format);
  w->lines_ready = rc == 0;
  return rc == 0 ? 0 : err_set(w->msg, rc, "%s", err_text(rc));
}

static int go_to_chunk(struct walk *w, uint64_t id) {
  uint32_t number = task_chunk(id);
  const struct source *source = find_source(w, task_source(id));
  if (w->chunk != NULL && w->chunk->chunk.number == number &&
      w->chunk->chunk.source == task_source(id))
    return 0;
  store_loaded_free(w->chunk);
  w->chunk = NULL;
  int rc = store_load(w->store, task_source(id), number, true, &w->chunk);
  if (rc < 0)
    return err_set(w->msg, rc, "%s: %s", w->dir, store_fault(w->store));
  if (w->chunk == NULL || source == NULL)
    return err_set(w->msg, ERR_CORRUPT, "%s: a task has no list", w->dir);
  const struct chunk_place *place = &w->chunk->chunk.place;
  rc = open_list(w, source, place->spool);
  if (rc < 0)
    return rc;
  lines_seek(&w->lines, place->offset, place->first_line);
  w->next = 0;
  return 0;
}

/* The task's line; a list that is no longer what the session knows is an
 * error, not another line. */
static int find_line(struct walk *w, uint64_t id, struct manifest_line *line) {
  uint32_t index = task_index(id);
  int rc = go_to_chunk(w, id);
  while (rc == 0 && w->next <= index) {
    rc = lines_next(&w->lines, line);
    if (rc == 0)
      return err_set(w->msg, ERR_CHANGED, "%s ends too early",
                     source_name(find_source(w, task_source(id))));
    if (rc < 0)
      return err_set(w->msg, rc, "%s", err_text(rc));
    w->next++;
    rc = 0;
  }
  if (rc < 0)
    return rc;
  if (w->chunk->chunk.objects[index] == (uint8_t)line->object)
    return 0;
  return err_set(w->msg, ERR_CHANGED,
                 "%s, line %" PRIu64 ": it is another object than the one "
                 "that failed",
                 source_name(find_source(w, task_source(id))), line->line);
}

static bool is_wanted(const struct walk *w, const struct store_failure *f) {
  const struct session_search *s = w->search;
  return s == NULL ||
         (f->state == row_of_task(s->state) &&
          failure_matches(&s->filter, f->status, f->class_name, f->reason));
}

static char *write_line(const struct walk *w,
                        const struct manifest_line *line) {
  return w->json ? manifest_write_json(line) : manifest_write_text(line);
}

/* The output keeps the name that the line's own URL gives it. */
static char *write_given(const struct walk *w, struct manifest_line *line,
                         const struct readdress *given) {
  struct task_fields fields;
  char name[NAME_CAP];
  bool named = line->out == NULL &&
               name_from_url(line->url, LAYOUT_FLAT, name, sizeof name) == 0;
  task_fields_init(&fields);
  if (line->fields != NULL)
    fields = *line->fields;
  fields.mirrors = given->mirror;
  fields.mirror_count = given->mirror_count;
  if (named && !url_same_object(line->url, given->url))
    line->out = name;
  if (line->fields != NULL || given->mirror_count > 0)
    line->fields = &fields;
  line->url = given->url;
  return write_line(w, line);
}

/* The task's line as text, with the URL that is in force; the caller's. */
static int line_text(struct walk *w, uint64_t id, char **text) {
  struct manifest_line line = {.url = "", .deadline_unix = INT64_MAX};
  struct readdress given = {.of = 0};
  bool wanted = w->search == NULL || !w->search->without_lines;
  int rc = wanted ? find_line(w, id, &line) : 0;
  if (rc < 0)
    return rc;
  const char *known = wanted ? titles_find(&w->urls, id) : NULL;
  if (known != NULL && readdress_parse(&given, known) == 0 &&
      readdress_fits(&given, line.url))
    *text = write_given(w, &line, &given);
  else
    *text = write_line(w, &line);
  readdress_fini(&given);
  return *text != NULL ? 0
                       : err_set(w->msg, ERR_NOMEM, "%s", err_text(ERR_NOMEM));
}

static int tell(struct walk *w, const struct store_failure *f,
                session_failure_fn *each, void *arg) {
  char *text;
  if (!is_wanted(w, f))
    return 0;
  int rc = line_text(w, f->id, &text);
  if (rc < 0)
    return rc;
  struct session_failure failure = {
      .id = f->id,
      .state = f->state == ROW_EXPIRED ? TASK_EXPIRED : TASK_FAILED,
      .line = text,
      .reason = f->reason,
      .class_name = f->class_name,
      .status = f->status,
      .attempts = f->attempts};
  rc = each(arg, &failure) != 0 ? 1 : 0;
  free(text);
  return rc;
}

static int walk_all(struct walk *w, session_failure_fn *each, void *arg) {
  struct store_failure page[PAGE_ROWS];
  uint64_t after = 0;
  size_t count;
  int rc = store_sources(w->store, &w->sources, &w->source_count);
  for (size_t i = 0; i < w->source_count; i++)
    w->json |=
        w->sources[i].chunks > 0 && w->sources[i].format != &manifest_text;
  do {
    count = 0;
    if (rc == 0)
      rc = store_failures(w->store, after, page, PAGE_ROWS, &count);
    if (rc < 0)
      err_set(w->msg, rc, "%s: %s", w->dir, store_fault(w->store));
    for (size_t i = 0; i < count; i++) {
      if (rc == 0)
        rc = tell(w, &page[i], each, arg);
      after = page[i].id;
      free(page[i].reason);
    }
  } while (rc == 0 && count == PAGE_ROWS);
  return rc > 0 ? 0 : rc;
}

int session_failures_read(const char *dir, session_failure_fn *each, void *arg,
                          struct errmsg *msg) {
  return session_failures_find(dir, NULL, each, arg, msg);
}

static int open_urls(struct walk *w) {
  int fd = open(w->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0)
    return err_set(w->msg, err_from_errno(errno), "%s: %s", w->dir,
                   strerror(errno));
  int rc = titles_read(&w->urls, fd, TITLES_URLS, w->msg);
  close(fd);
  return rc;
}

int session_failures_find(const char *dir, const struct session_search *search,
                          session_failure_fn *each, void *arg,
                          struct errmsg *msg) {
  struct walk w = {.dir = dir, .search = search, .fd = -1, .msg = msg};
  int rc = open_reader(&w.store, dir, msg);
  if (rc < 0)
    return rc;
  titles_init(&w.urls);
  rc = open_urls(&w);
  if (rc == 0)
    rc = walk_all(&w, each, arg);
  titles_fini(&w.urls);
  store_loaded_free(w.chunk);
  if (w.lines_ready)
    lines_fini(&w.lines);
  if (w.fd >= 0)
    close(w.fd);
  for (size_t i = 0; i < w.source_count; i++)
    free(w.sources[i].path);
  free(w.sources);
  store_close(w.store);
  return rc;
}
