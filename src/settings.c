/* SPDX-License-Identifier: MIT
 *
 * INI files into options and settings, see settings.h. What a profile says is
 * checked even when another one is chosen: a mistake should show on the day it
 * is made. The starting thread alone.
 */
#include "config.h"

#include "settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/evp.h>

#include "idn.h"
#include "ini.h"
#include "option_check.h"
#include "url.h"

struct load {
  struct settings *settings;
  struct options *options;
  const struct settings_source *source;
  enum option_layer layer;
  bool profile_found;
  char profiles[256]; /* names seen, for the message */
};

void settings_init(struct settings *settings) {
  memset(settings, 0, sizeof *settings);
  settings_ui_init(&settings->ui);
}

void settings_fini(struct settings *settings) {
  for (size_t i = 0; i < settings->host_count; i++) {
    free(settings->hosts[i].name);
    free(settings->hosts[i].host);
    free(settings->hosts[i].path);
    free(settings->hosts[i].when_header);
    free(settings->hosts[i].header);
    free(settings->hosts[i].login);
    free(settings->hosts[i].where);
  }
  free(settings->hosts);
  settings_ui_fini(&settings->ui);
  settings_init(settings);
}

/* ---- messages
 * ---------------------------------------------------------------- */

/* "FILE:LINE: [section] what", the dashes of an option taken off. */
static int refuse(const struct ini_entry *entry, struct errmsg *msg, int code,
                  const char *what) {
  char text[sizeof msg->text];
  snprintf(text, sizeof text, "%s",
           strncmp(what, "--", 2) == 0 ? what + 2 : what);
  return err_set(msg, code, "%s:%u: [%s] %s", entry->file, entry->line,
                 entry->section, text);
}

static int refuse_key(const struct ini_entry *entry, struct errmsg *msg,
                      const char *known) {
  char text[256];
  const char *nearest = known == NULL ? option_nearest(entry->key) : NULL;
  if (known != NULL)
    snprintf(text, sizeof text, "unknown key '%s'; known here: %s", entry->key,
             known);
  else if (nearest != NULL)
    snprintf(text, sizeof text, "unknown key '%s'; did you mean '%s'?",
             entry->key, nearest);
  else
    snprintf(text, sizeof text,
             "unknown key '%s'; keys are the long options of 'spate --help'",
             entry->key);
  return refuse(entry, msg, ERR_USAGE, text);
}

static int no_memory(struct errmsg *msg) {
  return err_set(msg, ERR_NOMEM, "out of memory");
}

/* ---- [default] and [profile NAME]
 * --------------------------------------------- */

static int check_option(const struct ini_entry *entry, int *id,
                        struct errmsg *msg) {
  struct errmsg why = {""};
  *id = option_find(entry->key);
  if (*id < 0)
    return refuse_key(entry, msg, NULL);
  const struct option_info *info = option_info((enum option_id) * id);
  if ((info->flags & CLI_ONLY) != 0 || (info->flags & IN_RUN) == 0) {
    char text[160];
    snprintf(text, sizeof text, "'%s' may stand on the command line only",
             info->name);
    return refuse(entry, msg, ERR_USAGE, text);
  }
  int rc = option_check(info, entry->value, &why);
  return rc == 0 ? 0 : refuse(entry, msg, rc, why.text);
}

static int apply_option(struct load *load, const struct ini_entry *entry,
                        enum option_layer layer, struct errmsg *msg) {
  int id;
  int rc = check_option(entry, &id, msg);
  if (rc != 0)
    return rc;
  const struct option_info *info = option_info((enum option_id)id);
  bool kept = (info->flags & NOT_KEPT) == 0;
  if (load->source->for_resume && kept && layer < LAYER_SESSION)
    return 0;
  return options_set(load->options, (enum option_id)id, entry->value, layer,
                     msg);
}

/* The keys of a section come one after the other, so that a name is new when
 * it is not the last one. */
static void note_profile(struct load *load, const char *name) {
  size_t len = strlen(load->profiles), name_len = strlen(name);
  if (len >= name_len && strcmp(load->profiles + len - name_len, name) == 0 &&
      (len == name_len || load->profiles[len - name_len - 1] == ' '))
    return;
  snprintf(load->profiles + len, sizeof load->profiles - len, "%s%s",
           len > 0 ? ", " : "", name);
}

