/* SPDX-License-Identifier: MIT
 *
 * Lines that are added while the session runs. They go behind those of the
 * command line, into the same spool: the storage thread compares, appends and
 * flushes; then the next transaction says that the list has grown, and only
 * when that is through are they called added.
 *
 * The feed reads the spool up to source->limit alone, which moves when an
 * append is through: it never sees half a line, and what a kill left behind
 * the limit is cut off before the next append.
 *
 * Thread: the loop's, but for work(), which is the storage thread's.
 */
#include "config.h"

#include "session_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lines.h"
#include "readdress.h"
#include "redact.h"

struct known {
  uint64_t object, url; /* digests */
  uint32_t index;       /* of its task in the source */
};

struct session_add {
  struct store_job job; /* first */
  struct session_add *next;
  void (*done)(void *arg, const struct session_added *added);
  void *arg;
  char *text; /* taken: the lines */
  struct session *session;
  uint32_t source, spool;
  uint64_t at; /* length of the spool so far */
  /* of the work */
  struct known *known;
  size_t known_count, known_cap;
  size_t typed_from; /* entries from here on were typed now */
  char *fresh;       /* what is appended */
  size_t fresh_len, added;
  struct session_again *again; /* tasks that the list has already; their URLs
                                  are in the text */
  size_t again_count, again_cap;
  struct errmsg msg;
  /* afterwards */
  bool written;   /* waits for the batch that says so */
  unsigned batch; /* its number */
};

static void free_add(struct session_add *add) {
  free(add->text);
  free(add->known);
  free(add->fresh);
  free(add->again);
  free(add);
}

/* ---- on the storage thread ---------------------------------------------- */

static int by_object(const void *a, const void *b) {
  const struct known *x = a, *y = b;
  return x->object < y->object ? -1 : x->object > y->object;
}

static int note(struct session_add *add, const struct manifest_line *line) {
  if (store__push((void **)&add->known, &add->known_cap, add->known_count,
                  sizeof *add->known) < 0)
    return ERR_NOMEM;
  add->known[add->known_count] =
      (struct known){.object = line->object,
                     .url = readdress_of(line->url != NULL ? line->url : ""),
                     .index = (uint32_t)add->known_count};
  add->known_count++;
  return 0;
}

static int read_known(struct session_add *add, int fd) {
  struct lines lines;
  struct manifest_line line;
  int rc = lines_init(&lines, fd, &manifest_text);
  if (rc < 0)
    return rc;
  rc = lines_next(&lines, &line);
  while (rc == 1) {
    rc = note(add, &line);
    if (rc == 0)
      rc = lines_next(&lines, &line);
  }
  lines_fini(&lines);
  add->typed_from = add->known_count;
  if (rc == 0 && add->known_count > 0)
    qsort(add->known, add->known_count, sizeof *add->known, by_object);
  return rc;
}

static const struct known *find(const struct session_add *add,
                                uint64_t object) {
  struct known key = {.object = object};
  if (add->typed_from > 0) {
    const struct known *old = bsearch(&key, add->known, add->typed_from,
                                      sizeof *add->known, by_object);
    if (old != NULL)
      return old;
  }
  for (size_t i = add->typed_from; i < add->known_count; i++)
    if (add->known[i].object == object)
      return &add->known[i];
  return NULL;
}

static int note_again(struct session_add *add, const struct known *known,
                      const char *url) {
  if (store__push((void **)&add->again, &add->again_cap, add->again_count,
                  sizeof *add->again) < 0)
    return ERR_NOMEM;
  add->again[add->again_count++] = (struct session_again){
      .task = task_id(add->source, known->index / CHUNK_LINES,
                      known->index % CHUNK_LINES),
      .of = known->url,
      .url = url};
  return 0;
}

/* Those that are done want no other URL. */
static int look_who_is_done(struct session_add *add) {
  struct store_loaded *loaded = NULL;
  uint64_t at = UINT64_MAX;
  int rc = 0;
  for (size_t i = 0; rc == 0 && i < add->again_count; i++) {
    struct session_again *again = &add->again[i];
    uint32_t number = task_chunk(again->task);
    if (number != at) {
      store_loaded_free(loaded);
      rc = store_load(add->session->store, add->source, number, false, &loaded);
      at = number;
    }
    again->done =
        rc == 0 &&
        session__stands_at(loaded, task_index(again->task)) == SESSION_DONE;
  }
  store_loaded_free(loaded);
  return rc;
}

/* "URL" or "URL<tab>NAME", with its end. */
static void append(struct session_add *add, const struct manifest_line *line) {
  const char *part[] = {line->url, line->out != NULL ? "\t" : "",
                        line->out != NULL ? line->out : "", "\n"};
  for (size_t i = 0; i < sizeof part / sizeof part[0]; i++) {
    size_t len = strlen(part[i]);
    memcpy(add->fresh + add->fresh_len, part[i], len);
    add->fresh_len += len;
  }
  add->added++;
}

