/* SPDX-License-Identifier: MIT
 *
 * Identity of sources and of the machine's boot; see source.h.
 */
#include "config.h"

#include "source.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#ifdef HAVE_SYS_SYSCTL_H
#include <sys/sysctl.h>
#include <sys/time.h>
#endif

#define SAMPLE ((int64_t)16 * 1024)
#define SAMPLES 20

static const char *const kind_names[] = {"file", "stream", "args"};

const char *source_kind_name(enum source_kind kind) {
  return kind_names[kind];
}

enum source_kind source_kind_parse(const char *name) {
  for (size_t i = 0; name != NULL && i < sizeof kind_names / sizeof *kind_names;
       i++)
    if (strcmp(name, kind_names[i]) == 0)
      return (enum source_kind)i;
  return SOURCE_FILE;
}

const char *source_name(const struct source *source) {
  if (source->kind == SOURCE_STREAM && *source->path == '\0')
    return "standard input";
  if (source->kind == SOURCE_ARGS)
    return "command line";
  return source->path;
}

int64_t source_guess(const struct source *source) {
  if (source->ended)
    return (int64_t)source->tasks;
  if (source->kind != SOURCE_FILE || source->bytes == 0)
    return -1;
  double share = (double)source->identity.size / (double)source->bytes;
  return (int64_t)((double)source->tasks * (share > 1 ? share : 1));
}

static int sample(int fd, int64_t offset, char *block, EVP_MD_CTX *md) {
  int64_t have = 0;
  while (have < SAMPLE) {
    ssize_t n = pread(fd, block + have, (size_t)(SAMPLE - have),
                      (off_t)(offset + have));
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return err_from_errno(errno);
    if (n == 0)
      break;
    have += n;
  }
  return EVP_DigestUpdate(md, block, (size_t)have) == 1 ? 0 : ERR_NOMEM;
}

int source_identify(int fd, struct source_identity *identity) {
  struct stat st;
  if (fstat(fd, &st) < 0)
    return err_from_errno(errno);
  identity->size = st.st_size;
  identity->mtime_ns =
      (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
  EVP_MD_CTX *md = EVP_MD_CTX_new();
  char *block = malloc((size_t)SAMPLE);
  int rc = md == NULL || block == NULL ||
                   EVP_DigestInit_ex(md, EVP_sha256(), NULL) != 1
               ? ERR_NOMEM
               : 0;
  int64_t span = st.st_size > SAMPLE ? st.st_size - SAMPLE : 0;
  int64_t step = span / (SAMPLES - 1);
  if (step < SAMPLE)
    step = SAMPLE;
  for (int64_t at = 0; rc == 0 && at < span; at += step)
    rc = sample(fd, at, block, md);
  if (rc == 0)
    rc = sample(fd, span, block, md);
  if (rc == 0 && EVP_DigestFinal_ex(md, identity->digest, NULL) != 1)
    rc = ERR_NOMEM;
  free(block);
  EVP_MD_CTX_free(md);
  return rc;
}

bool source_same(const struct source_identity *a,
                 const struct source_identity *b) {
  return a->size == b->size && a->mtime_ns == b->mtime_ns &&
         memcmp(a->digest, b->digest, sizeof a->digest) == 0;
}

/* ---- boot id ----------------------------------------------------------- */

static bool boot_text(char *text, size_t cap) {
#ifdef __linux__
  int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return false;
  ssize_t n = read(fd, text, cap - 1);
  close(fd);
  if (n < 36)
    return false;
  text[36] = '\0';
  return true;
#elif defined(HAVE_SYS_SYSCTL_H) && defined(KERN_BOOTTIME)
  struct timeval boot;
  size_t size = sizeof boot;
  int name[] = {CTL_KERN, KERN_BOOTTIME};
  if (sysctl(name, 2, &boot, &size, NULL, 0) != 0)
    return false;
  snprintf(text, cap, "boottime-%lld", (long long)boot.tv_sec);
  return true;
#else
  (void)text;
  (void)cap;
  return false;
#endif
}

uint64_t boot_id(char *text, size_t cap) {
  if (cap < 40 || !boot_text(text, cap)) {
    snprintf(text, cap, "unknown");
    return 0;
  }
  uint64_t hash = UINT64_C(14695981039346656037);
  for (const char *p = text; *p != '\0'; p++)
    hash = (hash ^ (unsigned char)*p) * UINT64_C(1099511628211);
  return hash == 0 ? 1 : hash;
}
