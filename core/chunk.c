/* SPDX-License-Identifier: MIT
 *
 * Chunks and the table that finds them: open addressing with linear probing
 * and backward-shift deletion, at most half full. Pure.
 */
#include "config.h"

#include "chunk.h"

#include <stdlib.h>
#include <string.h>

void chunk_bits_fill(uint8_t *bits, uint32_t count) {
  memset(bits, 0, CHUNK_BITMAP);
  memset(bits, 0xff, count / 8);
  if (count % 8 != 0)
    bits[count / 8] = (uint8_t)((1u << (count % 8)) - 1);
}

uint32_t chunk_bits_count(const uint8_t *bits) {
  uint32_t sum = 0;
  for (size_t i = 0; i < CHUNK_BITMAP; i += 8) {
    uint64_t word;
    memcpy(&word, bits + i, sizeof word);
    sum += (uint32_t)__builtin_popcountll(word);
  }
  return sum;
}

static uint64_t mix(uint64_t x) {
  x ^= x >> 32;
  x *= UINT64_C(0xd6e8feb86659fd93);
  x ^= x >> 32;
  return x;
}

uint64_t chunk_digest(uint64_t digest, uint64_t object) {
  return mix(digest * UINT64_C(0x9e3779b97f4a7c15) + object + 1);
}

int chunk_append(struct chunk *chunk, uint64_t object) {
  if (chunk->count >= CHUNK_LINES || chunk->objects == NULL)
    return ERR_TOOBIG;
  chunk->objects_dirty = true;
  chunk->objects[chunk->count] = (uint8_t)object;
  chunk->digest = chunk_digest(chunk->digest, object);
  chunk->count++;
  return 0;
}

bool chunk_settle(struct chunk *chunk, uint32_t index) {
  if (chunk_bit(chunk->settled_bits, index))
    return false;
  chunk_bit_set(chunk->settled_bits, index);
  chunk->settled++;
  return true;
}

bool chunk_fly(struct chunk *chunk, uint32_t index) {
  if (chunk_bit(chunk->flying_bits, index))
    return false;
  chunk_bit_set(chunk->flying_bits, index);
  chunk_bit_set(chunk->tried_bits, index);
  chunk->flying++;
  return true;
}

bool chunk_land(struct chunk *chunk, uint32_t index) {
  if (!chunk_bit(chunk->flying_bits, index))
    return false;
  chunk_bit_clear(chunk->flying_bits, index);
  chunk->flying--;
  return true;
}

/* ---- table ------------------------------------------------------------- */

static uint64_t key_of(const struct chunk *chunk) {
  return chunk_key(chunk->source, chunk->number);
}

static size_t home(const struct chunk_table *table, uint64_t key) {
  return (size_t)mix(key) & (table->cap - 1);
}

static size_t probe(const struct chunk_table *table, uint64_t key) {
  size_t i = home(table, key);
  while (table->slots[i] != NULL && key_of(table->slots[i]) != key)
    i = (i + 1) & (table->cap - 1);
  return i;
}

static int grow(struct chunk_table *table) {
  size_t cap = table->cap == 0 ? 64 : table->cap * 2;
  struct chunk **slots = calloc(cap, sizeof *slots);
  if (slots == NULL)
    return ERR_NOMEM;
  struct chunk_table bigger = {.slots = slots, .cap = cap};
  for (size_t i = 0; i < table->cap; i++)
    if (table->slots[i] != NULL)
      slots[probe(&bigger, key_of(table->slots[i]))] = table->slots[i];
  free(table->slots);
  table->slots = slots;
  table->cap = cap;
  return 0;
}

static void chunk_free(struct chunk *chunk) {
  free(chunk->objects);
  free(chunk);
}

void chunk_table_fini(struct chunk_table *table) {
  for (size_t i = 0; i < table->cap; i++)
    if (table->slots[i] != NULL)
      chunk_free(table->slots[i]);
  free(table->slots);
  *table = (struct chunk_table){0};
}

struct chunk *chunk_table_find(struct chunk_table *table, uint32_t source,
                               uint32_t number) {
  struct chunk *recent = table->recent;
  if (recent != NULL && recent->source == source && recent->number == number)
    return recent;
  if (table->cap == 0)
    return NULL;
  struct chunk *found = table->slots[probe(table, chunk_key(source, number))];
  if (found != NULL)
    table->recent = found;
  return found;
}

struct chunk *chunk_table_add(struct chunk_table *table, uint32_t source,
                              uint32_t number) {
  if ((table->count + 1) * 2 > table->cap && grow(table) < 0)
    return NULL;
  struct chunk *chunk = calloc(1, sizeof *chunk);
  if (chunk == NULL)
    return NULL;
  chunk->source = source;
  chunk->number = number;
  chunk->slot = CHUNK_NO_SLOT;
  table->slots[probe(table, key_of(chunk))] = chunk;
  table->count++;
  return chunk;
}

void chunk_table_remove(struct chunk_table *table, struct chunk *chunk) {
  size_t mask = table->cap - 1;
  size_t hole = probe(table, key_of(chunk));
  table->slots[hole] = NULL;
  for (size_t i = (hole + 1) & mask; table->slots[i] != NULL;
       i = (i + 1) & mask) {
    size_t want = home(table, key_of(table->slots[i]));
    /* Move it back unless its home lies between the hole and itself. */
    if (((i - want) & mask) >= ((i - hole) & mask)) {
      table->slots[hole] = table->slots[i];
      table->slots[i] = NULL;
      hole = i;
    }
  }
  table->count--;
  table->recent = NULL;
  chunk_free(chunk);
}
