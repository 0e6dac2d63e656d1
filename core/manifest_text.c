/* SPDX-License-Identifier: MIT
 *
 * The `text` format: a URL a line, optionally a tab and an output name; blank
 * lines and # comments are passed over. Pure.
 */
#include "config.h"

#include <string.h>

#include "manifest_impl.h"
#include "url.h"

static uint64_t object_hash(const char *url, const char *out) {
  uint64_t hash = url_object_hash64(url, out);
  return hash == OBJECT_BAD ? 1 : hash;
}

bool manifest_parse_text(char *text, size_t length,
                         struct manifest_line *line) {
  *line = (struct manifest_line){
      .url = text,
      .deadline_unix = INT64_MAX,
      .line = line->line,
      .next_line = line->next_line,
      .end = line->end,
  };
  while (length > 0 && manifest__is_blank(text[length - 1]))
    length--;
  while (length > 0 && manifest__is_blank(text[0])) {
    text++;
    length--;
  }
  if (length == 0 || text[0] == '#')
    return false;
  if (memchr(text, '\0', length) != NULL)
    return manifest__bad(line, "a NUL byte in the line: a list is text in UTF-8");
  text[length] = '\0';
  line->url = text;
  char *tab = memchr(text, '\t', length);
  if (tab != NULL) {
    char *end = tab;
    while (manifest__is_blank(*tab))
      tab++;
    while (end > text && manifest__is_blank(end[-1]))
      end--;
    *end = '\0';
    line->out = tab;
  }
  const char *why = manifest__url_fault(line->url);
  if (why != NULL)
    return manifest__bad(line, why);
  line->object = object_hash(line->url, line->out);
  return true;
}

static int text_next(struct manifest *m, struct manifest_line *line) {
  for (;;) {
    char *text;
    bool too_long;
    manifest__begin(m, line);
    ptrdiff_t length = manifest__cut_line(m, line, &text, &too_long);
    if (length < 0)
      return 0;
    if (too_long)
      return manifest__too_long(line);
    if (manifest_parse_text(text, (size_t)length, line))
      return 1;
  }
}

const struct manifest_format manifest_text = {"text", text_next, false};
