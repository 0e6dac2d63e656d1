/* SPDX-License-Identifier: MIT
 *
 * What a line may say besides its URL, in whatever form: the names of the
 * fields, what their values may be, and what the line's object is. Pure.
 */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "expiry.h"
#include "json_read.h"
#include "manifest_impl.h"
#include "pieces.h"
#include "redact.h"
#include "steps.h"
#include "url.h"

#define SHOWN 60 /* bytes of a value that a message shows */
#define SPLIT_MAX 1024
#define DEADLINE_MAX INT64_C(253402300799)  /* the end of the year 9999 */
#define MILLISECONDS INT64_C(1000000000000) /* no seconds any more */

static const char *const names[FIELD_NONE] = {
    [FIELD_URL] = "url",           [FIELD_URLS] = "urls",
    [FIELD_OUT] = "out",           [FIELD_DIR] = "dir",
    [FIELD_CHECKSUM] = "checksum", [FIELD_HEADERS] = "headers",
    [FIELD_PRIORITY] = "priority", [FIELD_DEADLINE] = "deadline",
    [FIELD_BODY] = "body",         [FIELD_METHOD] = "method",
    [FIELD_SIZE] = "size",         [FIELD_SPLIT] = "split",
    [FIELD_PIECES] = "pieces",     [FIELD_CHECK] = "check"};

static const struct {
  const char *type;
  size_t digits;
} digests[] = {{"md5", 32},     {"sha-1", 40},   {"sha-224", 56},
               {"sha-256", 64}, {"sha-384", 96}, {"sha-512", 128}};

enum manifest_field manifest__field(const char *name, size_t length) {
  int field = FIELD_URL;
  while (field < FIELD_NONE && (strlen(names[field]) != length ||
                                strncasecmp(names[field], name, length) != 0))
    field++;
  return (enum manifest_field)field;
}

void manifest__record(struct manifest *m, struct manifest_line *line) {
  struct manifest_record *r = m->record;
  manifest__begin(m, line);
  task_fields_init(&r->fields);
  r->said = false;
  r->used = 0;
  json_decref(r->json);
  r->json = NULL;
}

/* ---- faults ------------------------------------------------------------ */

static int wrong(struct manifest *m, enum manifest_field field,
                 struct manifest_value value, const char *right) {
  char shown[SHOWN + 4];
  size_t length = value.length < SHOWN ? value.length : SHOWN;
  for (size_t i = 0; i < length; i++) {
    unsigned char c = (unsigned char)value.text[i];
    shown[i] = c < 0x20 || c >= 0x7f ? '?' : (char)c;
  }
  snprintf(shown + length, 4, "%s", length < value.length ? "..." : "");
  return manifest__fault(m, "%s: '%s' is not %s", names[field], shown, right);
}

static bool has_control(struct manifest_value value) {
  for (size_t i = 0; i < value.length; i++) {
    unsigned char c = (unsigned char)value.text[i];
    if ((c < 0x20 && c != '\t') || c == 0x7f)
      return true;
  }
  return false;
}

/* ---- texts of our own -------------------------------------------------- */

/* Room in the record's memory; NULL: the line says too much. */
static char *room(struct manifest *m, size_t bytes) {
  struct manifest_record *r = m->record;
  if (bytes > sizeof r->text - r->used)
    return NULL;
  char *at = r->text + r->used;
  r->used += bytes;
  return at;
}

/* ---- URLs -------------------------------------------------------------- */

int manifest__add_url(struct manifest *m, struct manifest_value url) {
  struct manifest_record *r = m->record;
  if (strlen(url.text) != url.length)
    return manifest__fault(m, "a NUL byte in the URL");
  const char *why = manifest__url_fault(url.text);
  if (why != NULL)
    return manifest__fault(
        m, "%s%s", r->fields.mirror_count > 0 ? "another URL: " : "", why);
  for (size_t i = 0; i < r->fields.mirror_count; i++)
    if (strcmp(r->mirrors[i], url.text) == 0)
      return 0;
  if (r->fields.mirror_count == RECORD_MIRRORS)
    return manifest__fault(m, "more than %d URLs for one file", RECORD_MIRRORS);
  r->mirrors[r->fields.mirror_count++] = url.text;
  return 0;
}

/* The line's own URL goes before those of `urls`, whatever came first. */
static int set_url(struct manifest *m, struct manifest_value url) {
  struct manifest_record *r = m->record;
  size_t before = r->fields.mirror_count;
  int rc = manifest__add_url(m, url);
  if (rc < 0 || before == 0)
    return rc;
  size_t at = 0;
  while (strcmp(r->mirrors[at], url.text) != 0)
    at++;
  const char *first = r->mirrors[at];
  memmove(r->mirrors + 1, r->mirrors, at * sizeof *r->mirrors);
  r->mirrors[0] = first;
  return 0;
}

