/* SPDX-License-Identifier: MIT
 *
 * A run: options into an engine, a front end in the main thread, an exit
 * status. Everything that libuv and libcurl start inherits a signal mask in
 * which the main thread alone is interrupted.
 */
#include "config.h"

#include "run.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "checksum_fetch.h"
#include "ctl_server.h"
#include "descriptors.h"
#include "detach.h"
#include "engine.h"
#include "interrupt.h"
#include "reload.h"
#include "report.h"
#include "run_config.h"
#include "say.h"
#include "screen.h"

#define LINE_INTERVAL_S 5.0 /* where lines are not rewritten */
#define TTY_INTERVAL_S 0.5
#define EXIT_LEFT 4 /* interrupted, with work left */

/* ---- before ----------------------------------------------------------------
 */

static enum front headless_front(const struct options *options) {
  static const enum front form[] = {FRONT_LINE, FRONT_JSON, FRONT_NONE};
  if (options_flag(options, OPT_QUIET))
    return FRONT_QUIET;
  return form[options_choice(options, OPT_PROGRESS)];
}

int run_choose_front(const struct options *options, enum front *front,
                     struct errmsg *msg) {
  bool headless = options_flag(options, OPT_QUIET) ||
                  options_flag(options, OPT_NO_TUI) ||
                  options_given(options, OPT_PROGRESS);
  *front = headless_front(options);
  if (options_flag(options, OPT_DETACH)) {
    *front = FRONT_QUIET;
    return options_given_by(options, OPT_TUI, LAYER_COMMAND_LINE)
               ? err_set(msg, ERR_USAGE,
                         "--detach excludes --tui; 'spate attach' opens the "
                         "screen")
               : 0;
  }
  if (options_flag(options, OPT_TUI)) {
    if (options_given_by(options, OPT_PROGRESS, LAYER_COMMAND_LINE) ||
        options_given_by(options, OPT_QUIET, LAYER_COMMAND_LINE))
      return err_set(msg, ERR_USAGE, "--tui excludes --progress and --quiet");
    if (!screen_possible())
      return err_set(msg, ERR_USAGE,
                     "--tui: standard output is no terminal that can be drawn "
                     "on");
    headless = false;
  }
  if (!headless && screen_possible())
    *front = FRONT_SCREEN;
  return 0;
}

/* libuv makes its pool once, at its first job, of the size it finds here. */
static int size_thread_pool(const struct options *options) {
  char size[16];
  const char *given = getenv("UV_THREADPOOL_SIZE");
  int jobs = (int)options_limit(options, LIMIT_DISK_JOBS) +
             (int)options_limit(options, LIMIT_CPU_JOBS) + 4;
  if (jobs < 16)
    jobs = 16;
  if (given != NULL && strtol(given, NULL, 10) >= jobs)
    return 0;
  snprintf(size, sizeof size, "%d", jobs);
  return setenv("UV_THREADPOOL_SIZE", size, 1);
}

static bool reads_input(const struct options *options) {
  for (size_t i = 0; i < options_count(options, OPT_INPUT_FILE); i++)
    if (strcmp(options_item(options, OPT_INPUT_FILE, i), "-") == 0)
      return true;
  return false;
}

static int detach(const struct options *options, const char *dir,
                  struct errmsg *msg) {
  if (reads_input(options) && isatty(STDIN_FILENO))
    return err_set(msg, ERR_USAGE,
                   "--detach leaves the terminal, from which --input-file - "
                   "would read");
  return detach_begin(dir, options_flag(options, OPT_QUIET),
                      reads_input(options), msg);
}

/* In shards there is no file that could be handed to a program. */
static int check_shards(const struct options *options, struct errmsg *msg) {
  if (options_choice(options, OPT_OUTPUT) == 0 ||
      *options_text(options, OPT_EXEC) == '\0')
    return 0;
  return err_set(msg, ERR_USAGE,
                 "--exec works on files: it cannot be used with --output %s",
                 options_text(options, OPT_OUTPUT));
}

static int check_signing(const struct options *options, struct errmsg *msg) {
  if (*options_text(options, OPT_AWS_SIGV4) == '\0')
    return 0;
  if (strchr(options_text(options, OPT_USER), ':') == NULL)
    return err_set(msg, ERR_USAGE,
                   "--aws-sigv4 signs with --user KEY:SECRET, which is not "
                   "given");
  if (*options_text(options, OPT_OAUTH2_BEARER) == '\0')
    return 0;
  return err_set(msg, ERR_USAGE, "--aws-sigv4 excludes --oauth2-bearer");
}

