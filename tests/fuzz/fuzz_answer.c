/* SPDX-License-Identifier: MIT
 *
 * answer.c: heads of answers, line by line. Whatever a server says, the facts
 * that come of it are possible ones, and its texts end where they must.
 */
#include "config.h"

#include "answer.h"
#include "fuzz.h"

#define NEED_TEXT(text) FUZZ_NEED(memchr(text, '\0', sizeof(text)) != NULL)

static void need_possible(const struct answer *a) {
  FUZZ_NEED(a->status == 0 || (a->status >= 100 && a->status <= 999));
  FUZZ_NEED(a->content_length >= -1);
  if (a->has_range && a->range_first >= 0) {
    FUZZ_NEED(a->range_first <= a->range_last);
    FUZZ_NEED(a->range_size == -1 || a->range_last < a->range_size);
  } else if (a->has_range) {
    FUZZ_NEED(a->range_size >= 0);
  }
  FUZZ_NEED(a->digest.type < DIGEST_TYPES);
  FUZZ_NEED(!a->hint.has_wait ||
            (a->hint.wait_s >= 0 && a->hint.wait_s <= THROTTLE_MOST_S));
  NEED_TEXT(a->etag);
  NEED_TEXT(a->last_modified);
  NEED_TEXT(a->content_type);
  NEED_TEXT(a->date);
  NEED_TEXT(a->filename);
  const char *validator = answer_if_range(a->etag, a->last_modified);
  FUZZ_NEED(validator[0] != 'W' || validator[1] != '/' ||
            validator == a->last_modified);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct answer answer;
  answer_reset(&answer);
  while (size > 0) {
    const uint8_t *newline = memchr(data, '\n', size);
    size_t n = newline != NULL ? (size_t)(newline - data) + 1 : size;
    char *line = fuzz_alloc(n);
    memcpy(line, data, n);
    (void)answer_line(&answer, line, n);
    need_possible(&answer);
    free(line);
    data += n;
    size -= n;
  }
  return 0;
}
