/* SPDX-License-Identifier: MIT
 *
 * JSON text piece by piece: see json_scan.h.
 *
 * An automaton over bytes: its state says what may come next; the kinds of the
 * open arrays and objects are a stack of bits.
 */
#include "config.h"

#include "json_scan.h"

#include <string.h>

enum state {
  VALUE,       /* a value must come */
  FIRST_VALUE, /* or the end of the empty array */
  FIRST_KEY,   /* a key, or the end of the empty object */
  KEY,
  COLON,
  AFTER, /* a value is complete: comma, closing bracket or the end */
  STRING,
  ESCAPE,
  HEX,
  WORD,
  MINUS,
  ZERO,
  DIGITS,
  POINT,
  FRACTION,
  EXPONENT,
  EXPONENT_SIGN,
  EXPONENT_DIGITS,
};

void json_scan_init(struct json_scan *scan) {
  memset(scan, 0, sizeof *scan);
  scan->state = VALUE;
}

/* ---- UTF-8 (RFC 3629) --------------------------------------------------- */

static void lead_byte(struct json_scan *scan, uint8_t c) {
  scan->low = 0x80;
  scan->high = 0xbf;
  if (c >= 0xc2 && c <= 0xdf) {
    scan->tail = 1;
  } else if (c >= 0xe0 && c <= 0xef) {
    scan->tail = 2;
    scan->low = c == 0xe0 ? 0xa0 : 0x80;  /* not what is shorter otherwise */
    scan->high = c == 0xed ? 0x9f : 0xbf; /* no surrogates */
  } else if (c >= 0xf0 && c <= 0xf4) {
    scan->tail = 3;
    scan->low = c == 0xf0 ? 0x90 : 0x80;
    scan->high = c == 0xf4 ? 0x8f : 0xbf;
  } else {
    scan->bad_utf8 = true;
  }
}

static void next_byte(struct json_scan *scan, uint8_t c) {
  if (scan->tail == 0) {
    if (c >= 0x80)
      lead_byte(scan, c);
    return;
  }
  if (c < scan->low || c > scan->high)
    scan->bad_utf8 = true;
  scan->tail--;
  scan->low = 0x80;
  scan->high = 0xbf;
}

static void feed_utf8(struct json_scan *scan, const char *data, size_t length) {
  const uint8_t *at = (const uint8_t *)data, *end = at + length;
  while (at < end && !scan->bad_utf8) {
    uint64_t eight;
    if (scan->tail == 0 && end - at >= 8) {
      memcpy(&eight, at, sizeof eight);
      if ((eight & UINT64_C(0x8080808080808080)) == 0) {
        at += 8;
        continue;
      }
    }
    next_byte(scan, *at++);
  }
}

/* ---- JSON --------------------------------------------------------------- */

