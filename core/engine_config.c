/* SPDX-License-Identifier: MIT
 *
 * The engine's own copy of what a run was started with: see engine_config.h.
 */
#include "config.h"

#include "engine_config.h"

#include "hosts.h"

#include <stdlib.h>
#include <string.h>

/* Every string member, so that copy and free cannot disagree. */
#define STRINGS(X)    \
  X(user_agent)       \
  X(user_pwd)         \
  X(shard_headers)    \
  X(bearer)           \
  X(aws_sigv4)        \
  X(cookie)           \
  X(cookie_file)      \
  X(proxy)            \
  X(noproxy)          \
  X(cacert)           \
  X(sftp_known_hosts) \
  X(sftp_key)         \
  X(interface)        \
  X(log_file) X(exec) X(expect.types) X(results_file) X(checksums_file)

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

static bool copy_rules(struct engine_config *out,
                       const struct engine_config *in) {
  struct host_rule *rules;
  bool good = true;
  out->rules = NULL;
  out->rule_count = 0;
  if (in->rule_count == 0)
    return true;
  rules = calloc(in->rule_count, sizeof(*rules));
  if (rules == NULL)
    return false;
  for (size_t i = 0; i < in->rule_count; i++) {
    rules[i] = in->rules[i];
    good = copy_string(&rules[i].name, in->rules[i].name) && good;
    good = copy_string(&rules[i].host, in->rules[i].host) && good;
    good = copy_string(&rules[i].path, in->rules[i].path) && good;
    good = copy_string(&rules[i].header, in->rules[i].header) && good;
    good = copy_string(&rules[i].login, in->rules[i].login) && good;
  }
  out->rules = rules;
  out->rule_count = in->rule_count;
  return good;
}

static void free_rules(struct engine_config *config) {
  for (size_t i = 0; i < config->rule_count; i++) {
    free((void *)(uintptr_t)config->rules[i].name);
    free((void *)(uintptr_t)config->rules[i].host);
    free((void *)(uintptr_t)config->rules[i].path);
    free((void *)(uintptr_t)config->rules[i].header);
    free((void *)(uintptr_t)config->rules[i].login);
  }
  free((void *)(uintptr_t)config->rules);
  config->rules = NULL;
  config->rule_count = 0;
}

int engine_config_copy(struct engine_config *out,
                       const struct engine_config *in) {
  bool good = true;
  *out = *in;
  if (out->protocols == 0)
    out->protocols = PROTOCOL_USUAL;
  good = copy_list(&out->headers, &in->headers) && good;
  good = copy_list(&out->resolve, &in->resolve) && good;
  good = copy_list(&out->host_limits, &in->host_limits) && good;
  good = copy_list(&out->checksum_files, &in->checksum_files) && good;
  good = copy_list(&out->throttle_words, &in->throttle_words) && good;
  good = copy_rules(out, in) && good;
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
  free_list(&config->checksum_files);
  free_list(&config->resolve);
  free_list(&config->host_limits);
  free_list(&config->throttle_words);
  free_rules(config);
#define FREE(member)                       \
  free((void *)(uintptr_t)config->member); \
  config->member = NULL;
  STRINGS(FREE)
#undef FREE
}
