/* SPDX-License-Identifier: MIT
 *
 * Output names and their safe opening.
 *
 * Every component, wherever it comes from, goes through clean_component(); a
 * name_open() checks the whole path again, so that a mistake elsewhere cannot
 * become an escape. Pure but for the opening; any thread.
 */
#include "config.h"

#include "names.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utf8proc.h>
#ifdef HAVE_LINUX_OPENAT2_H
#include <linux/openat2.h>
#include <sys/syscall.h>
#endif

#include "url.h"

#define PART_MOST 249 /* 255 less ".part" and the '_' before a device */
#define SUFFIX_MOST 16

/* ---- one component ------------------------------------------------------- */

static int hex_digit(char c) {
  if (c >= '0' && c <= '9')
    return c - '0';
  c = (char)(c | 0x20);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static size_t percent_decode(const char *in, size_t len, char *out) {
  size_t n = 0;
  for (size_t i = 0; i < len; i++) {
    int high = -1, low = -1;
    if (in[i] == '%' && i + 2 < len) {
      high = hex_digit(in[i + 1]);
      low = high < 0 ? -1 : hex_digit(in[i + 2]);
    }
    out[n++] = low < 0 ? in[i] : (char)(high * 16 + low);
    i += low < 0 ? 0 : 2;
  }
  return n;
}

/* Characters that hide or reorder others, or end lines: names must look like
 * what they are. Joiners stay, some scripts are spelled with them. */
static bool is_deceptive(int32_t c) {
  return (c >= 0x80 && c <= 0x9f) || c == 0x061c || c == 0x200b ||
         c == 0x200e || c == 0x200f || (c >= 0x2028 && c <= 0x202e) ||
         (c >= 0x2060 && c <= 0x206f) || c == 0xfeff ||
         (c >= 0xfff9 && c <= 0xfffb) || (c >= 0xe0000 && c <= 0xe007f);
}

/* In place: what may not stand in a component becomes '_'. */
static size_t replace_bad(char *s, size_t len) {
  size_t n = 0, i = 0;
  while (i < len) {
    unsigned char byte = (unsigned char)s[i];
    int32_t c = 0;
    utf8proc_ssize_t size = 1;
    bool bad = byte < 0x20 || byte == 0x7f || byte == '/' || byte == '\\';
    if (byte >= 0x80) {
      size = utf8proc_iterate((const unsigned char *)s + i,
                              (utf8proc_ssize_t)(len - i), &c);
      bad = size < 1 || is_deceptive(c);
    }
    size_t step = size < 1 ? 1 : (size_t)size;
    if (bad)
      s[n] = '_';
    else
      memmove(s + n, s + i, step);
    n += bad ? 1 : step;
    i += step;
  }
  return n;
}

/* Windows gives these names to devices, with any suffix. */
static bool is_device(const char *s, size_t len) {
  static const char *const device[] = {"con", "prn",    "aux",
                                       "nul", "conin$", "conout$"};
  const char *dot = memchr(s, '.', len);
  size_t base = dot ? (size_t)(dot - s) : len;
  while (base > 0 && s[base - 1] == ' ')
    base--;
  if (base < 3 || base > 7)
    return false;
  for (size_t i = 0; i < sizeof device / sizeof *device; i++)
    if (strlen(device[i]) == base && strncasecmp(s, device[i], base) == 0)
      return true;
  if (strncasecmp(s, "com", 3) != 0 && strncasecmp(s, "lpt", 3) != 0)
    return false;
  /* a digit, or one of the superscripts 1, 2 and 3 */
  return (base == 4 && s[3] >= '0' && s[3] <= '9') ||
         (base == 5 && s[3] == '\xc2' &&
          (s[4] == '\xb9' || s[4] == '\xb2' || s[4] == '\xb3'));
}

/* ".spate" in any case, also with characters in between that some file systems
 * pass over. */
static bool is_session_dir(const char *s, size_t len) {
  static const char session[] = ".spate";
  size_t n = 0;
  if (s[0] != '.' && !(s[0] & 0x80))
    return false;
  for (size_t i = 0; i < len; i++) {
    if (s[i] & 0x80)
      continue;
    if (n == sizeof session - 1 || (s[i] | 0x20) != (session[n] | 0x20))
      return false;
    n++;
  }
  return n == sizeof session - 1;
}

static size_t char_border(const char *s, size_t at) {
  while (at > 0 && ((unsigned char)s[at] & 0xc0) == 0x80)
    at--;
  return at;
}

/* Where the last suffix begins, or len when there is none worth keeping. */
static size_t suffix_start(const char *s, size_t len) {
  for (size_t i = len; i-- > 1 && len - i <= SUFFIX_MOST;)
    if (s[i] == '.')
      return i;
  return len;
}

static uint64_t fnv1a(const char *s, size_t len) {
  uint64_t h = 0xcbf29ce484222325u;
  for (size_t i = 0; i < len; i++)
    h = (h ^ (unsigned char)s[i]) * 0x100000001b3u;
  return h;
}

/* Too long: the middle goes, a hash of the whole comes, the suffix stays; so
 * that two long names that begin alike stay two. */
static size_t shorten(char *s, size_t len) {
  char tail[SUFFIX_MOST + 18];
  if (len <= PART_MOST)
    return len;
  size_t dot = suffix_start(s, len);
  int n =
      snprintf(tail, sizeof tail, "-%016llx%.*s",
               (unsigned long long)fnv1a(s, len), (int)(len - dot), s + dot);
  if (n < 0 || (size_t)n >= sizeof tail)
    return char_border(s, PART_MOST);
  size_t keep = char_border(s, PART_MOST - (size_t)n);
  memcpy(s + keep, tail, (size_t)n);
  return keep + (size_t)n;
}

/* Makes len > 0 bytes at s a component, in place; there must be room for one
 * byte more. Returns the new length. */
static size_t clean_component(char *s, size_t len) {
  len = replace_bad(s, len);
  len = shorten(s, len);
  for (size_t i = len; i > 0 && (s[i - 1] == '.' || s[i - 1] == ' '); i--)
    s[i - 1] = '_';
  if (s[0] == '~')
    s[0] = '_';
  if (is_session_dir(s, len))
    *(char *)memchr(s, '.', len) = '_';
  if (is_device(s, len)) {
    memmove(s + 1, s, len);
    s[0] = '_';
    len++;
  }
  return len;
}

/* ---- whole names --------------------------------------------------------- */

/* A path that grows; sized so that the longest URL fits before cleaning. */
struct path {
  char *out;
  size_t cap, len;
};

static int append_component(struct path *p, const char *part, size_t len) {
  if (p->len + len + 2 > p->cap)
    return ERR_TOOBIG;
  if (p->len > 0)
    p->out[p->len++] = '/';
  memcpy(p->out + p->len, part, len);
  p->len += len;
  p->out[p->len] = '\0';
  return 0;
}

#define RAW_CAP 8192

/* One segment of a URL's path. */
static int append_segment(struct path *p, const char *segment, size_t len) {
  char part[RAW_CAP + 1];
  if (len >= RAW_CAP)
    return ERR_TOOBIG;
  size_t n = percent_decode(segment, len, part);
  return append_component(p, part, clean_component(part, n));
}

static const EVP_MD *sha256;

static void fetch_sha256(void) {
  sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
}

/* "ab/cd/" before a name. */
static int prepend_folders(char *out, size_t cap) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  static const char hex[] = "0123456789abcdef";
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  size_t len = strlen(out);
  pthread_once(&once, fetch_sha256);
  if (!sha256 || !EVP_Digest(out, len, digest, &size, sha256, NULL))
    return ERR_NOMEM;
  if (len + 7 > cap)
    return ERR_TOOBIG;
  memmove(out + 6, out, len + 1);
  for (int i = 0; i < 2; i++) {
    out[i * 3] = hex[digest[i] >> 4];
    out[i * 3 + 1] = hex[digest[i] & 15];
    out[i * 3 + 2] = '/';
  }
  return 0;
}

