/* SPDX-License-Identifier: MIT
 *
 * The session: what of a run survives a kill, in DIR/.spate/ (mode 0700).
 *
 *   session.db   SQLite, WAL; written by the storage thread alone
 *   lock         held with fcntl while a spate runs on the directory
 *   marks        two bits a task, mapped into memory (see "Marks" below)
 *   unflushed    what is written of large files, likewise (unflushed.h)
 *   spool-N      lines that came from a pipe or the command line
 *   log          the event log
 *
 * Sources. A session is a queue of sources: manifest files (not copied),
 * spooled pipes and the URLs of command lines. A source is cut into chunks of
 * CHUNK_LINES consecutive task lines (blank lines and comments do not count);
 * the database keeps one row a chunk: byte offset, first task number, count, a
 * bitmap of the settled ones, digest of the objects (line without the URL's
 * query), earliest deadline. Tasks have rows of their own only when they have
 * something to say (failed, partial, cancelled).
 *
 * Task numbers. id = (source << 40) | ordinal, source from 0, ordinal of the
 * task line within its source from 1. 0 is no task.
 *
 * Delivery. The engine says how many more tasks it has room for; the session
 * reads the sources in their order, skips what is settled, and delivers. The
 * files are read by asynchronous blocks; a source that is still being written
 * (a pipe) is delivered as it comes.
 *
 * Settling. The engine says how a task ended. Settled tasks are gathered; the
 * storage thread flushes the file system (durable sessions: syncfs of the
 * output directory, fsync of each where that is missing), commits one
 * transaction for all and only then are they reported as committed. A batch
 * goes out when the previous one is through and 100 ms have passed or 1,000
 * are waiting, or at once when nothing else is left to do (session_hurry).
 *
 * Files. What grows beside the session exactly once (shards, lists of results)
 * has its length in the database, written by the transaction that settles the
 * tasks whose records it holds. Whoever opens such a file again cuts it to
 * that length first: then no record is in it twice and none is missing.
 *
 * Marks. Before a task's output is created, or a request is sent that may not
 * be repeated of its own accord, the engine marks it STARTED, after its file is
 * whole it marks it WRITTEN. The marks live in a shared mapping: they survive
 * kill -9 (not a power cut) at no cost. On resume a task that is not settled is
 * delivered with them: STARTED = a file of that name is ours, and such a
 * request may have been sent; WRITTEN (only trusted when the machine has not
 * booted since) = it is whole and needs no request. One that has ended is ours
 * no further than it said (session_owns): who failed has a .part at most, and a
 * file that came to stand under its name since is somebody else's. After a
 * reboot, files younger than the run (ours_since_unix_ns) count as ours.
 *
 * Thread: open/add/close block and belong to the starting thread before the
 * loop runs and after it has ended; everything from session_start() to the
 * stopped callback belongs to the loop's thread.
 */
#ifndef SPATE_SESSION_H
#define SPATE_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "err.h"
#include "failure.h"
#include "fields.h"
#include "ranges.h"
#include "summary.h"
#include "task_state.h"

#define CHUNK_LINES 8192
#define SESSION_DIR ".spate"
#define TASK_ORDINAL_BITS 40

struct failed_choice;
struct session;

/* ---- opening (blocking) ------------------------------------------------ */

/* Makes dir and its session when missing, takes the lock (ERR_LOCKED names
 * the holder's pid), opens and checks the database, reads what the sources
 * have left. durable: see Settling. */
int session_open(struct session **out, const char *dir, bool durable,
                 struct errmsg *msg) MUST_CHECK;

/* The form of manifests that are added from here on: auto, text, aria2, jsonl,
 * csv or tsv (manifest.h), or metalink; auto until it is called. It is kept
 * with the source. ERR_USAGE for another name. */
int session_input_format(struct session *session, const char *name) MUST_CHECK;

/* Manifest files that are added, or opened again, from here on are read on as
 * they grow until the run is stopped. */
void session_follow(struct session *session, bool follow);

/* Adds a manifest file, or recognises it: the same file (size, time, sampled
 * digest), or one whose objects are those of a known source with other query
 * strings (signed again; all progress is kept), or longer than before. A
 * manifest that begins with a known source's first object but differs later
 * is refused: ERR_CHANGED with the first differing line. A file whose first
 * object no source knows is a new source. A table (csv, tsv) without a column
 * for the URL is ERR_USAGE. */
