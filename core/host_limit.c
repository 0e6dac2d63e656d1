/* SPDX-License-Identifier: MIT
 *
 * See host_limit.h.
 */
#include "config.h"

#include "host_limit.h"

#include <stdio.h>
#include <string.h>

int host_own_of(enum limit_id limit) {
  switch (limit) {
  case LIMIT_PER_HOST:
    return OWN_PERMITS;
  case LIMIT_PER_HOST_RATE:
    return OWN_RATE;
  case LIMIT_HOST_BANDWIDTH:
    return OWN_BYTES;
  case LIMIT_ADAPTIVE:
    return OWN_ADAPTIVE;
  default:
    return -1;
  }
}

int host_name_check(const char *name, struct errmsg *msg) {
  size_t len = strlen(name);
  if (len == 0 || len >= URL_ORIGIN_CAP)
    return err_set(msg, ERR_SYNTAX, "a host's name is missing or too long");
  for (size_t i = 0; i < len; i++)
    if ((unsigned char)name[i] <= ' ' || name[i] == ',' || name[i] == 127)
      return err_set(msg, ERR_SYNTAX,
                     "a host's name has neither blanks nor commas");
  return 0;
}

int host_limit_parse(struct host_limit *out, const char *text,
                     struct errmsg *msg) {
  static const char form[] = "write HOST,LIMIT=VALUE, as in "
                             "example.org,per-host=4";
  char name[40];
  size_t host = strcspn(text, ",");
  const char *rest = text + host + (text[host] == ',');
  size_t len = strcspn(rest, "=");
  if (text[host] != ',' || rest[len] != '=' || len >= sizeof name)
    return err_set(msg, ERR_SYNTAX, "--host-limit: %s", form);
  if (host >= sizeof out->name)
    return err_set(msg, ERR_SYNTAX, "--host-limit: the name is too long");
  memset(out, 0, sizeof *out);
  memcpy(out->name, text, host);
  memcpy(name, rest, len);
  name[len] = '\0';
  int id = limit_find(name);
  if (id < 0 || host_own_of((enum limit_id)id) < 0)
    return err_set(msg, ERR_SYNTAX,
                   "--host-limit: a host has no '%s' of its own; it "
                   "has " HOST_OWN_NAMES,
                   name);
  out->limit = (enum limit_id)id;
  int rc = host_name_check(out->name, msg);
  return rc == 0 ? limit_parse(out->limit, rest + len + 1, &out->value, msg)
                 : rc;
}

char *host_limit_format(const struct host_limit *limit, char *buf, size_t cap) {
  char value[64];
  snprintf(buf, cap, "%s,%s=%s", limit->name, limit_info(limit->limit)->name,
           limit_format(limit->limit, limit->value, value, sizeof value));
  return buf;
}
