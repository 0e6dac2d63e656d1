/* SPDX-License-Identifier: MIT
 *
 * The text is always terminated and always whole characters.
 */
#include "config.h"

#include "prompt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "keys.h"

#define CTRL(c) ((c)&0x1f)

void prompt_init(struct prompt *prompt) {
  memset(prompt, 0, sizeof *prompt);
}

static void history_free(struct prompt_history *history) {
  for (int i = 0; i < history->count; i++)
    free(history->line[i]);
  history->count = 0;
}

void prompt_fini(struct prompt *prompt) {
  history_free(&prompt->commands);
  history_free(&prompt->filters);
}

/* Answers and values are not kept: NULL. */
static struct prompt_history *history_of(struct prompt *prompt) {
  if (prompt->kind == PROMPT_YES || prompt->kind == PROMPT_VALUE)
    return NULL;
  return prompt->kind == PROMPT_FILTER ? &prompt->filters : &prompt->commands;
}

static void set_text(struct prompt *prompt, const char *text) {
  snprintf(prompt->text, sizeof prompt->text, "%s", text);
  prompt->len = prompt->cursor = strlen(prompt->text);
}

void prompt_open(struct prompt *prompt, enum prompt_kind kind,
                 const char *text) {
  prompt->kind = kind;
  prompt->browsed = 0;
  prompt->again = 0;
  prompt->label[0] = '\0';
  set_text(prompt, text);
}

void prompt_ask(struct prompt *prompt, int again, const char *question) {
  prompt_open(prompt, PROMPT_CONFIRM, question);
  prompt->again = again;
}

void prompt_ask_yes(struct prompt *prompt, const char *question) {
  prompt_open(prompt, PROMPT_YES, "");
  snprintf(prompt->label, sizeof prompt->label, "%s", question);
}

void prompt_ask_value(struct prompt *prompt, const char *label,
                      const char *text) {
  prompt_open(prompt, PROMPT_VALUE, text);
  snprintf(prompt->label, sizeof prompt->label, "%s", label);
}

void prompt_close(struct prompt *prompt) {
  prompt->kind = PROMPT_NONE;
}

/* Lines that are empty or repeat the newest are not kept; nor is one for
 * which there is no memory. */
static void remember(struct prompt_history *history, const char *line) {
  int count = history != NULL ? history->count : 0;
  if (history == NULL || line[0] == '\0' ||
      (count > 0 && strcmp(history->line[count - 1], line) == 0))
    return;
  char *copy = strdup(line);
  if (copy == NULL)
    return;
  if (count == PROMPT_HISTORY) {
    free(history->line[0]);
    memmove(&history->line[0], &history->line[1],
            (PROMPT_HISTORY - 1) * sizeof history->line[0]);
    count--;
  }
  history->line[count] = copy;
  history->count = count + 1;
}

static void browse(struct prompt *prompt, int step) {
  struct prompt_history *history = history_of(prompt);
  int to = prompt->browsed + step;
  if (history == NULL || to < 0 || to > history->count)
    return;
  if (prompt->browsed == 0)
    snprintf(prompt->own, sizeof prompt->own, "%s", prompt->text);
  prompt->browsed = to;
  set_text(prompt, to == 0 ? prompt->own : history->line[history->count - to]);
}

static size_t before(const struct prompt *prompt, size_t at) {
  while (at > 0) {
    at--;
    if (((unsigned char)prompt->text[at] & 0xc0) != 0x80)
      break;
  }
  return at;
}

static size_t after(const struct prompt *prompt, size_t at) {
  while (at < prompt->len) {
    at++;
    if (((unsigned char)prompt->text[at] & 0xc0) != 0x80)
      break;
  }
  return at;
}

static void cut(struct prompt *prompt, size_t from, size_t to) {
  memmove(prompt->text + from, prompt->text + to, prompt->len - to + 1);
  prompt->len -= to - from;
  prompt->cursor = from;
}

