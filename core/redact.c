/* SPDX-License-Identifier: MIT
 *
 * Redaction. A URL is copied piece by piece; pieces that are secret are
 * replaced by "***". Nothing is decoded in the copy, only names are for the
 * comparison. Pure; any thread.
 */
#include "config.h"

#include "redact.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#define HIDDEN "***"

/* Names of parameters and headers that are secret as a whole: few enough in
 * each length to be compared one by one. */
static const char *const secret_names[] = {
    "pw",     "sig",    "key",     "pwd",       "sid",   "otp",
    "pin",    "sign",   "auth",    "code",      "pass",  "hmac",
    "saml",   "hdnea",  "hdnts",   "hdntl",     "nonce", "bearer",
    "cookie", "ticket", "authkey", "assertion",
};

/* Words that make any name secret which contains them, by first letter. */
static const char *const secret_words[128][9] = {
    ['t'] = {"token"},
    ['s'] = {"signature", "secret", "session", "samlresponse"},
    ['p'] = {"passw", "passphrase"},
    ['c'] = {"credential"},
    ['a'] = {"accesskey", "access_key", "access-key", "apikey", "accountkey",
             "authorization", "authenticat", "auth_"},
    ['_'] = {"_key"},
    ['-'] = {"-key", "-cookie", "-auth"},
    ['o'] = {"oauth"},
    ['j'] = {"jwt"},
};

struct out {
  char *at;
  size_t room, len; /* room without the NUL */
};

static void put(struct out *o, const char *bytes, size_t len) {
  if (len > o->room - o->len)
    len = o->room - o->len;
  memcpy(o->at + o->len, bytes, len);
  o->len += len;
}

static void put_hidden(struct out *o) {
  put(o, HIDDEN, sizeof HIDDEN - 1);
}

