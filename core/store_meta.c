/* SPDX-License-Identifier: MIT
 *
 * The small tables: sources, counters, runs, options, failures.
 */
#include "config.h"

#include "store.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void store__class(char *out, sqlite3_stmt *stmt, int column) {
  const char *text = (const char *)sqlite3_column_text(stmt, column);
  snprintf(out, FAILURE_CLASS_CAP, "%s", text != NULL ? text : "");
}

static void read_source(sqlite3_stmt *stmt, struct source *s) {
  *s = (struct source){.id = (uint32_t)sqlite3_column_int64(stmt, 0),
                       .in_fd = -1};
  s->kind = source_kind_parse((const char *)sqlite3_column_text(stmt, 1));
  s->identity.size = sqlite3_column_int64(stmt, 3);
  s->identity.mtime_ns = sqlite3_column_int64(stmt, 4);
  if (sqlite3_column_bytes(stmt, 5) == SOURCE_DIGEST)
    memcpy(s->identity.digest, sqlite3_column_blob(stmt, 5), SOURCE_DIGEST);
  s->first_object = (uint64_t)sqlite3_column_int64(stmt, 6);
  s->spool = (uint32_t)sqlite3_column_int64(stmt, 7);
  s->received = sqlite3_column_int(stmt, 8) != 0;
  s->ended = sqlite3_column_int(stmt, 9) != 0;
  const char *format = (const char *)sqlite3_column_text(stmt, 10);
  s->format = manifest_format_named(format != NULL ? format : "");
  if (s->format == NULL)
    s->format = &manifest_auto;
  const char *path = (const char *)sqlite3_column_text(stmt, 2);
  s->path = strdup(path != NULL ? path : "");
}

/* The last chunk alone: all before it are full. */
static int read_brief(struct store *st, struct source *s) {
  sqlite3_stmt *stmt = store__bind(st, SQL_SOURCE_TAIL, "i", (int64_t)s->id);
  int rc = store__step(st, stmt);
  if (rc != 1)
    return rc;
  s->chunks = (uint32_t)sqlite3_column_int64(stmt, 0) + 1;
  s->bytes = (uint64_t)sqlite3_column_int64(stmt, 1);
  s->tasks = (uint64_t)(s->chunks - 1) * CHUNK_LINES +
             (uint64_t)sqlite3_column_int64(stmt, 4);
  store__done(stmt);
  return 0;
}

/* What its chunks say: the number of tasks, and where new lines begin. */
static int read_extent(struct store *st, struct source *s) {
  s->tail = (struct chunk_place){.first_line = 1, .spool = s->spool};
  sqlite3_stmt *stmt = store__bind(st, SQL_SOURCE_SUM, "i", (int64_t)s->id);
  int rc = store__step(st, stmt);
  if (rc == 1) {
    s->tasks = (uint64_t)sqlite3_column_int64(stmt, 0);
    s->bytes = (uint64_t)sqlite3_column_int64(stmt, 1);
    store__done(stmt);
    stmt = store__bind(st, SQL_SOURCE_TAIL, "i", (int64_t)s->id);
    rc = store__step(st, stmt);
  }
  if (rc == 1) {
    s->chunks = (uint32_t)sqlite3_column_int64(stmt, 0) + 1;
    s->tail.offset = (uint64_t)sqlite3_column_int64(stmt, 1);
    s->tail.first_line = (uint64_t)sqlite3_column_int64(stmt, 2);
    s->tail.spool = (uint32_t)sqlite3_column_int64(stmt, 3);
    store__done(stmt);
    rc = 0;
  }
  return rc;
}

static int read_sources(struct store *st, struct source **sources,
                        size_t *count,
                        int (*extent)(struct store *, struct source *)) {
  size_t cap = 0;
  struct source *list = NULL;
  *count = 0;
  sqlite3_stmt *stmt = store__bind(st, SQL_SOURCES, "");
  int rc = store__step(st, stmt);
  while (rc == 1) {
    rc = store__push((void **)&list, &cap, *count, sizeof *list);
    if (rc < 0)
      break;
    read_source(stmt, &list[*count]);
    ++*count;
    rc = list[*count - 1].path == NULL ? ERR_NOMEM
                                       : extent(st, &list[*count - 1]);
    if (rc == 0)
      rc = store__step(st, stmt);
  }
  *sources = list;
  if (rc < 0)
    store__done(stmt);
  return rc;
}

int store_sources(struct store *st, struct source **sources, size_t *count) {
  return read_sources(st, sources, count, read_extent);
}

int store_sources_brief(struct store *st, struct source **sources,
                        size_t *count) {
  return read_sources(st, sources, count, read_brief);
}