int session_add_file(struct session *session, const char *path,
                     struct errmsg *msg) MUST_CHECK;

/* Adds a pipe or any other stream (borrowed; read by a thread of the session
 * from session_start() on, spooled and delivered at once). The same list
 * piped again continues: its objects are compared as they come. */
int session_add_stream(struct session *session, int fd,
                       struct errmsg *msg) MUST_CHECK;

/* Adds lines (text manifest form, "URL" or "URL\tNAME") typed by a person. A
 * line whose object (URL without query, and name) an unfinished line of this
 * kind has already is that task, signed again. ERR_SYNTAX names a bad one. */
int session_add_lines(struct session *session, const char *const *lines,
                      size_t count, struct errmsg *msg) MUST_CHECK;

/* Options of the run, kept for `spate resume` (name and value as typed; a
 * repeatable option comes several times). put replaces all; get returns 0 and
 * calls back for each, or ERR_NOTFOUND when none were kept. */
struct session_option {
  const char *name, *value;
};
int session_options_put(struct session *session,
                        const struct session_option *options, size_t count,
                        struct errmsg *msg) MUST_CHECK;
int session_options_get(struct session *session,
                        int (*each)(void *arg, const char *name,
                                    const char *value),
                        void *arg, struct errmsg *msg) MUST_CHECK;

/* Lists beside the session, which get a line for tasks that are settled,
 * exactly once (see session_lists.c). */
enum session_list { SESSION_RESULTS, SESSION_CHECKSUMS, SESSION_LISTS };

/* "results", "checksums". */
const char *session_list_name(enum session_list list);

/* The file of a list; before session_start(). One that the session does not
 * know is added to. */
int session_list_open(struct session *session, enum session_list list,
                      const char *path, struct errmsg *msg) MUST_CHECK;

/* Of what failed or expired before, only this is tried again by this run
 * (usually all of it is). texts are borrowed until session_start(). */
void session_retry_only(struct session *session,
                        const struct failure_filter *filter);

/* A file of session_file_put(), as the last transaction left it.
 * ERR_NOTFOUND: none of that name. Before session_start(). */
int session_file_get(struct session *session, const char *name, int64_t *bytes,
                     uint64_t *records, struct errmsg *msg) MUST_CHECK;
/* All of them, in the order of their names; each returns non-zero to stop,
 * which is then returned. Before session_start(). */
typedef int session_file_fn(void *arg, const char *name, int64_t bytes,
                            uint64_t records);
int session_files_each(struct session *session, session_file_fn *each,
                       void *arg, struct errmsg *msg) MUST_CHECK;

/* A descriptor of the output directory (borrowed) and its path. */
int session_dirfd(const struct session *session);
const char *session_dir(const struct session *session);

/* ---- running (the loop's thread, nothing blocks) ----------------------- */

#define SESSION_RANGES 32

/* What is known of a partial file: recorded only when it is on the disk. */
struct session_partial {
  int64_t durable;      /* bytes from the start that are on the disk */
  unsigned range_count; /* and what is there behind them, in order: */
  struct range ranges[SESSION_RANGES];
  int64_t size;           /* of the whole; -1 unknown */
  char etag[128];         /* "" none; with its quotes, W/ included */
  char last_modified[64]; /* "" none; as the server sent it */
};

/* What of a partial file was written, flushed or not, as a run that was killed
 * since has left it: good where the file is still the one that was meant, and
 * flushed first. */
struct session_unflushed {
  uint64_t inode;
  int64_t said_ns; /* the clock's time after it was written, Unix time */
  struct session_partial partial;
};

/* What of an ended task's name in the directory is this session's. */
enum session_owns { OWNS_NOTHING = 0, OWNS_PART = 1, OWNS_NAME = 2 };

/* A task as delivered; everything is borrowed for the call. */
struct session_item {
  uint64_t id;
  const char *url;
  const char *out;                  /* NULL: name it from the URL */
  const char *dir;                  /* below the output directory, or NULL */
  int64_t deadline_unix;            /* as the line says; INT64_MAX not */
  int32_t priority;                 /* larger ones go first; 0 is usual */
  const struct task_fields *fields; /* NULL: the line says nothing else */
  uint64_t line;                    /* line number in its source, from 1 */
  bool started, written;            /* marks, see above */
  bool begun;                 /* NAME.part may be ours; started implies it */
  int64_t ours_since_unix_ns; /* 0, or after a reboot: see Marks */
  bool failed_before;         /* an earlier run gave it up */
  bool again;                 /* a person wants it once more */
  const struct session_partial *partial;     /* NULL none */
  const struct session_unflushed *unflushed; /* NULL none */
};