/* URLs with blanks between them. */
static int set_urls(struct manifest *m, struct manifest_value urls) {
  char *copy = room(m, urls.length + 1);
  if (copy == NULL)
    return manifest__fault(m, "urls: it says more than fits");
  memcpy(copy, urls.text, urls.length + 1);
  for (char *at = copy; *at != '\0';) {
    at += strspn(at, " \t\r\n");
    size_t length = strcspn(at, " \t\r\n");
    bool last = at[length] == '\0';
    at[length] = '\0';
    int rc = length > 0
                 ? manifest__add_url(m, (struct manifest_value){at, length})
                 : 0;
    if (rc < 0 || last)
      return rc;
    at += length + 1;
  }
  return 0;
}

/* ---- headers ----------------------------------------------------------- */

/* RFC 9110 section 5.6.2. */
static bool is_token(const char *text, size_t length) {
  static const char others[] = "!#$%&'*+-.^_`|~";
  for (size_t i = 0; i < length; i++) {
    char c = text[i];
    bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
                 (c >= 'A' && c <= 'Z');
    if (!plain && (c == '\0' || strchr(others, c) == NULL))
      return false;
  }
  return length > 0;
}

/* Those that say how the message itself is framed and which part of the file
 * is asked for. */
static bool is_ours(const char *name, size_t length) {
  static const char *const ours[] = {"Range",      "If-Range",
                                     "Connection", "Content-Length",
                                     "Expect",     "Transfer-Encoding"};
  for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
    if (strlen(ours[i]) == length && strncasecmp(ours[i], name, length) == 0)
      return true;
  return false;
}

int manifest__add_header(struct manifest *m, struct manifest_value header) {
  struct manifest_record *r = m->record;
  const char *colon = memchr(header.text, ':', header.length);
  if (colon == NULL || !is_token(header.text, (size_t)(colon - header.text)))
    return manifest__fault(m, "headers: one of them is not 'Name: value'");
  size_t name = (size_t)(colon - header.text);
  if (has_control(header))
    return manifest__fault(
        m, "headers: a line break or control character in '%.*s'", (int)name,
        header.text);
  if (is_ours(header.text, name))
    return manifest__fault(m, "headers: '%.*s' is set by spate itself",
                           (int)name, header.text);
  if (r->fields.header_count == RECORD_HEADERS)
    return manifest__fault(m, "headers: more than %d", RECORD_HEADERS);
  r->headers[r->fields.header_count++] = header.text;
  r->said = true;
  return 0;
}

int manifest__add_header_pair(struct manifest *m, const char *name,
                              struct manifest_value value) {
  size_t length = strlen(name) + 2 + value.length;
  char *text = room(m, length + 1);
  if (text == NULL)
    return manifest__fault(m, "headers: they say more than fits");
  int head = snprintf(text, length + 1, "%s: ", name);
  memcpy(text + head, value.text, value.length);
  text[length] = '\0';
  return manifest__add_header(m, (struct manifest_value){text, length});
}

static struct manifest_value text_of(const json_t *json) {
  return (struct manifest_value){json_string_value(json),
                                 json_string_length(json)};
}

int manifest__add_headers_json(struct manifest *m, const json_t *value) {
  static const char form[] =
      "headers: it is neither an object of names and texts nor a list of "
      "'Name: value'";
  const char *name;
  json_t *item;
  size_t i;
  int rc = 0;
  if (json_is_array(value)) {
    json_array_foreach(value, i, item) {
      if (rc == 0)
        rc = json_is_string(item) ? manifest__add_header(m, text_of(item))
                                  : manifest__fault(m, "%s", form);
    }
    return rc;
  }
  if (!json_is_object(value))
    return manifest__fault(m, "%s", form);
  json_object_foreach((json_t *)value, name, item) {
    if (rc == 0)
      rc = json_is_string(item)
               ? manifest__add_header_pair(m, name, text_of(item))
               : manifest__fault(m, "%s", form);
  }
  return rc;
}

/* In a table's cell: JSON as above, or a header a line. */
static int set_headers(struct manifest *m, struct manifest_line *line,
                       struct manifest_value value) {
  struct manifest_record *r = m->record;
  if (*value.text == '{' || *value.text == '[') {
    json_error_t error;
    json_decref(r->json);
    r->json = json_read(value.text, value.length, JSON_REJECT_DUPLICATES,
                        &error, &line->starved);
    if (line->starved)
      return manifest__fault(m, "%s", err_text(ERR_NOMEM));
    if (r->json == NULL)
      return manifest__fault(m, "headers: it begins as JSON, but is none");
    return manifest__add_headers_json(m, r->json);
  }
  char *copy = room(m, value.length + 1);
  if (copy == NULL)
    return manifest__fault(m, "headers: they say more than fits");
  memcpy(copy, value.text, value.length + 1);
  for (char *at = copy; *at != '\0';) {
    size_t length = strcspn(at, "\r\n");
    char *next = at + length + strspn(at + length, "\r\n");
    at[length] = '\0';
    int rc = manifest__add_header(m, (struct manifest_value){at, length});
    if (rc < 0)
      return rc;
    at = next;
  }
  return 0;
}

