/* SPDX-License-Identifier: MIT
 *
 * expiry.c: times in URLs and in manifests are within what a calendar has, and
 * mean the same however they are written.
 */
#include "config.h"

#include <inttypes.h>
#include <time.h>

#include "expiry.h"
#include "fuzz.h"

#define YEAR_10000 INT64_C(253402300800)

/* The same moment as ISO 8601. */
static void need_same_as_iso(int64_t unix_seconds) {
  char iso[40];
  time_t t = (time_t)unix_seconds;
  struct tm tm;
  int64_t back = -1;
  if (unix_seconds < 0 || unix_seconds >= YEAR_10000 || !gmtime_r(&t, &tm))
    return;
  strftime(iso, sizeof iso, "%Y-%m-%dT%H:%M:%SZ", &tm);
  FUZZ_NEED(expiry_parse_time(iso, &back) == 0);
  FUZZ_NEED(back == unix_seconds);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  char *text = fuzz_text(data, size);
  int64_t when = 0;
  if (expiry_from_url(text, &when) == 0)
    FUZZ_NEED(when >= 0 && when < 2 * YEAR_10000);
  if (expiry_parse_time(text, &when) == 0) {
    FUZZ_NEED(when > -YEAR_10000 && when < 2 * YEAR_10000);
    need_same_as_iso(when);
  }
  free(text);
  return 0;
}
