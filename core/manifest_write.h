/* SPDX-License-Identifier: MIT
 *
 * A task as a line of a jsonl manifest, so that what failed can be asked for
 * again with all that its line said.
 *
 * Pure; any thread.
 */
#ifndef SPATE_MANIFEST_WRITE_H
#define SPATE_MANIFEST_WRITE_H

#include "manifest.h"

/* The line without its newline, to be freed; NULL without memory. Characters
 * beyond ASCII are escaped where the line stays below its ceiling. Bytes that
 * are no UTF-8 become %XX in a URL and '_' in a name (as an output gets it); a
 * body with such bytes cannot be told: the line is then a comment that says
 * so. */
char *manifest_write_json(const struct manifest_line *line);

/* The same for the text form: "URL" or "URL<tab>NAME". */
char *manifest_write_text(const struct manifest_line *line);

#endif