int store_source_put(struct store *st, const struct source *s) {
  return store__run(st, store__bind(st, SQL_SOURCE_PUT, "issiibuiiis",
                                    (int64_t)s->id, source_kind_name(s->kind),
                                    s->path, s->identity.size,
                                    s->identity.mtime_ns, s->identity.digest,
                                    (size_t)SOURCE_DIGEST, s->first_object,
                                    (int64_t)s->spool, (int64_t)s->received,
                                    (int64_t)s->ended, s->format->name));
}

int store_source_drop(struct store *st, uint32_t source) {
  return store__run(st, store__bind(st, SQL_SOURCE_DROP, "i", (int64_t)source));
}

int store_tally(struct store *st, struct store_tally *tally) {
  *tally = (struct store_tally){0};
  sqlite3_stmt *stmt = store__bind(st, SQL_SETTLED, "");
  int rc = store__step(st, stmt);
  if (rc == 1) {
    tally->settled = (uint64_t)sqlite3_column_int64(stmt, 0);
    store__done(stmt);
    stmt = store__bind(st, SQL_ROW_TALLY, "");
    rc = store__step(st, stmt);
  }
  while (rc == 1) {
    enum row_state state =
        store__state((const char *)sqlite3_column_text(stmt, 0));
    tally->rows[state] = (uint64_t)sqlite3_column_int64(stmt, 1);
    rc = store__step(st, stmt);
  }
  return rc;
}

/* A statement that yields one number, or none. */
static int number(struct store *st, sqlite3_stmt *stmt, int64_t *value) {
  *value = 0;
  int rc = store__step(st, stmt);
  if (rc == 1) {
    *value = sqlite3_column_int64(stmt, 0);
    store__done(stmt);
    rc = 0;
  }
  return rc;
}

int store_meta_get(struct store *st, const char *name, int64_t *value) {
  return number(st, store__bind(st, SQL_META_GET, "s", name), value);
}

int store_meta_put(struct store *st, const char *name, int64_t value) {
  return store__run(st, store__bind(st, SQL_META_PUT, "si", name, value));
}

int store_run_begin(struct store *st, const char *boot, int64_t now_ns,
                    uint64_t *run, int64_t *ours_since) {
  int rc = number(st, store__bind(st, SQL_RUN_SINCE, "s", boot), ours_since);
  if (rc == 0)
    rc = store__run(st, store__bind(st, SQL_RUN_BEGIN, "si", boot, now_ns));
  *run = (uint64_t)store__rowid(st);
  return rc;
}

int store_run_end(struct store *st, uint64_t run, int64_t now_ns,
                  bool finished) {
  int rc = store__run(st, store__bind(st, SQL_RUN_END, "ui", run, now_ns));
  if (rc == 0 && finished)
    rc = store__run(st, store__bind(st, SQL_RUN_ALL, ""));
  return rc;
}

int store_spools(struct store *st, uint32_t **spools, size_t *count) {
  size_t cap = 0;
  *spools = NULL;
  *count = 0;
  sqlite3_stmt *stmt = store__bind(st, SQL_SPOOLS, "");
  int rc = store__step(st, stmt);
  while (rc == 1) {
    rc = store__push((void **)spools, &cap, *count, sizeof **spools);
    if (rc < 0)
      break;
    (*spools)[(*count)++] = (uint32_t)sqlite3_column_int64(stmt, 0);
    rc = store__step(st, stmt);
  }
  if (rc < 0) {
    store__done(stmt);
    free(*spools);
    *spools = NULL;
  }
  return rc;
}

int store_options_put(struct store *st, const struct session_option *options,
                      size_t count) {
  int rc = store_begin(st);
  if (rc < 0)
    return rc;
  rc = store__run(st, store__bind(st, SQL_OPTIONS_DROP, ""));
  for (size_t i = 0; rc == 0 && i < count; i++)
    rc = store__run(st, store__bind(st, SQL_OPTIONS_PUT, "ss", options[i].name,
                                    options[i].value));
  if (rc == 0)
    rc = store_meta_put(st, "options_kept", 1);
  if (rc == 0)
    rc = store_commit(st);
  if (rc < 0)
    store_rollback(st);
  return rc;
}

int store_options_get(struct store *st,
                      int (*each)(void *arg, const char *name,
                                  const char *value),
                      void *arg) {
  int64_t kept;
  int rc = store_meta_get(st, "options_kept", &kept);
  if (rc == 0 && kept == 0)
    return ERR_NOTFOUND;
  if (rc < 0)
    return rc;
  sqlite3_stmt *stmt = store__bind(st, SQL_OPTIONS_GET, "");
  rc = store__step(st, stmt);
  while (rc == 1) {
    rc = each(arg, (const char *)sqlite3_column_text(stmt, 0),
              (const char *)sqlite3_column_text(stmt, 1));
    if (rc == 0)
      rc = store__step(st, stmt);
    else
      store__done(stmt);
  }
  return rc;
}

