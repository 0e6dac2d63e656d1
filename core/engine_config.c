/* SPDX-License-Identifier: MIT
 *
 * The engine's own copy of what a run was started with: see engine_config.h.
 */
#include "config.h"

#include "engine_config.h"

#include <stdlib.h>
#include <string.h>

/* Every string member, so that copy and free cannot disagree. */
#define STRINGS(X)                                                             \
  X(user_agent) X(user_pwd) X(bearer) X(cookie) X(proxy) X(noproxy)            \
  X(cacert) X(interface) X(log_file)

static bool copy_string(const char **out, const char *in) {
  *out = in != NULL ? strdup(in) : NULL;
  return in == NULL || *out != NULL;
}

static bool copy_list(struct str_list *out, const struct str_list *in) {
  out->items = NULL;
  out->count = 0;
  if (in->count == 0)
    return true;
  out->items = calloc(in->count, sizeof(char *));
  if (out->items == NULL)
    return false;
  for (; out->count < in->count; out->count++) {
    out->items[out->count] = strdup(in->items[out->count]);
    if (out->items[out->count] == NULL)
      return false;
  }
  return true;
}

static void free_list(struct str_list *list) {
  for (size_t i = 0; i < list->count; i++)
    free(list->items[i]);
  free(list->items);
  list->items = NULL;
  list->count = 0;
}

int engine_config_copy(struct engine_config *out,
                       const struct engine_config *in) {
  bool good = true;
  *out = *in;
  good = copy_list(&out->headers, &in->headers) && good;
  good = copy_list(&out->resolve, &in->resolve) && good;
#define COPY(member) good = copy_string(&out->member, in->member) && good;
  STRINGS(COPY)
#undef COPY
  if (good)
    return 0;
  engine_config_fini(out);
  return ERR_NOMEM;
}

void engine_config_fini(struct engine_config *config) {
  free_list(&config->headers);
  free_list(&config->resolve);
#define FREE(member)                                                           \
  free((void *)(uintptr_t)config->member);                                     \
  config->member = NULL;
  STRINGS(FREE)
#undef FREE
}
