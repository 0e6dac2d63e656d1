/* SPDX-License-Identifier: MIT
 *
 * Names to addresses: see resolve.h.
 */
#include "config.h"

#include "resolve.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "address.h"

#define ADDRESSES_MAX 16
#define DOUBT_NS (30u * (uint64_t)1000000000)

struct lookup {
  uv_getaddrinfo_t request;
  struct resolver *resolver;
  struct host *host;
};

/* An address, or a name that libcurl knows without asking anybody. */
static bool is_known(const char *name) {
  struct in_addr v4;
  return name[0] == '[' || uv_inet_pton(AF_INET, name, &v4) == 0 ||
         address_is_localhost(name);
}

/* "HOST:PORT:ADDR,ADDR" */
static struct curl_slist *to_resolve_list(const struct host *host,
                                          const struct addrinfo *info) {
  char line[ADDRESSES_MAX * 50 + URL_HOST_CAP + 16];
  char text[64];
  int length =
      snprintf(line, sizeof(line), "%s:%u:", host->name, (unsigned)host->port);
  unsigned count = 0;
  for (; info != NULL && count < ADDRESSES_MAX; info = info->ai_next) {
    const char *comma = count > 0 ? "," : "";
    int n;
    if (getnameinfo(info->ai_addr, info->ai_addrlen, text, sizeof(text), NULL,
                    0, NI_NUMERICHOST) != 0)
      continue;
    n = snprintf(line + length, sizeof(line) - (size_t)length,
                 info->ai_family == AF_INET6 ? "%s[%s]" : "%s%s", comma, text);
    if (n < 0 || (size_t)n >= sizeof(line) - (size_t)length)
      break;
    length += n;
    count++;
  }
  return count > 0 ? curl_slist_append(NULL, line) : NULL;
}

/* All of them count, also those that are not handed over. */
static void note_reach(struct host *host, const struct addrinfo *info) {
  for (; info != NULL; info = info->ai_next) {
    if (address_is_private(info->ai_addr))
      host->reach = REACH_PRIVATE;
    else if (host->reach == REACH_UNKNOWN)
      host->reach = REACH_PUBLIC;
  }
}

static void on_resolved(uv_getaddrinfo_t *request, int status,
                        struct addrinfo *info) {
  struct lookup *lookup = LINK_ENTRY(request, struct lookup, request);
  struct resolver *resolver = lookup->resolver;
  struct host *host = lookup->host;
  struct curl_slist *list = NULL;
  loopwatch_enter(resolver->watch, "name resolved");
  resolver->running--;
  if (status == 0) {
    note_reach(host, info);
    list = to_resolve_list(host, info);
  }
  if (info != NULL)
    uv_freeaddrinfo(info);
  free(lookup);
  if (list != NULL) {
    curl_slist_free_all(host->old_addresses);
    host->old_addresses = host->addresses;
    host->addresses = list;
    host->resolved_ns = uv_hrtime();
    host->version++;
    if ((host->version & 0xff) == 0) /* a lane's 0 means: none yet */
      host->version++;
  }
  /* A failed renewal leaves the old addresses in use. */
  host->resolve = host->addresses != NULL ? RESOLVE_DONE : RESOLVE_NONE;
  resolver->resolved(resolver->arg, host, host->addresses ? 0 : ERR_NOTFOUND,
                     status != 0 ? uv_strerror(status) : "no address");
  loopwatch_leave(resolver->watch);
}

static int look_up(struct resolver *resolver, struct host *host) {
  struct lookup *lookup = calloc(1, sizeof(*lookup));
  struct addrinfo hints;
  int code;
  if (lookup == NULL)
    return ERR_NOMEM;
  lookup->resolver = resolver;
  lookup->host = host;
  memset(&hints, 0, sizeof(hints));
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_family = resolver->ip_version == 4   ? AF_INET
                    : resolver->ip_version == 6 ? AF_INET6
                                                : AF_UNSPEC;
  code = uv_getaddrinfo(resolver->loop, &lookup->request, on_resolved,
                        host->name, NULL, &hints);
  if (code != 0) {
    free(lookup);
    return ERR_NOMEM;
  }
  resolver->running++;
  return 0;
}

bool resolve_host(struct resolver *resolver, struct host *host,
                  uint64_t now_ns) {
  if (host->resolve == RESOLVE_DONE)
    return true;
  if (host->resolve == RESOLVE_RUNNING)
    return false;
  if (resolver->off || is_known(host->name)) {
    host->resolve = RESOLVE_DONE;
    host->resolved_ns = now_ns;
    return true;
  }
  if (look_up(resolver, host) != 0) {
    host->resolve = RESOLVE_DONE; /* libcurl's own resolver then */
    return true;
  }
  host->resolve = RESOLVE_RUNNING;
  return false;
}

void resolve_doubt(struct resolver *resolver, struct host *host,
                   uint64_t now_ns) {
  if (host->resolve != RESOLVE_DONE || host->addresses == NULL ||
      now_ns - host->resolved_ns < DOUBT_NS)
    return;
  host->resolved_ns = now_ns;
  (void)look_up(resolver, host);
}