/* ---- the other fields -------------------------------------------------- */

static int set_checksum(struct manifest *m, struct manifest_value value) {
  struct manifest_record *r = m->record;
  const char *sign = memchr(value.text, '=', value.length);
  size_t type = sign != NULL ? (size_t)(sign - value.text) : 0;
  for (size_t i = 0; sign != NULL && i < sizeof digests / sizeof *digests;
       i++) {
    if (strlen(digests[i].type) != type ||
        strncasecmp(digests[i].type, value.text, type) != 0)
      continue;
    size_t digits = strspn(sign + 1, "0123456789abcdefABCDEF");
    if (digits != digests[i].digits || digits != value.length - type - 1)
      return manifest__fault(m, "checksum: %s has %zu hexadecimal digits",
                             digests[i].type, digests[i].digits);
    r->fields.checksum = value.text;
    r->said = true;
    return 0;
  }
  return wrong(m, FIELD_CHECKSUM, value,
               "TYPE=HEX with one of md5, sha-1, sha-224, sha-256, sha-384, "
               "sha-512");
}

static int set_pieces(struct manifest *m, struct manifest_value value) {
  if (strlen(value.text) != value.length || !pieces_valid(value.text))
    return wrong(m, FIELD_PIECES, value, "TYPE=LENGTH:BASE64");
  m->record->fields.pieces = value.text;
  m->record->said = true;
  return 0;
}

static int set_check(struct manifest *m, struct manifest_value value) {
  struct task_fields *fields = &m->record->fields;
  fields->check = body_check_find(value.text);
  if (strlen(value.text) != value.length || fields->check < 0)
    return wrong(m, FIELD_CHECK, value, "json, gzip or none");
  m->record->said = true;
  return 0;
}

static int set_method(struct manifest *m, struct manifest_value value) {
  static const char *const useless[] = {"HEAD", "CONNECT", "TRACE"};
  char *text = room(m, value.length + 1);
  if (text == NULL || value.length > 32 || !is_token(value.text, value.length))
    return wrong(m, FIELD_METHOD, value, "a method such as GET or POST");
  for (size_t i = 0; i <= value.length; i++) {
    char c = value.text[i];
    text[i] = c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
  }
  for (size_t i = 0; i < sizeof useless / sizeof *useless; i++)
    if (strcmp(useless[i], text) == 0)
      return wrong(m, FIELD_METHOD, value, "a method that brings a file");
  m->record->fields.method = text;
  m->record->said = true;
  return 0;
}

static int set_deadline(struct manifest *m, struct manifest_line *line,
                        struct manifest_value value) {
  if (strlen(value.text) != value.length ||
      expiry_parse_time(value.text, &line->deadline_unix) != 0)
    return wrong(m, FIELD_DEADLINE, value,
                 "a time: seconds since 1970, or as 2030-01-31T18:00:00Z");
  return 0;
}

static int parse_whole(struct manifest_value value, int64_t *number) {
  size_t sign = *value.text == '-';
  size_t digits = strspn(value.text + sign, "0123456789");
  errno = 0;
  *number = strtoll(value.text, NULL, 10);
  return digits > 0 && sign + digits == value.length && errno == 0 ? 0
                                                                   : ERR_SYNTAX;
}

static int set_number(struct manifest *m, struct manifest_line *line,
                      enum manifest_field field, int64_t number) {
  struct manifest_record *r = m->record;
  switch (field) {
  case FIELD_PRIORITY:
    line->priority = (int32_t)number;
    return number >= INT32_MIN && number <= INT32_MAX ? 0 : ERR_SYNTAX;
  case FIELD_DEADLINE:
    if (number >= MILLISECONDS)
      number /= 1000;
    line->deadline_unix = number;
    return number >= 0 && number <= DEADLINE_MAX ? 0 : ERR_SYNTAX;
  case FIELD_SIZE:
    r->fields.size = number;
    break;
  case FIELD_SPLIT:
    r->fields.split = (int)number;
    break;
  default:
    return manifest__fault(m, "%s: a number, where text belongs", names[field]);
  }
  r->said = true;
  int64_t least = field == FIELD_SPLIT ? 1 : 0;
  int64_t most = field == FIELD_SPLIT ? SPLIT_MAX : INT64_MAX;
  return number >= least && number <= most ? 0 : ERR_SYNTAX;
}

