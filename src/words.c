/* SPDX-License-Identifier: MIT
 *
 * Words of the command line into task lines. Mistakes are found here, where
 * the word can be named, and not as a failed look-up of a host called
 * "resum". The starting thread alone.
 */
#include "config.h"

#include "words.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "names.h"
#include "redact.h"
#include "subcommand.h"
#include "url.h"

#define SCHEME_PRESUMED "http://"

static int not_a_url(const char *word, struct errmsg *msg) {
  if (strcmp(word, "help") == 0)
    return err_set(msg, ERR_USAGE,
                   "'help' is no URL; did you mean 'spate "
                   "--help'?");
  const char *command = subcommand_nearest(word);
  if (command != NULL)
    return err_set(msg, ERR_USAGE,
                   "'%s' is no URL; did you mean 'spate %s'? (It must be the "
                   "first argument.)",
                   word, command);
  return err_set(msg, ERR_USAGE,
                 "'%s' is no URL; it should look like https://host/file", word);
}

/* A word without "://" that can only be meant as a URL. */
static int check_bare(const char *word, struct errmsg *msg) {
  if (access(word, F_OK) == 0)
    return err_set(msg, ERR_USAGE,
                   "'%s' is a file; to fetch the URLs in it: spate -i %s", word,
                   word);
  size_t host = strcspn(word, "/?#");
  bool is_host = memchr(word, '.', host) != NULL ||
                 memchr(word, ':', host) != NULL ||
                 (host == 9 && strncmp(word, "localhost", 9) == 0);
  return is_host && host > 0 ? 0 : not_a_url(word, msg);
}

static int check_url(const char *url, unsigned allow, struct errmsg *msg) {
  struct url_parts parts;
  char shown[256];
  int rc = url_split(url, allow, &parts);
  if (rc == 0)
    return 0;
  redact_url(url, shown, sizeof shown);
  return err_set(msg, ERR_USAGE, "'%s': %s", shown,
                 parts.why != NULL ? parts.why : err_text(rc));
}

/* One line; the caller's to free. */
static char *join(const char *scheme, const char *word, const char *out_name) {
  size_t size = strlen(scheme) + strlen(word) + 2 +
                (out_name != NULL ? strlen(out_name) : 0);
  char *line = malloc(size);
  if (line != NULL)
    snprintf(line, size, "%s%s%s%s", scheme, word, out_name != NULL ? "\t" : "",
             out_name != NULL ? out_name : "");
  return line;
}

static int make_line(char **line, const char *word, const char *out_name,
                     unsigned allow, struct errmsg *msg) {
  bool bare = strstr(word, "://") == NULL;
  int rc = bare ? check_bare(word, msg) : 0;
  if (rc != 0)
    return rc;
  char *url = join(bare ? SCHEME_PRESUMED : "", word, NULL);
  if (url == NULL)
    return err_set(msg, ERR_NOMEM, "out of memory");
  rc = check_url(url, allow, msg);
  *line = rc == 0 ? join("", url, out_name) : NULL;
  if (rc == 0 && *line == NULL)
    rc = err_set(msg, ERR_NOMEM, "out of memory");
  free(url);
  return rc;
}

/* It would fail in this run and, kept by the session, in the next ones. */
static int check_name(const char *name, struct errmsg *msg) {
  char clean[NAME_CAP];
  if (strcmp(name, "-") == 0)
    return err_set(msg, ERR_USAGE,
                   "--out: '-' is no file: nothing is written to standard "
                   "output (a file of that name is ./-)");
  int rc = name_from_person(name, LAYOUT_FLAT, clean, sizeof clean);
  if (rc == 0)
    return 0;
  return err_set(msg, ERR_USAGE, "--out: '%.200s': %s%s", name, err_text(rc),
                 rc == ERR_UNSAFE ? "; -d names another" : "");
}

int word_lines_init(struct word_lines *lines, char *const *words, size_t count,
                    const char *out_name, unsigned allow, struct errmsg *msg) {
  lines->count = 0;
  lines->items = calloc(count + 1, sizeof *lines->items);
  if (lines->items == NULL)
    return err_set(msg, ERR_NOMEM, "out of memory");
  if (out_name != NULL && check_name(out_name, msg) != 0)
    return ERR_USAGE;
  for (size_t i = 0; i < count; i++) {
    int rc = make_line(&lines->items[i], words[i], out_name, allow, msg);
    if (rc != 0)
      return rc;
    lines->count++;
  }
  return 0;
}

int word_lines_checksum(struct word_lines *lines, const char *checksum,
                        struct errmsg *msg) {
  char *line = lines->items[0];
  size_t url = strcspn(line, "#\t"), tab = strcspn(line, "\t");
  size_t size = url + 1 + strlen(checksum) + strlen(line + tab) + 1;
  char *joined = malloc(size);
  if (joined == NULL)
    return err_set(msg, ERR_NOMEM, "out of memory");
  snprintf(joined, size, "%.*s#%s%s", (int)url, line, checksum, line + tab);
  free(line);
  lines->items[0] = joined;
  return 0;
}

void word_lines_fini(struct word_lines *lines) {
  for (size_t i = 0; i < lines->count; i++)
    free(lines->items[i]);
  free(lines->items);
  lines->items = NULL;
  lines->count = 0;
}