static int hex_digit(char c) {
  if (c >= '0' && c <= '9')
    return c - '0';
  c = (char)(c | 0x20);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Percent-decoded and in lower case; longer names are cut at the end, which
 * does not matter to words within them. */
static size_t plain_name(const char *name, size_t len, char *out, size_t cap) {
  size_t n = 0;
  for (size_t i = 0; i < len && n + 1 < cap; i++) {
    char c = name[i];
    if (c == '%' && i + 2 < len && hex_digit(name[i + 1]) >= 0 &&
        hex_digit(name[i + 2]) >= 0) {
      c = (char)(hex_digit(name[i + 1]) * 16 + hex_digit(name[i + 2]));
      i += 2;
    }
    if (c != '\0')
      out[n++] = (char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
  }
  out[n] = '\0';
  return n;
}

static bool starts_secret_word(const char *at) {
  const char *const *w = secret_words[*at & 0x7f];
  for (; *w; w++)
    if (strncmp(at, *w, strlen(*w)) == 0)
      return true;
  return false;
}

static bool is_secret(const char *name, size_t len) {
  char plain[128];
  size_t size = plain_name(name, len, plain, sizeof plain);
  for (size_t i = 0; i < sizeof secret_names / sizeof *secret_names; i++)
    if (plain[0] == secret_names[i][0] && strcmp(plain, secret_names[i]) == 0)
      return true;
  for (size_t i = 0; i < size; i++)
    if (starts_secret_word(plain + i))
      return true;
  return false;
}

/* Does an encoded URL with a query of its own begin in the value? Then what
 * follows its question mark may be signed as well. */
static const char *nested_query(const char *value, const char *end) {
  bool url = false;
  for (const char *p = value; p + 2 < end; p++) {
    if (*p != '%')
      continue;
    if (strncasecmp(p, "%2f", 3) == 0)
      url = true;
    if (url && strncasecmp(p, "%3f", 3) == 0)
      return p + 3;
  }
  return NULL;
}

static const char *slashes(const char *p, const char *end) {
  if (end - p >= 2 && strncmp(p, "//", 2) == 0)
    return p + 2;
  return end - p >= 6 && strncasecmp(p, "%2f%2f", 6) == 0 ? p + 6 : NULL;
}

/* Does a URL in the value, encoded or not, have a user and a password? Where
 * they begin; NULL none. */
static const char *nested_userinfo(const char *value, const char *end) {
  const char *host = NULL;
  for (const char *p = value; p < end; p++) {
    const char *behind = slashes(p, end);
    if (behind != NULL)
      host = behind;
    if (host == NULL || p < host)
      continue;
    if (*p == '@' || (end - p >= 3 && strncmp(p, "%40", 3) == 0))
      return host;
    if (*p == '/' || (end - p >= 3 && strncasecmp(p, "%2f", 3) == 0))
      host = NULL; /* the path */
  }
  return NULL;
}

static void put_value(struct out *o, const char *name, size_t name_len,
                      const char *value, const char *end) {
  if (value == end)
    return;
  if (is_secret(name, name_len)) {
    put_hidden(o);
    return;
  }
  const char *nested = nested_query(value, end);
  const char *user = nested_userinfo(value, end);
  if (user != NULL && (nested == NULL || user < nested))
    nested = user;
  put(o, value, (size_t)((nested ? nested : end) - value));
  if (nested)
    put_hidden(o);
}

static bool ends_value(char c) {
  return c == '&' || c == ';' || c == '?' || c == '#';
}

static bool ends_authority(char c) {
  return c == '/' || c == '?' || c == '#';
}

static bool in_scheme(char c) {
  return isalnum((unsigned char)c) || c == '+' || c == '-' || c == '.';
}

/* A query or fragment: name=value pairs between any of "&;?#". */
static void put_parameters(struct out *o, const char *p, const char *end) {
  while (p < end) {
    const char *stop = p, *equals = NULL;
    while (stop < end && !ends_value(*stop)) {
      if (*stop == '=' && !equals)
        equals = stop;
      stop++;
    }
    if (equals) {
      put(o, p, (size_t)(equals + 1 - p));
      put_value(o, p, (size_t)(equals - p), equals + 1, stop);
    } else {
      put(o, p, (size_t)(stop - p));
    }
    if (stop < end)
      put(o, stop, 1);
    p = stop + 1;
  }
}

/* The '@' behind the user info, or NULL. An unencoded '/' in a password makes
 * the authority look as if it ended there, with a port that is no number: then
 * the '@' is looked for further on. */
static const char *find_userinfo(const char *p, const char *end) {
  const char *stop = p, *colon = NULL, *at = NULL;
  for (; stop < end && !ends_authority(*stop); stop++) {
    if (*stop == '@')
      at = stop;
    if (*stop == ':' || *stop == ']')
      colon = *stop == ':' ? stop : NULL;
  }
  bool odd_port = false;
  for (const char *c = colon ? colon + 1 : stop; c < stop; c++)
    odd_port |= *c < '0' || *c > '9';
  for (const char *c = stop; !at && odd_port && c < end; c++)
    if (*c == '@')
      at = c;
  return at;
}

/* A name alone, or one with an empty or a well-known dummy password, or a long
 * or odd one, may be a token. */
static void put_userinfo(struct out *o, const char *p, const char *at) {
  const char *colon = memchr(p, ':', (size_t)(at - p));
  size_t rest = colon ? (size_t)(at - colon - 1) : 0;
  bool odd = rest == 0 || colon - p >= 20 ||
             (rest == 13 && !memcmp(colon + 1, "x-oauth-basic", 13));
  for (const char *c = p; !odd && c < colon; c++)
    odd = *c == '@' || *c == '=' || *c == '/';
  if (odd) {
    put_hidden(o);
  } else {
    put(o, p, (size_t)(colon - p));
  }
  if (rest > 0) {
    put(o, ":", 1);
    put_hidden(o);
  }
}

static void put_url(struct out *o, const char *url, const char *end) {
  const char *p = url, *at;
  const char *stop = url;
  while (stop < end && in_scheme(*stop))
    stop++;
  if (end - stop >= 3 && memcmp(stop, "://", 3) == 0) {
    p = stop + 3;
    put(o, url, (size_t)(p - url));
    at = find_userinfo(p, end);
    if (at) {
      put_userinfo(o, p, at);
      p = at;
    }
    stop = p;
  }
  while (stop < end && !ends_value(*stop))
    stop++;
  put(o, p, (size_t)(stop - p));
  if (stop == end)
    return;
  put(o, stop, 1);
  put_parameters(o, stop + 1, end);
}

static size_t finish(struct out *o) {
  o->at[o->len] = '\0';
  return o->len;
}

size_t redact_url(const char *url, char *out, size_t cap) {
  if (cap == 0)
    return 0;
  struct out o = {out, cap - 1, 0};
  put_url(&o, url, url + strlen(url));
  return finish(&o);
}

static bool ends_url(char c) {
  return (unsigned char)c <= ' ' || c == 0x7f || strchr("\"'<>`", c) != NULL;
}

static void put_text(struct out *o, const char *text) {
  const char *mark;
  while ((mark = strstr(text, "://")) != NULL) {
    const char *begin = mark, *end = mark + 3;
    while (begin > text && in_scheme(begin[-1]))
      begin--;
    while (*end && !ends_url(*end))
      end++;
    put(o, text, (size_t)(begin - text));
    put_url(o, begin, end);
    text = end;
  }
  put(o, text, strlen(text));
}

size_t redact_text(const char *text, char *out, size_t cap) {
  if (cap == 0)
    return 0;
  struct out o = {out, cap - 1, 0};
  put_text(&o, text);
  return finish(&o);
}

/* "Location" and "Content-Location" may hold a relative reference. */
static bool is_location(const char *name, size_t len) {
  return len >= 8 && strncasecmp(name + len - 8, "location", 8) == 0;
}

size_t redact_header(const char *line, char *out, size_t cap) {
  if (cap == 0)
    return 0;
  struct out o = {out, cap - 1, 0};
  const char *colon = strchr(line, ':');
  if (!colon) {
    put_text(&o, line);
    return finish(&o);
  }
  const char *value = colon + 1 + strspn(colon + 1, " \t");
  put(&o, line, (size_t)(value - line));
  if (*value && is_secret(line, (size_t)(colon - line)))
    put_hidden(&o);
  else if (is_location(line, (size_t)(colon - line)))
    put_url(&o, value, value + strlen(value));
  else
    put_text(&o, value);
  return finish(&o);
}
