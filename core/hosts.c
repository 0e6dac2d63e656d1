/* SPDX-License-Identifier: MIT
 *
 * The table of hosts: see hosts.h.
 */
#include "config.h"

#include "hosts.h"

#include "address.h"
#include "idn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

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
  hosts->protocols = PROTOCOL_USUAL;
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
    curl_slist_free_all(host->old_addresses);
    free(host->ttfb);
    free(host->governor);
    free(host);
  }
  free(hosts->table);
  free(hosts->wishes);
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

static struct host *find(const struct hosts *hosts, const char *origin,
                         const struct host_rule *rule) {
  size_t slot = hash(origin) & (hosts->table_size - 1);
  struct host *host = hosts->table[slot];
  while (host != NULL &&
         (host->rule != rule || strcmp(host->origin, origin) != 0))
    host = host->hash_next;
  return host;
}

/* ---- limits ---------------------------------------------------------------
 */

static uint32_t least(uint32_t a, uint32_t b) {
  return a < b ? a : b;
}

static double rate_of(const struct hosts *hosts, const struct host *host) {
  if (host->own[OWN_RATE] >= 0)
    return host->own[OWN_RATE];
  if (host->rule != NULL && host->rule->per_host_rate >= 0)
    return host->rule->per_host_rate;
  return hosts->per_host_rate;
}

static uint32_t permits_of(const struct hosts *hosts, const struct host *host) {
  uint32_t limit = hosts->per_host;
  if (host->rule != NULL && host->rule->per_host >= 0)
    limit = (uint32_t)host->rule->per_host;
  if (host->own[OWN_PERMITS] >= 0)
    limit = (uint32_t)host->own[OWN_PERMITS];
  return limit > 0 ? limit : UINT32_MAX;
}

double hosts_byte_rate(const struct hosts *hosts, const struct host *host) {
  if (host->own[OWN_BYTES] >= 0)
    return host->own[OWN_BYTES];
  if (host->rule != NULL && host->rule->byte_rate >= 0)
    return host->rule->byte_rate;
  return hosts->byte_rate;
}

void hosts_govern(struct hosts *hosts, struct host *host, uint64_t now_ns) {
  double rate = rate_of(hosts, host);
  uint32_t permits = permits_of(hosts, host);
  if (host->governor != NULL) {
    rate = governor_rate(host->governor);
    permits = least(permits, governor_concurrency(host->governor));
  }
  if (rate != host->bucket.per_s)
    bucket_set_rate(&host->bucket, rate, now_ns);
  if (permits != host->sem.limit)
    semaphore_resize(&host->sem, permits, now_ns);
}

static void configure_governor(const struct hosts *hosts,
                               const struct host *host,
                               struct governor_config *config) {
  memset(config, 0, sizeof(*config));
  config->max_rate = rate_of(hosts, host);
  config->max_concurrency = least(permits_of(hosts, host), hosts->concurrency);
}

static bool is_adaptive(const struct hosts *hosts, const struct host *host) {
  if (host->own[OWN_ADAPTIVE] >= 0)
    return host->own[OWN_ADAPTIVE] > 0;
  if (host->rule != NULL && host->rule->adaptive >= 0)
    return host->rule->adaptive != 0;
  return hosts->adaptive;
}

static int add_governor(const struct hosts *hosts, struct host *host,
                        uint64_t now_ns) {
  struct governor_config config;
  host->governor = malloc(sizeof(*host->governor));
  if (host->governor == NULL)
    return ERR_NOMEM;
  configure_governor(hosts, host, &config);
  governor_init(host->governor, &config, now_ns);
  return 0;
}

/* A gate that it had closed stays closed: that is the server's word. */
static void drop_governor(struct host *host, uint64_t now_ns) {
  uint64_t until = governor_gate_until(host->governor, now_ns);
  free(host->governor);
  host->governor = NULL;
  if (until == 0)
    return;
  if (until > host->held_until_ns)
    host->held_until_ns = until;
  host->held_since_ns = now_ns;
  host->canary = true;
}

