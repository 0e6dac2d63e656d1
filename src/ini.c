/* SPDX-License-Identifier: MIT
 *
 * INI files, see ini.h. iniparser 4.1 lower-cases sections and keys, keeps the
 * last of two equal keys, takes a line break after a backslash away, and ends
 * an unquoted value at ';' or '#' wherever it stands. It takes no comment
 * behind a section's ']' and reads from a path only, so it is given a copy
 * without such comments. Its syntax errors come through a global hook, one line
 * of text each; the first is kept.
 */
#include "config.h"

#include "ini.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tempfile.h"

#ifdef HAVE_INIPARSER_INIPARSER_H
#include <iniparser/iniparser.h>
#else
#include <iniparser.h>
#endif

#define SECTION_MAX 128
#define KEY_MAX 128

struct seen {
  unsigned line;
  char *name; /* "section:key", as iniparser wants it */
};

struct scan {
  const char *path;
  struct errmsg *msg;
  char section[SECTION_MAX];
  struct seen *seen;
  size_t count;
};

/* ---- the bytes
 * --------------------------------------------------------------- */

static int read_whole(int fd, char *buf, size_t cap, size_t *len) {
  *len = 0;
  while (*len < cap) {
    ssize_t got = read(fd, buf + *len, cap - *len);
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      return err_from_errno(errno);
    if (got == 0)
      return 0;
    *len += (size_t)got;
  }
  return 0;
}

static int cannot_read(struct errmsg *msg, const char *path) {
  if (errno == ENOENT || errno == ENOTDIR)
    return err_set(msg, ERR_NOTFOUND, "%s: there is no such file", path);
  return err_set(msg, ERR_USAGE, "%s: cannot be read: %s", path,
                 strerror(errno));
}

/* The file's text with a NUL behind it; *out is the caller's to free. */
static int slurp(const char *path, char **out, struct errmsg *msg) {
  struct stat st;
  size_t len = 0;
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0)
    return cannot_read(msg, path);
  int rc = ERR_USAGE;
  char *buf = NULL;
  if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
    err_set(msg, rc, "%s: not a regular file", path);
    goto out;
  }
  if (st.st_size > (off_t)INI_MAX_BYTES) {
    rc = err_set(msg, ERR_TOOBIG, "%s: larger than 1 MB; no INI file is", path);
    goto out;
  }
  buf = malloc(INI_MAX_BYTES + 1);
  rc = buf == NULL ? err_set(msg, ERR_NOMEM, "out of memory")
                   : read_whole(fd, buf, INI_MAX_BYTES, &len);
  if (rc != 0)
    goto out;
  buf[len] = '\0';
  if (strlen(buf) != len)
    rc = err_set(msg, ERR_SYNTAX, "%s: not text: it holds a NUL byte", path);
out:
  close(fd);
  if (rc != 0) {
    free(buf);
    buf = NULL;
  }
  *out = buf;
  return rc;
}

/* ---- the scan
 * ---------------------------------------------------------------- */

static bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v';
}

