/* SPDX-License-Identifier: MIT
 *
 * See run_config.h.
 */
#include "config.h"

#include "run_config.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "expiry.h"
#include "option_check.h"
#include "protocol.h"

/* ---- options ----------------------------------------------------------------
 */

static const char *given_text(const struct options *options,
                              enum option_id id) {
  return options_given(options, id) ? options_text(options, id) : NULL;
}

/* Whom to trust: the option, else the variables that curl and OpenSSL know. */
static const char *cacert(const struct options *options) {
  const char *file = given_text(options, OPT_CACERT);
  static const char *const names[] = {"CURL_CA_BUNDLE", "SSL_CERT_FILE"};
  for (size_t i = 0; file == NULL && i < sizeof names / sizeof *names; i++) {
    const char *value = getenv(names[i]);
    if (value != NULL && value[0] != '\0')
      file = value;
  }
  return file;
}

/* Borrowed strings in an array of its own. */
static int list_of(struct str_list *list, const struct options *options,
                   enum option_id id) {
  list->count = options_count(options, id);
  list->items = calloc(list->count + 1, sizeof *list->items);
  if (list->items == NULL)
    return ERR_NOMEM;
  for (size_t i = 0; i < list->count; i++)
    list->items[i] = (char *)options_item(options, id, i);
  return 0;
}

static enum exists_policy exists_policy(const struct options *options) {
  if (options_flag(options, OPT_OVERWRITE))
    return EXISTS_OVERWRITE;
  if (options_flag(options, OPT_SKIP_EXISTING))
    return EXISTS_SKIP;
  return options_flag(options, OPT_AUTO_RENAME) ? EXISTS_RENAME : EXISTS_FAIL;
}

static int ip_version(const struct options *options) {
  if (options_flag(options, OPT_IPV4))
    return 4;
  return options_flag(options, OPT_IPV6) ? 6 : 0;
}

static int http_version(const struct options *options) {
  if (options_flag(options, OPT_HTTP1_1))
    return 11;
  return options_flag(options, OPT_HTTP2) ? 20 : 0;
}

static void config_texts(struct engine_config *config,
                         const struct options *options) {
  config->user_agent = given_text(options, OPT_USER_AGENT);
  config->user_pwd = given_text(options, OPT_USER);
  config->bearer = given_text(options, OPT_OAUTH2_BEARER);
  config->aws_sigv4 = given_text(options, OPT_AWS_SIGV4);
  config->cookie = given_text(options, OPT_COOKIE);
  if (config->cookie != NULL && strchr(config->cookie, '=') == NULL) {
    config->cookie_file = config->cookie;
    config->cookie = NULL;
  }
  config->proxy = given_text(options, OPT_PROXY);
  config->noproxy = given_text(options, OPT_NOPROXY);
  config->cacert = cacert(options);
  config->sftp_known_hosts = given_text(options, OPT_SFTP_KNOWN_HOSTS);
  config->sftp_key = given_text(options, OPT_SFTP_KEY);
  config->interface = given_text(options, OPT_INTERFACE);
  config->log_file = given_text(options, OPT_LOG);
  config->exec = given_text(options, OPT_EXEC);
  config->results_file = given_text(options, OPT_RESULTS);
  config->checksums_file = given_text(options, OPT_WRITE_CHECKSUMS);
  if (config->checksums_file != NULL && config->digest == DIGEST_NONE)
    config->digest = DIGEST_SHA256;
}

static void config_deadline(struct engine_config *config,
                            const struct options *options) {
  const char *text = options_text(options, OPT_DEADLINE);
  config->deadline_mode = strcmp(text, "none") == 0 ? 0 : 1;
  /* Checked when it was set: what is no word is a time. */
  if (strcmp(text, "auto") != 0 &&
      expiry_parse_time(text, &config->deadline_unix) == 0)
    config->deadline_mode = 2;
}

/* All checked when they were set. */
static void config_expect(struct engine_config *config,
                          const struct options *options) {
  struct expect *expect = &config->expect;
  expect->types = given_text(options, OPT_EXPECT_TYPE);
  if (option_parse_bytes(options_text(options, OPT_MIN_SIZE),
                         &expect->min_size) != 0)
    expect->min_size = 0;
  if (option_parse_bytes(options_text(options, OPT_MAX_SIZE),
                         &expect->max_size) != 0)
    expect->max_size = 0;
}