/* While the host is in use. */
static int fit_governor(const struct hosts *hosts, struct host *host,
                        uint64_t now_ns) {
  bool wanted = is_adaptive(hosts, host);
  if (wanted == (host->governor != NULL))
    return 0;
  if (wanted) {
    host->governed_ns = now_ns;
    return add_governor(hosts, host, now_ns);
  }
  drop_governor(host, now_ns);
  return 0;
}

/* ---- limits of single hosts -----------------------------------------------
 */

/* A name or an origin, as hosts have them; name itself when it is ASCII. */
static const char *known_form(const char *name, struct url_ascii *buf) {
  const char *why;
  if (!idn_is_wide(name, strlen(name)))
    return name;
  if (strstr(name, "://") != NULL)
    return url_ascii(name, buf);
  return idn_to_ascii(name, strlen(name), buf->text, sizeof buf->text, &why) ==
                 0
             ? buf->text
             : name;
}

bool host_is(const struct host *host, const char *as_typed) {
  struct url_ascii ascii;
  const char *name = known_form(as_typed, &ascii);
  return strcasecmp(host->name, name) == 0 ||
         strcasecmp(host->origin, name) == 0 ||
         (host->rule != NULL && strcmp(host->rule->name, as_typed) == 0);
}

/* True when the host is meant. */
static bool take_wish(struct host *host, const struct host_wish *wish) {
  if (!host_is(host, wish->name))
    return false;
  for (int i = 0; i < OWN_COUNT; i++)
    if (wish->own[i] >= 0)
      host->own[i] = wish->own[i];
  return true;
}

static struct host_wish *wish_of(struct hosts *hosts, const char *name) {
  for (size_t i = 0; i < hosts->wish_count; i++)
    if (strcasecmp(hosts->wishes[i].name, name) == 0)
      return &hosts->wishes[i];
  if (hosts->wish_count == hosts->wish_cap) {
    size_t cap = hosts->wish_cap > 0 ? hosts->wish_cap * 2 : 8;
    struct host_wish *grown = realloc(hosts->wishes, cap * sizeof(*grown));
    if (grown == NULL)
      return NULL;
    hosts->wishes = grown;
    hosts->wish_cap = cap;
  }
  struct host_wish *wish = &hosts->wishes[hosts->wish_count++];
  snprintf(wish->name, sizeof(wish->name), "%s", name);
  for (int i = 0; i < OWN_COUNT; i++)
    wish->own[i] = -1;
  return wish;
}

static void reconfigure_one(struct hosts *hosts, struct host *host,
                            uint64_t now_ns) {
  struct governor_config config;
  if (host->governor != NULL) {
    configure_governor(hosts, host, &config);
    governor_configure(host->governor, &config);
  }
  hosts_govern(hosts, host, now_ns);
}

int hosts_set_own(struct hosts *hosts, const struct host_limit *limit,
                  uint64_t now_ns, unsigned *known) {
  struct host_wish *wish = wish_of(hosts, limit->name);
  if (wish == NULL)
    return ERR_NOMEM;
  wish->own[host_own_of(limit->limit)] = limit->value;
  int code = 0;
  *known = 0;
  for (struct link *l = hosts->list.next; l != &hosts->list; l = l->next) {
    struct host *host = LINK_ENTRY(l, struct host, all);
    if (!take_wish(host, wish))
      continue;
    if (fit_governor(hosts, host, now_ns) != 0)
      code = ERR_NOMEM;
    reconfigure_one(hosts, host, now_ns);
    ++*known;
  }
  return code;
}

/* ---- entries --------------------------------------------------------------
 */

