/* SPDX-License-Identifier: MIT
 *
 * metalink.c and metalink_lines.c: any document; its lines are a manifest
 * whose names cannot leave the output directory.
 */
#include "config.h"

#include "fuzz.h"
#include "manifest.h"
#include "metalink.h"
#include "metalink_lines.h"

static void need_sound(const struct metalink_file *f) {
  FUZZ_NEED(f->name != NULL && f->name[0] != '\0');
  FUZZ_NEED(f->size >= -1);
  FUZZ_NEED(f->url_count <= METALINK_URLS);
  FUZZ_NEED(f->piece_count <= METALINK_PIECES);
  for (size_t i = 0; i < f->url_count; i++) {
    FUZZ_NEED(f->urls[i].url != NULL);
    FUZZ_NEED(strlen(f->urls[i].location) < sizeof f->urls[i].location);
    FUZZ_NEED(i == 0 || f->urls[i - 1].priority <= f->urls[i].priority);
  }
  if (f->piece_type != DIGEST_NONE)
    FUZZ_NEED(f->piece_length > 0 && f->piece_count > 0);
  FUZZ_NEED(metalink_best(f)->type < DIGEST_TYPES);
}

static size_t need_lines(const char *text, size_t length) {
  struct manifest m;
  struct manifest_line line;
  size_t count = 0;
  if (manifest_init(&m, &manifest_jsonl) != 0)
    exit(77);
  for (size_t at = 0, room; at < length;) {
    char *space = manifest_space(&m, &room);
    FUZZ_NEED(space != NULL);
    size_t n = length - at < room ? length - at : room;
    memcpy(space, text + at, n);
    manifest_filled(&m, n);
    at += n;
    if (at == length)
      manifest_end(&m);
    for (; manifest_next(&m, &line); count++)
      if (line.why == NULL && line.out != NULL)
        fuzz_need_safe_name(line.out);
  }
  manifest_fini(&m);
  return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct metalink metalink;
  struct errmsg msg = {""};
  char *document = fuzz_alloc(size), *lines = NULL;
  size_t length = 0;
  memcpy(document, data, size);
  (void)metalink_detect(document, size);
  int code = metalink_parse(&metalink, document, size, &msg);
  if (code == 0) {
    for (size_t i = 0; i < metalink.count; i++)
      need_sound(&metalink.files[i]);
  } else {
    FUZZ_NEED(msg.text[0] != '\0' && metalink.files == NULL);
  }
  if (metalink_lines(document, size, &lines, &length, &msg) == 0) {
    FUZZ_NEED(code == 0 && strlen(lines) == length);
    FUZZ_NEED(need_lines(lines, length) <= metalink.count);
    free(lines);
  }
  if (code == 0)
    metalink_fini(&metalink);
  free(document);
  return 0;
}
