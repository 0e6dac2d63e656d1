/* SPDX-License-Identifier: MIT
 *
 * Names in Content-Disposition: see content_disposition.h.
 */
#include "config.h"

#include "content_disposition.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>
#include <utf8proc.h>

struct span {
  const char *text;
  size_t length;
  bool quoted;
};

static bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

static void skip_blanks(const char **at, const char *end) {
  while (*at < end && is_blank(**at))
    (*at)++;
}

static struct span take_quoted(const char **at, const char *end) {
  struct span span = {++*at, 0, true};
  while (*at < end && **at != '"') {
    if (**at == '\\' && *at + 1 < end)
      (*at)++;
    (*at)++;
  }
  span.length = (size_t)(*at - span.text);
  if (*at < end)
    (*at)++;
  return span;
}

static struct span take_plain(const char **at, const char *end,
                              const char *stop) {
  struct span span = {*at, 0, false};
  while (*at < end && **at != '\0' && strchr(stop, **at) == NULL)
    (*at)++;
  span.length = (size_t)(*at - span.text);
  while (span.length > 0 && is_blank(span.text[span.length - 1]))
    span.length--;
  return span;
}

/* The next parameter; false at the end. Quoted strings may hold semicolons. */
static bool next_parameter(const char **at, const char *end, struct span *name,
                           struct span *value) {
  while (*at < end && **at != ';') {
    if (**at == '"')
      (void)take_quoted(at, end);
    else
      (*at)++;
  }
  if (*at == end)
    return false;
  (*at)++;
  skip_blanks(at, end);
  *name = take_plain(at, end, "=;");
  *value = (struct span){*at, 0, false};
  if (*at == end || **at != '=')
    return true;
  (*at)++;
  skip_blanks(at, end);
  *value = *at < end && **at == '"' ? take_quoted(at, end)
                                    : take_plain(at, end, ";");
  return true;
}

static bool is(const struct span *span, const char *word) {
  return span->length == strlen(word) &&
         strncasecmp(span->text, word, span->length) == 0;
}

/* ---- text ------------------------------------------------------------------
 */

struct out {
  char *text;
  size_t length, cap;
  bool full;
};

static void put(struct out *out, unsigned char byte) {
  if (out->length + 1 >= out->cap)
    out->full = true;
  else
    out->text[out->length++] = (char)byte;
}

static void put_latin1(struct out *out, unsigned char byte) {
  if (byte >= 0x80) {
    put(out, (unsigned char)(0xc0 | byte >> 6));
    put(out, (unsigned char)(0x80 | (byte & 0x3f)));
  } else {
    put(out, byte);
  }
}

static bool is_utf8(const char *text, size_t length) {
  const utf8proc_uint8_t *at = (const utf8proc_uint8_t *)text;
  utf8proc_ssize_t left = (utf8proc_ssize_t)length;
  while (left > 0) {
    utf8proc_int32_t point;
    utf8proc_ssize_t n = utf8proc_iterate(at, left, &point);
    if (n <= 0)
      return false;
    at += n;
    left -= n;
  }
  return true;
}

static int finish(struct out *out) {
  if (out->full)
    return ERR_TOOBIG;
  out->text[out->length] = '\0';
  if (out->length == 0 || strlen(out->text) != out->length)
    return ERR_NOTFOUND; /* nothing, or a NUL byte in it */
  return 0;
}

/* What bytes beyond ASCII mean in a plain name nobody says: UTF-8 if they can
 * be, else Latin-1. */
static int plain_name(const struct span *value, struct out *out) {
  bool utf8 = is_utf8(value->text, value->length);
  for (size_t i = 0; i < value->length; i++) {
    unsigned char c;
    if (value->quoted && value->text[i] == '\\' && i + 1 < value->length)
      i++;
    c = (unsigned char)value->text[i];
    if (utf8)
      put(out, c);
    else
      put_latin1(out, c);
  }
  return finish(out);
}

static int hex_value(char c) {
  if (c >= '0' && c <= '9')
    return c - '0';
  c = (char)(c | 0x20);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* charset'language'value, the value percent-encoded. */
static int extended_name(const struct span *value, struct out *out) {
  const char *end = value->text + value->length, *at = value->text;
  struct span charset = take_plain(&at, end, "'");
  bool latin1 = is(&charset, "iso-8859-1");
  if (at == end || (!latin1 && !is(&charset, "utf-8")))
    return ERR_NOTFOUND;
  at++;
  (void)take_plain(&at, end, "'");
  if (at == end)
    return ERR_NOTFOUND;
  for (at++; at < end; at++) {
    unsigned char byte = (unsigned char)*at;
    if (*at == '%') {
      if (end - at < 3 || hex_value(at[1]) < 0 || hex_value(at[2]) < 0)
        return ERR_NOTFOUND;
      byte = (unsigned char)(hex_value(at[1]) << 4 | hex_value(at[2]));
      at += 2;
    }
    if (latin1)
      put_latin1(out, byte);
    else
      put(out, byte);
  }
  return is_utf8(out->text, out->length) ? finish(out) : ERR_NOTFOUND;
}

int content_disposition_name(const char *value, size_t length, char *name,
                             size_t cap) {
  const char *end = value + length, *at = value;
  struct span key, text;
  int code = ERR_NOTFOUND;
  while (next_parameter(&at, end, &key, &text)) {
    struct out out = {name, 0, cap, false};
    if (is(&key, "filename*") && extended_name(&text, &out) == 0)
      return 0;
  }
  at = value;
  while (code == ERR_NOTFOUND && next_parameter(&at, end, &key, &text)) {
    struct out out = {name, 0, cap, false};
    if (is(&key, "filename"))
      code = plain_name(&text, &out);
  }
  return code;
}
