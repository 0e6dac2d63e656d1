/* SPDX-License-Identifier: MIT
 *
 * Classes of failures: what a million reasons have in common, so that a person
 * sees ten lines and can say "try those again".
 *
 * A class is "http-404" or "ftp-550" for an answer with a status that says no,
 * else one of a fixed table of words (connection, timeout, tls, ...). The
 * session keeps it with each failure, under an index. It is found from the
 * status and the sentence, which may be libcurl's own.
 *
 * A filter says which failures a person means: --reason and --status.
 *
 * Pure; any thread.
 */
#ifndef SPATE_FAILURE_H
#define SPATE_FAILURE_H

#include <stdbool.h>
#include <stddef.h>

#include "err.h"

#define FAILURE_CLASS_CAP 16

/* Writes the class of a failure into out (FAILURE_CLASS_CAP bytes) and
 * returns it. status 0: no answer came; reason NULL is "". */
const char *failure_class(int status, const char *reason, char *out);

/* The words of the table, without http-...; NULL behind the last. */
const char *failure_class_name(size_t index);

struct failure_filter {
  const char *reason; /* a class, or part of the reason in any case; NULL any */
  const char *status; /* "404,5xx"; NULL any */
};

/* ERR_SYNTAX when it is no list of codes and classes of codes. */
int failure_status_check(const char *list) MUST_CHECK;

bool failure_matches(const struct failure_filter *filter, int status,
                     const char *class_name, const char *reason);

#endif
