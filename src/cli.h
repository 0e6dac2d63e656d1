/* SPDX-License-Identifier: MIT
 *
 * The command line: options of the table and the words between them. Options
 * and words may be mixed; "--" ends the options; letters may stand together
 * (-kq) and have their argument attached (-j8).
 *
 * Secrets are blanked out in argv once they are copied, so that they do not
 * stand in the process list for longer than the start takes.
 *
 * Thread: the starting thread alone.
 */
#ifndef SPATE_CLI_H
#define SPATE_CLI_H

#include <stddef.h>

#include "err.h"
#include "options.h"

struct cli {
  char **words; /* owned copies of what is not an option */
  size_t count;
};

/* Reads argv[0..argc-1] (the program's and the subcommand's names already
 * passed over) into options, layer LAYER_COMMAND_LINE, and words. where: the
 * IN_ bit of the subcommand; command: its name for messages, "" for a run.
 * Nothing of argv is kept. */
int cli_parse(struct cli *cli, struct options *options, int argc, char **argv,
              unsigned where, const char *command,
              struct errmsg *msg) MUST_CHECK;
void cli_fini(struct cli *cli);

#endif
