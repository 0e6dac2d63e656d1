/* SPDX-License-Identifier: MIT
 *
 * The manifest readers: a file of any bytes gives the same lines whatever the
 * blocks it comes in and wherever reading begins again; good lines have good
 * URLs; and a line that is written as JSON reads back the same.
 *
 * Input: the format, the block's size, the file.
 */
#include "config.h"

#include "fuzz.h"
#include "manifest.h"
#include "manifest_write.h"
#include "names.h"
#include "url.h"

#define LINES_MOST 200 /* that are remembered */
#define ALL PROTOCOL_ALL

struct seen {
  uint64_t line[LINES_MOST]; /* a hash of all it says */
  uint64_t end[LINES_MOST], next[LINES_MOST];
  size_t count;
  uint64_t offset; /* where it all ended */
};

static uint64_t hash_text(uint64_t hash, const char *text) {
  return text != NULL ? fuzz_hash(hash, text, strlen(text)) : hash * 31 + 1;
}

static uint64_t hash_line(const struct manifest_line *line) {
  const struct task_fields *f = line->fields;
  uint64_t hash = fuzz_hash(7, &line->object, sizeof line->object);
  hash = hash_text(hash, line->why);
  hash = fuzz_hash(hash, &line->line, sizeof line->line);
  if (line->why != NULL)
    return hash;
  hash = hash_text(hash_text(hash_text(hash, line->url), line->out), line->dir);
  hash = fuzz_hash(hash, &line->priority, sizeof line->priority);
  hash = fuzz_hash(hash, &line->deadline_unix, sizeof line->deadline_unix);
  if (f == NULL)
    return hash;
  for (size_t i = 0; i < f->mirror_count; i++)
    hash = hash_text(hash, f->mirrors[i]);
  for (size_t i = 0; i < f->header_count; i++)
    hash = hash_text(hash, f->headers[i]);
  hash = hash_text(hash_text(hash, f->method), f->checksum);
  if (f->body != NULL)
    hash = fuzz_hash(hash, f->body, f->body_length);
  return fuzz_hash(hash, &f->size, sizeof f->size) + (uint64_t)f->split;
}

static bool is_clean(const char *text) {
  return text == NULL || fuzz_is_utf8(text, strlen(text));
}

/* Written for `spate retry`, it must be the same task again. */
static void need_reads_back(const struct manifest_line *line) {
  struct manifest m;
  struct manifest_line again;
  size_t room;
  char *text = manifest_write_json(line);
  size_t length = text != NULL ? strlen(text) : 0;
  FUZZ_NEED(text != NULL && strchr(text, '\n') == NULL);
  if (text[0] != '#' && length < MANIFEST_LINE_CAP) {
    if (manifest_init(&m, &manifest_jsonl) != 0)
      exit(77);
    char *space = manifest_space(&m, &room);
    FUZZ_NEED(space != NULL && room >= length);
    memcpy(space, text, length);
    manifest_filled(&m, length);
    manifest_end(&m);
    FUZZ_NEED(manifest_next(&m, &again) == 1);
    if (is_clean(line->url) && is_clean(line->out) && is_clean(line->dir)) {
      FUZZ_NEED(again.why == NULL);
      FUZZ_NEED(again.object == line->object);
      FUZZ_NEED(strcmp(again.url, line->url) == 0);
      FUZZ_NEED(again.priority == line->priority);
      FUZZ_NEED(again.deadline_unix == line->deadline_unix);
    }
    manifest_fini(&m);
  }
  free(text);
}

static void need_good(const struct manifest_line *line) {
  struct url_parts parts;
  char out[NAME_CAP];
  FUZZ_NEED(line->object != OBJECT_BAD);
  FUZZ_NEED(url_split(line->url, ALL, &parts) == 0);
  FUZZ_NEED(line->out == NULL || line->out[0] != '\0');
  if (line->out != NULL &&
      name_from_person(line->out, LAYOUT_FLAT, out, sizeof out) == 0)
    fuzz_need_safe_name(out);
  for (size_t i = 0; line->fields && i < line->fields->header_count; i++)
    FUZZ_NEED(strpbrk(line->fields->headers[i], "\r\n") == NULL);
  for (size_t i = 0; line->fields && i < line->fields->mirror_count; i++)
    FUZZ_NEED(url_split(line->fields->mirrors[i], ALL, &parts) == 0);
}

