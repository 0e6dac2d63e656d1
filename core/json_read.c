/* SPDX-License-Identifier: MIT
 *
 * JSON whose user notices that memory ran out: see json_read.h. jansson gets
 * its memory here, so that each thread knows of a failure of its own.
 */
#include "config.h"

#include "json_read.h"

#include <stdlib.h>

static _Thread_local bool failed;

static void *noting_malloc(size_t size) {
  void *memory = malloc(size);
  if (memory == NULL)
    failed = true;
  return memory;
}

/* Before main(), since jansson must not be in use by any thread meanwhile.
 * What was allocated before is freed by the same free(). */
__attribute__((constructor)) static void give_memory(void) {
  json_set_alloc_funcs(noting_malloc, free);
}

json_t *json_read(const char *text, size_t length, size_t flags,
                  json_error_t *error, bool *starved) {
  failed = false;
  json_t *value = json_loadb(text, length, flags, error);
  *starved = failed;
  if (failed) { /* it may have become something else */
    json_decref(value);
    value = NULL;
  }
  return value;
}

char *json_text(const json_t *value, size_t flags) {
  failed = false;
  char *text = json_dumps(value, flags);
  if (failed) {
    free(text);
    text = NULL;
  }
  return text;
}
