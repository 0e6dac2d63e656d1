/* SPDX-License-Identifier: MIT
 *
 * Answers that say 200 and are not what was wanted: see expect.h. Pure.
 */
#include "config.h"

#include "expect.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static size_t trimmed(const char **text, size_t length) {
  while (length > 0 && (**text == ' ' || **text == '\t')) {
    ++*text;
    length--;
  }
  while (length > 0 &&
         ((*text)[length - 1] == ' ' || (*text)[length - 1] == '\t'))
    length--;
  return length;
}

/* The next item of a comma list; NULL at its end. */
static const char *next_item(const char **at, size_t *length) {
  const char *item = *at;
  if (item == NULL)
    return NULL;
  size_t span = strcspn(item, ",");
  *at = item[span] == ',' ? item + span + 1 : NULL;
  *length = trimmed(&item, span);
  return item;
}

int expect_types_check(const char *types) {
  const char *at = types, *item;
  size_t length;
  while ((item = next_item(&at, &length)) != NULL) {
    const char *slash = memchr(item, '/', length);
    if (slash == NULL || slash == item || slash + 1 == item + length ||
        memchr(slash + 1, '/', length - (size_t)(slash + 1 - item)) != NULL ||
        memchr(item, ';', length) != NULL || memchr(item, ' ', length) != NULL)
      return ERR_SYNTAX;
  }
  return 0;
}

/* length is that of the wanted type; a star stands for any subtype. */
static bool type_fits(const char *want, size_t length, const char *type,
                      size_t type_length) {
  if (length > 1 && want[length - 1] == '*' && want[length - 2] == '/')
    return type_length >= length && strncasecmp(want, type, length - 1) == 0;
  return length == type_length && strncasecmp(want, type, length) == 0;
}

static bool any_type_fits(const char *types, const char *content_type) {
  const char *at = types, *item;
  const char *type = content_type;
  size_t length, type_length = trimmed(&type, strcspn(content_type, ";"));
  while ((item = next_item(&at, &length)) != NULL)
    if (type_length > 0 && type_fits(item, length, type, type_length))
      return true;
  return false;
}

static bool too_small(const struct expect *expect, int64_t size, char *why,
                      size_t cap) {
  if (size >= expect->min_size)
    return false;
  snprintf(why, cap, "expected at least %lld bytes, the answer has %lld",
           (long long)expect->min_size, (long long)size);
  return true;
}

bool expect_head(const struct expect *expect, const char *content_type,
                 int64_t size, char *why, size_t cap) {
  if (expect->types != NULL && !any_type_fits(expect->types, content_type)) {
    snprintf(why, cap, "expected %s, the answer is %s", expect->types,
             *content_type != '\0' ? content_type : "of no type");
    return false;
  }
  if (size < 0)
    return true;
  if (too_small(expect, size, why, cap))
    return false;
  if (expect->max_size == 0 || size <= expect->max_size)
    return true;
  snprintf(why, cap, "expected at most %lld bytes, the answer has %lld",
           (long long)expect->max_size, (long long)size);
  return false;
}

bool expect_body(const struct expect *expect, int64_t bytes, bool complete,
                 char *why, size_t cap) {
  if (expect->max_size > 0 && bytes > expect->max_size) {
    snprintf(why, cap, "expected at most %lld bytes, the answer has more",
             (long long)expect->max_size);
    return false;
  }
  return !complete || !too_small(expect, bytes, why, cap);
}
