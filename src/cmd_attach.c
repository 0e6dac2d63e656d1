/* SPDX-License-Identifier: MIT
 *
 * spate attach [DIR]: the screen on a run that goes on elsewhere. Leaving it,
 * by a key, a signal or a lost terminal, leaves the run alone. The main
 * thread.
 */
#include "config.h"

#include <stdbool.h>
#include <stdio.h>
#include <time.h>

#include "ctl_client.h"
#include "remote.h"
#include "say.h"
#include "screen.h"
#include "session.h"
#include "subcommand.h"
#include "ui.h"

static void say_left(const char *dir) {
  say("the run goes on; 'spate attach%s%s' comes back to it",
      dir[0] == '.' && dir[1] == '\0' ? "" : " ",
      dir[0] == '.' && dir[1] == '\0' ? "" : dir);
}

/* A process that dies closes its socket before it lets its lock go, or the
 * other way round. */
static bool still_runs(const char *dir) {
  const struct timespec pause = {.tv_nsec = 50000000};
  for (int i = 0; i < 10; i++) {
    struct session_status status;
    struct errmsg msg;
    if (session_status_read(dir, &status, &msg) != 0 || status.running_pid == 0)
      return false;
    (void)nanosleep(&pause, NULL);
  }
  return true;
}

/* The run drops whoever reads nothing for long, such as a screen that was
 * stopped. */
static void say_lost(const char *dir, const char *why) {
  if (still_runs(dir)) {
    say("the run has dropped this screen, which was stopped or too slow");
    say_left(dir);
  } else {
    say("%s", why);
  }
}

/* How the screen ended, as an exit status. */
static int conclude(struct remote *remote, const char *dir, int end,
                    const struct errmsg *msg) {
  int status = 0;
  const struct snapshot *last = remote_snapshot(remote);
  if (end < 0) {
    status = say_error(end, msg);
  } else if (end == UI_FINISHED && last != NULL) {
    status = last->exit_status;
    say("the run has ended: %llu done, %llu failed; its exit status is %d",
        (unsigned long long)last->total.done,
        (unsigned long long)(last->total.failed + last->total.expired), status);
  } else if (end == UI_LOST) {
    say_lost(dir, remote_lost(remote));
    status = 3;
  } else if (last != NULL && last->stopping) {
    say("the run is stopping");
  } else {
    say_left(dir);
  }
  if (last != NULL)
    remote_release(remote, last);
  return status;
}

int cmd_attach(struct invocation *invocation) {
  struct errmsg msg = {""};
  struct remote *remote;
  const char *dir = invocation_dir(invocation);
  int status;
  if (invocation_configure(invocation, false, &status) != 0)
    return status;
  if (!screen_possible())
    return say_error(
        ERR_USAGE, &(struct errmsg){"attach: standard output is no terminal "
                                    "that can be drawn on; 'spate status' and "
                                    "'spate ctl' need none"});
  int rc = remote_open(&remote, dir, &msg);
  if (rc != 0) {
    say("%s", msg.text);
    return ctl_exit_status(rc);
  }
  int end =
      screen_attach(remote, &invocation->options, &invocation->settings, &msg);
  status = conclude(remote, dir, end, &msg);
  remote_close(remote);
  return status;
}
