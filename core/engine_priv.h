/* SPDX-License-Identifier: MIT
 *
 * The engine's inside, shared by the files that make it up:
 *
 *   engine.c   thread, loop, start and stop
 *   engine_door.c  commands and snapshots across threads
 *   intake.c   from a delivered manifest line to a task that may start
 *   fetch.c    a task's way from its start to the end of its transfer
 *   fetch_retry.c  what follows from a failed attempt
 *   fetch_mirror.c  redirects and mirrors: what it asks next
 *   mend.c     bad pieces of a body are fetched again
 *   naming.c   names that come with the answer
 *   fetch_bytes.c  limits on its bytes, and their figures
 *   split.c, split_part.c  one task in several connections
 *   fetch_end.c  what becomes of it then
 *   control.c  what commands do; control_task.c, control_host.c,
 *              control_add.c, control_url.c, control_retry.c
 *   hold.c     everything waits: full disk, network down
 *   gather.c   bodies become records of shards
 *   picture.c  the building of snapshots
 *
 * Thread: everything here belongs to the loop's thread, except the part of
 * struct engine marked as shared, which has its own mutex.
 */
#ifndef SPATE_ENGINE_PRIV_H
#define SPATE_ENGINE_PRIV_H

#include <uv.h>

#include "bandwidth.h"
#include "engine.h"
#include "eventlog.h"
#include "exec.h"
#include "hosts.h"
#include "idmap.h"
#include "list.h"
#include "look.h"
#include "loopwatch.h"
#include "outputs.h"
#include "pool.h"
#include "resolve.h"
#include "results.h"
#include "retry.h"
#include "scheduler.h"
#include "shards.h"
#include "sink.h"
#include "stats.h"
#include "task.h"
#include "titles.h"
#include "transfer.h"
#include "verdict.h"

#define ENGINE_RECENT_DONE 100
#define ENGINE_RECENT_FAILED 1000
#define ENGINE_HOLD_TEXT 280
#define GATHER_NAME 64

struct checksum_fetch;
struct checksum_table;
struct failed_choice;
struct intake_batch;
struct readdress;

/* What is wanted of a task that the session is to deliver again. */
struct task_wish {
  uint64_t id;
  enum command_kind kind;
};

struct engine {
  uv_loop_t loop;
  uv_thread_t thread;
  uv_async_t async;
  uv_prepare_t prepare;
  uv_timer_t tick; /* snapshots, log, checkpoints */
  struct loopwatch watch;
  struct pool pool;
  struct session *session;
  struct engine_config config; /* strings owned by the engine */
  double limit[LIMIT_COUNT];
  struct engine_hooks hooks;
  struct histogram_window waits[3]; /* net, disk, cpu */

  /* tasks */
  struct task_counts counts;
  struct idmap tasks;
  struct outputs outputs;    /* of those tasks */
  struct titles titles;      /* names that servers gave */
  struct titles urls;        /* that a person has given, see readdress.h */
  struct link live;          /* every task that has not ended, by task.all */
  uint64_t live_weight;      /* of those, together */
  size_t mean_weight;        /* of the last that came; 0 none yet */
  struct link recent_done;   /* newest first */
  struct link recent_failed; /* newest first */
  struct idmap failed;       /* those of that list */
  size_t recent_done_count, recent_failed_count;
  struct link splits; /* tasks in several connections, by split.all */
  struct hosts hosts;
  struct resolver resolver;
  struct scheduler scheduler;
  struct transfers transfers;
  struct verdict_rules rules;
  struct sinks sinks;
  struct execs execs;
  struct checksum_table *checksums;      /* NULL none */
  struct checksum_fetch *checksum_fetch; /* NULL: none is fetched */
  unsigned adoptions;    /* files that were there and are being read */
  struct shards *shards; /* NULL: a file each, and none is left to end */
  bool shards_lost;      /* the session keeps none of their lengths any more */
  struct bandwidth bandwidth;
  struct byte_limit all_bytes;
  struct rng rng;
  struct link incoming; /* tasks whose names are to be looked at */
  size_t incoming_count;
  struct link twins; /* tasks that wait for another one's file, twins.h */
  uint64_t *fetched; /* hashes of what is done in this run; twins.c's */
  unsigned lookups; /* batches of the intake on the pool */
  bool empty_dir;   /* nothing was in it: no names to look up */
  unsigned last_room;
  uint64_t untaken; /* delivered, but there was no memory for the task */
  bool exhausted;   /* the session has delivered everything */
  unsigned adds;    /* lines on their way into the session */
  bool reloading;   /* configuration files are being read */
  struct look look; /* at one task */
  struct task_wish *wishes;
  size_t wish_count, wish_cap;

