/* SPDX-License-Identifier: MIT
 *
 * Secrets out of what people and logs see: passwords and tokens in URLs and
 * headers become "***". Which query parameters are secret is a const table.
 *
 * Errs on the side of hiding. The output is not yet safe for a terminal: that
 * is text_clip()'s work. Pure; any thread.
 */
#ifndef SPATE_REDACT_H
#define SPATE_REDACT_H

#include <stddef.h>

/* All write at most cap bytes, always terminated (cap 0: nothing), and return
 * the length written. out must not overlap the input. When the output does not
 * fit it is cut, never in a way that shows a secret. */

/* A URL: the password in its user info, the values of secret parameters in its
 * query and fragment (names in any case, percent-encoded or not). */
size_t redact_url(const char *url, char *out, size_t cap);

/* Any text: each URL in it as by redact_url(). */
size_t redact_text(const char *text, char *out, size_t cap);

/* A header line "Name: value": the value of those that carry credentials
 * (Authorization, Cookie, names with token, secret, key, ...), and URLs in all
 * others. */
size_t redact_header(const char *line, char *out, size_t cap);

#endif