static int bad_line(struct session_add *add, const char *text,
                    const char *why) {
  char shown[200];
  redact_text(text, shown, sizeof shown);
  return err_set(&add->msg, ERR_SYNTAX, "'%s': %s", shown, why);
}

static int take_line(struct session_add *add, char *text) {
  struct manifest_line line = {0};
  size_t len = strlen(text);
  if (len > 0 && text[len - 1] == '\r')
    text[--len] = '\0';
  char *copy = strdup(text); /* for the message: reading changes it */
  if (copy == NULL)
    return ERR_NOMEM;
  int rc = 0;
  if (manifest_parse_text(text, len, &line)) {
    const struct known *known = find(add, line.object);
    if (line.why != NULL)
      rc = bad_line(add, copy, line.why);
    else if (known != NULL)
      rc = note_again(add, known, line.url);
    else if ((rc = note(add, &line)) == 0)
      append(add, &line);
  }
  free(copy);
  return rc;
}

static int take_lines(struct session_add *add) {
  int rc = 0;
  /* A line can grow by its end alone. */
  add->fresh = malloc(strlen(add->text) + 2);
  if (add->fresh == NULL)
    return ERR_NOMEM;
  for (char *at = add->text; rc == 0 && *at != '\0';) {
    size_t len = strcspn(at, "\n");
    char *next = at + len + (at[len] == '\n');
    at[len] = '\0';
    rc = take_line(add, at);
    at = next;
  }
  if (rc == 0 && add->added + add->again_count == 0)
    rc = err_set(&add->msg, ERR_SYNTAX, "there is no URL in it");
  return rc;
}

static int write_fresh(struct session_add *add, int fd) {
  size_t have = 0;
  while (have < add->fresh_len) {
    ssize_t n = pwrite(fd, add->fresh + have, add->fresh_len - have,
                       (off_t)(add->at + have));
    if (n < 0 && errno != EINTR)
      return err_from_errno(errno);
    have += n > 0 ? (size_t)n : 0;
  }
  if (fsync(fd) != 0 || (add->at == 0 && fsync(add->session->sdirfd) != 0))
    return err_from_errno(errno);
  return 0;
}

static int grow(struct session_add *add, int fd) {
  if (ftruncate(fd, (off_t)add->at) != 0)
    return err_from_errno(errno);
  int rc = read_known(add, fd);
  if (rc == 0)
    rc = take_lines(add);
  if (rc == 0)
    rc = look_who_is_done(add);
  if (rc == 0 && add->fresh_len > 0) {
    rc = write_fresh(add, fd);
    if (rc < 0 && ftruncate(fd, (off_t)add->at) != 0)
      rc = err_from_errno(errno); /* the limit keeps readers out of it */
  }
  return rc;
}

