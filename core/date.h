/* SPDX-License-Identifier: MIT
 *
 * Dates of headers and manifests, as seconds since 1970 in UTC.
 * Pure; any thread.
 */
#ifndef SPATE_DATE_H
#define SPATE_DATE_H

#include <stdint.h>

#define DATE_LEAST 20 /* characters of a date in a header */
#define DATE_MOST 64

/* YYYY-MM-DD or YYYYMMDD, with a time of day and a zone behind it or not
 * (RFC 3339 section 5.6 and the forms of ISO 8601 that signatures use).
 * 0 or ERR_SYNTAX. */
int date_iso(const char *text, int64_t *unix_seconds);

/* An HTTP-date in any of its three forms (RFC 9110 section 5.6.7). The one that
 * servers must send is read here, since curl_getdate(3), which has the others,
 * took a twentieth of all instructions of a small file. 0 or ERR_SYNTAX. */
int date_http(const char *text, int64_t *unix_seconds);

#endif
