/* SPDX-License-Identifier: MIT
 *
 * spate set [DIR] NAME VALUE: a limit of a run that goes on elsewhere. Name and
 * value are checked here first, with the messages of the command line; the run
 * checks them again. The main thread.
 */
#include "config.h"

#include <stdio.h>

#include "ctl_client.h"
#include "limits.h"
#include "say.h"
#include "subcommand.h"
#include "text.h"

static int check(const char *name, const char *value, struct errmsg *msg) {
  double number;
  int id = limit_find(name);
  if (id >= 0)
    return limit_parse((enum limit_id)id, value, &number, msg);
  const char *nearest = option_nearest(name);
  int near_id = nearest != NULL ? limit_find(nearest) : -1;
  if (near_id >= 0)
    return err_set(msg, ERR_USAGE,
                   "'%s' is no limit that can be set; did you mean '%s'?", name,
                   nearest);
  return err_set(msg, ERR_USAGE,
                 "'%s' is no limit that can be set; 'spate ctl limits' names "
                 "them (spate set [DIR] NAME VALUE)",
                 name);
}

int cmd_set(struct invocation *invocation) {
  const struct cli *cli = &invocation->cli;
  struct errmsg msg = {""};
  json_t *result = NULL;
  if (cli->count < 2)
    return say_error(ERR_USAGE, &(struct errmsg){"spate set [DIR] NAME VALUE, "
                                                 "as in: spate set rate 20/s"});
  const char *dir = cli->count == 3 ? cli->words[0] : ".";
  const char *name = cli->words[cli->count - 2];
  const char *value = cli->words[cli->count - 1];
  if (check(name, value, &msg) != 0)
    return say_error(ERR_USAGE, &msg);
  json_t *params = json_pack("{s:s, s:s}", "name", name, "value", value);
  int rc = ctl_ask(dir, "set", params, CTL_TIMEOUT_MS, &result, &msg);
  if (rc != 0) {
    say("%s", msg.text);
    return ctl_exit_status(rc);
  }
  const char *text = json_string_value(json_object_get(result, "text"));
  printf("%s\n", text != NULL ? text : "");
  json_decref(result);
  return say_printed();
}