struct session_result {
  uint64_t id;
  enum task_state state; /* TASK_DONE, FAILED, CANCELLED or EXPIRED */
  int64_t bytes;
  int status; /* last HTTP status; 0 none */
  int attempts;
  const char *reason; /* "" for done; copied; no secrets in it */
  const char *path;   /* name the output got; copied; kept only where it is
                         not what the URL or manifest says (renamed) */
  bool renamed;
  bool told;     /* owns is known; else it is what the mark says */
  unsigned owns; /* not done: session_owns, when a later run finds them */
  bool once;     /* its request may not be repeated: that it was sent counts */
  bool left;     /* not done: path.part may be there, of this object */
  uint64_t object;
  const char *digest;  /* "sha-256=HEX"; "" none; copied */
  const char *host;    /* that answered or was asked last; NULL none; copied */
  const char *type;    /* summary_type() of the answer; NULL none; copied */
  uint64_t latency_us; /* to its first byte; 0 none */
};

#define SESSION_FILE_LOST INT64_MIN

struct session_hooks {
  void *arg;
  /* A task; never called from inside session_want(). */
  void (*item)(void *arg, const struct session_item *item);
  /* A manifest line that cannot be used: source name, line number, what is
   * wrong. It is counted by the session too. */
  void (*bad_line)(void *arg, const char *source, uint64_t line,
                   const char *why);
  /* These results are on the disk. */
  void (*committed)(void *arg, const uint64_t *ids, size_t count);
  /* The system lost what was written for this task (a failed flush): the
   * session counts it as failed. Called before committed. */
  void (*lost)(void *arg, uint64_t id);
  /* All sources are read to their end and everything was delivered. */
  void (*exhausted)(void *arg);
  /* The length of a file (session_file_put) is in the database, or it is
   * SESSION_FILE_LOST: data was lost, and no length is kept in this run any
   * more. Called before committed. May be NULL. */
  void (*file)(void *arg, const char *name, int64_t bytes);
  /* The database or the spool cannot be written: ERR_FULL, ERR_READONLY,
   * ERR_IO. The session keeps what it has and tries again every second;
   * called with 0 when that has worked. */
  void (*trouble)(void *arg, int code, const char *text);
  /* Something of a manifest is passed over that is no task: a name that is
   * not known, once. May be NULL. */
  void (*warning)(void *arg, const char *source, const char *text);
  /* Whether a task of this URL is wanted now: no while its host has plenty of
   * them and may not start more. The line is left for a later pass. May be
   * NULL. */
  bool (*accepts)(void *arg, const char *url);
  /* order_host_bit() of all hosts that would be refused, less that of the
   * others that are known. NULL with accepts. */
  uint64_t (*full)(void *arg);
  /* Whether a failed task, of this URL in its list, is of the host that is
   * meant. NULL: of any. */
  bool (*of_host)(void *arg, uint64_t id, const char *url,
                  const struct failed_choice *choice);
};

/* How tasks are ordered: by deadline (a line's own, else when its URL expires)
 * below priority, or at random. Before session_start(); without it deadlines
 * do not count. */
struct session_order {
  bool deadlines, shuffle;
  uint64_t seed; /* of the random order */
};
void session_order(struct session *session, const struct session_order *order);

int session_start(struct session *session, uv_loop_t *loop,
                  const struct session_hooks *hooks,
                  struct errmsg *msg) MUST_CHECK;

/* The engine has room for this many more tasks (absolute, not added up). */
void session_want(struct session *session, unsigned room);

/* Reads every list to its end, in the background and at low priority, so that
 * all of its lines can be looked at (history.h), not only those that a run has
 * come to. */
void session_read_ahead(struct session *session);

/* A host that was full wants tasks again (or a second has passed). */
void session_hosts_changed(struct session *session);

/* See Marks. */
/* taken: the file of its name is somebody else's; its .part alone is ours. */
void session_mark_started(struct session *session, uint64_t id, bool taken);
/* elsewhere: under another name, which the next run will not find. */
void session_mark_written(struct session *session, uint64_t id, bool elsewhere);
/* The file of that name is somebody else's after all. */
void session_mark_foreign(struct session *session, uint64_t id);

/* The end of a task. out of memory is kept inside as trouble. */
void session_settle(struct session *session,
                    const struct session_result *result);

