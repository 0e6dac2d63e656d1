/* SPDX-License-Identifier: MIT
 *
 * Memory between requests, see faultd-gates.h: one hash table for paths and
 * one for named limits. The server's only thread.
 */
#include "config.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "faultd-body.h"
#include "faultd-gates.h"

struct gate {
  struct gate *next;
  uint64_t hash, hits;
  int64_t inside;  /* places taken */
  int64_t last_us; /* of the bucket's level; start of the window */
  double level;    /* tokens left; requests in the window */
  bool begun;
  char name[];
};

struct table {
  struct gate **slots;
  size_t mask, count;
};

static struct table paths, limits;

static uint64_t hash_of(const char *name, size_t len) {
  uint64_t hash = 0xcbf29ce484222325U;

  for (size_t i = 0; i < len; i++)
    hash = (hash ^ (unsigned char)name[i]) * 0x100000001b3U;
  return body_mix(hash);
}

static void grow(struct table *table) {
  size_t mask = table->slots ? table->mask * 2 + 1 : 1023;
  struct gate **slots = calloc(mask + 1, sizeof(struct gate *));

  if (!slots)
    abort();
  for (size_t i = 0; table->slots && i <= table->mask; i++) {
    for (struct gate *gate = table->slots[i], *next; gate; gate = next) {
      next = gate->next;
      gate->next = slots[gate->hash & mask];
      slots[gate->hash & mask] = gate;
    }
  }
  free(table->slots);
  table->slots = slots;
  table->mask = mask;
}

static struct gate *find(struct table *table, const char *name, size_t len) {
  uint64_t hash = hash_of(name, len);

  if (!table->slots || table->count > table->mask)
    grow(table);
  struct gate **slot = &table->slots[hash & table->mask];
  for (struct gate *gate = *slot; gate; gate = gate->next)
    if (gate->hash == hash && strncmp(gate->name, name, len) == 0 &&
        gate->name[len] == '\0')
      return gate;
  struct gate *gate = calloc(1, sizeof *gate + len + 1);
  if (!gate)
    abort();
  memcpy(gate->name, name, len);
  gate->hash = hash;
  gate->next = *slot;
  *slot = gate;
  table->count++;
  return gate;
}

uint64_t gates_hit(const char *path) {
  return find(&paths, path, strlen(path))->hits++;
}

/* Reads KEY,A,B[,REST]. */
static struct gate *parse(const char *spec, double *a, double *b,
                          const char **rest) {
  const char *comma = strchr(spec, ',');
  char *end;

  if (!comma || comma == spec)
    return NULL;
  struct gate *gate = find(&limits, spec, (size_t)(comma - spec));
  *a = strtod(comma + 1, &end);
  if (end == comma + 1)
    return NULL;
  if (b && *end++ == ',')
    *b = strtod(end, &end);
  else if (b)
    return NULL;
  if (rest)
    *rest = *end == ',' ? end + 1 : NULL;
  return *a > 0 ? gate : NULL;
}

int gates_bucket(const char *spec, int64_t now_us, struct gate_answer *answer,
                 const char **rest) {
  double rate, burst;
  struct gate *gate = parse(spec, &rate, &burst, rest);

  if (!gate || burst < 1)
    return -1;
  if (!gate->begun)
    gate->level = burst;
  else
    gate->level = fmin(
        burst, gate->level + rate * (double)(now_us - gate->last_us) / 1e6);
  gate->begun = true;
  gate->last_us = now_us;
  answer->pass = gate->level >= 1;
  if (answer->pass)
    gate->level -= 1;
  answer->retry_after_s = fmax(0, 1 - gate->level) / rate;
  answer->limit = rate;
  answer->remaining = floor(gate->level);
  answer->reset_s = answer->remaining >= 1 ? 1 / rate : answer->retry_after_s;
  return 0;
}

int gates_window(const char *spec, int64_t now_us, struct gate_answer *answer,
                 const char **rest) {
  double most, seconds;
  struct gate *gate = parse(spec, &most, &seconds, rest);

  if (!gate || seconds <= 0)
    return -1;
  double into_s = (double)(now_us - gate->last_us) / 1e6;
  if (!gate->begun || into_s >= seconds) {
    gate->begun = true;
    gate->last_us = now_us;
    gate->level = 0;
    into_s = 0;
  }
  answer->pass = gate->level + 1 <= most;
  if (answer->pass)
    gate->level += 1;
  answer->limit = most;
  answer->remaining = fmax(0, floor(most - gate->level));
  answer->reset_s = seconds - into_s;
  answer->retry_after_s = answer->reset_s;
  return 0;
}

struct gate *gates_enter(const char *spec, bool *full) {
  double most;
  struct gate *gate = parse(spec, &most, NULL, NULL);

  *full = gate && (double)gate->inside + 1 > most;
  if (!gate || *full)
    return NULL;
  gate->inside++;
  return gate;
}

void gates_leave(struct gate *gate) {
  if (gate)
    gate->inside--;
}

static void forget(struct table *table, bool all) {
  for (size_t i = 0; table->slots && i <= table->mask; i++) {
    struct gate **link = &table->slots[i];
    while (*link) {
      struct gate *gate = *link;
      if (gate->inside > 0 && !all) {
        gate->begun = false;
        link = &gate->next;
        continue;
      }
      *link = gate->next;
      free(gate);
      table->count--;
    }
  }
}

void gates_reset(void) {
  forget(&paths, false);
  forget(&limits, false);
}

void gates_fini(void) {
  forget(&paths, true);
  forget(&limits, true);
  free(paths.slots);
  free(limits.slots);
}
