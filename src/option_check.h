/* SPDX-License-Identifier: MIT
 *
 * Whether the text of an option is what the option takes. Pure but for a look
 * at the file that an option names; the starting thread alone.
 */
#ifndef SPATE_OPTION_CHECK_H
#define SPATE_OPTION_CHECK_H

#include <stdint.h>

#include "err.h"
#include "options.h"

/* 0, or ERR_USAGE with a sentence that names the option, the value (never a
 * secret) and what would be right. */
int option_check(const struct option_info *info, const char *text,
                 struct errmsg *msg) MUST_CHECK;

/* The place of text in the choices "a|b|c", from 0; -1 when it is none. */
int option_choice_index(const char *choices, const char *text);

/* A plain decimal number, nothing behind it. */
int option_parse_number(const char *text, double *value) MUST_CHECK;

/* Reads "403,509" into codes; ERR_SYNTAX when it is no such list, or one of
 * more than max. */
int option_parse_statuses(const char *text, int *codes, size_t max,
                          size_t *count) MUST_CHECK;

/* Bytes, with k, M, G or T for powers of 1024: at most 1e13. */
int option_parse_bytes(const char *text, int64_t *bytes) MUST_CHECK;

/* Bytes at the start of an item that say what it is about: a header's name
 * with its colon, the host and port of --resolve; 0: the whole text. */
size_t option_key_length(enum option_rule rule, const char *text);

#endif
