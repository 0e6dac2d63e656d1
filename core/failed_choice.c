/* SPDX-License-Identifier: MIT
 *
 * See failed_choice.h.
 */
#include "config.h"

#include "failed_choice.h"

#include <string.h>
#include <strings.h>

#include "failure.h"

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
    if (word->kind == FAILED_STATUS && failure_status_check(word->text) != 0)
      break;
    choice->count++;
    return 0;
  }
  return err_set(msg, ERR_SYNTAX,
                 "'%.60s' is not understood; write host:NAME, status:CODE "
                 "(404, 5xx), err:TEXT or all",
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

bool failed_choice_has_host(const struct failed_choice *choice) {
  for (int i = 0; i < choice->count; i++)
    if (choice->word[i].kind == FAILED_HOST)
      return true;
  return false;
}

bool failed_choice_fits_host(const struct failed_choice *choice,
                             const char *host, const char *origin) {
  for (int i = 0; i < choice->count; i++) {
    const struct failed_word *word = &choice->word[i];
    if (word->kind == FAILED_HOST && strcasecmp(host, word->text) != 0 &&
        strcasecmp(origin, word->text) != 0)
      return false;
  }
  return true;
}

bool failed_choice_fits_end(const struct failed_choice *choice, int status,
                            const char *class_name, const char *reason) {
  for (int i = 0; i < choice->count; i++) {
    const struct failed_word *word = &choice->word[i];
    struct failure_filter filter = {0};
    if (word->kind == FAILED_STATUS)
      filter.status = word->text;
    else if (word->kind == FAILED_TEXT)
      filter.reason = word->text;
    if (!failure_matches(&filter, status, class_name, reason))
      return false;
  }
  return true;
}
