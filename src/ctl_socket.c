/* SPDX-License-Identifier: MIT
 *
 * See ctl_socket.h.
 */
#include "config.h"

#include "ctl_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "ctl_rpc.h"
#include "session.h"

#define BACKLOG 16

/* The short way where there is one, the plain path where that fits. */
static int address_of(struct sockaddr_un *address, int dirfd, const char *path,
                      struct errmsg *msg) {
  char link[64];
  struct stat here, there;
  size_t cap = sizeof address->sun_path;
  memset(address, 0, sizeof *address);
  address->sun_family = AF_UNIX;
  snprintf(link, sizeof link, "/proc/self/fd/%d/.", dirfd);
  bool linked = stat(link, &there) == 0 && fstat(dirfd, &here) == 0 &&
                here.st_ino == there.st_ino && here.st_dev == there.st_dev;
  int len = linked
                ? snprintf(address->sun_path, cap, "/proc/self/fd/%d/%s", dirfd,
                           CTL_SOCKET)
                : snprintf(address->sun_path, cap, "%s/%s", path, CTL_SOCKET);
  if (len > 0 && (size_t)len < cap)
    return 0;
  return err_set(msg, ERR_UNSUPPORTED,
                 "%s: the path is too long for a control socket on this "
                 "system",
                 path);
}

static int new_socket(struct errmsg *msg) {
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  if (fd < 0)
    return err_set(msg, err_from_errno(errno), "no control socket: %s",
                   strerror(errno));
  fcntl(fd, F_SETFD, FD_CLOEXEC);
  fcntl(fd, F_SETFL, O_NONBLOCK);
  return fd;
}

int ctl_socket_listen(int dirfd, const char *path, struct errmsg *msg) {
  struct sockaddr_un address;
  int rc = address_of(&address, dirfd, path, msg);
  int fd = rc == 0 ? new_socket(msg) : rc;
  if (fd < 0)
    return fd;
  unlinkat(dirfd, CTL_SOCKET, 0);
  /* The directory keeps others out until the mode is set. */
  if (bind(fd, (struct sockaddr *)&address, sizeof address) == 0 &&
      fchmodat(dirfd, CTL_SOCKET, 0600, 0) == 0 && listen(fd, BACKLOG) == 0)
    return fd;
  rc = err_set(msg, err_from_errno(errno), "no control socket in %s: %s", path,
               strerror(errno));
  unlinkat(dirfd, CTL_SOCKET, 0);
  close(fd);
  return rc;
}

/* ---- the other end ----------------------------------------------------------
 */

static int no_answer(const char *dir, struct errmsg *msg) {
  struct session_status status;
  int rc = session_status_read(dir, &status, msg);
  if (rc != 0)
    return rc;
  if (status.running_pid == 0)
    return err_set(msg, ERR_NOTFOUND, "no spate is running on %s", dir);
  return err_set(msg, ERR_UNSUPPORTED,
                 "the spate that runs on %s (process %ld) has no control "
                 "socket: the system or file system gave it none",
                 dir, status.running_pid);
}

static int connect_in(int dirfd, const char *path, struct errmsg *msg) {
  struct sockaddr_un address;
  int rc = address_of(&address, dirfd, path, msg);
  int fd = rc == 0 ? new_socket(msg) : rc;
  if (fd < 0)
    return fd;
  if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
    return fd;
  int saved = errno;
  close(fd);
  if (saved == ENOENT || saved == ECONNREFUSED)
    return ERR_NOTFOUND; /* the caller looks why */
  if (saved == EAGAIN)
    return err_set(msg, ERR_LOCKED, "%s: the run has no room for more clients",
                   path);
  return err_set(msg, ERR_IO, "%s/%s: %s", path, CTL_SOCKET, strerror(saved));
}

int ctl_socket_connect(const char *dir, struct errmsg *msg) {
  char path[4096];
  int len = snprintf(path, sizeof path, "%s/%s", dir, SESSION_DIR);
  if (len < 0 || (size_t)len >= sizeof path)
    return err_set(msg, ERR_NOTFOUND, "the path is too long");
  int dirfd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (dirfd < 0 && errno != ENOENT && errno != ENOTDIR)
    return err_set(msg, ERR_IO, "%s: %s", path, strerror(errno));
  int fd = dirfd < 0 ? ERR_NOTFOUND : connect_in(dirfd, path, msg);
  if (dirfd >= 0)
    close(dirfd);
  return fd == ERR_NOTFOUND ? no_answer(dir, msg) : fd;
}
