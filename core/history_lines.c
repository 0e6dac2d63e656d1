/* SPDX-License-Identifier: MIT
 *
 * The lines of a chunk for the history reader: every 64th place in a chunk
 * that was read is remembered, so that the next page of the same chunk begins
 * near its first line.
 */
#include "config.h"

#include "history_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "redact.h"

bool history__contains(const char *text, const char *part) {
  size_t length = strlen(part);
  for (size_t left = strlen(text); left >= length; left--, text++)
    if (strncasecmp(text, part, length) == 0)
      return true;
  return false;
}

/* ---- places ------------------------------------------------------------ */

static bool same_place(const struct chunk_place *a,
                       const struct chunk_place *b) {
  return a->spool == b->spool && a->offset == b->offset &&
         a->first_line == b->first_line;
}

static struct history_places *places_of(struct history *h,
                                        const struct store_chunk *c) {
  struct history_places *oldest = &h->cache[0];
  for (int i = 0; i < HISTORY_CACHE; i++) {
    struct history_places *p = &h->cache[i];
    if (p->used < oldest->used)
      oldest = p;
    if (p->known > 0 && p->source == c->source && p->number == c->number &&
        same_place(&p->place, &c->place)) {
      p->used = ++h->clock;
      return p;
    }
  }
  *oldest = (struct history_places){.source = c->source,
                                    .number = c->number,
                                    .place = c->place,
                                    .known = 1,
                                    .used = ++h->clock};
  oldest->offset[0] = c->place.offset;
  oldest->line[0] = c->place.first_line;
  return oldest;
}

/* ---- the list ---------------------------------------------------------- */

static void close_list(struct history_reader *r) {
  if (r->ready)
    lines_fini(&r->lines);
  if (r->fd >= 0)
    close(r->fd);
  r->ready = false;
  r->fd = -1;
}

void history__lines_fini(struct history *h) {
  close_list(&h->reader);
}

static int open_list(struct history *h, const struct source *source,
                     uint32_t spool) {
  struct history_reader *r = &h->reader;
  char name[32];
  if (r->ready && r->fd_source == source->id && r->fd_spool == spool)
    return 0;
  close_list(r);
  session__spool_name(spool, name, sizeof name);
  char *path = spool != 0 ? session__path(h->dir, name) : strdup(source->path);
  if (path == NULL)
    return ERR_NOMEM;
  r->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  free(path);
  r->fd_source = source->id;
  r->fd_spool = spool;
  r->broken = r->fd < 0;
  if (r->broken)
    return 0;
  int rc = lines_init(&r->lines, r->fd, source->format);
  r->ready = rc == 0;
  return rc;
}

static void read_marks(struct history *h, const struct store_chunk *c) {
  struct history_reader *r = &h->reader;
  char *path = session__path(h->dir, "marks");
  int fd = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  free(path);
  r->marked = fd >= 0 && c->settled < c->count &&
              marks_peek(fd, chunk_key(c->source, c->number), &r->marks);
  if (fd >= 0)
    close(fd);
}

int history__go_to(struct history *h, const struct source *source,
                   const struct store_loaded *loaded) {
  struct history_reader *r = &h->reader;
  r->chunk = &loaded->chunk;
  r->broken = false;
  int rc = open_list(h, source, r->chunk->place.spool);
  if (rc < 0)
    return rc;
  r->places = places_of(h, r->chunk);
  r->next = CHUNK_LINES; /* nowhere yet */
  read_marks(h, r->chunk);
  return 0;
}

/* ---- lines ------------------------------------------------------------- */

/* Goes to the nearest place known before index, unless it stands nearer. */
static void approach(struct history_reader *r, uint32_t index) {
  uint32_t at = index / HISTORY_STRIDE;
  if (at >= r->places->known)
    at = r->places->known - 1;
  if (r->next <= index && r->next >= at * HISTORY_STRIDE)
    return;
  lines_seek(&r->lines, r->places->offset[at], r->places->line[at]);
  r->next = at * HISTORY_STRIDE;
}

static void remember(struct history_reader *r) {
  uint32_t at = r->next / HISTORY_STRIDE;
  if (r->next % HISTORY_STRIDE != 0 || at != r->places->known ||
      at >= HISTORY_PLACES)
    return;
  r->places->offset[at] = lines_offset(&r->lines);
  r->places->line[at] = lines_number(&r->lines);
  r->places->known++;
}

/* The line must be of the object that the session knows: a list that was
 * changed under it must not lend other names to its tasks. A line that was
 * bad may have been put right. */
static bool is_known(const struct store_chunk *c, uint32_t index,
                     const struct manifest_line *line) {
  return c->objects == NULL || c->objects[index] == (uint8_t)OBJECT_BAD ||
         c->objects[index] == (uint8_t)line->object;
}

void history__read(struct history *h, uint32_t index,
                   struct history_line *line) {
  struct history_reader *r = &h->reader;
  struct manifest_line text = {0};
  *line = (struct history_line){.url = "", .name = ""};
  line->started = r->marked && marks_view_get(&r->marks, index) != MARK_NONE;
  if (r->broken)
    return;
  approach(r, index);
  while (r->next <= index) {
    remember(r);
    if (lines_next(&r->lines, &text) != 1) {
      r->broken = true;
      return;
    }
    r->next++;
  }
  if (!is_known(r->chunk, index, &text))
    return;
  line->line = text.line;
  line->url = text.url != NULL ? text.url : "";
  line->name = text.out != NULL ? text.out : "";
}

/* ---- rows -------------------------------------------------------------- */

static const char *put(char **at, const char *text) {
  size_t length = strlen(text) + 1;
  const char *start = *at;
  memcpy(*at, text, length);
  *at += length;
  return start;
}

int history__texts(struct history_row *row, const char *source, const char *url,
                   const char *name, const struct store_task *known,
                   bool in_clear) {
  const char *reason = known != NULL ? known->reason : "";
  const char *class_name = known != NULL ? known->class_name : "";
  size_t url_cap = strlen(url) * 3 + 16; /* *** may be longer than a secret */
  size_t cap = url_cap + strlen(source) + strlen(name) + strlen(reason) +
               strlen(class_name) + 4;
  char *at = malloc(cap);
  if (at == NULL)
    return ERR_NOMEM;
  row->url = at;
  if (in_clear)
    put(&at, url);
  else
    at += redact_url(url, at, url_cap) + 1;
  row->source = put(&at, source);
  row->name = put(&at, name);
  row->reason = put(&at, reason);
  row->class_name = put(&at, class_name);
  return 0;
}

void history__row_fini(struct history_row *row) {
  free((char *)row->url);
  row->url = NULL;
}
