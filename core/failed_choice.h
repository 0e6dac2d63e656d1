/* SPDX-License-Identifier: MIT
 *
 * Which failed tasks are meant: words that must all fit.
 *
 *   host:NAME    of this host (no port), or scheme://name:port
 *   status:CODE  last HTTP status; 5xx for 500 to 599
 *   err:TEXT     the reason contains it, in any case
 *
 * No word, or "all": every one. Pure; any thread.
 */
#ifndef SPATE_FAILED_CHOICE_H
#define SPATE_FAILED_CHOICE_H

#include <stdbool.h>

#include "err.h"

#define FAILED_CHOICE_WORDS 8
#define FAILED_CHOICE_CAP 256

enum failed_word_kind { FAILED_HOST, FAILED_STATUS, FAILED_TEXT };

struct failed_word {
  enum failed_word_kind kind;
  const char *text; /* into the choice's own */
  int first, last;  /* FAILED_STATUS */
};

struct failed_choice {
  char text[FAILED_CHOICE_CAP]; /* private */
  struct failed_word word[FAILED_CHOICE_WORDS];
  int count;
};

/* ERR_SYNTAX with a sentence. text NULL: all. */
int failed_choice_parse(struct failed_choice *choice, const char *text,
                        struct errmsg *msg) MUST_CHECK;

/* host: "example.org"; origin: "https://example.org:443"; "" unknown. */
bool failed_choice_fits(const struct failed_choice *choice, const char *host,
                        const char *origin, int status, const char *reason);

#endif
