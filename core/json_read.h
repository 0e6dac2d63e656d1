/* SPDX-License-Identifier: MIT
 *
 * json_loadb() that can be believed when memory runs out. jansson loses the
 * byte that its buffer has no room for and goes on, and calls a token that it
 * could not copy a fault of syntax; so a list's line would be bad for ever, or
 * its URL another one. Here whoever asks is told that it was the memory.
 *
 * Any thread.
 */
#ifndef SPATE_JSON_READ_H
#define SPATE_JSON_READ_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* As json_loadb(). NULL and *starved: nothing is known about the text, and the
 * error says nothing about it either. */
json_t *json_read(const char *text, size_t length, size_t flags,
                  json_error_t *error, bool *starved);

/* As json_dumps(), which leaves a key out when there is no room for it: here
 * that is NULL. */
char *json_text(const json_t *value, size_t flags);

#endif
