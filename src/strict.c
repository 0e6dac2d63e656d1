/* SPDX-License-Identifier: MIT
 *
 * --strict, see strict.h. The starting thread alone.
 */
#include "config.h"

#include "strict.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "manifest.h"
#include "metalink_lines.h"
#include "plain.h"
#include "say.h"
#include "tempfile.h"
#include "url.h"

#define SAID_MAX 20

struct tally {
  const char *name;
  unsigned allow;
  uint64_t bad;
};

/* What is bad about a line, be it only for this run. */
static const char *fault_of(const struct manifest_line *line, unsigned allow) {
  struct url_parts parts;
  if (line->why != NULL)
    return line->why;
  return url_split(line->url, allow, &parts) != 0 ? parts.why : NULL;
}

static void take_lines(struct manifest *manifest, struct tally *tally) {
  struct manifest_line line;
  char text[128];
  while (manifest_next(manifest, &line) == 1) {
    const char *why = fault_of(&line, tally->allow);
    if (why != NULL && ++tally->bad <= SAID_MAX)
      say("%s:%" PRIu64 ": %s", tally->name, line.line, why);
  }
  while (manifest_warning(manifest, text, sizeof text))
    say("warning: %s: %s", tally->name, text);
}

static ssize_t read_some(int fd, char *buf, size_t room) {
  ssize_t got;
  do {
    got = read(fd, buf, room);
  } while (got < 0 && errno == EINTR);
  return got;
}

/* Moves all that plain holds into the manifest. */
static int take_plain(struct plain *plain, struct manifest *manifest,
                      struct tally *tally) {
  for (;;) {
    size_t room = 0;
    char *space = manifest_space(manifest, &room);
    int64_t got = space != NULL ? plain_take(plain, space, room) : ERR_TOOBIG;
    if (got <= 0)
      return (int)got;
    manifest_filled(manifest, (size_t)got);
    take_lines(manifest, tally);
  }
}

/* Reads all; ERR_IO: see errno. */
static int read_all(int fd, struct manifest *manifest, struct tally *tally) {
  char block[65536];
  struct plain plain;
  ssize_t got;
  int rc;
  plain_init(&plain);
  do {
    got = read_some(fd, block, sizeof block);
    rc = got < 0 ? ERR_IO : plain_give(&plain, block, (size_t)got);
    if (rc == 0)
      rc = take_plain(&plain, manifest, tally);
  } while (rc == 0 && got > 0);
  plain_fini(&plain);
  return rc;
}

/* A Metalink is looked at as the lines that it becomes. */
static int check_metalink(int fd, const char *name, unsigned allow,
                          struct errmsg *msg) {
  int copy = tempfile_open();
  if (copy < 0)
    return err_set(msg, ERR_IO, "cannot make a temporary file: %s",
                   strerror(errno));
  int rc = metalink_file_lines(fd, name, copy, msg);
  if (rc == 0 && lseek(copy, 0, SEEK_SET) != 0)
    rc = err_set(msg, ERR_IO, "%s: %s", name, strerror(errno));
  if (rc == 0)
    rc = strict_check(copy, name, "jsonl", allow, msg);
  close(copy);
  return rc;
}

int strict_check(int fd, const char *name, const char *format, unsigned allow,
                 struct errmsg *msg) {
  int metalink = strcmp(format, "metalink") == 0;
  if (strcmp(format, "auto") == 0)
    metalink = metalink_file(fd);
  if (metalink < 0)
    return err_set(msg, ERR_IO, "%s: %s", name, strerror(errno));
  if (metalink)
    return check_metalink(fd, name, allow, msg);
  struct manifest manifest;
  struct tally tally = {.name = name, .allow = allow};
  int rc = manifest_init(&manifest, manifest_format_named(format));
  if (rc != 0)
    return err_set(msg, rc, "%s", err_text(rc));
  manifest_use(&manifest, manifest.format, name);
  rc = read_all(fd, &manifest, &tally);
  int saved = errno;
  if (rc == 0) {
    manifest_end(&manifest);
    take_lines(&manifest, &tally);
  }
  manifest_fini(&manifest);
  if (rc < 0)
    return err_set(msg, rc == ERR_IO ? rc : ERR_SYNTAX, "%s: %s", name,
                   rc == ERR_IO ? strerror(saved) : plain_fault(rc));
  if (tally.bad > 0)
    return err_set(msg, ERR_SYNTAX,
                   "%s: %" PRIu64 " bad lines; nothing was started (--strict)",
                   name, tally.bad);
  return 0;
}

int strict_spool(int fd, struct errmsg *msg) {
  char buf[65536];
  ssize_t got;
  int copy = tempfile_open();
  if (copy < 0)
    return err_set(msg, ERR_IO, "cannot make a temporary file: %s",
                   strerror(errno));
  int rc = 0;
  while (rc == 0 && (got = read_some(fd, buf, sizeof buf)) != 0)
    rc = got < 0 ? ERR_IO : tempfile_write(copy, buf, (size_t)got);
  if (rc == 0 && lseek(copy, 0, SEEK_SET) != 0)
    rc = ERR_IO;
  if (rc == 0)
    return copy;
  close(copy);
  return err_set(msg, rc, "cannot keep the manifest: %s", strerror(errno));
}
