/* SPDX-License-Identifier: MIT
 *
 * JSON text piece by piece: see json_scan.h.
 */
#include "config.h"

#include "json_scan.h"

#include <string.h>

void json_scan_init(struct json_scan *scan) {
  memset(scan, 0, sizeof *scan);
  json_check_init(&scan->check);
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
  if (length == 0)
    return; /* data may be NULL */
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

void json_scan_feed(struct json_scan *scan, const char *data, size_t length) {
  if (!scan->begun && length > 0) {
    scan->begun = true;
    scan->marked = (unsigned char)data[0] == 0xef; /* a byte order mark */
  }
  feed_utf8(scan, data, length);
  (void)json_check_feed(&scan->check, data, length);
}

bool json_scan_is_value(const struct json_scan *scan) {
  struct json_check end = scan->check;
  return !scan->marked && json_check_end(&end);
}

bool json_scan_is_utf8(const struct json_scan *scan) {
  return !scan->bad_utf8 && scan->tail == 0;
}

static bool blank(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
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
  if (length > from) /* data may be NULL */
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