  /* figures */
  uint64_t start_ns, last_tick_ns;
  uint64_t bytes, requests, retries, throttled;
  struct session_traffic reported; /* what the session was told already */
  struct meter byte_rate, byte_rate_long, request_rate, done_rate;
  double byte_peak;
  struct series byte_series, request_series;
  struct eventlog log;
  struct results_text results; /* the line at hand */

  /* holding and ending */
  bool paused, stopping, session_stopping, finished;
  char hold[ENGINE_HOLD_TEXT];
  int hold_code;         /* why: an error code; 0 = no hold */
  bool hold_reserve;     /* it is for --min-free-space */
  bool frozen;           /* nothing is received: see hold__update() */
  uint64_t hold_need;    /* free bytes to wait for */
  struct job hold_probe; /* looks at the disk */
  bool probing;
  uint64_t probe_need;   /* bytes that it tries to get; 0: only looks */
  bool probe_good;       /* it got them */
  uint64_t probe_free;   /* bytes that are left to us; UINT64_MAX unknown */
  uint64_t space_credit; /* bytes that may be taken before it is looked at */
  uint64_t space_bytes, space_requests; /* when it was given */
  bool space_stale, space_short;        /* it is old; it is used up */
  bool space_paused;                    /* bodies were, for want of credit */
  bool session_trouble;
  uint64_t network_probe_ns, network_wait_ns;
  uint64_t stop_deadline_ns;
  int exit_status;

  /* shared with other threads, under mutex */
  uv_mutex_t mutex;
  struct command *queue; /* ring that grows */
  size_t queue_len, queue_cap;
  const struct snapshot *shown; /* newest, not fetched yet or the last */
  bool closed;
  struct engine_watch first; /* of the front end that started the engine */
  struct engine_watch *watches;
  /* owned by the loop again */
  bool picture_now; /* somebody asked for something: show what came of it */
  uint64_t snapshot_seq;
  uint64_t reply_seq;
  char reply_text[256]; /* shown in snapshots */
  char said[256];       /* by the command at hand */
  int reply_code;
};

uint64_t engine_now(void); /* monotonic, ns */
int64_t engine__unix_ms(void);

/* ---- hold.c ---- */
/* Whether anything may start, after a change of what could forbid it. */
void hold__update(struct engine *e);
void hold__release(struct engine *e);
/* Looks, once a second, whether what holds everything is over. */
void hold__check(struct engine *e);
/* Whether a chunk of a body must wait: what hold__update() has said, and what
 * this turn of the loop has taken already. */
bool hold__frozen(struct engine *e);
/* Looks, at each turn of the loop, whether the disk may come too near to
 * --min-free-space before it was looked at again. */
void hold__watch_space(struct engine *e);

/* ---- engine.c ---- */
/* Holds everything until the trouble is over; repeated calls keep the first
 * reason. */
void engine__hold(struct engine *e, int code, const char *text);
void engine__stop(struct engine *e);
/* A request did or did not get as far as the host's machine. When none does
 * any more, although some did before, the network is down: everything waits
 * and one request at a time looks whether it is back. */
void engine__note_reach(struct engine *e, struct host *host, bool unreachable);
/* A task has come to its end in its present state: told to the hooks, kept
 * for the screen, out of the window. */
void engine__retire(struct engine *e, struct task *task);

/* ---- engine_door.c ---- */
/* Makes a snapshot when somebody's is due, or always. */
/* False: there was no memory for the picture. */
bool door__publish(struct engine *e, bool always);
void door__take_commands(struct engine *e);
void door__fini(struct engine *e);

