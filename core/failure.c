/* SPDX-License-Identifier: MIT
 *
 * Classes of failures: see failure.h. Pure.
 */
#include "config.h"

#include "failure.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* The first needle found decides, so the narrow ones stand before the wide:
 * "SSL connection timeout" is about time, "Connection reset" is not. */
static const struct {
  const char *name, *needle;
} table[] = {
    {"expired", "has expired"},
    {"host-key", "host key"},
    {"login", "authentication fail"},
    {"login", "login denied"},
    {"unexpected", "expected "}, /* --expect-type, --min-size, --max-size */
    {"checksum", "checksum"},
    {"checksum", "digest"},
    {"truncated", "ended early"},
    {"truncated", "bytes remaining"},
    {"truncated", "data remaining"}, /* of chunks */
    {"truncated", "partial file"},
    {"truncated", "not finished"},
    {"redirect", "redirect"},
    {"exists", "does not belong to this session"},
    {"exists", "is not of this session"},
    {"name", "leave the output directory"},
    {"lost", "lost data"},
    {"lost", "system lost"},
    {"disk", "cannot write"},
    {"disk", "disk is full"},
    {"timeout", "timed out"},
    {"timeout", "timeout"},
    {"timeout", "too slow"},
    {"dns", "resolv"},
    {"dns", "look-up"},
    {"dns", "unknown node or service"},
    {"dns", "temporary failure"},
    {"dns", "no address"},
    {"tls", "SSL"},
    {"tls", "TLS"},
    {"tls", "certificate"},
    {"connection", "connect"},
    {"connection", "refused"},
    {"connection", "reset"},
    {"connection", "unreachable"},
    {"connection", "empty reply"},
    {"connection", "no answer"},
    {"connection", "broken pipe"},
    {"connection", "failure when receiving"},
    {"connection", "failed sending"},
    {"protocol", "HTTP/"},
    {"protocol", "--allow-protocols"},
    {"protocol", "chunk"},
    {"protocol", "header"},
    {"protocol", "content-length"},
    {"protocol", "weird server reply"},
    {"protocol", "not asked for"},
    {"protocol", "does not fit"},
    {"local", "out of memory"},
    {"local", "could not be made"},
    {"asked-again", "asked for again"},
    {"other", ""},
};

#define TABLE_COUNT (sizeof table / sizeof *table)

static bool contains(const char *text, const char *part) {
  size_t length = strlen(part);
  for (; strlen(text) >= length; text++)
    if (strncasecmp(text, part, length) == 0)
      return true;
  return false;
}

const char *failure_class(int status, const char *reason, char *out) {
  const char *text = reason != NULL ? reason : "";
  size_t i = 0;
  while (!contains(text, table[i].needle)) /* the last one is in all */
    i++;
  bool coded = status >= 100 && status <= 999;
  if (coded && strncmp(text, "HTTP ", 5) == 0 &&
      strcmp(table[i].name, "expired") != 0)
    snprintf(out, FAILURE_CLASS_CAP, "http-%d", status);
  else if (coded && strncmp(text, "FTP ", 4) == 0)
    snprintf(out, FAILURE_CLASS_CAP, "ftp-%d", status);
  else
    snprintf(out, FAILURE_CLASS_CAP, "%s", table[i].name);
  return out;
}

const char *failure_class_name(size_t index) {
  for (size_t i = 0; i < TABLE_COUNT; i++)
    if ((i == 0 || strcmp(table[i].name, table[i - 1].name) != 0) &&
        index-- == 0)
      return table[i].name;
  return NULL;
}

/* ---- filters ----------------------------------------------------------- */

/* A code, or its first digit and xx; moves *at behind it. */
static bool read_status(const char **at, int *low, int *high) {
  const char *p = *at;
  if (p[0] < '1' || p[0] > '9')
    return false;
  if (strncasecmp(p + 1, "xx", 2) == 0) {
    *low = (p[0] - '0') * 100;
    *high = *low + 99;
  } else if (strspn(p, "0123456789") == 3) {
    *low = *high = (p[0] - '0') * 100 + (p[1] - '0') * 10 + (p[2] - '0');
  } else {
    return false;
  }
  *at = p + 3;
  return true;
}

static bool in_list(const char *list, int status, bool *valid) {
  int low, high;
  bool found = false;
  for (const char *at = list;; at++) {
    *valid = read_status(&at, &low, &high) && (*at == ',' || *at == '\0');
    found |= *valid && status >= low && status <= high;
    if (!*valid || *at == '\0')
      return found;
  }
}

int failure_status_check(const char *list) {
  bool valid;
  in_list(list, 0, &valid);
  return valid ? 0 : ERR_SYNTAX;
}

bool failure_matches(const struct failure_filter *filter, int status,
                     const char *class_name, const char *reason) {
  bool valid;
  if (filter->status != NULL && !in_list(filter->status, status, &valid))
    return false;
  return filter->reason == NULL ||
         strcasecmp(filter->reason, class_name) == 0 ||
         contains(reason != NULL ? reason : "", filter->reason);
}