static const char *find_last(const char *text, char c, size_t length) {
#ifdef HAVE_MEMRCHR
  return memrchr(text, c, length);
#else
  while (length > 0)
    if (text[--length] == c)
      return text + length;
  return NULL;
#endif
}

/* host or host_port, without user info. */
static int append_host(struct path *p, const char *host, const char *end) {
  char part[RAW_CAP + 1];
  const char *at = find_last(host, '@', (size_t)(end - host));
  if (at)
    host = at + 1;
  size_t len = (size_t)(end - host);
  if (len == 0)
    return ERR_SYNTAX;
  if (len >= RAW_CAP)
    return ERR_TOOBIG;
  for (size_t i = 0; i < len; i++) {
    char c = host[i];
    part[i] = (char)(c == ':' ? '_' : c >= 'A' && c <= 'Z' ? c | 0x20 : c);
  }
  return append_component(p, part, clean_component(part, len));
}

static int append_directories(struct path *p, const char *path,
                              const char *last) {
  while (path < last) {
    const char *slash = memchr(path, '/', (size_t)(last - path));
    int code = 0;
    if (slash > path)
      code = append_segment(p, path, (size_t)(slash - path));
    if (code < 0)
      return code;
    path = slash + 1;
  }
  return 0;
}

int name_from_url(const char *url, enum layout layout, char *out, size_t cap) {
  struct path p = {out, cap, 0};
  struct url_ascii ascii;
  if (layout == LAYOUT_PATH) /* one directory for a host, however typed */
    url = url_ascii(url, &ascii);
  const char *host = strstr(url, "://");
  int code = 0;
  if (!host || cap == 0)
    return ERR_SYNTAX;
  host += 3;
  const char *path = host + strcspn(host, "/?#");
  const char *end = path + strcspn(path, "?#");
  const char *last = find_last(path, '/', (size_t)(end - path));
  last = last ? last + 1 : end;
  if (layout == LAYOUT_PATH) {
    code = append_host(&p, host, path);
    if (code == 0)
      code = append_directories(&p, path, last);
  }
  if (code == 0 && last < end)
    code = append_segment(&p, last, (size_t)(end - last));
  else if (code == 0)
    code = append_component(&p, "index.html", 10);
  if (code == 0 && layout == LAYOUT_HASH)
    code = prepend_folders(out, cap);
  return code;
}

