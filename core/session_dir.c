/* SPDX-License-Identifier: MIT
 *
 * The session's directory, its lock and its spool files. Blocking; the
 * starting thread.
 *
 * The lock is an open-file-description lock where the system has it: a
 * classic one would be lost as soon as anything in the process closed another
 * descriptor of the file. Its holder's pid stands in the file.
 */
#include "config.h"

#include "session_impl.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef F_OFD_SETLK
#define LOCK_SET F_OFD_SETLK
#define LOCK_GET F_OFD_GETLK
#else
#define LOCK_SET F_SETLK
#define LOCK_GET F_GETLK
#endif

/* mkdir -p; what is there already is fine. */
static int make_dirs(char *path) {
  for (char *p = path + 1; *p != '\0'; p++) {
    if (*p != '/')
      continue;
    *p = '\0';
    int rc = mkdir(path, 0777);
    *p = '/';
    if (rc < 0 && errno != EEXIST && errno != EISDIR)
      return -1;
  }
  return mkdir(path, 0777) < 0 && errno != EEXIST ? -1 : 0;
}

static int open_output_dir(struct session *s, const char *dir,
                           struct errmsg *msg) {
  char *copy = strdup(dir[0] == '\0' ? "." : dir);
  if (copy == NULL)
    return err_set(msg, ERR_NOMEM, "%s", err_text(ERR_NOMEM));
  int rc = make_dirs(copy);
  if (rc == 0) {
    s->dirfd = open(copy, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    s->dir = s->dirfd >= 0 ? realpath(copy, NULL) : NULL;
  }
  int saved = errno;
  free(copy);
  if (rc == 0 && s->dirfd >= 0 && s->dir != NULL)
    return 0;
  return err_set(msg, err_from_errno(saved), "output directory %s: %s", dir,
                 strerror(saved));
}

int session__open_dir(struct session *s, const char *dir, struct errmsg *msg) {
  struct stat st;
  int rc = open_output_dir(s, dir, msg);
  if (rc < 0)
    return rc;
  if (mkdirat(s->dirfd, SESSION_DIR, 0700) < 0 && errno != EEXIST)
    return err_set(msg, err_from_errno(errno), "%s/%s: %s", s->dir, SESSION_DIR,
                   strerror(errno));
  s->sdirfd = openat(s->dirfd, SESSION_DIR,
                     O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (s->sdirfd < 0)
    return err_set(msg, err_from_errno(errno),
                   "%s/%s must be a directory, not a link or a file", s->dir,
                   SESSION_DIR);
  if (fstat(s->sdirfd, &st) < 0)
    return err_set(msg, ERR_IO, "%s/%s: %s", s->dir, SESSION_DIR,
                   strerror(errno));
  if (st.st_uid != geteuid())
    return err_set(msg, ERR_UNSAFE,
                   "%s/%s belongs to another user (uid %ld): it is not used",
                   s->dir, SESSION_DIR, (long)st.st_uid);
  if ((st.st_mode & 077) != 0 && fchmod(s->sdirfd, 0700) < 0)
    return err_set(msg, err_from_errno(errno), "%s/%s: %s", s->dir, SESSION_DIR,
                   strerror(errno));
  return 0;
}

/* ---- lock -------------------------------------------------------------- */

static struct flock whole_file(void) {
  return (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET};
}

long session__holder(int lockfd) {
  struct flock lock = whole_file();
  char text[32] = "";
  if (fcntl(lockfd, LOCK_GET, &lock) < 0 || lock.l_type == F_UNLCK)
    return 0;
  if (lock.l_pid > 0)
    return lock.l_pid;
  ssize_t n = pread(lockfd, text, sizeof text - 1, 0);
  long pid = n > 0 ? strtol(text, NULL, 10) : 0;
  return pid > 0 ? pid : -1;
}

/* A lock on a file that was removed meanwhile (a session that left nothing
 * behind) locks nothing. */
static bool still_there(struct session *s, int fd) {
  struct stat mine, named;
  return fstat(fd, &mine) == 0 &&
         fstatat(s->sdirfd, "lock", &named, AT_SYMLINK_NOFOLLOW) == 0 &&
         mine.st_ino == named.st_ino && mine.st_dev == named.st_dev;
}

static int locked_by(struct session *s, long pid, struct errmsg *msg) {
  if (pid > 0)
    return err_set(msg, ERR_LOCKED,
                   "%s is in use by another spate, process %ld ('spate attach "
                   "DIR' shows it, 'spate ctl DIR add URL' adds to it)",
                   s->dir, pid);
  return err_set(msg, ERR_LOCKED, "%s is in use by another spate", s->dir);
}

int session__lock(struct session *s, struct errmsg *msg) {
  for (;;) {
    int fd = openat(s->sdirfd, "lock",
                    O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
      return err_set(msg, err_from_errno(errno), "%s/%s/lock: %s", s->dir,
                     SESSION_DIR, strerror(errno));
    struct flock lock = whole_file();
    if (fcntl(fd, LOCK_SET, &lock) < 0) {
      int saved = errno;
      long pid = session__holder(fd);
      close(fd);
      if (saved == EACCES || saved == EAGAIN)
        return locked_by(s, pid, msg);
      return err_set(msg, ERR_IO, "%s/%s/lock: %s", s->dir, SESSION_DIR,
                     strerror(saved));
    }
    if (still_there(s, fd)) {
      s->lockfd = fd;
      break;
    }
    close(fd);
  }
  char text[32];
  int length = snprintf(text, sizeof text, "%ld\n", (long)getpid());
  if (ftruncate(s->lockfd, 0) < 0 ||
      pwrite(s->lockfd, text, (size_t)length, 0) != length)
    return err_set(msg, err_from_errno(errno), "%s/%s/lock: %s", s->dir,
                   SESSION_DIR, strerror(errno));
  return 0;
}

/* ---- files ------------------------------------------------------------- */

void session__spool_name(uint32_t spool, char *name, size_t cap) {
  snprintf(name, cap, "spool-%" PRIu32, spool);
}

char *session__path(const char *dir, const char *name) {
  size_t cap = strlen(dir) + strlen(name) + sizeof SESSION_DIR + 2;
  char *path = malloc(cap);
  if (path != NULL)
    snprintf(path, cap, "%s/%s/%s", dir, SESSION_DIR, name);
  return path;
}

int session__spool_create(struct session *s, uint32_t spool, int *fd,
                          struct errmsg *msg) {
  char name[32];
  session__spool_name(spool, name, sizeof name);
  *fd = openat(s->sdirfd, name,
               O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (*fd >= 0)
    return 0;
  return err_set(msg, err_from_errno(errno), "%s/%s/%s: %s", s->dir,
                 SESSION_DIR, name, strerror(errno));
}

static DIR *list(struct session *s) {
  int fd = openat(s->sdirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *dir = fd < 0 ? NULL : fdopendir(fd);
  if (dir == NULL && fd >= 0)
    close(fd);
  return dir;
}

static bool spool_number(const char *name, uint32_t *spool) {
  char *end;
  if (strncmp(name, "spool-", 6) != 0)
    return false;
  unsigned long value = strtoul(name + 6, &end, 10);
  *spool = (uint32_t)value;
  return end != name + 6 && *end == '\0' && value > 0 && value < UINT32_MAX;
}

int session__spool_sweep(struct session *s) {
  uint32_t *used, spool;
  size_t count;
  int rc = store_spools(s->store, &used, &count);
  if (rc < 0)
    return rc;
  DIR *dir = list(s);
  struct dirent *entry = dir == NULL ? NULL : readdir(dir);
  for (; entry != NULL; entry = readdir(dir)) {
    if (!spool_number(entry->d_name, &spool))
      continue;
    if (spool >= s->next_spool)
      s->next_spool = spool + 1;
    bool needed = false;
    for (size_t i = 0; i < count; i++)
      needed |= used[i] == spool;
    if (!needed)
      unlinkat(s->sdirfd, entry->d_name, 0);
  }
  for (size_t i = 0; i < count; i++)
    if (used[i] >= s->next_spool)
      s->next_spool = used[i] + 1;
  if (dir != NULL)
    closedir(dir);
  free(used);
  return 0;
}

/* The database goes first: what is left then is a session without tasks. */
void session__remove_all(struct session *s) {
  unlinkat(s->sdirfd, "session.db", 0);
  DIR *dir = list(s);
  struct dirent *entry = dir == NULL ? NULL : readdir(dir);
  for (; entry != NULL; entry = readdir(dir))
    if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
        strcmp(entry->d_name, "lock") != 0)
      unlinkat(s->sdirfd, entry->d_name, 0);
  if (dir != NULL)
    closedir(dir);
  unlinkat(s->sdirfd, "lock", 0);
  unlinkat(s->dirfd, SESSION_DIR, AT_REMOVEDIR);
}
