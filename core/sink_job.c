/* SPDX-License-Identifier: MIT
 *
 * The file operations of a sink: see sink_job.h.
 */
#include "config.h"

#include "sink_job.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#define NUMBERED_MAX 9999

void sink_job_init(struct sink_job *job, int dirfd,
                   const struct sink_target *target) {
  memset(job, 0, sizeof(*job));
  job->dirfd = dirfd;
  job->fd = -1;
  job->name = strdup(target->name);
  job->resume = job->kept = target->offset;
  if (target->kept != NULL) {
    job->resume = ranges_end(target->kept);
    job->kept = ranges_total(target->kept);
  }
  job->size = target->size;
  job->time = SINK_NO_TIME;
  job->ours = target->ours;
  job->replace = target->replace;
  job->unname = target->unname;
  job->rename = target->rename;
}

void sink_job_fini(struct sink_job *job) {
  if (job->fd >= 0)
    close(job->fd);
  free(job->name);
}

static int fail(struct sink_job *job, int saved_errno) {
  job->saved_errno = saved_errno;
  job->code = err_from_errno(saved_errno);
  return job->code;
}

static int fail_code(struct sink_job *job, int code) {
  job->saved_errno = errno;
  job->code = code;
  return code;
}

static int part_name(const char *name, char *part) {
  int n = snprintf(part, NAME_CAP, "%s.part", name);
  return n < 0 || n >= NAME_CAP ? ERR_TOOBIG : 0;
}

/* 0 or an errno value. */
static int write_block(int fd, const struct block *block) {
  size_t done = 0;
  while (done < block->len) {
    ssize_t n = pwrite(fd, block->data + done, block->len - done,
                       block->offset + (off_t)done);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return errno;
    if (n == 0)
      return ENOSPC;
    done += (size_t)n;
  }
  return 0;
}

static int write_all(struct sink_job *job, const struct block *block) {
  int error = write_block(job->fd, block);
  return error == 0 ? 0 : fail(job, error);
}

static int flush_data(int fd) {
#ifdef HAVE_FDATASYNC
  return fdatasync(fd) == 0 ? 0 : errno;
#else
  return fsync(fd) == 0 ? 0 : errno;
#endif
}

static int flush(struct sink_job *job) {
  int error = flush_data(job->fd);
  return error == 0 ? 0 : fail(job, error);
}

void sink_write_work(struct sink_write *write) {
  int error = write->blocks == NULL ? flush_data(write->fd) : 0;
  for (struct block *b = write->blocks; b != NULL && error == 0; b = b->next)
    error = write_block(write->fd, b);
  write->saved_errno = error;
  write->code = error != 0 ? err_from_errno(error) : 0;
}

/* ---- opening the .part ----------------------------------------------------
 */

static void remove_part(struct sink_job *job);

static int lacks(struct sink_job *job) {
  if (job->resume == 0) {
    remove_part(job);
    job->made_part = false;
  }
  return fail(job, ENOSPC);
}

/* Better to say so now than when the disk is full of a part. */
static int check_space(struct sink_job *job) {
  struct statvfs st;
  uint64_t need, room;
  if (job->size <= job->kept || fstatvfs(job->fd, &st) != 0)
    return 0;
  need = (uint64_t)(job->size - job->kept);
  room = (uint64_t)st.f_bavail * st.f_frsize;
  if (need <= room)
    return 0;
  job->lacking = (int64_t)(need - room);
  job->never = need > (uint64_t)st.f_blocks * st.f_frsize;
  return lacks(job);
}

/* What a file system cannot reserve it will have to find while it writes. */
static int allocate(struct sink_job *job) {
#ifdef HAVE_FALLOCATE
  if (!job->allocate || job->size <= 0)
    return 0;
  if (fallocate(job->fd, FALLOC_FL_KEEP_SIZE, 0, (off_t)job->size) != 0 &&
      errno == ENOSPC) {
    job->lacking = job->size - job->kept;
    return lacks(job);
  }
#else
  (void)job;
#endif
  return 0;
}

/* A .part of this session is cut to what it is known to hold; one of somebody
 * else is never touched. */
