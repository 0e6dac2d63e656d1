/* SPDX-License-Identifier: MIT
 *
 * Descriptors run out now and then; then the standard error stays as it is.
 */
#include "config.h"

#include "stderrcap.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "text.h"
#include "tty.h"

#define REPLAY_MAX 65536

void stderrcap_begin(struct stderrcap *cap, int fd) {
  cap->saved = cap->kept = -1;
  if (fd < 0 && !isatty(STDERR_FILENO))
    return;
  if (fd < 0)
    fd = cap->kept = tty_scratch();
  if (fd < 0)
    return;
  fflush(stderr);
  cap->saved = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
  if (cap->saved >= 0)
    (void)dup2(fd, STDERR_FILENO);
}

static void replay(int fd) {
  static const char cut[] = "(more was printed)\n";
  char *text = malloc(REPLAY_MAX + 1);
  ssize_t len = text != NULL ? pread(fd, text, REPLAY_MAX, 0) : -1;
  for (ssize_t at = 0; at < len;) {
    char line[1024];
    const char *end = memchr(text + at, '\n', (size_t)(len - at));
    size_t size =
        end != NULL ? (size_t)(end - (text + at)) : (size_t)(len - at);
    text_clip(line, sizeof line, text + at, size, -1, 0, NULL);
    fprintf(stderr, "%s\n", line);
    at += (ssize_t)size + 1;
  }
  if (len == REPLAY_MAX)
    fputs(cut, stderr);
  free(text);
}

void stderrcap_end(struct stderrcap *cap) {
  if (cap->saved >= 0) {
    fflush(stderr);
    (void)dup2(cap->saved, STDERR_FILENO);
    close(cap->saved);
  }
  if (cap->kept >= 0) {
    replay(cap->kept);
    close(cap->kept);
  }
  cap->saved = cap->kept = -1;
}