/* ---- intake.c ---- */
/* Looks whether the output directory is empty but for the session (blocks). */
bool intake_dir_is_empty(int dirfd);
void intake_item(void *arg, const struct session_item *item);
/* The session's hooks of these names. */
bool intake_accepts(void *arg, const char *url);
uint64_t intake_full(void *arg);
/* A task that was paused before its name was looked up. */
void intake_again(struct engine *e, struct task *task);
/* Claims the task's name and has it looked up; a task that cannot have it waits
 * (twins.h) or fails. */
void intake__place(struct engine *e, struct task *task);
/* Gives a task its output name; one that is to be unpacked loses its suffix. */
/* A name that got a number, as it is recorded among the titles. */
void intake__numbered(const char *name, enum unpack_kind unpack, char *text,
                      size_t cap);
int intake__set_name(struct engine *e, struct task *task,
                     const char *name) MUST_CHECK;
/* Puts the name among the outputs, another one where that is wished; why (""
 * else) says who has it. */
int intake__claim_name(struct engine *e, struct task *task, char *why,
                       size_t cap) MUST_CHECK;
#define INTAKE_EXISTS                                             \
  "the file exists and is not of this session (see --overwrite, " \
  "--skip-existing, --auto-rename)"
/* From what its line says, the URL or the options. */
void intake__set_deadline(const struct engine *e, struct task *task);
/* Sends gathered tasks to be looked at; asks the session for more. */
void intake_run(struct engine *e);

/* ---- fetch.c ---- */
extern const struct transfer_ops fetch_transfer_ops;
extern const struct sink_ops fetch_sink_ops;
/* The scheduler's start: permits are held. */
void fetch_start(void *arg, struct task *task);
/* A task that is not running fails now; why goes into its reason. */
void fetch_fail(struct engine *e, struct task *task, const char *why);
/* A task whose file is there and whole: no request needed. */
void fetch_adopt(struct engine *e, struct task *task, int64_t bytes);
/* The task is done, and told to the session. */
void fetch_done(struct engine *e, struct task *task);
/* It is given up at a person's wish; its file stays. */
void fetch_cancel(struct engine *e, struct task *task);
/* The URL is past its time. */
void fetch_expire(struct engine *e, struct task *task);
/* Results the session has committed. */
void fetch_committed(void *arg, const uint64_t *ids, size_t count);
void fetch_lost(void *arg, uint64_t id);
/* The host's name was not found: its ready tasks wait or fail. */
void fetch_unresolved(struct engine *e, struct host *host, const char *why);
/* Cuts an active task: it becomes paused or cancelled as wanted, or queued
 * again when nothing is wanted. */
void fetch_cut(struct engine *e, struct task *task);
/* Some transfer of the task is under way. */
bool fetch_moves(const struct task *task);

/* ---- naming.c ---- */
/* A good head has come for a task without a name: the rest of the answer waits
 * until it has one. False without memory. From inside libcurl. */
bool naming_begin(struct engine *e, struct task *task,
                  const struct transfer *transfer) MUST_CHECK;
/* The transfer has ended; true: the name comes first, and done is called
 * again. */
bool naming_over(struct task *task, CURLcode code);
/* The task is cut meanwhile. */
void naming_forget(struct engine *e, struct task *task);

/* ---- fetch_bytes.c ---- */
/* Brings an active task's own limit on bytes to the present one. */
void fetch_set_byte_limit(struct engine *e, struct task *task);
/* Its transfer has ended: out of lines for bytes. */
void fetch__leave_lines(struct engine *e, struct task *task);
/* May so many bytes be taken now, by the limits on bytes a second? Else the
 * waiter is called. paid: whether the chunk at hand was counted already. */
bool fetch__may_pass(struct engine *e, struct task *task, struct host *host,
                     struct byte_waiter *waiter, bool *paid, size_t length,
                     uint64_t now);
void fetch__count_bytes(struct engine *e, struct task *task, struct host *host,
                        size_t length, uint64_t now);

/* ---- fetch_mirror.c ---- */
/* 3xx with a Location: the next request goes there. False when it leads
 * nowhere; v says why. */
bool fetch__redirect(struct engine *e, struct task *task,
                     struct transfer *transfer, struct verdict *v);
/* Whether a redirect of what home has may be followed to host, as far as its
 * addresses are known: --no-private-redirects. */