/* So many bytes of a file are written and hold so many records. With the next
 * batch, before its transaction, the storage thread flushes fd (durable
 * sessions; -1: nothing to flush), and the transaction keeps both numbers
 * under the name; bytes -1 forgets it. fd is borrowed until the file hook has
 * named the file or the session has stopped; name is copied.
 *
 * A task is to be settled in the same transaction as the length that covers
 * its record: say both between session_group_begin() and session_group_end(),
 * within one callback of the loop. Should the system lose what was written
 * (lost), no length is kept from then on and what is settled counts as
 * failed: the next run cuts the files and fetches again. */
void session_file_put(struct session *session, const char *name, int fd,
                      int64_t bytes, uint64_t records);
void session_group_begin(struct session *session);
void session_group_end(struct session *session);

/* A line (its newline included) of the task that is settled in the same group,
 * for a list that is open. */
void session_list_add(struct session *session, enum session_list list,
                      const char *line, size_t length);
/* In its place when there was no memory for it: the task must not count as
 * done then. */
void session_list_lost(struct session *session);

/* Nothing more is to come: what is settled is committed at once. */
void session_hurry(struct session *session);

/* Remembers a partial file (NULL forgets it), with the next batch. */
void session_partial_put(struct session *session, uint64_t id,
                         const struct session_partial *partial);

/* What of it is written by now: survives a kill at once, at the price of a
 * memory write, for as many files as there is room. busy: more is being
 * written. NULL: its file is not to be trusted so far any more; this and the
 * task's end forget it, as does session_partial_put() with NULL. */
void session_unflushed_put(struct session *session, uint64_t id, bool busy,
                           const struct session_unflushed *known);

/* A person has given the task this priority: kept, with the next batch, until
 * it is done or dropped. */
void session_priority_put(struct session *session, uint64_t id,
                          int32_t priority);

/* A task that failed or was cancelled is wanted again by a person: it is
 * delivered again; any other is not. note: should this run not come to it, a
 * later one does, also when it was cancelled; kept with the next batch. */
void session_redeliver(struct session *session, uint64_t id, bool note);

/* How a task stands that is out of the window. */
enum session_stands {
  SESSION_UNKNOWN, /* its line cannot be used */
  SESSION_OPEN,    /* it has yet to be delivered, or has just been */
  SESSION_DONE,
  SESSION_ENDED /* failed, expired or cancelled: it can be redelivered */
};
struct session_standing {
  int code; /* of a failed look */
  const char *text;
  uint64_t task;
  enum session_stands stands;
  uint64_t failed; /* session_retry(): so many fit, hosts apart */
  bool by_host;    /* and those of the hosts that are meant will be tried */
};

/* Looks how a task stands; told is called once, later. ERR_NOTFOUND: no list
 * has it so far. */
int session_stands(struct session *session, uint64_t task,
                   void (*told)(void *arg,
                                const struct session_standing *standing),
                   void *arg) MUST_CHECK;

/* Whether PATH.part, which is in a task's way, was left by a cancelled task of
 * this session. */
struct session_left {
  int code;      /* of a failed look */
  uint64_t task; /* whose way it is in */
  uint64_t by;   /* the cancelled one's number; 0: it is not of this session */
  uint64_t object;                       /* that one's */
  const struct session_partial *partial; /* for the call; NULL: its bytes are
                                            not known */
};

/* told is called once, later. */
int session_left_look(struct session *session, uint64_t task, const char *path,
                      void (*told)(void *arg, const struct session_left *left),
                      void *arg) MUST_CHECK;
/* It is another task's from now on: the cancelled one has none any more. Kept
 * with the next batch. */
void session_left_take(struct session *session, uint64_t by);
/* A task has made PATH.part: no task that ended has one of that name any more.
 * Kept with the next batch. */
void session_left_claim(struct session *session, uint64_t task,
                        const char *path);

/* All tasks that have failed, or those that fit (words as in failed_choice.h,
 * NULL: all), are wanted again by a person. They are counted, then told is
 * called once, then they are delivered as there is room, before new ones; none
 * of them twice. ERR_SYNTAX: the words, with a sentence. */
int session_retry(struct session *session, const char *words,
                  void (*told)(void *arg,
                               const struct session_standing *standing),
                  void *arg, struct errmsg *msg) MUST_CHECK;

/* hooks.exhausted was called, and nothing has come since. */
bool session_exhausted(const struct session *session);

