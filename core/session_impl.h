/* SPDX-License-Identifier: MIT
 *
 * What the files of the session share; nobody else includes this.
 *
 *   session.c        opening, options, closing
 *   session_dir.c    the directory, its lock, its files
 *   session_add.c    sources are added, recognised, compared
 *   session_packed.c lists that are unpacked as they come
 *   session_args.c   the URLs of command lines
 *   session_again.c  failed tasks are wanted again
 *   session_grow.c   lines added while it runs
 *   session_join.c   manifests added while it runs
 *   session_run.c    the running session: settling, batches, counts
 *   session_stop.c   its start, its pump and its orderly end
 *   session_lists.c  lines for tasks that are settled
 *   session_files.c  the lengths of files that grow beside it
 *   feeder.c         reading a chunk and delivering its tasks
 *   feed_source.c    which chunk comes next
 *   session_index.c  lists are read ahead of delivery
 *   session_read.c   looking at a session from outside
 */
#ifndef SPATE_SESSION_IMPL_H
#define SPATE_SESSION_IMPL_H

#include "chunk.h"
#include "indexer.h"
#include "manifest.h"
#include "marks.h"
#include "session.h"
#include "source.h"
#include "stats.h"
#include "store.h"
#include "store_thread.h"
#include "unflushed.h"

#define SESSION_FEEDS 8
#define SESSION_JOINS 256 /* manifests that a run may get besides */

/* A feed reads chunk after chunk and delivers their tasks. The first one goes
 * through all sources; shuffled, the others help, so that lines come from
 * several chunks at once. Another one fetches single lines again.
 *
 * A pass over a chunk delivers what is wanted now: lines of lower priority,
 * later deadlines or full hosts stay for another pass. */
struct feed {
  struct session *session; /* borrowed */
  bool redo;
  struct source *source;       /* in turn; NULL: choose one */
  struct source *incoming;     /* the stream compared with it; NULL none */
  bool identifying;            /* of incoming: its first object is looked for */
  uint32_t merge_next;         /* the next chunk to be compared */
  struct chunk_place merge_at; /* where incoming goes on */
  struct store_loaded *ahead;  /* loaded and pinned; NULL none */
  bool done;                   /* all sources are through */
  bool missing;                /* the chunk asked for is not in the database */
  uint32_t asked;              /* its number */
  uint32_t missed;        /* the last one that was missing, plus 1; 0 none */
  uint32_t missed_source; /* whose it is */

  struct chunk *chunk;          /* being read; NULL: choose one */
  struct store_loaded *loaded;  /* what is known of it; NULL: it is new */
  struct chunk_place here;      /* of it in the file being read */
  uint64_t digest;              /* of its lines read so far */
  uint32_t index;               /* its next task */
  bool placed;                  /* file and position are right */
  bool again;                   /* but the line is read once more */
  bool heading;                 /* a table's header is read first */
  bool marked;                  /* it has its marks */
  struct line_keys keys;        /* by which it was chosen */
  int64_t deadline_bound;       /* this pass: none later */
  int32_t priority_bound;       /* this pass: none lower */
  int slice;                    /* this pass: this part alone; -1 all */
  struct line_keys later;       /* of lines beyond the bounds */
  struct line_keys refused;     /* of lines whose hosts are full */
  unsigned delivered;           /* by this pass */
  unsigned refusals;            /* since full hosts were asked for */
  bool left_noted;              /* chunk->left is known */
  uint64_t since_ns;            /* taken up */
  bool leave_wanted;            /* a better chunk has come */
  uint8_t wanted[CHUNK_BITMAP]; /* redo: these alone */
  uint32_t wanted_left;
  const struct failed_choice *choice; /* redo: borrowed; NULL: by number */

  uv_file fd;
  uint32_t fd_source, fd_spool; /* what fd is open on */
  struct manifest text;
  bool text_ready;
  uv_fs_t fs;
  bool fs_busy, job_busy;
  bool at_end; /* the file has no more */
  struct store_job job;
};

struct session {
  char *dir;
  int dirfd, sdirfd, lockfd;
  bool durable;
  char boot[48];
  uint64_t boot_hash;
  struct store *store;
  struct marks *marks;
  struct unflushed *unflushed; /* NULL: nothing is kept */
  struct source *sources;
  size_t source_count, source_cap;
  struct session_counts counts; /* tasks, tasks_guess, commit_*: computed */
  uint64_t run;
  int64_t ours_since_unix_ns;
  uint32_t next_spool;
  const struct manifest_format *input_format; /* of what is added */
  bool metalink;                              /* what is added are Metalinks */
  bool follow; /* manifest files grow, and are read on */

