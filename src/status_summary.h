/* SPDX-License-Identifier: MIT
 *
 * What spate status says of the answers of all runs of a session: counts by
 * status, host and type, sizes and times. The main thread.
 */
#ifndef SPATE_STATUS_SUMMARY_H
#define SPATE_STATUS_SUMMARY_H

#include <jansson.h>

#include "summary.h"

/* null when nothing has ended yet. */
json_t *summary_json(const struct summary *summary);
/* A few lines, or nothing. */
void summary_print(const struct summary *summary);

#endif
