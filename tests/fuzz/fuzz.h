/* SPDX-License-Identifier: MIT
 *
 * What the fuzz targets share. A target is a function that takes any bytes and
 * aborts when a promise of the module under test is broken; libFuzzer calls it
 * (configure --enable-fuzzing) or driver.c does.
 *
 * Texts are given as blocks of their exact size, so that a sanitizer sees a
 * read behind their end. One thread.
 */
#ifndef SPATE_FUZZ_H
#define SPATE_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

/* Returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_NEED(promise) \
  ((promise) ? (void)0 : fuzz_broken(__FILE__, __LINE__, #promise))

__attribute__((noreturn)) static inline void
fuzz_broken(const char *file, int line, const char *promise) {
  fprintf(stderr, "%s:%d: broken promise: %s\n", file, line, promise);
  abort();
}

/* The first byte of the input, and the rest. */
static inline unsigned fuzz_byte(const uint8_t **data, size_t *size) {
  if (*size == 0)
    return 0;
  --*size;
  return *(*data)++;
}

static inline void *fuzz_alloc(size_t size) {
  void *block = malloc(size > 0 ? size : 1);
  if (block == NULL)
    exit(77); /* no memory on this machine: says nothing about the target */
  return block;
}

/* A terminated copy; NULs within become '?'. */
static inline char *fuzz_text(const uint8_t *data, size_t size) {
  char *text = fuzz_alloc(size + 1);
  for (size_t i = 0; i < size; i++)
    text[i] = data[i] != 0 ? (char)data[i] : '?';
  text[size] = '\0';
  return text;
}

static inline bool fuzz_is_utf8(const char *text, size_t length) {
  const utf8proc_uint8_t *at = (const utf8proc_uint8_t *)text;
  while (length > 0) {
    utf8proc_int32_t point;
    utf8proc_ssize_t n = utf8proc_iterate(at, (utf8proc_ssize_t)length, &point);
    if (n <= 0)
      return false;
    at += n;
    length -= (size_t)n;
  }
  return true;
}

static inline bool fuzz_is_control(unsigned char c) {
  return c < 0x20 || c == 0x7f;
}

/* A name that cannot leave the output directory, as names.h promises it. */
static inline void fuzz_need_safe_name(const char *name) {
  FUZZ_NEED(name[0] != '\0' && name[0] != '~');
  FUZZ_NEED(fuzz_is_utf8(name, strlen(name)));
  for (const char *at = name; at != NULL;) {
    size_t length = strcspn(at, "/");
    FUZZ_NEED(length > 0 && length <= 250); /* NAME_MAX less ".part" */
    FUZZ_NEED(strncmp(at, ".", length) != 0);
    FUZZ_NEED(strncmp(at, "..", length) != 0);
    FUZZ_NEED(at[length - 1] != '.' && at[length - 1] != ' ');
    for (size_t i = 0; i < length; i++) {
      unsigned char c = (unsigned char)at[i];
      FUZZ_NEED(!fuzz_is_control(c) && c != '\\');
      FUZZ_NEED(c != 0xc2 || (unsigned char)at[i + 1] >= 0xa0); /* C1 */
    }
    at = at[length] == '/' ? at + length + 1 : NULL;
  }
}

static inline uint64_t fuzz_hash(uint64_t hash, const void *bytes,
                                 size_t length) {
  const unsigned char *at = bytes;
  for (size_t i = 0; i < length; i++)
    hash = (hash ^ at[i]) * 0x100000001b3u;
  return hash * 31 + length;
}

#endif
