/* SPDX-License-Identifier: MIT
 *
 * Between ui/ and the engine. ui_run() polls descriptors of its own, so
 * signals are passed on by a thread meanwhile. The main thread.
 */
#include "config.h"

#include "screen.h"

#include "interrupt.h"
#include "rescue.h"
#include "say.h"
#include "ui.h"

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

/* ---- the screen
 * -------------------------------------------------------------- */

void screen_run(struct engine *engine, int wake_fd,
                const struct options *options,
                const struct settings *settings) {
  struct errmsg msg = {""};
  struct ui_options look = {.color = color_choice(options),
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
  struct ui_engine front = {.arg = engine,
                            .snapshot = get_snapshot,
                            .release = release,
                            .command = send_command,
                            .snapshot_every = snapshot_every};
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
  else if (rc != UI_FINISHED)
    ask_to_stop(engine, rc == UI_HANGUP ? "hangup" : "ui");
}
