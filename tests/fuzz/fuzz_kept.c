/* SPDX-License-Identifier: MIT
 *
 * What a session keeps in files and texts of its own, after a kill, a full disk
 * or somebody's editor: names and addresses by task, marks, ranges of partial
 * files. The first byte chooses. What is read is possible, it stays as it was
 * read, and more can be put behind it.
 */
#include "config.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "chunk.h"
#include "fuzz.h"
#include "marks.h"
#include "partial.h"
#include "readdress.h"
#include "tempfile.h"
#include "titles.h"

#define FILE_NAME "fuzz-kept"
#define BOOT 7

static int folder = -1;

static void remove_folder(void) {
  char path[64];
  ssize_t n;
  char link[40];
  snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
  n = readlink(link, path, sizeof path - 1);
  (void)unlinkat(folder, FILE_NAME, 0);
  path[n > 0 ? n : 0] = '\0';
  if (n > 0)
    (void)rmdir(path);
}

/* The file of that content, in memory where the system has such a place. */
static void put_file(const uint8_t *data, size_t size) {
  char shm[] = "/dev/shm/spate-fuzz-XXXXXX", tmp[] = "/tmp/spate-fuzz-XXXXXX";
  if (folder < 0) {
    char *path = mkdtemp(shm);
    path = path != NULL ? path : mkdtemp(tmp);
    folder = path != NULL ? open(path, O_RDONLY | O_DIRECTORY) : -1;
    if (folder < 0 || atexit(remove_folder) != 0)
      exit(77);
  }
  int fd = openat(folder, FILE_NAME, O_RDWR | O_CREAT | O_TRUNC, 0600);
  if (fd < 0 || tempfile_write(fd, (const char *)data, size) != 0)
    exit(77);
  close(fd);
}

/* ---- texts by task ------------------------------------------------------- */

static void open_titles(struct titles *titles) {
  struct errmsg msg = {""};
  titles_init(titles);
  FUZZ_NEED(titles_open(titles, folder, FILE_NAME, true, &msg) == 0);
}

static void titles(const uint8_t *data, size_t size) {
  struct titles first, again;
  /* A line that was cut off just before its end may count from then on. */
  bool ended = size == 0 || data[size - 1] == '\n';
  put_file(data, size);
  open_titles(&first);
  FUZZ_NEED(titles_append(first.fd, UINT64_MAX - 1, "an \xff end") == 0);
  open_titles(&again);
  const char *last = titles_find(&again, UINT64_MAX - 1);
  FUZZ_NEED(last != NULL && strcmp(last, "an \xff end") == 0);
  FUZZ_NEED(again.count >= first.count && again.count <= first.count + 2);
  for (size_t i = 0; i < first.size; i++) {
    const struct title *t = &first.slots[i];
    if (t->name == NULL || t->task == UINT64_MAX - 1)
      continue;
    FUZZ_NEED(t->name[0] != '\0' && strchr(t->name, '\n') == NULL);
    const char *kept = titles_find(&again, t->task);
    FUZZ_NEED(kept != NULL && (!ended || strcmp(kept, t->name) == 0));
  }
  titles_fini(&again);
  titles_fini(&first);
}

/* ---- addresses ----------------------------------------------------------- */

static void need_same(const struct readdress *a, const struct readdress *b) {
  FUZZ_NEED(a->of == b->of && strcmp(a->url, b->url) == 0);
  FUZZ_NEED(a->mirror_count == b->mirror_count);
  for (size_t i = 0; i < a->mirror_count; i++)
    FUZZ_NEED(strcmp(a->mirror[i], b->mirror[i]) == 0);
}

static void need_address(struct readdress *address) {
  struct readdress again;
  FUZZ_NEED(address->url[0] != '\0');
  FUZZ_NEED(strpbrk(address->url, " \t\r\n") == NULL);
  FUZZ_NEED(address->mirror_count <= READDRESS_MIRRORS);
  char *text = readdress_text(address);
  FUZZ_NEED(text != NULL && readdress_parse(&again, text) == 0);
  need_same(address, &again);
  free(text);
  size_t count = again.mirror_count;
  int code = readdress_add(&again, "http://new.example/x");
  FUZZ_NEED(again.mirror_count == count + (code == 0));
  FUZZ_NEED(readdress_add(&again, again.url) == ERR_EXISTS);
  readdress_fini(&again);
}

static void addresses(const uint8_t *data, size_t size) {
  struct readdress address;
  struct errmsg msg = {""};
  char *text = fuzz_text(data, size);
  if (readdress_parse(&address, text) == 0)
    need_address(&address);
  readdress_fini(&address);
  if (readdress_read(&address, text, &msg) == 0) {
    FUZZ_NEED(strstr(text, "***") == NULL);
    need_address(&address);
    readdress_fini(&address);
  } else {
    FUZZ_NEED(msg.text[0] != '\0');
  }
  free(text);
}

/* ---- marks --------------------------------------------------------------- */

