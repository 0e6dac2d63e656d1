/* SPDX-License-Identifier: MIT
 *
 * Validation of option values. A message says three things: which option,
 * which value, what would be right; the value of a secret stays out of it.
 * Pure but for access(2) on files that an option names.
 */
#include "config.h"

#include "option_check.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "checksum_fetch.h"
#include "cookies.h"
#include "digest.h"
#include "engine.h"
#include "exec.h"
#include "expect.h"
#include "expiry.h"
#include "failure.h"
#include "host_limit.h"
#include "protocol.h"
#include "sigv4.h"

/* Longer values are a mistake, and a header of this size is refused by most
 * servers. */
#define TEXT_MAX 16384

int option_choice_index(const char *choices, const char *text) {
  size_t len = strlen(text);
  int index = 0;
  for (const char *at = choices; at != NULL; index++) {
    size_t span = strcspn(at, "|");
    if (span == len && memcmp(at, text, len) == 0)
      return index;
    at = at[span] == '|' ? at + span + 1 : NULL;
  }
  return -1;
}

int option_parse_number(const char *text, double *value) {
  /* strtod would take blanks, hexadecimal, "inf" and "nan" too. */
  if (*text == '\0' || strspn(text, "0123456789.") != strlen(text))
    return ERR_SYNTAX;
  char *end;
  errno = 0;
  double number = strtod(text, &end);
  if (*end != '\0' || errno != 0 || !isfinite(number))
    return ERR_SYNTAX;
  *value = number;
  return 0;
}

int option_parse_statuses(const char *text, int *codes, size_t max,
                          size_t *count) {
  *count = 0;
  for (const char *at = text;; at += 4) {
    size_t digits = strspn(at, "0123456789");
    int code = (int)strtol(at, NULL, 10);
    if (digits != 3 || code < 400 || code > 599 || *count == max)
      return ERR_SYNTAX;
    codes[(*count)++] = code;
    if (at[3] == '\0')
      return 0;
    if (at[3] != ',')
      return ERR_SYNTAX;
  }
}

int option_parse_bytes(const char *text, int64_t *bytes) {
  double value;
  /* Any limit in bytes will do: they are all typed alike. */
  int rc = limit_parse(LIMIT_BANDWIDTH, text, &value, NULL);
  if (rc == 0)
    *bytes = (int64_t)value;
  return rc;
}

size_t option_key_length(enum option_rule rule, const char *text) {
  if (rule == RULE_HEADER) {
    size_t name = strcspn(text, ":;");
    return text[name] != '\0' ? name : 0;
  }
  if (rule == RULE_RESOLVE) {
    const char *port = strchr(text, ':');
    const char *address = port != NULL ? strchr(port + 1, ':') : NULL;
    return address != NULL ? (size_t)(address - text) : 0;
  }
  if (rule == RULE_HOST_LIMIT)
    return strcspn(text, "=");
  return 0;
}

static int check_number(const struct option_info *info, const char *text,
                        struct errmsg *msg) {
  double value;
  if (option_parse_number(text, &value) == 0 && value >= info->min &&
      value <= info->max)
    return 0;
  return err_set(msg, ERR_USAGE, "--%s: '%s' is not a number from %g to %g",
                 info->name, text, info->min, info->max);
}

/* RFC 9110 section 5.6.2: the characters of a field name. */
static bool is_token(const char *text, size_t len) {
  static const char others[] = "!#$%&'*+-.^_`|~";
  for (size_t i = 0; i < len; i++) {
    char c = text[i];
    bool alnum = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
                 (c >= 'A' && c <= 'Z');
    if (!alnum && strchr(others, c) == NULL)
      return false;
  }
  return len > 0;
}

static int check_header(const struct option_info *info, const char *text,
                        struct errmsg *msg) {
  size_t name = option_key_length(RULE_HEADER, text);
  if (is_token(text, name))
    return 0;
  return err_set(msg, ERR_USAGE,
                 "--%s: a header is 'Name: value' ('Name;' for one without a "
                 "value); the name may hold letters, digits and dashes",
                 info->name);
}

/* One or more addresses with commas between them; libcurl would fail each
 * task for another thing. */
static bool are_addresses(const char *text) {
  struct in6_addr room;
  char one[64];
  for (size_t len;; text += len + 1) {
    len = strcspn(text, ",");
    bool bracket = len > 2 && text[0] == '[' && text[len - 1] == ']';
    if (len == 0 || len >= sizeof one)
      return false;
    snprintf(one, sizeof one, "%.*s", (int)(bracket ? len - 2 : len),
             text + bracket);
    if (inet_pton(AF_INET6, one, &room) != 1 &&
        (bracket || inet_pton(AF_INET, one, &room) != 1))
      return false;
    if (text[len] == '\0')
      return true;
  }
}

