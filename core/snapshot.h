/* SPDX-License-Identifier: MIT
 *
 * Snapshots: an immutable picture of the engine for a front end.
 *
 * The engine thread builds one and publishes it; from then on nobody changes
 * it, so a front end on any thread may read it without a lock until it drops
 * its reference. All strings live in the snapshot's own memory. Strings come
 * from URLs, file names and servers and are NOT safe for a terminal: pass each
 * through text_clip(). Secrets in URLs are replaced already.
 *
 * Thread: made on the engine thread, read on any, reference counts are atomic.
 */
#ifndef SPATE_SNAPSHOT_H
#define SPATE_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "limits.h"
#include "task_state.h"

#define SNAP_HISTORY 240 /* seconds of throughput kept, newest last */
#define SNAP_SLOW 6      /* callbacks named */
#define SNAP_LAG_BANDS 8 /* below 0.1, 0.3, 1, 3, 10, 30, 100 ms; the rest */
#define SNAP_JOBS 12     /* kinds of jobs */
#define SNAP_SHARES 8    /* names counted, of each kind */
#define SNAP_LOG 64      /* lines of the event log carried along */

enum snap_sem_id { SNAP_NET, SNAP_DISK, SNAP_CPU, SNAP_EXEC, SNAP_SEM_COUNT };

struct snap_sem {
  const char *name;
  uint32_t used, limit, waiting; /* permits; used > limit while it drains */
  uint64_t wait_p50_us, wait_p99_us;
};

/* A callback of the loop, since the start of the run. */
struct snap_callback {
  const char *name;
  uint64_t calls;
  double total_ms, max_ms;
};

/* What the pool's jobs of one name have cost so far. */
struct snap_job {
  const char *name;
  bool cpu; /* under the cpu semaphore; else disk */
  uint32_t waiting, running;
  uint64_t jobs;       /* that have ended */
  uint64_t cpu_us;     /* of the pool's threads */
  uint64_t waited_us;  /* for a permit, all together */
  uint64_t longest_us; /* piece of one, the time another process had included */
  uint64_t longest_cpu_us; /* piece of one, by its thread's CPU time */
};

struct snap_task {
  uint64_t id;
  enum task_state state;
  const char *name; /* relative path of the output, or the URL's tail */
  const char *host;
  const char *url;    /* redacted */
  const char *reason; /* why it waits or failed; "" otherwise */
  int64_t size;       /* bytes; -1 unknown */
  int64_t got;        /* bytes received, kept ones of earlier runs included */
  int64_t worked;     /* verifying: bytes that its job on the pool has gone
                         through; 0 none */
  double bytes_per_s; /* average over about 10 s */
  int64_t eta_s;      /* -1 unknown */
  int64_t due_in_ms;  /* waiting: time until its next attempt; else -1 */
  int64_t ended_unix; /* done, failed: wall clock seconds; else 0 */
  int connections;
  int attempt, tries;    /* attempt counts from 1 */
  int status;            /* last HTTP status; 0 none */
  int http_version;      /* 11, 20 ...; 0 none */
  const char *etag;      /* validator of the body (ETag, else Last-Modified);
                            "" none */
  int32_t priority;      /* larger ones go first; 0 is usual */
  int own_split;         /* connections for it; 0 as for all */
  double own_rate;       /* bytes/s for it alone; 0 none */
  int64_t deadline_in_s; /* of its URL; INT64_MAX none */
  bool resumable;        /* the server showed that it serves ranges */
  const char *segments;  /* its connections, see snap_segments.h; "" none */
  /* Of the last answer, since its request began; 0 not known or none. */
  uint32_t resolved_us, connected_us, secured_us, first_byte_us;
};

struct snap_host {
  const char *name; /* scheme://host:port */
  uint32_t active, limit /* 0 = none */, queued;
  double requests_per_s, rate_limit /* 0 = none */;
  double byte_limit; /* bytes/s; 0 = none */
  uint64_t requests, errors, throttled, bytes;
  int64_t retry_in_ms; /* -1 unless the host is held back */
  uint64_t ttfb_p50_us, ttfb_p99_us;
  bool paused;          /* by a person */
  bool adaptive;        /* a governor moves rate_limit and limit */
  const char *governor; /* its phase: "start", "search", "hold", "probe",
                           "gate"; "" none */
  const char *breaker;  /* "closed", "resting", "canary" */
};

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

struct snap_log {
  int64_t unix_ms;
  enum log_level level;
  uint64_t task; /* 0 = none */
  const char *text;
};

/* Bodies that become records of shards (--output jsonl, tar, warc). */
struct snap_shards {
  bool on;
  uint64_t shards;  /* that have their name, earlier runs included */
  uint64_t open;    /* that are appended to */
  uint64_t records; /* in all of them */
  uint64_t bytes;   /* of all of them on the disk */
  uint64_t records_run, bytes_in, bytes_out; /* by this run */
  uint64_t waiting; /* records that are not in a shard yet */
  /* One that is appended to, the first when there are several. */
  const char *name; /* "" none */
  uint64_t name_records, name_bytes;
};

