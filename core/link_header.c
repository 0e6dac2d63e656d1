/* SPDX-License-Identifier: MIT
 *
 * Link header fields: see link_header.h.
 */
#include "config.h"

#include "link_header.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

/* A piece of the value. */
struct piece {
  const char *text;
  size_t length;
};

static void skip_blanks(const char **at, const char *end) {
  while (*at < end && (**at == ' ' || **at == '\t'))
    (*at)++;
}

static bool is(const struct piece *piece, const char *word) {
  return strlen(word) == piece->length &&
         strncasecmp(word, piece->text, piece->length) == 0;
}

/* Up to one of the characters of stop, which is not taken. */
static struct piece take_until(const char **at, const char *end,
                               const char *stop) {
  struct piece piece = {*at, 0};
  while (*at < end && **at != '\0' && strchr(stop, **at) == NULL)
    (*at)++;
  piece.length = (size_t)(*at - piece.text);
  while (piece.length > 0 && (piece.text[piece.length - 1] == ' ' ||
                              piece.text[piece.length - 1] == '\t'))
    piece.length--;
  return piece;
}

/* A quoted string; escapes stay in, since no value of use has any. */
static struct piece take_quoted(const char **at, const char *end) {
  struct piece piece = {++*at, 0};
  while (*at < end && **at != '"') {
    if (**at == '\\' && *at + 1 < end)
      (*at)++;
    (*at)++;
  }
  piece.length = (size_t)(*at - piece.text);
  if (*at < end)
    (*at)++; /* the closing quote */
  return piece;
}

static struct piece take_value(const char **at, const char *end) {
  skip_blanks(at, end);
  if (*at < end && **at == '"')
    return take_quoted(at, end);
  return take_until(at, end, ";,");
}

/* RFC 8288 section 3.3: several relations stand in one value. */
static void take_relations(struct link_value *link, struct piece value) {
  const char *at = value.text, *end = at + value.length;
  while (at < end) {
    struct piece word;
    skip_blanks(&at, end);
    word = take_until(&at, end, " \t");
    link->duplicate = link->duplicate || is(&word, "duplicate");
    link->describedby = link->describedby || is(&word, "describedby");
    if (at < end)
      at++;
  }
}

static int priority_of(struct piece value) {
  int pri = 0;
  for (size_t i = 0; i < value.length; i++) {
    if (!isdigit((unsigned char)value.text[i]) || pri > LINK_PRI_LAST)
      return LINK_PRI_LAST;
    pri = pri * 10 + (value.text[i] - '0');
  }
  return pri < 1 || pri > LINK_PRI_LAST ? LINK_PRI_LAST : pri;
}

static void copy_lower(char *to, size_t cap, struct piece value) {
  if (value.length >= cap)
    return;
  for (size_t i = 0; i < value.length; i++)
    to[i] = (char)tolower((unsigned char)value.text[i]);
  to[value.length] = '\0';
}

static void take_parameter(struct link_value *link, struct piece name,
                           struct piece value) {
  if (is(&name, "rel"))
    take_relations(link, value);
  else if (is(&name, "pri"))
    link->pri = priority_of(value);
  else if (is(&name, "geo"))
    copy_lower(link->geo, sizeof(link->geo), value);
  else if (is(&name, "type"))
    copy_lower(link->type, sizeof(link->type), value);
  else if (is(&name, "pref"))
    link->pref = true;
}

static void take_parameters(const char **at, const char *end,
                            struct link_value *link) {
  for (;;) {
    struct piece name, value = {"", 0};
    skip_blanks(at, end);
    if (*at == end || **at != ';')
      return;
    (*at)++;
    skip_blanks(at, end);
    name = take_until(at, end, "=;,");
    if (*at < end && **at == '=') {
      (*at)++;
      value = take_value(at, end);
    }
    take_parameter(link, name, value);
  }
}

/* Behind the comma that ends the present link, quoted ones apart. */
static void skip_rest(const char **at, const char *end) {
  while (*at < end && **at != ',') {
    if (**at == '"')
      (void)take_quoted(at, end);
    else
      (*at)++;
  }
  if (*at < end)
    (*at)++;
}

bool link_header_next(const char **at, const char *end,
                      struct link_value *link) {
  while (*at < end) {
    const char *close;
    skip_blanks(at, end);
    close =
        *at < end && **at == '<' ? memchr(*at, '>', (size_t)(end - *at)) : NULL;
    if (close == NULL) {
      skip_rest(at, end);
      continue;
    }
    memset(link, 0, sizeof(*link));
    link->pri = LINK_PRI_LAST;
    link->target = *at + 1;
    link->target_length = (size_t)(close - link->target);
    *at = close + 1;
    take_parameters(at, end, link);
    skip_rest(at, end);
    return true;
  }
  return false;
}