static char *trimmed(char *word) {
  word += strspn(word, " ");
  for (size_t len = strlen(word); len > 0 && word[len - 1] == ' '; len--)
    word[len - 1] = '\0';
  return word;
}

static int config_words(struct run_config *config,
                        const struct options *options) {
  struct str_list *list = &config->engine.throttle_words;
  const char *text = options_text(options, OPT_THROTTLE_WORDS);
  if (*text == '\0')
    return 0;
  config->words = strdup(text);
  list->items = calloc(strlen(text) + 1, sizeof *list->items);
  if (config->words == NULL || list->items == NULL)
    return ERR_NOMEM;
  for (char *at = config->words; at != NULL;) {
    char *comma = strchr(at, ',');
    if (comma != NULL)
      *comma = '\0';
    list->items[list->count++] = trimmed(at);
    at = comma != NULL ? comma + 1 : NULL;
  }
  return 0;
}

static int config_throttle(struct run_config *config,
                           const struct options *options) {
  struct engine_config *engine = &config->engine;
  const char *text = options_text(options, OPT_THROTTLE_STATUS);
  if (*text != '\0' && option_parse_statuses(
                           text, engine->throttle_status, ENGINE_THROTTLE_CODES,
                           &engine->throttle_status_count) != 0)
    return ERR_USAGE;
  return config_words(config, options);
}

/* Readers of WARC know gzip best: so that is what it gets unasked. */
static void config_shards(struct engine_config *config,
                          const struct options *options) {
  static const enum shard_form forms[] = {FORM_FILES, FORM_JSONL, FORM_TAR,
                                          FORM_WARC};
  static const enum codec codecs[] = {CODEC_ZSTD, CODEC_GZIP, CODEC_NONE};
  config->output = forms[options_choice(options, OPT_OUTPUT)];
  config->shard_codec = codecs[options_choice(options, OPT_COMPRESS)];
  if (config->output == FORM_WARC && !options_given(options, OPT_COMPRESS))
    config->shard_codec = CODEC_GZIP;
  if (option_parse_bytes(options_text(options, OPT_SHARD_SIZE),
                         &config->shard_size) != 0)
    config->shard_size = 0;
  config->shard_count = (unsigned)options_number(options, OPT_SHARD_COUNT);
  config->shard_headers = options_text(options, OPT_SHARD_HEADERS);
}

unsigned run_config_protocols(const struct options *options) {
  unsigned set;
  /* Checked when it was set. */
  return protocol_set_parse(options_text(options, OPT_ALLOW_PROTOCOLS), &set) ==
                 0
             ? set
             : PROTOCOL_USUAL;
}

static void config_plain(struct engine_config *config,
                         const struct options *options) {
  static const enum layout layouts[] = {LAYOUT_FLAT, LAYOUT_PATH, LAYOUT_HASH};
  for (int id = 0; id < LIMIT_COUNT; id++)
    config->limit[id] = options_limit(options, (enum limit_id)id);
  config->layout = layouts[options_choice(options, OPT_LAYOUT)];
  config->exists = exists_policy(options);
  config->durable = options_choice(options, OPT_DURABILITY) == 0;
  config->allocate = options_choice(options, OPT_FILE_ALLOCATION) == 1;
  config->remote_time = !options_flag(options, OPT_NO_REMOTE_TIME);
  config->mirrors_from_headers =
      !options_flag(options, OPT_NO_MIRRORS_FROM_HEADERS);
  config->content_disposition = options_flag(options, OPT_CONTENT_DISPOSITION);
  config->insecure = options_flag(options, OPT_INSECURE);
  config->netrc = options_flag(options, OPT_NETRC);
  config->protocols = run_config_protocols(options);
  config->no_private_redirects =
      options_flag(options, OPT_NO_PRIVATE_REDIRECTS);
  config->ip_version = ip_version(options);
  config->http_version = http_version(options);
  config->check = (enum body_check)options_choice(options, OPT_CHECK);
  config->exec_shell = options_flag(options, OPT_EXEC_SHELL);
  config->exec_timeout_s = options_number(options, OPT_EXEC_TIMEOUT);
  config->decompress = options_flag(options, OPT_DECOMPRESS);
  config->unpack_limits.max_ratio = options_number(options, OPT_MAX_RATIO);
  if (option_parse_bytes(options_text(options, OPT_MAX_UNPACKED),
                         &config->unpack_limits.max_bytes) != 0)
    config->unpack_limits.max_bytes = 0;
  config->digest = (enum digest_type)options_choice(options, OPT_DIGEST);
  config->want_done_events = options_flag(options, OPT_VERBOSE);
}