static bool blank(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool digit(char c) {
  return c >= '0' && c <= '9';
}

static void bad(struct json_scan *scan) {
  scan->bad_json = true;
}

static bool in_object(const struct json_scan *scan) {
  unsigned at = scan->depth - 1;
  return (scan->kind[at / 8] >> (at % 8) & 1) != 0;
}

static void open_level(struct json_scan *scan, bool object) {
  unsigned at = scan->depth;
  if (at == JSON_DEPTH) {
    bad(scan);
    return;
  }
  scan->kind[at / 8] &= (uint8_t) ~(1u << (at % 8));
  if (object)
    scan->kind[at / 8] |= (uint8_t)(1u << (at % 8));
  scan->depth++;
  scan->state = object ? FIRST_KEY : FIRST_VALUE;
}

static void close_level(struct json_scan *scan, bool object) {
  if (scan->depth == 0 || in_object(scan) != object) {
    bad(scan);
    return;
  }
  scan->depth--;
  scan->state = AFTER;
}

static void open_string(struct json_scan *scan, enum state back) {
  scan->state = STRING;
  scan->back = (uint8_t)back;
}

static void begin_value(struct json_scan *scan, char c) {
  if (c == '{' || c == '[') {
    open_level(scan, c == '{');
  } else if (c == '"') {
    open_string(scan, AFTER);
  } else if (c == '-') {
    scan->state = MINUS;
  } else if (digit(c)) {
    scan->state = c == '0' ? ZERO : DIGITS;
  } else if (c == 't' || c == 'f' || c == 'n') {
    scan->word = c == 't' ? "rue" : c == 'f' ? "alse" : "ull";
    scan->state = WORD;
  } else {
    bad(scan);
  }
}

static void after_value(struct json_scan *scan, char c) {
  if (c == ',' && scan->depth > 0)
    scan->state = in_object(scan) ? KEY : VALUE;
  else if (c == '}' || c == ']')
    close_level(scan, c == '}');
  else
    bad(scan);
}

/* Between tokens. */
static void between(struct json_scan *scan, char c) {
  if (blank(c))
    return;
  switch (scan->state) {
  case FIRST_VALUE:
    if (c == ']')
      close_level(scan, false);
    else
      begin_value(scan, c);
    break;
  case FIRST_KEY:
  case KEY:
    if (c == '"')
      open_string(scan, COLON);
    else if (c == '}' && scan->state == FIRST_KEY)
      close_level(scan, true);
    else
      bad(scan);
    break;
  case COLON:
    scan->state = VALUE;
    if (c != ':')
      bad(scan);
    break;
  case AFTER:
    after_value(scan, c);
    break;
  default:
    begin_value(scan, c);
  }
}

/* Within a number; what ends it is looked at again. */
static void within_number(struct json_scan *scan, char c) {
  bool exponent = c == 'e' || c == 'E';
  switch (scan->state) {
  case MINUS:
    if (digit(c))
      scan->state = c == '0' ? ZERO : DIGITS;
    else
      bad(scan);
    return;
  case POINT:
  case EXPONENT_SIGN:
    if (digit(c))
      scan->state = scan->state == POINT ? FRACTION : EXPONENT_DIGITS;
    else
      bad(scan);
    return;
  case EXPONENT:
    if (c == '+' || c == '-')
      scan->state = EXPONENT_SIGN;
    else if (digit(c))
      scan->state = EXPONENT_DIGITS;
    else
      bad(scan);
    return;
  default:
    break;
  }
  if (digit(c) && scan->state != ZERO)
    return;
  if (c == '.' && (scan->state == ZERO || scan->state == DIGITS)) {
    scan->state = POINT;
  } else if (exponent && scan->state != EXPONENT_DIGITS) {
    scan->state = EXPONENT;
  } else {
    scan->state = AFTER;
    between(scan, c);
  }
}

static void within_escape(struct json_scan *scan, char c) {
  if (scan->state == ESCAPE && c == 'u') {
    scan->state = HEX;
    scan->hex = 4;
  } else if (scan->state == ESCAPE) {
    scan->state = STRING;
    if (c == '\0' || strchr("\"\\/bfnrt", c) == NULL)
      bad(scan);
  } else {
    bool hex = digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    if (!hex)
      bad(scan);
    else if (--scan->hex == 0)
      scan->state = STRING;
  }
}

/* Most of a text is within strings: these go quickly. */
static size_t within_string(struct json_scan *scan, const char *data,
                            size_t length) {
  size_t n = 0;
  while (n < length && data[n] != '"' && data[n] != '\\' &&
         (unsigned char)data[n] >= 0x20)
    n++;
  if (n == length)
    return n;
  if (data[n] == '"')
    scan->state = scan->back;
  else if (data[n] == '\\')
    scan->state = ESCAPE;
  else
    bad(scan);
  return n + 1;
}

static void one(struct json_scan *scan, char c) {
  if (scan->state < STRING) {
    between(scan, c);
  } else if (scan->state == ESCAPE || scan->state == HEX) {
    within_escape(scan, c);
  } else if (scan->state == WORD) {
    if (c != *scan->word)
      bad(scan);
    else if (*++scan->word == '\0')
      scan->state = AFTER;
  } else {
    within_number(scan, c);
  }
}

void json_scan_feed(struct json_scan *scan, const char *data, size_t length) {
  feed_utf8(scan, data, length);
  for (size_t i = 0; i < length && !scan->bad_json;)
    if (scan->state == STRING)
      i += within_string(scan, data + i, length - i);
    else
      one(scan, data[i++]);
}

bool json_scan_is_value(const struct json_scan *scan) {
  return !scan->bad_json && json_scan_is_utf8(scan) && scan->depth == 0 &&
         (scan->state == AFTER || scan->state == ZERO ||
          scan->state == DIGITS || scan->state == FRACTION ||
          scan->state == EXPONENT_DIGITS);
}

bool json_scan_is_utf8(const struct json_scan *scan) {
  return !scan->bad_utf8 && scan->tail == 0;
}

/* ---- writing ------------------------------------------------------------ */

void json_squeeze(struct json_squeeze *squeeze, struct bytes *out,
                  const char *data, size_t length) {
  size_t from = 0;
  for (size_t i = 0; i < length; i++) {
    char c = data[i];
    if (squeeze->escaped) {
      squeeze->escaped = false;
    } else if (squeeze->in_string) {
      squeeze->escaped = c == '\\';
      squeeze->in_string = c != '"';
    } else if (c == '"') {
      squeeze->in_string = true;
    } else if (blank(c)) {
      bytes_add(out, data + from, i - from);
      from = i + 1;
    }
  }
  bytes_add(out, data + from, length - from);
}

static void escape_one(struct bytes *out, char c) {
  static const char *const names[] = {
      ['\b'] = "\\b", ['\t'] = "\\t", ['\n'] = "\\n", ['\f'] = "\\f",
      ['\r'] = "\\r", ['"'] = "\\\"", ['\\'] = "\\\\"};
  const char *name = names[(unsigned char)c];
  if (name != NULL)
    bytes_text(out, name);
  else
    bytes_printf(out, "\\u%04x", (unsigned)(unsigned char)c);
}

static bool plain(char c) {
  unsigned char u = (unsigned char)c;
  return u >= 0x20 && u != 0x7f && u != '"' && u != '\\';
}

void json_escape(struct bytes *out, const char *data, size_t length) {
  size_t from = 0;
  for (size_t i = 0; i < length; i++)
    if (!plain(data[i])) {
      bytes_add(out, data + from, i - from);
      if (data[i] == 0x7f)
        bytes_text(out, "\\u007f");
      else
        escape_one(out, data[i]);
      from = i + 1;
    }
  bytes_add(out, data + from, length - from);
}

void json_quote(struct bytes *out, const char *text, size_t length) {
  struct json_scan scan;
  json_scan_init(&scan);
  feed_utf8(&scan, text, length);
  bytes_add(out, "\"", 1);
  if (json_scan_is_utf8(&scan)) {
    json_escape(out, text, length);
  } else {
    for (size_t i = 0; i < length; i++)
      if ((unsigned char)text[i] >= 0x80)
        bytes_text(out, "\\ufffd");
      else
        json_escape(out, text + i, 1);
  }
  bytes_add(out, "\"", 1);
}
