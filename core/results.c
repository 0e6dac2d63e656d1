/* SPDX-License-Identifier: MIT
 *
 * Lines of JSON for tasks that have ended: see results.h. Written by hand, and
 * not by a library, because it happens on the loop for every task. Pure.
 */
#include "config.h"

#include "results.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "json_read.h"

void results_text_fini(struct results_text *text) {
  free(text->data);
  *text = (struct results_text){0};
}

static bool room(struct results_text *t, size_t more) {
  if (t->length + more <= t->cap)
    return true;
  size_t cap = t->cap * 2 > t->length + more ? t->cap * 2 : t->length + more;
  char *grown = realloc(t->data, cap);
  if (grown == NULL)
    return false;
  t->data = grown;
  t->cap = cap;
  return true;
}

static bool put(struct results_text *t, const char *text) {
  size_t length = strlen(text);
  if (!room(t, length))
    return false;
  memcpy(t->data + t->length, text, length);
  t->length += length;
  return true;
}

/* RFC 8259 section 7: beyond the first plane as two surrogates. */
static bool put_escape(struct results_text *t, uint32_t point) {
  char text[16];
  if (point >= 0x10000)
    snprintf(text, sizeof text, "\\u%04X\\u%04X",
             (unsigned)(0xD800 + ((point - 0x10000) >> 10)),
             (unsigned)(0xDC00 + ((point - 0x10000) & 0x3FF)));
  else
    snprintf(text, sizeof text, "\\u%04X", (unsigned)point);
  return put(t, text);
}

static bool is_plain(unsigned char c) {
  return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

static bool put_string(struct results_text *t, const char *text) {
  size_t left = strlen(text);
  bool good = put(t, "\"") && room(t, left + 1);
  while (good && left > 0) {
    utf8proc_int32_t point;
    utf8proc_ssize_t bytes = 1;
    if (is_plain((unsigned char)*text)) {
      good = room(t, 1);
      if (good)
        t->data[t->length++] = *text;
    } else {
      bytes = utf8proc_iterate((const utf8proc_uint8_t *)text,
                               (utf8proc_ssize_t)left, &point);
      good = put_escape(t, bytes > 0 ? (uint32_t)point : 0xFFFD);
      if (bytes <= 0)
        bytes = 1;
    }
    text += bytes;
    left -= (size_t)bytes;
  }
  return good && put(t, "\"");
}

static bool put_text(struct results_text *t, const char *name,
                     const char *text) {
  return put(t, name) &&
         (text == NULL || *text == '\0' ? put(t, "null") : put_string(t, text));
}

static bool put_number(struct results_text *t, const char *name, int64_t number,
                       bool known) {
  char text[32] = "null";
  if (known)
    snprintf(text, sizeof text, "%" PRId64, number);
  return put(t, name) && put(t, text);
}

int results_line(struct results_text *t, const struct results_record *r) {
  t->length = 0;
  bool good = put_number(t, "{\"task\":", (int64_t)r->task, true) &&
              put_text(t, ",\"state\":", r->state) &&
              put_text(t, ",\"url\":", r->url) &&
              put_text(t, ",\"path\":", r->path) &&
              put_number(t, ",\"status\":", r->status, r->status != 0) &&
              put_number(t, ",\"bytes\":", r->bytes, r->bytes >= 0) &&
              put_number(t, ",\"attempts\":", r->attempts, true) &&
              put_number(t, ",\"started\":", r->started_unix_ms,
                         r->started_unix_ms > 0) &&
              put_number(t, ",\"ended\":", r->ended_unix_ms, true) &&
              put_text(t, ",\"digest\":", r->digest) &&
              put_text(t, ",\"error\":", r->error) && put(t, "}\n");
  return good ? 0 : ERR_NOMEM;
}

/* By the library: it happens once in a run, if at all, and not on the loop. */
static char *lost_line(const char *line, size_t length, const char *reason) {
  bool starved;
  json_t *object = json_read(line, length, 0, NULL, &starved);
  const char *state = json_string_value(json_object_get(object, "state"));
  bool good = state != NULL;
  if (good && strcmp(state, "done") == 0)
    good = json_object_set_new(object, "state", json_string("failed")) == 0 &&
           json_object_set_new(object, "path", json_null()) == 0 &&
           json_object_set_new(object, "digest", json_null()) == 0 &&
           json_object_set_new(object, "error", json_string(reason)) == 0;
  char *text =
      good ? json_text(object, JSON_COMPACT | JSON_ENSURE_ASCII) : NULL;
  json_decref(object);
  return text;
}

int results_lines_lost(struct results_text *t, const char *lines, size_t length,
                       const char *reason) {
  const char *end = lines + length, *next;
  for (const char *line = lines; line < end; line = next) {
    const char *stop = memchr(line, '\n', (size_t)(end - line));
    next = stop != NULL ? stop + 1 : end;
    char *text = lost_line(line, (size_t)(next - line), reason);
    bool good = text != NULL && put(t, text) && put(t, "\n");
    free(text);
    if (!good)
      return ERR_NOMEM;
  }
  return 0;
}
