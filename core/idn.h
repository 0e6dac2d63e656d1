/* SPDX-License-Identifier: MIT
 *
 * Host names beyond ASCII in the form that DNS, certificates and servers know:
 * "münchen.example" is asked for as "xn--mnchen-3ya.example". IDNA 2008 (RFC
 * 5890) after the mapping of UTS #46, non-transitional, and where that refuses
 * a name (a sign, an emoji) transitional: as libcurl does. Without libidn2
 * every such name is refused.
 *
 * What comes out need not be a host name: a character may be mapped to a slash
 * or a blank. Whoever asks checks it as if it had been written so.
 *
 * Pure; any thread.
 */
#ifndef SPATE_IDN_H
#define SPATE_IDN_H

#include <stdbool.h>
#include <stddef.h>

#include "err.h"

/* Is a byte of it beyond ASCII? */
bool idn_is_wide(const char *text, size_t len);

/* The A-label form of a name, ended by a NUL. ERR_SYNTAX, ERR_TOOBIG,
 * ERR_UNSUPPORTED (no libidn2) or ERR_NOMEM, and *why says for a person what is
 * wrong, behind "its host name"; a literal. */
int idn_to_ascii(const char *name, size_t len, char *out, size_t cap,
                 const char **why) MUST_CHECK;

#endif