static int reopen_part(struct sink_job *job, const char *part) {
  struct stat st;
  job->fd = name_open(job->dirfd, part, O_WRONLY, 0, false);
  if (job->fd < 0)
    return fail_code(job, errno == ENOENT ? ERR_CHANGED : job->fd);
  if (fstat(job->fd, &st) != 0)
    return fail(job, errno);
  if (!S_ISREG(st.st_mode) || st.st_size < job->resume)
    return fail_code(job, ERR_CHANGED);
  job->inode = (uint64_t)st.st_ino;
  if (ftruncate(job->fd, job->resume) != 0)
    return fail(job, errno);
  return 0;
}

static void remove_name(struct sink_job *job, const char *name) {
  const char *leaf;
  int parent = name_open_parent(job->dirfd, name, false, &leaf);
  if (parent < 0)
    return;
  (void)unlinkat(parent, leaf, 0);
  close(parent);
}

/* A body has its NAME or its .part, never both: who finds both takes NAME for
 * somebody else's. One that was named by a run which was killed before it could
 * say so is fetched again, and goes first. */
static int create_part(struct sink_job *job, const char *part) {
  const int flags = O_WRONLY | O_CREAT | O_EXCL;
  struct stat st;
  if (job->unname)
    remove_name(job, job->name);
  job->fd = name_open(job->dirfd, part, flags, 0666, true);
  if (job->fd == ERR_EXISTS && job->ours) {
    remove_name(job, part);
    job->fd = name_open(job->dirfd, part, flags, 0666, true);
  }
  job->blocked = job->fd == ERR_EXISTS;
  if (job->fd < 0)
    return fail_code(job, job->fd);
  job->inode = fstat(job->fd, &st) == 0 ? (uint64_t)st.st_ino : 0;
  return 0;
}

static int open_part(struct sink_job *job) {
  char part[NAME_CAP];
  int code;
  if (job->fd >= 0)
    return 0;
  if (part_name(job->name, part) != 0)
    return fail_code(job, ERR_TOOBIG);
  code = job->resume > 0 ? reopen_part(job, part) : create_part(job, part);
  job->made_part = job->made_part || code == 0;
  if (code == 0)
    code = check_space(job);
  return code == 0 ? allocate(job) : code;
}

static int write_blocks(struct sink_job *job) {
  int code = open_part(job);
  for (struct block *b = job->blocks; b != NULL && code == 0; b = b->next)
    code = write_all(job, b);
  return code;
}

/* ---- names -------------------------------------------------------------- */

/* Moves leaf "from" to "to" within one directory without replacing anything.
 * link and unlink do it everywhere; where links are refused (some network file
 * systems) a look before the rename has to serve. */
static int rename_noreplace(int dir, const char *from, const char *to) {
  struct stat st;
#ifdef HAVE_RENAMEAT2
  if (renameat2(dir, from, dir, to, RENAME_NOREPLACE) == 0)
    return 0;
  if (errno != EINVAL && errno != ENOSYS)
    return -1;
#endif
  if (linkat(dir, from, dir, to, 0) == 0)
    return unlinkat(dir, from, 0);
  if (errno == EEXIST)
    return -1;
  if (fstatat(dir, to, &st, AT_SYMLINK_NOFOLLOW) == 0) {
    errno = EEXIST;
    return -1;
  }
  return renameat(dir, from, dir, to);
}

static const char *leaf_of(const char *name) {
  const char *slash = strrchr(name, '/');
  return slash != NULL ? slash + 1 : name;
}

static int take_numbered(struct sink_job *job, int dir, const char *part) {
  char name[NAME_CAP];
  for (unsigned n = 1; n <= NUMBERED_MAX; n++) {
    char *copy;
    int code = name_numbered(job->name, n, name, sizeof(name));
    if (code != 0)
      return fail_code(job, code);
    if (rename_noreplace(dir, part, leaf_of(name)) != 0) {
      if (errno == EEXIST)
        continue;
      return fail(job, errno);
    }
    copy = strdup(name);
    if (copy == NULL)
      return fail(job, ENOMEM);
    free(job->name);
    job->name = copy;
    return 0;
  }
  return fail(job, EEXIST);
}