static struct host *add(struct hosts *hosts, const struct url_parts *parts,
                        const struct host_rule *rule, uint64_t now_ns) {
  struct host *host = calloc(1, sizeof(*host));
  bool is_private;
  if (host == NULL)
    return NULL;
  memcpy(host->origin, parts->origin, sizeof(host->origin));
  memcpy(host->name, parts->host, sizeof(host->name));
  host->rule = rule;
  host->port = parts->port;
  host->protocol = parts->protocol;
  if (address_of_text(host->name, &is_private))
    host->reach = is_private ? REACH_PRIVATE : REACH_PUBLIC;
  else if (address_is_localhost(host->name))
    host->reach = REACH_PRIVATE;
  host->number = (unsigned)hosts->count;
  for (int i = 0; i < OWN_COUNT; i++)
    host->own[i] = -1;
  for (size_t i = 0; i < hosts->wish_count; i++)
    take_wish(host, &hosts->wishes[i]);
  if (is_adaptive(hosts, host) && add_governor(hosts, host, now_ns) != 0) {
    free(host);
    return NULL;
  }
  list_init(&host->ready);
  list_init(&host->again);
  semaphore_init(&host->sem, host->origin, UINT32_MAX);
  bucket_init(&host->bucket, 0, now_ns);
  byte_limit_init(&host->byte_limit, hosts_byte_rate(hosts, host), now_ns);
  retry_budget_init(&host->budget, now_ns);
  breaker_init(&host->breaker);
  meter_init(&host->request_rate, 10, now_ns);
  hosts_govern(hosts, host, now_ns);
  grow(hosts);
  list_append(&hosts->list, &host->all);
  hosts->count++;
  insert(hosts, host);
  return host;
}

/* The first rule whose host and path fit. */
static const struct host_rule *rule_for(const struct hosts *hosts,
                                        const struct url_parts *parts,
                                        const char *url) {
  for (size_t i = 0; i < hosts->rule_count; i++) {
    const struct host_rule *rule = &hosts->rules[i];
    const char *path = rule->path != NULL ? rule->path : "";
    if (strcmp(rule->host, parts->host) == 0 &&
        strlen(path) <= parts->path_len &&
        strncmp(url + parts->path, path, strlen(path)) == 0)
      return rule;
  }
  return NULL;
}

int hosts_get(struct hosts *hosts, const char *url, uint64_t now_ns,
              struct host **out, const char **why) {
  struct url_parts parts;
  const struct host_rule *rule;
  int code = url_split(url, hosts->protocols, &parts);
  if (code != 0) {
    if (why != NULL)
      *why = parts.why;
    return code;
  }
  rule = rule_for(hosts, &parts, url);
  *out = find(hosts, parts.origin, rule);
  if (*out == NULL)
    *out = add(hosts, &parts, rule, now_ns);
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

static void reconfigure(struct hosts *hosts, uint64_t now_ns) {
  for (struct link *l = hosts->list.next; l != &hosts->list; l = l->next)
    reconfigure_one(hosts, LINK_ENTRY(l, struct host, all), now_ns);
}

void hosts_set_per_host(struct hosts *hosts, uint32_t limit, uint64_t now_ns) {
  hosts->per_host = limit;
  reconfigure(hosts, now_ns);
}

void hosts_set_rate(struct hosts *hosts, double per_s, uint64_t now_ns) {
  hosts->per_host_rate = per_s;
  reconfigure(hosts, now_ns);
}

void hosts_set_concurrency(struct hosts *hosts, uint32_t limit,
                           uint64_t now_ns) {
  hosts->concurrency = limit;
  reconfigure(hosts, now_ns);
}

int hosts_set_adaptive(struct hosts *hosts, bool on, uint64_t now_ns) {
  int code = 0;
  hosts->adaptive = on;
  for (struct link *l = hosts->list.next; l != &hosts->list; l = l->next)
    if (fit_governor(hosts, LINK_ENTRY(l, struct host, all), now_ns) != 0)
      code = ERR_NOMEM;
  reconfigure(hosts, now_ns);
  return code;
}