static int check_resolve(const struct option_info *info, const char *text,
                         struct errmsg *msg) {
  const char *port = strchr(text, ':');
  size_t digits = port != NULL ? strspn(port + 1, "0123456789") : 0;
  if (port != NULL && port != text && digits >= 1 && digits <= 5 &&
      port[1 + digits] == ':' && are_addresses(port + 2 + digits))
    return 0;
  return err_set(msg, ERR_USAGE,
                 "--%s: '%s' should be HOST:PORT:ADDRESS, as in "
                 "example.org:443:192.0.2.7",
                 info->name, text);
}

static int check_proxy(const struct option_info *info, const char *text,
                       struct errmsg *msg) {
  static const char schemes[] = "http|https|socks4|socks4a|socks5|socks5h";
  CURLU *url = curl_url();
  char *scheme = NULL;
  bool good =
      url != NULL &&
      curl_url_set(url, CURLUPART_URL, text,
                   CURLU_NON_SUPPORT_SCHEME | CURLU_GUESS_SCHEME) == 0 &&
      (strstr(text, "://") == NULL ||
       (curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) == 0 &&
        option_choice_index(schemes, scheme) >= 0));
  curl_free(scheme);
  curl_url_cleanup(url);
  if (good)
    return 0;
  return err_set(msg, ERR_USAGE, /* the value may hold a password */
                 "--%s: a proxy is HOST or HOST:PORT, a scheme in front of it "
                 "one of %s",
                 info->name, schemes);
}

/* As curl: what has no '=' names a file. */
static int check_cookie(const struct option_info *info, const char *text,
                        struct errmsg *msg) {
  struct cookies *cookies;
  struct errmsg why;
  if (strchr(text, '=') != NULL)
    return 0;
  int rc = cookies_read(&cookies, text, &why);
  if (rc == ERR_SYNTAX)
    return err_set(msg, ERR_USAGE, "--%s: %s", info->name, why.text);
  if (rc != 0)
    return err_set(msg, ERR_USAGE,
                   "--%s: neither NAME=VALUE; NAME=VALUE nor a file that can "
                   "be read: %s",
                   info->name, why.text);
  cookies_free(cookies);
  return 0;
}

static int check_host_limit(const char *text, struct errmsg *msg) {
  struct host_limit limit;
  return host_limit_parse(&limit, text, msg) == 0 ? 0 : ERR_USAGE;
}

static int check_readable(const struct option_info *info, const char *text,
                          struct errmsg *msg) {
  if (strcmp(text, "-") == 0 || access(text, R_OK) == 0)
    return 0;
  return err_set(msg, ERR_USAGE, "--%s: cannot read '%s': %s", info->name, text,
                 strerror(errno));
}

static int check_deadline(const struct option_info *info, const char *text,
                          struct errmsg *msg) {
  int64_t unix_s;
  if (strcmp(text, "auto") == 0 || strcmp(text, "none") == 0 ||
      expiry_parse_time(text, &unix_s) == 0)
    return 0;
  return err_set(msg, ERR_USAGE,
                 "--%s: '%s' is none of auto, none or a time such as "
                 "2030-01-31T18:00Z",
                 info->name, text);
}

static int check_command(const struct option_info *info, const char *text,
                         struct errmsg *msg) {
  struct exec_command command;
  struct errmsg why;
  int rc = exec_command_init(&command, text, false, &why);
  if (rc != 0)
    return err_set(msg, ERR_USAGE, "--%s: '%s': %s", info->name, text,
                   why.text);
  exec_command_fini(&command);
  return 0;
}

static int check_protocols(const struct option_info *info, const char *text,
                           struct errmsg *msg) {
  struct errmsg why;
  if (protocol_set_check(text, &why) == 0)
    return 0;
  return err_set(msg, ERR_USAGE, "--%s: %s", info->name, why.text);
}

static int check_checksum(const struct option_info *info, const char *text,
                          struct errmsg *msg) {
  struct digest digest;
  struct errmsg why;
  if (digest_parse(text, &digest, &why) == 0)
    return 0;
  return err_set(msg, ERR_USAGE, "--%s: '%s': %s", info->name, text, why.text);
}

static int check_statuses(const struct option_info *info, const char *text,
                          struct errmsg *msg) {
  int codes[ENGINE_THROTTLE_CODES];
  size_t count;
  if (option_parse_statuses(text, codes, ENGINE_THROTTLE_CODES, &count) == 0)
    return 0;
  return err_set(msg, ERR_USAGE,
                 "--%s: '%s' is no list of at most %d codes from 400 to 599, "
                 "as in 403,509",
                 info->name, text, ENGINE_THROTTLE_CODES);
}

