/* SPDX-License-Identifier: MIT
 *
 * spate ctl [DIR] COMMAND [ARG...]: asks a run that goes on elsewhere. What can
 * be asked is the table of core/command.h and a few looks; sentences are
 * printed as such, pictures as JSON. The main thread.
 */
#include "config.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "command.h"
#include "ctl_client.h"
#include "limits.h"
#include "member.h"
#include "protocol.h"
#include "say.h"
#include "subcommand.h"
#include "text.h"
#include "words.h"

enum answer { ANSWER_TEXT, ANSWER_VALUE, ANSWER_LIMITS, ANSWER_JSON };

static const struct look {
  const char *name, *method, *arg, *help;
  enum answer answer;
} looks[] = {
    {"get", "get", "NAME", "one limit", ANSWER_VALUE},
    {"limits", "list", "", "all limits with their defaults", ANSWER_LIMITS},
    {"status", "status", "", "figures as one JSON object", ANSWER_JSON},
    {"snapshot", "snapshot", "",
     "all that the screen knows as one JSON object; \"task\" is TASK",
     ANSWER_JSON},
};

#define LOOKS (sizeof looks / sizeof looks[0])

/* What is asked: a look, or a command once for each list of parameters. */
struct ask {
  const char *dir, *method;
  enum answer answer;
  json_t **params;
  size_t count;
};

static const struct look *find_look(const char *name) {
  for (size_t i = 0; i < LOOKS; i++)
    if (strcmp(looks[i].name, name) == 0)
      return &looks[i];
  return NULL;
}

static int find_command(const char *name) {
  int kind = command_find(name);
  return kind >= 0 && command_info((enum command_kind)kind)->args != ARGS_LOCAL
             ? kind
             : -1;
}

static bool is_known(const char *name) {
  return find_look(name) != NULL || find_command(name) >= 0;
}

/* ---- help -------------------------------------------------------------------
 */

static const char *arguments_of(enum command_args args) {
  switch (args) {
  case ARGS_TASK:
    return " TASK...";
  case ARGS_TASK_COUNT:
    return " TASK N";
  case ARGS_TASK_BYTES:
    return " TASK BYTES";
  case ARGS_TASK_URL:
    return " TASK URL...";
  case ARGS_LIMIT:
    return " NAME VALUE";
  case ARGS_HOST:
    return " HOST";
  case ARGS_HOST_LIMIT:
    return " HOST NAME VALUE";
  case ARGS_CHOICE:
    return " [WORD...]";
  case ARGS_PATH:
    return " FILE";
  case ARGS_LINES:
    return " URL... | -";
  case ARGS_LOCAL:
  case ARGS_NONE:
    break;
  }
  return "";
}

void cmd_ctl_help(void) {
  char form[64];
  puts("\nCommands:");
  for (int i = 0; i < COMMAND_COUNT; i++) {
    const struct command_info *info = command_info((enum command_kind)i);
    if (info->args == ARGS_LOCAL)
      continue;
    snprintf(form, sizeof form, "%s%s", info->name, arguments_of(info->args));
    printf("  %-27s %s\n", form, info->help);
  }
  for (size_t i = 0; i < LOOKS; i++) {
    snprintf(form, sizeof form, "%s%s%s", looks[i].name,
             looks[i].arg[0] != '\0' ? " " : "", looks[i].arg);
    printf("  %-27s %s\n", form, looks[i].help);
  }
  puts("  'pause TASK', 'resume TASK' and 'retry failed' are understood, too");
}

/* ---- arguments --------------------------------------------------------------
 */

static int out_of_memory(struct errmsg *msg) {
  return err_set(msg, ERR_NOMEM, "%s", err_text(ERR_NOMEM));
}

/* Takes params over. */
static int add(struct ask *ask, json_t *params, struct errmsg *msg) {
  json_t **grown = realloc(ask->params, (ask->count + 1) * sizeof *grown);
  if (grown != NULL)
    ask->params = grown;
  if (grown == NULL || params == NULL) {
    json_decref(params);
    return out_of_memory(msg);
  }
  ask->params[ask->count++] = params;
  return 0;
}

