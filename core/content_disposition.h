/* SPDX-License-Identifier: MIT
 *
 * The file name in a Content-Disposition field (RFC 6266), the extended form
 * "filename*=UTF-8''na%C3%AFve" (RFC 8187) before the plain one.
 *
 * Foreign bytes: the name is what the server wrote, decoded to UTF-8. It is
 * NOT safe as a file name: it may hold slashes, dots and control characters
 * (names.h cleans it). Pure; any thread.
 */
#ifndef SPATE_CONTENT_DISPOSITION_H
#define SPATE_CONTENT_DISPOSITION_H

#include <stddef.h>

#include "err.h"

/* Writes the name, terminated. ERR_NOTFOUND when the field names none that can
 * be read, ERR_TOOBIG when it does not fit. */
int content_disposition_name(const char *value, size_t length, char *name,
                             size_t cap) MUST_CHECK;

#endif
