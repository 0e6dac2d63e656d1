/* SPDX-License-Identifier: MIT
 *
 * A task as a line of a manifest: see manifest_write.h.
 */
#include "config.h"

#include "manifest_write.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "json_read.h"
#include "steps.h"

/* The length of the character at text; 0: it is none. */
static size_t character(const char *text, size_t left) {
  utf8proc_int32_t code;
  utf8proc_ssize_t n = utf8proc_iterate((const utf8proc_uint8_t *)text,
                                        (utf8proc_ssize_t)left, &code);
  return n > 0 ? (size_t)n : 0;
}

/* Text for JSON; what is no UTF-8 becomes %XX or, in a name, '_'. */
static json_t *repaired(const char *text, bool is_name) {
  static const char hex[] = "0123456789ABCDEF";
  size_t length = strlen(text), used = 0;
  char *good = malloc(3 * length + 1);
  if (good == NULL)
    return NULL;
  for (size_t at = 0, n; at<length; at += n> 0 ? n : 1) {
    n = character(text + at, length - at);
    if (n > 0) {
      memcpy(good + used, text + at, n);
      used += n;
    } else if (is_name) {
      good[used++] = '_';
    } else {
      good[used++] = '%';
      good[used++] = hex[(unsigned char)text[at] >> 4];
      good[used++] = hex[(unsigned char)text[at] & 15];
    }
  }
  json_t *value = json_stringn(good, used);
  free(good);
  return value;
}

static int put(json_t *o, const char *name, json_t *value) {
  return json_object_set_new(o, name, value);
}

static int put_list(json_t *o, const char *name, const char *const *items,
                    size_t count) {
  json_t *list = json_array();
  int failed = 0;
  for (size_t i = 0; i < count; i++)
    failed |= json_array_append_new(list, repaired(items[i], false));
  return put(o, name, list) | failed;
}

static int put_fields(json_t *o, const struct task_fields *f) {
  int failed = 0;
  if (f->mirror_count > 0)
    failed |= put_list(o, "urls", f->mirrors, f->mirror_count);
  if (f->header_count > 0)
    failed |= put_list(o, "headers", f->headers, f->header_count);
  if (f->method != NULL)
    failed |= put(o, "method", json_string(f->method));
  if (f->body != NULL)
    failed |= put(o, "body", json_stringn(f->body, f->body_length));
  if (f->checksum != NULL)
    failed |= put(o, "checksum", json_string(f->checksum));
  if (f->pieces != NULL)
    failed |= put(o, "pieces", json_string(f->pieces));
  if (f->size >= 0)
    failed |= put(o, "size", json_integer(f->size));
  if (f->check >= 0)
    failed |= put(o, "check",
                  json_string(body_check_name((enum body_check)f->check)));
  if (f->split > 0)
    failed |= put(o, "split", json_integer(f->split));
  return failed;
}

static int put_all(json_t *o, const struct manifest_line *line) {
  int failed = put(o, "url", repaired(line->url, false));
  if (line->out != NULL)
    failed |= put(o, "out", repaired(line->out, true));
  if (line->dir != NULL)
    failed |= put(o, "dir", repaired(line->dir, true));
  if (line->priority != 0)
    failed |= put(o, "priority", json_integer(line->priority));
  if (line->deadline_unix != INT64_MAX)
    failed |= put(o, "deadline", json_integer(line->deadline_unix));
  if (line->fields != NULL)
    failed |= put_fields(o, line->fields);
  return failed;
}

static bool body_is_text(const struct task_fields *f) {
  if (f == NULL || f->body == NULL)
    return true;
  for (size_t at = 0, n; at < f->body_length; at += n) {
    n = character(f->body + at, f->body_length - at);
    if (n == 0)
      return false;
  }
  return true;
}

static char *apology(const struct manifest_line *line) {
  char text[120];
  snprintf(text, sizeof text,
           "# line %" PRIu64
           ": its body is no UTF-8; take it from the manifest",
           line->line);
  return strdup(text);
}

char *manifest_write_json(const struct manifest_line *line) {
  if (!body_is_text(line->fields))
    return apology(line);
  json_t *o = json_object();
  char *text = NULL;
  if (o != NULL && put_all(o, line) == 0) {
    text = json_text(o, JSON_COMPACT | JSON_ENSURE_ASCII);
    if (text != NULL && strlen(text) > MANIFEST_LINE_CAP) {
      free(text);
      text = json_text(o, JSON_COMPACT);
    }
  }
  json_decref(o);
  return text;
}

char *manifest_write_text(const struct manifest_line *line) {
  size_t cap =
      strlen(line->url) + 2 + (line->out != NULL ? strlen(line->out) : 0);
  char *text = malloc(cap);
  if (text != NULL)
    snprintf(text, cap, "%s%s%s", line->url, line->out != NULL ? "\t" : "",
             line->out != NULL ? line->out : "");
  return text;
}
