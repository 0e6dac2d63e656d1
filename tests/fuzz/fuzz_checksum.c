/* SPDX-License-Identifier: MIT
 *
 * checksum_file.c: the same table whatever the blocks a file comes in, and a
 * line that is read can be written and read again.
 */
#include "config.h"

#include "checksum_file.h"
#include "fuzz.h"

static struct checksum_table *table_of(const uint8_t *data, size_t size,
                                       size_t block) {
  struct checksum_table *table;
  if (checksum_table_new(&table) != 0)
    exit(77);
  for (size_t at = 0; at < size; at += block) {
    size_t n = size - at < block ? size - at : block;
    char *piece = fuzz_alloc(n);
    memcpy(piece, data + at, n);
    if (checksum_table_add(table, piece, n) != 0)
      exit(77);
    free(piece);
  }
  if (checksum_table_add(table, NULL, 0) != 0)
    exit(77);
  return table;
}

static void one_line(const uint8_t *data, size_t size,
                     const struct checksum_table *table) {
  char *line = fuzz_text(data, size), *back = fuzz_alloc(2 * size + 300);
  struct digest digest, again;
  const char *name, *name_again;
  int64_t n;
  if (checksum_line_parse(line, &digest, &name) == 0) {
    FUZZ_NEED(name[0] != '\0' && digest.type != DIGEST_NONE);
    n = checksum_line_format(&digest, name, back, 2 * size + 300);
    FUZZ_NEED(n > 0 && strlen(back) == (size_t)n && back[n - 1] == '\n');
    FUZZ_NEED(strchr(back, '\n') == back + n - 1);
    back[n - 1] = '\0';
    checksum_table_find(table, name, &again);
    FUZZ_NEED(again.type < DIGEST_TYPES);
    char *kept = fuzz_text((const uint8_t *)name, strlen(name));
    FUZZ_NEED(checksum_line_parse(back, &again, &name_again) == 0);
    FUZZ_NEED(digest_equal(&digest, &again));
    FUZZ_NEED(strcmp(name_again, kept) == 0);
    free(kept);
  }
  free(back);
  free(line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct checksum_table *whole = table_of(data, size, size + 1);
  struct checksum_table *cut = table_of(data, size, 1 + size % 7);
  FUZZ_NEED(checksum_table_count(whole) == checksum_table_count(cut));
  FUZZ_NEED(checksum_table_bad(whole) == checksum_table_bad(cut));
  FUZZ_NEED(checksum_table_count(whole) + checksum_table_bad(whole) <=
            size + 1);
  for (size_t at = 0; at < size;) {
    const uint8_t *newline = memchr(data + at, '\n', size - at);
    size_t n = newline != NULL ? (size_t)(newline - data) - at : size - at;
    one_line(data + at, n, whole);
    at += n + 1;
  }
  checksum_table_free(cut);
  checksum_table_free(whole);
  return 0;
}
