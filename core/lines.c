/* SPDX-License-Identifier: MIT
 *
 * Blocking reading of a manifest; see lines.h.
 */
#include "config.h"

#include "lines.h"

#include <errno.h>
#include <unistd.h>

int lines_init(struct lines *lines, int fd,
               const struct manifest_format *format) {
  lines->fd = fd;
  lines->at_end = false;
  return manifest_init(&lines->text, format);
}

void lines_fini(struct lines *lines) {
  manifest_fini(&lines->text);
}

void lines_seek(struct lines *lines, uint64_t offset, uint64_t line) {
  manifest_seek(&lines->text, offset, line);
  lines->at_end = false;
}

static int fill(struct lines *lines) {
  size_t room;
  char *space = manifest_space(&lines->text, &room);
  if (space == NULL)
    return ERR_TOOBIG;
  ssize_t n;
  do
    n = pread(lines->fd, space, room, (off_t)manifest_wants(&lines->text));
  while (n < 0 && errno == EINTR);
  if (n < 0)
    return err_from_errno(errno);
  if (n == 0) {
    lines->at_end = true;
    manifest_end(&lines->text);
  }
  manifest_filled(&lines->text, (size_t)n);
  return 0;
}

int lines_head(struct lines *lines) {
  uint64_t offset = manifest_offset(&lines->text);
  uint64_t number = manifest_line_number(&lines->text);
  lines_seek(lines, 0, 1);
  int rc = manifest_head(&lines->text);
  while (rc == 0) {
    rc = fill(lines);
    if (rc == 0)
      rc = manifest_head(&lines->text);
  }
  lines_seek(lines, offset, number);
  return rc < 0 ? rc : 0;
}

int lines_next(struct lines *lines, struct manifest_line *line) {
  if (manifest_lacks_head(&lines->text)) {
    int rc = lines_head(lines);
    if (rc < 0)
      return rc;
  }
  for (;;) {
    if (manifest_next(&lines->text, line))
      return line->starved ? ERR_NOMEM : 1;
    if (lines->at_end)
      return 0;
    int rc = fill(lines);
    if (rc < 0)
      return rc;
  }
}

const char *lines_why(const struct lines *lines) {
  return manifest_why(&lines->text);
}

uint64_t lines_offset(const struct lines *lines) {
  return manifest_offset(&lines->text);
}

uint64_t lines_number(const struct lines *lines) {
  return manifest_line_number(&lines->text);
}
