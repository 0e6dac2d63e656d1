/* SPDX-License-Identifier: MIT
 *
 * Between ui/ and the engine. ui_run() polls descriptors of its own, so
 * signals are passed on by a thread meanwhile. The main thread.
 */
#include "config.h"

#include "screen.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "interrupt.h"
#include "remote.h"
#include "rescue.h"
#include "say.h"
#include "ui.h"

bool screen_possible(void) {
  const char *term = getenv("TERM");
  return isatty(STDOUT_FILENO) && term != NULL && *term != '\0' &&
         strcmp(term, "dumb") != 0;
}

static bool reads_input; /* a list comes by standard input */

static const char *why_not_detached(void *arg) {
  (void)arg;
  return reads_input ? "its list comes through a pipe, which would end with it"
                     : NULL;
}

/* ---- an engine of this process
 * ---------------------------------------------- */

static const struct snapshot *get_snapshot(void *arg) {
  return engine_snapshot(arg);
}

static void release(void *arg, const struct snapshot *snap) {
  (void)arg;
  snapshot_unref(snap);
}

static int send_command(void *arg, const struct command *command) {
  return engine_command(arg, command);
}

static void snapshot_every(void *arg, unsigned interval_ms) {
  engine_snapshot_every(arg, interval_ms);
}

static void ask_to_stop(struct engine *engine, const char *origin) {
  struct command stop = {.kind = CMD_STOP, .origin = origin};
  /* One that has ended needs no asking. */
  int rc = engine_command(engine, &stop);
  (void)rc;
}

static enum ui_choice color_choice(const struct options *options) {
  static const enum ui_choice choice[] = {UI_AUTO, UI_ON, UI_OFF};
  return choice[options_choice(options, OPT_COLOR)];
}

static enum ui_choice ascii_choice(const struct settings *settings) {
  if (settings->ui.ascii < 0)
    return UI_AUTO;
  return settings->ui.ascii != 0 ? UI_ON : UI_OFF;
}

static struct ui_options looks(const struct options *options,
                               const struct settings *settings, int wake_fd) {
  return (struct ui_options){.color = color_choice(options),
                             .ascii = ascii_choice(settings),
                             .theme = settings->ui.theme,
                             .glyphs = settings->ui.glyphs,
                             .mouse = settings->ui.mouse,
                             .title = settings->ui.title,
                             .progress = settings->ui.progress,
                             .bindings = settings->ui.bindings,
                             .binding_count = settings->ui.binding_count,
                             .wake_fd = wake_fd,
                             .stderr_fd = -1};
}

/* ---- the screen
 * -------------------------------------------------------------- */

static bool input_is_read(const struct options *options) {
  for (size_t i = 0; i < options_count(options, OPT_INPUT_FILE); i++)
    if (strcmp(options_item(options, OPT_INPUT_FILE, i), "-") == 0)
      return true;
  return false;
}

enum screen_end screen_run(struct engine *engine, int wake_fd,
                           const struct options *options,
                           const struct settings *settings) {
  struct errmsg msg = {""};
  struct ui_options look = looks(options, settings, wake_fd);
  struct ui_engine front = {.arg = engine,
                            .snapshot = get_snapshot,
                            .release = release,
                            .command = send_command,
                            .snapshot_every = snapshot_every,
                            .detach = why_not_detached};
  reads_input = input_is_read(options);
  int rc = interrupt_watch_start(engine, &msg);
  if (rc == 0) {
    interrupt_at_exit(rescue_give_back); /* at the second signal */
    rc = ui_run(&look, &front, &msg);
    interrupt_at_exit(NULL);
    interrupt_watch_stop();
  }
  if (rc < 0)
    say("%s; printing lines instead",
        msg.text[0] != '\0' ? msg.text : err_text(rc));
  else if (rc == UI_HANGUP && options_choice(options, OPT_ON_HANGUP) == 1)
    return SCREEN_LOST;
  else if (rc != UI_FINISHED)
    ask_to_stop(engine, rc == UI_HANGUP     ? "hangup"
                        : rc == UI_DETACHED ? "detach"
                                            : "ui");
  return rc == UI_DETACHED ? SCREEN_HANDED_OVER : SCREEN_OVER;
}

/* ---- a run elsewhere
 * --------------------------------------------------------- */

static const struct snapshot *remote_get(void *arg) {
  return remote_snapshot(arg);
}

static void remote_put(void *arg, const struct snapshot *snap) {
  remote_release(arg, snap);
}

static int remote_send(void *arg, const struct command *command) {
  return remote_command(arg, command);
}

static void remote_pace(void *arg, unsigned interval_ms) {
  remote_every(arg, interval_ms);
}

static void remote_sight(void *arg, const uint64_t *ids, size_t count) {
  remote_watch(arg, ids, count);
}

static const char *remote_why(void *arg) {
  return remote_lost(arg);
}

int screen_attach(struct remote *remote, const struct options *options,
                  const struct settings *settings, struct errmsg *msg) {
  struct ui_options look = looks(options, settings, remote_fd(remote));
  struct ui_engine front = {.arg = remote,
                            .snapshot = remote_get,
                            .release = remote_put,
                            .command = remote_send,
                            .snapshot_every = remote_pace,
                            .attached = true,
                            .watch = remote_sight,
                            .lost = remote_why};
  signal(SIGPIPE, SIG_IGN); /* a run that has ended is told by its socket */
  return ui_run(&look, &front, msg);
}