  /* running */
  uv_loop_t *loop; /* NULL: not started */
  struct session_hooks hooks;
  uv_async_t wake;
  uv_timer_t commit_timer, retry_timer, patience_timer;
  uv_idle_t idle;
  struct store_thread *thread;
  struct chunk_table chunks;
  struct feed feeds[SESSION_FEEDS], redo; /* feeds[0]: the main one */
  struct order_rules rules;
  uint64_t slice_seed;
  struct indexer *indexer; /* NULL: not needed so far */
  struct index_job index_job;
  bool index_busy;
  uint32_t index_source_id; /* of the job under way */
  uint32_t index_spool;     /* that it reads; 0 the manifest itself */
  char *index_path;         /* taken; of the job */
  uint64_t index_retry;     /* bytes of a spool before it is tried again */
  struct feed index_pin;    /* holds the chunk that the job goes on with */
  struct store_file lists[SESSION_LISTS];  /* fd -1: none; lengths: when it was
                                              opened */
  const struct failure_filter *retry_only; /* borrowed; NULL: all */
  unsigned room;
  bool told_exhausted;
  uint64_t *redo_ids;
  size_t redo_count, redo_cap;

  struct chunk **dirtys; /* chunks that the next batch has to carry */
  size_t dirty_count, dirty_cap;
  struct store_batch batches[2];
  unsigned current;     /* the batch that is being filled */
  bool batch_busy;      /* the other one is with the thread */
  bool batch_failed;    /* one was given up */
  unsigned grouped;     /* session_group_begin(): no batch leaves */
  bool files_used;      /* some file's length was said in this run */
  bool files_lost;      /* and data was lost since: none is kept any more */
  struct chunk **sents; /* chunks that the batch under way carries */
  size_t sent_count, sent_cap;
  struct store_job batch_job, grow_job, stop_job;
  bool grow_busy;
  struct histogram commit_us;
  struct summary summary; /* of all runs */

  int trouble_store, trouble_spool, trouble_feed, trouble_told;
  char trouble_text[256];

  struct session_add *adds;   /* the first is in work */
  bool add_busy;              /* by the storage thread */
  struct session_join *joins; /* likewise */
  bool join_busy;
  struct session_asked *asked; /* likewise */
  bool asked_busy;
  struct session_asked *sweeps; /* the first one is the redo feed's */
  size_t sweep_count;

  bool stopping, stop_posted, ended;
  unsigned open_handles;
  void (*stopped)(void *arg);
  void *stopped_arg;
};

/* ---- session.c ---- */
int session__read_counts(struct session *s);

/* ---- session_dir.c ---- */
int session__open_dir(struct session *s, const char *dir, struct errmsg *msg);
int session__lock(struct session *s, struct errmsg *msg);
/* The process that holds the lock; 0 none, -1 one without a number. */
long session__holder(int lockfd);
void session__spool_name(uint32_t spool, char *name, size_t cap);
/* "DIR/.spate/NAME"; NULL without memory. */
char *session__path(const char *dir, const char *name);
int session__spool_create(struct session *s, uint32_t spool, int *fd,
                          struct errmsg *msg);
/* Removes the spools that nothing refers to any more. */
int session__spool_sweep(struct session *s);
void session__remove_all(struct session *s);

/* ---- session_add.c ---- */
struct source *session__source(struct session *s, uint32_t id);
/* A new source at the end of the queue, in memory only; NULL: no memory. */
struct source *session__source_new(struct session *s, enum source_kind kind,
                                   const char *path);
void session__source_undo(struct session *s);
/* The form of a manifest (by its looks where *format is manifest_auto) and the
 * object of its first good line, 0 none. Any thread. */
int session__first_line(int fd, const char *path,
                        const struct manifest_format **format, uint64_t *object,
                        struct errmsg *msg);
/* Checks that the files that are still needed are what they were. */
int session__check_files(struct session *s, struct errmsg *msg);
int session__fault(struct session *s, int rc, struct errmsg *msg);

/* ---- session_packed.c ---- */
/* Whether the file is to come in as a stream. */
int session__is_packed(const struct session *s, int fd, const char *path,
                       struct errmsg *msg) MUST_CHECK;
int session__add_packed(struct session *s, int fd, const char *path,
                        struct errmsg *msg);
/* A descriptor, the caller's, from which the lines of a packed manifest or a
 * Metalink come in; ERR_NOTFOUND: it is none. Any thread. */
int session__packed_fd(struct session *s, int fd, const char *path,
                       const struct manifest_format **format,
                       struct errmsg *msg);
/* Those that did not come in whole are opened again. */
int session__reopen_packed(struct session *s, struct errmsg *msg);

