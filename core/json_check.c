/* SPDX-License-Identifier: MIT
 *
 * A JSON check in pieces: see json_check.h. A state machine over bytes; the
 * names of the states say what may come next.
 */
#include "config.h"

#include "json_check.h"

#include <string.h>

enum state {
  START,  /* of the text: a byte order mark may come */
  MARK_2, /* its second byte */
  MARK_3,
  VALUE,
  FIRST_ITEM, /* or ] */
  FIRST_NAME, /* or } */
  NAME,
  COLON,
  AFTER, /* a value: comma or closing bracket, or the end */
  STRING,
  NAME_STRING,
  ESCAPE,
  NAME_ESCAPE,
  HEX,
  NAME_HEX,
  LITERAL,
  MINUS,
  ZERO,
  DIGITS,
  POINT,
  FRACTION,
  EXPONENT,
  EXPONENT_SIGN,
  EXPONENT_DIGITS,
};

void json_check_init(struct json_check *check) {
  memset(check, 0, sizeof(*check));
  check->state = START;
}

static bool fault(struct json_check *c, const char *why) {
  c->why = why;
  return false;
}

static bool is_digit(unsigned char byte) {
  return byte >= '0' && byte <= '9';
}

static bool is_space(unsigned char byte) {
  return byte == ' ' || byte == '\n' || byte == '\r' || byte == '\t';
}

/* ---- strings ----------------------------------------------------------------
 */

/* The first byte of a sequence sets how many follow and the bounds of the
 * second one (RFC 3629 section 4). */
static bool utf8_first(struct json_check *c, unsigned char byte) {
  c->utf8_low = 0x80;
  c->utf8_high = 0xbf;
  if (byte >= 0xc2 && byte <= 0xdf) {
    c->utf8_left = 1;
  } else if (byte >= 0xe0 && byte <= 0xef) {
    c->utf8_left = 2;
    c->utf8_low = byte == 0xe0 ? 0xa0 : 0x80;
    c->utf8_high = byte == 0xed ? 0x9f : 0xbf;
  } else if (byte >= 0xf0 && byte <= 0xf4) {
    c->utf8_left = 3;
    c->utf8_low = byte == 0xf0 ? 0x90 : 0x80;
    c->utf8_high = byte == 0xf4 ? 0x8f : 0xbf;
  } else {
    return fault(c, "a string that is not UTF-8");
  }
  return true;
}

static bool utf8_next(struct json_check *c, unsigned char byte) {
  if (byte < c->utf8_low || byte > c->utf8_high)
    return fault(c, "a string that is not UTF-8");
  c->utf8_low = 0x80;
  c->utf8_high = 0xbf;
  c->utf8_left--;
  return true;
}

static bool in_string(struct json_check *c, unsigned char byte) {
  bool name = c->state == NAME_STRING;
  if (c->utf8_left > 0)
    return utf8_next(c, byte);
  if (byte == '"')
    c->state = name ? COLON : AFTER;
  else if (byte == '\\')
    c->state = name ? NAME_ESCAPE : ESCAPE;
  else if (byte < 0x20)
    return fault(c, "a control character in a string");
  else if (byte >= 0x80)
    return utf8_first(c, byte);
  return true;
}

static bool in_escape(struct json_check *c, unsigned char byte) {
  bool name = c->state == NAME_ESCAPE;
  if (byte == 'u') {
    c->state = name ? NAME_HEX : HEX;
    c->hex_left = 4;
    return true;
  }
  if (byte == '\0' || strchr("\"\\/bfnrt", byte) == NULL)
    return fault(c, "an escape that does not exist");
  c->state = name ? NAME_STRING : STRING;
  return true;
}

static bool in_hex(struct json_check *c, unsigned char byte) {
  unsigned char lower = byte | 0x20;
  if (!is_digit(byte) && (lower < 'a' || lower > 'f'))
    return fault(c, "an escape that does not exist");
  if (--c->hex_left == 0)
    c->state = c->state == NAME_HEX ? NAME_STRING : STRING;
  return true;
}

/* ---- structure
 * --------------------------------------------------------------- */

static bool is_object(const struct json_check *c) {
  unsigned at = c->depth - 1;
  return c->depth > 0 && (c->object[at / 8] >> (at % 8) & 1) != 0;
}

static bool open(struct json_check *c, bool object) {
  unsigned at = c->depth;
  if (c->depth == JSON_DEPTH)
    return fault(c, "arrays or objects too deep in each other");
  c->depth++;
  c->object[at / 8] &= (unsigned char)~(1u << (at % 8));
  if (object)
    c->object[at / 8] |= (unsigned char)(1u << (at % 8));
  c->state = object ? FIRST_NAME : FIRST_ITEM;
  return true;
}

static bool close(struct json_check *c, unsigned char byte) {
  if (c->depth == 0 || is_object(c) != (byte == '}'))
    return fault(c, "a bracket that does not match");
  c->depth--;
  c->state = AFTER;
  return true;
}

static bool literal(struct json_check *c, const char *rest) {
  c->literal = rest;
  c->state = LITERAL;
  return true;
}

static bool value(struct json_check *c, unsigned char byte) {
  switch (byte) {
  case '{':
  case '[':
    return open(c, byte == '{');
  case '"':
    c->state = STRING;
    return true;
  case '-':
    c->state = MINUS;
    return true;
  case '0':
    c->state = ZERO;
    return true;
  case 't':
    return literal(c, "rue");
  case 'f':
    return literal(c, "alse");
  case 'n':
    return literal(c, "ull");
  default:
    if (!is_digit(byte))
      return fault(c, "no value where one should be");
    c->state = DIGITS;
    return true;
  }
}