static int apply_profile(struct load *load, const char *name,
                         const struct ini_entry *entry, struct errmsg *msg) {
  int id;
  note_profile(load, name);
  if (load->source->profile == NULL ||
      strcasecmp(load->source->profile, name) != 0)
    return check_option(entry, &id, msg);
  load->profile_found = true;
  return apply_option(load, entry, LAYER_PROFILE, msg);
}

/* ---- [host NAME] and [bucket NAME]
 * -------------------------------------------
 */

static struct settings_host *host_of(struct settings *settings,
                                     const char *name, bool is_bucket,
                                     const struct ini_entry *entry) {
  char where[600];
  for (size_t i = 0; i < settings->host_count; i++)
    if (settings->hosts[i].is_bucket == is_bucket &&
        strcmp(settings->hosts[i].name, name) == 0)
      return &settings->hosts[i];
  struct settings_host *grown =
      realloc(settings->hosts, (settings->host_count + 1) * sizeof *grown);
  if (grown == NULL)
    return NULL;
  settings->hosts = grown;
  snprintf(where, sizeof where, "%s:%u", entry->file, entry->line);
  struct settings_host *host = &grown[settings->host_count++];
  *host = (struct settings_host){.name = strdup(name),
                                 .is_bucket = is_bucket,
                                 .host = is_bucket ? NULL : strdup(name),
                                 .per_host = -1,
                                 .per_host_rate = -1,
                                 .byte_rate = -1,
                                 .adaptive = -1,
                                 .where = strdup(where)};
  bool whole = host->name != NULL && host->where != NULL &&
               (is_bucket || host->host != NULL);
  return whole ? host : NULL;
}

static int set_host_limit(double *value, enum limit_id limit,
                          const struct ini_entry *entry, struct errmsg *msg) {
  struct errmsg why = {""};
  int rc = limit_parse(limit, entry->value, value, &why);
  return rc == 0 ? 0 : refuse(entry, msg, rc, why.text);
}

static int set_text(char **text, const char *value, struct errmsg *msg) {
  free(*text);
  *text = strdup(value);
  return *text != NULL ? 0 : no_memory(msg);
}

static int set_header(char **header, const struct ini_entry *entry,
                      struct errmsg *msg) {
  struct errmsg why = {""};
  int rc = option_check(option_info(OPT_HEADER), entry->value, &why);
  if (rc != 0)
    return refuse(entry, msg, rc, why.text);
  return set_text(header, entry->value, msg);
}

/* A password takes a third more in base64. */
static int set_login(char **login, enum option_id id,
                     const struct ini_entry *entry, struct errmsg *msg) {
  static const char *const kinds[] = {"Basic ", "Bearer "};
  const char *kind = kinds[id == OPT_OAUTH2_BEARER];
  struct errmsg why = {""};
  size_t length = strlen(entry->value), cap = 2 * length + 32;
  int rc = option_check(option_info(id), entry->value, &why);
  if (rc != 0)
    return refuse(entry, msg, rc, why.text);
  free(*login);
  *login = malloc(cap);
  if (*login == NULL)
    return no_memory(msg);
  int at = snprintf(*login, cap, "Authorization: %s%s", kind,
                    id == OPT_USER ? "" : entry->value);
  if (id == OPT_USER)
    EVP_EncodeBlock((unsigned char *)*login + at,
                    (const unsigned char *)entry->value, (int)length);
  return 0;
}

static int set_host_adaptive(struct settings_host *host,
                             const struct ini_entry *entry,
                             struct errmsg *msg) {
  double value = -1;
  int rc = set_host_limit(&value, LIMIT_ADAPTIVE, entry, msg);
  host->adaptive = (int)value;
  return rc;
}

