/* SPDX-License-Identifier: MIT
 *
 * names.c: whatever is said, by whomever, an output name stays below the output
 * directory, and is one that a terminal and other systems can stand.
 */
#include "config.h"

#include "fuzz.h"
#include "names.h"

static void numbered(const char *name) {
  char out[NAME_CAP];
  if (name_numbered(name, 7, out, sizeof out) == 0) {
    fuzz_need_safe_name(out);
    FUZZ_NEED(strcmp(out, name) != 0);
  }
}

static void said_by_all(const char *text, enum layout layout) {
  static const char *const own[] = {"f", "a/b/plain.txt", "ab/cd/x.gz"};
  char out[NAME_CAP], again[NAME_CAP];
  if (name_from_url(text, layout, out, sizeof out) == 0) {
    fuzz_need_safe_name(out);
    numbered(out);
  }
  if (name_from_person(text, layout, out, sizeof out) == 0) {
    fuzz_need_safe_name(out);
    /* A clean name is not cleaned any further, but where the '_' before a
     * device's name has made it as long as a component may be. */
    if (layout != LAYOUT_HASH && strlen(out) < 250) {
      FUZZ_NEED(name_from_person(out, layout, again, sizeof again) == 0);
      FUZZ_NEED(strcmp(out, again) == 0);
    }
  }
  for (size_t i = 0; i < sizeof own / sizeof *own; i++)
    if (name_from_server(text, own[i], layout, out, sizeof out) == 0)
      fuzz_need_safe_name(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  unsigned first = fuzz_byte(&data, &size);
  size_t cap = first < 64 ? first * 4 : NAME_CAP;
  char *text = fuzz_text(data, size), *out = fuzz_alloc(cap);
  for (int layout = LAYOUT_FLAT; layout <= LAYOUT_HASH; layout++)
    said_by_all(text, (enum layout)layout);
  if (cap > 0 && name_from_document(text, out, cap) == 0)
    fuzz_need_safe_name(out);
  if (cap > 0 && name_from_person(text, LAYOUT_HASH, out, cap) == 0)
    fuzz_need_safe_name(out);
  free(out);
  free(text);
  return 0;
}