static int read_task(const char *text, json_int_t *task, struct errmsg *msg) {
  char *end;
  errno = 0;
  long long id = strtoll(text, &end, 10);
  if (*text < '0' || *text > '9' || *end != '\0' || errno != 0 || id <= 0)
    return err_set(msg, ERR_USAGE,
                   "'%s' is no task; their numbers stand in 'spate ctl "
                   "snapshot'",
                   text);
  *task = id;
  return 0;
}

static int add_tasks(struct ask *ask, char *const *words, size_t count,
                     struct errmsg *msg) {
  int rc = 0;
  for (size_t i = 0; rc == 0 && i < count; i++) {
    json_int_t task;
    rc = read_task(words[i], &task, msg);
    if (rc == 0)
      rc = add(ask, json_pack("{s:I}", "task", task), msg);
  }
  return rc;
}

static int add_count(struct ask *ask, char *const *words, struct errmsg *msg) {
  json_int_t task;
  char *end;
  int rc = read_task(words[0], &task, msg);
  errno = 0;
  long value = strtol(words[1], &end, 10);
  if (rc == 0 && (words[1][0] == '\0' || *end != '\0' || errno != 0))
    rc = err_set(msg, ERR_USAGE, "'%s' is no whole number", words[1]);
  return rc == 0 ? add(ask,
                       json_pack("{s:I, s:I}", "task", task, "value",
                                 (json_int_t)value),
                       msg)
                 : rc;
}

static int add_rate(struct ask *ask, char *const *words, struct errmsg *msg) {
  json_int_t task;
  double value;
  int rc = read_task(words[0], &task, msg);
  if (rc == 0)
    rc = limit_parse(LIMIT_TRANSFER_BANDWIDTH, words[1], &value, msg);
  return rc == 0 ? add(ask,
                       json_pack("{s:I, s:s}", "task", task, "value", words[1]),
                       msg)
                 : rc;
}

/* Words with a blank between each two. */
static int join_words(char *const *words, size_t count, char *text, size_t cap,
                      struct errmsg *msg) {
  size_t have = 0;
  text[0] = '\0';
  for (size_t i = 0; i < count; i++) {
    int more =
        snprintf(text + have, cap - have, "%s%s", i > 0 ? " " : "", words[i]);
    if (more < 0 || (size_t)more >= cap - have)
      return err_set(msg, ERR_USAGE, "too many words");
    have += (size_t)more;
  }
  return 0;
}

static int add_url(struct ask *ask, char *const *words, size_t count,
                   struct errmsg *msg) {
  char text[COMMAND_TEXT_MAX / 2];
  json_int_t task;
  int rc = read_task(words[0], &task, msg);
  if (rc == 0)
    rc = join_words(words + 1, count - 1, text, sizeof text, msg);
  return rc == 0
             ? add(ask, json_pack("{s:I, s:s}", "task", task, "url", text), msg)
             : rc;
}

/* The run may stand in another directory. */
static int add_path(struct ask *ask, const char *path, struct errmsg *msg) {
  char *whole = realpath(path, NULL);
  if (whole == NULL)
    return err_set(msg, ERR_USAGE, "%s: %s", path, strerror(errno));
  json_t *params = json_pack("{s:s}", "path", whole);
  free(whole);
  return params != NULL ? add(ask, params, msg)
                        : err_set(msg, ERR_USAGE, "%s is no UTF-8 text", path);
}

static int check_limit(const char *name, struct errmsg *msg) {
  if (limit_find(name) >= 0)
    return 0;
  return err_set(msg, ERR_USAGE,
                 "'%s' is no limit; 'spate ctl limits' names them", name);
}

