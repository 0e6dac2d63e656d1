/* SPDX-License-Identifier: MIT
 *
 * The front door of the engine: start it on a session, send it commands, read
 * its snapshots, wait for its end.
 *
 * Thread: engine_start() makes the engine thread, which owns the libuv loop,
 * every task and every transfer. All functions here may be called from any
 * other thread; none of them waits for the loop, except engine_join().
 */
#ifndef SPATE_ENGINE_H
#define SPATE_ENGINE_H

#include <stdbool.h>
#include <stdint.h>

#include "command.h"
#include "digest.h"
#include "expect.h"
#include "host_limit.h"
#include "names.h"
#include "scribe.h"
#include "session.h"
#include "snapshot.h"
#include "steps.h"

struct engine;
struct host_rule;

#define ENGINE_THROTTLE_CODES 16

enum exists_policy {
  EXISTS_FAIL,
  EXISTS_OVERWRITE,
  EXISTS_SKIP,
  EXISTS_RENAME
};

struct str_list {
  char **items;
  size_t count;
};

/* What a run is started with. Borrowed until engine_start() returns. */
struct engine_config {
  double limit[LIMIT_COUNT]; /* base units of limits.h */
  enum layout layout;
  enum exists_policy exists;
  bool durable;              /* --durability batch */
  bool allocate;             /* reserve the space of large files first */
  bool content_disposition;  /* outputs are named by their answers */
  bool remote_time;          /* files get the time of Last-Modified */
  bool mirrors_from_headers; /* Link: rel=duplicate */
  struct str_list headers;   /* "Name: value" lines */
  const char *user_agent, *user_pwd, *bearer, *cookie;
  const char *cookie_file;
  const char *aws_sigv4; /* how user_pwd signs requests; NULL it does not */
  const char *proxy, *noproxy, *cacert, *interface;
  struct str_list host_limits; /* "HOST,LIMIT=VALUE", host_limit.h */
  struct str_list resolve;     /* HOST:PORT:ADDR as curl's --resolve */
  bool insecure, netrc;
  bool no_private_redirects;               /* from elsewhere, see address.h */
  unsigned protocols;                      /* PROTOCOL_* that may be spoken */
  const char *sftp_known_hosts, *sftp_key; /* files; NULL the usual ones */
  int ip_version;                          /* 0, 4 or 6 */
  int http_version;           /* 0 = by the run-time libcurl, 11, 20 */
  int want_done_events;       /* JSON lines of finished tasks (-v) */
  const char *log_file;       /* NULL = the session's own event log */
  const char *results_file;   /* a line for each task that ends; NULL none */
  const char *checksums_file; /* a line for each finished file; NULL none */
  struct str_list checksum_files;
  const char *exec;      /* run for each file; NULL nothing */
  bool exec_shell;       /* by sh -c */
  double exec_timeout_s; /* 0 none */
  bool decompress;       /* by the suffix of the name */
  struct unpack_limits unpack_limits;
  enum digest_type digest;       /* computed for every file */
  enum body_check check;         /* what every body must be */
  const struct host_rule *rules; /* of single hosts and paths, hosts.h */
  size_t rule_count;
  bool shuffle;      /* tasks in random order */
  int deadline_mode; /* 0 none, 1 from the URLs, 2 deadline_unix for all */
  int64_t deadline_unix;
  int throttle_status[ENGINE_THROTTLE_CODES]; /* more codes that mean 429 */
  size_t throttle_status_count;
  struct str_list throttle_words; /* see verdict.h; none = built in */
  enum shard_form output;         /* FORM_FILES: a file each */
  enum codec shard_codec;
  int64_t shard_size;        /* bytes */
  unsigned shard_count;      /* open at once */
  const char *shard_headers; /* names with commas; NULL none */
  struct expect expect;      /* of good answers; types owned likewise */
};

/* What happened to one task, for reporters that print events. Strings are
 * valid during the call only. */
struct engine_event {
  bool warning;          /* of no task: reason says it of the source in url */
  enum task_state state; /* TASK_DONE, TASK_FAILED, ... */
  uint64_t task;
  const char *url;  /* redacted */
  const char *path; /* relative to the output directory; "" none */
  const char *reason;
  const char *digest; /* "" none */
  int64_t bytes;
  int status;
  int attempts;
};

/* What configuration files ask for since they were read last. */
struct engine_change {
  char host[URL_ORIGIN_CAP]; /* "" the whole run; else as host_limit.h has it */
  enum limit_id limit;
  double value; /* base units of limits.h, within its range */
};

struct engine_reload {
  struct engine_change
      *changes; /* malloc'ed by who fills it, freed by engine */
  size_t count;
  char text[224]; /* what else there is to say; why, with a negative code */
};

struct engine_hooks {
  void *arg;
  /* A task came to its end. Called on the engine thread: must not block, so
   * it hands a copy to its own thread. May be NULL. */
  void (*event)(void *arg, const struct engine_event *event);
  /* A new snapshot can be fetched. Called on the engine thread: writes to a
   * pipe or an eventfd at most. May be NULL. */
  void (*wake)(void *arg);
  /* The files are to be read again (CMD_RELOAD). Called on a pool thread, never
   * twice at once; may block. Returns 0 or a negative code. May be NULL. */
  int (*reload)(void *reload_arg, struct engine_reload *out);
  void *reload_arg;
};

/* Takes the session over (also when it fails). On success the run is going. */
int engine_start(struct engine **out, struct session *session,
                 const struct engine_config *config,
                 const struct engine_hooks *hooks,
                 struct errmsg *msg) MUST_CHECK;

/* How often snapshots are made for the front end that started the engine, in
 * milliseconds; at least 20. Default 1000. None is made while the previous one
 * was not fetched. */
void engine_snapshot_every(struct engine *engine, unsigned interval_ms);

/* The newest snapshot, with a reference for the caller; NULL before the first.
 * Drop it with snapshot_unref(). */
const struct snapshot *engine_snapshot(struct engine *engine);

/* More front ends, each at its own pace. A watch is embedded in what watches;
 * wake is called on the engine thread, with the engine's mutex held, whenever
 * a new snapshot can be taken: it writes to a pipe or an eventfd at most.
 * After engine_watch_remove() it is not called any more. */
struct engine_watch {
  /* private */
  struct engine_watch *next;
  uint64_t interval_ns, next_ns;
  bool taken;
  void (*wake)(void *arg);
  void *arg;
};
void engine_watch_add(struct engine *engine, struct engine_watch *watch,
                      unsigned interval_ms, void (*wake)(void *arg), void *arg);
const struct snapshot *engine_watch_take(struct engine *engine,
                                         struct engine_watch *watch);
void engine_watch_remove(struct engine *engine, struct engine_watch *watch);

/* Queues a command; ERR_CLOSED when the engine has ended. */
int engine_command(struct engine *engine,
                   const struct command *command) MUST_CHECK;

/* Waits until the run has ended and returns its exit status (CLI.md); the last
 * snapshot (finished = true) stays readable. */
int engine_join(struct engine *engine);

/* Frees everything; after engine_join(). */
void engine_free(struct engine *engine);

#endif
