/* SPDX-License-Identifier: MIT
 *
 * What is asked about tasks that are out of the window: how one of them
 * stands, whether one has left the file that is in another's way, and that
 * those which failed be tried again.
 *
 * The storage thread looks into the database, a piece at a time between two
 * batches. Failed tasks are counted first, which answers the person; then the
 * feed that fetches single lines again goes through them chunk by chunk as
 * there is room (store_sweep.h), so that a million of them cost no memory.
 *
 * Thread: the loop's, but for count(), stand(), look_left() and next(), which
 * are the storage thread's.
 */
#include "config.h"

#include "session_impl.h"

#include <stdlib.h>
#include <string.h>

#include "store_sweep.h"

#define SWEEPS 16 /* that wait for their turn */

struct session_asked {
  struct store_job job; /* first */
  struct session_asked *next;
  struct session *session;
  uint64_t task; /* 0: a choice is meant */
  char *path;    /* not NULL: whose its .part is */
  void (*told_left)(void *arg, const struct session_left *left);
  struct store_left left;
  void (*told)(void *arg, const struct session_standing *standing);
  void *arg;
  bool flushed; /* what was settled before is on its way to the database */
  enum session_stands stands;
  struct store_sweep sweep;
  uint64_t from; /* where the sweep's step began */
  bool begun;
  char words[FAILED_CHOICE_CAP];
};

/* ---- on the storage thread ---------------------------------------------- */

static void count(struct store_job *job) {
  struct session_asked *asked = job->owner;
  job->rc = store_sweep_count(asked->session->store, &asked->sweep);
}

enum session_stands session__stands_at(const struct store_loaded *loaded,
                                       uint32_t index) {
  if (loaded == NULL || !chunk_bit(loaded->chunk.bits, index))
    return SESSION_OPEN;
  for (size_t i = 0; i < loaded->row_count; i++)
    if (loaded->rows[i].index == index && loaded->rows[i].state != ROW_DONE)
      return loaded->rows[i].state == ROW_BAD ? SESSION_UNKNOWN : SESSION_ENDED;
  return SESSION_DONE;
}

static void stand(struct store_job *job) {
  struct session_asked *asked = job->owner;
  struct store_loaded *loaded;
  job->rc = store_load(asked->session->store, task_source(asked->task),
                       task_chunk(asked->task), false, &loaded);
  if (job->rc < 0)
    return;
  asked->stands = session__stands_at(loaded, task_index(asked->task));
  store_loaded_free(loaded);
}

static void look_left(struct store_job *job) {
  struct session_asked *asked = job->owner;
  job->rc = store_left_find(asked->session->store, asked->path, &asked->left);
}

static void next(struct store_job *job) {
  struct feed *f = job->owner;
  struct session_asked *asked = f->session->sweeps;
  job->rc = store_sweep_next(f->session->store, &asked->sweep, &job->loaded[0]);
  job->count = job->rc == 0 && job->loaded[0] != NULL;
}

/* ---- asking -------------------------------------------------------------- */

static void free_asked(struct session_asked *asked) {
  if (asked != NULL)
    free(asked->path);
  free(asked);
}

static void tell_left(struct session_asked *asked, int code) {
  const struct session_left left = {
      .code = code,
      .task = asked->task,
      .by = asked->left.id,
      .object = asked->left.object,
      .partial = asked->left.has_partial ? &asked->left.partial : NULL};
  asked->told_left(asked->arg, &left);
}

static void tell(struct session_asked *asked, int code, const char *text) {
  if (asked->path != NULL) {
    tell_left(asked, code);
    return;
  }
  const struct session_standing standing = {
      .code = code,
      .text = code == 0 || text != NULL ? text : err_text(code),
      .task = asked->task,
      .stands = asked->stands,
      .failed = asked->sweep.count,
      .by_host = failed_choice_has_host(&asked->sweep.choice)};
  asked->told(asked->arg, &standing);
}

/* What was settled before is to be in the database when it is looked at: jobs
 * are done in their order, so it is enough that a batch has left. */
static bool flush(struct session *s) {
  if (s->batch_busy)
    return false; /* what is settled since follows with the next one */
  if (session__pending(s))
    session_hurry(s);
  return !session__pending(s);
}

void session__asked_step(struct session *s) {
  struct session_asked *asked = s->asked;
  if (asked == NULL || s->asked_busy || s->stopping)
    return;
  asked->flushed = asked->flushed || flush(s);
  if (!asked->flushed)
    return;
  s->asked_busy = true;
  asked->job = (struct store_job){.kind = JOB_ASK,
                                  .call = asked->path != NULL ? look_left
                                          : asked->task != 0  ? stand
                                                              : count,
                                  .owner = asked};
  store_thread_post(s->thread, &asked->job);
}

/* The same again, which has not begun: it reaches as far as the later one. */
static bool is_merged(struct session *s, const struct session_asked *asked) {
  for (struct session_asked *at = s->sweeps; at != NULL; at = at->next)
    if (!at->begun && strcmp(at->words, asked->words) == 0) {
      if (at->sweep.until < asked->sweep.until)
        at->sweep.until = asked->sweep.until;
      return true;
    }
  return false;
}

/* Counted; NULL when it has found its place among those that wait. */
static struct session_asked *to_sweeps(struct session *s,
                                       struct session_asked *asked) {
  struct session_asked **at = &s->sweeps;
  if (asked->sweep.count == 0 || is_merged(s, asked))
    return asked;
  while (*at != NULL)
    at = &(*at)->next;
  *at = asked;
  s->sweep_count++;
  asked->sweep.after = 0;
  asked->sweep.over = false;
  s->told_exhausted = false;
  session__kick(s);
  return NULL;
}

