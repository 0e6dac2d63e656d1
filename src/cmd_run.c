/* SPDX-License-Identifier: MIT
 *
 * spate URL... and spate -i LIST: everything is checked that can be, then the
 * session is opened (or gone on with), the new tasks are added, and the run
 * goes. The main thread.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "run.h"
#include "run_config.h"
#include "say.h"
#include "session.h"
#include "strict.h"
#include "subcommand.h"
#include "words.h"

/* A manifest, opened; -1: it is a file that the session reads by its path. */
struct input {
  const char *path;
  int fd;
  bool opened; /* fd is ours to close */
};

struct job {
  struct invocation *invocation;
  struct word_lines lines;
  struct input *inputs;
  size_t input_count;
  enum front front;
};

static const char *input_name(const struct input *input) {
  return strcmp(input->path, "-") == 0 ? "standard input" : input->path;
}

/* ---- checks
 * --------------------------------------------------------------------- */

static int nothing_to_do(const char *dir, struct errmsg *msg) {
  struct session_status status;
  if (session_status_read(dir, &status, NULL) == 0 && !status.finished)
    return err_set(msg, ERR_USAGE,
                   "nothing to add; the session in %s is unfinished: go on "
                   "with 'spate resume%s%s'",
                   dir, strcmp(dir, ".") == 0 ? "" : " ",
                   strcmp(dir, ".") == 0 ? "" : dir);
  return err_set(msg, ERR_USAGE,
                 "nothing to do: give a URL, or a list with -i (see 'spate "
                 "--help')");
}

static int check_words(struct job *job, struct errmsg *msg) {
  const struct options *options = &job->invocation->options;
  const struct cli *cli = &job->invocation->cli;
  size_t inputs = options_count(options, OPT_INPUT_FILE);
  const char *out =
      options_given(options, OPT_OUT) ? options_text(options, OPT_OUT) : NULL;
  if (cli->count == 0 && inputs == 0)
    return nothing_to_do(options_text(options, OPT_DIR), msg);
  if (out != NULL && (cli->count != 1 || inputs != 0))
    return err_set(msg, ERR_USAGE,
                   "--out names a single URL; for several, put the names into "
                   "a list (-i), a tab behind each URL");
  if (options_flag(options, OPT_FOLLOW) &&
      (inputs != 1 || options_flag(options, OPT_STRICT) ||
       strcmp(options_item(options, OPT_INPUT_FILE, 0), "-") == 0))
    return err_set(msg, ERR_USAGE,
                   "--follow takes one file (-i FILE), and no --strict");
  int rc = word_lines_init(&job->lines, cli->words, cli->count, out,
                           run_config_protocols(options), msg);
  if (rc != 0 || !options_given(options, OPT_CHECKSUM))
    return rc;
  if (cli->count != 1 || inputs != 0)
    return err_set(msg, ERR_USAGE,
                   "--checksum is that of a single URL; for several, put the "
                   "checksums into a list (-i), or see --checksum-file");
  return word_lines_checksum(&job->lines, options_text(options, OPT_CHECKSUM),
                             msg);
}

static int unreadable(const struct input *input, struct errmsg *msg) {
  return err_set(msg, ERR_USAGE, "--input-file: cannot read '%s': %s",
                 input_name(input), strerror(errno));
}

/* What cannot be looked at is no stream: the tasks of a file that were once
 * those of a stream would be others for the next run. */
static int open_input(struct input *input, bool strict, struct errmsg *msg) {
  struct stat st = {.st_mode = 0};
  if (strcmp(input->path, "-") == 0) {
    input->fd = STDIN_FILENO;
    return 0;
  }
  if (stat(input->path, &st) != 0)
    return unreadable(input, msg);
  if (S_ISREG(st.st_mode) && !strict)
    return 0;
  if (S_ISDIR(st.st_mode))
    return err_set(msg, ERR_USAGE, "--input-file: '%s' is a directory",
                   input->path);
  input->fd = open(input->path, O_RDONLY | O_CLOEXEC);
  input->opened = input->fd >= 0;
  return input->opened ? 0 : unreadable(input, msg);
}

static void close_input(struct input *input) {
  if (input->opened)
    close(input->fd);
  input->opened = false;
  input->fd = -1;
}