/* What the tasks came to, those of earlier runs included (summary.h). */
enum snap_by { SNAP_BY_STATUS, SNAP_BY_HOST, SNAP_BY_TYPE, SNAP_BYS };

struct snap_share {
  const char *name; /* NULL or "": no more of them */
  uint64_t tasks;
};

struct snap_spread {
  uint64_t count, p50, p90, p99, max;
};

struct snap_summary {
  struct snap_share share[SNAP_BYS][SNAP_SHARES]; /* the largest first */
  uint64_t others[SNAP_BYS];
  struct snap_spread size;       /* bytes of finished files */
  struct snap_spread latency_us; /* from a request to its first byte */
};

struct snap_totals {
  int64_t tasks;       /* all tasks of the session; -1 not known yet */
  int64_t tasks_guess; /* an estimate while unknown; -1 none */
  uint64_t queued, waiting, active, verifying, paused; /* in the window */
  uint64_t pending; /* known and not settled, the window included */
  uint64_t done, failed, cancelled, expired;
  uint64_t done_before; /* of done: found done when the run began */
  uint64_t bad_lines;
  uint64_t bytes;         /* received by this run */
  int64_t bytes_expected; /* sum of known sizes of open tasks + bytes; -1 */
  uint64_t requests, retries, throttled;
};

struct snapshot {
  uint64_t seq;
  double t_s;      /* since the start of the run */
  int64_t unix_ms; /* wall clock when it was taken */
  const char *session_dir;
  bool paused;      /* everything is paused by a person */
  bool stopping;    /* a stop was asked for */
  bool finished;    /* the last snapshot of a run: all counted, all committed */
  int exit_status;  /* valid when finished */
  const char *hold; /* why the whole engine waits (disk full, ...); "" */

  struct snap_totals total;
  struct snap_shards shards;
  struct snap_summary summary;
  double bytes_per_s, bytes_per_s_avg, bytes_per_s_peak;
  double requests_per_s; /* started, averaged over about 10 s */
  double done_per_s;
  int64_t eta_s; /* -1 unknown */

  /* Deadlines of pre-signed URLs: will they be kept at the present rate? */
  bool has_deadline;
  int64_t deadline_in_s; /* of the earliest open task known; may be negative */
  double needed_per_s;   /* tasks a second to keep it */
  int64_t will_miss;     /* tasks that will not be done by then; -1 unknown */

  struct snap_sem sem[SNAP_SEM_COUNT];
  struct snap_job job[SNAP_JOBS];                  /* name NULL or "": none */
  uint64_t exec_started, exec_failed, exec_cpu_us; /* programs of --exec */
  double limit[LIMIT_COUNT]; /* present values, units of limits.h */
  double rate_level;         /* starts/s achieved by the global bucket */
  double rate_throttled;     /* share of the last 10 s it held starts back */
  double band_throttled;     /* the same of the limit on all bytes */

  double loop_busy;    /* 0..1 over the last second */
  double lag_p99_ms;   /* over the run's last minute */
  double lag_max_ms;   /* since the start */
  const char *slowest; /* name of the longest callback so far; "" */
  double slowest_ms;
  uint32_t slow_count;
  struct snap_callback slow[SNAP_SLOW]; /* the slowest one first */
  uint64_t lag_band[SNAP_LAG_BANDS];    /* iterations of the last minute */
  uint64_t commits;                     /* of the session database */
  double commit_p50_ms, commit_p99_ms;
  uint64_t buffer_bytes, buffer_limit; /* body buffers in use */
  uint64_t rss_bytes;

  size_t history_count;
  double history_bytes_per_s[SNAP_HISTORY]; /* negative: a gap */
  double history_requests_per_s[SNAP_HISTORY];

  size_t task_count; /* shown rows, not all tasks */
  const struct snap_task *tasks;
  size_t host_count;
  const struct snap_host *hosts;
  size_t log_count;
  const struct snap_log *log; /* oldest first */
  uint64_t log_errors;        /* errors logged so far */
  uint64_t log_lines;         /* lines logged so far, those of log included */

  uint64_t look_task; /* of which look tells; 0 none */
  const char *look;   /* lines, see look.h; "" nothing is known */

  uint64_t reply_seq;     /* last command that was answered */
  const char *reply_text; /* its answer for a person; "" when all went well */
};

/* Takes another reference. Any thread. */
void snapshot_ref(const struct snapshot *snap);

/* Drops a reference; frees with the last one. NULL is allowed. Any thread. */
void snapshot_unref(const struct snapshot *snap);

#endif