/* Without locale: host names and options are ASCII. */
static char lower(char c) {
  return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Copies text without blanks at its ends, in lower case. */
static int copy_name(char *out, size_t cap, const char *text, size_t len) {
  while (len > 0 && is_blank(*text)) {
    text++;
    len--;
  }
  while (len > 0 && is_blank(text[len - 1]))
    len--;
  if (len == 0 || len >= cap)
    return ERR_SYNTAX;
  for (size_t i = 0; i < len; i++)
    out[i] = lower(text[i]);
  out[len] = '\0';
  return 0;
}

static int wrong(const struct scan *scan, unsigned line, const char *what) {
  return err_set(scan->msg, ERR_SYNTAX, "%s:%u: %s", scan->path, line, what);
}

static int scan_section(struct scan *scan, const char *text, size_t len,
                        unsigned line) {
  const char *end = memchr(text, ']', len);
  if (end == NULL)
    return wrong(scan, line, "the section's ']' is missing");
  if (copy_name(scan->section, sizeof scan->section, text + 1,
                (size_t)(end - text - 1)) != 0)
    return wrong(scan, line, "a section needs a name of at most 127 bytes");
  if (strchr(scan->section, ':') != NULL)
    return wrong(scan, line, "a colon may not stand in a section's name");
  const char *rest = end + 1;
  while (rest < text + len && is_blank(*rest))
    rest++;
  if (rest < text + len && *rest != ';' && *rest != '#')
    return wrong(scan, line, "only a comment may stand behind a section");
  return 0;
}

/* iniparser would cut "a;b" in two without a word. */
static bool is_cut(const char *value, size_t len) {
  while (len > 0 && is_blank(*value)) {
    value++;
    len--;
  }
  if (len == 0 || *value == '"' || *value == '\'')
    return false;
  for (size_t i = 1; i < len; i++)
    if (value[i] == ';' || value[i] == '#')
      return !is_blank(value[i - 1]);
  return false;
}

/* iniparser drops what stands behind a closing quote, and misses none. */
static const char *quote_fault(const char *value, size_t len) {
  const char *end = value + len;
  while (value < end && is_blank(*value))
    value++;
  if (end - value < 2 || (*value != '"' && *value != '\''))
    return NULL;
  const char *at = memchr(value + 1, *value, (size_t)(end - value) - 1);
  if (at == NULL)
    return "the closing quote is missing";
  for (at++; at < end && is_blank(*at);)
    at++;
  return at < end && *at != ';' && *at != '#'
             ? "only a comment may stand behind the closing quote"
             : NULL;
}

static int remember(struct scan *scan, const char *key, unsigned line) {
  char name[SECTION_MAX + KEY_MAX + 1];
  snprintf(name, sizeof name, "%s:%s", scan->section, key);
  for (size_t i = 0; i < scan->count; i++)
    if (strcmp(scan->seen[i].name, name) == 0)
      return err_set(scan->msg, ERR_SYNTAX,
                     "%s:%u: '%s' stands in [%s] already, in line %u",
                     scan->path, line, key, scan->section, scan->seen[i].line);
  struct seen *grown = realloc(scan->seen, (scan->count + 1) * sizeof *grown);
  if (grown == NULL)
    return err_set(scan->msg, ERR_NOMEM, "out of memory");
  scan->seen = grown;
  grown[scan->count] = (struct seen){.line = line, .name = strdup(name)};
  if (grown[scan->count].name == NULL)
    return err_set(scan->msg, ERR_NOMEM, "out of memory");
  scan->count++;
  return 0;
}

static int scan_key(struct scan *scan, const char *text, size_t len,
                    unsigned line) {
  char key[KEY_MAX];
  const char *equals = memchr(text, '=', len);
  if (equals == NULL)
    return wrong(scan, line, "neither [section] nor key = value");
  if (copy_name(key, sizeof key, text, (size_t)(equals - text)) != 0)
    return wrong(scan, line, "a key needs a name of at most 127 bytes");
  if (scan->section[0] == '\0')
    return wrong(scan, line,
                 "this key stands before any section; begin with [default]");
  size_t value_len = len - (size_t)(equals + 1 - text);
  if (is_cut(equals + 1, value_len))
    return wrong(scan, line,
                 "put a value that holds ';' or '#' between \"quotes\"");
  const char *fault = quote_fault(equals + 1, value_len);
  if (fault != NULL)
    return wrong(scan, line, fault);
  return remember(scan, key, line);
}

static int scan_line(struct scan *scan, const char *text, size_t len,
                     unsigned line) {
  if (len > INI_LINE)
    return wrong(scan, line, "longer than 1000 bytes");
  while (len > 0 && is_blank(*text)) {
    text++;
    len--;
  }
  while (len > 0 && is_blank(text[len - 1]))
    len--;
  if (len == 0 || *text == '#' || *text == ';')
    return 0;
  if (text[len - 1] == '\\')
    return wrong(scan, line, "a value must not go on in the next line");
  return *text == '[' ? scan_section(scan, text, len, line)
                      : scan_key(scan, text, len, line);
}

static int scan_text(struct scan *scan, const char *text) {
  unsigned line = 1;
  for (const char *at = text; *at != '\0'; line++) {
    size_t len = strcspn(at, "\n");
    int rc = scan_line(scan, at, len, line);
    if (rc != 0)
      return rc;
    at += len;
    if (*at == '\n')
      at++;
  }
  return 0;
}

static void scan_fini(struct scan *scan) {
  for (size_t i = 0; i < scan->count; i++)
    free(scan->seen[i].name);
  free(scan->seen);
}

/* ---- iniparser
 * --------------------------------------------------------------- */

static char parser_says[256];

static int PRINTF_LIKE(1, 2) keep_error(const char *fmt, ...) {
  if (parser_says[0] != '\0')
    return 0;
  va_list args;
  va_start(args, fmt);
  int len = vsnprintf(parser_says, sizeof parser_says, fmt, args);
  va_end(args);
  for (char *at = parser_says; *at != '\0'; at++)
    if (*at == '\n')
      *at = ' ';
  return len;
}

static dictionary *load(int fd, const char *path, struct errmsg *msg) {
  char name[32];
  snprintf(name, sizeof name, "/dev/fd/%d", fd);
  parser_says[0] = '\0';
  iniparser_set_error_callback(keep_error);
  dictionary *dict = iniparser_load(name);
  iniparser_set_error_callback(NULL);
  if (dict != NULL && parser_says[0] == '\0')
    return dict;
  err_set(msg, ERR_SYNTAX, "%s: %s", path,
          parser_says[0] != '\0' ? parser_says : "cannot be read");
  iniparser_freedict(dict);
  return NULL;
}

/* Comments behind sections become blanks; lines keep their numbers. */
static void blank_comments(char *text) {
  for (char *at = text; *at != '\0';) {
    size_t len = strcspn(at, "\n");
    size_t begin = strspn(at, " \t");
    char *end = begin < len && at[begin] == '[' ? memchr(at, ']', len) : NULL;
    if (end != NULL)
      memset(end + 1, ' ', len - (size_t)(end + 1 - at));
    at += len + (at[len] == '\n');
  }
}

static int parse(char *text, const char *path, dictionary **dict,
                 struct errmsg *msg) {
  blank_comments(text);
  int fd = tempfile_open();
  if (fd < 0)
    return err_set(msg, fd, "%s: no temporary file: %s", path, strerror(errno));
  int rc = tempfile_write(fd, text, strlen(text));
  if (rc == 0 && lseek(fd, 0, SEEK_SET) != 0)
    rc = ERR_IO;
  if (rc != 0)
    err_set(msg, rc, "%s: no temporary file: %s", path, strerror(errno));
  else
    *dict = load(fd, path, msg);
  close(fd);
  return rc != 0 ? rc : *dict != NULL ? 0 : ERR_SYNTAX;
}

static int deliver(const struct scan *scan, const dictionary *dict,
                   int (*each)(void *, const struct ini_entry *,
                               struct errmsg *),
                   void *arg) {
  for (size_t i = 0; i < scan->count; i++) {
    char section[SECTION_MAX];
    const char *name = scan->seen[i].name, *colon = strchr(name, ':');
    const char *value = iniparser_getstring(dict, name, NULL);
    if (value == NULL)
      return wrong(scan, scan->seen[i].line, "this line is not understood");
    snprintf(section, sizeof section, "%.*s", (int)(colon - name), name);
    struct ini_entry entry = {.file = scan->path,
                              .line = scan->seen[i].line,
                              .section = section,
                              .key = colon + 1,
                              .value = value};
    int rc = each(arg, &entry, scan->msg);
    if (rc != 0)
      return rc;
  }
  return 0;
}

int ini_read(const char *path,
             int (*each)(void *arg, const struct ini_entry *entry,
                         struct errmsg *msg),
             void *arg, struct errmsg *msg) {
  struct scan scan = {.path = path, .msg = msg};
  char *text = NULL;
  int rc = slurp(path, &text, msg);
  if (rc != 0)
    return rc;
  dictionary *dict = NULL;
  char *begin = text + (strncmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0);
  rc = scan_text(&scan, begin); /* without the byte order mark */
  if (rc == 0)
    rc = parse(begin, path, &dict, msg);
  if (rc == 0)
    rc = deliver(&scan, dict, each, arg);
  iniparser_freedict(dict);
  free(text);
  scan_fini(&scan);
  return rc;
}
