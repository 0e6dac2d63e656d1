/* SPDX-License-Identifier: MIT
 *
 * redact.c: a secret is put where secrets stand, between bytes of the fuzzer's
 * choice, and must not be in what comes out, wherever that is cut.
 */
#include "config.h"

#include "fuzz.h"
#include "redact.h"

#define SECRET "ZQ9"
#define PIECE_MOST 600

static const char *const parameter[] = {
    "token", "X-Amz-Signature", "sig",   "access_key", "%73ig",
    "KEY",   "Policy-Key",      "oauth", "apiKey",     "password",
};
static const char *const header[] = {
    "Authorization", "Cookie", "Set-Cookie", "X-Api-Key", "X-Secret-Thing",
};

enum { PLACE_VALUE, PLACE_PASSWORD, PLACE_NESTED, PLACE_HEADER, PLACES };

struct text {
  char bytes[4 * PIECE_MOST];
  size_t length;
};

static void add(struct text *text, const char *more) {
  size_t n = strlen(more);
  FUZZ_NEED(text->length + n < sizeof text->bytes);
  memcpy(text->bytes + text->length, more, n + 1);
  text->length += n;
}

/* A third of what is left, without the secret and without what is banned. */
static void add_piece(struct text *text, const uint8_t **data, size_t *size,
                      const char *banned) {
  size_t n = *size / 3 < PIECE_MOST ? *size / 3 : PIECE_MOST;
  for (size_t i = 0; i < n; i++) {
    char c = (char)(*data)[i];
    if (c != '\0' && c != 'Z' && strchr(banned, c) == NULL)
      text->bytes[text->length++] = c;
  }
  text->bytes[text->length] = '\0';
  *data += n;
  *size -= n;
}

/* What would end a URL in the middle of a text. */
#define ENDS_URL                                         \
  "\x01\x02\x03\x04\x05\x06\x07\b\t\n\v\f\r\x0e\x0f\x10" \
  "\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1b\x1c\x1d" \
  "\x1e\x1f \x7f\"'<>`"

static void make_url(struct text *url, unsigned place, const uint8_t **data,
                     size_t *size, unsigned choice) {
  add(url, "https://");
  if (place == PLACE_PASSWORD) {
    add(url, "bob:" SECRET);
    add_piece(url, data, size, ENDS_URL "/?#@:[]");
    add(url, "@");
  }
  add(url, "host/");
  add_piece(url, data, size, ENDS_URL);
  if (place == PLACE_VALUE) {
    add(url, "?");
    add_piece(url, data, size, ENDS_URL);
    add(url, "&");
    add(url, parameter[choice % (sizeof parameter / sizeof *parameter)]);
    add(url, "=" SECRET);
  } else if (place == PLACE_NESTED) {
    add(url, "?u=https%3A%2F%2Fc%2Fd%3F");
    add_piece(url, data, size, ENDS_URL "&;?#");
    add(url, "%26sig%3D" SECRET);
  }
  add_piece(url, data, size, ENDS_URL);
}

static void hides(size_t (*redact)(const char *, char *, size_t),
                  const char *in, unsigned cap) {
  size_t most = 4 * strlen(in) + 16;
  char *out = fuzz_alloc(most), *cut = fuzz_alloc(cap);
  size_t n = redact(in, out, most), m = redact(in, cut, cap);
  FUZZ_NEED(n < most && strlen(out) == n);
  FUZZ_NEED(strstr(out, SECRET) == NULL);
  if (cap > 0) {
    FUZZ_NEED(m < cap && strlen(cut) == m && m <= n);
    FUZZ_NEED(memcmp(cut, out, m) == 0);
  } else {
    FUZZ_NEED(m == 0);
  }
  free(cut);
  free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  unsigned place = fuzz_byte(&data, &size) % PLACES;
  unsigned choice = fuzz_byte(&data, &size), cap = fuzz_byte(&data, &size);
  struct text text = {.length = 0};
  if (place == PLACE_HEADER) {
    add(&text, header[choice % (sizeof header / sizeof *header)]);
    add(&text, ": " SECRET);
    add_piece(&text, &data, &size, "");
    hides(redact_header, text.bytes, cap);
    return 0;
  }
  make_url(&text, place, &data, &size, choice);
  hides(redact_url, text.bytes, cap);
  hides(redact_text, text.bytes, cap);
  struct text line = {.length = 0};
  add(&line, choice & 128 ? "Location: " : "Link: <");
  add(&line, text.bytes);
  hides(redact_header, line.bytes, cap);
  return 0;
}