/* A few pages' worth: rows of place in the file and byte. */
static void put_marks(const uint8_t *data, size_t size) {
  static uint8_t pages[4 * 4096];
  static const uint64_t boots[] = {BOOT, BOOT + 1, 0, UINT64_MAX};
  size_t length = (1 + fuzz_byte(&data, &size) % 64) * sizeof pages / 64;
  memset(pages, 0, sizeof pages);
  for (; size >= 4; data += 4, size -= 4) {
    size_t at = ((size_t)data[0] << 8 | data[1]) % (sizeof pages - 16);
    uint64_t tag[2] = {data[2], boots[data[3] % 4]};
    if (data[0] & 0x80) /* a sector's tag */
      memcpy(pages + at / 512 * 512, tag, sizeof tag);
    else
      pages[at] = data[3];
  }
  put_file(pages, length);
}

static struct marks *open_marks(void) {
  struct marks *marks = NULL;
  struct errmsg msg = {""};
  FUZZ_NEED(marks_open(&marks, folder, FILE_NAME, BOOT, &msg) == 0);
  return marks;
}

static uint64_t hash_marks(const struct marks *marks, int slot) {
  uint64_t hash = 1;
  for (uint32_t i = 0; i < CHUNK_LINES; i += 7) {
    enum mark mark = marks_get(marks, slot, i);
    hash = (hash ^ (uint64_t)mark) * 0x100000001b3u;
  }
  return hash;
}

struct seen {
  struct marks *marks;
  size_t count;
  uint64_t hash;
};

static void on_slot(void *arg, uint64_t key, int slot) {
  struct seen *seen = arg;
  FUZZ_NEED(key < UINT64_MAX && slot >= 0);
  FUZZ_NEED(marks_find(seen->marks, key) >= 0);
  FUZZ_NEED(marks_find(seen->marks, key) <= slot);
  seen->count++;
  seen->hash = fuzz_hash(seen->hash, &key, sizeof key);
  seen->hash ^= hash_marks(seen->marks, slot);
}

static void marks(const uint8_t *data, size_t size) {
  struct marks_view view;
  put_marks(data, size);
  struct marks *m = open_marks();
  struct seen first = {m, 0, 5}, again = {NULL, 0, 5};
  marks_each(m, on_slot, &first);
  FUZZ_NEED(first.count <= 4);
  marks_close(m);
  /* In the same run of the system nothing is forgotten by opening it again. */
  m = again.marks = open_marks();
  marks_each(m, on_slot, &again);
  FUZZ_NEED(again.count == first.count && again.hash == first.hash);
  int slot = marks_take(m, 1234567);
  FUZZ_NEED(slot >= 0 && marks_find(m, 1234567) == slot);
  marks_set(m, slot, CHUNK_LINES - 1, MARK_WRITTEN);
  int fd = openat(folder, FILE_NAME, O_RDONLY);
  FUZZ_NEED(marks_peek(fd, 1234567, &view));
  for (uint32_t i = 0; i < CHUNK_LINES; i += 511)
    FUZZ_NEED(marks_view_get(&view, i) == marks_get(m, slot, i));
  FUZZ_NEED(marks_view_get(&view, CHUNK_LINES - 1) == MARK_WRITTEN);
  close(fd);
  marks_drop(m, slot);
  FUZZ_NEED(marks_find(m, 1234567) < 0);
  marks_close(m);
}

/* ---- ranges of partial files --------------------------------------------- */

static void ranges(const uint8_t *data, size_t size) {
  struct session_partial partial = {.durable = fuzz_byte(&data, &size)};
  struct session_partial again = partial;
  struct ranges set = {0};
  char written[SESSION_RANGES * 48];
  unsigned whole = fuzz_byte(&data, &size);
  partial.size = whole == 0 ? -1 : (int64_t)whole * whole * whole;
  again.size = partial.size;
  char *text = fuzz_text(data, size);
  partial_ranges_read(&partial, text);
  int64_t before = partial.durable;
  FUZZ_NEED(partial.range_count <= SESSION_RANGES);
  for (unsigned i = 0; i < partial.range_count; i++) {
    const struct range *range = &partial.ranges[i];
    FUZZ_NEED(range->first > before && range->end > range->first);
    FUZZ_NEED(partial.size < 0 || range->end <= partial.size);
    before = range->end;
  }
  partial_ranges_text(&partial, written, sizeof written);
  partial_ranges_read(&again, written);
  FUZZ_NEED(again.range_count == partial.range_count);
  FUZZ_NEED(memcmp(again.ranges, partial.ranges,
                   partial.range_count * sizeof *partial.ranges) == 0);
  if (partial_get_ranges(&partial, &set) != 0)
    exit(77);
  partial_set_ranges(&again, &set);
  FUZZ_NEED(again.durable == partial.durable);
  FUZZ_NEED(again.range_count == partial.range_count);
  ranges_fini(&set);
  free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static void (*const kind[])(const uint8_t *, size_t) = {titles, addresses,
                                                          marks, ranges};
  kind[fuzz_byte(&data, &size) % (sizeof kind / sizeof *kind)](data, size);
  return 0;
}
