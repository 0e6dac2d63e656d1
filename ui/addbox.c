/* SPDX-License-Identifier: MIT
 *
 * Duplicates are found by sorting the lines' places.
 */
#include "config.h"

#include "addbox.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <utf8proc.h>

struct line {
  const char *text;
  size_t len, number;
};

void addbox_init(struct addbox *box) {
  memset(box, 0, sizeof *box);
}

void addbox_fini(struct addbox *box) {
  free(box->text);
  addbox_init(box);
}

void addbox_clear(struct addbox *box) {
  addbox_fini(box);
}

static bool make_room(struct addbox *box, size_t more) {
  if (box->len + more + 1 <= box->cap)
    return true;
  if (box->len + more + 1 > ADDBOX_MAX)
    return false;
  size_t cap = box->cap * 2 + 1024;
  char *text = realloc(box->text, cap);
  if (text == NULL)
    return false;
  box->text = text;
  box->cap = cap;
  return true;
}

void addbox_type(struct addbox *box, int code) {
  utf8proc_uint8_t bytes[4];
  bool control = (code < 32 && code != '\t' && code != '\n') ||
                 (code >= 127 && code < 160) || code > 0x10ffff;
  if (control)
    return;
  utf8proc_ssize_t len = utf8proc_encode_char(code, bytes);
  if (len <= 0)
    return;
  if (!make_room(box, (size_t)len)) {
    box->refused += (size_t)len;
    return;
  }
  memcpy(box->text + box->len, bytes, (size_t)len);
  box->len += (size_t)len;
  box->text[box->len] = '\0';
}

void addbox_backspace(struct addbox *box) {
  while (box->len > 0) {
    box->len--;
    if (((unsigned char)box->text[box->len] & 0xc0) != 0x80)
      break;
  }
  if (box->text != NULL)
    box->text[box->len] = '\0';
}

void addbox_cut_line(struct addbox *box) {
  if (box->len > 0 && box->text[box->len - 1] == '\n')
    addbox_backspace(box);
  while (box->len > 0 && box->text[box->len - 1] != '\n')
    addbox_backspace(box);
}

size_t addbox_lines(const struct addbox *box) {
  size_t count = 1;
  for (size_t i = 0; i < box->len; i++)
    count += box->text[i] == '\n';
  return count;
}

const char *addbox_line(const struct addbox *box, size_t n, size_t *len) {
  const char *at = box->text, *end = box->text + box->len;
  *len = 0;
  if (box->text == NULL)
    return "";
  for (; n > 0 && at < end; n--) {
    const char *feed = memchr(at, '\n', (size_t)(end - at));
    at = feed != NULL ? feed + 1 : end;
  }
  const char *feed = memchr(at, '\n', (size_t)(end - at));
  *len = (size_t)((feed != NULL ? feed : end) - at);
  return at;
}

/* ---- judging ------------------------------------------------------------- */

static bool is_url(const struct line *line) {
  static const char *const schemes[] = {"http://", "https://"};
  for (size_t i = 0; i < 2; i++) {
    size_t len = strlen(schemes[i]);
    if (line->len > len && strncasecmp(line->text, schemes[i], len) == 0 &&
        line->text[len] != '/' && line->text[len] != '\t')
      return true;
  }
  return false;
}

/* Comments and empty lines are no lines. */
static bool trim(struct line *line) {
  while (line->len > 0 && (*line->text == ' ' || *line->text == '\t')) {
    line->text++;
    line->len--;
  }
  while (line->len > 0 && (line->text[line->len - 1] == ' ' ||
                           line->text[line->len - 1] == '\t'))
    line->len--;
  return line->len > 0 && *line->text != '#';
}

static int compare_text(const void *a, const void *b) {
  const struct line *x = a, *y = b;
  size_t len = x->len < y->len ? x->len : y->len;
  int order = memcmp(x->text, y->text, len);
  if (order == 0)
    order = (x->len > y->len) - (x->len < y->len);
  return order != 0 ? order : (x->number > y->number) - (x->number < y->number);
}

static int compare_number(const void *a, const void *b) {
  const struct line *x = a, *y = b;
  return (x->number > y->number) - (x->number < y->number);
}

static bool same(const struct line *a, const struct line *b) {
  return a->len == b->len && memcmp(a->text, b->text, a->len) == 0;
}

/* All URLs in their order, each once; *lines is the caller's to free. */
static int gather(const struct addbox *box, struct line **lines,
                  struct addbox_count *count) {
  size_t all = addbox_lines(box), have = 0, kept = 0, number = 0;
  struct line *line = calloc(all, sizeof *line);
  memset(count, 0, sizeof *count);
  *lines = line;
  if (line == NULL)
    return ERR_NOMEM;
  const char *at = box->text, *end = box->text + box->len;
  for (; box->len > 0 && at < end; number++) {
    const char *feed = memchr(at, '\n', (size_t)(end - at));
    const char *stop = feed != NULL ? feed : end;
    struct line one = {at, (size_t)(stop - at), number};
    at = stop + 1;
    if (!trim(&one))
      continue;
    if (is_url(&one)) {
      line[have++] = one;
      continue;
    }
    if (count->bad++ == 0)
      count->first_bad = number + 1;
  }
  qsort(line, have, sizeof *line, compare_text);
  for (size_t i = 0; i < have; i++)
    if (i > 0 && same(&line[i], &line[kept - 1]))
      count->duplicates++;
    else
      line[kept++] = line[i];
  qsort(line, kept, sizeof *line, compare_number);
  count->urls = kept;
  return 0;
}

int addbox_count(const struct addbox *box, struct addbox_count *count) {
  struct line *lines;
  int rc = gather(box, &lines, count);
  free(lines);
  return rc;
}

int addbox_each(const struct addbox *box,
                int (*each)(void *arg, const char *line), void *arg) {
  struct line *lines;
  struct addbox_count count;
  int rc = gather(box, &lines, &count);
  for (size_t i = 0; rc == 0 && i < count.urls; i++) {
    char *copy = strndup(lines[i].text, lines[i].len);
    rc = copy != NULL ? each(arg, copy) : ERR_NOMEM;
    free(copy);
  }
  free(lines);
  return rc;
}