int store_file_get(struct store *st, const char *name, int64_t *bytes,
                   uint64_t *records) {
  sqlite3_stmt *stmt = store__bind(st, SQL_FILE_GET, "s", name);
  int rc = store__step(st, stmt);
  if (rc == 0)
    return ERR_NOTFOUND;
  if (rc < 0)
    return rc;
  *bytes = sqlite3_column_int64(stmt, 0);
  *records = (uint64_t)sqlite3_column_int64(stmt, 1);
  store__done(stmt);
  return 0;
}

int store_files(struct store *st, session_file_fn *each, void *arg) {
  int64_t known;
  int rc = number(st, store__bind(st, SQL_FILES_KNOWN, ""), &known);
  if (rc < 0 || known == 0)
    return rc;
  sqlite3_stmt *stmt = store__bind(st, SQL_FILES, "");
  rc = store__step(st, stmt);
  while (rc == 1) {
    rc = each(arg, (const char *)sqlite3_column_text(stmt, 0),
              sqlite3_column_int64(stmt, 1),
              (uint64_t)sqlite3_column_int64(stmt, 2));
    if (rc == 0)
      rc = store__step(st, stmt);
    else
      store__done(stmt);
  }
  return rc;
}

int store_summary(struct store *st, struct summary *summary) {
  sqlite3_stmt *stmt = store__bind(st, SQL_SUMMARY, "");
  int rc = store__step(st, stmt);
  while (rc == 1) {
    rc = summary_load(summary, (const char *)sqlite3_column_text(stmt, 0),
                      (const char *)sqlite3_column_text(stmt, 1),
                      (uint64_t)sqlite3_column_int64(stmt, 2));
    if (rc == 0)
      rc = store__step(st, stmt);
    else
      store__done(stmt);
  }
  return rc;
}

static int leave_some(struct store *st, const struct failure_filter *filter,
                      uint64_t run, uint64_t *after, bool *more) {
  struct store_failure page[256];
  size_t count;
  int rc = store_failures(st, *after, page, sizeof page / sizeof *page, &count);
  for (size_t i = 0; i < count; i++) {
    const struct store_failure *f = &page[i];
    if (rc == 0 &&
        !failure_matches(filter, f->status, f->class_name, f->reason))
      rc = store__run(st, store__bind(st, SQL_ROW_LEAVE, "iuu",
                                      (int64_t)task_source(f->id),
                                      task_ordinal(f->id), run));
    *after = f->id;
    free(f->reason);
  }
  *more = count == sizeof page / sizeof *page;
  return rc;
}

int store_leave_failures(struct store *st, const struct failure_filter *filter,
                         uint64_t run) {
  uint64_t after = 0;
  bool more = true;
  int rc = store_begin(st);
  if (rc < 0)
    return rc;
  while (rc == 0 && more)
    rc = leave_some(st, filter, run, &after, &more);
  if (rc == 0)
    rc = store_commit(st);
  if (rc < 0)
    store_rollback(st);
  return rc;
}

int store_failures(struct store *st, uint64_t after,
                   struct store_failure *failures, size_t cap, size_t *count) {
  *count = 0;
  sqlite3_stmt *stmt =
      store__bind(st, SQL_FAILURES, "iui", (int64_t)task_source(after),
                  task_ordinal(after), (int64_t)cap);
  int rc = store__step(st, stmt);
  while (rc == 1 && *count < cap) {
    struct store_failure *f = &failures[*count];
    const char *reason = (const char *)sqlite3_column_text(stmt, 5);
    f->id = ((uint64_t)sqlite3_column_int64(stmt, 0) << TASK_ORDINAL_BITS) |
            (uint64_t)sqlite3_column_int64(stmt, 1);
    f->state = store__state((const char *)sqlite3_column_text(stmt, 2));
    f->status = sqlite3_column_int(stmt, 3);
    f->attempts = sqlite3_column_int(stmt, 4);
    f->reason = strdup(reason != NULL ? reason : "");
    store__class(f->class_name, stmt, 6);
    if (f->reason == NULL) {
      store__done(stmt);
      return ERR_NOMEM;
    }
    ++*count;
    rc = store__step(st, stmt);
  }
  if (rc == 1) {
    store__done(stmt);
    rc = 0;
  }
  return rc;
}
