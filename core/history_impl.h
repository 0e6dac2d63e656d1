/* SPDX-License-Identifier: MIT
 *
 * What the files of the history reader share; nobody else includes this.
 *
 *   history.c        positions, queries, pages
 *   history_lines.c  the lines of a chunk, and what they say
 *
 * Any one thread.
 */
#ifndef SPATE_HISTORY_IMPL_H
#define SPATE_HISTORY_IMPL_H

#include "history.h"
#include "lines.h"
#include "marks.h"
#include "session_impl.h"

#define HISTORY_STRIDE 64 /* tasks between two places that are remembered */
#define HISTORY_PLACES (CHUNK_LINES / HISTORY_STRIDE)
#define HISTORY_CACHE 4 /* chunks */

/* Where the lines of a chunk begin, as far as they were read. */
struct history_places {
  uint32_t source, number;
  struct chunk_place place;
  uint32_t known; /* 0: unused */
  uint64_t offset[HISTORY_PLACES], line[HISTORY_PLACES];
  uint64_t used; /* when, for choosing the one to be given up */
};

/* A chunk being read. */
struct history_reader {
  struct lines lines;
  bool ready; /* lines is in use */
  int fd;     /* -1 none */
  uint32_t fd_source, fd_spool;
  bool broken; /* the list cannot be read, or is another one */
  uint32_t next;
  const struct store_chunk *chunk; /* borrowed */
  struct history_places *places;   /* borrowed: of the cache */
  struct marks_view marks;
  bool marked;
};

struct history {
  char *dir;
  struct store *store;
  struct source *sources;
  size_t source_count;
  struct history_reader reader;
  struct history_places cache[HISTORY_CACHE];
  uint64_t clock;
};

/* A task's line; texts are valid until the next one is read. */
struct history_line {
  uint64_t line;
  const char *url, *name; /* "" when they are not known */
  bool started;
};

int history__fault(struct history *h, int rc, struct errmsg *msg);

/* Goes to a chunk (borrowed until the next one). A list that is gone is no
 * error: its lines are "". */
int history__go_to(struct history *h, const struct source *source,
                   const struct store_loaded *loaded) MUST_CHECK;
/* Indexes of a chunk are asked for in ascending order. */
void history__read(struct history *h, uint32_t index,
                   struct history_line *line);
void history__lines_fini(struct history *h);

/* The texts of a row in one block; known may be NULL. */
int history__texts(struct history_row *row, const char *source, const char *url,
                   const char *name, const struct store_task *known,
                   bool in_clear) MUST_CHECK;
void history__row_fini(struct history_row *row);

/* Whether part is in text, in any case. */
bool history__contains(const char *text, const char *part);

#endif