static const char *right_number(enum manifest_field field) {
  switch (field) {
  case FIELD_PRIORITY:
    return "a whole number of 32 bits";
  case FIELD_SIZE:
    return "a number of bytes";
  case FIELD_SPLIT:
    return "a whole number from 1 to 1024";
  default:
    return "a time in seconds since 1970";
  }
}

static int set_whole(struct manifest *m, struct manifest_line *line,
                     enum manifest_field field, struct manifest_value value) {
  int64_t number;
  if (strlen(value.text) == value.length && parse_whole(value, &number) == 0 &&
      set_number(m, line, field, number) == 0)
    return 0;
  return wrong(m, field, value, right_number(field));
}

int manifest__set_number(struct manifest *m, struct manifest_line *line,
                         enum manifest_field field, int64_t number) {
  char text[24];
  if (field != FIELD_PRIORITY && field != FIELD_DEADLINE &&
      field != FIELD_SIZE && field != FIELD_SPLIT)
    return set_number(m, line, field, number);
  if (set_number(m, line, field, number) == 0)
    return 0;
  snprintf(text, sizeof text, "%" PRId64, number);
  return wrong(m, field, (struct manifest_value){text, strlen(text)},
               right_number(field));
}

/* A name: what it may be below the output directory is judged later. */
static int set_name(struct manifest *m, const char **name,
                    enum manifest_field field, struct manifest_value value) {
  if (strlen(value.text) != value.length)
    return manifest__fault(m, "%s: a NUL byte in it", names[field]);
  *name = value.text;
  return 0;
}

int manifest__set(struct manifest *m, struct manifest_line *line,
                  enum manifest_field field, struct manifest_value value) {
  struct manifest_record *r = m->record;
  if (value.length == 0)
    return 0;
  switch (field) {
  case FIELD_URL:
    return set_url(m, value);
  case FIELD_URLS:
    return set_urls(m, value);
  case FIELD_OUT:
    return set_name(m, &line->out, field, value);
  case FIELD_DIR:
    return set_name(m, &line->dir, field, value);
  case FIELD_CHECKSUM:
    return set_checksum(m, value);
  case FIELD_PIECES:
    return set_pieces(m, value);
  case FIELD_CHECK:
    return set_check(m, value);
  case FIELD_HEADERS:
    return set_headers(m, line, value);
  case FIELD_DEADLINE:
    return set_deadline(m, line, value);
  case FIELD_METHOD:
    return set_method(m, value);
  case FIELD_BODY:
    r->fields.body = value.text;
    r->fields.body_length = value.length;
    r->said = true;
    return 0;
  case FIELD_PRIORITY:
  case FIELD_SIZE:
  case FIELD_SPLIT:
    return set_whole(m, line, field, value);
  case FIELD_NONE:
    break;
  }
  return 0;
}

/* ---- the whole --------------------------------------------------------- */

/* FNV-1a goes on with one more part of what an object is. */
static uint64_t mix(uint64_t hash, char tag, const char *bytes, size_t length) {
  const uint64_t prime = UINT64_C(0x100000001b3);
  hash = (hash ^ (unsigned char)tag) * prime;
  for (size_t i = 0; i < length; i++)
    hash = (hash ^ (unsigned char)bytes[i]) * prime;
  return hash ^ (hash >> 32);
}

/* Stable for ever, as url_object_hash64(), whose value it is for a line that
 * has neither directory nor method nor body. */
static uint64_t object_of(const struct manifest_line *line,
                          const struct task_fields *fields) {
  uint64_t hash = url_object_hash64(line->url, line->out);
  if (line->dir != NULL)
    hash = mix(hash, 'd', line->dir, strlen(line->dir));
  if (fields->method != NULL)
    hash = mix(hash, 'm', fields->method, strlen(fields->method));
  if (fields->body != NULL)
    hash = mix(hash, 'b', fields->body, fields->body_length);
  return hash == OBJECT_BAD ? 1 : hash;
}

/* What a method means by itself is not said, so that it makes no other
 * object. */
static void drop_usual_method(struct task_fields *fields) {
  const char *usual = fields->body != NULL ? "POST" : "GET";
  if (fields->method != NULL && strcmp(fields->method, usual) == 0)
    fields->method = NULL;
}

int manifest__close(struct manifest *m, struct manifest_line *line, int code) {
  struct manifest_record *r = m->record;
  struct task_fields *fields = &r->fields;
  if (fields->mirror_count > 0)
    line->url = r->mirrors[0];
  else if (code == 0)
    code = manifest__fault(m, "no URL: the field url is missing or empty");
  if (code < 0)
    return manifest__bad(line, m->why);
  drop_usual_method(fields);
  line->object = object_of(line, fields);
  if (--fields->mirror_count > 0)
    r->said = true;
  fields->mirrors = r->mirrors + 1;
  fields->headers = r->headers;
  if (r->said)
    line->fields = fields;
  return 1;
}
