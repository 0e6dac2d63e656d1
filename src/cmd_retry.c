/* SPDX-License-Identifier: MIT
 *
 * spate retry [DIR] [--reason R] [--status S]: what failed is tried again. A
 * run that is going on there is asked for them, one by one where the choice
 * cannot be told it in a word; otherwise the session goes on as with spate
 * resume, and of what failed only these are tried. The main thread.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "ctl_client.h"
#include "ctl_rpc.h"
#include "failed_choice.h"
#include "say.h"
#include "session.h"
#include "subcommand.h"

struct asking {
  const char *dir;
  size_t asked, refused;
  int rc; /* why it was stopped */
  struct errmsg msg;
};

static int ask(void *arg, const struct session_failure *failure) {
  struct asking *asking = arg;
  json_t *result = NULL;
  json_t *params = json_pack("{s:I}", "task", (json_int_t)failure->id);
  int rc = ctl_ask(asking->dir, "retry", params, CTL_TIMEOUT_MS, &result,
                   &asking->msg);
  json_decref(result);
  asking->asked++;
  /* One that has been taken up meanwhile is no failure any more. */
  if (rc == RPC_REFUSED)
    asking->refused++;
  else if (rc != 0)
    asking->rc = rc;
  return asking->rc;
}

/* The filter in the words of "retry-failed"; false: it cannot be said there. */
static bool to_words(const struct failure_filter *filter, char *words,
                     size_t cap) {
  const char *status = filter->status, *reason = filter->reason;
  if (reason != NULL && (reason[0] == '\0' || strchr(reason, ' ') != NULL))
    return false;
  int length =
      snprintf(words, cap, "%s%s%s%s", status != NULL ? "status:" : "",
               status != NULL ? status : "", reason != NULL ? " err:" : "",
               reason != NULL ? reason : "");
  return length >= 0 && length < (int)cap;
}

/* All in one word: the run goes through them by itself. */
static int ask_for_all(const char *dir, const char *words) {
  struct errmsg msg = {""};
  json_t *result = NULL;
  int rc = ctl_ask(dir, "retry-failed", json_pack("{s:s}", "which", words),
                   CTL_TIMEOUT_MS, &result, &msg);
  if (rc == 0)
    puts(json_string_value(json_object_get(result, "text")));
  else
    say("%s", msg.text);
  json_decref(result);
  if (rc != 0)
    return ctl_exit_status(rc);
  return say_printed();
}

static int ask_run(const char *dir, const struct failure_filter *filter) {
  struct session_search search = {
      .state = TASK_FAILED, .filter = *filter, .without_lines = true};
  struct asking asking = {.dir = dir};
  int rc = session_failures_find(dir, &search, ask, &asking, &asking.msg);
  if (rc < 0)
    return say_error(rc, &asking.msg);
  if (asking.rc != 0) {
    say("%s", asking.msg.text);
    return ctl_exit_status(asking.rc);
  }
  size_t count = asking.asked - asking.refused;
  printf("%zu failed task%s tried again\n", count,
         count == 1 ? " is" : "s are");
  return say_printed();
}

int cmd_retry(struct invocation *invocation) {
  struct errmsg msg = {""};
  struct session_status status;
  struct failure_filter filter;
  char words[FAILED_CHOICE_CAP];
  const char *dir = invocation_dir(invocation);
  invocation_filter(invocation, &filter);
  int rc = session_status_read(dir, &status, &msg);
  if (rc != 0)
    return say_error(rc, &msg);
  if (status.running_pid != 0)
    return to_words(&filter, words, sizeof words) ? ask_for_all(dir, words)
                                                  : ask_run(dir, &filter);
  return resume_session(invocation, &filter);
}
