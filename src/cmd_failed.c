/* SPDX-License-Identifier: MIT
 *
 * spate failed [DIR] [--reason R] [--status S] [--expired]: the failed tasks
 * (or those that want a new signature) as a manifest, in clear, since it is to
 * be run again; the reason stands before each line as a comment. On a terminal
 * control characters are made harmless. The main thread.
 */
#include "config.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "say.h"
#include "session.h"
#include "subcommand.h"
#include "text.h"

static void print_reason(const struct session_failure *failure) {
  char reason[512];
  text_clip(reason, sizeof reason, failure->reason, TEXT_WHOLE, -1, 0, NULL);
  printf("# %s: %s", task_state_name(failure->state), reason);
  if (failure->status != 0)
    printf(" (status %d)", failure->status);
  if (failure->attempts > 1)
    printf(" after %d attempts", failure->attempts);
  putchar('\n');
}

/* The tab between URL and name is the only control character of a line. */
static void print_safely(const char *line) {
  size_t url = strcspn(line, "\t");
  size_t cap = strlen(line) * 3 + 1;
  char *safe = malloc(cap);
  if (safe == NULL)
    return;
  text_clip(safe, cap, line, url, -1, 0, NULL);
  fputs(safe, stdout);
  if (line[url] == '\t') {
    text_clip(safe, cap, line + url + 1, TEXT_WHOLE, -1, 0, NULL);
    printf("\t%s", safe);
  }
  putchar('\n');
  free(safe);
}

static int print_failure(void *arg, const struct session_failure *failure) {
  const bool *terminal = arg;
  print_reason(failure);
  if (*terminal)
    print_safely(failure->line);
  else
    puts(failure->line);
  return ferror(stdout) != 0;
}

int cmd_failed(struct invocation *invocation) {
  struct errmsg msg = {""};
  bool terminal = isatty(STDOUT_FILENO) != 0;
  struct session_search search = {
      .state = options_flag(&invocation->options, OPT_EXPIRED) ? TASK_EXPIRED
                                                               : TASK_FAILED};
  invocation_filter(invocation, &search.filter);
  int rc = session_failures_find(invocation_dir(invocation), &search,
                                 print_failure, &terminal, &msg);
  if (rc < 0)
    return say_error(rc, &msg);
  return say_printed();
}
