/* SPDX-License-Identifier: MIT
 *
 * The strict URL reader. It goes from left to right once; every part is checked
 * against the characters that RFC 3986 gives it, with these deviations: bytes
 * from 0x80 on are let through in path, query and fragment (libcurl sends them
 * as they are), and what browsers and libcurl are known to read differently is
 * refused. A host beyond ASCII is read as what it is converted to (idn.h).
 * Pure; any thread.
 */
#include "config.h"

#include "url.h"

#include <arpa/inet.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "idn.h"

static bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

static bool is_alpha(char c) {
  c = (char)(c | 0x20);
  return c >= 'a' && c <= 'z';
}

static bool is_hex(char c) {
  char lower = (char)(c | 0x20);
  return is_digit(c) || (lower >= 'a' && lower <= 'f');
}

static char to_lower(char c) {
  return (char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
}

static int fail(struct url_parts *out, int code, const char *why) {
  out->why = why;
  return code;
}

/* Moves *at behind "scheme://". */
static int read_scheme(const char **at, unsigned allow, struct url_parts *out) {
  const char *mark = *at;
  while (is_alpha(*mark) || is_digit(*mark) || *mark == '+' || *mark == '-' ||
         *mark == '.')
    mark++;
  if (mark == *at || strncmp(mark, "://", 3) != 0)
    return fail(out, ERR_SYNTAX, "it does not begin with http:// or https://");
  out->protocol = protocol_find(*at, (size_t)(mark - *at));
  if (out->protocol == NULL)
    return fail(out, ERR_UNSUPPORTED,
                "only http and https are fetched, and ftp, ftps and sftp with "
                "--allow-protocols");
  if (!(out->protocol->bit & allow))
    return fail(out, ERR_UNSUPPORTED, out->protocol->refused);
  *at = mark + 3;
  return 0;
}

/* User info: unreserved, sub-delims, ':' and escapes of printable bytes. */
static bool good_userinfo(const char *p, const char *end) {
  for (; p < end; p++) {
    if (*p == '%') {
      if (end - p < 3 || !is_hex(p[1]) || !is_hex(p[2]) || p[1] < '2' ||
          (p[1] == '7' && (p[2] | 0x20) == 'f'))
        return false;
      p += 2;
    } else if (!is_alpha(*p) && !is_digit(*p) &&
               (*p == '\0' || !strchr("-._~!$&'()*+,;=:", *p))) {
      return false;
    }
  }
  return true;
}

/* Dotted decimal in its only unambiguous form. */
static bool good_ipv4(const char *host) {
  int parts = 0;
  for (const char *p = host;; p++) {
    int value = 0, digits = 0;
    const char *begin = p;
    for (; is_digit(*p) && digits < 4; p++, digits++)
      value = value * 10 + (*p - '0');
    if (digits == 0 || digits > 3 || value > 255 ||
        (digits > 1 && *begin == '0'))
      return false;
    parts++;
    if (*p == '\0')
      return parts == 4;
    if (*p != '.')
      return false;
  }
}

/* Would somebody's parser take the host for an IPv4 address? All do so by its
 * last label: digits, or 0x and hexadecimal digits. */
static bool looks_like_ipv4(const char *host) {
  size_t len = strlen(host);
  if (len > 0 && host[len - 1] == '.')
    len--;
  size_t begin = len;
  while (begin > 0 && host[begin - 1] != '.')
    begin--;
  const char *p = host + begin, *end = host + len;
  if (end - p >= 2 && p[0] == '0' && p[1] == 'x')
    return true;
  for (; p < end; p++)
    if (!is_digit(*p))
      return false;
  return true;
}

static int read_name(const char *p, size_t len, struct url_parts *out) {
  char ascii[URL_HOST_CAP];
  bool dot = true;
  if (idn_is_wide(p, len)) {
    int code = idn_to_ascii(p, len, ascii, sizeof ascii, &out->why);
    if (code < 0)
      return code;
    p = ascii;
    len = strlen(ascii);
    if (len == 0)
      return fail(out, ERR_SYNTAX, "it has no host");
  }
  if (len >= URL_HOST_CAP)
    return fail(out, ERR_TOOBIG, "its host name is too long");
  for (size_t i = 0; i < len; i++) {
    if (p[i] == '.' && dot)
      return fail(out, ERR_SYNTAX, "its host name has an empty part");
    dot = p[i] == '.';
    if (!dot && !is_alpha(p[i]) && !is_digit(p[i]) && p[i] != '-' &&
        p[i] != '_')
      return fail(out, ERR_SYNTAX, "its host name has an odd character");
    out->host[i] = to_lower(p[i]);
  }
  out->host[len] = '\0';
  if (looks_like_ipv4(out->host) && !good_ipv4(out->host))
    return fail(out, ERR_SYNTAX, "its IPv4 address is not four numbers");
  return 0;
}

static int read_ipv6(const char *p, size_t len, struct url_parts *out) {
  char text[INET6_ADDRSTRLEN];
  struct in6_addr address;
  if (len >= sizeof text)
    return fail(out, ERR_SYNTAX, "its IPv6 address is wrong");
  memcpy(text, p, len);
  text[len] = '\0';
  if (strchr(text, '%'))
    return fail(out, ERR_SYNTAX, "IPv6 zones are not supported");
  if (inet_pton(AF_INET6, text, &address) != 1 ||
      !inet_ntop(AF_INET6, &address, text, sizeof text))
    return fail(out, ERR_SYNTAX, "its IPv6 address is wrong");
  snprintf(out->host, sizeof out->host, "[%s]", text);
  return 0;
}

static int read_port(const char *p, const char *end, struct url_parts *out) {
  unsigned port = 0;
  if (p == end || *p == '0' || end - p > 5)
    return fail(out, ERR_SYNTAX, "its port is not a number from 1 to 65535");
  for (; p < end; p++) {
    if (!is_digit(*p))
      return fail(out, ERR_SYNTAX, "its port is not a number from 1 to 65535");
    port = port * 10 + (unsigned)(*p - '0');
  }
  if (port > 65535)
    return fail(out, ERR_SYNTAX, "its port is not a number from 1 to 65535");
  out->port = (uint16_t)port;
  return 0;
}

/* host[:port] */
static int read_host(const char *p, const char *end, struct url_parts *out) {
  const char *stop = p;
  int code;
  if (p < end && *p == '[') {
    stop = memchr(p, ']', (size_t)(end - p));
    if (!stop)
      return fail(out, ERR_SYNTAX, "its IPv6 address is wrong");
    code = read_ipv6(p + 1, (size_t)(stop - p - 1), out);
    stop++;
  } else {
    while (stop < end && *stop != ':')
      stop++;
    if (stop == p)
      return fail(out, ERR_SYNTAX, "it has no host");
    code = read_name(p, (size_t)(stop - p), out);
  }
  if (code < 0 || stop == end)
    return code;
  if (*stop != ':')
    return fail(out, ERR_SYNTAX, "its host is followed by something odd");
  return read_port(stop + 1, end, out);
}

static int read_authority(const char *url, const char *p, const char *end,
                          struct url_parts *out) {
  const char *at = memchr(p, '@', (size_t)(end - p));
  if (at) {
    if (memchr(at + 1, '@', (size_t)(end - at - 1)))
      return fail(out, ERR_SYNTAX, "it has more than one @ before its path");
    if (!good_userinfo(p, at))
      return fail(out, ERR_SYNTAX,
                  "its user name or password has an odd character");
    out->user = (uint32_t)(p - url);
    out->user_len = (uint32_t)(at - p);
    p = at + 1;
  }
  return read_host(p, end, out);
}

static size_t append(char *out, size_t at, const char *text) {
  size_t len = strlen(text);
  memcpy(out + at, text, len);
  return at + len;
}

/* By hand: snprintf() would take more time than all the rest. The lengths fit:
 * scheme 5, "://" 3, host 255, ':' and port 6. */
static void write_origin(struct url_parts *out) {
  char port[6];
  size_t digit = sizeof port - 1;
  unsigned value = out->port;
  port[digit] = '\0';
  do {
    port[--digit] = (char)('0' + value % 10);
    value /= 10;
  } while (value > 0);
  size_t len = append(out->origin, 0, out->protocol->name);
  len = append(out->origin, len, "://");
  len = append(out->origin, len, out->host);
  len = append(out->origin, len, ":");
  len = append(out->origin, len, port + digit);
  out->origin[len] = '\0';
}

/* No control characters and no spaces anywhere; returns the length or 0. */
static size_t clean_length(const char *url) {
  const unsigned char *p = (const unsigned char *)url;
  while (*p > 0x20 && *p != 0x7f)
    p++;
  return *p == '\0' ? (size_t)(p - (const unsigned char *)url) : 0;
}

static void split_tail(const char *url, const char *p, const char *end,
                       struct url_parts *out) {
  const char *hash = memchr(p, '#', (size_t)(end - p));
  if (hash) {
    out->fragment = (uint32_t)(hash + 1 - url);
    out->fragment_len = (uint32_t)(end - hash - 1);
    end = hash;
  }
  const char *mark = memchr(p, '?', (size_t)(end - p));
  if (mark) {
    out->query = (uint32_t)(mark + 1 - url);
    out->query_len = (uint32_t)(end - mark - 1);
    end = mark;
  }
  out->path = (uint32_t)(p - url);
  out->path_len = (uint32_t)(end - p);
}

int url_split(const char *url, unsigned allow, struct url_parts *out) {
  const char *p = url;
  memset(&out->port, 0, sizeof *out - offsetof(struct url_parts, port));
  out->origin[0] = out->host[0] = '\0';
  size_t len = strnlen(url, URL_CAP + 1);
  if (len > URL_CAP)
    return fail(out, ERR_TOOBIG, "it is longer than 8000 bytes");
  if (clean_length(url) != len)
    return fail(out, ERR_SYNTAX, "it has a space or control character in it");
  int code = read_scheme(&p, allow, out);
  if (code < 0)
    return code;
  out->port = out->protocol->port;
  const char *end = p + strcspn(p, "/?#");
  code = read_authority(url, p, end, out);
  if (code < 0)
    return code;
  write_origin(out);
  split_tail(url, end, url + len, out);
  const char *why =
      out->protocol->http
          ? NULL
          : protocol_path_fault(url + out->path, out->path_len,
                                url[out->path + out->path_len] == '?');
  return why == NULL ? 0 : fail(out, ERR_SYNTAX, why);
}

/* ---- the form that is asked -----------------------------------------------
 */

struct host_range {
  size_t begin, len;
};

/* The host as it stands in a URL, without user info and port, by the first
 * marks alone: nothing is checked. Empty where there is none. */
static struct host_range find_host(const char *url) {
  struct host_range range = {0, 0};
  const char *p = url + strcspn(url, ":/?#");
  if (strncmp(p, "://", 3) != 0)
    return range;
  p += 3;
  size_t len = strcspn(p, "/?#");
  const char *at = memchr(p, '@', len);
  if (at != NULL) {
    len -= (size_t)(at + 1 - p);
    p = at + 1;
  }
  const char *colon = *p == '[' ? NULL : memchr(p, ':', len);
  range.begin = (size_t)(p - url);
  range.len = colon != NULL ? (size_t)(colon - p) : len;
  return range;
}

/* The A-label form of a host beyond ASCII; NULL: it is to stay as it is. */
static const char *converted(const char *url, struct host_range range,
                             char buf[URL_HOST_CAP]) {
  const char *why;
  if (!idn_is_wide(url + range.begin, range.len) ||
      idn_to_ascii(url + range.begin, range.len, buf, URL_HOST_CAP, &why) != 0)
    return NULL;
  return buf;
}

const char *url_ascii(const char *url, struct url_ascii *buf) {
  char host[URL_HOST_CAP];
  struct url_parts parts;
  struct host_range range = find_host(url);
  const char *ascii = converted(url, range, host);
  if (ascii == NULL)
    return url;
  int len = snprintf(buf->text, sizeof buf->text, "%.*s%s%s", (int)range.begin,
                     url, ascii, url + range.begin + range.len);
  /* A host that was mapped to more than a host must not be asked. */
  return len < (int)sizeof buf->text &&
                 url_split(url, PROTOCOL_ALL, &parts) == 0
             ? buf->text
             : url;
}

static uint64_t fnv(uint64_t h, const char *bytes, size_t len) {
  for (size_t i = 0; i < len; i++)
    h = (h ^ (unsigned char)bytes[i]) * 0x100000001b3u;
  return h;
}

uint64_t url_object_hash64(const char *url, const char *out_name) {
  char host[URL_HOST_CAP];
  struct host_range range = find_host(url);
  const char *ascii = converted(url, range, host);
  size_t at = 0, end = strcspn(url, "?#");
  uint64_t h = 0xcbf29ce484222325u;
  if (ascii != NULL) {
    h = fnv(fnv(h, url, range.begin), ascii, strlen(ascii));
    at = range.begin + range.len;
  }
  h = fnv(h, url + at, end - at);
  h = fnv(h, "", 1); /* the zero byte between the two */
  if (out_name != NULL)
    h = fnv(h, out_name, strlen(out_name));
  h = (h ^ (h >> 33)) * 0xff51afd7ed558ccdu;
  h = (h ^ (h >> 33)) * 0xc4ceb9fe1a85ec53u;
  return h ^ (h >> 33);
}

bool url_same_origin(const char *a, const char *b) {
  struct url_parts x, y;
  return url_split(a, PROTOCOL_ALL, &x) == 0 &&
         url_split(b, PROTOCOL_ALL, &y) == 0 && strcmp(x.origin, y.origin) == 0;
}

static bool same_text(const char *a, size_t a_len, const char *b,
                      size_t b_len) {
  return a_len == b_len && memcmp(a, b, a_len) == 0;
}

bool url_same_object(const char *a, const char *b) {
  char a_host[URL_HOST_CAP], b_host[URL_HOST_CAP];
  size_t a_len = strcspn(a, "?#"), b_len = strcspn(b, "?#");
  struct host_range x = find_host(a), y = find_host(b);
  const char *a_name = converted(a, x, a_host),
             *b_name = converted(b, y, b_host);
  if (a_name == NULL && b_name == NULL)
    return same_text(a, a_len, b, b_len);
  const char *a_tail = a + x.begin + x.len, *b_tail = b + y.begin + y.len;
  return same_text(a, x.begin, b, y.begin) &&
         same_text(a_name != NULL ? a_name : a + x.begin,
                   a_name != NULL ? strlen(a_name) : x.len,
                   b_name != NULL ? b_name : b + y.begin,
                   b_name != NULL ? strlen(b_name) : y.len) &&
         same_text(a_tail, (size_t)(a + a_len - a_tail), b_tail,
                   (size_t)(b + b_len - b_tail));
}

bool url_same_request(const char *a, const char *b) {
  const char *x = a + strcspn(a, "?#"), *y = b + strcspn(b, "?#");
  return url_same_object(a, b) &&
         same_text(x, strcspn(x, "#"), y, strcspn(y, "#"));
}