void session__asked_worked(struct session *s, struct store_job *job) {
  struct session_asked *asked = job->owner;
  s->asked_busy = false;
  bool more = job->rc == 0 && asked->task == 0 && !asked->sweep.over;
  if (more || s->stopping) { /* at the end all are answered */
    session__asked_step(s);
    return;
  }
  s->asked = asked->next;
  asked->next = NULL;
  int code = job->rc;
  bool sweep = code == 0 && asked->task == 0;
  if (sweep && s->sweep_count >= SWEEPS)
    tell(asked, ERR_TOOBIG, "wait until the tasks asked for before are tried");
  else
    tell(asked, code, code == 0 ? "" : NULL);
  if (sweep && s->sweep_count < SWEEPS)
    asked = to_sweeps(s, asked);
  free_asked(asked);
  session__asked_step(s);
}

static void append(struct session *s, struct session_asked *asked) {
  struct session_asked **at = &s->asked;
  asked->session = s;
  while (*at != NULL)
    at = &(*at)->next;
  *at = asked;
  session__asked_step(s);
}

int session_retry(struct session *s, const char *words,
                  void (*told)(void *arg, const struct session_standing *),
                  void *arg, struct errmsg *msg) {
  if (s->stopping || s->ended)
    return err_set(msg, ERR_CLOSED, "the run is ending");
  struct session_asked *asked = calloc(1, sizeof *asked);
  if (asked == NULL)
    return err_set(msg, ERR_NOMEM, "%s", err_text(ERR_NOMEM));
  int rc = failed_choice_parse(&asked->sweep.choice, words, msg);
  if (rc < 0) {
    free(asked);
    return rc;
  }
  if (words != NULL) /* no longer than a choice may be */
    memcpy(asked->words, words, strlen(words) + 1);
  asked->told = told;
  asked->arg = arg;
  append(s, asked);
  return 0;
}

int session_stands(struct session *s, uint64_t task,
                   void (*told)(void *arg, const struct session_standing *),
                   void *arg) {
  const struct source *source = session__source(s, task_source(task));
  if (s->stopping || s->ended)
    return ERR_CLOSED;
  if (source == NULL || task_ordinal(task) == 0 ||
      task_ordinal(task) > source->tasks)
    return ERR_NOTFOUND;
  struct session_asked *asked = calloc(1, sizeof *asked);
  if (asked == NULL)
    return ERR_NOMEM;
  asked->task = task;
  asked->told = told;
  asked->arg = arg;
  append(s, asked);
  return 0;
}

int session_left_look(struct session *s, uint64_t task, const char *path,
                      void (*told)(void *arg, const struct session_left *left),
                      void *arg) {
  if (s->stopping || s->ended)
    return ERR_CLOSED;
  struct session_asked *asked = calloc(1, sizeof *asked);
  if (asked == NULL || (asked->path = strdup(path)) == NULL) {
    free(asked);
    return ERR_NOMEM;
  }
  asked->task = task;
  asked->told_left = told;
  asked->arg = arg;
  append(s, asked);
  return 0;
}

void session_left_take(struct session *s, uint64_t by) {
  struct store_batch *b = session__filling(s);
  if (store__push((void **)&b->robbed, &b->robbed_cap, b->robbed_count,
                  sizeof *b->robbed) < 0) {
    session__tell_once(s, ERR_NOMEM, err_text(ERR_NOMEM));
    return;
  }
  b->robbed[b->robbed_count++] = by;
  session__schedule(s);
}

void session_left_claim(struct session *s, uint64_t task, const char *path) {
  struct store_batch *b = session__filling(s);
  char *copy = strdup(path);
  if (copy == NULL || STORE_PUSH(b, claim) < 0) {
    free(copy);
    session__tell_once(s, ERR_NOMEM, err_text(ERR_NOMEM));
    return;
  }
  b->claims[b->claim_count++] = (struct store_claim){task, copy};
  session__schedule(s);
}

void session__asked_end(struct session *s) {
  while (s->asked != NULL) {
    struct session_asked *asked = s->asked;
    s->asked = asked->next;
    tell(asked, ERR_CLOSED, "the run is ending");
    free_asked(asked);
  }
  while (s->sweeps != NULL) {
    struct session_asked *asked = s->sweeps;
    s->sweeps = asked->next;
    free(asked);
  }
  s->sweep_count = 0;
}

/* ---- sweeping ------------------------------------------------------------ */

bool session__sweeping(const struct session *s) {
  return s->sweeps != NULL;
}

void session__sweep_next(struct feed *f) {
  struct session_asked *asked = f->session->sweeps;
  asked->begun = true;
  asked->from = asked->sweep.after;
  f->job = (struct store_job){.kind = JOB_SWEEP, .call = next};
  feed__post(f);
}

/* The chunk was found, but there was no memory for it. */
void session__sweep_back(struct session *s) {
  s->sweeps->sweep.after = s->sweeps->from;
  s->sweeps->sweep.over = false;
}

static void end_sweep(struct session *s) {
  struct session_asked *asked = s->sweeps;
  s->sweeps = asked->next;
  s->sweep_count--;
  free(asked);
}

void session__swept(struct feed *f) {
  struct session *s = f->session;
  const struct store_job *job = &f->job;
  const struct store_sweep *sweep = &s->sweeps->sweep;
  if (job->count > 0) {
    memcpy(f->wanted, sweep->wanted, sizeof f->wanted);
    f->wanted_left = sweep->wanted_count;
    f->source = session__source(s, job->loaded[0]->chunk.source);
    f->choice = &sweep->choice;
  } else if (sweep->over) {
    end_sweep(s);
  }
}
