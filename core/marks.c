/* SPDX-License-Identifier: MIT
 *
 * The mapped mark file; its layout is explained in marks.h.
 *
 * Invariant: slot s lives in window s / MARKS_STEP; keys[s] is NO_KEY for a
 * free one. Windows are mapped once and stay until marks_close().
 */
#include "config.h"

#include "marks.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "chunk.h"

#define SECTOR 512
#define SECTORS 8
#define PAGE (SECTOR * SECTORS)
#define PER_SECTOR (CHUNK_LINES / SECTORS)
#define WINDOW ((size_t)PAGE * MARKS_STEP)
#define NO_KEY UINT64_MAX

struct tag {
  uint64_t key; /* of the chunk, plus 1: an empty sector is no chunk */
  uint64_t boot;
};

struct marks {
  int fd;
  uint64_t boot;
  uint8_t **windows;
  uint64_t *keys; /* of all slots */
  int window_count;
  int free_hint;
};

static uint8_t *sector_of(const struct marks *m, int slot, int sector) {
  return m->windows[slot / MARKS_STEP] + (size_t)(slot % MARKS_STEP) * PAGE +
         (size_t)sector * SECTOR;
}

static void tag_write(struct marks *m, int slot, uint64_t key) {
  struct tag tag = {.key = key + 1, .boot = m->boot};
  for (int i = 0; i < SECTORS; i++)
    memcpy(sector_of(m, slot, i), &tag, sizeof tag);
}

static void each_byte(uint8_t *sector, uint8_t (*turn)(uint8_t)) {
  for (size_t i = sizeof(struct tag); i < sizeof(struct tag) + PER_SECTOR / 4;
       i++)
    if (sector[i] != 0)
      sector[i] = turn(sector[i]);
}

/* WRITTEN becomes STARTED, and TAINTED too: the file is ours, no more. */
static uint8_t only_started(uint8_t byte) {
  return (uint8_t)((byte | byte >> 1) & 0x55);
}

/* STARTED and WRITTEN become TAINTED. */
static uint8_t tainted(uint8_t byte) {
  return (uint8_t)(((byte | byte >> 1) & 0x55) << 1);
}

/* Takes a slot of an earlier run: the first tag that is whole names the
 * chunk, sectors that say otherwise were torn and are emptied. */
static uint64_t adopt(struct marks *m, int slot) {
  uint64_t key = NO_KEY;
  for (int i = 0; i < SECTORS; i++) {
    uint8_t *sector = sector_of(m, slot, i);
    struct tag tag;
    memcpy(&tag, sector, sizeof tag);
    if (tag.key != 0 && key == NO_KEY)
      key = tag.key - 1;
    if (tag.key == 0 || tag.key - 1 != key)
      memset(sector, 0, SECTOR);
    else if (tag.boot != m->boot || m->boot == 0)
      each_byte(sector, only_started);
  }
  if (key != NO_KEY)
    tag_write(m, slot, key);
  return key;
}

int marks_map(struct marks *m) {
  size_t have = (size_t)m->window_count;
  uint8_t **windows = realloc(m->windows, (have + 1) * sizeof *windows);
  if (windows == NULL)
    return ERR_NOMEM;
  m->windows = windows;
  uint64_t *keys = realloc(m->keys, (have + 1) * MARKS_STEP * sizeof *keys);
  if (keys == NULL)
    return ERR_NOMEM;
  m->keys = keys;
  void *map = mmap(NULL, WINDOW, PROT_READ | PROT_WRITE, MAP_SHARED, m->fd,
                   (off_t)(have * WINDOW));
  if (map == MAP_FAILED)
    return err_from_errno(errno);
  windows[have] = map;
  m->window_count++;
  int first = (int)have * MARKS_STEP;
  for (int slot = first; slot < first + MARKS_STEP; slot++)
    keys[slot] = adopt(m, slot);
  if (m->free_hint > first)
    m->free_hint = first;
  return 0;
}

int marks_grow(struct marks *m) {
  struct stat st;
  if (fstat(m->fd, &st) < 0)
    return err_from_errno(errno);
  off_t want = (off_t)((size_t)m->window_count + 1) * (off_t)WINDOW;
  int rc = posix_fallocate(m->fd, 0, want);
  return rc == 0 ? 0 : err_from_errno(rc);
}

