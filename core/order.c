/* SPDX-License-Identifier: MIT
 *
 * The order of chunks; see order.h. Pure.
 */
#include "config.h"

#include "order.h"

#include <stdlib.h>
#include <string.h>

#define BOUND_LEAST_S 60

void line_keys_add(struct line_keys *keys, int64_t deadline_unix,
                   int32_t priority, uint64_t host) {
  int64_t deadline = deadline_unix == INT64_MAX ? 0
                     : deadline_unix < 1        ? 1
                                                : deadline_unix;
  if (keys->hosts == 0 || priority > keys->priority)
    keys->priority = priority;
  if (deadline != 0 &&
      (keys->deadline_unix == 0 || deadline < keys->deadline_unix))
    keys->deadline_unix = deadline;
  keys->hosts |= host;
}

static uint64_t mix(uint64_t x) {
  x ^= x >> 33;
  x *= UINT64_C(0xff51afd7ed558ccd);
  x ^= x >> 33;
  x *= UINT64_C(0xc4ceb9fe1a85ec53);
  return x ^ x >> 33;
}

uint64_t order_host_bit(const char *url) {
  const char *host = strstr(url, "://");
  uint64_t hash = UINT64_C(14695981039346656037); /* FNV-1a */
  host = host != NULL ? host + 3 : url;
  size_t length = strcspn(host, "/?#");
  const char *at = memchr(host, '@', length);
  const char *end = host + length;
  for (; at != NULL; at = memchr(host, '@', (size_t)(end - host)))
    host = at + 1;
  bool bracket = *host == '[';
  for (; host < end && (bracket || *host != ':'); host++) {
    unsigned char c = (unsigned char)*host;
    if (c >= 'A' && c <= 'Z')
      c = (unsigned char)(c - 'A' + 'a');
    hash = (hash ^ c) * UINT64_C(1099511628211);
    bracket = bracket && c != ']';
  }
  return UINT64_C(1) << (mix(hash) & 63);
}

/* ---- entries ------------------------------------------------------------- */

void order_fini(struct order *order) {
  free(order->entries);
  *order = (struct order){0};
}

struct order_entry *order_at(struct order *order, uint32_t number) {
  if (number >= order->cap) {
    uint32_t cap = order->cap < 64 ? 64 : order->cap * 2;
    while (cap <= number)
      cap *= 2;
    struct order_entry *more =
        realloc(order->entries, cap * sizeof *order->entries);
    if (more == NULL)
      return NULL;
    order->entries = more;
    order->cap = cap;
  }
  for (; order->count <= number; order->count++)
    order->entries[order->count] = (struct order_entry){.slices = UINT8_MAX};
  return &order->entries[number];
}

/* ---- choosing ------------------------------------------------------------ */

uint64_t order_random(uint64_t *state) {
  *state += UINT64_C(0x9e3779b97f4a7c15);
  return mix(*state);
}

unsigned order_slice(uint64_t seed, uint32_t chunk, uint32_t index) {
  uint64_t key = (uint64_t)chunk << 32 | index;
  return (unsigned)(mix(mix(key) ^ seed) % ORDER_SLICES);
}

int order_pick_slice(struct order_rules *rules, uint8_t slices) {
  int left = __builtin_popcount(slices);
  int skip = left > 0 ? (int)(order_random(&rules->seed) % (unsigned)left) : 0;
  for (int i = 0; i < ORDER_SLICES; i++)
    if ((slices >> i & 1) != 0 && skip-- == 0)
      return i;
  return -1;
}

static int64_t deadline_of(const struct line_keys *keys) {
  return keys->deadline_unix != 0 ? keys->deadline_unix : INT64_MAX;
}

bool order_before(const struct order_rules *rules, const struct line_keys *a,
                  const struct line_keys *b) {
  if (a->priority != b->priority)
    return a->priority > b->priority;
  return rules->deadlines && !rules->shuffle && deadline_of(a) < deadline_of(b);
}

void order_consider(struct order_choice *choice, struct order_rules *rules,
                    uint32_t source, uint32_t number,
                    const struct line_keys *keys) {
  bool better = !choice->found || order_before(rules, keys, &choice->keys);
  if (better) {
    choice->ties = 1;
  } else if (rules->shuffle && !order_before(rules, &choice->keys, keys)) {
    choice->ties++; /* each of n equals with the same chance */
    better = order_random(&rules->seed) % choice->ties == 0;
  }
  if (!better)
    return;
  choice->found = true;
  choice->source = source;
  choice->number = number;
  choice->keys = *keys;
}

void order_consider_all(struct order_choice *choice, struct order_rules *rules,
                        uint32_t source, const struct order *order) {
  for (uint32_t i = 0; i < order->count; i++) {
    const struct order_entry *entry = &order->entries[i];
    bool full =
        entry->keys.hosts != 0 && (entry->keys.hosts & ~rules->full) == 0;
    if (entry->state == ORDER_OPEN && !full)
      order_consider(choice, rules, source, i, &entry->keys);
  }
}

int64_t order_deadline_bound(int64_t earliest, int64_t now_unix) {
  if (earliest == 0)
    return INT64_MAX;
  int64_t least = now_unix + BOUND_LEAST_S;
  int64_t bound = earliest + (earliest - now_unix) / 2;
  return bound > least ? bound : least;
}