/* ---- session_run.c ---- */
void session__touch(struct session *s, struct chunk *chunk);
void session__source_touch(struct session *s, struct source *source);
/* Frees a chunk that nobody needs in memory any more. */
void session__retire(struct session *s, struct chunk *chunk);
/* A bad line becomes a settled task. */
void session__settle_bad(struct session *s, struct chunk *chunk, uint32_t index,
                         uint64_t line, const char *why);
bool session__pending(const struct session *s);
/* Sends what is pending; only while no batch is under way. */
void session__send(struct session *s);
void session__batch_done(struct session *s, struct store_job *job);
void session__tell_trouble(struct session *s, const char *text);
/* Its count in the totals, to be changed when its state does; NULL none. */
uint64_t *session__count_of(struct session *s, enum row_state state);

/* Something was lost that cannot be tried again; it is told, and over. */
void session__tell_once(struct session *s, int code, const char *text);
/* The batch that is being filled. */
struct store_batch *session__filling(struct session *s);
/* Something is pending: it goes out in time. */
void session__schedule(struct session *s);

/* ---- session_lists.c ---- */
/* Whether a file of session_file_put() is a list. */
bool session__is_list(const char *name);
void session__lists_fini(struct session *s);

/* ---- session_files.c ---- */
/* A batch came back: tells whose length is in the database now. */
void session__files_done(struct session *s, const struct store_batch *b);

/* ---- session_grow.c ---- */
int session__adds_begin(struct session *s);
void session__add_worked(struct session *s, struct store_job *job);
void session__add_committed(struct session *s, unsigned batch, int rc);
void session__adds_end(struct session *s);
/* A cancelled task is wanted after all: the next batch says so. */
void session__ask(struct session *s, uint64_t id);

/* ---- session_join.c ---- */
int session__joins_begin(struct session *s);
void session__join_worked(struct session *s, struct store_job *job);
void session__join_committed(struct session *s, unsigned batch, int rc);
void session__joins_end(struct session *s);

/* ---- session_again.c ---- */
/* Goes on with what was asked, if nothing stands against it. */
void session__asked_step(struct session *s);
void session__asked_worked(struct session *s, struct store_job *job);
void session__asked_end(struct session *s);
/* What a chunk's row (NULL: none) says of a task. */
enum session_stands session__stands_at(const struct store_loaded *loaded,
                                       uint32_t index);
/* Failed tasks are being gone through: the redo feed asks for the next chunk,
 * takes it, or gives it back for want of memory. */
bool session__sweeping(const struct session *s);
void session__sweep_next(struct feed *f);
void session__swept(struct feed *f);
void session__sweep_back(struct session *s);

/* ---- session_stop.c ---- */
void session__stop_step(struct session *s);
/* Takes note of streams that have ended, and how. */
void session__poll_spools(struct session *s);
/* A source cannot be read: told, and tried again in a second. */
void session__feed_trouble(struct session *s, int code, const char *text);
/* Wakes the feeds: something they waited for may have come. */
void session__kick(struct session *s);
/* A feed has lines of a list whose format is open: when nothing more comes
 * for a while they decide it. */
void session__patience(struct session *s);

/* ---- feeder.c ---- */
/* Takes one step; false: nothing can be done now. */
bool feed__step(struct feed *f);
bool feed__busy(const struct feed *f);
void feed__job_done(struct feed *f, struct store_job *job);
void feed__fini(struct feed *f);
/* Whether something stands in the source's file that no chunk has. */
bool feed__tail_grew(struct session *s, const struct source *source);
struct spool *feed__spooler(struct session *s, uint32_t spool);

/* ---- feed_source.c ---- */
/* Chooses the next chunk and goes to its place. */
bool feed__choose(struct feed *f);
void feed__source_end(struct feed *f);
bool feed__found(struct feed *f, const struct manifest_line *line);
void feed__merge_stop(struct feed *f);

/* Leaves the chunk; through: its last known line was read. */
void feed__leave(struct feed *f, bool through);
void feed__post(struct feed *f);
/* Whether there is another chunk for this feed than the one it is in. */
bool feed__has_other(struct feed *f);
/* The hosts of which nothing is wanted now, asked anew. */
void feed__ask_full(struct session *s);

/* ---- session_index.c ---- */
/* Reads ahead where that is wanted; called whenever something has come. */
void index__step(struct session *s);
void index__want(struct session *s, struct source *source);
/* A list is begun: its first chunk tells whether it is to be read ahead. */
void index__look(struct session *s, struct source *source);
/* Whether the list's unread lines come by way of the index. */
bool index__reads(const struct session *s, const struct source *source);
void index__stop(struct session *s);

#endif
