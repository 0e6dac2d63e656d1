/* SPDX-License-Identifier: MIT
 *
 * What is spoken with a server, by the scheme of its URL: the port that is
 * meant when none is given, whether the answer has a head with a status, and
 * what the replies of an FTP server say.
 *
 * HTTP and HTTPS are always there. FTP (RFC 959, with SIZE and MDTM of RFC
 * 3659), FTPS (RFC 4217, the implicit form) and SFTP are libcurl's, where it
 * was built with them, and have to be allowed (--allow-protocols).
 *
 * Pure but for protocol_set_check(), which asks libcurl; any thread.
 */
#ifndef SPATE_PROTOCOL_H
#define SPATE_PROTOCOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

/* Sets of protocols. */
#define PROTOCOL_HTTP 1u
#define PROTOCOL_HTTPS 2u
#define PROTOCOL_FTP 4u
#define PROTOCOL_FTPS 8u
#define PROTOCOL_SFTP 16u
#define PROTOCOL_ALL 31u
#define PROTOCOL_USUAL (PROTOCOL_HTTP | PROTOCOL_HTTPS)
#define PROTOCOL_TEXT 40 /* room for the names of all, with commas */

struct protocol {
  const char *name;
  unsigned bit;
  uint16_t port;
  bool secure;
  bool http; /* heads, ranges, methods, headers; else whole files, by name */
  const char *refused; /* a sentence, when it is not in the set allowed */
};

/* By the scheme, in any case; NULL unknown. */
const struct protocol *protocol_find(const char *scheme, size_t length);

/* "http,https,ftp" into a set. ERR_SYNTAX when a name is not known or there is
 * none. */
int protocol_set_parse(const char *list, unsigned *set) MUST_CHECK;

/* The names of a set, with sep between them; returns text. */
char *protocol_set_text(unsigned set, const char *sep, char *text, size_t cap);

/* The same as parsing, and that libcurl has them all; msg says what is wrong
 * and what would be right. */
int protocol_set_check(const char *list, struct errmsg *msg) MUST_CHECK;

/* Why this path names no file over a protocol without heads; NULL: it does. A
 * directory would be listed instead, a ";type=" changes what comes, and of a
 * query libcurl and a server think differently. */
const char *protocol_path_fault(const char *path, size_t length, bool query);

/* A few words for a reply of RFC 959 section 4.2; "" for others. */
const char *protocol_reply_text(int reply);

#endif
