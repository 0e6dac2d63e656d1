/* SPDX-License-Identifier: MIT
 *
 * The table of hosts: see hosts.h.
 */
#include "config.h"

#include "hosts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_TABLE 64
#define TTFB_HOSTS 256 /* a histogram takes 8 KB */

static size_t hash(const char *text) {
  uint64_t h = 14695981039346656037u; /* FNV-1a */
  for (; *text != '\0'; text++)
    h = (h ^ (unsigned char)*text) * 1099511628211u;
  return (size_t)(h ^ (h >> 32));
}

int hosts_init(struct hosts *hosts) {
  memset(hosts, 0, sizeof(*hosts));
  list_init(&hosts->list);
  hosts->table = calloc(FIRST_TABLE, sizeof(struct host *));
  if (hosts->table == NULL)
    return ERR_NOMEM;
  hosts->table_size = FIRST_TABLE;
  return 0;
}

void hosts_fini(struct hosts *hosts) {
  struct link *link;
  if (hosts->table == NULL)
    return;
  while ((link = list_take(&hosts->list)) != NULL) {
    struct host *host = LINK_ENTRY(link, struct host, all);
    curl_slist_free_all(host->addresses);
    free(host->ttfb);
    free(host);
  }
  free(hosts->table);
  memset(hosts, 0, sizeof(*hosts));
}

static void insert(struct hosts *hosts, struct host *host) {
  size_t slot = hash(host->origin) & (hosts->table_size - 1);
  host->hash_next = hosts->table[slot];
  hosts->table[slot] = host;
}

/* Twice the slots when the chains get long; staying small is no error. */
static void grow(struct hosts *hosts) {
  size_t size = hosts->table_size * 2;
  struct host **table;
  if (hosts->count < hosts->table_size)
    return;
  table = calloc(size, sizeof(struct host *));
  if (table == NULL)
    return;
  free(hosts->table);
  hosts->table = table;
  hosts->table_size = size;
  for (struct link *l = hosts->list.next; l != &hosts->list; l = l->next)
    insert(hosts, LINK_ENTRY(l, struct host, all));
}

static struct host *find(const struct hosts *hosts, const char *origin) {
  size_t slot = hash(origin) & (hosts->table_size - 1);
  struct host *host = hosts->table[slot];
  while (host != NULL && strcmp(host->origin, origin) != 0)
    host = host->hash_next;
  return host;
}

static uint32_t permits(uint32_t limit) {
  return limit > 0 ? limit : UINT32_MAX;
}

static struct host *add(struct hosts *hosts, const struct url_parts *parts,
                        uint32_t per_host, double rate, uint64_t now_ns) {
  struct host *host = calloc(1, sizeof(*host));
  if (host == NULL)
    return NULL;
  memcpy(host->origin, parts->origin, sizeof(host->origin));
  memcpy(host->name, parts->host, sizeof(host->name));
  host->port = parts->port;
  host->secure = parts->secure;
  host->number = (unsigned)hosts->count;
  list_init(&host->ready);
  semaphore_init(&host->sem, host->origin, permits(per_host));
  bucket_init(&host->bucket, rate, now_ns);
  retry_budget_init(&host->budget, now_ns);
  meter_init(&host->request_rate, 10, now_ns);
  grow(hosts);
  list_append(&hosts->list, &host->all);
  hosts->count++;
  insert(hosts, host);
  return host;
}

int hosts_get(struct hosts *hosts, const char *url, uint32_t per_host,
              double per_host_rate, uint64_t now_ns, struct host **out,
              const char **why) {
  struct url_parts parts;
  int code = url_split(url, URL_ALLOW_HTTP, &parts);
  if (code != 0) {
    if (why != NULL)
      *why = parts.why;
    return code;
  }
  *out = find(hosts, parts.origin);
  if (*out == NULL)
    *out = add(hosts, &parts, per_host, per_host_rate, now_ns);
  return *out != NULL ? 0 : ERR_NOMEM;
}

void hosts_note_ttfb(struct host *host, uint64_t us, uint64_t now_ns) {
  if (host->ttfb == NULL && host->number < TTFB_HOSTS) {
    host->ttfb = malloc(sizeof(*host->ttfb));
    if (host->ttfb != NULL)
      histogram_window_init(host->ttfb, 60, now_ns);
  }
  if (host->ttfb != NULL)
    histogram_window_record(host->ttfb, us);
}

void hosts_set_per_host(struct hosts *hosts, uint32_t limit, uint64_t now_ns) {
  for (struct link *l = hosts->list.next; l != &hosts->list; l = l->next)
    semaphore_resize(&LINK_ENTRY(l, struct host, all)->sem, permits(limit),
                     now_ns);
}

void hosts_set_rate(struct hosts *hosts, double per_s, uint64_t now_ns) {
  for (struct link *l = hosts->list.next; l != &hosts->list; l = l->next)
    bucket_set_rate(&LINK_ENTRY(l, struct host, all)->bucket, per_s, now_ns);
}
