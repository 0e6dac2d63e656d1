/* SPDX-License-Identifier: MIT
 *
 * Chunks: the books of CHUNK_LINES consecutive task lines of one source.
 *
 * A chunk is in memory only while it is read, has tasks out with the engine
 * or has changes that are not committed; so their number is bounded by the
 * engine's window, whatever the manifest's length. A table finds the chunk of
 * a task number.
 *
 * Invariants: settled <= count <= CHUNK_LINES; settled is the number of bits
 * in settled_bits, flying that in flying_bits; no bit at or above count.
 *
 * Pure; the loop's thread (or the starting thread before it).
 */
#ifndef SPATE_CHUNK_H
#define SPATE_CHUNK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "order.h"
#include "session.h"

#define CHUNK_BITMAP (CHUNK_LINES / 8)
#define CHUNK_NO_SLOT (-1)

/* Where a chunk's lines stand: in the manifest (spool 0) or in spool-N. */
struct chunk_place {
  uint64_t offset, bytes;
  uint64_t first_line, lines; /* lines count blank ones and comments too */
  uint32_t spool;
  struct line_keys keys; /* of all lines */
};

struct chunk {
  uint32_t source, number;
  struct chunk_place place;
  uint32_t count;   /* task lines known */
  uint32_t settled; /* of those */
  uint32_t flying;  /* delivered and not settled */
  uint64_t digest;  /* over the objects of all known lines */
  uint8_t settled_bits[CHUNK_BITMAP];
  uint8_t flying_bits[CHUNK_BITMAP];
  uint8_t row_bits[CHUNK_BITMAP];     /* has a row that success removes */
  uint8_t partial_bits[CHUNK_BITMAP]; /* has a partial that success removes */
  uint8_t tried_bits[CHUNK_BITMAP];   /* delivered by this run */
  uint8_t *objects; /* taken; low byte of each object; NULL: not needed */
  bool objects_dirty;
  bool dirty; /* changed since it was last put in a batch */
  bool rows_changed;
  bool ranked; /* some task of it may have a priority that success removes */
  unsigned readers; /* feeds that stand in it */
  unsigned batches; /* batches under way that hold a copy */
  int slot;         /* of the marks; CHUNK_NO_SLOT none */
  /* The first line that an earlier pass did not deliver, so that the next one
   * can begin there; index 0: at the chunk's place. */
  struct chunk_place left;
  uint32_t left_index;
};

static inline uint64_t task_id(uint32_t source, uint32_t number,
                               uint32_t index) {
  return ((uint64_t)source << TASK_ORDINAL_BITS) |
         ((uint64_t)number * CHUNK_LINES + index + 1);
}

static inline uint64_t task_ordinal(uint64_t id) {
  return id & ((UINT64_C(1) << TASK_ORDINAL_BITS) - 1);
}

static inline uint32_t task_source(uint64_t id) {
  return (uint32_t)(id >> TASK_ORDINAL_BITS);
}

static inline uint32_t task_chunk(uint64_t id) {
  return (uint32_t)((task_ordinal(id) - 1) / CHUNK_LINES);
}

static inline uint32_t task_index(uint64_t id) {
  return (uint32_t)((task_ordinal(id) - 1) % CHUNK_LINES);
}

/* A chunk's name within the session. */
static inline uint64_t chunk_key(uint32_t source, uint32_t number) {
  return ((uint64_t)source << TASK_ORDINAL_BITS) | number;
}

static inline bool chunk_bit(const uint8_t *bits, uint32_t index) {
  return (bits[index >> 3] >> (index & 7)) & 1;
}

static inline void chunk_bit_set(uint8_t *bits, uint32_t index) {
  bits[index >> 3] = (uint8_t)(bits[index >> 3] | 1u << (index & 7));
}

static inline void chunk_bit_clear(uint8_t *bits, uint32_t index) {
  bits[index >> 3] = (uint8_t)(bits[index >> 3] & ~(1u << (index & 7)));
}

/* Sets the first count bits, clears the rest. */
void chunk_bits_fill(uint8_t *bits, uint32_t count);
uint32_t chunk_bits_count(const uint8_t *bits);

/* The digest after one more object; starts at 0. */
uint64_t chunk_digest(uint64_t digest, uint64_t object);

/* A line that was not known before becomes the chunk's next task. The chunk
 * must have its objects. */
int chunk_append(struct chunk *chunk, uint64_t object) MUST_CHECK;

/* Keeps settled and flying true to their bitmaps; false when nothing
 * changes. */
bool chunk_settle(struct chunk *chunk, uint32_t index);
bool chunk_fly(struct chunk *chunk, uint32_t index);
bool chunk_land(struct chunk *chunk, uint32_t index);

/* ---- all chunks in memory ---- */

struct chunk_table {
  struct chunk **slots; /* private: open addressing */
  size_t cap;           /* private: 0 or a power of two */
  size_t count;
  struct chunk *recent; /* private */
};

void chunk_table_fini(struct chunk_table *table); /* frees the chunks too */
struct chunk *chunk_table_find(struct chunk_table *table, uint32_t source,
                               uint32_t number);
/* A new, empty chunk in the table; NULL without memory. */
struct chunk *chunk_table_add(struct chunk_table *table, uint32_t source,
                              uint32_t number);
/* Takes it out and frees it. */
void chunk_table_remove(struct chunk_table *table, struct chunk *chunk);

#endif
