/* SPDX-License-Identifier: MIT
 *
 * A library for LD_PRELOAD that lets one call of a program fail: the N-th
 * allocation, operation on a file, call of SQLite or of another library.
 *
 *   FAILCALL=KIND:N:CODE[:SCOPE]   KIND is alloc, file, sql or lib; N counts
 *                                  from 1 (0: none fails, they are only
 *                                  counted); CODE is errno's value, or
 *                                  SQLite's; lib needs none
 *   FAILCALL_LOG=FILE              gets a line when it fails, and the number of
 *                                  calls at the end
 *
 * Only calls from one object count: SCOPE is a part of its name, as
 * "libsqlite3"; without one it is the program itself. What fails does nothing,
 * but close(), which closes. Reads and writes count on regular files alone: on
 * pipes and sockets they tell of others, not of the disk. What makes threads,
 * processes and locks counts as allocation, what makes pipes, sockets and
 * timers as operation on a file.
 *
 * Any thread. Nothing here may allocate.
 */
#include "config.h"

#include <stdlib.h>

/* Where there is no glibc the library is empty, and its tests are skipped. */
#ifdef __GLIBC__
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum kind { KIND_NONE, KIND_ALLOC, KIND_FILE, KIND_SQL, KIND_LIB };

#define RANGES 16

static struct {
  enum kind kind;
  uint64_t nth;
  int code;
  struct {
    uintptr_t from, to;
  } range[RANGES]; /* of the object that counts */
  size_t ranges;
  uintptr_t base;
  char scope[64], log[512];
} plan;

static _Atomic uint64_t calls;

/* ---- the plan ------------------------------------------------------------ */