/* libuv and libcurl do not bear to be without (libuv aborts). */
static int check_descriptors(struct errmsg *msg) {
  if (descriptors_for(1) > 0)
    return 0;
  return err_set(msg, ERR_IO,
                 "this process may not have %u files open, the least it needs: "
                 "raise the limit (ulimit -n)",
                 DESCRIPTORS_LEAST);
}

int run_prepare(const struct options *options, const char *dir,
                struct errmsg *msg) {
  int rc = check_shards(options, msg);
  if (rc == 0)
    rc = check_signing(options, msg);
  if (rc == 0)
    rc = check_descriptors(msg);
  if (rc == 0 && options_flag(options, OPT_DETACH))
    rc = detach(options, dir, msg);
  /* As nohup does; the screen sees the end of its terminal by itself. */
  if (rc == 0 && options_choice(options, OPT_ON_HANGUP) == 1)
    signal(SIGHUP, SIG_IGN);
  if (rc == 0)
    rc = interrupt_init(msg);
  if (rc == 0 && size_thread_pool(options) != 0)
    rc = err_set(msg, ERR_NOMEM, "cannot set UV_THREADPOOL_SIZE");
  if (rc == 0)
    interrupt_block();
  return rc;
}

/* ---- the session's copy of the options
 * ---------------------------------------- */

static bool is_kept(const struct option_info *info) {
  return (info->flags & IN_RUN) != 0 &&
         (info->flags & (CLI_ONLY | NOT_KEPT)) == 0;
}

/* Files are kept by their full path: a run may go on from elsewhere. */
static char *kept_text(enum option_id id, const char *text) {
  char dir[4096], path[8192];
  enum option_rule rule = option_info(id)->rule;
  bool is_path = id == OPT_LOG || id == OPT_RESULTS ||
                 id == OPT_WRITE_CHECKSUMS || rule == RULE_FILE_IN ||
                 (id == OPT_COOKIE && strchr(text, '=') == NULL) ||
                 (rule == RULE_FILE_OR_URL && !checksum_fetch_is_url(text));
  if (!is_path || *text == '/' || getcwd(dir, sizeof dir) == NULL)
    return strdup(text);
  int len = snprintf(path, sizeof path, "%s/%s", dir, text);
  return len > 0 && (size_t)len < sizeof path ? strdup(path) : NULL;
}

static size_t count_kept(const struct options *options) {
  size_t count = 0;
  for (int id = 0; id < OPT_COUNT; id++)
    if (is_kept(option_info((enum option_id)id)))
      count += options_count(options, (enum option_id)id);
  return count;
}

static int fill_kept(const struct options *options,
                     struct session_option *kept) {
  size_t at = 0;
  for (int id = 0; id < OPT_COUNT; id++) {
    const struct option_info *info = option_info((enum option_id)id);
    for (size_t i = 0;
         is_kept(info) && i < options_count(options, (enum option_id)id);
         i++, at++) {
      kept[at].name = info->name;
      kept[at].value = kept_text((enum option_id)id,
                                 options_item(options, (enum option_id)id, i));
      if (kept[at].value == NULL)
        return ERR_NOMEM;
    }
  }
  return 0;
}

int run_keep_options(struct session *session, const struct options *options,
                     struct errmsg *msg) {
  size_t count = count_kept(options);
  struct session_option *kept = calloc(count + 1, sizeof *kept);
  int rc = kept == NULL ? ERR_NOMEM : fill_kept(options, kept);
  if (rc == 0)
    rc = session_options_put(session, kept, count, msg);
  else
    err_set(msg, rc, "out of memory");
  for (size_t i = 0; kept != NULL && i < count; i++)
    free((char *)kept[i].value);
  free(kept);
  return rc;
}

/* ---- the run
 * -------------------------------------------------------------------- */

static double interval(const struct options *options, bool rewritten) {
  if (options_given(options, OPT_PROGRESS_INTERVAL))
    return options_number(options, OPT_PROGRESS_INTERVAL);
  if (options_choice(options, OPT_PROGRESS) == 1)
    return options_number(options, OPT_PROGRESS_INTERVAL);
  return rewritten ? TTY_INTERVAL_S : LINE_INTERVAL_S;
}

