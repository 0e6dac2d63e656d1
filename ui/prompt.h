/* SPDX-License-Identifier: MIT
 *
 * The line one types into: a command, a filter, or the answer to a question.
 *
 * Holds UTF-8, edited by whole characters, with a ceiling and a history for
 * each kind. Pure: it is given keys and says what became of them.
 */
#ifndef SPATE_UI_PROMPT_H
#define SPATE_UI_PROMPT_H

#include <stdbool.h>
#include <stddef.h>

#define PROMPT_CAP 8192 /* a signed URL is long */
#define PROMPT_HISTORY 50

enum prompt_kind {
  PROMPT_NONE,
  PROMPT_COMMAND,
  PROMPT_FILTER,
  PROMPT_CONFIRM, /* y or the key that asked: yes; Esc or n: no */
  PROMPT_YES,     /* the word yes must be typed */
  PROMPT_VALUE,   /* something behind a label */
};

enum prompt_result { PROMPT_GOES_ON, PROMPT_ENTERED, PROMPT_CANCELLED };

struct prompt_history {
  char *line[PROMPT_HISTORY]; /* taken; oldest first */
  int count;
};

struct prompt {
  enum prompt_kind kind;
  char text[PROMPT_CAP];  /* CONFIRM: the question */
  size_t len, cursor;     /* bytes; cursor on the start of a character */
  char label[PROMPT_CAP]; /* YES, VALUE: what stands before it */
  int again;              /* CONFIRM: the key that says yes as well */
  int browsed;            /* history: lines back from the end; 0 = own text */
  char own[PROMPT_CAP];   /* what was typed before browsing */
  struct prompt_history commands, filters;
};

void prompt_init(struct prompt *prompt);
void prompt_fini(struct prompt *prompt);

/* Opens it with text in it. */
void prompt_open(struct prompt *prompt, enum prompt_kind kind,
                 const char *text);
/* Asks; again is the key that confirms as well as y, 0 for none. */
void prompt_ask(struct prompt *prompt, int again, const char *question);
/* Asks for the word yes. */
void prompt_ask_yes(struct prompt *prompt, const char *question);
/* Asks for a value; text is what stands there at first. */
void prompt_ask_value(struct prompt *prompt, const char *label,
                      const char *text);
void prompt_close(struct prompt *prompt);

/* A key or a character of a paste. On PROMPT_ENTERED the text is kept until
 * the prompt is opened again and the kind is PROMPT_NONE. Control characters
 * of a paste are left out. */
enum prompt_result prompt_key(struct prompt *prompt, int key, bool pasted);

/* Replaces the word before the cursor that begins at byte start. */
void prompt_complete(struct prompt *prompt, size_t start, const char *word);

#endif
