/* SPDX-License-Identifier: MIT
 *
 * The subcommands, one small file each (cmd_*.c) and one row each in
 * subcommand.c. A word is a subcommand only as the first argument; anything
 * else begins a run.
 */
#ifndef SPATE_SUBCOMMAND_H
#define SPATE_SUBCOMMAND_H

#include "cli.h"
#include "failure.h"
#include "options.h"
#include "settings.h"

struct invocation;

struct subcommand {
  const char *name; /* "" for a run */
  const char *synopsis, *help;
  unsigned where;     /* its IN_ bit */
  unsigned max_words; /* arguments it takes at most; 0 any number */
  int (*run)(struct invocation *invocation); /* returns the exit status */
};

/* The command line, read. */
struct invocation {
  const struct subcommand *command;
  struct options options;
  struct settings settings;
  struct cli cli;
};

/* The row for the first argument (NULL: there is none); never NULL. */
const struct subcommand *subcommand_find(const char *word);

/* Its name when a word looks like a mistyped subcommand; NULL otherwise. */
const char *subcommand_nearest(const char *word);

void subcommand_print_usage(void);

/* Reads the arguments behind the subcommand's name and runs it. */
int subcommand_main(const struct subcommand *command, int argc, char **argv);

/* INI files, profile and, on the way, --dump-config. Returns 0, or 1 when the
 * program is at its end with *status. */
int invocation_configure(struct invocation *invocation, bool for_resume,
                         int *status);

/* The DIR argument: the only word, or --dir where that is meant; else ".". */
const char *invocation_dir(const struct invocation *invocation);

/* --reason and --status; the texts are the options'. */
void invocation_filter(const struct invocation *invocation,
                       struct failure_filter *filter);

/* spate resume; of what failed before only that of the filter (NULL all) is
 * tried again. */
int resume_session(struct invocation *invocation,
                   const struct failure_filter *only);

int cmd_run(struct invocation *invocation);
int cmd_resume(struct invocation *invocation);
int cmd_status(struct invocation *invocation);
int cmd_retry(struct invocation *invocation);
int cmd_failed(struct invocation *invocation);
int cmd_set(struct invocation *invocation);
int cmd_attach(struct invocation *invocation);
int cmd_ctl(struct invocation *invocation);
void cmd_ctl_help(void);

#endif