static bool after(struct json_check *c, unsigned char byte) {
  if (byte == ',' && c->depth > 0) {
    c->state = is_object(c) ? NAME : VALUE;
    return true;
  }
  if (byte == ']' || byte == '}')
    return close(c, byte);
  return fault(c, c->depth > 0 ? "neither a comma nor a closing bracket"
                               : "something behind the value");
}

static bool name(struct json_check *c, unsigned char byte) {
  if (byte == '}' && c->state == FIRST_NAME)
    return close(c, byte);
  if (byte != '"')
    return fault(c, "no name where one should be");
  c->state = NAME_STRING;
  return true;
}

static bool colon(struct json_check *c, unsigned char byte) {
  if (byte != ':')
    return fault(c, "no colon behind a name");
  c->state = VALUE;
  return true;
}

static bool in_literal(struct json_check *c, unsigned char byte) {
  if (byte != (unsigned char)*c->literal)
    return fault(c, "no value where one should be");
  if (*++c->literal == '\0')
    c->state = AFTER;
  return true;
}

/* ---- numbers
 * ------------------------------------------------------------------- */

/* The state behind byte inside a number; AFTER: the number has ended before
 * it. */
static enum state number_next(enum state state, unsigned char byte) {
  bool digit = is_digit(byte), e = byte == 'e' || byte == 'E';
  switch (state) {
  case MINUS:
    return byte == '0' ? ZERO : DIGITS;
  case ZERO:
    return byte == '.' ? POINT : e ? EXPONENT : AFTER;
  case DIGITS:
    return digit ? DIGITS : byte == '.' ? POINT : e ? EXPONENT : AFTER;
  case POINT:
    return FRACTION;
  case FRACTION:
    return digit ? FRACTION : e ? EXPONENT : AFTER;
  case EXPONENT:
    return digit ? EXPONENT_DIGITS : EXPONENT_SIGN;
  case EXPONENT_SIGN:
    return EXPONENT_DIGITS;
  default:
    return digit ? EXPONENT_DIGITS : AFTER;
  }
}

static bool complete_number(enum state state) {
  return state == ZERO || state == DIGITS || state == FRACTION ||
         state == EXPONENT_DIGITS;
}

static bool step(struct json_check *c, unsigned char byte);

static bool in_number(struct json_check *c, unsigned char byte) {
  enum state now = (enum state)c->state;
  bool sign = now == EXPONENT && (byte == '+' || byte == '-');
  if (!complete_number(now) && !is_digit(byte) && !sign)
    return fault(c, "a number that is not complete");
  c->state = (unsigned char)number_next(now, byte);
  if (c->state != AFTER)
    return true;
  return is_space(byte) || step(c, byte);
}

/* ---- all of it
 * ------------------------------------------------------------------- */

static bool mark(struct json_check *c, unsigned char byte) {
  if (byte != (c->state == MARK_2 ? 0xbb : 0xbf))
    return fault(c, "no value where one should be");
  c->state = c->state == MARK_2 ? MARK_3 : VALUE;
  return true;
}

/* A byte between or in front of values, no blank. */
static bool step(struct json_check *c, unsigned char byte) {
  switch ((enum state)c->state) {
  case START:
    if (byte != 0xef)
      return value(c, byte);
    c->state = MARK_2;
    return true;
  case FIRST_ITEM:
    return byte == ']' ? close(c, byte) : value(c, byte);
  case VALUE:
    return value(c, byte);
  case FIRST_NAME:
  case NAME:
    return name(c, byte);
  case COLON:
    return colon(c, byte);
  default:
    return after(c, byte);
  }
}

static bool take(struct json_check *c, unsigned char byte) {
  switch ((enum state)c->state) {
  case MARK_2:
  case MARK_3:
    return mark(c, byte);
  case STRING:
  case NAME_STRING:
    return in_string(c, byte);
  case ESCAPE:
  case NAME_ESCAPE:
    return in_escape(c, byte);
  case HEX:
  case NAME_HEX:
    return in_hex(c, byte);
  case LITERAL:
    return in_literal(c, byte);
  case START:
    if (is_space(byte)) {
      c->state = VALUE; /* a mark behind a blank is none */
      return true;
    }
    return step(c, byte);
  case VALUE:
  case FIRST_ITEM:
  case FIRST_NAME:
  case NAME:
  case COLON:
  case AFTER:
    return is_space(byte) || step(c, byte);
  default:
    return in_number(c, byte);
  }
}

/* Most of most texts is the plain inside of strings. */
static size_t plain_run(const struct json_check *c, const unsigned char *data,
                        size_t length) {
  size_t n = 0;
  if ((c->state != STRING && c->state != NAME_STRING) || c->utf8_left > 0)
    return 0;
  while (n < length && data[n] >= 0x20 && data[n] < 0x80 && data[n] != '"' &&
         data[n] != '\\')
    n++;
  return n;
}

bool json_check_feed(struct json_check *c, const void *data, size_t length) {
  const unsigned char *bytes = data;
  size_t at = 0;
  while (at < length && c->why == NULL) {
    size_t run = plain_run(c, bytes + at, length - at);
    at += run;
    c->offset += (int64_t)run;
    if (at < length && take(c, bytes[at])) {
      at++;
      c->offset++;
    }
  }
  return c->why == NULL;
}

bool json_check_end(struct json_check *c) {
  if (c->why != NULL)
    return false;
  if (c->depth == 0 &&
      (c->state == AFTER || complete_number((enum state)c->state)))
    return true;
  return fault(c, "the text ends in the middle");
}