/* What hosts and buckets have in common; ERR_NOTFOUND: another key. */
static int set_rule(struct settings_host *host, const struct ini_entry *entry,
                    struct errmsg *msg) {
  if (strcmp(entry->key, "per-host") == 0)
    return set_host_limit(&host->per_host, LIMIT_PER_HOST, entry, msg);
  if (strcmp(entry->key, "per-host-rate") == 0)
    return set_host_limit(&host->per_host_rate, LIMIT_PER_HOST_RATE, entry,
                          msg);
  if (strcmp(entry->key, "limit-rate") == 0)
    return set_host_limit(&host->byte_rate, LIMIT_BANDWIDTH, entry, msg);
  if (strcmp(entry->key, "adaptive") == 0)
    return set_host_adaptive(host, entry, msg);
  if (strcmp(entry->key, "header") == 0)
    return set_header(&host->header, entry, msg);
  if (strcmp(entry->key, "user") == 0)
    return set_login(&host->login, OPT_USER, entry, msg);
  if (strcmp(entry->key, "oauth2-bearer") == 0)
    return set_login(&host->login, OPT_OAUTH2_BEARER, entry, msg);
  return ERR_NOTFOUND;
}

static bool is_host_name(const char *name) {
  static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789.-_";
  return *name != '\0' && strspn(name, allowed) == strlen(name);
}

/* In lower case and ASCII, as hosts are compared; otherwise *why. */
static int take_host_name(const char *text, char name[URL_HOST_CAP],
                          const char **why) {
  size_t len = strlen(text);
  if (idn_is_wide(text, len)) {
    int rc = idn_to_ascii(text, len, name, URL_HOST_CAP, why);
    return rc != 0 || is_host_name(name) ? rc : ERR_SYNTAX;
  }
  for (size_t i = 0; i <= len && len < URL_HOST_CAP; i++) {
    char c = text[i];
    name[i] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
  }
  return len < URL_HOST_CAP && is_host_name(name) ? 0 : ERR_SYNTAX;
}

static int apply_host(struct load *load, const char *text,
                      const struct ini_entry *entry, struct errmsg *msg) {
  char name[URL_HOST_CAP];
  const char *why = "a host is a name or an IPv4 address, as in "
                    "[host api.example.org]";
  if (take_host_name(text, name, &why) != 0)
    return refuse(entry, msg, ERR_USAGE, why);
  struct settings_host *host = host_of(load->settings, name, false, entry);
  if (host == NULL)
    return no_memory(msg);
  int rc = set_rule(host, entry, msg);
  return rc != ERR_NOTFOUND
             ? rc
             : refuse_key(entry, msg,
                          "per-host, per-host-rate, limit-rate, adaptive, "
                          "header, user, oauth2-bearer");
}

static int set_bucket_host(struct settings_host *bucket,
                           const struct ini_entry *entry, struct errmsg *msg) {
  char name[URL_HOST_CAP];
  const char *why = "host: a name or an IPv4 address, as in api.example.org";
  if (take_host_name(entry->value, name, &why) != 0)
    return refuse(entry, msg, ERR_USAGE, why);
  return set_text(&bucket->host, name, msg);
}

static int apply_bucket(struct load *load, const char *name,
                        const struct ini_entry *entry, struct errmsg *msg) {
  struct settings_host *bucket = host_of(load->settings, name, true, entry);
  if (bucket == NULL)
    return no_memory(msg);
  if (strcmp(entry->key, "host") == 0)
    return set_bucket_host(bucket, entry, msg);
  if (strcmp(entry->key, "path") == 0 && entry->value[0] == '/')
    return set_text(&bucket->path, entry->value, msg);
  if (strcmp(entry->key, "path") == 0)
    return refuse(entry, msg, ERR_USAGE,
                  "path: the beginning of a URL's path, as in /v1/");
  if (strcmp(entry->key, "when-header") == 0)
    return set_header(&bucket->when_header, entry, msg);
  int rc = set_rule(bucket, entry, msg);
  return rc != ERR_NOTFOUND
             ? rc
             : refuse_key(entry, msg,
                          "host, path, when-header, per-host, per-host-rate, "
                          "limit-rate, adaptive, header, user, "
                          "oauth2-bearer");
}

static int check_buckets(const struct settings *settings, struct errmsg *msg) {
  for (size_t i = 0; i < settings->host_count; i++) {
    const struct settings_host *bucket = &settings->hosts[i];
    if (bucket->host == NULL)
      return err_set(msg, ERR_USAGE,
                     "%s: [bucket %s] needs a host, as in: host = "
                     "api.example.org",
                     bucket->where, bucket->name);
  }
  return 0;
}

/* ---- [ui] and [keys]
 * ----------------------------------------------------------------------- */

