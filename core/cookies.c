/* SPDX-License-Identifier: MIT
 *
 * Cookies of a file: see cookies.h. Matching is that of RFC 6265 sections
 * 5.1.3 and 5.1.4.
 */
#include "config.h"

#include "cookies.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "url.h"

#define FIELDS 7
#define FILE_MAX (16u << 20)

struct cookie {
  const char *domain, *path, *name, *value; /* into text */
  bool below;                               /* names below the domain too */
  bool secure;
  int64_t until; /* 0: as long as a session */
};

struct cookies {
  char *text;
  struct cookie *list;
  size_t count, cap;
};

void cookies_free(struct cookies *cookies) {
  if (cookies == NULL)
    return;
  free(cookies->text);
  free(cookies->list);
  free(cookies);
}

/* ---- reading ---------------------------------------------------------------
 */

static bool is_flag(const char *text, bool *flag) {
  *flag = strcasecmp(text, "TRUE") == 0;
  return *flag || strcasecmp(text, "FALSE") == 0;
}

static bool is_plain(const char *text) {
  for (; *text != '\0'; text++)
    if ((unsigned char)*text < ' ' || *text == 127 || *text == ';')
      return false;
  return true;
}

/* domain, whether for names below it, path, secure, expiry, name, value */
static bool read_fields(char *field[FIELDS], struct cookie *c) {
  char *end;
  c->domain = field[0] + (field[0][0] == '.');
  c->path = field[2];
  c->name = field[5];
  c->value = field[6];
  errno = 0;
  c->until = strtoll(field[4], &end, 10);
  return is_flag(field[1], &c->below) && is_flag(field[3], &c->secure) &&
         c->domain[0] != '\0' && c->path[0] == '/' && c->name[0] != '\0' &&
         end != field[4] && *end == '\0' && errno == 0 && is_plain(c->domain) &&
         is_plain(c->path) && is_plain(c->name) && is_plain(c->value);
}

static bool read_line(char *line, struct cookie *c) {
  static char none[] = "";
  char *field[FIELDS];
  size_t n = 0;
  for (char *at = line; at != NULL && n < FIELDS; n++) {
    field[n] = at;
    at = n < FIELDS - 1 ? strchr(at, '\t') : NULL;
    if (at != NULL)
      *at++ = '\0';
  }
  if (n == FIELDS - 1) /* without a value */
    field[n++] = none;
  return n == FIELDS && read_fields(field, c);
}

static int keep(struct cookies *cookies, const struct cookie *c) {
  if (cookies->count == cookies->cap) {
    size_t cap = cookies->cap > 0 ? 2 * cookies->cap : 64;
    struct cookie *grown = realloc(cookies->list, cap * sizeof(*grown));
    if (grown == NULL)
      return ERR_NOMEM;
    cookies->list = grown;
    cookies->cap = cap;
  }
  cookies->list[cookies->count++] = *c;
  return 0;
}

static int read_lines(struct cookies *cookies, const char *path,
                      struct errmsg *msg) {
  static const char http_only[] = "#HttpOnly_";
  unsigned number = 0;
  int code = 0;
  for (char *line = cookies->text, *next; line != NULL && code == 0;
       line = next) {
    struct cookie c;
    next = strchr(line, '\n');
    if (next != NULL)
      *next++ = '\0';
    line[strcspn(line, "\r")] = '\0';
    number++;
    if (strncmp(line, http_only, sizeof(http_only) - 1) == 0)
      line += sizeof(http_only) - 1;
    else if (line[0] == '#' || line[0] == '\0')
      continue;
    if (!read_line(line, &c))
      return err_set(msg, ERR_SYNTAX,
                     "%s:%u: no cookie as browsers export them: seven columns "
                     "divided by tabs",
                     path, number);
    code = keep(cookies, &c);
  }
  return code == 0 ? 0 : err_set(msg, code, "%s", err_text(code));
}

/* Longer paths first, else as they stand in the file: a stable order. */
static int by_path(const void *a, const void *b) {
  const struct cookie *x = a, *y = b;
  size_t left = strlen(x->path), right = strlen(y->path);
  if (left != right)
    return left > right ? -1 : 1;
  return (x->name > y->name) - (x->name < y->name);
}

static char *read_file(const char *path, struct errmsg *msg) {
  char *text = malloc(FILE_MAX + 1);
  FILE *file = fopen(path, "rbe");
  size_t length = 0;
  int code = 0;
  if (file != NULL && text != NULL)
    length = fread(text, 1, FILE_MAX + 1, file);
  if (file == NULL || text == NULL || ferror(file))
    code = err_set(msg, ERR_IO, "%s", strerror(errno));
  else if (length > FILE_MAX || memchr(text, '\0', length) != NULL)
    code = err_set(msg, ERR_SYNTAX, "'%s' is no file of cookies", path);
  if (file != NULL)
    fclose(file);
  if (code != 0) {
    free(text);
    return NULL;
  }
  text[length] = '\0';
  char *fit = realloc(text, length + 1);
  return fit != NULL ? fit : text;
}

int cookies_read(struct cookies **out, const char *path, struct errmsg *msg) {
  struct cookies *cookies = calloc(1, sizeof(*cookies));
  int code;
  *out = NULL;
  if (cookies == NULL)
    return err_set(msg, ERR_NOMEM, "%s", err_text(ERR_NOMEM));
  cookies->text = read_file(path, msg);
  code = cookies->text != NULL ? read_lines(cookies, path, msg) : ERR_IO;
  if (code != 0) {
    cookies_free(cookies);
    return code;
  }
  if (cookies->count > 0)
    qsort(cookies->list, cookies->count, sizeof(*cookies->list), by_path);
  *out = cookies;
  return 0;
}

/* ---- which belong to a request ---------------------------------------------
 */

static bool is_address(const char *host) {
  return host[0] == '[' || host[strspn(host, "0123456789.")] == '\0';
}

static bool fits_domain(const struct cookie *c, const char *host) {
  size_t length = strlen(host), tail = strlen(c->domain);
  if (strcasecmp(host, c->domain) == 0)
    return true;
  return c->below && !is_address(host) && length > tail &&
         host[length - tail - 1] == '.' &&
         strcasecmp(host + length - tail, c->domain) == 0;
}

static bool fits_path(const struct cookie *c, const char *path, size_t length) {
  size_t n = strlen(c->path);
  if (length < n || memcmp(path, c->path, n) != 0)
    return false;
  return length == n || c->path[n - 1] == '/' || path[n] == '/';
}

bool cookies_for(const struct cookies *cookies, const char *url,
                 int64_t now_unix, struct bytes *out) {
  struct url_parts parts;
  const char *path;
  bool secure;
  bytes_clear(out);
  if (url_split(url, PROTOCOL_USUAL, &parts) != 0)
    return false;
  secure = strncasecmp(url, "https:", 6) == 0;
  path = parts.path_len > 0 ? url + parts.path : "/";
  for (size_t i = 0; i < cookies->count; i++) {
    const struct cookie *c = &cookies->list[i];
    size_t more = strlen(c->name) + strlen(c->value) + 3;
    if ((c->secure && !secure) || (c->until > 0 && c->until <= now_unix) ||
        !fits_domain(c, parts.host) ||
        !fits_path(c, path, parts.path_len > 0 ? parts.path_len : 1) ||
        out->len + more > COOKIES_HEADER_MAX)
      continue;
    bytes_printf(out, "%s%s=%s", out->len > 0 ? "; " : "", c->name, c->value);
  }
  if (out->len == 0)
    return false;
  bytes_add(out, "", 1);
  return out->failed == 0;
}
