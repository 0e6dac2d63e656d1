/* SPDX-License-Identifier: MIT
 *
 * What the program says to a person outside its front ends: through
 * redact_text() and text_clip(), since it may quote names and URLs from
 * anywhere. One write(2) for each sentence, so that lines of several programs
 * on one terminal do not mix.
 */
#include "config.h"

#include "say.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "redact.h"
#include "text.h"

#define SAY_MAX 2048

void say(const char *fmt, ...) {
  char raw[SAY_MAX], plain[SAY_MAX], safe[SAY_MAX + 16] = "spate: ";
  va_list args;
  va_start(args, fmt);
  vsnprintf(raw, sizeof raw, fmt, args);
  va_end(args);
  redact_text(raw, plain, sizeof plain);
  size_t len = strlen(safe);
  len += text_clip(safe + len, SAY_MAX - len, plain, TEXT_WHOLE, -1, 0, NULL);
  safe[len++] = '\n';
  /* Nobody is left to tell when standard error is gone. */
  ssize_t written = write(STDERR_FILENO, safe, len);
  (void)written;
}

int say_error(int code, const struct errmsg *msg) {
  say("%s", msg->text[0] != '\0' ? msg->text : err_text(code));
  /* 1 means that a run has come to its end; this one did not begin. */
  int status = err_exit_status(code);
  return status == 1 ? 3 : status;
}

int say_printed(void) {
  if (fflush(stdout) == 0 && !ferror(stdout))
    return 0;
  say("standard output cannot be written to");
  return 3;
}