static void report_init(struct report *report, const struct options *options,
                        enum front front, const char *dir, int64_t tasks) {
  static const struct report_ops *const ops[] = {
      [FRONT_SCREEN] = &report_line, [FRONT_LINE] = &report_line,
      [FRONT_JSON] = &report_json,   [FRONT_NONE] = &report_none,
      [FRONT_QUIET] = &report_quiet,
  };
  memset(report, 0, sizeof *report);
  report->ops = ops[front];
  report->tty = front != FRONT_JSON && screen_possible();
  report->interval_s = interval(options, report->tty);
  report->verbose = options_flag(options, OPT_VERBOSE);
  report->session_dir = dir;
  report->tasks = tasks;
  outbuf_init(&report->out, STDOUT_FILENO);
  outbuf_init(&report->err, STDERR_FILENO);
}

static int start(struct engine **engine, struct session *session,
                 const struct options *options, const struct settings *settings,
                 const struct engine_hooks *hooks, struct errmsg *msg) {
  struct run_config config;
  int rc = run_config_init(&config, options, settings);
  if (rc == 0)
    rc = engine_start(engine, session, &config.engine, hooks, msg);
  else
    session_close(session, false);
  run_config_fini(&config);
  return rc;
}

/* The screen first where it is wanted; lines for what it leaves over. *goes_on:
 * the run has stopped to go on in the background. */
static int front_end(struct engine *engine, struct report_queue *queue,
                     struct report *report, const struct options *options,
                     const struct settings *settings, enum front front,
                     bool *goes_on) {
  enum screen_end end = SCREEN_OVER;
  if (front == FRONT_SCREEN)
    end = screen_run(engine, report_queue_fd(queue), options, settings);
  if (end != SCREEN_OVER)
    report->ops = &report_quiet;
  *goes_on = end == SCREEN_HANDED_OVER;
  int status = report_run(report, engine, queue);
  if (*goes_on && status != EXIT_LEFT)
    say("the run ended before it could go on in the background");
  *goes_on &= status == EXIT_LEFT;
  return status;
}

/* Everything of this run is closed. */
static int go_on(const char *dir, const struct options *options) {
  int saved = detach_hand_over(dir, options);
  say("the run has stopped, and could not go on in the background: %s; "
      "'spate resume' goes on",
      strerror(saved));
  return EXIT_LEFT;
}

/* Whether the run can be asked from elsewhere does not decide whether it goes:
 * `spate set` says that there is no socket. */
static struct ctl_server *open_socket(const struct session *session,
                                      const struct options *options,
                                      enum front front) {
  struct ctl_server *server;
  struct errmsg msg = {""};
  int rc = ctl_server_new(&server, session_dirfd(session), session_dir(session),
                          &msg);
  if (rc != 0 && options_flag(options, OPT_VERBOSE) && front != FRONT_QUIET)
    say("%s", msg.text);
  return server;
}

static struct ctl_server *start_socket(struct ctl_server *server,
                                       struct engine *engine) {
  struct errmsg msg = {""};
  if (server == NULL || ctl_server_start(server, engine, &msg) == 0)
    return server;
  ctl_server_free(server);
  return NULL;
}

int run_session(struct session *session, const struct options *options,
                const struct settings *settings, enum front front) {
  struct errmsg msg = {""};
  struct session_counts counts;
  struct report_queue *queue = NULL;
  struct ctl_server *server = NULL;
  struct reload *reload = NULL;
  struct engine_hooks hooks;
  struct engine *engine;
  struct report report;
  bool goes_on = false;
  int status;
  session_counts(session, &counts);
  char *dir = realpath(session_dir(session), NULL);
  int rc = report_queue_new(&queue, &msg);
  if (rc != 0) {
    session_close(session, false);
    status = say_error(rc, &msg);
    goto out;
  }
  report_queue_hooks(queue, &hooks);
  /* The screen shows failures from snapshots; nobody would take events. */
  if (front == FRONT_SCREEN)
    hooks.event = NULL;
  reload = reload_new(options);
  hooks.reload = reload != NULL ? reload_read : NULL;
  hooks.reload_arg = reload;
  server = open_socket(session, options, front);
  rc = start(&engine, session, options, settings, &hooks, &msg);
  if (rc == 0)
    server = start_socket(server, engine);
  interrupt_unblock();
  if (rc != 0) {
    ctl_server_free(server);
    status = say_error(rc, &msg);
    goto out;
  }
  if (!detach_started())
    raise(SIGTERM); /* as if it had come to us */
  report_init(&report, options, front, dir != NULL ? dir : "", counts.tasks);
  status =
      front_end(engine, queue, &report, options, settings, front, &goes_on);
  ctl_server_free(server);
  engine_free(engine);
  outbuf_fini(&report.out);
  outbuf_fini(&report.err);
out:
  report_queue_free(queue);
  reload_free(reload);
  if (goes_on)
    status = go_on(dir != NULL ? dir : ".", options);
  free(dir);
  return status;
}