int marks_open(struct marks **out, int dirfd, const char *name, uint64_t boot,
               struct errmsg *msg) {
  struct stat st;
  struct marks *m = calloc(1, sizeof *m);
  if (m == NULL)
    return err_set(msg, ERR_NOMEM, "%s", err_text(ERR_NOMEM));
  m->boot = boot;
  int rc = 0;
  m->fd = openat(dirfd, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (m->fd < 0 || fstat(m->fd, &st) < 0) {
    rc = err_from_errno(errno);
    goto fail;
  }
  size_t windows = ((size_t)st.st_size + WINDOW - 1) / WINDOW;
  do { /* a last window cut by a kill is completed, an empty file gets one */
    rc = marks_grow(m);
    if (rc == 0)
      rc = marks_map(m);
  } while (rc == 0 && (size_t)m->window_count < windows);
  if (rc == 0) {
    *out = m;
    return 0;
  }
fail:
  err_set(msg, rc, "%s: %s", name, err_text(rc));
  marks_close(m);
  return rc;
}

void marks_close(struct marks *m) {
  if (m == NULL)
    return;
  for (int i = 0; i < m->window_count; i++)
    munmap(m->windows[i], WINDOW);
  if (m->fd >= 0)
    close(m->fd);
  free(m->windows);
  free(m->keys);
  free(m);
}

int marks_find(struct marks *m, uint64_t key) {
  for (int slot = 0; slot < m->window_count * MARKS_STEP; slot++)
    if (m->keys[slot] == key)
      return slot;
  return -1;
}

int marks_take(struct marks *m, uint64_t key) {
  int slots = m->window_count * MARKS_STEP;
  int slot = m->free_hint;
  while (slot < slots && m->keys[slot] != NO_KEY)
    slot++;
  m->free_hint = slot;
  if (slot == slots)
    return -1;
  memset(sector_of(m, slot, 0), 0, PAGE);
  tag_write(m, slot, key);
  m->keys[slot] = key;
  return slot;
}

void marks_drop(struct marks *m, int slot) {
  memset(sector_of(m, slot, 0), 0, PAGE);
  m->keys[slot] = NO_KEY;
  if (slot < m->free_hint)
    m->free_hint = slot;
}

static uint8_t *byte_of(const struct marks *m, int slot, uint32_t index) {
  return sector_of(m, slot, (int)(index / PER_SECTOR)) + sizeof(struct tag) +
         index % PER_SECTOR / 4;
}

bool marks_only(const struct marks *m, int slot, const uint8_t *bits) {
  for (uint32_t i = 0; i < CHUNK_LINES; i += 4) {
    uint8_t byte = *byte_of(m, slot, i);
    for (uint32_t n = 0; n < 4 && byte != 0; n++)
      if ((byte >> (n * 2) & 3) != MARK_NONE && !chunk_bit(bits, i + n))
        return false;
  }
  return true;
}

void marks_each(struct marks *m,
                void (*each)(void *arg, uint64_t key, int slot), void *arg) {
  for (int slot = 0; slot < m->window_count * MARKS_STEP; slot++)
    if (m->keys[slot] != NO_KEY)
      each(arg, m->keys[slot], slot);
}

enum mark marks_get(const struct marks *m, int slot, uint32_t index) {
  return (enum mark)((*byte_of(m, slot, index) >> (index % 4 * 2)) & 3);
}

bool marks_peek(int fd, uint64_t key, struct marks_view *view) {
  struct tag tag;
  off_t at = 0;
  for (; pread(fd, &tag, sizeof tag, at) == (ssize_t)sizeof tag; at += PAGE)
    if (tag.key == key + 1)
      break;
  return pread(fd, view->page, PAGE, at) == PAGE &&
         memcmp(view->page, &tag, sizeof tag) == 0 && tag.key == key + 1;
}

enum mark marks_view_get(const struct marks_view *view, uint32_t index) {
  const uint8_t *byte = view->page + index / PER_SECTOR * SECTOR +
                        sizeof(struct tag) + index % PER_SECTOR / 4;
  return (enum mark)((*byte >> (index % 4 * 2)) & 3);
}

void marks_set(struct marks *m, int slot, uint32_t index, enum mark mark) {
  uint8_t *byte = byte_of(m, slot, index);
  unsigned shift = index % 4 * 2;
  *byte = (uint8_t)((*byte & ~(3u << shift)) | (unsigned)mark << shift);
}

/* Behind the marks of a sector. */
static uint8_t *taken_byte(const struct marks *m, int slot, uint32_t index) {
  return sector_of(m, slot, (int)(index / PER_SECTOR)) + sizeof(struct tag) +
         PER_SECTOR / 4 + index % PER_SECTOR / 8;
}

bool marks_taken(const struct marks *m, int slot, uint32_t index) {
  return (*taken_byte(m, slot, index) >> index % 8 & 1) != 0;
}

void marks_set_taken(struct marks *m, int slot, uint32_t index, bool taken) {
  uint8_t *byte = taken_byte(m, slot, index);
  uint8_t bit = (uint8_t)(1u << index % 8);
  *byte = (uint8_t)(taken ? *byte | bit : *byte & ~bit);
}

void marks_taint(struct marks *m) {
  for (int slot = 0; slot < m->window_count * MARKS_STEP; slot++)
    for (int i = 0; i < SECTORS && m->keys[slot] != NO_KEY; i++)
      each_byte(sector_of(m, slot, i), tainted);
}

int marks_sync(struct marks *m) {
  return fsync(m->fd) == 0 ? 0 : err_from_errno(errno);
}