/* A component that a person wrote; "." and "" are passed over. */
static int append_given(struct path *p, const char *part, size_t len) {
  char copy[RAW_CAP + 1];
  if (len == 0 || (len == 1 && part[0] == '.'))
    return 0;
  if (len == 2 && memcmp(part, "..", 2) == 0)
    return ERR_UNSAFE;
  if (is_session_dir(part, len))
    return ERR_UNSAFE;
  if (len >= RAW_CAP)
    return ERR_TOOBIG;
  memcpy(copy, part, len);
  return append_component(p, copy, clean_component(copy, len));
}

int name_from_person(const char *given, enum layout layout, char *out,
                     size_t cap) {
  struct path p = {out, cap, 0};
  if (cap == 0)
    return ERR_TOOBIG;
  if (given[0] == '/' || (given[0] == '~' && strspn(given + 1, "/") > 0))
    return ERR_UNSAFE;
  out[0] = '\0';
  for (const char *part = given;;) {
    size_t len = strcspn(part, "/");
    int code = append_given(&p, part, len);
    if (code < 0)
      return code;
    if (part[len] == '\0' && (len == 0 || p.len == 0))
      return ERR_SYNTAX; /* nothing, or a directory where a file is meant */
    if (part[len] == '\0')
      break;
    part += len + 1;
  }
  return layout == LAYOUT_HASH ? prepend_folders(out, cap) : 0;
}

int name_from_server(const char *said, const char *name, enum layout layout,
                     char *out, size_t cap) {
  struct path p = {out, cap, 0};
  char leaf[RAW_CAP + 1];
  const char *slash;
  size_t len, skip = layout == LAYOUT_HASH && strlen(name) > 6 ? 6 : 0;
  for (const char *s = said; *s != '\0'; s++)
    if (*s == '/' || *s == '\\')
      said = s + 1;
  len = strlen(said);
  if (len == 0)
    return ERR_NOTFOUND;
  if (len >= RAW_CAP || cap == 0)
    return ERR_TOOBIG;
  memcpy(leaf, said, len);
  if (leaf[0] == '.')
    leaf[0] = '_';
  len = clean_component(leaf, len);
  slash = strrchr(name + skip, '/');
  out[0] = '\0';
  if (slash != NULL &&
      append_component(&p, name + skip, (size_t)(slash - name) - skip) != 0)
    return ERR_TOOBIG;
  if (append_component(&p, leaf, len) != 0)
    return ERR_TOOBIG;
  return layout == LAYOUT_HASH ? prepend_folders(out, cap) : 0;
}

int name_from_document(const char *said, char *out, size_t cap) {
  struct path p = {out, cap, 0};
  char part[RAW_CAP + 1];
  for (size_t len; *said != '\0'; said += len + (said[len] == '/')) {
    len = strcspn(said, "/");
    if (len == 0 || (len == 1 && said[0] == '.'))
      continue;
    if (len >= RAW_CAP)
      return ERR_TOOBIG;
    memcpy(part, said, len);
    if (part[0] == '.')
      part[0] = '_';
    if (append_component(&p, part, clean_component(part, len)) != 0)
      return ERR_TOOBIG;
  }
  return p.len > 0 ? 0 : ERR_NOTFOUND;
}

int name_numbered(const char *name, unsigned n, char *out, size_t cap) {
  char number[16];
  const char *slash = strrchr(name, '/');
  const char *leaf = slash ? slash + 1 : name;
  size_t before = (size_t)(leaf - name), len = strlen(leaf);
  size_t dot = suffix_start(leaf, len), keep = dot;
  int digits = snprintf(number, sizeof number, ".%u", n);
  size_t more = (size_t)digits + (len - dot);
  if (keep + more > PART_MOST && more < PART_MOST)
    keep = char_border(leaf, PART_MOST - more);
  if (before + keep + more + 1 > cap)
    return ERR_TOOBIG;
  memcpy(out, name, before + keep);
  memcpy(out + before + keep, number, (size_t)digits);
  memcpy(out + before + keep + (size_t)digits, leaf + dot, len - dot + 1);
  return 0;
}

