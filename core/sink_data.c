/* SPDX-License-Identifier: MIT
 *
 * Data on its way into blocks, and the memory they take.
 *
 * Thread: the loop's.
 */
#include "config.h"

#include "sink_impl.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_BUFFER (16u << 10)
#define SPARE_BLOCKS 16
#define SMALL_BLOCK (64u << 10) /* while the budget is nearly used up */

/* ---- buffers ------------------------------------------------------------ */

struct block *sink__block_get(struct sinks *sinks, size_t cap) {
  struct block *block = sinks->spare;
  if (sinks->buffer_bytes + cap > sinks->buffer_limit)
    return NULL;
  if (cap == SINK_BLOCK && block != NULL) {
    sinks->spare = block->next;
    sinks->spare_count--;
  } else {
    block = malloc(sizeof(*block) + cap);
  }
  if (block == NULL) { /* nobody tells when the system has memory again */
    sinks->lacking = true;
    return NULL;
  }
  memset(block, 0, sizeof(*block));
  block->cap = cap;
  block->holders = 1;
  sinks->buffer_bytes += cap;
  return block;
}

void sink__block_put(struct sinks *sinks, struct block *block) {
  if (--block->holders > 0)
    return;
  sinks->buffer_bytes -= block->cap;
  if (block->cap == SINK_BLOCK && sinks->spare_count < SPARE_BLOCKS) {
    block->next = sinks->spare;
    sinks->spare = block;
    sinks->spare_count++;
  } else {
    free(block);
  }
}

void sink__put_chain(struct sinks *sinks, struct block *block) {
  while (block != NULL) {
    struct block *next = block->next;
    sink__block_put(sinks, block);
    block = next;
  }
}

/* Somebody gave memory back: whoever found none may ask again. */
void sink__feed_starved(struct sinks *sinks) {
  struct link hungry;
  struct link *link;
  list_init(&hungry);
  while ((link = list_take(&sinks->starved)) != NULL)
    list_append(&hungry, link);
  while ((link = list_take(&hungry)) != NULL) {
    struct sink *sink = LINK_ENTRY(link, struct sink, starved);
    sink->wants_room = false;
    sinks->ops->room(sink->owner);
  }
}

static size_t starve(struct sink *sink) {
  sink->wants_room = true;
  if (!link_on_list(&sink->starved))
    list_append(&sink->sinks->starved, &sink->starved);
  return SINK_FULL;
}

/* Its own jobs have made room. */
void sink__tell_room(struct sink *sink) {
  if (!sink->wants_room || link_on_list(&sink->starved))
    return;
  sink->wants_room = false;
  sink->sinks->ops->room(sink->owner);
}

/* ---- data --------------------------------------------------------------- */

static void queue_filling(struct sink_writer *writer) {
  struct sink *sink = writer->sink;
  struct block *block = writer->filling;
  if (block == NULL)
    return;
  writer->filling = NULL;
  block->next = NULL;
  if (sink->last != NULL)
    sink->last->next = block;
  else
    sink->first = block;
  sink->last = block;
  sink->waiting++;
  sink->queued++;
  (void)tap_take(&sink->tap, block);
}

void sink__queue_all(struct sink *sink) {
  queue_filling(&sink->main);
  for (struct sink_writer *w = sink->others; w != NULL; w = w->next)
    queue_filling(w);
}

/* The body in memory becomes the first block of a .part. */
void sink__spill(struct sink *sink) {
  sink->spilled = true;
  if (sink->memory == NULL)
    return;
  sink->main.filling = sink->memory;
  sink->memory = NULL;
  queue_filling(&sink->main);
  sink__pump(sink);
}

static size_t buffer_size(const struct sink *sink, size_t length) {
  size_t cap = sink->memory != NULL ? sink->memory->cap * 2 : FIRST_BUFFER;
  if (sink->memory == NULL && sink->size >= 0)
    cap = (size_t)sink->size; /* at most SINK_SPILL, else it were spilled */
  while (cap < (size_t)sink->main.offset + length)
    cap *= 2;
  return cap;
}

/* Makes room for length more bytes in memory, or spills; -1 = neither can be
 * done now. */
static int grow_memory(struct sink *sink, size_t length) {
  struct block *grown;
  size_t need = (size_t)sink->main.offset + length;
  size_t cap;
  if (need > SINK_SPILL) {
    sink__spill(sink);
    return 0;
  }
  if (sink->memory != NULL && need <= sink->memory->cap)
    return 0;
  cap = buffer_size(sink, length);
  grown = sink__block_get(sink->sinks, cap == 0 ? 1 : cap);
  if (grown == NULL && sink->memory == NULL)
    return -1;
  if (grown == NULL) {
    sink__spill(sink);
    return 0;
  }
  if (sink->memory != NULL) {
    memcpy(grown->data, sink->memory->data, sink->memory->len);
    grown->len = sink->memory->len;
    sink__block_put(sink->sinks, sink->memory);
  }
  sink->memory = grown;
  return 0;
}

/* A block with room for length bytes; the present one is queued when full. */
static bool want_block(struct sink_writer *writer, size_t length) {
  struct sink *sink = writer->sink;
  struct block *block = writer->filling;
  if (block != NULL && block->cap - block->len >= length)
    return true;
  queue_filling(writer);
  sink__pump(sink);
  if (sink->waiting >= SINK_BLOCKS || sink->tap.waiting >= SINK_BLOCKS) {
    sink->wants_room = true; /* its own job will tell */
    return false;
  }
  block = sink__block_get(sink->sinks, SINK_BLOCK);
  if (block == NULL && length <= SMALL_BLOCK)
    block = sink__block_get(sink->sinks, SMALL_BLOCK);
  if (block == NULL) {
    starve(sink);
    return false;
  }
  block->offset = writer->offset;
  writer->filling = block;
  return true;
}

static void moved(struct sink_writer *writer, size_t length) {
  writer->offset += (int64_t)length;
  if (writer->offset > writer->sink->end)
    writer->sink->end = writer->offset;
}

size_t sink_writer_write(struct sink_writer *writer, const void *data,
                         size_t length) {
  struct sink *sink = writer->sink;
  struct block *block;
  if (sink->ending || sink->failed || !want_block(writer, length))
    return SINK_FULL;
  block = writer->filling;
  memcpy(block->data + block->len, data, length);
  block->len += length;
  moved(writer, length);
  if (block->len == block->cap) {
    queue_filling(writer);
    sink__pump(sink);
  }
  return length;
}

size_t sink_write(struct sink *sink, const void *data, size_t length) {
  struct block *block;
  if (sink->ending || sink->failed)
    return SINK_FULL;
  if (!sink->spilled && grow_memory(sink, length) < 0)
    return starve(sink);
  if (sink->spilled)
    return sink_writer_write(&sink->main, data, length);
  block = sink->memory;
  memcpy(block->data + block->len, data, length);
  block->len += length;
  moved(&sink->main, length);
  return length;
}

/* ---- more writers ---------------------------------------------------------
 */

struct sink_writer *sink_writer_open(struct sink *sink, int64_t offset) {
  struct sink_writer *writer = calloc(1, sizeof(*writer));
  if (writer == NULL)
    return NULL;
  writer->sink = sink;
  writer->offset = offset;
  writer->next = sink->others;
  sink->others = writer;
  return writer;
}

void sink_writer_close(struct sink_writer *writer) {
  struct sink *sink = writer->sink;
  struct sink_writer **at = &sink->others;
  queue_filling(writer);
  while (*at != writer)
    at = &(*at)->next;
  *at = writer->next;
  free(writer);
  sink__pump(sink);
}
