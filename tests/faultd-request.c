/* SPDX-License-Identifier: MIT
 *
 * Parsing of requests and queries, see faultd-request.h. Pure.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "faultd-request.h"

/* Cuts the next CRLF line off; *rest moves behind it. */
static char *cut_line(char **rest) {
  char *line = *rest;
  char *end = strstr(line, "\r\n");

  if (!end)
    return NULL;
  *end = '\0';
  *rest = end + 2;
  return line;
}

static int parse_start(char *line, struct request *req) {
  char *target = strchr(line, ' ');

  if (!target)
    return -1;
  *target++ = '\0';
  char *version = strchr(target, ' ');
  if (!version)
    return -1;
  *version++ = '\0';
  if (strncmp(version, "HTTP/1.", 7) != 0)
    return -1;
  req->method = line;
  /* The absolute form, as to a proxy (RFC 9112 section 3.2.2). */
  if (strncmp(target, "http://", 7) == 0)
    target += 7 + strcspn(target + 7, "/");
  req->target = target;
  req->head = strcmp(line, "HEAD") == 0;
  req->get = strcmp(line, "GET") == 0;
  req->close = version[7] == '0';
  return 0;
}

static int parse_header(char *line, struct request *req) {
  char *value = strchr(line, ':');

  if (!value || req->count == REQUEST_HEADERS)
    return -1;
  *value++ = '\0';
  value += strspn(value, " \t");
  req->header[req->count].name = line;
  req->header[req->count].value = value;
  req->count++;
  if (strcasecmp(line, "Connection") == 0 && strcasecmp(value, "close") == 0)
    req->close = true;
  if (strcasecmp(line, "Content-Length") == 0)
    req->body_len = strtoull(value, NULL, 10);
  return 0;
}

int request_parse(char *data, size_t len, struct request *req) {
  if (!data)
    return 0;
  char *end = memmem(data, len, "\r\n\r\n", 4);
  if (!end)
    return len >= REQUEST_MAX ? -1 : 0;
  if (memchr(data, 0, (size_t)(end - data)))
    return -1;
  end[2] = '\0'; /* keeps the CRLF of the last line for cut_line() */
  *req = (struct request){.body_len = 0};
  char *rest = data;
  char *line = cut_line(&rest);
  if (!line || parse_start(line, req) < 0)
    return -1;
  while (*rest) {
    line = cut_line(&rest);
    if (!line || parse_header(line, req) < 0)
      return -1;
  }
  return (int)(end + 4 - data);
}

const char *request_header(const struct request *req, const char *name) {
  for (size_t i = 0; i < req->count; i++)
    if (strcasecmp(req->header[i].name, name) == 0)
      return req->header[i].value;
  return NULL;
}

int64_t behave_number(const char *text, const char **end) {
  char *stop;
  unsigned long long n = strtoull(text, &stop, 10);
  int shift = 0;

  if (stop == text || *text == '-')
    return -1;
  if (*stop == 'k' || *stop == 'K')
    shift = 10;
  else if (*stop == 'M')
    shift = 20;
  else if (*stop == 'G')
    shift = 30;
  if (shift)
    stop++;
  *end = stop;
  return n > (unsigned long long)(INT64_MAX >> shift) ? -1
                                                      : (int64_t)(n << shift);
}

static int hex(char c) {
  if (c >= '0' && c <= '9')
    return c - '0';
  c |= 0x20;
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void percent_decode(char *text) {
  char *out = text;

  for (; *text; text++) {
    int high = text[0] == '%' ? hex(text[1]) : -1;
    int low = high >= 0 ? hex(text[2]) : -1;
    if (low >= 0) {
      *out++ = (char)(high * 16 + low);
      text += 2;
    } else {
      *out++ = *text;
    }
  }
  *out = '\0';
}

enum kind { NUM, STR };

static const struct option {
  const char *name;
  enum kind kind;
  size_t offset;
} options[] = {
#define BEHAVE_ROW(name, kind) {#name, kind, offsetof(struct behave, name)},
    BEHAVE_TABLE(BEHAVE_ROW)
#undef BEHAVE_ROW
};

#define OPTIONS (sizeof options / sizeof options[0])

static const struct option *find(char *name) {
  if (strcmp(name, "1xx") == 0)
    return find((char[]){"early"});
  for (char *p = name; *p; p++)
    if (*p == '-')
      *p = '_';
  for (size_t i = 0; i < OPTIONS; i++)
    if (strcmp(options[i].name, name) == 0)
      return &options[i];
  return NULL;
}

static int assign(struct behave *b, const struct option *o, char *value) {
  char *field = (char *)b + o->offset;

  if (o->kind == STR) {
    percent_decode(value);
    memcpy(field, &value, sizeof value);
    return 0;
  }
  const char *end = value;
  int64_t n = behave_number(value, &end);
  if (n < 0 || *end)
    return -1;
  memcpy(field, &n, sizeof n);
  return 0;
}

static void clear(struct behave *b, const struct option *o) {
  static const int64_t absent = -1;
  char *const none = NULL;
  char *field = (char *)b + o->offset;

  if (o->kind == STR)
    memcpy(field, &none, sizeof none);
  else
    memcpy(field, &absent, sizeof absent);
}

const char *behave_parse(char *query, struct behave *b) {
  static char one[] = "1";

  for (size_t i = 0; i < OPTIONS; i++)
    clear(b, &options[i]);
  while (query && *query) {
    char *name = query;
    char *end = strchr(query, '&');
    query = end ? end + 1 : NULL;
    if (end)
      *end = '\0';
    char *value = strchr(name, '=');
    if (value)
      *value++ = '\0';
    const struct option *o = find(name);
    /* Signatures, tokens and the like are no concern of this server. */
    if (!o && (strncmp(name, "X_", 2) == 0 || strncmp(name, "x_", 2) == 0))
      continue;
    if (!o || assign(b, o, value ? value : one) < 0)
      return name;
  }
  return NULL;
}

void behave_no_faults(struct behave *b) {
  for (size_t i = 0; i < OPTIONS; i++)
    if (options[i].offset >= offsetof(struct behave, status))
      clear(b, &options[i]);
}

bool behave_has_fault(const struct behave *b) {
  return b->status >= 0 || b->reset >= 0 || b->truncate >= 0 || b->stall >= 0 ||
         b->badchunk >= 0 || b->longer >= 0 || b->empty > 0 || b->wrong > 0 ||
         b->corrupt >= 0 || b->endless_headers > 0 || b->endless > 0;
}
