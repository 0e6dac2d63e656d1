/* SPDX-License-Identifier: MIT
 *
 * unpack.c: damaged and hostile gzip, zstd, xz and bzip2. Nothing comes out
 * beyond the limits, and it is the same whatever the blocks.
 */
#include "config.h"

#include "fuzz.h"
#include "unpack.h"

#define MOST ((int64_t)1 << 17)

struct outcome {
  int64_t code;
  int64_t bytes;
  uint64_t hash;
};

static struct outcome unpack_all(const uint8_t *data, size_t size,
                                 enum unpack_kind kind, size_t block,
                                 size_t room) {
  struct unpack_limits limits = {.max_ratio = 50, .max_bytes = MOST};
  struct outcome outcome = {0, 0, 0};
  struct unpack *unpack;
  char *out = fuzz_alloc(room), *in = fuzz_alloc(block);
  size_t at = 0;
  if (unpack_new(&unpack, kind, &limits) != 0)
    exit(77);
  for (bool ended = false; !ended && outcome.code == 0;) {
    size_t n = size - at < block ? size - at : block;
    memcpy(in, data + at, n);
    unpack_give(unpack, in, n);
    at += n;
    ended = n == 0;
    while ((outcome.code = unpack_take(unpack, out, room)) > 0) {
      FUZZ_NEED((size_t)outcome.code <= room);
      outcome.bytes += outcome.code;
      for (int64_t i = 0; i < outcome.code; i++)
        outcome.hash = (outcome.hash ^ (unsigned char)out[i]) * 0x100000001b3u;
      FUZZ_NEED(outcome.bytes <= MOST);
    }
  }
  FUZZ_NEED(unpack_in(unpack) <= (int64_t)size);
  FUZZ_NEED(unpack_out(unpack) >= outcome.bytes);
  unpack_free(unpack);
  free(in);
  free(out);
  return outcome;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  unsigned first = fuzz_byte(&data, &size);
  enum unpack_kind kind =
      (enum unpack_kind)(UNPACK_GZIP + first % (UNPACK_KINDS - UNPACK_GZIP));
  struct outcome whole = unpack_all(data, size, kind, size + 1, 65536);
  struct outcome cut = unpack_all(data, size, kind, 1 + first / 16, 4093);
  if (whole.code == 0 || cut.code == 0) {
    FUZZ_NEED(whole.code == cut.code && whole.bytes == cut.bytes);
    FUZZ_NEED(whole.hash == cut.hash);
  } else {
    FUZZ_NEED(whole.code == ERR_MALFORMED || whole.code == ERR_BOMB ||
              whole.code == ERR_NOMEM);
  }
  return 0;
}