static void take(struct manifest *m, struct seen *seen) {
  struct manifest_line line;
  while (manifest_next(m, &line)) {
    FUZZ_NEED(line.end == manifest_offset(m));
    FUZZ_NEED(line.next_line == manifest_line_number(m));
    FUZZ_NEED(line.next_line > line.line || line.end == manifest_wants(m));
    if (line.why == NULL)
      need_good(&line);
    else
      FUZZ_NEED(line.object == OBJECT_BAD && line.why[0] != '\0');
    if (seen->count < LINES_MOST) {
      seen->line[seen->count] = hash_line(&line);
      seen->end[seen->count] = line.end;
      seen->next[seen->count] = line.next_line;
    }
    seen->count++;
    if (line.why == NULL && seen->count < 20)
      need_reads_back(&line);
  }
}

static void fill(struct manifest *m, const uint8_t *data, size_t size) {
  size_t room;
  while (size > 0) {
    char *space = manifest_space(m, &room);
    FUZZ_NEED(space != NULL);
    size_t n = size < room ? size : room;
    memcpy(space, data, n);
    manifest_filled(m, n);
    data += n;
    size -= n;
  }
}

static void read_all(const struct manifest_format *format, const uint8_t *data,
                     size_t size, size_t block, struct seen *seen) {
  struct manifest m;
  if (manifest_init(&m, format) != 0)
    exit(77);
  for (size_t at = 0; at < size; at += block) {
    fill(&m, data + at, size - at < block ? size - at : block);
    take(&m, seen);
  }
  manifest_end(&m);
  take(&m, seen);
  seen->offset = manifest_offset(&m);
  FUZZ_NEED(seen->offset == size);
  char warning[300];
  for (int i = 0; manifest_warning(&m, warning, sizeof warning); i++)
    FUZZ_NEED(i < MANIFEST_NAMES && strlen(warning) < sizeof warning);
  manifest_fini(&m);
}

/* From behind a line on it goes as before. */
static void read_from(const struct manifest_format *format, const uint8_t *data,
                      size_t size, const struct seen *seen, size_t from) {
  struct manifest m;
  struct manifest_line line;
  if (manifest_init(&m, format) != 0)
    exit(77);
  manifest_seek(&m, seen->end[from], seen->next[from]);
  if (manifest_lacks_head(&m)) {
    manifest_seek(&m, 0, 1);
    fill(&m, data, size);
    manifest_end(&m);
    if (manifest_head(&m) != 1) {
      manifest_fini(&m);
      return; /* a file without a header has no middle */
    }
  }
  manifest_seek(&m, seen->end[from], seen->next[from]);
  fill(&m, data + seen->end[from], size - seen->end[from]);
  manifest_end(&m);
  FUZZ_NEED(manifest_next(&m, &line) == 1);
  FUZZ_NEED(hash_line(&line) == seen->line[from + 1]);
  FUZZ_NEED(line.end == seen->end[from + 1]);
  manifest_fini(&m);
}

static void need_same(const struct seen *a, const struct seen *b) {
  size_t n = a->count < LINES_MOST ? a->count : LINES_MOST;
  FUZZ_NEED(a->count == b->count);
  FUZZ_NEED(memcmp(a->line, b->line, n * sizeof *a->line) == 0);
  if (a->count >
      1) /* a table without a url column is passed over as it comes */
    FUZZ_NEED(memcmp(a->end, b->end, n * sizeof *a->end) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const struct manifest_format *const formats[] = {
      &manifest_auto,  &manifest_text, &manifest_aria2,
      &manifest_jsonl, &manifest_csv,  &manifest_tsv};
  static struct seen whole, cut;
  unsigned choice = fuzz_byte(&data, &size) % 6;
  size_t block = 1 + fuzz_byte(&data, &size);
  if (size / block > 2000)
    block = size / 2000;
  memset(&whole, 0, sizeof whole);
  memset(&cut, 0, sizeof cut);
  read_all(formats[choice], data, size, size + 1, &whole);
  read_all(formats[choice], data, size, block, &cut);
  need_same(&whole, &cut);
  size_t known = whole.count < LINES_MOST ? whole.count : LINES_MOST;
  for (size_t i = 0; choice > 0 && i + 1 < known; i += 1 + known / 4)
    read_from(formats[choice], data, size, &whole, i);
  return 0;
}
