/* SPDX-License-Identifier: MIT
 *
 * See failed_choice.h.
 */
#include "config.h"

#include "failed_choice.h"

#include <string.h>
#include <strings.h>

/* "404" or "5xx". */
static bool read_status(struct failed_word *word) {
  const char *t = word->text;
  if (strlen(t) != 3 || t[0] < '1' || t[0] > '5')
    return false;
  if (strcasecmp(t + 1, "xx") == 0) {
    word->first = (t[0] - '0') * 100;
    word->last = word->first + 99;
    return true;
  }
  if (t[1] < '0' || t[1] > '9' || t[2] < '0' || t[2] > '9')
    return false;
  word->first = word->last =
      (t[0] - '0') * 100 + (t[1] - '0') * 10 + (t[2] - '0');
  return true;
}

static int read_word(struct failed_choice *choice, char *text,
                     struct errmsg *msg) {
  static const struct {
    const char *prefix;
    enum failed_word_kind kind;
  } known[] = {{"host:", FAILED_HOST},
               {"status:", FAILED_STATUS},
               {"err:", FAILED_TEXT}};
  struct failed_word *word = &choice->word[choice->count];
  if (choice->count == FAILED_CHOICE_WORDS)
    return err_set(msg, ERR_SYNTAX, "at most %d words say which are meant",
                   FAILED_CHOICE_WORDS);
  for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
    size_t len = strlen(known[i].prefix);
    if (strncmp(text, known[i].prefix, len) != 0 || text[len] == '\0')
      continue;
    word->kind = known[i].kind;
    word->text = text + len;
    if (word->kind == FAILED_STATUS && !read_status(word))
      break;
    choice->count++;
    return 0;
  }
  return err_set(msg, ERR_SYNTAX,
                 "'%.60s' is not understood; write host:NAME, status:CODE "
                 "(404 or 5xx), err:TEXT or all",
                 text);
}

int failed_choice_parse(struct failed_choice *choice, const char *text,
                        struct errmsg *msg) {
  memset(choice, 0, sizeof *choice);
  if (text == NULL)
    return 0;
  if (strlen(text) >= sizeof choice->text)
    return err_set(msg, ERR_SYNTAX, "the choice is too long");
  memcpy(choice->text, text, strlen(text) + 1);
  for (char *at = choice->text; *at != '\0';) {
    size_t len = strcspn(at, " ");
    char *next = at + len + (at[len] == ' ');
    at[len] = '\0';
    if (len > 0 && strcmp(at, "all") != 0) {
      int rc = read_word(choice, at, msg);
      if (rc != 0)
        return rc;
    }
    at = next;
  }
  return 0;
}

static bool contains(const char *text, const char *part) {
  size_t len = strlen(part);
  for (; strlen(text) >= len; text++)
    if (strncasecmp(text, part, len) == 0)
      return true;
  return false;
}

bool failed_choice_fits(const struct failed_choice *choice, const char *host,
                        const char *origin, int status, const char *reason) {
  for (int i = 0; i < choice->count; i++) {
    const struct failed_word *word = &choice->word[i];
    bool fits = false;
    switch (word->kind) {
    case FAILED_HOST:
      fits = strcasecmp(host, word->text) == 0 ||
             strcasecmp(origin, word->text) == 0;
      break;
    case FAILED_STATUS:
      fits = status >= word->first && status <= word->last;
      break;
    case FAILED_TEXT:
      fits = contains(reason, word->text);
      break;
    }
    if (!fits)
      return false;
  }
  return true;
}