/* name, value; host NULL: for the run. */
static int add_limit(struct ask *ask, const char *host, char *const *words,
                     struct errmsg *msg) {
  double value;
  int rc = check_limit(words[0], msg);
  if (rc == 0)
    rc =
        limit_parse((enum limit_id)limit_find(words[0]), words[1], &value, msg);
  if (rc != 0)
    return rc;
  if (host == NULL)
    return add(
        ask, json_pack("{s:s, s:s}", "name", words[0], "value", words[1]), msg);
  return add(ask,
             json_pack("{s:s, s:s, s:s}", "host", host, "name", words[0],
                       "value", words[1]),
             msg);
}

static int add_choice(struct ask *ask, char *const *words, size_t count,
                      struct errmsg *msg) {
  char text[1024];
  int rc = join_words(words, count, text, sizeof text, msg);
  if (rc != 0)
    return rc;
  return add(ask, json_pack("{s:s}", "which", text), msg);
}

/* ---- lines to add -----------------------------------------------------------
 */

/* Calls with as many lines each as one request may carry. */
static int add_lines(struct ask *ask, const struct word_lines *lines,
                     struct errmsg *msg) {
  size_t bytes = 0;
  json_t *list = json_array();
  for (size_t i = 0; i < lines->count; i++) {
    size_t len = strlen(lines->items[i]) + 1;
    if (bytes + len > COMMAND_TEXT_MAX / 2 && bytes > 0) {
      int rc = add(ask, json_pack("{s:o}", "lines", list), msg);
      if (rc != 0)
        return rc;
      list = json_array();
      bytes = 0;
    }
    if (json_array_append_new(list, json_string(lines->items[i])) != 0) {
      json_decref(list);
      return err_set(msg, ERR_USAGE, "'%s' is no UTF-8 text", lines->items[i]);
    }
    bytes += len;
  }
  return add(ask, json_pack("{s:o}", "lines", list), msg);
}

static int add_words(struct ask *ask, char *const *words, size_t count,
                     struct errmsg *msg) {
  struct word_lines lines = {0};
  int rc = word_lines_init(&lines, words, count, NULL, PROTOCOL_ALL, msg);
  if (rc == 0)
    rc = add_lines(ask, &lines, msg);
  word_lines_fini(&lines);
  return rc;
}

/* A line as it came, but for its end. */
static int keep_line(struct word_lines *lines, char *line, ssize_t len,
                     struct errmsg *msg) {
  while (len > 0 && (line[len - 1] == '\n' || line[len - 1] == '\r'))
    line[--len] = '\0';
  if (len == 0 || line[0] == '#')
    return 0;
  char **grown = realloc(lines->items, (lines->count + 1) * sizeof *grown);
  if (grown == NULL)
    return out_of_memory(msg);
  lines->items = grown;
  lines->items[lines->count] = strdup(line);
  return lines->items[lines->count++] != NULL ? 0 : out_of_memory(msg);
}

static int add_input(struct ask *ask, struct errmsg *msg) {
  struct word_lines lines = {0};
  char *line = NULL;
  size_t cap = 0;
  ssize_t len;
  int rc = 0;
  while (rc == 0 && (len = getline(&line, &cap, stdin)) >= 0)
    rc = keep_line(&lines, line, len, msg);
  if (rc == 0 && lines.count == 0)
    rc = err_set(msg, ERR_USAGE, "there is no line on standard input");
  if (rc == 0)
    rc = add_lines(ask, &lines, msg);
  free(line);
  word_lines_fini(&lines);
  return rc;
}

/* ---- what was typed ---------------------------------------------------------
 */

static int wrong_count(const char *name, const char *wrong, const char *form,
                       struct errmsg *msg) {
  return err_set(msg, ERR_USAGE,
                 "'%s' %s; it is: spate ctl [DIR] %s%s (see 'spate ctl "
                 "--help')",
                 name, wrong, name, form);
}

static void count_range(enum command_args args, size_t *least, size_t *most) {
  *least = *most = 0;
  switch (args) {
  case ARGS_LOCAL:
  case ARGS_NONE:
    break;
  case ARGS_HOST:
  case ARGS_PATH:
    *least = *most = 1;
    break;
  case ARGS_TASK_COUNT:
  case ARGS_TASK_BYTES:
  case ARGS_LIMIT:
    *least = *most = 2;
    break;
  case ARGS_HOST_LIMIT:
    *least = *most = 3;
    break;
  case ARGS_TASK_URL:
  case ARGS_TASK:
  case ARGS_LINES:
    *least = args == ARGS_TASK_URL ? 2 : 1;
    *most = SIZE_MAX;
    break;
  case ARGS_CHOICE:
    *most = SIZE_MAX;
    break;
  }
}

