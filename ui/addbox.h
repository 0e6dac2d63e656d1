/* SPDX-License-Identifier: MIT
 *
 * The text of the add box: lines of URLs, typed or pasted, and what is wrong
 * with them.
 *
 * A line is a URL, perhaps a tab and the name of its output, as in a text
 * manifest. Holds UTF-8 with a ceiling; what does not fit is counted, never
 * silently lost. Pure.
 */
#ifndef SPATE_UI_ADDBOX_H
#define SPATE_UI_ADDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

#define ADDBOX_MAX ((size_t)1 << 20)

struct addbox {
  char *text; /* taken; lines end with a line feed, the last one need not */
  size_t len, cap;
  size_t refused; /* bytes that did not fit */
};

struct addbox_count {
  size_t urls;       /* lines that can be added, repeated ones once */
  size_t duplicates; /* lines that stand there before */
  size_t bad;        /* lines that are no URL */
  size_t first_bad;  /* its number, from 1; 0 none */
};

void addbox_init(struct addbox *box);
void addbox_fini(struct addbox *box);
void addbox_clear(struct addbox *box);

/* A character at the end; '\n' ends a line, other controls but tab are left
 * out. */
void addbox_type(struct addbox *box, int code);
void addbox_backspace(struct addbox *box);
/* Removes the last line. */
void addbox_cut_line(struct addbox *box);

/* Counts; ERR_NOMEM leaves zeros. */
int addbox_count(const struct addbox *box,
                 struct addbox_count *count) MUST_CHECK;

/* Calls back for each line that can be added, once; the line is terminated
 * and lives for the call. Non-zero ends it and is returned. */
int addbox_each(const struct addbox *box,
                int (*each)(void *arg, const char *line), void *arg) MUST_CHECK;

/* The number of lines, an empty last one included, and where line n of them
 * begins; *len without line end. */
size_t addbox_lines(const struct addbox *box);
const char *addbox_line(const struct addbox *box, size_t n, size_t *len);

#endif
