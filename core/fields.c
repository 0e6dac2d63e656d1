/* SPDX-License-Identifier: MIT
 *
 * The copy of a task's fields: one allocation, the record first, then the
 * lists of pointers, then the bytes they point to.
 *
 * Pure; any thread.
 */
#include "config.h"

#include "fields.h"

#include <stdlib.h>
#include <string.h>

void task_fields_init(struct task_fields *fields) {
  *fields = (struct task_fields){.size = -1, .check = -1};
}

static size_t list_bytes(const char *const *items, size_t count) {
  size_t bytes = count * sizeof(char *);
  for (size_t i = 0; i < count; i++)
    bytes += strlen(items[i]) + 1;
  return bytes;
}

static size_t text_bytes(const char *text) {
  return text ? strlen(text) + 1 : 0;
}

/* Copies length bytes and a NUL to *at and moves it on. */
static const char *put(char **at, const char *bytes, size_t length) {
  char *start = *at;
  if (!bytes)
    return NULL;
  memcpy(start, bytes, length);
  start[length] = '\0';
  *at = start + length + 1;
  return start;
}

static const char *put_text(char **at, const char *text) {
  return put(at, text, text ? strlen(text) : 0);
}

static void put_list(const char **list, char **at, const char *const *items,
                     size_t count) {
  for (size_t i = 0; i < count; i++)
    list[i] = put_text(at, items[i]);
}

size_t task_fields_bytes(const struct task_fields *fields) {
  return sizeof(*fields) + list_bytes(fields->mirrors, fields->mirror_count) +
         list_bytes(fields->headers, fields->header_count) +
         text_bytes(fields->method) + text_bytes(fields->checksum) +
         text_bytes(fields->pieces) +
         (fields->body ? fields->body_length + 1 : 0);
}

struct task_fields *task_fields_copy(const struct task_fields *from) {
  struct task_fields *copy = malloc(task_fields_bytes(from));
  if (!copy)
    return NULL;
  *copy = *from;
  const char **mirrors = (const char **)(void *)(copy + 1);
  const char **headers = mirrors + from->mirror_count;
  char *at = (char *)(headers + from->header_count);
  put_list(mirrors, &at, from->mirrors, from->mirror_count);
  put_list(headers, &at, from->headers, from->header_count);
  copy->mirrors = mirrors;
  copy->headers = headers;
  copy->method = put_text(&at, from->method);
  copy->checksum = put_text(&at, from->checksum);
  copy->pieces = put_text(&at, from->pieces);
  copy->body = put(&at, from->body, from->body_length);
  return copy;
}
