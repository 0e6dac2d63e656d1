/* SPDX-License-Identifier: MIT
 *
 * The `jsonl` format: a JSON object a line. Values are of the kind that their
 * name asks for: a number in quotes is no number. Blank lines and lines that
 * begin with # are passed over. Pure.
 */
#include "config.h"

#include <jansson.h>
#include <string.h>

#include "json_read.h"
#include "manifest_impl.h"

#define NO_LIST                                                \
  "a JSON list: write its objects one a line, as 'jq -c .[]' " \
  "prints them"

static const char *kind_of(const json_t *value) {
  switch (json_typeof(value)) {
  case JSON_OBJECT:
    return "an object";
  case JSON_ARRAY:
    return "a list";
  case JSON_STRING:
    return "text";
  case JSON_INTEGER:
  case JSON_REAL:
    return "a number";
  default:
    return "true or false";
  }
}

static int wrong_kind(struct manifest *m, const char *name, const json_t *value,
                      const char *right) {
  return manifest__fault(m, "%s: %s, where %s belongs", name, kind_of(value),
                         right);
}

static struct manifest_value text_of(const json_t *json) {
  return (struct manifest_value){json_string_value(json),
                                 json_string_length(json)};
}

static int set_urls(struct manifest *m, const json_t *value) {
  const json_t *url;
  size_t i;
  if (!json_is_array(value))
    return wrong_kind(m, "urls", value, "a list of URLs");
  json_array_foreach(value, i, url) {
    int rc = json_is_string(url) ? manifest__add_url(m, text_of(url))
                                 : wrong_kind(m, "urls", url, "a URL");
    if (rc < 0)
      return rc;
  }
  return 0;
}

/* Seconds may have a fraction; it is cut off. */
static int set_deadline(struct manifest *m, struct manifest_line *line,
                        const json_t *value) {
  if (json_is_integer(value))
    return manifest__set_number(m, line, FIELD_DEADLINE,
                                json_integer_value(value));
  double seconds = json_real_value(value);
  if (json_is_real(value) && seconds >= 0 && seconds < 1e12)
    return manifest__set_number(m, line, FIELD_DEADLINE, (int64_t)seconds);
  if (json_is_string(value))
    return manifest__set(m, line, FIELD_DEADLINE, text_of(value));
  return wrong_kind(m, "deadline", value, "a time");
}

static int set_field(struct manifest *m, struct manifest_line *line,
                     const char *name, const json_t *value) {
  enum manifest_field field = manifest__field(name, strlen(name));
  if (json_is_null(value))
    return 0;
  switch (field) {
  case FIELD_NONE:
    manifest__unknown(m, name, strlen(name));
    return 0;
  case FIELD_URLS:
    return set_urls(m, value);
  case FIELD_HEADERS:
    return manifest__add_headers_json(m, value);
  case FIELD_DEADLINE:
    return set_deadline(m, line, value);
  case FIELD_PRIORITY:
  case FIELD_SIZE:
  case FIELD_SPLIT:
    return json_is_integer(value)
               ? manifest__set_number(m, line, field, json_integer_value(value))
               : wrong_kind(m, name, value, "a whole number");
  default:
    return json_is_string(value) ? manifest__set(m, line, field, text_of(value))
                                 : wrong_kind(m, name, value, "text");
  }
}

static int set_all(struct manifest *m, struct manifest_line *line) {
  const char *name;
  json_t *value;
  json_object_foreach(m->record->json, name, value) {
    int rc = set_field(m, line, name, value);
    if (rc < 0)
      return rc;
  }
  return 0;
}

/* What jansson says, without the piece of the line that it quotes: there may
 * be a secret in it. */
static int not_json(struct manifest *m, const struct manifest_line *line,
                    const json_error_t *error, const char *text) {
  if (line->starved)
    return manifest__fault(m, "%s", err_text(ERR_NOMEM));
  if (text[strspn(text, " \t")] == '[')
    return manifest__fault(m, "%s", NO_LIST);
  if (strstr(error->text, "end of file expected") != NULL)
    return manifest__fault(m,
                           "something behind the object (column %d): one "
                           "object a line, without commas between them",
                           error->column);
  const char *near = strstr(error->text, " near ");
  int length =
      near != NULL ? (int)(near - error->text) : (int)strlen(error->text);
  return manifest__fault(m, "no JSON: %.*s (column %d)", length, error->text,
                         error->column);
}

static int parse(struct manifest *m, struct manifest_line *line, char *text,
                 size_t length) {
  json_error_t error;
  struct manifest_record *r = m->record;
  r->json = json_read(text, length,
                      JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL | JSON_DECODE_ANY,
                      &error, &line->starved);
  if (r->json == NULL)
    return not_json(m, line, &error, text);
  if (json_is_array(r->json))
    return manifest__fault(m, "%s", NO_LIST);
  if (!json_is_object(r->json))
    return manifest__fault(m, "it is %s, where an object {...} belongs",
                           json_is_null(r->json) ? "null" : kind_of(r->json));
  return set_all(m, line);
}

static int jsonl_next(struct manifest *m, struct manifest_line *line) {
  for (;;) {
    char *text;
    bool too_long;
    manifest__record(m, line);
    ptrdiff_t length = manifest__cut_line(m, line, &text, &too_long);
    if (length < 0)
      return 0;
    if (too_long)
      return manifest__too_long(line);
    while (length > 0 && manifest__is_blank(*text)) {
      text++;
      length--;
    }
    if (length > 0 && *text != '#')
      return manifest__close(m, line, parse(m, line, text, (size_t)length));
  }
}

const struct manifest_format manifest_jsonl = {"jsonl", jsonl_next, false};