bool fetch__may_follow(const struct engine *e, const struct host *home,
                       const struct host *host);
#define FETCH_PRIVATE \
  "redirected to a private address, which --no-private-redirects forbids"
/* The next request goes to the task's own URL, or its mirror's, again. */
void fetch__go_home(struct task *task);
/* Its own URL cannot be asked: a mirror's turn from the beginning. False: it
 * has none that can. */
bool fetch__other_source(struct engine *e, struct task *task);
/* After a failure: another mirror's turn, and the task is queued. False when
 * there is none to turn to. */
bool fetch__next_mirror(struct engine *e, struct task *task,
                        const struct verdict *v);
/* These (bits, by number) are not asked any more, if there are others. */
void fetch__leave_mirrors(struct engine *e, struct task *task, uint32_t which);

/* ---- fetch.c ---- */
/* Records what long transfers have on the disk. */
void fetch_checkpoint(struct engine *e);
/* A good head: opens the sink, and more connections where they may help. */
void fetch__take_answer(struct engine *e, struct task *task,
                        struct transfer *transfer);
/* What every answer tells about its host. */
void fetch__note_head(struct task *task, const struct transfer *transfer);
void fetch__count_request(struct engine *e, struct host *host, uint64_t now);
/* A body that has no place to go to: an error page, or what was not expected,
 * is read, with a ceiling. */
size_t fetch__take_page(struct transfer *transfer, const char *data,
                        size_t length, bool expected);
/* Tells the host's limits how it went. */
void fetch__report(struct engine *e, const struct transfer *transfer,
                   enum governor_outcome outcome);
/* No transfer is left: all has come, or none could go on. wait_s: what the
 * server asked for; negative nothing. */
void fetch__complete(struct engine *e, struct task *task, int64_t size);
/* fetch_retry.c */
void fetch__failed(struct engine *e, struct task *task, struct host *host,
                   const struct verdict *v, double wait_s);

/* For the fetch files alone. The transfer is gone; the sink, if any,
 * lets go first (keep: what it has stays as .part), then after happens. */
void fetch__let_go(struct engine *e, struct task *task, enum task_after after,
                   bool keep);
/* It may have done what must not be done twice: its request was sent, is not
 * one that may be repeated, and no answer says that it failed. */
bool fetch__may_be_done(const struct task *task,
                        const struct transfer *transfer);
/* That is known not to be so. */
void fetch__not_done(struct engine *e, const struct task *task);
/* An attempt of a request that may have been carried out counts as its last:
 * changes the verdict to that. */
void fetch__forbid_repeat(struct engine *e, struct verdict *v,
                          struct task *task, const struct transfer *transfer);
/* Ends what transfers it has. */
void fetch__drop_transfers(struct engine *e, struct task *task);
/* Another attempt after a back-off of at least wait_s; keep: what has come so
 * far stays. */
void fetch__retry(struct engine *e, struct task *task, double wait_s,
                  const char *why, bool keep);
/* The next attempt goes on with what the disk has. */
void fetch__keep_partial(struct engine *e, struct task *task,
                         const struct sink_result *result);
/* The .part of this inode was found, and task->kept of it is on the disk. */
void fetch__regained(struct engine *e, struct task *task, uint64_t inode);
/* The next attempt begins from nothing. */
void fetch__forget_partial(struct engine *e, struct task *task);
/* The same for the whole task: as if it had never been tried. */
void fetch__start_over(struct engine *e, struct task *task);

/* ---- gather.c ---- */
/* Bodies go to shards instead of a file each. */
static inline bool gathering(const struct engine *e) {
  return e->config.output != FORM_FILES;
}
/* Makes the shards; before the session is started. Blocks. */
int gather_open(struct engine *e, struct errmsg *msg) MUST_CHECK;
void gather_turn(struct engine *e);
/* May the session be stopped? complete: every task has come to its end. */
bool gather_end(struct engine *e, bool complete);
/* Where the sink of a task keeps a body that does not fit into memory. */
const char *gather_name(const struct engine *e, const struct task *task,
                        char *name, size_t cap);
/* Remembers the head of the answer for the record. */
void gather_head(struct engine *e, struct task *task,
                 const struct transfer *transfer);
