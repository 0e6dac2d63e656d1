/* SPDX-License-Identifier: MIT
 *
 * The mapped file of what is written; its layout is explained in unflushed.h.
 *
 * Invariants: ids[] is 0 for a free slot; the record of a slot that counts is
 * the whole one with the higher turn. A record is never changed in its place.
 */
#include "config.h"

#include "unflushed.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC UINT64_C(0x3164656873756c66) /* "flushed1" */
#define HALF 1024
#define HEADER 4096
#define MAP (HEADER + (size_t)UNFLUSHED_SLOTS * 2 * HALF)

struct header {
  uint64_t magic, boot;
  uint64_t record; /* bytes of one: another version has others */
};

struct record {
  uint64_t sum; /* of all that follows */
  uint64_t turn, id;
  struct session_unflushed known;
};

_Static_assert(sizeof(struct record) <= HALF, "a record fits into its half");

struct unflushed {
  uint8_t *map;
  uint64_t ids[UNFLUSHED_SLOTS];
  uint64_t turns[UNFLUSHED_SLOTS]; /* of the record that counts */
  bool busy[UNFLUSHED_SLOTS];
  unsigned used;
  bool given_up;
};

static uint8_t *half_of(const struct unflushed *u, int slot, uint64_t turn) {
  return u->map + HEADER + ((size_t)slot * 2 + (size_t)(turn & 1)) * HALF;
}

/* FNV-1a; against a record that is half another one, not against malice. */
static uint64_t sum_of(const struct record *r) {
  const uint8_t *byte = (const uint8_t *)r + sizeof(r->sum);
  const uint8_t *end = (const uint8_t *)r + sizeof(*r);
  uint64_t sum = UINT64_C(14695981039346656037);
  for (; byte < end; byte++)
    sum = (sum ^ *byte) * UINT64_C(1099511628211);
  return sum;
}

static bool ends(const char *text, size_t cap) {
  return memchr(text, '\0', cap) != NULL;
}

static bool read_half(const struct unflushed *u, int slot, uint64_t turn,
                      struct record *r) {
  const struct session_partial *partial = &r->known.partial;
  memcpy(r, half_of(u, slot, turn), sizeof(*r));
  return r->id != 0 && r->sum == sum_of(r) && (r->turn & 1) == (turn & 1) &&
         partial->range_count <= SESSION_RANGES &&
         ends(partial->etag, sizeof(partial->etag)) &&
         ends(partial->last_modified, sizeof(partial->last_modified));
}

/* Of an earlier run: the newer one of its two. */
static void adopt(struct unflushed *u, int slot) {
  struct record even, odd;
  bool has_even = read_half(u, slot, 0, &even);
  bool has_odd = read_half(u, slot, 1, &odd);
  const struct record *newest =
      has_odd && (!has_even || odd.turn > even.turn) ? &odd : &even;
  if (!has_even && !has_odd)
    return;
  u->ids[slot] = newest->id;
  u->turns[slot] = newest->turn;
  u->used++;
}

/* Nothing of another boot, or of another version, is left when the header says
 * that the file is of this one. */
static int make_ours(int fd, const struct header *mine) {
  struct header found;
  struct stat st;
  if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
    return -1;
  if (pread(fd, &found, sizeof(found), 0) == (ssize_t)sizeof(found) &&
      memcmp(&found, mine, sizeof(found)) == 0)
    return posix_fallocate(fd, 0, (off_t)MAP);
  if (ftruncate(fd, 0) != 0 || posix_fallocate(fd, 0, (off_t)MAP) != 0)
    return -1;
  return pwrite(fd, mine, sizeof(*mine), 0) == (ssize_t)sizeof(*mine) ? 0 : -1;
}

static uint8_t *map_file(int dirfd, const char *name,
                         const struct header *mine) {
  void *map = MAP_FAILED;
  int fd = openat(dirfd, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0)
    return NULL;
  if (make_ours(fd, mine) == 0)
    map = mmap(NULL, MAP, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  return map == MAP_FAILED ? NULL : map;
}

struct unflushed *unflushed_open(int dirfd, const char *name, uint64_t boot) {
  const struct header mine = {MAGIC, boot, sizeof(struct record)};
  struct unflushed *u = boot != 0 ? calloc(1, sizeof(*u)) : NULL;
  if (u == NULL)
    return NULL;
  u->map = map_file(dirfd, name, &mine);
  if (u->map == NULL) {
    free(u);
    return NULL;
  }
  for (int slot = 0; slot < UNFLUSHED_SLOTS; slot++)
    adopt(u, slot);
  return u;
}

void unflushed_close(struct unflushed *u) {
  if (u == NULL)
    return;
  munmap(u->map, MAP);
  free(u);
}

static int find(const struct unflushed *u, uint64_t id) {
  for (int slot = 0; u != NULL && u->used > 0 && slot < UNFLUSHED_SLOTS; slot++)
    if (u->ids[slot] == id)
      return slot;
  return -1;
}

bool unflushed_get(const struct unflushed *u, uint64_t id,
                   struct session_unflushed *found) {
  struct record r;
  int slot = find(u, id);
  if (slot < 0 || !read_half(u, slot, u->turns[slot], &r))
    return false;
  *found = r.known;
  return true;
}

/* The older one first: a kill in between must not bring it back. */
static void empty(struct unflushed *u, int slot) {
  const uint64_t none = 0;
  memcpy(half_of(u, slot, u->turns[slot] + 1) + offsetof(struct record, id),
         &none, sizeof(none));
  atomic_signal_fence(memory_order_seq_cst);
  memcpy(half_of(u, slot, u->turns[slot]) + offsetof(struct record, id), &none,
         sizeof(none));
  u->ids[slot] = 0;
  u->used--;
}

static int take(struct unflushed *u) {
  int resting = -1;
  for (int slot = 0; slot < UNFLUSHED_SLOTS; slot++) {
    if (u->ids[slot] == 0)
      return slot;
    if (!u->busy[slot])
      resting = slot;
  }
  if (resting >= 0)
    empty(u, resting);
  return resting;
}

void unflushed_put(struct unflushed *u, uint64_t id, bool busy,
                   const struct session_unflushed *known) {
  struct record r;
  int slot = find(u, id);
  if (u == NULL || u->given_up)
    return;
  if (slot < 0) {
    slot = take(u);
    if (slot < 0)
      return;
    u->ids[slot] = id;
    u->used++;
  }
  u->busy[slot] = busy;
  memset(&r, 0, sizeof(r));
  r.turn = ++u->turns[slot];
  r.id = id;
  memcpy(&r.known, known, sizeof(r.known));
  r.sum = sum_of(&r);
  memcpy(half_of(u, slot, r.turn), &r, sizeof(r));
}

void unflushed_drop(struct unflushed *u, uint64_t id) {
  int slot = find(u, id);
  if (slot >= 0)
    empty(u, slot);
}

void unflushed_give_up(struct unflushed *u) {
  if (u == NULL)
    return;
  for (int slot = 0; slot < UNFLUSHED_SLOTS; slot++)
    if (u->ids[slot] != 0)
      empty(u, slot);
  u->given_up = true;
}
