/* SPDX-License-Identifier: MIT
 *
 * text.c: whatever comes in, what is shown is valid UTF-8 (or ASCII) without
 * control characters, takes the cells it says, and no more than it may.
 */
#include "config.h"

#include "fuzz.h"
#include "text.h"

static void need_harmless(const char *text, size_t length, unsigned flags) {
  FUZZ_NEED(strlen(text) == length);
  FUZZ_NEED(fuzz_is_utf8(text, length));
  for (size_t i = 0; i < length; i++) {
    unsigned char c = (unsigned char)text[i];
    FUZZ_NEED(!fuzz_is_control(c));
    FUZZ_NEED(c != 0xc2 || (unsigned char)text[i + 1] >= 0xa0); /* C1 */
    FUZZ_NEED((flags & TEXT_ASCII) == 0 || c < 0x80);
  }
}

static void clip(const char *src, size_t length, size_t cap, int cells,
                 unsigned flags) {
  int used = -1, again_used = -1;
  char *dst = fuzz_alloc(cap), *again = fuzz_alloc(cap);
  size_t n = text_clip(dst, cap, src, length, cells, flags, &used);
  if (cap > 0) {
    FUZZ_NEED(n < cap);
    need_harmless(dst, n, flags);
    FUZZ_NEED(used == text_width(dst, n, flags & TEXT_ASCII));
    FUZZ_NEED(cells < 0 || used <= cells);
    if ((flags & TEXT_PAD) != 0 && cells >= 0 && cap > (size_t)cells * 4 + n)
      FUZZ_NEED(used == cells);
    FUZZ_NEED(text_clip(again, cap, dst, n, cells, flags, &again_used) == n);
    FUZZ_NEED(memcmp(again, dst, n) == 0 && again_used == used);
  }
  free(again);
  free(dst);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  unsigned flags = fuzz_byte(&data, &size) & 15;
  unsigned cells = fuzz_byte(&data, &size), cap = fuzz_byte(&data, &size);
  char *src = fuzz_alloc(size);
  memcpy(src, data, size);
  clip(src, size, cap, cells == 255 ? -1 : (int)cells, flags);
  clip(src, size, 4 * size + 4 * cells + 16, (int)cells, flags);
  clip(src, size, 4 * size + 16, -1, flags);
  if ((flags & (TEXT_MIDDLE | TEXT_PAD)) == 0) {
    char *whole = fuzz_alloc(4 * size + 16);
    int used;
    (void)text_clip(whole, 4 * size + 16, src, size, -1, flags, &used);
    FUZZ_NEED(used == text_width(src, size, flags));
    free(whole);
  }
  free(src);
  return 0;
}
