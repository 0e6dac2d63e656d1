/* SPDX-License-Identifier: MIT
 *
 * Files without a name: made with a random one by mkstemp(3), which is taken
 * away at once. Any thread.
 */
#include "config.h"

#include "tempfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int tempfile_open(void) {
  char path[4096];
  const char *dir = getenv("TMPDIR");
  int len = snprintf(path, sizeof path, "%s/spate-XXXXXX",
                     dir != NULL && *dir != '\0' ? dir : "/tmp");
  if (len < 0 || (size_t)len >= sizeof path) {
    errno = ENAMETOOLONG;
    return ERR_IO;
  }
  int fd = mkstemp(path);
  if (fd < 0)
    return err_from_errno(errno);
  unlink(path);
  fcntl(fd, F_SETFD, FD_CLOEXEC);
  return fd;
}

int tempfile_write(int fd, const char *data, size_t len) {
  while (len > 0) {
    ssize_t n = write(fd, data, len);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return err_from_errno(errno);
    data += n;
    len -= (size_t)n;
  }
  return 0;
}