/* ---- settings ---------------------------------------------------------------
 */

static size_t path_length(const struct host_rule *rule) {
  return rule->path != NULL ? strlen(rule->path) : 0;
}

/* The first one that fits counts, so the closest go first: buckets before
 * hosts, long paths before short ones; of equals the later one of the files. */
static void insert_rule(struct run_config *config, struct host_rule rule,
                        size_t first) {
  size_t at = config->engine.rule_count++;
  while (at > first &&
         path_length(&config->rules[at - 1]) <= path_length(&rule))
    at--;
  memmove(&config->rules[at + 1], &config->rules[at],
          (config->engine.rule_count - 1 - at) * sizeof rule);
  config->rules[at] = rule;
}

/* "Name: value" twice: names in any case, blanks around the value apart. */
static bool same_header(const char *a, const char *b) {
  size_t name = strcspn(a, ":");
  if (name != strcspn(b, ":") || strncasecmp(a, b, name) != 0)
    return false;
  a += name + (a[name] == ':');
  b += name + (b[name] == ':');
  return strcmp(a + strspn(a, " \t"), b + strspn(b, " \t")) == 0;
}

/* API limits go by key as well as by path: a bucket may be for those alone who
 * send a certain header. */
static bool rule_is_meant(const struct run_config *config,
                          const struct settings_host *host) {
  const struct str_list *sent = &config->engine.headers;
  if (host->when_header == NULL)
    return true;
  for (size_t i = 0; i < sent->count; i++)
    if (same_header(sent->items[i], host->when_header))
      return true;
  return false;
}

static int config_rules(struct run_config *config,
                        const struct settings *settings) {
  config->rules = calloc(settings->host_count + 1, sizeof *config->rules);
  if (config->rules == NULL)
    return ERR_NOMEM;
  for (int hosts = 0; hosts < 2; hosts++) {
    size_t first = config->engine.rule_count;
    for (size_t i = 0; i < settings->host_count; i++) {
      const struct settings_host *host = &settings->hosts[i];
      if (host->is_bucket == (hosts == 1) || !rule_is_meant(config, host))
        continue;
      struct host_rule rule = {.name = host->name,
                               .host = host->host,
                               .path = host->path,
                               .per_host = host->per_host,
                               .per_host_rate = host->per_host_rate,
                               .byte_rate = host->byte_rate,
                               .adaptive = host->adaptive,
                               .header = host->header,
                               .login = host->login};
      insert_rule(config, rule, first);
    }
  }
  config->engine.rules = config->rules;
  return 0;
}

/* ---- all of it --------------------------------------------------------------
 */

int run_config_init(struct run_config *config, const struct options *options,
                    const struct settings *settings) {
  struct engine_config *engine = &config->engine;
  memset(config, 0, sizeof *config);
  config_plain(engine, options);
  config_texts(engine, options);
  config_deadline(engine, options);
  config_shards(engine, options);
  config_expect(engine, options);
  engine->shuffle = options_flag(options, OPT_SHUFFLE);
  int rc = list_of(&engine->headers, options, OPT_HEADER);
  if (rc == 0)
    rc = list_of(&engine->resolve, options, OPT_RESOLVE);
  if (rc == 0)
    rc = list_of(&engine->checksum_files, options, OPT_CHECKSUM_FILE);
  if (rc == 0)
    rc = list_of(&engine->host_limits, options, OPT_HOST_LIMIT);
  if (rc == 0)
    rc = config_throttle(config, options);
  return rc == 0 ? config_rules(config, settings) : rc;
}

void run_config_fini(struct run_config *config) {
  free(config->engine.headers.items);
  free(config->engine.resolve.items);
  free(config->engine.checksum_files.items);
  free(config->engine.host_limits.items);
  free(config->engine.throttle_words.items);
  free(config->words);
  free(config->rules);
}
