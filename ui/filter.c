/* SPDX-License-Identifier: MIT
 *
 * Plain substring search without regard to the case of ASCII letters.
 */
#include "config.h"

#include "filter.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static const struct {
  const char *prefix;
  enum filter_field field;
} prefixes[] = {
    {"host:", FILTER_HOST},
    {"state:", FILTER_STATE},
    {"err:", FILTER_ERR},
};

static int parse_states(struct filter_word *word, struct errmsg *msg) {
  word->states = 0;
  for (int i = 0; i < TASK_STATE_COUNT; i++)
    if (strcasecmp(word->text, task_state_name((enum task_state)i)) == 0) {
      word->states = 1u << i;
      return 0;
    }
  for (const char *at = word->text; *at != '\0'; at++) {
    unsigned before = word->states;
    for (int i = 0; i < TASK_STATE_COUNT; i++)
      if (toupper((unsigned char)*at) == task_state_letter((enum task_state)i))
        word->states |= 1u << i;
    if (word->states == before)
      return err_set(msg, ERR_SYNTAX,
                     "state:%s: '%c' is no state; use the letters of the "
                     "table, as in state:er",
                     word->text, isprint((unsigned char)*at) ? *at : '?');
  }
  return 0;
}

static int parse_word(struct filter_word *word, const char *at, size_t len,
                      struct errmsg *msg) {
  word->field = FILTER_NAME;
  for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
    size_t skip = strlen(prefixes[i].prefix);
    if (len < skip || strncasecmp(at, prefixes[i].prefix, skip) != 0)
      continue;
    word->field = prefixes[i].field;
    at += skip;
    len -= skip;
    break;
  }
  if (len >= sizeof word->text)
    return err_set(msg, ERR_TOOBIG, "filter: a word is longer than %zu bytes",
                   sizeof word->text - 1);
  memcpy(word->text, at, len);
  word->text[len] = '\0';
  return word->field == FILTER_STATE ? parse_states(word, msg) : 0;
}

int filter_parse(struct filter *filter, const char *text, struct errmsg *msg) {
  struct filter next = {.count = 0};
  if (strlen(text) >= sizeof next.text)
    return err_set(msg, ERR_TOOBIG, "filter: longer than %zu bytes",
                   sizeof next.text - 1);
  const char *at = text + strspn(text, " ");
  snprintf(next.text, sizeof next.text, "%s", at);
  while (*at != '\0') {
    size_t len = strcspn(at, " ");
    if (next.count == FILTER_WORDS)
      return err_set(msg, ERR_TOOBIG, "filter: more than %d words",
                     FILTER_WORDS);
    int rc = parse_word(&next.word[next.count], at, len, msg);
    if (rc < 0)
      return rc;
    next.count++;
    at += len;
    at += strspn(at, " ");
  }
  *filter = next;
  return 0;
}

static bool holds(const struct filter_word *word,
                  const struct snap_task *task) {
  switch (word->field) {
  case FILTER_HOST:
    return strcasestr(task->host, word->text) != NULL;
  case FILTER_STATE:
    return word->states == 0 || (word->states >> task->state & 1u) != 0;
  case FILTER_ERR:
    return task->reason[0] != '\0' &&
           strcasestr(task->reason, word->text) != NULL;
  default:
    return strcasestr(task->name, word->text) != NULL;
  }
}

bool filter_match(const struct filter *filter, const struct snap_task *task) {
  for (int i = 0; i < filter->count; i++)
    if (!holds(&filter->word[i], task))
      return false;
  return true;
}
