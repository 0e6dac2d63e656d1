/* SPDX-License-Identifier: MIT
 *
 * Error codes: their sentences, their exit statuses, and how an errno becomes
 * one. Pure; any thread.
 */
#include "config.h"

#include "err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
  int code;
  const char *text;
} table[] = {{ERR_OK, "all is well"},
#define ERR_ROW(name, code, text) {code, text},
             ERR_TABLE(ERR_ROW)
#undef ERR_ROW
};

const char *err_text(int code) {
  for (size_t i = 0; i < sizeof table / sizeof *table; i++)
    if (table[i].code == code)
      return table[i].text;
  return "an unknown error";
}

int err_from_errno(int saved_errno) {
  switch (saved_errno) {
  case ENOSPC:
  case EDQUOT:
    return ERR_FULL;
  case EROFS:
  case EACCES:
  case EPERM:
    return ERR_READONLY;
  case ENOMEM:
    return ERR_NOMEM;
  case EEXIST:
    return ERR_EXISTS;
  case ELOOP:
  case ENOTDIR:
    return ERR_UNSAFE;
  default:
    return ERR_IO;
  }
}

int err_exit_status(int code) {
  switch (code) {
  case ERR_OK:
    return 0;
  case ERR_USAGE:
  case ERR_SYNTAX:
  case ERR_CHANGED:
    return 2;
  case ERR_IO:
  case ERR_FULL:
  case ERR_READONLY:
  case ERR_LOCKED:
  case ERR_CORRUPT:
  case ERR_NOTFOUND: /* no session where one was named */
    return 3;
  default:
    return 1;
  }
}

/* Takes the bytes of a character that the ceiling cut in two off the end. */
static void trim_partial_utf8(char *text) {
  size_t len = strlen(text), back = 0;
  while (back < len && back < 3 &&
         ((unsigned char)text[len - 1 - back] & 0xc0) == 0x80)
    back++;
  if (back == len)
    return;
  unsigned char lead = (unsigned char)text[len - 1 - back];
  size_t want = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : lead >= 0xc0 ? 1 : 0;
  if (back < want)
    text[len - 1 - back] = '\0';
}

int err_set(struct errmsg *msg, int code, const char *fmt, ...) {
  if (!msg)
    return code;
  va_list args;
  va_start(args, fmt);
  int len = vsnprintf(msg->text, sizeof msg->text, fmt, args);
  va_end(args);
  if (len < 0)
    snprintf(msg->text, sizeof msg->text, "%s", err_text(code));
  else if ((size_t)len >= sizeof msg->text)
    trim_partial_utf8(msg->text);
  return code;
}