static void say(const char *text, int length) {
  int fd = (int)syscall(SYS_openat, AT_FDCWD, plan.log,
                        O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (fd < 0 || length < 0)
    return;
  (void)syscall(SYS_write, fd, text, (size_t)length);
  (void)syscall(SYS_close, fd);
}

static int add_object(struct dl_phdr_info *info, size_t size, void *arg) {
  bool *main_object = arg;
  bool first = *main_object;
  (void)size;
  *main_object = false;
  if (plan.scope[0] == '\0' ? !first
                            : strstr(info->dlpi_name, plan.scope) == NULL)
    return 0;
  plan.base = info->dlpi_addr;
  for (int i = 0; i < info->dlpi_phnum && plan.ranges < RANGES; i++) {
    const ElfW(Phdr) *p = &info->dlpi_phdr[i];
    if (p->p_type != PT_LOAD || (p->p_flags & PF_X) == 0)
      continue;
    plan.range[plan.ranges].from = info->dlpi_addr + p->p_vaddr;
    plan.range[plan.ranges++].to = info->dlpi_addr + p->p_vaddr + p->p_memsz;
  }
  return 0;
}

static enum kind kind_of(const char *text) {
  static const char *const name[] = {"", "alloc:", "file:", "sql:", "lib:"};
  for (int i = KIND_ALLOC; i <= KIND_LIB; i++)
    if (strncmp(text, name[i], strlen(name[i])) == 0)
      return (enum kind)i;
  return KIND_NONE;
}

__attribute__((constructor)) static void begin(void) {
  const char *text = getenv("FAILCALL"), *log = getenv("FAILCALL_LOG");
  bool main_object = true;
  char *end;
  if (text == NULL || log == NULL || strlen(log) >= sizeof plan.log)
    return;
  memcpy(plan.log, log, strlen(log) + 1);
  enum kind kind = kind_of(text);
  text = strchr(text, ':');
  if (kind == KIND_NONE || text == NULL)
    return;
  plan.nth = strtoull(text + 1, &end, 10);
  plan.code = *end == ':' ? (int)strtol(end + 1, &end, 10) : EIO;
  if (*end == ':' && strlen(end + 1) < sizeof plan.scope)
    memcpy(plan.scope, end + 1, strlen(end + 1) + 1);
  dl_iterate_phdr(add_object, &main_object);
  plan.kind = kind; /* from here on it counts */
}

__attribute__((destructor)) static void finish(void) {
  char text[80];
  if (plan.kind != KIND_NONE)
    say(text, snprintf(text, sizeof text, "calls %llu\n",
                       (unsigned long long)atomic_load(&calls)));
}

static bool counts(uintptr_t caller) {
  for (size_t i = 0; i < plan.ranges; i++)
    if (caller >= plan.range[i].from && caller < plan.range[i].to)
      return true;
  return false;
}

static bool fails(enum kind kind, const char *name, void *from) {
  uintptr_t caller = (uintptr_t)from;
  char text[160];
  if (kind != plan.kind || !counts(caller) ||
      atomic_fetch_add(&calls, 1) + 1 != plan.nth)
    return false;
  say(text, snprintf(text, sizeof text, "failed %s 0x%llx\n", name,
                     (unsigned long long)(caller - plan.base)));
  errno = kind == KIND_FILE || kind == KIND_SQL ? plan.code : ENOMEM;
  return true;
}

#define FAILS(kind, name) fails(kind, name, __builtin_return_address(0))

/* The function behind this one; its type is that of the name. */
#define REAL(name)                \
  static __typeof__(name) *real_; \
  if (real_ == NULL)              \
  *(void **)&real_ = dlsym(RTLD_NEXT, #name)

/* ---- memory -------------------------------------------------------------- */

void *malloc(size_t size) {
  REAL(malloc);
  return FAILS(KIND_ALLOC, "malloc") ? NULL : real_(size);
}

void *calloc(size_t count, size_t size) {
  REAL(calloc);
  return FAILS(KIND_ALLOC, "calloc") ? NULL : real_(count, size);
}

void *realloc(void *block, size_t size) {
  REAL(realloc);
  return FAILS(KIND_ALLOC, "realloc") ? NULL : real_(block, size);
}

char *strdup(const char *text) {
  REAL(strdup);
  return FAILS(KIND_ALLOC, "strdup") ? NULL : real_(text);
}

char *strndup(const char *text, size_t most) {
  REAL(strndup);
  return FAILS(KIND_ALLOC, "strndup") ? NULL : real_(text, most);
}

char *realpath(const char *path, char *out) {
  REAL(realpath);
  return FAILS(KIND_ALLOC, "realpath") ? NULL : real_(path, out);
}

FILE *fopen(const char *path, const char *mode) {
  REAL(fopen);
  return FAILS(KIND_ALLOC, "fopen") ? NULL : real_(path, mode);
}

FILE *fdopen(int fd, const char *mode) {
  REAL(fdopen);
  return FAILS(KIND_ALLOC, "fdopen") ? NULL : real_(fd, mode);
}

DIR *fdopendir(int fd) {
  REAL(fdopendir);
  return FAILS(KIND_ALLOC, "fdopendir") ? NULL : real_(fd);
}

ssize_t getline(char **line, size_t *cap, FILE *file) {
  REAL(getline);
  return FAILS(KIND_ALLOC, "getline") ? -1 : real_(line, cap, file);
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attr,
                   void *(*run)(void *), void *arg) {
  REAL(pthread_create);
  return FAILS(KIND_ALLOC, "pthread_create") ? EAGAIN
                                             : real_(thread, attr, run, arg);
}

/* getline() is this one where it is inlined. */
ssize_t __getdelim(char **line, size_t *cap, int end, FILE *file) {
  REAL(__getdelim);
  return FAILS(KIND_ALLOC, "getdelim") ? -1 : real_(line, cap, end, file);
}

DIR *opendir(const char *path) {
  REAL(opendir);
  return FAILS(KIND_ALLOC, "opendir") ? NULL : real_(path);
}

char *getcwd(char *out, size_t cap) {
  REAL(getcwd);
  return FAILS(KIND_ALLOC, "getcwd") ? NULL : real_(out, cap);
}

pid_t fork(void) {
  REAL(fork);
  return FAILS(KIND_ALLOC, "fork") ? -1 : real_();
}

int sigaltstack(const stack_t *stack, stack_t *old) {
  REAL(sigaltstack);
  return FAILS(KIND_ALLOC, "sigaltstack") ? -1 : real_(stack, old);
}

/* What takes these arguments and returns ENOMEM when it fails. */
#define GIVES(name, parameters, arguments)                      \
  int name parameters {                                         \
    REAL(name);                                                 \
    return FAILS(KIND_ALLOC, #name) ? ENOMEM : real_ arguments; \
  }
GIVES(pthread_mutex_init,
      (pthread_mutex_t * mutex, const pthread_mutexattr_t *attr), (mutex, attr))
GIVES(pthread_cond_init,
      (pthread_cond_t * cond, const pthread_condattr_t *attr), (cond, attr))
GIVES(posix_spawn,
      (pid_t * pid, const char *path, const posix_spawn_file_actions_t *actions,
       const posix_spawnattr_t *attr, char *const argv[], char *const envp[]),
      (pid, path, actions, attr, argv, envp))
GIVES(posix_spawnp,
      (pid_t * pid, const char *path, const posix_spawn_file_actions_t *actions,
       const posix_spawnattr_t *attr, char *const argv[], char *const envp[]),
      (pid, path, actions, attr, argv, envp))
GIVES(posix_spawn_file_actions_init, (posix_spawn_file_actions_t * actions),
      (actions))
GIVES(posix_spawn_file_actions_adddup2,
      (posix_spawn_file_actions_t * actions, int fd, int as), (actions, fd, as))
GIVES(posix_spawn_file_actions_addopen,
      (posix_spawn_file_actions_t * actions, int fd, const char *path,
       int flags, mode_t mode),
      (actions, fd, path, flags, mode))
GIVES(posix_spawnattr_init, (posix_spawnattr_t * attr), (attr))

/* ---- files --------------------------------------------------------------- */

static mode_t mode_of(int flags, va_list args) {
  return (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(args, mode_t) : 0;
}

#define OPEN(name)                                                  \
  int name(const char *path, int flags, ...) {                      \
    REAL(name);                                                     \
    va_list args;                                                   \
    va_start(args, flags);                                          \
    mode_t mode = mode_of(flags, args);                             \
    va_end(args);                                                   \
    return FAILS(KIND_FILE, #name) ? -1 : real_(path, flags, mode); \
  }
OPEN(open)
OPEN(open64)

#define OPENAT(name)                                                       \
  int name(int dirfd, const char *path, int flags, ...) {                  \
    REAL(name);                                                            \
    va_list args;                                                          \
    va_start(args, flags);                                                 \
    mode_t mode = mode_of(flags, args);                                    \
    va_end(args);                                                          \
    return FAILS(KIND_FILE, #name) ? -1 : real_(dirfd, path, flags, mode); \
  }
OPENAT(openat)
OPENAT(openat64)

/* openat2() has no wrapper of its own. */
long syscall(long number, ...) {
  REAL(syscall);
  va_list args;
  va_start(args, number);
  long a = va_arg(args, long), b = va_arg(args, long), c = va_arg(args, long);
  long d = va_arg(args, long), e = va_arg(args, long), f = va_arg(args, long);
  va_end(args);
#ifdef SYS_openat2
  if (number == SYS_openat2 && FAILS(KIND_FILE, "openat2"))
    return -1;
#endif
  return real_(number, a, b, c, d, e, f);
}

static bool is_file(int fd) {
  struct stat st;
  int saved = errno;
  bool file =
      plan.kind == KIND_FILE && fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
  errno = saved;
  return file;
}

ssize_t read(int fd, void *data, size_t size) {
  REAL(read);
  return is_file(fd) && FAILS(KIND_FILE, "read") ? -1 : real_(fd, data, size);
}

ssize_t write(int fd, const void *data, size_t size) {
  REAL(write);
  return is_file(fd) && FAILS(KIND_FILE, "write") ? -1 : real_(fd, data, size);
}

#define AT(name, type)                                               \
  ssize_t name(int fd, type data, size_t size, off_t at) {           \
    REAL(name);                                                      \
    return FAILS(KIND_FILE, #name) ? -1 : real_(fd, data, size, at); \
  }
AT(pread, void *)
AT(pread64, void *)
AT(pwrite, const void *)
AT(pwrite64, const void *)

int close(int fd) {
  REAL(close);
  bool broken = is_file(fd) && FAILS(KIND_FILE, "close");
  int code = plan.code, result = real_(fd);
  if (broken)
    errno = code;
  return broken ? -1 : result;
}

/* What takes these arguments and returns -1 when it fails. */
#define CALL(name, parameters, arguments)                  \
  int name parameters {                                    \
    REAL(name);                                            \
    return FAILS(KIND_FILE, #name) ? -1 : real_ arguments; \
  }
CALL(fsync, (int fd), (fd))
CALL(fdatasync, (int fd), (fd))
CALL(syncfs, (int fd), (fd))
CALL(rename, (const char *a, const char *b), (a, b))
CALL(renameat, (int x, const char *a, int y, const char *b), (x, a, y, b))
CALL(renameat2, (int x, const char *a, int y, const char *b, unsigned flags),
     (x, a, y, b, flags))
CALL(link, (const char *a, const char *b), (a, b))
CALL(linkat, (int x, const char *a, int y, const char *b, int flags),
     (x, a, y, b, flags))
CALL(unlink, (const char *path), (path))
CALL(unlinkat, (int dirfd, const char *path, int flags), (dirfd, path, flags))
CALL(ftruncate, (int fd, off_t size), (fd, size))
CALL(ftruncate64, (int fd, off_t size), (fd, size))
CALL(fallocate, (int fd, int mode, off_t at, off_t size), (fd, mode, at, size))
CALL(mkdir, (const char *path, mode_t mode), (path, mode))
CALL(mkdirat, (int dirfd, const char *path, mode_t mode), (dirfd, path, mode))

CALL(pipe, (int fds[2]), (fds))
CALL(pipe2, (int fds[2], int flags), (fds, flags))
CALL(socket, (int family, int type, int protocol), (family, type, protocol))
CALL(bind, (int fd, const struct sockaddr *to, socklen_t size), (fd, to, size))
CALL(listen, (int fd, int most), (fd, most))
CALL(accept, (int fd, struct sockaddr *from, socklen_t *size), (fd, from, size))
CALL(connect, (int fd, const struct sockaddr *to, socklen_t size),
     (fd, to, size))
CALL(memfd_create, (const char *name, unsigned flags), (name, flags))
CALL(timerfd_create, (clockid_t clock, int flags), (clock, flags))
CALL(mkstemp, (char *path), (path))
CALL(mkostemp, (char *path, int flags), (path, flags))
CALL(dup, (int fd), (fd))
CALL(dup2, (int fd, int as), (fd, as))
CALL(stat, (const char *path, struct stat *st), (path, st))
CALL(fstat, (int fd, struct stat *st), (fd, st))
CALL(fstatat, (int dirfd, const char *path, struct stat *st, int flags),
     (dirfd, path, st, flags))
CALL(fstatvfs, (int fd, struct statvfs *st), (fd, st))
CALL(faccessat, (int dirfd, const char *path, int mode, int flags),
     (dirfd, path, mode, flags))
CALL(fchmod, (int fd, mode_t mode), (fd, mode))
CALL(fchmodat, (int dirfd, const char *path, mode_t mode, int flags),
     (dirfd, path, mode, flags))
CALL(futimens, (int fd, const struct timespec times[2]), (fd, times))

/* Locks and copies; flags cannot fail. */
int fcntl(int fd, int what, ...) {
  REAL(fcntl);
  va_list args;
  va_start(args, what);
  void *arg = va_arg(args, void *);
  va_end(args);
  bool counted =
      what != F_GETFD && what != F_SETFD && what != F_GETFL && what != F_SETFL;
  return counted && FAILS(KIND_FILE, "fcntl") ? -1 : real_(fd, what, arg);
}

off_t lseek(int fd, off_t at, int from) {
  REAL(lseek);
  return FAILS(KIND_FILE, "lseek") ? -1 : real_(fd, at, from);
}

struct dirent *readdir(DIR *dir) {
  REAL(readdir);
  return FAILS(KIND_FILE, "readdir") ? NULL : real_(dir);
}

int fflush(FILE *file) {
  REAL(fflush);
  bool counted = file != NULL && is_file(fileno(file));
  return counted && FAILS(KIND_FILE, "fflush") ? EOF : real_(file);
}

int fclose(FILE *file) {
  REAL(fclose);
  bool broken = is_file(fileno(file)) && FAILS(KIND_FILE, "fclose");
  int code = plan.code, result = real_(file);
  if (broken)
    errno = code;
  return broken ? EOF : result;
}

size_t fwrite(const void *data, size_t size, size_t count, FILE *file) {
  REAL(fwrite);
  return is_file(fileno(file)) && FAILS(KIND_FILE, "fwrite")
             ? 0
             : real_(data, size, count, file);
}

int fputs(const char *text, FILE *file) {
  REAL(fputs);
  return is_file(fileno(file)) && FAILS(KIND_FILE, "fputs") ? EOF
                                                            : real_(text, file);
}

int posix_fallocate(int fd, off_t at, off_t size) {
  REAL(posix_fallocate);
  return FAILS(KIND_FILE, "posix_fallocate") ? plan.code : real_(fd, at, size);
}

void *mmap(void *address, size_t size, int protection, int flags, int fd,
           off_t at) {
  REAL(mmap);
  return FAILS(fd >= 0 ? KIND_FILE : KIND_ALLOC, "mmap")
             ? MAP_FAILED
             : real_(address, size, protection, flags, fd, at);
}

/* ---- SQLite -------------------------------------------------------------- */

int sqlite3_step(sqlite3_stmt *stmt) {
  REAL(sqlite3_step);
  return FAILS(KIND_SQL, "sqlite3_step") ? plan.code : real_(stmt);
}

int sqlite3_prepare_v2(sqlite3 *db, const char *sql, int size,
                       sqlite3_stmt **out, const char **rest) {
  REAL(sqlite3_prepare_v2);
  if (!FAILS(KIND_SQL, "sqlite3_prepare_v2"))
    return real_(db, sql, size, out, rest);
  *out = NULL;
  return plan.code;
}

int sqlite3_prepare_v3(sqlite3 *db, const char *sql, int size, unsigned flags,
                       sqlite3_stmt **out, const char **rest) {
  REAL(sqlite3_prepare_v3);
  if (!FAILS(KIND_SQL, "sqlite3_prepare_v3"))
    return real_(db, sql, size, flags, out, rest);
  *out = NULL;
  return plan.code;
}

int sqlite3_open_v2(const char *name, sqlite3 **out, int flags,
                    const char *vfs) {
  REAL(sqlite3_open_v2);
  int rc = real_(name, out, flags, vfs);
  return FAILS(KIND_SQL, "sqlite3_open_v2") ? plan.code : rc;
}

int sqlite3_exec(sqlite3 *db, const char *sql,
                 int (*each)(void *, int, char **, char **), void *arg,
                 char **message) {
  REAL(sqlite3_exec);
  return FAILS(KIND_SQL, "sqlite3_exec") ? plan.code
                                         : real_(db, sql, each, arg, message);
}

int sqlite3_bind_int64(sqlite3_stmt *stmt, int place, sqlite3_int64 value) {
  REAL(sqlite3_bind_int64);
  return FAILS(KIND_SQL, "sqlite3_bind_int64") ? plan.code
                                               : real_(stmt, place, value);
}

int sqlite3_bind_text(sqlite3_stmt *stmt, int place, const char *text, int size,
                      void (*done)(void *)) {
  REAL(sqlite3_bind_text);
  return FAILS(KIND_SQL, "sqlite3_bind_text")
             ? plan.code
             : real_(stmt, place, text, size, done);
}

int sqlite3_bind_blob64(sqlite3_stmt *stmt, int place, const void *data,
                        sqlite3_uint64 size, void (*done)(void *)) {
  REAL(sqlite3_bind_blob64);
  return FAILS(KIND_SQL, "sqlite3_bind_blob64")
             ? plan.code
             : real_(stmt, place, data, size, done);
}

int sqlite3_busy_timeout(sqlite3 *db, int ms) {
  REAL(sqlite3_busy_timeout);
  return FAILS(KIND_SQL, "sqlite3_busy_timeout") ? plan.code : real_(db, ms);
}

int sqlite3_wal_checkpoint_v2(sqlite3 *db, const char *name, int mode,
                              int *frames, int *done) {
  REAL(sqlite3_wal_checkpoint_v2);
  return FAILS(KIND_SQL, "sqlite3_wal_checkpoint_v2")
             ? plan.code
             : real_(db, name, mode, frames, done);
}

/* ---- other libraries -------------------------------------------------------
 *
 * What they give when they have no memory, which they often do not survive
 * themselves. Whatever the types of the arguments are, they are passed on as
 * words: all of these take integers and pointers alone. No more of them than
 * the function has: what lies on the stack is the caller's else, and may be
 * written back while another thread changes it (the semaphore by which libuv
 * waits for its pool lost posts that way). */

#define LIB(name, value)                                             \
  long name(long a, long b, long c, long d, long e, long f);         \
  long name(long a, long b, long c, long d, long e, long f) {        \
    REAL(name);                                                      \
    return FAILS(KIND_LIB, #name) ? value : real_(a, b, c, d, e, f); \
  }

#define LIB8(name, value)                                                     \
  long name(long a, long b, long c, long d, long e, long f, long g, long h);  \
  long name(long a, long b, long c, long d, long e, long f, long g, long h) { \
    REAL(name);                                                               \
    return FAILS(KIND_LIB, #name) ? value : real_(a, b, c, d, e, f, g, h);    \
  }

/* Texts are copied, which may fail; numbers and the rest are only kept. */
long curl_easy_setopt(void *easy, long option, const char *value);
long curl_easy_setopt(void *easy, long option, const char *value) {
  static const short texts[] = {2,   /* URL */
                                4,   /* PROXY */
                                5,   /* USERPWD */
                                7,   /* RANGE */
                                18,  /* USERAGENT */
                                22,  /* COOKIE */
                                36,  /* CUSTOMREQUEST */
                                62,  /* INTERFACE */
                                65,  /* CAINFO */
                                153, /* SSH_PRIVATE_KEYFILE */
                                173, /* USERNAME */
                                177, /* NOPROXY */
                                183, /* SSH_KNOWNHOSTS */
                                220, /* XOAUTH2_BEARER */
                                318, /* PROTOCOLS_STR */
                                319 /* REDIR_PROTOCOLS_STR */};
  REAL(curl_easy_setopt);
  for (size_t i = 0; value != NULL && i < sizeof texts / sizeof *texts; i++)
    if ((int)option == 10000 + texts[i] && FAILS(KIND_LIB, "curl_easy_setopt"))
      return 27;
  return real_(easy, option, value);
}

LIB(curl_easy_init, 0)
LIB(curl_easy_pause, 27) /* CURLE_OUT_OF_MEMORY */
LIB(curl_multi_init, 0)
LIB(curl_multi_add_handle, 3) /* CURLM_OUT_OF_MEMORY */
LIB(curl_multi_socket_action, 3)
LIB(curl_slist_append, 0)
LIB(curl_url, 0)
LIB(curl_url_set, 7) /* CURLUE_OUT_OF_MEMORY */
LIB(curl_url_get, 7)

LIB(uv_loop_init, -ENOMEM)
LIB(uv_async_init, -ENOMEM)
LIB(uv_signal_init, -ENOMEM)
LIB(uv_signal_start, -ENOMEM)
LIB(uv_poll_init, -ENOMEM)
LIB(uv_poll_init_socket, -ENOMEM)
LIB(uv_poll_start, -ENOMEM)
LIB(uv_pipe, -EMFILE)
LIB(uv_pipe_init, -ENOMEM)
LIB(uv_pipe_open, -ENOMEM)
LIB(uv_read_start, -ENOMEM)
LIB(uv_getaddrinfo, -ENOMEM)
LIB(uv_thread_create, -EAGAIN)
LIB(uv_mutex_init, -ENOMEM)
LIB(uv_cond_init, -ENOMEM)
LIB(uv_fs_open, -EMFILE)
LIB(uv_fs_read, -EIO)

LIB(EVP_MD_fetch, 0)
LIB(EVP_MD_CTX_new, 0)
LIB(EVP_DigestInit_ex, 0)
LIB(EVP_DigestUpdate, 0)
LIB(EVP_DigestFinal_ex, 0)
LIB(EVP_Digest, 0)
LIB(RAND_bytes, 0)

LIB(ZSTD_createCCtx, 0)
LIB(ZSTD_createDStream, 0)
LIB(ZSTD_CCtx_setParameter, -64) /* ZSTD_error_memory_allocation */
LIB(ZSTD_compressStream2, -64)
LIB(ZSTD_decompressStream, -64)
LIB8(deflateInit2_, -4) /* Z_MEM_ERROR */
LIB(inflateInit2_, -4)
LIB(inflate, -4)
LIB(BZ2_bzDecompressInit, -3) /* BZ_MEM_ERROR */
LIB(BZ2_bzDecompress, -3)
LIB(lzma_stream_decoder, 5) /* LZMA_MEM_ERROR */
LIB(lzma_code, 5)
LIB(XML_ParserCreateNS, 0)
LIB(iniparser_load, 0)
LIB(newterm, 0)
LIB(newpad, 0)

#endif