/* What is wrong with so many; NULL nothing. */
static const char *count_fault(size_t count, size_t least, size_t most) {
  if (count < least)
    return count == 0 ? "needs an argument" : "needs another argument";
  if (count > most)
    return most == 0 ? "takes no argument" : "takes fewer arguments";
  return NULL;
}

static int read_command(struct ask *ask, enum command_kind kind,
                        char *const *words, size_t count, struct errmsg *msg) {
  const struct command_info *info = command_info(kind);
  ask->method = info->name;
  ask->answer = ANSWER_TEXT;
  size_t least, most;
  count_range(info->args, &least, &most);
  const char *wrong = count_fault(count, least, most);
  if (wrong != NULL)
    return wrong_count(info->name, wrong, arguments_of(info->args), msg);
  switch (info->args) {
  case ARGS_LOCAL:
  case ARGS_NONE:
    break;
  case ARGS_TASK:
    return add_tasks(ask, words, count, msg);
  case ARGS_TASK_COUNT:
    return add_count(ask, words, msg);
  case ARGS_TASK_BYTES:
    return add_rate(ask, words, msg);
  case ARGS_TASK_URL:
    return add_url(ask, words, count, msg);
  case ARGS_LIMIT:
    return add_limit(ask, NULL, words, msg);
  case ARGS_HOST:
    return add(ask, json_pack("{s:s}", "host", words[0]), msg);
  case ARGS_HOST_LIMIT:
    return add_limit(ask, words[0], words + 1, msg);
  case ARGS_CHOICE:
    return add_choice(ask, words, count, msg);
  case ARGS_PATH:
    return add_path(ask, words[0], msg);
  case ARGS_LINES:
    return count == 1 && strcmp(words[0], "-") == 0
               ? add_input(ask, msg)
               : add_words(ask, words, count, msg);
  }
  return add(ask, json_object(), msg);
}

static int read_look(struct ask *ask, const struct look *look,
                     char *const *words, size_t count, struct errmsg *msg) {
  bool wants = look->arg[0] != '\0';
  ask->method = look->method;
  ask->answer = look->answer;
  const char *wrong = count_fault(count, wants, wants);
  if (wrong != NULL)
    return wrong_count(look->name, wrong, wants ? " NAME" : "", msg);
  if (!wants)
    return add(ask, json_object(), msg);
  int rc = check_limit(words[0], msg);
  return rc == 0 ? add(ask, json_pack("{s:s}", "name", words[0]), msg) : rc;
}

/* Short forms that mean another command. */
static int meant(int kind, const char *first) {
  if (kind == CMD_PAUSE_ALL && first != NULL)
    return CMD_PAUSE_TASK;
  if (kind == CMD_RESUME_ALL && first != NULL)
    return CMD_RESUME_TASK;
  if (kind == CMD_RETRY_TASK && first != NULL && strcmp(first, "failed") == 0)
    return CMD_RETRY_FAILED;
  return kind;
}