static void insert(struct prompt *prompt, const char *bytes, size_t len) {
  if (prompt->len + len >= PROMPT_CAP)
    return;
  memmove(prompt->text + prompt->cursor + len, prompt->text + prompt->cursor,
          prompt->len - prompt->cursor + 1);
  memcpy(prompt->text + prompt->cursor, bytes, len);
  prompt->len += len;
  prompt->cursor += len;
}

static size_t word_start(const struct prompt *prompt) {
  size_t at = prompt->cursor;
  while (at > 0 && prompt->text[at - 1] == ' ')
    at--;
  while (at > 0 && prompt->text[at - 1] != ' ')
    at--;
  return at;
}

void prompt_complete(struct prompt *prompt, size_t start, const char *word) {
  cut(prompt, start, prompt->cursor);
  insert(prompt, word, strlen(word));
}

static enum prompt_result enter(struct prompt *prompt) {
  bool yes = prompt->kind != PROMPT_YES || strcmp(prompt->text, "yes") == 0;
  remember(history_of(prompt), prompt->text);
  prompt_close(prompt);
  return yes ? PROMPT_ENTERED : PROMPT_CANCELLED;
}

static void type(struct prompt *prompt, int key) {
  utf8proc_uint8_t bytes[4];
  if (key < 32 || (key >= 127 && key < 160) || key > 0x10ffff)
    return;
  utf8proc_ssize_t len = utf8proc_encode_char(key, bytes);
  if (len > 0)
    insert(prompt, (const char *)bytes, (size_t)len);
}

static void edit(struct prompt *prompt, int key) {
  switch (key) {
  case KEY__LEFT:
  case CTRL('b'):
    prompt->cursor = before(prompt, prompt->cursor);
    break;
  case KEY__RIGHT:
  case CTRL('f'):
    prompt->cursor = after(prompt, prompt->cursor);
    break;
  case KEY__HOME:
  case CTRL('a'):
    prompt->cursor = 0;
    break;
  case KEY__END:
  case CTRL('e'):
    prompt->cursor = prompt->len;
    break;
  case KEY__DELETE:
    cut(prompt, prompt->cursor, after(prompt, prompt->cursor));
    break;
  case CTRL('u'):
    cut(prompt, 0, prompt->cursor);
    break;
  case CTRL('k'):
    cut(prompt, prompt->cursor, prompt->len);
    break;
  case CTRL('w'):
    cut(prompt, word_start(prompt), prompt->cursor);
    break;
  case KEY__UP:
  case CTRL('p'):
    browse(prompt, 1);
    break;
  case KEY__DOWN:
  case CTRL('n'):
    browse(prompt, -1);
    break;
  default:
    type(prompt, key);
  }
}

/* Backspace on an empty line leaves it, as in vi. */
static enum prompt_result backspace(struct prompt *prompt) {
  if (prompt->len == 0) {
    prompt_close(prompt);
    return PROMPT_CANCELLED;
  }
  cut(prompt, before(prompt, prompt->cursor), prompt->cursor);
  return PROMPT_GOES_ON;
}

static enum prompt_result answer(struct prompt *prompt, int key) {
  bool yes =
      key == 'y' || key == 'Y' || (prompt->again != 0 && key == prompt->again);
  bool no = key == 'n' || key == 'N' || key == KEY__ESC || key == CTRL('g');
  if (!yes && !no)
    return PROMPT_GOES_ON;
  prompt_close(prompt);
  return yes ? PROMPT_ENTERED : PROMPT_CANCELLED;
}

enum prompt_result prompt_key(struct prompt *prompt, int key, bool pasted) {
  if (prompt->kind == PROMPT_YES && pasted)
    return PROMPT_GOES_ON;
  if (prompt->kind == PROMPT_CONFIRM)
    return pasted ? PROMPT_GOES_ON : answer(prompt, key);
  if (pasted) {
    type(prompt, key);
    return PROMPT_GOES_ON;
  }
  switch (key) {
  case KEY__ENTER:
    return enter(prompt);
  case KEY__ESC:
  case CTRL('g'):
    prompt_close(prompt);
    return PROMPT_CANCELLED;
  case KEY__BACKSPACE:
  case CTRL('h'):
    return backspace(prompt);
  default:
    edit(prompt, key);
    return PROMPT_GOES_ON;
  }
}
