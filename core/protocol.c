/* SPDX-License-Identifier: MIT
 *
 * Protocols by their scheme: see protocol.h.
 */
#include "config.h"

#include "protocol.h"

#include <curl/curl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define NOT_ALLOWED(name) \
  name " is not among the protocols that --allow-protocols names"

static const struct protocol protocols[] = {
    {"https", PROTOCOL_HTTPS, 443, true, true, NOT_ALLOWED("https")},
    {"http", PROTOCOL_HTTP, 80, false, true, NOT_ALLOWED("http")},
    {"ftp", PROTOCOL_FTP, 21, false, false, NOT_ALLOWED("ftp")},
    {"ftps", PROTOCOL_FTPS, 990, true, false, NOT_ALLOWED("ftps")},
    {"sftp", PROTOCOL_SFTP, 22, true, false, NOT_ALLOWED("sftp")},
};

static const struct {
  int reply;
  const char *text;
} replies[] = {
    {421, "service not available"},
    {425, "no data connection"},
    {426, "the transfer was broken off"},
    {430, "wrong user name or password"},
    {450, "the file is not available at present"},
    {451, "an error of the server"},
    {452, "the server has no space"},
    {500, "the command is not understood"},
    {501, "an argument is not understood"},
    {502, "the command is not there"},
    {504, "not for that argument"},
    {530, "not logged in"},
    {534, "not without TLS"},
    {550, "no such file, or no right to read it"},
    {551, "page type unknown"},
    {552, "more than may be stored"},
    {553, "the name is not allowed"},
};

#define COUNT(table) (sizeof(table) / sizeof(*(table)))

const struct protocol *protocol_find(const char *scheme, size_t length) {
  for (size_t i = 0; i < COUNT(protocols); i++)
    if (strlen(protocols[i].name) == length &&
        strncasecmp(protocols[i].name, scheme, length) == 0)
      return &protocols[i];
  return NULL;
}

int protocol_set_parse(const char *list, unsigned *set) {
  *set = 0;
  for (const char *at = list;; at++) {
    at += strspn(at, " ");
    size_t length = strcspn(at, ", ");
    const struct protocol *protocol = protocol_find(at, length);
    if (protocol == NULL)
      return ERR_SYNTAX;
    *set |= protocol->bit;
    at += length;
    at += strspn(at, " ");
    if (*at == '\0')
      return 0;
    if (*at != ',')
      return ERR_SYNTAX;
  }
}

char *protocol_set_text(unsigned set, const char *sep, char *text, size_t cap) {
  size_t at = 0;
  text[0] = '\0';
  for (unsigned bit = 1; bit <= PROTOCOL_ALL; bit *= 2)
    for (size_t i = 0; i < COUNT(protocols); i++)
      if (protocols[i].bit == bit && (set & bit) && at < cap)
        at += (size_t)snprintf(text + at, cap - at, "%s%s", at > 0 ? sep : "",
                               protocols[i].name);
  return text;
}

static unsigned built_in(void) {
  const char *const *name = curl_version_info(CURLVERSION_NOW)->protocols;
  unsigned set = 0;
  for (; *name != NULL; name++) {
    const struct protocol *protocol = protocol_find(*name, strlen(*name));
    if (protocol != NULL)
      set |= protocol->bit;
  }
  return set;
}

int protocol_set_check(const char *list, struct errmsg *msg) {
  char names[PROTOCOL_TEXT], lacking[PROTOCOL_TEXT];
  unsigned set, have = built_in();
  if (protocol_set_parse(list, &set) != 0)
    return err_set(msg, ERR_USAGE,
                   "'%s' is no list of protocols with commas between them, out "
                   "of %s",
                   list,
                   protocol_set_text(PROTOCOL_ALL, ", ", names, sizeof(names)));
  if ((set & ~have) == 0)
    return 0;
  return err_set(msg, ERR_USAGE, "libcurl %s here has no %s; it has %s",
                 curl_version_info(CURLVERSION_NOW)->version,
                 protocol_set_text(set & ~have, ", ", lacking, sizeof(lacking)),
                 protocol_set_text(have, ", ", names, sizeof(names)));
}

/* libcurl decodes the path before it looks at its end. */
static bool ends_in_slash(const char *path, size_t length) {
  if (length == 0 || path[length - 1] == '/')
    return true;
  return length >= 3 && strncasecmp(path + length - 3, "%2f", 3) == 0;
}

const char *protocol_path_fault(const char *path, size_t length, bool query) {
  if (query)
    return "a ? in the name of a file is written %3F over this protocol";
  if (ends_in_slash(path, length))
    return "it names a directory, and only files are fetched over this "
           "protocol";
  for (size_t i = 0; i + 6 <= length; i++)
    if (strncasecmp(path + i, ";type=", 6) == 0)
      return "a ;type= is not supported: files are fetched as they are";
  return NULL;
}

const char *protocol_reply_text(int reply) {
  for (size_t i = 0; i < COUNT(replies); i++)
    if (replies[i].reply == reply)
      return replies[i].text;
  return "";
}
