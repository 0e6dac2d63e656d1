/* SPDX-License-Identifier: MIT
 *
 * spate resume [DIR]: the session kept in DIR with the options it was started
 * with. They are a layer below the command line's; INI files matter only for
 * what a session does not keep. The main thread.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "run.h"
#include "say.h"
#include "session.h"
#include "subcommand.h"

struct restore {
  struct options *options;
  struct errmsg *msg;
};

static int restore_option(void *arg, const char *name, const char *value) {
  struct restore *restore = arg;
  struct errmsg why = {""};
  int id = option_find(name);
  if (id < 0) {
    say("the session was started with --%s, which this spate does not know; "
        "going on without",
        name);
    return 0;
  }
  int rc = options_set(restore->options, (enum option_id)id, value,
                       LAYER_SESSION, &why);
  if (rc != 0)
    return err_set(restore->msg, rc,
                   "the session was started with an option that does not work "
                   "any more: %s",
                   why.text);
  return 0;
}

static int restore_options(struct session *session, struct options *options,
                           struct errmsg *msg) {
  struct restore restore = {.options = options, .msg = msg};
  int rc = session_options_get(session, restore_option, &restore, msg);
  return rc == ERR_NOTFOUND ? 0 : rc;
}

/* How durable it is must be known before it is opened, and stands in it: a
 * session that turns out to want less is opened again. */
static int open_with_options(struct session **out, const char *dir,
                             struct options *options, struct errmsg *msg) {
  int rc = session_open(out, dir, true, msg);
  if (rc != 0)
    return rc;
  rc = restore_options(*out, options, msg);
  if (rc == 0 && options_choice(options, OPT_DURABILITY) == 0)
    return 0;
  session_close(*out, false);
  return rc == 0 ? session_open(out, dir, false, msg) : rc;
}

static int open_session(struct session **out, struct invocation *invocation,
                        struct errmsg *msg) {
  struct options *options = &invocation->options;
  struct session_status status;
  const char *dir = invocation_dir(invocation);
  int rc = session_status_read(dir, &status, msg);
  if (rc == ERR_NOTFOUND)
    return err_set(msg, rc, "there is no session in %s to go on with", dir);
  if (rc == 0)
    rc = open_with_options(out, dir, options, msg);
  if (rc != 0)
    return rc;
  session_follow(*out, options_flag(options, OPT_FOLLOW));
  rc = run_keep_options(*out, options, msg);
  if (rc != 0)
    session_close(*out, false);
  return rc;
}

static int check(const struct invocation *invocation, enum front *front,
                 struct errmsg *msg) {
  const struct options *options = &invocation->options;
  if (options_given_by(options, OPT_DIR, LAYER_COMMAND_LINE) &&
      invocation->cli.count > 0)
    return err_set(msg, ERR_USAGE, "the directory is given twice");
  if (options_given(options, OPT_INPUT_FILE) || options_given(options, OPT_OUT))
    return err_set(msg, ERR_USAGE,
                   "'spate %s' adds nothing; to add to the session: spate "
                   "-d DIR -i LIST",
                   invocation->command->name);
  return run_choose_front(options, front, msg);
}

int resume_session(struct invocation *invocation,
                   const struct failure_filter *only) {
  struct errmsg msg = {""};
  struct session *session;
  enum front front;
  int status;
  if (invocation_configure(invocation, true, &status) != 0)
    return status;
  int rc = check(invocation, &front, &msg);
  if (rc == 0)
    rc = run_prepare(&invocation->options, invocation_dir(invocation), &msg);
  if (rc == 0)
    rc = open_session(&session, invocation, &msg);
  if (rc != 0)
    return say_error(rc, &msg);
  if (only != NULL)
    session_retry_only(session, only);
  return run_session(session, &invocation->options, &invocation->settings,
                     front);
}

int cmd_resume(struct invocation *invocation) {
  return resume_session(invocation, NULL);
}