static bool is_dir(const char *path) {
  struct stat st;
  return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static size_t alike(const char *a, const char *b) {
  size_t n = 0;
  while (a[n] != '\0' && a[n] == b[n])
    n++;
  return n;
}

/* The command that begins most as this one does. */
static int unknown(const char *name, struct errmsg *msg) {
  const char *best = NULL;
  size_t most = 2;
  for (int i = 0; i < COMMAND_COUNT; i++) {
    const struct command_info *info = command_info((enum command_kind)i);
    size_t n = alike(info->name, name);
    if (info->args != ARGS_LOCAL && n > most) {
      best = info->name;
      most = n;
    }
  }
  if (is_dir(name))
    return err_set(msg, ERR_USAGE,
                   "what of '%s'? It is: spate ctl [DIR] COMMAND [ARG...]; "
                   "'spate ctl --help' names the commands",
                   name);
  if (best != NULL)
    return err_set(msg, ERR_USAGE,
                   "there is no command '%s'; did you mean '%s'? 'spate ctl "
                   "--help' names them",
                   name, best);
  return err_set(msg, ERR_USAGE,
                 "there is no command '%s'; 'spate ctl --help' names them",
                 name);
}

/* The first word is DIR when it is no command, or a directory in front of
 * one. */
static int read_words(struct ask *ask, const struct cli *cli,
                      struct errmsg *msg) {
  char *const *words = cli->words;
  size_t count = cli->count;
  ask->dir = ".";
  if (count > 1 && !is_known(words[0]) && !is_known(words[1]) &&
      !is_dir(words[0]))
    return unknown(words[0], msg);
  if (count > 1 &&
      (!is_known(words[0]) || (is_known(words[1]) && is_dir(words[0])))) {
    ask->dir = *words++;
    count--;
  }
  if (count == 0)
    return err_set(msg, ERR_USAGE,
                   "spate ctl [DIR] COMMAND [ARG...]; 'spate ctl --help' "
                   "names the commands");
  const char *name = *words++;
  const char *first = --count > 0 ? words[0] : NULL;
  const struct look *look = find_look(name);
  int kind = meant(find_command(name), first);
  if (look != NULL)
    return read_look(ask, look, words, count, msg);
  if (kind < 0)
    return unknown(name, msg);
  if (kind == CMD_RETRY_FAILED && strcmp(name, "retry") == 0) {
    words++;
    count--;
  }
  return read_command(ask, (enum command_kind)kind, words, count, msg);
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

static void print_answer(enum answer answer, json_t *result) {
  switch (answer) {
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

/* "3 URLs added, 1 in the list already": the parts of a long list are answered
 * one by one, and told as one. */
static bool add_up(unsigned long long sum[2], const char *text) {
  char *end;
  unsigned long long added = strtoull(text, &end, 10);
  if (end == text)
    return false;
  sum[0] += added;
  text = strstr(end, ", ");
  if (text != NULL)
    sum[1] += strtoull(text + 2, NULL, 10);
  return true;
}

static void print_sum(const unsigned long long sum[2]) {
  printf("%llu %s added", sum[0], sum[0] == 1 ? "URL" : "URLs");
  if (sum[1] > 0)
    printf(", %llu in the list already", sum[1]);
  putchar('\n');
}

/* Asks for all; the worst exit status counts. */
static int ask_all(struct ask *ask) {
  int status = 0;
  unsigned long long sum[2] = {0, 0};
  bool parts = ask->count > 1 && strcmp(ask->method, "add") == 0, any = false;
  for (size_t i = 0; i < ask->count; i++) {
    struct errmsg msg = {""};
    json_t *result = NULL;
    json_t *params = ask->params[i];
    ask->params[i] = NULL;
    int rc =
        ctl_ask(ask->dir, ask->method, params, CTL_TIMEOUT_MS, &result, &msg);
    if (rc == 0) {
      if (parts && add_up(sum, text_of(result, "text")))
        any = true;
      else
        print_answer(ask->answer, result);
      json_decref(result);
      continue;
    }
    say("%s", msg.text);
    int failed = ctl_exit_status(rc);
    status = failed > status ? failed : status;
    if (failed == 3)
      break; /* nobody is there to ask again */
  }
  if (any)
    print_sum(sum);
  return status;
}

int cmd_ctl(struct invocation *invocation) {
  struct errmsg msg = {""};
  struct ask ask = {0};
  int status;
  if (read_words(&ask, &invocation->cli, &msg) != 0)
    status = say_error(ERR_USAGE, &msg);
  else
    status = ask_all(&ask);
  for (size_t i = 0; i < ask.count; i++)
    json_decref(ask.params[i]);
  free(ask.params);
  int printed = say_printed();
  return printed != 0 ? printed : status;
}