static int is_directory(int dir, const char *leaf) {
  struct stat st;
  return fstatat(dir, leaf, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
         S_ISDIR(st.st_mode);
}

/* Gives the .part its name. */
static int name_part(struct sink_job *job) {
  char part[NAME_CAP];
  const char *leaf;
  int dir, code = 0;
  if (part_name(job->name, part) != 0)
    return fail_code(job, ERR_TOOBIG);
  dir = name_open_parent(job->dirfd, job->name, false, &leaf);
  if (dir < 0)
    return fail_code(job, dir);
  if (rename_noreplace(dir, leaf_of(part), leaf) != 0) {
    if (errno != EEXIST)
      code = fail(job, errno);
    else if (is_directory(dir, leaf) || !job->replace)
      code = job->rename ? take_numbered(job, dir, leaf_of(part))
                         : fail(job, EEXIST);
    else if (renameat(dir, leaf_of(part), dir, leaf) != 0)
      code = fail(job, errno);
  }
  close(dir);
  return code;
}

static void remove_part(struct sink_job *job) {
  char part[NAME_CAP];
  const char *leaf;
  int dir;
  if (part_name(job->name, part) != 0)
    return;
  dir = name_open_parent(job->dirfd, part, false, &leaf);
  if (dir < 0)
    return;
  (void)unlinkat(dir, leaf, 0);
  close(dir);
}

/* ---- actions ------------------------------------------------------------ */

/* A file system that refuses it leaves the time as it is. */
static void set_time(const struct sink_job *job) {
  struct timespec times[2];
  if (job->time == SINK_NO_TIME)
    return;
  memset(times, 0, sizeof(times));
  times[0].tv_nsec = UTIME_OMIT;
  times[1].tv_sec = (time_t)job->time;
  (void)futimens(job->fd, times);
}

static int close_fd(struct sink_job *job) {
  int fd = job->fd;
  job->fd = -1;
  /* Some file systems report a full disk or quota only here. */
  if (fd >= 0 && close(fd) != 0 && errno != EINTR)
    return fail(job, errno);
  return 0;
}

static void finish(struct sink_job *job) {
  if (write_blocks(job) != 0)
    return;
  set_time(job);
  if (job->flush && flush(job) != 0)
    return;
  if (close_fd(job) == 0 && name_part(job) == ERR_EXISTS)
    remove_part(job); /* nobody could tell whose it is later on */
}

/* A small file under a name that is taken: by way of a .part, so that what is
 * replaced is whole at every moment. */
static void store_over(struct sink_job *job) {
  if (!job->replace && !job->rename) {
    fail(job, EEXIST);
    return;
  }
  finish(job);
  if (job->code != 0 && job->code != ERR_EXISTS)
    remove_part(job);
}

static void store(struct sink_job *job) {
  struct block *block = job->blocks;
  if (job->rename) { /* so that a NAME is never a torn file of ours */
    store_over(job);
    return;
  }
  if (job->ours) /* an earlier body's, before there is a NAME: see create_part()
                  */
    remove_part(job);
  job->fd =
      name_open(job->dirfd, job->name, O_WRONLY | O_CREAT | O_EXCL, 0666, true);
  if (job->fd == ERR_EXISTS) {
    job->fd = -1;
    store_over(job);
    return;
  }
  if (job->fd < 0) {
    fail_code(job, job->fd);
    job->fd = -1;
    return;
  }
  if (block != NULL)
    (void)write_all(job, block);
  if (job->code == 0)
    set_time(job);
  if (job->code == 0)
    (void)close_fd(job);
  if (job->code != 0) {
    const char *leaf;
    int dir = name_open_parent(job->dirfd, job->name, false, &leaf);
    if (dir >= 0) {
      (void)unlinkat(dir, leaf, 0);
      close(dir);
    }
  }
}

static void keep(struct sink_job *job) {
  if (write_blocks(job) == 0 && flush(job) == 0)
    (void)close_fd(job);
}

static void drop(struct sink_job *job) {
  bool mine = job->fd >= 0 || job->resume > 0;
  (void)close_fd(job);
  if (mine)
    remove_part(job);
}

void sink_job_work(struct sink_job *job) {
  switch (job->action) {
  case SINK_WRITE:
    (void)write_blocks(job);
    break;
  case SINK_CLOSE:
    if (write_blocks(job) == 0)
      (void)close_fd(job);
    break;
  case SINK_FINISH:
    finish(job);
    break;
  case SINK_STORE:
    store(job);
    break;
  case SINK_KEEP:
    keep(job);
    break;
  case SINK_DROP:
    drop(job);
    break;
  }
}
