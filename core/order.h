/* SPDX-License-Identifier: MIT
 *
 * Which chunk of a list comes next: highest priority, then earliest deadline,
 * then the manifest's order; or, shuffled, highest priority, then at random.
 *
 * An entry a chunk (32 bytes: 125 KB for 32 million tasks) says what is known
 * of the lines in it that are still to be delivered. A chunk is gone through
 * several times when not all of its lines are wanted at once: those of lower
 * priority, of later deadlines or of hosts that are full wait for another
 * pass, and the entry then says what is left.
 *
 * Shuffled, a chunk is cut into ORDER_SLICES random parts, each delivered at
 * another time than the others, and lines come from several chunks at once.
 *
 * Pure; the loop's thread (or the starting thread before it).
 */
#ifndef SPATE_ORDER_H
#define SPATE_ORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

#define ORDER_SLICES 8

/* What lines say about their turn. */
struct line_keys {
  int64_t deadline_unix; /* the earliest; 0 none */
  uint64_t hosts;        /* order_host_bit() of each; 0 no line, or unknown */
  int32_t priority;      /* the highest */
};

/* One more line (deadline INT64_MAX: none). */
void line_keys_add(struct line_keys *keys, int64_t deadline_unix,
                   int32_t priority, uint64_t host);

/* One of 64 bits for the host name in a URL; never 0. */
uint64_t order_host_bit(const char *url);

enum order_state {
  ORDER_OVER,  /* everything was delivered */
  ORDER_OPEN,  /* something is left */
  ORDER_TAKEN, /* somebody is reading it */
};

struct order_entry {
  struct line_keys keys; /* of what is left */
  uint8_t state;
  uint8_t slices; /* shuffled: a bit for each part that is left */
};

struct order {
  struct order_entry *entries; /* taken; by chunk number */
  uint32_t count, cap;
};

void order_fini(struct order *order);

/* The entry of a chunk, made (over, nothing known) with all before it when it
 * is missing; NULL without memory. */
struct order_entry *order_at(struct order *order, uint32_t number);

/* How to choose. */
struct order_rules {
  bool deadlines; /* they count */
  bool shuffle;
  uint64_t full; /* hosts of which nothing is wanted now */
  uint64_t seed; /* state of the random numbers */
};

uint64_t order_random(uint64_t *state);
/* The part of a shuffled chunk that a line belongs to. */
unsigned order_slice(uint64_t seed, uint32_t chunk, uint32_t index);

/* One of the parts that are left, at random. */
int order_pick_slice(struct order_rules *rules, uint8_t slices);

/* a goes before b, by the rules. */
bool order_before(const struct order_rules *rules, const struct line_keys *a,
                  const struct line_keys *b);

/* The best of what was considered; start with found = false. */
struct order_choice {
  bool found;
  uint32_t source, number;
  struct line_keys keys;
  uint32_t ties; /* private */
};

/* Considers one thing that may come next: those that were considered before
 * go first among equals. */
void order_consider(struct order_choice *choice, struct order_rules *rules,
                    uint32_t source, uint32_t number,
                    const struct line_keys *keys);

/* Considers all open entries whose hosts are not all full. */
void order_consider_all(struct order_choice *choice, struct order_rules *rules,
                        uint32_t source, const struct order *order);

/* The latest deadline that goes along with this earliest one in one pass, so
 * that a chunk of many deadlines takes few passes: half as far again. */
int64_t order_deadline_bound(int64_t earliest, int64_t now_unix);

#endif
