/* SPDX-License-Identifier: MIT
 *
 * When a pre-signed URL stops being good: Amazon S3 V2 and V4, CloudFront,
 * Google Cloud Storage V2 and V4, Alibaba OSS V1, V2 and V4, Azure SAS. And
 * times as people write them in a manifest's column.
 *
 * Pure; any thread.
 */
#ifndef SPATE_EXPIRY_H
#define SPATE_EXPIRY_H

#include <stdint.h>

#include "err.h"

/* Seconds since 1970 (the server's clock) up to which a request may start.
 * ERR_NOTFOUND when the URL carries no expiry or a malformed one. When it
 * carries several, the earliest. */
int expiry_from_url(const char *url, int64_t *unix_seconds) MUST_CHECK;

/* Epoch seconds (9 to 11 digits) or milliseconds (13), ISO 8601 / RFC 3339
 * ("2024-05-01", "2024-05-01T10:00Z", "2024-05-01 10:00:00.5+02:00",
 * "20240501T100000Z"; without a zone: UTC), or an HTTP-date. ERR_SYNTAX for
 * anything else. */
int expiry_parse_time(const char *text, int64_t *unix_seconds) MUST_CHECK;

#endif