/* The name in it is borrowed until the loop goes on. */
/* A shard lacks its end or its name; the next run gives it. */
bool gather_is_short(const struct engine *e);
void gather_picture(const struct engine *e, struct snap_shards *shown);
/* The session's hook. */
void gather_file_committed(void *arg, const char *name, int64_t bytes);

/* ---- control.c ---- */
void control_run(struct engine *e, const struct command *command);
/* Does it; true when it is answered. */
bool control_obey(struct engine *e, const struct command *command);
/* The session's hook. */
bool control_of_host(void *arg, uint64_t id, const char *url,
                     const struct failed_choice *choice);
/* Brings semaphores and buckets to the present limits. */
void control_apply(struct engine *e, enum limit_id id);

void control_delivered(struct engine *e, struct task *task);
/* One has ended badly: it comes again if it was asked for meanwhile. */
void control_retired(struct engine *e, uint64_t id);
/* Gives a host a limit of its own; *known: entries that have it now. */
int control_host_limit(struct engine *e, const struct host_limit *limit,
                       unsigned *known) MUST_CHECK;

/* For the files of the commands. What is said answers the command at hand; it
 * is an answer of success unless refused. */
void control__say(struct engine *e, const char *fmt, ...) PRINTF_LIKE(2, 3);
void control__refuse(struct engine *e, int code, const char *fmt, ...)
    PRINTF_LIKE(3, 4);
void control__log(struct engine *e, const struct command *c, const char *fmt,
                  ...) PRINTF_LIKE(3, 4);
void control__answer(struct engine *e, const struct command *c);
void control__host(struct engine *e, const struct command *c);
/* These may answer later; true: they have. */
bool control__task(struct engine *e, const struct command *c);
bool control__retry_failed(struct engine *e, const struct command *c);
/* About a task that is in no list: the session is asked how it stands, and
 * then the command goes on. */
bool control__unseen(struct engine *e, const struct command *c);
/* About one that ended badly and is in no list any more. */
void control__ended(struct engine *e, const struct command *c);
bool control__add(struct engine *e, const struct command *c);
bool control__reload(struct engine *e, const struct command *c);
void control__set_limit(struct engine *e, const struct command *c);
/* A task was added again: whether its URL is another one than it has now. Those
 * that are news are kept, then taken, and done is called: 1; 0: none is. */
bool control__is_news(struct engine *e, const struct session_again *again);
typedef void control_done_fn(void *arg, int code, const char *text);
int control__signed_anew(struct engine *e, const struct session_again *again,
                         size_t count, control_done_fn *done,
                         void *arg) MUST_CHECK;
/* Another URL or mirror; unseen: of a task that is in no list. */
bool control__url(struct engine *e, const struct command *c);
bool control__url_unseen(struct engine *e, const struct command *c);
/* The host of the URL that is in force for a task of this line. */
int control__host_of(struct engine *e, uint64_t task, const char *line,
                     struct host **host) MUST_CHECK;
/* A task comes in with this line's URL: it gets the one that it was given, if
 * any. */
int control__take_url(struct engine *e, struct task *task,
                      const char *line) MUST_CHECK;
/* Keeps a URL that was given already, in the session's file. */
void control__note_url(struct engine *e, uint64_t task,
                       const struct readdress *address);
/* Deletes a task's NAME.part, as far as it is there. */
void control__remove_part(struct engine *e, const struct task *task);
/* A task is asked for that is in the window: should it be on its way to be
 * cancelled, it comes again when it is. */
void control__keep(struct engine *e, const struct task *task);
/* It is delivered once more: off the list of those that ended badly, if it is
 * there. */
void control__drop_recent(struct engine *e, uint64_t id);
/* The task on that list, NULL none; whether it was done not long ago. */
struct task *control__recent_failed(struct engine *e, uint64_t id);
bool control__is_done(struct engine *e, uint64_t id);
/* One that is over is delivered again, off the list of those that ended badly,
 * if it has not ended well. note: a later run is to do it, should this one not
 * come to it; see session_redeliver(). */
void control__redeliver(struct engine *e, uint64_t id, bool note);

/* ---- picture.c ---- */
/* A new snapshot with one reference; NULL without memory. */
struct snapshot *picture_take(struct engine *e, uint64_t now_ns);

#endif
