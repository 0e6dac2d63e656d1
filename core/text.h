/* SPDX-License-Identifier: MIT
 *
 * Untrusted text made safe for a terminal, and figures written for people.
 *
 * text_clip() is the only way for a URL, file name, header or server message
 * to a terminal, log or window title. Its output is valid UTF-8 (or ASCII),
 * has no control, bidi or zero-width character, and takes exactly as many
 * cells as it says.
 *
 * Pure; any thread.
 */
#ifndef SPATE_TEXT_H
#define SPATE_TEXT_H

#include <stddef.h>
#include <stdint.h>

#define TEXT_ASCII 1u  /* ASCII alone: '?' for the rest, '~' where clipped */
#define TEXT_MIDDLE 2u /* clip in the middle: the end stays */
#define TEXT_PAD 4u    /* fill up with spaces behind to exactly cells */
#define TEXT_RIGHT 8u  /* with TEXT_PAD: fill up in front */

#define TEXT_WHOLE ((size_t)-1) /* len: up to the NUL */

/* Writes a safe form of len bytes of src to dst (cap bytes, always terminated,
 * whole characters only), at most cells wide; cells < 0: no limit. Control
 * characters, line separators and invalid bytes become U+FFFD ('?' with
 * TEXT_ASCII), one each; bidi controls and zero-width characters are dropped;
 * more than two combining marks on a base are dropped. What is clipped ends
 * in U+2026 or '~' (cells 0: nothing). src may hold NULs and is not written
 * to; dst must not overlap it. Returns the bytes written without the NUL;
 * *used (may be NULL) gets the cells taken. */
size_t text_clip(char *dst, size_t cap, const char *src, size_t len, int cells,
                 unsigned flags, int *used);

/* Cells that the safe form of src takes. */
int text_width(const char *src, size_t len, unsigned flags);

/* All of the following return buf. With cap of TEXT_NUMBER_CAP nothing is
 * cut. */
#define TEXT_NUMBER_CAP 16

/* Bytes in at most 5 cells: "1023", "88.1M", "139M", "3.71G" (powers of 1024);
 * "-" when negative. */
char *text_bytes(char *buf, size_t cap, int64_t bytes);
/* Bytes a second in at most 7 cells: "11.2M/s". */
char *text_rate(char *buf, size_t cap, double bytes_per_s);
/* A count in at most 5 cells, powers of 1000: "99999", "123k", "32.0M". */
char *text_count(char *buf, size_t cap, uint64_t count);
/* Seconds in at most 8 cells: "00:02:04", from 48 hours on "3d 04h", then
 * "123d", "9y 120d"; "-" when negative. */
char *text_duration(char *buf, size_t cap, int64_t seconds);

#endif