/* Adds lines as session_add_lines() does, in a running session. done is called
 * once: with code 0 when they are on the disk, with a code and a sentence when
 * none was taken. A line whose object the command lines have already adds
 * nothing; its task is among `again`, maybe signed anew. text: lines, each with
 * a line feed but maybe the last; copied. ERR_NOMEM, ERR_CLOSED: done is not
 * called. */
struct session_added {
  int code;
  const char *text; /* "" none */
  size_t added;
  struct session_again {
    uint64_t task;
    uint64_t of;     /* readdress_of() the URL of its line */
    const char *url; /* as it was given now */
    bool done;       /* nothing is wanted of it */
  } const *again;
  size_t again_count;
};
int session_add(struct session *session, const char *text,
                void (*done)(void *arg, const struct session_added *added),
                void *arg) MUST_CHECK;

/* Adds a manifest (a file of any form, packed ones and Metalinks included) to
 * a running session, likewise. The text of a refusal says what to do. */
int session_join(struct session *session, const char *path,
                 void (*done)(void *arg, const struct session_added *added),
                 void *arg) MUST_CHECK;

/* An option of the run was changed by a person: kept, with the next batch, in
 * place of those of that name whose value begins with same ("": all). */
void session_option_set(struct session *session, const char *name,
                        const char *value, const char *same);

struct session_counts {
  int64_t tasks;       /* all; -1 while a source is not read to its end */
  int64_t tasks_guess; /* by the average length of a line; -1 none */
  uint64_t done, failed, cancelled, expired; /* committed or about to be */
  uint64_t done_before; /* done when the session was opened */
  uint64_t bad_lines;
  uint64_t commits;
  uint64_t commit_p50_us, commit_p99_us;
};
void session_counts(const struct session *session,
                    struct session_counts *counts);

/* Adds this run's counters to the session's record with the next batch. */
struct session_traffic {
  uint64_t bytes, requests, retries, throttled;
};
void session_traffic(struct session *session,
                     const struct session_traffic *since_last_call);

/* Stops reading, commits everything that was settled, stops the storage
 * thread, closes every loop handle and then calls back. */
void session_stop(struct session *session, void (*stopped)(void *arg),
                  void *arg);

/* ---- ending (blocking) -------------------------------------------------- */

/* Releases the lock and everything else. With forget_if_done the session
 * directory is removed when all sources are command-line URLs and every task
 * is done. Takes NULL. */
void session_close(struct session *session, bool forget_if_done);

/* ---- looking at a session without touching it (any process) ------------- */

struct session_status {
  struct session_counts counts;
  struct session_traffic traffic; /* of all runs */
  int64_t created_unix, updated_unix;
  long running_pid; /* 0 = nobody runs it */
  bool finished;    /* no task is left to do and every source is read */
};

/* ERR_NOTFOUND when dir has no session. Reads only; works while it runs. */
int session_status_read(const char *dir, struct session_status *status,
                        struct errmsg *msg) MUST_CHECK;

/* The files of a session as in session_files_each(). */
int session_files_read(const char *dir, session_file_fn *each, void *arg,
                       struct errmsg *msg) MUST_CHECK;

/* The same of the session at hand; changes with every task that ends. */
const struct summary *session_summary(const struct session *session);

/* What the tasks came to: into an empty summary, which is to be ended. */
int session_summary_read(const char *dir, struct summary *summary,
                         struct errmsg *msg) MUST_CHECK;

struct session_failure {
  uint64_t id;
  enum task_state state;
  const char *line; /* a line of a manifest, in clear: URL, maybe tab and name;
                       of jsonl where a list of the session is not text */
  const char *reason;
  const char *class_name; /* see failure.h */
  int status, attempts;
};
typedef int session_failure_fn(void *arg,
                               const struct session_failure *failure);
/* Calls back for each failed or expired task in the order of the manifest.
 * each returns non-zero to stop. */
int session_failures_read(const char *dir, session_failure_fn *each, void *arg,
                          struct errmsg *msg) MUST_CHECK;

/* Those of one state that a filter lets through. without_lines: line is ""
 * and no list is read. */
struct session_search {
  enum task_state state; /* TASK_FAILED or TASK_EXPIRED */
  struct failure_filter filter;
  bool without_lines;
};
int session_failures_find(const char *dir, const struct session_search *search,
                          session_failure_fn *each, void *arg,
                          struct errmsg *msg) MUST_CHECK;

#endif