/* ---- opening --------------------------------------------------------------
 */

/* Relative, and neither "", "." nor ".." among its components. */
static bool is_contained(const char *name) {
  if (strlen(name) >= NAME_CAP)
    return false;
  for (const char *part = name;; part++) {
    size_t len = strcspn(part, "/");
    if (len == 0 || (len <= 2 && memcmp(part, "..", len) == 0))
      return false;
    part += len;
    if (*part == '\0')
      return true;
  }
}

static atomic_bool no_openat2;

void names__no_openat2(bool off) {
  atomic_store(&no_openat2, off);
}

/* The system call; fails with ENOSYS where the slow way must be gone. */
static int open_beneath(int dirfd, const char *name, int flags, mode_t mode) {
#if defined HAVE_LINUX_OPENAT2_H && defined SYS_openat2
  if (!atomic_load_explicit(&no_openat2, memory_order_relaxed)) {
    bool makes = (flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE;
    struct open_how how = {
        .flags = (uint64_t)flags,
        .mode = makes ? mode : 0,
        .resolve =
            RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
    };
    long fd = syscall(SYS_openat2, dirfd, name, &how, sizeof how);
    /* Some containers answer EPERM to a call they do not know. Where it is
     * meant, the slow way says it again. */
    if (fd < 0 && (errno == EPERM || errno == EAGAIN))
      errno = ENOSYS;
    else if (fd < 0 && errno == ENOSYS)
      names__no_openat2(true);
    return (int)fd;
  }
#else
  (void)dirfd, (void)name, (void)flags, (void)mode;
#endif
  errno = ENOSYS;
  return -1;
}

#ifdef O_PATH
#define O_WALK (O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
#else
#define O_WALK (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
#endif

static int close_keeping_errno(int fd, int result) {
  int saved = errno;
  close(fd);
  errno = saved;
  return result;
}

/* Opens one directory below dirfd, making it if asked to. */
static int step_into(int dirfd, const char *part, bool make) {
  int fd = openat(dirfd, part, O_WALK);
  if (fd >= 0 || errno != ENOENT || !make)
    return fd;
  if (mkdirat(dirfd, part, 0777) < 0 && errno != EEXIST)
    return -1;
  return openat(dirfd, part, O_WALK);
}

/* Component by component, each opened by its bare name and never through a
 * link: nobody can exchange a directory for a link in between. Returns the
 * descriptor of the last directory, which may be dirfd itself. */
static int walk(int dirfd, const char *name, bool make, const char **leaf) {
  int at = dirfd;
  for (;;) {
    char part[256];
    size_t len = strcspn(name, "/");
    if (name[len] == '\0')
      break;
    if (len >= sizeof part) {
      errno = ENAMETOOLONG;
      return at == dirfd ? -1 : close_keeping_errno(at, -1);
    }
    memcpy(part, name, len);
    part[len] = '\0';
    int next = step_into(at, part, make);
    if (at != dirfd)
      close_keeping_errno(at, 0);
    if (next < 0)
      return -1;
    at = next;
    name += len + 1;
  }
  *leaf = name;
  return at;
}

static int walk_open(int dirfd, const char *name, int flags, mode_t mode,
                     bool make_dirs) {
  const char *leaf = name;
  int dir = walk(dirfd, name, make_dirs, &leaf);
  if (dir < 0)
    return -1;
  int fd = openat(dir, leaf, flags, mode);
  return dir == dirfd ? fd : close_keeping_errno(dir, fd);
}

/* EXDEV is openat2's word for an attempt to leave the directory. */
static int open_error(void) {
  return errno == EXDEV ? ERR_UNSAFE : err_from_errno(errno);
}

int name_open(int dirfd, const char *name, int flags, mode_t mode,
              bool make_dirs) {
  if (!is_contained(name)) {
    errno = EINVAL;
    return ERR_UNSAFE;
  }
  flags |= O_CLOEXEC | O_NOFOLLOW;
  int fd = open_beneath(dirfd, name, flags, mode);
  if (fd < 0 &&
      (errno == ENOSYS || (errno == ENOENT && make_dirs && strchr(name, '/'))))
    fd = walk_open(dirfd, name, flags, mode, make_dirs);
  return fd < 0 ? open_error() : fd;
}

int name_open_parent(int dirfd, const char *name, bool make_dirs,
                     const char **leaf) {
  if (!is_contained(name)) {
    errno = EINVAL;
    return ERR_UNSAFE;
  }
  *leaf = name;
  int dir = walk(dirfd, name, make_dirs, leaf);
  if (dir < 0)
    return open_error();
  /* Not with O_PATH: a directory must be open for reading to be flushed. */
  int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (dir != dirfd)
    close_keeping_errno(dir, 0);
  return fd < 0 ? open_error() : fd;
}
