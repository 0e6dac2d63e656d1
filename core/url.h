/* SPDX-License-Identifier: MIT
 *
 * A URL taken apart and judged before it may become a task. Stricter than
 * libcurl, on purpose: what two parsers could read differently is refused, and
 * what is accepted means the same to libcurl (a test compares them). A host
 * beyond ASCII is its A-label form (idn.h) wherever it is compared, limited or
 * asked; only the text keeps what a person typed. Nothing is allocated for
 * others.
 *
 * Syntax: RFC 3986. Pure; any thread.
 */
#ifndef SPATE_URL_H
#define SPATE_URL_H

#include <stdbool.h>
#include <stdint.h>

#include "err.h"
#include "protocol.h"

#define URL_CAP 8000     /* ceiling of a URL's length, RFC 9110 section 4.1 */
#define URL_HOST_CAP 256 /* bytes, the NUL included */
#define URL_ORIGIN_CAP 280

struct url_parts {
  char origin[URL_ORIGIN_CAP]; /* "https://host:443", lower case; the same for
                                  two URLs exactly if their origins are */
  char host[URL_HOST_CAP];     /* ASCII, lower case; IPv6 in brackets */
  uint16_t port;               /* the scheme's own when none is given */
  const struct protocol *protocol;
  /* Offsets into the URL. */
  uint32_t user, user_len;         /* user info without '@'; len 0 none */
  uint32_t path, path_len;         /* with its '/'; len 0 when it is empty */
  uint32_t query, query_len;       /* without '?' */
  uint32_t fragment, fragment_len; /* without '#' */
  const char *why; /* after a failure: what is wrong, for a person; a literal */
};

/* allow: PROTOCOL_* bits. ERR_SYNTAX, ERR_UNSUPPORTED (protocol not in allow)
 * or ERR_TOOBIG. */
int url_split(const char *url, unsigned allow,
              struct url_parts *out) MUST_CHECK;

struct url_ascii {
  char text[URL_CAP + URL_HOST_CAP];
};

/* The URL as it goes out: with the A-label form of a host beyond ASCII, in buf;
 * url itself when its host is ASCII, or url_split() refuses it. */
const char *url_ascii(const char *url, struct url_ascii *buf);

/* A hash of what an object is: the URL without query and fragment, and the
 * output name (NULL or "" none). Stable for ever, since sessions keep it:
 * FNV-1a of 64 bits over the bytes of the URL as it goes out, a zero byte and
 * the name, then the finalizer of MurmurHash3. Not proof against people who
 * look for collisions. */
uint64_t url_object_hash64(const char *url, const char *out_name);

/* Scheme, host and port agree. False when either cannot be read. */
bool url_same_origin(const char *a, const char *b);

/* The same but for query and fragment: maybe signed anew. */
bool url_same_object(const char *a, const char *b);

/* The same but for the fragment, which is not sent. */
bool url_same_request(const char *a, const char *b);

#endif