typedef int ui_fn(struct settings_ui *ui, const struct ini_entry *entry,
                  struct errmsg *msg);

static int apply_ui(struct settings *settings, ui_fn *set,
                    const struct ini_entry *entry, struct errmsg *msg) {
  struct errmsg why = {""};
  int rc = set(&settings->ui, entry, &why);
  return rc == 0 ? 0 : refuse(entry, msg, rc, why.text);
}

/* ---- files
 * ---------------------------------------------------------------------- */

/* The blank-separated rest of a section "word REST"; NULL when it is not. */
static const char *named(const char *section, const char *word) {
  size_t len = strlen(word);
  if (strncmp(section, word, len) != 0 ||
      (section[len] != ' ' && section[len] != '\t'))
    return NULL;
  return section + len + strspn(section + len, " \t");
}

static int apply(void *arg, const struct ini_entry *entry, struct errmsg *msg) {
  struct load *load = arg;
  const char *host = named(entry->section, "host");
  const char *bucket = named(entry->section, "bucket");
  const char *profile = named(entry->section, "profile");
  if (strcmp(entry->section, "default") == 0)
    return apply_option(load, entry, load->layer, msg);
  if (strcmp(entry->section, "ui") == 0)
    return apply_ui(load->settings, settings_ui_apply, entry, msg);
  if (strcmp(entry->section, "keys") == 0)
    return apply_ui(load->settings, settings_ui_bind, entry, msg);
  if (host != NULL)
    return apply_host(load, host, entry, msg);
  if (bucket != NULL)
    return apply_bucket(load, bucket, entry, msg);
  if (profile != NULL)
    return apply_profile(load, profile, entry, msg);
  return refuse(entry, msg, ERR_USAGE,
                "unknown section; known are [default], [profile NAME], "
                "[host NAME], [bucket NAME], [ui] and [keys]");
}

static int load_file(struct load *load, const char *path,
                     enum option_layer layer, struct errmsg *msg) {
  if (path == NULL)
    return 0;
  load->layer = layer;
  int rc = ini_read(path, apply, load, msg);
  if (rc == ERR_NOTFOUND && layer != LAYER_GIVEN_INI) {
    msg->text[0] = '\0';
    return 0;
  }
  return rc;
}

int settings_load(struct settings *settings, struct options *options,
                  const struct settings_source *source, struct errmsg *msg) {
  struct load load = {
      .settings = settings, .options = options, .source = source};
  int rc = load_file(&load, source->system_path, LAYER_SYSTEM_INI, msg);
  if (rc == 0)
    rc = load_file(&load, source->user_path, LAYER_USER_INI, msg);
  if (rc == 0)
    rc = load_file(&load, source->given_path, LAYER_GIVEN_INI, msg);
  if (rc == 0)
    rc = check_buckets(settings, msg);
  if (rc == 0 && source->profile != NULL && !load.profile_found)
    rc = err_set(
        msg, ERR_USAGE, "--profile: no INI file has [profile %s]; known: %s",
        source->profile, load.profiles[0] != '\0' ? load.profiles : "none");
  return rc;
}

void settings_source_init(struct settings_source *source,
                          const struct options *options, char *buf,
                          size_t cap) {
  bool skip = options_flag(options, OPT_NO_CONFIG);
  bool has_user = !skip && settings_user_path(buf, cap) == 0;
  *source = (struct settings_source){
      .system_path = skip ? NULL : SPATE_SYSCONFDIR "/spate.ini",
      .user_path = has_user ? buf : NULL,
      .given_path = options_given(options, OPT_CONFIG)
                        ? options_text(options, OPT_CONFIG)
                        : NULL,
      .profile = options_given(options, OPT_PROFILE)
                     ? options_text(options, OPT_PROFILE)
                     : NULL,
  };
}

int settings_user_path(char *buf, size_t cap) {
  const char *xdg = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
  int len;
  /* The XDG specification has relative paths ignored. */
  if (xdg != NULL && *xdg == '/')
    len = snprintf(buf, cap, "%s/spate/spate.ini", xdg);
  else if (home != NULL && *home == '/')
    len = snprintf(buf, cap, "%s/.config/spate/spate.ini", home);
  else
    return ERR_NOTFOUND;
  return len > 0 && (size_t)len < cap ? 0 : ERR_NOTFOUND;
}