/* An empty word would be in every page. */
static int check_words(const struct option_info *info, const char *text,
                       struct errmsg *msg) {
  for (const char *at = text;; at++) {
    at += strspn(at, " ");
    if (*at == ',' || *at == '\0')
      return err_set(msg, ERR_USAGE,
                     "--%s: '%s' should be words with commas between them, as "
                     "in: slow down,try later",
                     info->name, text);
    at += strcspn(at, ",");
    if (*at == '\0')
      return 0;
  }
}

static int check_types(const struct option_info *info, const char *text,
                       struct errmsg *msg) {
  if (expect_types_check(text) == 0)
    return 0;
  return err_set(msg, ERR_USAGE,
                 "--%s: '%s' is no list of types with commas between them, as "
                 "in: image/*,application/pdf",
                 info->name, text);
}

static int check_bytes(const struct option_info *info, const char *text,
                       struct errmsg *msg) {
  int64_t bytes;
  if (option_parse_bytes(text, &bytes) == 0 &&
      (bytes > 0 || info->rule != RULE_SIZE))
    return 0;
  return err_set(msg, ERR_USAGE,
                 "--%s: '%s' is not understood; give bytes, or a number with "
                 "k, M, G or T, such as 5M",
                 info->name, text);
}

static int check_text(const struct option_info *info, const char *text,
                      struct errmsg *msg) {
  if (*text == '\0')
    return err_set(msg, ERR_USAGE, "--%s: %s must not be empty", info->name,
                   info->arg);
  if (strlen(text) > TEXT_MAX)
    return err_set(msg, ERR_USAGE, "--%s: longer than %d bytes", info->name,
                   TEXT_MAX);
  for (const char *at = text; *at != '\0'; at++)
    if ((unsigned char)*at < 0x20 || *at == 0x7f)
      return err_set(msg, ERR_USAGE,
                     "--%s: line breaks, tabs and control characters are not "
                     "allowed in it",
                     info->name);
  switch (info->rule) {
  case RULE_HEADER:
    return check_header(info, text, msg);
  case RULE_COOKIE:
    return check_cookie(info, text, msg);
  case RULE_SIGV4:
    if (sigv4_check(text) == 0)
      return 0;
    return err_set(msg, ERR_USAGE,
                   "--%s: '%s' should be PROVIDER[:PROVIDER[:REGION[:SERVICE]]"
                   "], as in aws:amz:eu-central-1:s3",
                   info->name, text);
  case RULE_RESOLVE:
    return check_resolve(info, text, msg);
  case RULE_PROXY:
    return check_proxy(info, text, msg);
  case RULE_FILE_OR_URL:
    if (checksum_fetch_is_url(text))
      return 0;
    /* fall through */
  case RULE_FILE_IN:
    return check_readable(info, text, msg);
  case RULE_HOST_LIMIT:
    return check_host_limit(text, msg);
  case RULE_DEADLINE:
    return check_deadline(info, text, msg);
  case RULE_STATUS_LIST:
    return check_statuses(info, text, msg);
  case RULE_WORD_LIST:
    return check_words(info, text, msg);
  case RULE_STATUSES:
    if (failure_status_check(text) == 0)
      return 0;
    return err_set(msg, ERR_USAGE,
                   "--%s: '%s' is no list of status codes, as in 404,5xx",
                   info->name, text);
  case RULE_TYPE_LIST:
    return check_types(info, text, msg);
  case RULE_SIZE:
  case RULE_BYTES:
    return check_bytes(info, text, msg);
  case RULE_CHECKSUM:
    return check_checksum(info, text, msg);
  case RULE_COMMAND:
    return check_command(info, text, msg);
  case RULE_PROTOCOLS:
    return check_protocols(info, text, msg);
  case RULE_TEXT:
    break;
  }
  return 0;
}

static int check_choice(const struct option_info *info, const char *text,
                        struct errmsg *msg) {
  if (option_choice_index(info->choices, text) >= 0)
    return 0;
  return err_set(msg, ERR_USAGE, "--%s: '%s' is none of %s", info->name, text,
                 info->choices);
}

int option_check(const struct option_info *info, const char *text,
                 struct errmsg *msg) {
  double value;
  switch (info->kind) {
  case OPTION_FLAG:
    if (option_boolean(text) >= 0)
      return 0;
    return err_set(msg, ERR_USAGE, "--%s: '%s' is neither yes nor no",
                   info->name, text);
  case OPTION_TEXT:
  case OPTION_LIST:
    return check_text(info, text, msg);
  case OPTION_CHOICE:
    return check_choice(info, text, msg);
  case OPTION_NUMBER:
    return check_number(info, text, msg);
  case OPTION_LIMIT:
    return limit_parse(info->limit, text, &value, msg);
  }
  return ERR_USAGE;
}