/* A file is read through and closed again; a stream is kept aside first. */
static int check_strictly(struct input *input, const struct options *options,
                          struct errmsg *msg) {
  const char *format = options_text(options, OPT_INPUT_FORMAT);
  struct stat st;
  if (fstat(input->fd, &st) != 0)
    return unreadable(input, msg);
  bool is_file = S_ISREG(st.st_mode);
  if (!is_file) {
    int copy = strict_spool(input->fd, msg);
    if (copy < 0)
      return copy;
    close_input(input);
    input->fd = copy;
    input->opened = true;
  }
  int rc = strict_check(input->fd, input_name(input), format,
                        run_config_protocols(options), msg);
  if (rc != 0)
    return rc;
  if (is_file && input->opened)
    close_input(input);
  else if (lseek(input->fd, 0, SEEK_SET) != 0)
    return err_set(msg, ERR_IO, "%s: cannot be read twice", input_name(input));
  return 0;
}

static int open_inputs(struct job *job, struct errmsg *msg) {
  const struct options *options = &job->invocation->options;
  bool strict = options_flag(options, OPT_STRICT);
  size_t count = options_count(options, OPT_INPUT_FILE);
  job->inputs = calloc(count + 1, sizeof *job->inputs);
  if (job->inputs == NULL)
    return err_set(msg, ERR_NOMEM, "out of memory");
  for (size_t i = 0; i < count; i++) {
    struct input *input = &job->inputs[i];
    input->path = options_item(options, OPT_INPUT_FILE, i);
    input->fd = -1;
    job->input_count++;
    int rc = open_input(input, strict, msg);
    if (rc == 0 && strict)
      rc = check_strictly(input, options, msg);
    if (rc != 0)
      return rc;
  }
  return 0;
}

/* ---- the session
 * ----------------------------------------------------------------- */

static int add_tasks(struct job *job, struct session *session,
                     struct errmsg *msg) {
  session_follow(session, options_flag(&job->invocation->options, OPT_FOLLOW));
  int rc = session_input_format(
      session, options_text(&job->invocation->options, OPT_INPUT_FORMAT));
  if (rc == 0 && job->lines.count > 0)
    rc = session_add_lines(session, (const char *const *)job->lines.items,
                           job->lines.count, msg);
  for (size_t i = 0; i < job->input_count && rc == 0; i++) {
    const struct input *input = &job->inputs[i];
    rc = input->fd < 0 ? session_add_file(session, input->path, msg)
                       : session_add_stream(session, input->fd, msg);
  }
  return rc;
}

/* Opens the session and adds to it; on failure nothing stays open. */
static int prepare_session(struct job *job, struct session **out,
                           struct errmsg *msg) {
  const struct options *options = &job->invocation->options;
  bool durable = options_choice(options, OPT_DURABILITY) == 0;
  int rc = session_open(out, options_text(options, OPT_DIR), durable, msg);
  if (rc != 0)
    return rc;
  rc = add_tasks(job, *out, msg);
  if (rc == 0)
    rc = run_keep_options(*out, options, msg);
  if (rc != 0)
    session_close(*out, true);
  return rc;
}

static int check(struct job *job, struct errmsg *msg) {
  int rc = run_choose_front(&job->invocation->options, &job->front, msg);
  if (rc == 0)
    rc = check_words(job, msg);
  if (rc == 0)
    rc = open_inputs(job, msg);
  return rc;
}

static int go(struct job *job) {
  struct invocation *invocation = job->invocation;
  struct errmsg msg = {""};
  struct session *session;
  int rc = check(job, &msg);
  if (rc == 0)
    rc = run_prepare(&invocation->options,
                     options_text(&invocation->options, OPT_DIR), &msg);
  if (rc == 0)
    rc = prepare_session(job, &session, &msg);
  if (rc != 0)
    return say_error(rc, &msg);
  return run_session(session, &invocation->options, &invocation->settings,
                     job->front);
}

int cmd_run(struct invocation *invocation) {
  struct job job = {.invocation = invocation};
  int status;
  if (invocation_configure(invocation, false, &status) != 0)
    return status;
  if (options_flag(&invocation->options, OPT_DUMP_CONFIG)) {
    options_dump(&invocation->options, stdout);
    return say_printed();
  }
  status = go(&job);
  for (size_t i = 0; i < job.input_count; i++)
    close_input(&job.inputs[i]);
  free(job.inputs);
  word_lines_fini(&job.lines);
  return status;
}
