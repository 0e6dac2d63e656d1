/* SPDX-License-Identifier: MIT
 *
 * spate ctl [DIR] COMMAND [ARG]: asks a run that goes on elsewhere. Each
 * command is a row; sentences are printed as such, pictures as JSON. The main
 * thread.
 */
#include "config.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "ctl_client.h"
#include "limits.h"
#include "member.h"
#include "say.h"
#include "subcommand.h"
#include "text.h"

enum argument { ARG_NONE, ARG_LIMIT, ARG_TASK };
enum answer { ANSWER_TEXT, ANSWER_VALUE, ANSWER_LIMITS, ANSWER_JSON };

static const struct ctl_command {
  const char *name;
  const char *method;
  enum argument argument;
  enum answer answer;
} commands[] = {
    {"pause", "pause", ARG_NONE, ANSWER_TEXT},
    {"resume", "resume", ARG_NONE, ANSWER_TEXT},
    {"stop", "stop", ARG_NONE, ANSWER_TEXT},
    {"pause", "pause-task", ARG_TASK, ANSWER_TEXT},
    {"resume", "resume-task", ARG_TASK, ANSWER_TEXT},
    {"cancel", "cancel", ARG_TASK, ANSWER_TEXT},
    {"retry", "retry", ARG_TASK, ANSWER_TEXT},
    {"get", "get", ARG_LIMIT, ANSWER_VALUE},
    {"limits", "list", ARG_NONE, ANSWER_LIMITS},
    {"status", "status", ARG_NONE, ANSWER_JSON},
    {"snapshot", "snapshot", ARG_NONE, ANSWER_JSON},
};

static const char usage[] =
    "spate ctl [DIR] COMMAND [ARG]: pause [ID], resume [ID], stop, cancel ID, "
    "retry ID|failed, get NAME, limits, status, snapshot";

static const struct ctl_command *find(const char *name, bool with_argument) {
  for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
    if (strcmp(commands[i].name, name) == 0 &&
        (commands[i].argument != ARG_NONE) == with_argument)
      return &commands[i];
  return NULL;
}

static int read_task(const char *text, json_t **params, struct errmsg *msg) {
  char *end;
  errno = 0;
  long long id = strtoll(text, &end, 10);
  if (*text < '0' || *text > '9' || *end != '\0' || errno != 0 || id <= 0)
    return err_set(msg, ERR_USAGE,
                   "'%s' is no task; their numbers stand in 'spate ctl "
                   "snapshot'",
                   text);
  *params = json_pack("{s:I}", "task", (json_int_t)id);
  return 0;
}

static int read_limit(const char *name, json_t **params, struct errmsg *msg) {
  int id = limit_find(name);
  if (id < 0)
    return err_set(msg, ERR_USAGE,
                   "'%s' is no limit; 'spate ctl limits' names them", name);
  *params = json_pack("{s:s}", "name", limit_info((enum limit_id)id)->name);
  return 0;
}

/* ---- answers ----------------------------------------------------------------
 */

static const char *text_of(const json_t *object, const char *name) {
  const char *text = json_string_value(json_object_get(object, name));
  return text != NULL ? text : "";
}

static void print_text(const char *text) {
  char safe[1024];
  text_clip(safe, sizeof safe, text, TEXT_WHOLE, -1, 0, NULL);
  if (*safe != '\0')
    puts(safe);
}

static void print_limits(const json_t *list) {
  for (size_t i = 0; i < json_array_size(list); i++) {
    const json_t *limit = json_array_get(list, i);
    char line[256];
    snprintf(line, sizeof line, "%-16s %-10s (default %s)",
             text_of(limit, "name"), text_of(limit, "value"),
             text_of(limit, "default"));
    print_text(line);
  }
}

static void print_answer(const struct ctl_command *command, json_t *result) {
  switch (command->answer) {
  case ANSWER_TEXT:
    print_text(text_of(result, "text"));
    break;
  case ANSWER_VALUE:
    print_text(text_of(result, "value"));
    break;
  case ANSWER_LIMITS:
    print_limits(result);
    break;
  case ANSWER_JSON:
    json_dumpf(result, stdout, MEMBER_FORMAT);
    putchar('\n');
    break;
  }
}

/* ---- the command ------------------------------------------------------------
 */

struct ask {
  const char *dir, *method;
  const struct ctl_command *command;
  json_t *params;
};

/* A first word that is a directory is DIR, unless it is all there is. */
static int read_words(struct ask *ask, const struct cli *cli,
                      struct errmsg *msg) {
  struct stat st;
  size_t at = 0;
  ask->dir = ".";
  if (cli->count == 3 ||
      (cli->count == 2 && stat(cli->words[0], &st) == 0 && S_ISDIR(st.st_mode)))
    ask->dir = cli->words[at++];
  if (at >= cli->count)
    return err_set(msg, ERR_USAGE, "%s", usage);
  const char *name = cli->words[at++];
  const char *argument = at < cli->count ? cli->words[at] : NULL;
  ask->command = find(name, argument != NULL);
  if (ask->command == NULL && find(name, argument == NULL) != NULL)
    return err_set(msg, ERR_USAGE, "'%s' %s; %s", name,
                   argument != NULL ? "takes no argument" : "needs an argument",
                   usage);
  if (ask->command == NULL)
    return err_set(msg, ERR_USAGE, "there is no command '%s'; %s", name, usage);
  ask->method = ask->command->method;
  if (ask->command->argument == ARG_LIMIT)
    return read_limit(argument, &ask->params, msg);
  if (strcmp(name, "retry") == 0 && strcmp(argument, "failed") == 0)
    ask->method = "retry-failed";
  else if (ask->command->argument == ARG_TASK)
    return read_task(argument, &ask->params, msg);
  return 0;
}

int cmd_ctl(struct invocation *invocation) {
  struct errmsg msg = {""};
  struct ask ask = {0};
  json_t *result = NULL;
  if (read_words(&ask, &invocation->cli, &msg) != 0)
    return say_error(ERR_USAGE, &msg);
  int rc =
      ctl_ask(ask.dir, ask.method, ask.params, CTL_TIMEOUT_MS, &result, &msg);
  if (rc != 0) {
    say("%s", msg.text);
    return ctl_exit_status(rc);
  }
  print_answer(ask.command, result);
  json_decref(result);
  return fflush(stdout) == 0 ? 0 : 3;
}
