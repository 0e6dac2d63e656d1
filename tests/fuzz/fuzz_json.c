/* SPDX-License-Identifier: MIT
 *
 * json_check.c and json_scan.c, held against jansson: what it reads is called
 * JSON, in pieces of any size; squeezed it means the same; and any bytes make
 * a string that reads back.
 */
#include "config.h"

#include <jansson.h>

#include "fuzz.h"
#include "json_check.h"
#include "json_scan.h"

#define FLAGS (JSON_DECODE_ANY | JSON_ALLOW_NUL)

static bool check(const char *data, size_t size, size_t block) {
  struct json_check check;
  json_check_init(&check);
  for (size_t at = 0; at < size; at += block) {
    size_t n = size - at < block ? size - at : block;
    if (!json_check_feed(&check, data + at, n)) {
      FUZZ_NEED(check.why != NULL && check.offset >= 0);
      FUZZ_NEED((size_t)check.offset <= size);
      FUZZ_NEED(!json_check_end(&check));
      return false;
    }
  }
  return json_check_end(&check);
}

/* jansson refuses what no double or int64 holds, depths over its own, and
 * escapes of half a character; RFC 8259 does not. */
static bool may_be_refused(const char *data, size_t size,
                           const json_error_t *error) {
  enum json_error_code code = json_error_code(error);
  return code == json_error_numeric_overflow ||
         code == json_error_stack_overflow ||
         code == json_error_out_of_memory ||
         memmem(data, size, "\\u", 2) != NULL ||
         (size >= 3 && memcmp(data, "\xef\xbb\xbf", 3) == 0);
}

static void squeeze(const char *data, size_t size, const json_t *value) {
  struct json_squeeze state = {0};
  struct bytes out;
  bytes_init(&out, size + 16);
  json_squeeze(&state, &out, data, size / 2);
  json_squeeze(&state, &out, data + size / 2, size - size / 2);
  FUZZ_NEED(out.failed == 0 && out.len <= size);
  FUZZ_NEED(memchr(out.data, '\n', out.len) == NULL);
  json_t *again = json_loadb(out.data, out.len, FLAGS, NULL);
  FUZZ_NEED(again != NULL && json_equal(again, value));
  json_decref(again);
  bytes_fini(&out);
}

static void quote(const char *data, size_t size) {
  struct bytes out;
  bytes_init(&out, 6 * size + 16);
  json_quote(&out, data, size);
  FUZZ_NEED(out.failed == 0);
  json_t *text = json_loadb(out.data, out.len, FLAGS, NULL);
  FUZZ_NEED(json_is_string(text));
  if (fuzz_is_utf8(data, size)) {
    FUZZ_NEED(json_string_length(text) == size);
    FUZZ_NEED(memcmp(json_string_value(text), data, size) == 0);
  }
  json_decref(text);
  bytes_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  size_t block = 1 + fuzz_byte(&data, &size) % 16;
  char *text = fuzz_alloc(size);
  memcpy(text, data, size);
  bool is_json = check(text, size, size + 1);
  FUZZ_NEED(check(text, size, block) == is_json);
  json_error_t error = {.text = ""};
  json_t *value = json_loadb(text, size, FLAGS, &error);
  bool nul = memchr(text, 0, size) != NULL; /* jansson passes over some */
  FUZZ_NEED(value == NULL || is_json || nul);
  FUZZ_NEED(value != NULL || !is_json || may_be_refused(text, size, &error));
  struct json_scan scan;
  json_scan_init(&scan);
  for (size_t at = 0; at < size; at += block)
    json_scan_feed(&scan, text + at, size - at < block ? size - at : block);
  FUZZ_NEED(json_scan_is_utf8(&scan) == fuzz_is_utf8(text, size));
  FUZZ_NEED(!json_scan_is_value(&scan) || is_json);
  FUZZ_NEED(value == NULL || json_scan_is_value(&scan) || nul);
  if (value != NULL && is_json)
    squeeze(text, size, value);
  quote(text, size);
  json_decref(value);
  free(text);
  return 0;
}
