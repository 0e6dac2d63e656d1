/* SPDX-License-Identifier: MIT
 *
 * The command line against the option table. Not getopt_long: its messages
 * cannot name the nearest known option, it abbreviates (a script that uses an
 * abbreviation breaks with the next option), and the table would have to be
 * written a second time. The starting thread alone.
 */
#include "config.h"

#include "cli.h"

#include <stdlib.h>
#include <string.h>

struct reader {
  struct cli *cli;
  struct options *options;
  int argc, at;
  char **argv;
  unsigned where;
  const char *command;
  struct errmsg *msg;
};

static void blank(char *text) {
  memset(text, '*', strlen(text));
}

/* What a URL can keep secret: its user info, query and fragment. */
static void blank_url(char *word) {
  char *scheme = strstr(word, "://");
  if (scheme == NULL)
    return;
  char *host = scheme + 3;
  char *tail = host + strcspn(host, "?#");
  if (*tail != '\0')
    blank(tail + 1);
  size_t authority = strcspn(host, "/?#");
  for (size_t i = authority; i-- > 0;)
    if (host[i] == '@') {
      memset(host, '*', i);
      break;
    }
}

static int add_word(struct reader *reader, char *word) {
  struct cli *cli = reader->cli;
  char **grown = realloc(cli->words, (cli->count + 1) * sizeof *grown);
  if (grown == NULL)
    return err_set(reader->msg, ERR_NOMEM, "out of memory");
  cli->words = grown;
  cli->words[cli->count] = strdup(word);
  if (cli->words[cli->count] == NULL)
    return err_set(reader->msg, ERR_NOMEM, "out of memory");
  cli->count++;
  blank_url(word);
  return 0;
}

/* The directory of a subcommand is a word of its own. */
static int means_nothing(const struct reader *reader, enum option_id id) {
  const char *command = reader->command;
  if (id == OPT_DIR)
    return err_set(reader->msg, ERR_USAGE,
                   "--dir means nothing to 'spate %s': write the directory as "
                   "its first argument, as in 'spate %s DIR'",
                   command, command);
  return err_set(reader->msg, ERR_USAGE, "--%s means nothing to 'spate%s%s'",
                 option_info(id)->name, *command != '\0' ? " " : "", command);
}

static int set(struct reader *reader, int id, char *text) {
  const struct option_info *info = option_info((enum option_id)id);
  if ((info->flags & reader->where) == 0)
    return means_nothing(reader, (enum option_id)id);
  int rc = options_set(reader->options, (enum option_id)id, text,
                       LAYER_COMMAND_LINE, reader->msg);
  if (rc == 0 && (info->flags & SECRET) != 0)
    blank(text);
  return rc;
}

static int set_flag(struct reader *reader, int id) {
  char yes[] = "yes";
  return set(reader, id, yes);
}

/* The argument that stands in the next word. */
static int set_from_next(struct reader *reader, int id) {
  const struct option_info *info = option_info((enum option_id)id);
  if (reader->at + 1 >= reader->argc)
    return err_set(reader->msg, ERR_USAGE, "--%s needs an argument: %s",
                   info->name, info->arg);
  return set(reader, id, reader->argv[++reader->at]);
}

/* What the fingers know from curl and wget, and need not do here. */
static const char *habit(const char *shown) {
  static const struct {
    char letter;
    const char *hint;
  } habits[] = {
      {'O', "files get the names of their URLs without it, or -o NAME"},
      {'L', "redirects are followed without it"},
      {'f', "an error of the server is a failure without it"},
      {'S', "failures are told without it, but for -q"},
      {'C', "what was begun goes on without it"},
      {'c', "what was begun goes on without it"},
      {'P', "the directory is named with -d DIR"},
      {'J', "the server's name is taken with --content-disposition"},
  };
  for (size_t i = 0; i < sizeof habits / sizeof *habits; i++)
    if (shown[1] == habits[i].letter && shown[2] == '\0')
      return habits[i].hint;
  return NULL;
}

static int unknown(struct reader *reader, const char *shown, const char *name) {
  const char *hint = habit(shown);
  if (hint != NULL)
    return err_set(reader->msg, ERR_USAGE, "unknown option %s: %s", shown,
                   hint);
  const char *nearest = option_nearest(name);
  if (nearest != NULL)
    return err_set(reader->msg, ERR_USAGE,
                   "unknown option %s; did you mean --%s?", shown, nearest);
  return err_set(reader->msg, ERR_USAGE,
                 "unknown option %s; 'spate --help' names them all", shown);
}

static int read_long(struct reader *reader, char *word) {
  char name[64], shown[72];
  char *equals = strchr(word, '=');
  int len = (int)(equals != NULL ? (size_t)(equals - word) : strlen(word));
  snprintf(name, sizeof name, "%.*s", len - 2, word + 2);
  snprintf(shown, sizeof shown, "--%s", name);
  int id = option_find(name);
  if (id < 0)
    return unknown(reader, shown, name);
  const struct option_info *info = option_info((enum option_id)id);
  bool alone = option_is_switch(info);
  if (alone && equals != NULL && (info->flags & TAKES_WORD) == 0)
    return err_set(reader->msg, ERR_USAGE, "--%s takes no argument",
                   info->name);
  if (alone && equals == NULL)
    return set_flag(reader, id);
  if (equals != NULL)
    return set(reader, id, equals + 1);
  return set_from_next(reader, id);
}

static int read_letters(struct reader *reader, char *word) {
  for (char *at = word + 1; *at != '\0'; at++) {
    int id = option_find_letter(*at);
    if (id < 0) {
      char shown[3] = {'-', *at, '\0'};
      /* -abc may be a long name with one dash too few. */
      return unknown(reader, shown, at == word + 1 ? word + 1 : "");
    }
    if (!option_is_switch(option_info((enum option_id)id)))
      return at[1] != '\0' ? set(reader, id, at + 1)
                           : set_from_next(reader, id);
    int rc = set_flag(reader, id);
    if (rc != 0)
      return rc;
  }
  return 0;
}

static int read_all(struct reader *reader) {
  bool only_words = false;
  for (; reader->at < reader->argc; reader->at++) {
    char *word = reader->argv[reader->at];
    int rc = 0;
    if (only_words || word[0] != '-' || word[1] == '\0')
      rc = add_word(reader, word);
    else if (strcmp(word, "--") == 0)
      only_words = true;
    else if (word[1] == '-')
      rc = read_long(reader, word);
    else
      rc = read_letters(reader, word);
    if (rc != 0)
      return rc;
  }
  return 0;
}

int cli_parse(struct cli *cli, struct options *options, int argc, char **argv,
              unsigned where, const char *command, struct errmsg *msg) {
  struct reader reader = {.cli = cli,
                          .options = options,
                          .argc = argc,
                          .argv = argv,
                          .where = where,
                          .command = command,
                          .msg = msg};
  cli->words = NULL;
  cli->count = 0;
  return read_all(&reader);
}

void cli_fini(struct cli *cli) {
  for (size_t i = 0; i < cli->count; i++)
    free(cli->words[i]);
  free(cli->words);
  cli->words = NULL;
  cli->count = 0;
}