static void work(struct store_job *job) {
  struct session_add *add = (struct session_add *)(void *)job;
  char name[32];
  session__spool_name(add->spool, name, sizeof name);
  int fd = openat(add->session->sdirfd, name,
                  O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  job->rc = fd >= 0 ? grow(add, fd) : err_from_errno(errno);
  if (fd >= 0)
    close(fd);
}

/* ---- the loop's side ----------------------------------------------------- */

static struct source *grown_source(struct session *s) {
  for (size_t i = s->source_count; i > 0; i--)
    if (s->sources[i - 1].kind == SOURCE_ARGS && !s->sources[i - 1].gone)
      return &s->sources[i - 1];
  return NULL;
}

static void answer(struct session_add *add, int code, const char *text) {
  struct session_added added = {.code = code,
                                .text = text,
                                .added = add->added,
                                .again = add->again,
                                .again_count = add->again_count};
  add->done(add->arg, &added);
  free_add(add);
}

/* One at a time: where the next one begins is known when this one is through.
 */
static void post_next(struct session *s) {
  struct session_add *add = s->adds;
  if (add == NULL || s->add_busy || s->stopping)
    return;
  struct source *source = grown_source(s);
  if (source->spool == 0)
    source->spool = s->next_spool++;
  add->source = source->id;
  add->spool = source->spool;
  add->at = source->limit;
  s->add_busy = true;
  add->job = (struct store_job){.kind = JOB_CALL, .call = work};
  store_thread_post(s->thread, &add->job);
}

/* Its last chunk has more to say, to who reads it now or later. */
static void reopen_last(const struct session *s, struct source *source) {
  source->more = false;
  for (int i = 0; i < SESSION_FEEDS; i++)
    source->more |= s->feeds[i].source == source && s->feeds[i].chunk != NULL;
  if (source->order.count == 0)
    return;
  struct order_entry *last = &source->order.entries[source->order.count - 1];
  if (last->state == ORDER_OVER)
    *last = (struct order_entry){.state = ORDER_OPEN, .slices = UINT8_MAX};
}

/* Whoever comes after this run finds them wanted, though they were cancelled.
 * True when there is any. */
static bool ask_again(struct session *s, const struct session_add *add) {
  bool any = false;
  for (size_t i = 0; i < add->again_count; i++) {
    if (add->again[i].done)
      continue;
    session__ask(s, add->again[i].task);
    any = true;
  }
  return any;
}

/* Answered when the batch at hand is on the disk. */
static void await_batch(struct session *s, struct session_add *add) {
  add->written = true;
  add->batch = s->current;
  session_hurry(s);
}

/* The list goes on: whoever is through with it, or about to be, begins again
 * at what is left. */
static void extend(struct session *s, struct session_add *add) {
  struct source *source = grown_source(s);
  if (source->limit == 0 && source->chunks == 0)
    source->tail =
        (struct chunk_place){.first_line = 1, .spool = source->spool};
  source->limit = add->at + add->fresh_len;
  source->ended = source->visited = false;
  reopen_last(s, source);
  s->feeds[0].done = s->told_exhausted = false;
  session__source_touch(s, source);
  await_batch(s, add);
  session__kick(s);
}

void session__add_worked(struct session *s, struct store_job *job) {
  struct session_add *add = (struct session_add *)(void *)job;
  bool good = job->rc == 0 && !s->stopping;
  bool asked = good && ask_again(s, add);
  s->add_busy = false;
  if (good && add->fresh_len > 0) {
    extend(s, add);
    return;
  }
  if (asked) {
    await_batch(s, add);
    return;
  }
  s->adds = add->next;
  if (job->rc == 0 && s->stopping)
    answer(add, ERR_CLOSED, "the run is ending");
  else
    answer(add, job->rc,
           job->rc == 0               ? ""
           : add->msg.text[0] != '\0' ? add->msg.text
                                      : err_text(job->rc));
  post_next(s);
}

/* A batch came back: the one that says so, maybe. */
void session__add_committed(struct session *s, unsigned batch, int rc) {
  struct session_add *add = s->adds;
  if (add == NULL || !add->written || add->batch != batch)
    return;
  s->adds = add->next;
  answer(add, rc, rc == 0 ? "" : err_text(rc));
  s->told_exhausted = false; /* whoever was told before is told again */
  session__kick(s);
  post_next(s);
}

void session__adds_end(struct session *s) {
  while (s->adds != NULL) {
    struct session_add *add = s->adds;
    s->adds = add->next;
    answer(add, ERR_CLOSED, "the run is ending");
  }
}

int session_add(struct session *s, const char *text,
                void (*done)(void *arg, const struct session_added *added),
                void *arg) {
  struct session_add *add = calloc(1, sizeof *add);
  struct session_add **at = &s->adds;
  if (s->stopping || s->ended) {
    free(add);
    return ERR_CLOSED;
  }
  if (add != NULL)
    add->text = strdup(text);
  if (add == NULL || add->text == NULL) {
    free(add);
    return ERR_NOMEM;
  }
  add->done = done;
  add->arg = arg;
  add->session = s;
  while (*at != NULL)
    at = &(*at)->next;
  *at = add;
  if (s->adds == add)
    post_next(s);
  return 0;
}

/* ---- at the start (blocking) --------------------------------------------- */

/* The length up to the end of the last whole line. */
static int whole_lines(int fd, uint64_t *length) {
  char block[4096];
  struct stat st;
  if (fstat(fd, &st) != 0)
    return err_from_errno(errno);
  off_t end = st.st_size;
  while (end > 0) {
    size_t len = end < (off_t)sizeof block ? (size_t)end : sizeof block;
    if (pread(fd, block, len, end - (off_t)len) != (ssize_t)len)
      return ERR_IO;
    for (size_t i = len; i > 0; i--)
      if (block[i - 1] == '\n') {
        *length = (uint64_t)end - len + i;
        return 0;
      }
    end -= (off_t)len;
  }
  *length = 0;
  return 0;
}

static int find_limit(struct session *s, struct source *source) {
  char name[32];
  session__spool_name(source->spool, name, sizeof name);
  int fd = openat(s->sdirfd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0)
    return err_from_errno(errno);
  int rc = whole_lines(fd, &source->limit);
  close(fd);
  if (rc == 0 && source->ended && source->tail.offset < source->limit)
    source->limit = source->tail.offset; /* the rest was never called added */
  return rc;
}

int session__adds_begin(struct session *s) {
  struct source *source = grown_source(s);
  if (source == NULL) {
    /* It must not move in memory later; it has no row until it has lines. */
    source = session__source_new(s, SOURCE_ARGS, "");
    if (source == NULL)
      return ERR_NOMEM;
    source->ended = source->visited = true;
    return 0;
  }
  return source->spool != 0 ? find_limit(s, source) : 0;
}
