/* SPDX-License-Identifier: MIT
 *
 * Names to addresses, once a host instead of once a transfer: libcurl's
 * threaded resolver would make a thread for each transfer, also for the same
 * name. The answer is handed to libcurl with CURLOPT_RESOLVE.
 *
 * Thread: the loop's; uv_getaddrinfo does the blocking part on the pool.
 */
#ifndef SPATE_RESOLVE_H
#define SPATE_RESOLVE_H

#include <uv.h>

#include "hosts.h"
#include "loopwatch.h"

struct resolver {
  uv_loop_t *loop;
  struct loopwatch *watch;
  int ip_version; /* 0, 4 or 6 */
  bool off;       /* a proxy resolves; libcurl handles the rest */
  /* The host can be used (code 0) or was not found (text says why). */
  void (*resolved)(void *arg, struct host *host, int code, const char *text);
  void *arg;
  unsigned running; /* look-ups on the pool */
};

/* Looks the host up unless that is running or not needed. Returns true when
 * the host can be used at once (resolved is not called then). */
bool resolve_host(struct resolver *resolver, struct host *host,
                  uint64_t now_ns);

/* The addresses are doubtful (connection refused, time-out): looks them up
 * again if the answer is older than half a minute; the old ones serve on. */
void resolve_doubt(struct resolver *resolver, struct host *host,
                   uint64_t now_ns);

#endif
