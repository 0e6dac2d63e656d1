/* SPDX-License-Identifier: MIT
 *
 * Texts that are kept by task: see titles.h.
 */
#include "config.h"

#include "titles.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "names.h"

void titles_init(struct titles *titles) {
  memset(titles, 0, sizeof(*titles));
  titles->fd = -1;
}

void titles_fini(struct titles *titles) {
  for (size_t i = 0; i < titles->size; i++)
    free(titles->slots[i].name);
  free(titles->slots);
  if (titles->fd >= 0)
    close(titles->fd);
  titles_init(titles);
}

/* ---- the table ----------------------------------------------------------- */

static struct title *slot_of(const struct titles *t, uint64_t task) {
  size_t slot =
      (size_t)((task * UINT64_C(0x9e3779b97f4a7c15)) >> 20) & (t->size - 1);
  while (t->slots[slot].name != NULL && t->slots[slot].task != task)
    slot = (slot + 1) & (t->size - 1);
  return &t->slots[slot];
}

static int grow(struct titles *t) {
  struct title *old = t->slots;
  size_t old_size = t->size;
  if (t->count * 2 < t->size)
    return 0;
  size_t size = old_size > 0 ? old_size * 2 : 64;
  struct title *slots = calloc(size, sizeof(*slots));
  if (slots == NULL)
    return ERR_NOMEM;
  t->slots = slots;
  t->size = size;
  for (size_t i = 0; i < old_size; i++)
    if (old[i].name != NULL)
      *slot_of(t, old[i].task) = old[i];
  free(old);
  return 0;
}

const char *titles_find(const struct titles *titles, uint64_t task) {
  return titles->size > 0 ? slot_of(titles, task)->name : NULL;
}

int titles_put(struct titles *titles, uint64_t task, const char *name) {
  char *copy = strdup(name);
  if (copy == NULL || grow(titles) != 0) {
    free(copy);
    return ERR_NOMEM;
  }
  struct title *title = slot_of(titles, task);
  if (title->name == NULL)
    titles->count++;
  free(title->name);
  title->task = task;
  title->name = copy;
  return 0;
}

/* ---- the file ------------------------------------------------------------ */

/* In one call, which writers beside it cannot come between. The line feed in
 * front ends what an earlier one may have left unfinished. */
int titles_append(int fd, uint64_t task, const char *name) {
  size_t cap = strlen(name) + 64;
  ssize_t n;
  if (strlen(name) >= TITLES_TEXT_MAX)
    return ENAMETOOLONG;
  char *record = malloc(cap);
  if (record == NULL)
    return ENOMEM;
  int length =
      snprintf(record, cap, "\n%" PRIu64 " %zu %s\n", task, strlen(name), name);
  do
    n = write(fd, record, (size_t)length);
  while (n < 0 && errno == EINTR);
  int saved = n < 0 ? errno : n == length ? 0 : ENOSPC;
  free(record);
  return saved;
}

/* A line without its line feed; what is no record is passed over. */
static int take_line(struct titles *t, const char *line) {
  char *end;
  uint64_t task = strtoull(line, &end, 10);
  if (end == line || *end != ' ')
    return 0;
  const char *at = end + 1;
  uint64_t length = strtoull(at, &end, 10);
  if (end == at || *end != ' ' || length == 0 || length >= TITLES_TEXT_MAX ||
      strlen(end + 1) != length)
    return 0;
  return titles_put(t, task, end + 1);
}

static int read_all(struct titles *t) {
  int fd = dup(t->fd);
  FILE *file = fd >= 0 ? fdopen(fd, "r") : NULL;
  char *line = NULL;
  size_t cap = 0;
  ssize_t n;
  int code = 0;
  if (file == NULL) {
    if (fd >= 0)
      close(fd);
    return ERR_IO;
  }
  while (code == 0 && (n = getline(&line, &cap, file)) > 0) {
    if (line[n - 1] != '\n')
      break; /* cut off */
    line[n - 1] = '\0';
    code = take_line(t, line);
  }
  if (code == 0 && ferror(file))
    code = ERR_IO;
  free(line);
  fclose(file);
  return code;
}

static int open_as(struct titles *titles, int dirfd, const char *file,
                   int flags, struct errmsg *msg) {
  int fd = name_open(dirfd, file, flags, 0600, false);
  if (fd < 0 && errno == ENOENT && (flags & O_CREAT) == 0)
    return 0;
  if (fd < 0)
    return err_set(msg, fd, "%s: %s", file, strerror(errno));
  titles->fd = fd;
  int code = read_all(titles);
  return code == 0 ? 0 : err_set(msg, code, "%s: %s", file, err_text(code));
}

int titles_open(struct titles *titles, int dirfd, const char *file, bool make,
                struct errmsg *msg) {
  int flags = O_RDWR | O_APPEND | (make ? O_CREAT : 0);
  return open_as(titles, dirfd, file, flags, msg);
}

int titles_read(struct titles *titles, int dirfd, const char *file,
                struct errmsg *msg) {
  return open_as(titles, dirfd, file, O_RDONLY, msg);
}
