/* SPDX-License-Identifier: MIT
 *
 * The hosts that tasks go to, one entry for each origin (scheme, host, port):
 * its queue of ready tasks, its limits, its addresses, its figures.
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

#include "bucket.h"
#include "heap.h"
#include "list.h"
#include "retry.h"
#include "semaphore.h"
#include "stats.h"
#include "url.h"

enum resolve_state { RESOLVE_NONE, RESOLVE_RUNNING, RESOLVE_DONE };

struct host {
  char origin[URL_ORIGIN_CAP]; /* "https://example.org:443" */
  char name[URL_HOST_CAP];     /* "example.org"; IPv6 in brackets */
  uint16_t port;
  bool secure;
  unsigned number; /* counts from 0 in order of appearance */
  struct link all; /* on hosts.list */
  struct host *hash_next;

  /* scheduling (scheduler.c) */
  struct link ready;         /* tasks that may start, first come first served */
  unsigned ready_count;
  struct link runnable;      /* on the scheduler's ring */
  struct heap_node due;      /* in the scheduler's heap while it is held back */
  struct semaphore sem;      /* limit 0 of the user = UINT32_MAX here */
  struct bucket bucket;
  struct retry_budget budget;
  uint64_t held_until_ns;    /* throttled: nobody starts before; 0 none */
  uint64_t held_since_ns;    /* answers to requests sent before do not count */
  unsigned throttled_in_row; /* for the back-off without a Retry-After */
  bool canary;               /* one request probes, the others wait */

  /* addresses (resolve.c) */
  enum resolve_state resolve;
  struct curl_slist *addresses; /* CURLOPT_RESOLVE; NULL = ask libcurl */
  uint64_t resolved_ns;
  unsigned version;          /* grows with each new answer */
  unsigned char primed[128]; /* a lane knows this version */

  /* figures */
  uint64_t requests, errors, throttled, bytes;
  struct meter request_rate;
  struct histogram_window *ttfb; /* microseconds; NULL none kept */
};

struct hosts {
  struct link list; /* in order of appearance */
  size_t count;
  /* private */
  struct host **table;
  size_t table_size;
};

int hosts_init(struct hosts *hosts) MUST_CHECK;
void hosts_fini(struct hosts *hosts);

/* The entry of a URL, made when missing: *out. ERR_SYNTAX and the like as
 * url_split(), whose sentence is put into *why when it is not NULL. */
int hosts_get(struct hosts *hosts, const char *url, uint32_t per_host,
              double per_host_rate, uint64_t now_ns, struct host **out,
              const char **why) MUST_CHECK;

/* Records a time to first byte; only the first few hundred hosts keep them. */
void hosts_note_ttfb(struct host *host, uint64_t us, uint64_t now_ns);

/* Changes the limits of every host; 0 = none. */
void hosts_set_per_host(struct hosts *hosts, uint32_t limit, uint64_t now_ns);
void hosts_set_rate(struct hosts *hosts, double per_s, uint64_t now_ns);

#endif
