/* SPDX-License-Identifier: MIT
 *
 * What stands around every screen: the header with the screens and counts,
 * the rates or the summary line, the error line with the prompt, the keys.
 */
#ifndef SPATE_UI_CHROME_H
#define SPATE_UI_CHROME_H

#include "app.h"

void chrome_top(struct app *app, const struct draw *draw);
void chrome_bottom(struct app *app, const struct draw *draw);

/* Wall clock time of day, "14:02:55"; returns buf. */
char *chrome__clock(int64_t unix_s, char *buf, size_t cap);

#endif
