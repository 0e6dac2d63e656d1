/* SPDX-License-Identifier: MIT
 *
 * The hosts that tasks go to: queue of ready tasks, limits, addresses, figures.
 * An entry stands for an origin (scheme, host, port) or, where a rule of the
 * configuration sets some paths of it apart, for those: API limits often go by
 * path. Each entry has its own semaphore, bucket, governor and breaker.
 *
 * Entries live until the engine ends: there are few hosts beside tasks, and a
 * host's history is what the limits work from.
 *
 * Thread: the loop's.
 */
#ifndef SPATE_HOSTS_H
#define SPATE_HOSTS_H

#include <stdbool.h>
#include <stdint.h>

#include <curl/curl.h>

#include "bandwidth.h"
#include "bucket.h"
#include "governor.h"
#include "heap.h"
#include "host_limit.h"
#include "list.h"
#include "retry.h"
#include "semaphore.h"
#include "stats.h"
#include "url.h"

/* A rule of the configuration: [host NAME] or [bucket NAME]. */
struct host_rule {
  const char *name; /* of the section, for people */
  const char *host; /* "api.example.org", lower case */
  const char *path; /* prefix of the path; "" or NULL any */
  double per_host;  /* negative: the general limit counts */
  double per_host_rate;
  double byte_rate;   /* bytes/s; negative none */
  int adaptive;       /* 1 on, 0 off, -1 as in general */
  const char *header; /* "Name: value" for its requests; NULL none */
  const char *login;  /* likewise, Authorization */
};

enum resolve_state { RESOLVE_NONE, RESOLVE_RUNNING, RESOLVE_DONE };

/* Where its addresses are (address.h). One private address is enough, and is
 * remembered: a name that changes its mind is not to be trusted again. */
enum reach { REACH_UNKNOWN, REACH_PUBLIC, REACH_PRIVATE };

struct host {
  char origin[URL_ORIGIN_CAP];  /* "https://example.org:443" */
  const struct host_rule *rule; /* borrowed; NULL none */
  char name[URL_HOST_CAP];      /* "example.org"; IPv6 in brackets */
  uint16_t port;
  const struct protocol *protocol;
  unsigned number; /* counts from 0 in order of appearance */
  struct link all; /* on hosts.list */
  struct host *hash_next;

  /* scheduling (scheduler.c) */
  struct link ready;    /* tasks that may start, in their order */
  struct link again;    /* those that were tried before */
  unsigned ready_count; /* of both */
  unsigned full_at;     /* so many were ready when it was full; 0 it is not */
  struct link runnable; /* on the scheduler's ring */
  struct heap_node due; /* in the scheduler's heap while it is held back */
  struct semaphore sem; /* limit 0 of the user = UINT32_MAX here */
  struct bucket bucket;
  struct governor *governor; /* NULL unless adaptive */
  uint64_t governed_ns;      /* requests sent before are none of its */
  struct byte_limit byte_limit;
  double own[OWN_COUNT]; /* given to it by a person; negative none */
  bool paused;           /* by a person: nothing starts */
  struct retry_budget budget;
  struct breaker breaker;
  uint64_t held_until_ns;    /* throttled: nobody starts before; 0 none */
  uint64_t held_since_ns;    /* answers to requests sent before do not count */
  unsigned throttled_in_row; /* for the back-off without a Retry-After */
  bool canary;               /* one request probes, the others wait */
  uint64_t told_until_ns;    /* the log knows of being held until then */
  int64_t skew_s;            /* its clock less ours */
  uint64_t skew_ns;          /* when that was seen; 0 never */
  bool unreachable;          /* the last request did not get there */
  bool reached;              /* some request of this run did */

  /* addresses (resolve.c) */
  enum resolve_state resolve;
  struct curl_slist *addresses;     /* CURLOPT_RESOLVE; NULL = ask libcurl */
  struct curl_slist *old_addresses; /* libcurl may still point at them */
  uint64_t resolved_ns;
  enum reach reach;
  unsigned version;          /* grows with each new answer */
  unsigned char primed[128]; /* a lane knows this version */

  /* figures */
  uint64_t requests, errors, throttled, bytes;
  struct meter request_rate;
  struct histogram_window *ttfb; /* microseconds; NULL none kept */
};

/* Limits that a person gave a host, known already or not. */
struct host_wish {
  char name[URL_ORIGIN_CAP];
  double own[OWN_COUNT]; /* negative none */
};

struct hosts {
  struct link list; /* in order of appearance */
  size_t count;
  /* what new entries begin with; changed by hosts_set_* alone */
  uint32_t per_host;    /* 0 = none */
  double per_host_rate; /* 0 = none */
  double byte_rate;     /* bytes/s for each; 0 = none */
  bool adaptive;
  uint32_t concurrency;          /* most that a governor may use */
  const struct host_rule *rules; /* borrowed */
  size_t rule_count;
  unsigned protocols; /* PROTOCOL_* that may be spoken */
  /* private */
  struct host **table;
  size_t table_size;
  struct host_wish *wishes;
  size_t wish_count, wish_cap;
};

int hosts_init(struct hosts *hosts) MUST_CHECK;
void hosts_fini(struct hosts *hosts);

/* The entry of a URL, made when missing: *out. ERR_SYNTAX and the like as
 * url_split(), whose sentence is put into *why when it is not NULL. */
int hosts_get(struct hosts *hosts, const char *url, uint64_t now_ns,
              struct host **out, const char **why) MUST_CHECK;

/* Records a time to first byte; only the first few hundred hosts keep them. */
void hosts_note_ttfb(struct host *host, uint64_t us, uint64_t now_ns);

/* Change the limits of every host that has no rule of its own for it. */
void hosts_set_per_host(struct hosts *hosts, uint32_t limit, uint64_t now_ns);
void hosts_set_rate(struct hosts *hosts, double per_s, uint64_t now_ns);
void hosts_set_concurrency(struct hosts *hosts, uint32_t limit,
                           uint64_t now_ns);

/* ERR_NOMEM: some have no governor and keep the limits they have. What a host
 * is held back for (Retry-After) holds with and without one. */
int hosts_set_adaptive(struct hosts *hosts, bool on,
                       uint64_t now_ns) MUST_CHECK;

/* Gives a host (see host_limit.h for its name) a limit of its own, which goes
 * before its rule's and the general one. *known: how many entries it concerns;
 * it holds for those to come, too. Bytes: hosts_byte_rate() says what to set.
 */
int hosts_set_own(struct hosts *hosts, const struct host_limit *limit,
                  uint64_t now_ns, unsigned *known) MUST_CHECK;
double hosts_byte_rate(const struct hosts *hosts, const struct host *host);
/* Is it meant by that name? */
bool host_is(const struct host *host, const char *name);

/* Brings semaphore and bucket to what limits and governor say. */
void hosts_govern(struct hosts *hosts, struct host *host, uint64_t now_ns);

#endif
