/* SPDX-License-Identifier: MIT
 *
 * INI files: iniparser reads the values, and a scan of the same bytes finds
 * what iniparser does not tell or silently gets wrong: the line of each key,
 * keys given twice, text cut off at a ';' in the middle of a value, a colon in
 * a section's name.
 *
 * Thread: the starting thread alone (iniparser's error hook is global).
 */
#ifndef SPATE_INI_H
#define SPATE_INI_H

#include <stddef.h>

#include "err.h"

#define INI_LINE 1000 /* bytes; iniparser gives up at 1024 */
#ifdef SPATE_FUZZING
#define INI_MAX_BYTES ((size_t)1 << 15)
#else
#define INI_MAX_BYTES ((size_t)1 << 20)
#endif

struct ini_entry {
  const char *file;
  unsigned line;
  const char *section; /* lower case, blanks at its ends taken off */
  const char *key;     /* lower case */
  const char *value;
};

/* Calls back for each key in the order of the file; strings are valid during
 * the call. Stops at the first non-zero answer and returns it. ERR_NOTFOUND
 * when there is no such file, ERR_TOOBIG over INI_MAX_BYTES, ERR_SYNTAX with
 * file and line. */
int ini_read(const char *path,
             int (*each)(void *arg, const struct ini_entry *entry,
                         struct errmsg *msg),
             void *arg, struct errmsg *msg) MUST_CHECK;

#endif
