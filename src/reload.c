/* SPDX-License-Identifier: MIT
 *
 * See reload.h. The files are read into options and settings of their own, in
 * which there is nothing else, and compared with those of the reading before:
 * so a limit that a person has set by hand since then stays until its line in
 * a file is changed.
 */
#include "config.h"

#include "reload.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "settings.h"

#define USER_PATH_CAP 4096

/* What the files said. */
struct reading {
  struct options options;
  struct settings settings;
};

struct reload {
  const struct options *options; /* the run's */
  char user_path[USER_PATH_CAP];
  char *given_path; /* whole: the working directory may change; NULL none */
  struct reading was;
};

/* What has changed, so far. */
struct difference {
  struct engine_reload *out;
  size_t room;
  unsigned overruled; /* limits that the command line gives */
  unsigned later;     /* keys that are read at the start only */
};

static void reading_init(struct reading *reading) {
  options_init(&reading->options);
  settings_init(&reading->settings);
}

static void reading_fini(struct reading *reading) {
  settings_fini(&reading->settings);
  options_fini(&reading->options);
}

static int read_files(const struct reload *reload, struct reading *reading,
                      struct errmsg *msg) {
  struct settings_source source;
  char user[USER_PATH_CAP];
  settings_source_init(&source, reload->options, user, sizeof user);
  if (source.user_path != NULL)
    source.user_path = reload->user_path;
  if (source.given_path != NULL)
    source.given_path = reload->given_path;
  reading_init(reading);
  return settings_load(&reading->settings, &reading->options, &source, msg);
}

struct reload *reload_new(const struct options *options) {
  struct errmsg msg = {""};
  if (options_flag(options, OPT_NO_CONFIG) &&
      !options_given(options, OPT_CONFIG))
    return NULL;
  struct reload *reload = calloc(1, sizeof *reload);
  if (reload == NULL)
    return NULL;
  reload->options = options;
  /* The environment is looked at once: a detached run may get another. */
  if (settings_user_path(reload->user_path, sizeof reload->user_path) != 0)
    reload->user_path[0] = '\0';
  if (options_given(options, OPT_CONFIG))
    reload->given_path = realpath(options_text(options, OPT_CONFIG), NULL);
  if (read_files(reload, &reload->was, &msg) == 0)
    return reload;
  reload_free(reload);
  return NULL;
}

void reload_free(struct reload *reload) {
  if (reload == NULL)
    return;
  reading_fini(&reload->was);
  free(reload->given_path);
  free(reload);
}

/* ---- comparing
 * --------------------------------------------------------------- */

static int add_change(struct difference *d, const char *host,
                      enum limit_id limit, double value) {
  struct engine_reload *out = d->out;
  if (out->count == d->room) {
    size_t room = d->room * 2 + 8;
    struct engine_change *grown =
        realloc(out->changes, room * sizeof *out->changes);
    if (grown == NULL)
      return ERR_NOMEM;
    out->changes = grown;
    d->room = room;
  }
  struct engine_change *change = &out->changes[out->count++];
  change->limit = limit;
  change->value = value;
  snprintf(change->host, sizeof change->host, "%s", host);
  return 0;
}

static bool same_items(const struct options *a, const struct options *b,
                       enum option_id id) {
  size_t count = options_count(a, id);
  if (count != options_count(b, id))
    return false;
  for (size_t i = 0; i < count; i++)
    if (strcmp(options_item(a, id, i), options_item(b, id, i)) != 0)
      return false;
  return true;
}

static int compare_options(struct difference *d, const struct reload *reload,
                           const struct reading *now) {
  int rc = 0;
  for (int i = 0; i < OPT_COUNT && rc == 0; i++) {
    enum option_id id = (enum option_id)i;
    const struct option_info *info = option_info(id);
    if (same_items(&reload->was.options, &now->options, id))
      continue;
    if (info->kind != OPTION_LIMIT)
      d->later++;
    else if (options_given_by(reload->options, id, LAYER_COMMAND_LINE))
      d->overruled++;
    else
      rc = add_change(d, "", info->limit,
                      options_limit(&now->options, info->limit));
  }
  return rc;
}

static const struct settings_host *find_host(const struct settings *settings,
                                             const struct settings_host *host) {
  for (size_t i = 0; i < settings->host_count; i++)
    if (settings->hosts[i].is_bucket == host->is_bucket &&
        strcmp(settings->hosts[i].name, host->name) == 0)
      return &settings->hosts[i];
  return NULL;
}

static bool same_text(const char *a, const char *b) {
  return strcmp(a != NULL ? a : "", b != NULL ? b : "") == 0;
}

/* Negative: the section says nothing of it. */
static int compare_limit(struct difference *d, const char *name,
                         enum limit_id limit, double was, double now) {
  if (was < now || was > now) {
    if (now >= 0)
      return add_change(d, name, limit, now);
    d->later++;
  }
  return 0;
}

static int compare_host(struct difference *d, const struct settings_host *was,
                        const struct settings_host *now) {
  static const struct settings_host none = {
      .per_host = -1, .per_host_rate = -1, .byte_rate = -1, .adaptive = -1};
  if (was == NULL)
    was = &none;
  int rc =
      compare_limit(d, now->name, LIMIT_PER_HOST, was->per_host, now->per_host);
  if (rc == 0)
    rc = compare_limit(d, now->name, LIMIT_PER_HOST_RATE, was->per_host_rate,
                       now->per_host_rate);
  if (rc == 0)
    rc = compare_limit(d, now->name, LIMIT_HOST_BANDWIDTH, was->byte_rate,
                       now->byte_rate);
  if (rc == 0)
    rc = compare_limit(d, now->name, LIMIT_ADAPTIVE, was->adaptive,
                       now->adaptive);
  d->later += !same_text(was->header, now->header);
  d->later +=
      now->is_bucket &&
      (!same_text(was->path, now->path) || !same_text(was->host, now->host) ||
       !same_text(was->when_header, now->when_header));
  return rc;
}

static int compare_hosts(struct difference *d, const struct settings *was,
                         const struct settings *now) {
  int rc = 0;
  for (size_t i = 0; i < now->host_count && rc == 0; i++)
    rc = compare_host(d, find_host(was, &now->hosts[i]), &now->hosts[i]);
  for (size_t i = 0; i < was->host_count; i++)
    d->later += find_host(now, &was->hosts[i]) == NULL;
  return rc;
}

static void say_rest(const struct difference *d) {
  char *text = d->out->text;
  size_t cap = sizeof d->out->text, len = 0;
  text[0] = '\0';
  if (d->overruled > 0)
    len = (size_t)snprintf(text, cap, "%u left to what the command line gives",
                           d->overruled);
  if (d->later > 0)
    snprintf(text + len, cap - len, "%s%u other %s from the next start on",
             len > 0 ? "; " : "", d->later,
             d->later == 1 ? "key holds" : "keys hold");
}

int reload_read(void *arg, struct engine_reload *out) {
  struct reload *reload = arg;
  struct difference d = {.out = out};
  struct errmsg msg = {""};
  struct reading now;
  int rc = read_files(reload, &now, &msg);
  if (rc == 0) {
    rc = compare_options(&d, reload, &now);
    if (rc == 0)
      rc = compare_hosts(&d, &reload->was.settings, &now.settings);
    if (rc != 0)
      err_set(&msg, rc, "out of memory");
  }
  if (rc != 0) {
    snprintf(out->text, sizeof out->text, "%s", msg.text);
    reading_fini(&now);
    return rc;
  }
  say_rest(&d);
  reading_fini(&reload->was);
  reload->was = now;
  return 0;
}
