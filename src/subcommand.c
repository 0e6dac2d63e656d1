/* SPDX-License-Identifier: MIT
 *
 * The table of subcommands and what they have in common: reading the command
 * line, --help, --version, the configuration. The starting thread alone.
 */
#include "config.h"

#include "subcommand.h"

#include <curl/curl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <uv.h>

#include "say.h"

/* Of <curses.h>, whose other names (timeout, filter, move) stay in ui/. */
extern const char *curses_version(void);

static const struct subcommand table[] = {
    {"", "[OPTIONS] URL... | -i LIST",
     "download; in a directory with an unfinished session, add to it", IN_RUN,
     0, cmd_run},
    {"resume", "[DIR] [OPTIONS]",
     "go on with the session kept in DIR, with the options it was started with",
     IN_RUN, 1, cmd_resume},
    {"status", "[DIR] [--json]",
     "what the session in DIR has done, is doing and has failed", IN_STATUS, 1,
     cmd_status},
    {"failed", "[DIR] [--reason REASON] [--status LIST] [--expired]",
     "its failed (or expired) tasks as a manifest on standard output",
     IN_FAILED, 1, cmd_failed},
    {"retry", "[DIR] [--reason REASON] [--status LIST] [OPTIONS]",
     "try what failed again, in the run that is going on or in a new one",
     IN_RUN | IN_RETRY, 1, cmd_retry},
    {"set", "[DIR] NAME VALUE",
     "change a limit of the run that is going on in DIR", IN_ASK, 3, cmd_set},
    {"attach", "[DIR] [OPTIONS]",
     "the screen on the run that is going on in DIR; leaving it leaves the run",
     IN_ATTACH, 1, cmd_attach},
    {"ctl", "[DIR] COMMAND [ARG...]",
     "ask the run that is going on in DIR: pause, add, retry ...; 'spate ctl\n"
     "      --help' names all commands",
     IN_ASK, 0, cmd_ctl},
};

#define TABLE_COUNT (sizeof table / sizeof table[0])

const struct subcommand *subcommand_find(const char *word) {
  for (size_t i = 1; i < TABLE_COUNT && word != NULL; i++)
    if (strcmp(table[i].name, word) == 0)
      return &table[i];
  return &table[0];
}

const char *subcommand_nearest(const char *word) {
  size_t len = strlen(word);
  for (size_t i = 1; i < TABLE_COUNT && len >= 3; i++)
    if (strncmp(table[i].name, word, 3) == 0)
      return table[i].name;
  return NULL;
}

void subcommand_print_usage(void) {
  puts("spate - fetch one file or millions, as fast as the server bears\n");
  for (size_t i = 0; i < TABLE_COUNT; i++)
    printf("  spate%s%s %s\n      %s\n", *table[i].name != '\0' ? " " : "",
           table[i].name, table[i].synopsis, table[i].help);
}

static void print_help(const struct subcommand *command) {
  if (*command->name == '\0') {
    subcommand_print_usage();
  } else {
    printf("spate %s %s\n\n  %s\n", command->name, command->synopsis,
           command->help);
  }
  if (command->run == cmd_ctl)
    cmd_ctl_help();
  options_print_help(stdout, command->where);
  puts("\nExit status: 0 all done, 1 some failed, 2 usage, 3 session or disk,\n"
       "4 interrupted with work left. The manual: man spate");
}

static void print_version(void) {
  const curl_version_info_data *curl = curl_version_info(CURLVERSION_NOW);
  printf("spate %s\nlibcurl %s (%s), libuv %s, SQLite %s, %s\n",
         PACKAGE_VERSION, curl->version,
         curl->ssl_version != NULL ? curl->ssl_version : "no TLS",
         uv_version_string(), sqlite3_libversion(), curses_version());
}

static bool answered(const struct invocation *invocation) {
  if (options_flag(&invocation->options, OPT_HELP))
    print_help(invocation->command);
  else if (options_flag(&invocation->options, OPT_VERSION))
    print_version();
  else
    return false;
  return true;
}

int subcommand_main(const struct subcommand *command, int argc, char **argv) {
  struct invocation invocation = {.command = command};
  struct errmsg msg = {""};
  int status;
  options_init(&invocation.options);
  settings_init(&invocation.settings);
  int rc = cli_parse(&invocation.cli, &invocation.options, argc, argv,
                     command->where, command->name, &msg);
  if (rc == 0 && command->max_words > 0 &&
      invocation.cli.count > command->max_words)
    rc = err_set(&msg, ERR_USAGE, "more words than 'spate %s %s' takes",
                 command->name, command->synopsis);
  if (rc != 0)
    status = say_error(ERR_USAGE, &msg);
  else if (answered(&invocation))
    status = say_printed();
  else
    status = command->run(&invocation);
  cli_fini(&invocation.cli);
  settings_fini(&invocation.settings);
  options_fini(&invocation.options);
  return status;
}

int invocation_configure(struct invocation *invocation, bool for_resume,
                         int *status) {
  struct options *options = &invocation->options;
  struct errmsg msg = {""};
  char user[4096];
  struct settings_source source;
  settings_source_init(&source, options, user, sizeof user);
  source.for_resume = for_resume;
  if (settings_load(&invocation->settings, options, &source, &msg) != 0) {
    *status = say_error(ERR_USAGE, &msg);
    return 1;
  }
  return 0;
}

const char *invocation_dir(const struct invocation *invocation) {
  if (invocation->cli.count > 0)
    return invocation->cli.words[0];
  return options_text(&invocation->options, OPT_DIR);
}

void invocation_filter(const struct invocation *invocation,
                       struct failure_filter *filter) {
  const struct options *options = &invocation->options;
  *filter =
      (struct failure_filter){.reason = options_given(options, OPT_REASON)
                                            ? options_text(options, OPT_REASON)
                                            : NULL,
                              .status = options_given(options, OPT_STATUS)
                                            ? options_text(options, OPT_STATUS)
                                            : NULL};
}
