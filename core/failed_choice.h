/* SPDX-License-Identifier: MIT
 *
 * Which failed tasks are meant: words that must all fit.
 *
 *   host:NAME    of this host (no port), or scheme://name:port
 *   status:CODE  last HTTP status; 5xx for 500 to 599; several as 404,5xx
 *   err:TEXT     the reason's class, or a part of it in any case (failure.h)
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
};

struct failed_choice {
  char text[FAILED_CHOICE_CAP]; /* private */
  struct failed_word word[FAILED_CHOICE_WORDS];
  int count;
};

/* ERR_SYNTAX with a sentence. text NULL: all. */
int failed_choice_parse(struct failed_choice *choice, const char *text,
                        struct errmsg *msg) MUST_CHECK;

/* Its words about hosts, and those about how tasks ended. host: "example.org";
 * origin: "https://example.org:443". */
bool failed_choice_has_host(const struct failed_choice *choice);
bool failed_choice_fits_host(const struct failed_choice *choice,
                             const char *host, const char *origin);
bool failed_choice_fits_end(const struct failed_choice *choice, int status,
                            const char *class_name, const char *reason);

#endif
