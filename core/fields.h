/* SPDX-License-Identifier: MIT
 *
 * What a manifest may say of a task beside its URL, its name and its order:
 * mirrors, headers, a method with a body, a checksum. Most tasks say nothing,
 * so that a task points to such a record only where there is one.
 *
 * As a reader makes it everything is borrowed; a task keeps a copy of its own
 * in one piece of memory.
 *
 * Pure; any thread.
 */
#ifndef SPATE_FIELDS_H
#define SPATE_FIELDS_H

#include <stddef.h>
#include <stdint.h>

struct task_fields {
  const char *const *mirrors; /* further URLs of the same thing, best first */
  size_t mirror_count;
  const char *const *headers; /* "Name: value", for this task's requests */
  size_t header_count;
  const char *method; /* NULL: GET, or POST when there is a body */
  const char *body;   /* NULL none; may hold any byte */
  size_t body_length;
  const char *checksum; /* "sha-256=HEX"; NULL none */
  const char *pieces;   /* digests of pieces, see pieces.h; NULL none */
  int64_t size;         /* of the whole, in bytes; -1 not said */
  int check;            /* enum body_check (steps.h); -1 as the option says */
  int split;            /* connections for it; 0 as the limit says */
};

/* The record of a task that says nothing. */
void task_fields_init(struct task_fields *fields);

/* Of memory that a copy takes. */
size_t task_fields_bytes(const struct task_fields *fields);

/* A copy that stands alone, freed with free(); NULL without memory. */
struct task_fields *task_fields_copy(const struct task_fields *from);

#endif
