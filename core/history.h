/* SPDX-License-Identifier: MIT
 *
 * The history reader: every task of a session, page by page, with what the
 * session knows of it, while the session runs or not, from any process.
 *
 * A position counts the tasks of all sources in their order, from 0. Chunks
 * hold CHUNK_LINES tasks each (the last of a source fewer), so a position is
 * arithmetic, and a page costs one chunk's row and the reading of at most
 * that one chunk of the list, however long the list is.
 *
 * What it cannot know: tasks of lines that no run has read yet. complete says
 * whether there may be such.
 *
 * Blocking: reads the database (read only, a transaction a call), the marks
 * and the lists. A handle belongs to one thread at a time; open one for each.
 * Texts come from URLs and servers and are NOT safe for a terminal; secrets in
 * URLs are replaced already, unless a query wants them in clear.
 */
#ifndef SPATE_HISTORY_H
#define SPATE_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "failure.h"

struct history;

enum history_kind {
  HISTORY_PENDING, /* nothing is settled: to be done, or being done */
  HISTORY_DONE,
  HISTORY_FAILED,
  HISTORY_EXPIRED,
  HISTORY_CANCELLED,
  HISTORY_BAD, /* a line that cannot be used */
  HISTORY_KINDS
};
#define HISTORY_BIT(kind) (1u << (kind))

/* "pending", "done", ... */
const char *history_kind_name(enum history_kind kind);

struct history_count {
  uint64_t tasks; /* positions are below it */
  bool complete;  /* every source was read to its end: no more will come */
  int64_t guess;  /* of all when not complete, by the length of lines; -1 */
  uint64_t kind[HISTORY_KINDS];
};

/* Everything a query wants must hold; zero: all tasks. */
struct history_query {
  unsigned kinds;         /* HISTORY_BIT()s; 0 any */
  const char *class_name; /* failures of this class; NULL any */
  const char *text;       /* part of URL or name, in any case; NULL any */
  bool in_clear;          /* URLs with their secrets: for a list to be run */
};

struct history_row {
  uint64_t position;
  uint64_t id;
  uint64_t line; /* of its list, from 1 */
  enum history_kind kind;
  bool started;       /* pending: a run has begun to write it */
  const char *source; /* "standard input", "command line" or a path */
  const char *url;    /* redacted */
  const char *name;   /* relative path, where the list or the session says */
  const char *reason; /* "" none */
  const char *class_name; /* of a failure; "" none */
  int status, attempts;   /* 0 unknown */
  int64_t bytes;          /* -1 unknown */
};

struct history_page {
  struct history_row *rows; /* in ascending order of position */
  size_t count;
  uint64_t next; /* from where to go on in the direction asked for */
  bool end;      /* there is nothing more in that direction */
  /* private */
  size_t cap;
};

/* ERR_NOTFOUND when dir has no session. */
int history_open(struct history **out, const char *dir,
                 struct errmsg *msg) MUST_CHECK;
void history_close(struct history *history); /* takes NULL */

int history_count(struct history *history, struct history_count *count,
                  struct errmsg *msg) MUST_CHECK;

/* The position of a task, as of the last history_count(); ERR_NOTFOUND. */
int history_position(const struct history *history, uint64_t id,
                     uint64_t *position) MUST_CHECK;

/* At most max tasks that fit the query (NULL: all) at `from` and behind it;
 * backwards: the last ones before `from`. A search for a text looks at a
 * limited number of lines a call, so a page may hold fewer rows, even none,
 * and not be the end: go on at next. */
int history_page(struct history *history, const struct history_query *query,
                 uint64_t from, bool backwards, size_t max,
                 struct history_page *page, struct errmsg *msg) MUST_CHECK;
void history_page_fini(struct history_page *page);

/* The classes of what failed or expired, the most frequent first. */
struct history_class {
  char name[FAILURE_CLASS_CAP];
  uint64_t count;
};
/* *classes is the caller's to free(). */
int history_classes(struct history *history, struct history_class **classes,
                    size_t *count, struct errmsg *msg) MUST_CHECK;

#endif
