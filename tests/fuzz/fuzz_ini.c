/* SPDX-License-Identifier: MIT
 *
 * ini.c and settings.c: any file; keys are clean, each is told once, and what
 * options_dump() writes of what was taken is taken again.
 */
#include "config.h"

#include <unistd.h>

#include "fuzz.h"
#include "ini.h"
#include "settings.h"
#include "tempfile.h"

/* The readers want a path; one file serves all inputs. */
static const char *file_of(const void *data, size_t size) {
  static int fd = -1;
  static char path[40];
  if (fd < 0) {
    fd = tempfile_open();
    snprintf(path, sizeof path, "/dev/fd/%d", fd);
  }
  if (fd < 0 || ftruncate(fd, 0) != 0 || lseek(fd, 0, SEEK_SET) != 0 ||
      tempfile_write(fd, data, size) != 0)
    exit(77);
  return path;
}

static int each(void *arg, const struct ini_entry *entry, struct errmsg *msg) {
  unsigned *last = arg;
  (void)msg;
  FUZZ_NEED(entry->line > *last);
  *last = entry->line;
  FUZZ_NEED(entry->section[0] != '\0' && entry->key[0] != '\0');
  FUZZ_NEED(strchr(entry->section, ':') == NULL && entry->value != NULL);
  for (const char *c = entry->key; *c != '\0'; c++)
    FUZZ_NEED(*c < 'A' || *c > 'Z');
  return 0;
}

static int load(const char *path, struct options *options, struct errmsg *msg) {
  struct settings settings;
  settings_init(&settings);
  options_init(options);
  int code = settings_load(&settings, options,
                           &(struct settings_source){.given_path = path}, msg);
  settings_fini(&settings);
  return code;
}

static char *dump(const struct options *options, size_t *size) {
  char *text = NULL;
  FILE *file = open_memstream(&text, size);
  if (file == NULL)
    exit(77);
  options_dump(options, file);
  if (fclose(file) != 0)
    exit(77);
  return text;
}

/* What options are in force, written as a file and read again: the same, but
 * for secrets, of which a comment stands there. */
static void need_dump_reads(const struct options *options) {
  struct options again;
  struct errmsg msg = {""};
  size_t size = 0, size_again = 0;
  char *text = dump(options, &size);
  int code = load(file_of(text, size), &again, &msg);
  if (code != 0)
    fprintf(stderr, "%s\n", msg.text);
  FUZZ_NEED(code == 0);
  char *text_again = dump(&again, &size_again);
  FUZZ_NEED(strcmp(text, text_again) == 0 || strstr(text, "\n; ") != NULL);
  free(text_again);
  options_fini(&again);
  free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct options options;
  struct errmsg msg = {""};
  unsigned last = 0;
  const char *path = file_of(data, size);
  int code = ini_read(path, each, &last, &msg);
  FUZZ_NEED(code == 0 || msg.text[0] != '\0');
  int loaded = load(path, &options, &msg);
  FUZZ_NEED(code == 0 || loaded != 0);
  FUZZ_NEED(loaded == 0 || msg.text[0] != '\0');
  if (loaded == 0)
    need_dump_reads(&options);
  options_fini(&options);
  return 0;
}
