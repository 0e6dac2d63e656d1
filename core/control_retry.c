/* SPDX-License-Identifier: MIT
 *
 * Commands about tasks that are out of the window: the session is asked how
 * they stand, and the command is answered when it has said so; until then the
 * run does not end.
 *
 * Thread: the loop's.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "engine_priv.h"
#include "failed_choice.h"

struct question {
  struct engine *engine;
  struct command command; /* its text is the question's own */
};

static void free_question(struct question *question) {
  free((char *)question->command.text);
  free(question);
}

static struct question *question_new(struct engine *e,
                                     const struct command *c) {
  struct question *question = calloc(1, sizeof(*question));
  if (question == NULL)
    return NULL;
  question->engine = e;
  question->command = *c;
  question->command.text = NULL;
  if (c->text == NULL)
    return question;
  question->command.text = strdup(c->text);
  if (question->command.text != NULL)
    return question;
  free(question);
  return NULL;
}

static struct engine *begin_answer(struct question *question) {
  struct engine *e = question->engine;
  e->adds--;
  e->said[0] = '\0';
  e->reply_code = 0;
  return e;
}

/* ---- all that failed --------------------------------------------------------
 */

static void on_counted(void *arg, const struct session_standing *standing) {
  struct question *question = arg;
  struct engine *e = begin_answer(question);
  unsigned long long count = standing->failed;
  const char *tasks = count == 1 ? "task is" : "tasks are";
  if (standing->code != 0) {
    control__refuse(e, standing->code, "%s", standing->text);
  } else if (standing->by_host && count > 0) {
    control__say(e, "those of the host are tried again, of %llu failed task%s",
                 count, count == 1 ? "" : "s");
  } else {
    control__say(e, "%llu failed %s tried again", count, tasks);
  }
  if (standing->code == 0 && count > 0) {
    e->exhausted = false;
    e->empty_dir = false; /* their own .part may be there */
    control__log(e, &question->command, "%s", e->said);
  }
  control__answer(e, &question->command);
  free_question(question);
}

bool control__retry_failed(struct engine *e, const struct command *c) {
  struct errmsg msg = {""};
  struct question *question = question_new(e, c);
  int code = ERR_NOMEM;
  if (e->stopping)
    code = err_set(&msg, ERR_CLOSED, "the run is ending");
  else if (question != NULL)
    code = session_retry(e->session, question->command.text, on_counted,
                         question, &msg);
  if (code == 0) {
    e->adds++;
    return false;
  }
  if (question != NULL)
    free_question(question);
  control__refuse(e, code == ERR_SYNTAX ? ERR_USAGE : code, "%s",
                  msg.text[0] != '\0' ? msg.text : err_text(code));
  return true;
}

/* The host that it was asked of last is known of those that failed not long
 * ago; of the others it is that of the URL. */
bool control_of_host(void *arg, uint64_t id, const char *url,
                     const struct failed_choice *choice) {
  struct engine *e = arg;
  const struct task *task = control__recent_failed(e, id);
  struct host *host = task != NULL ? task->host : NULL;
  if (!failed_choice_has_host(choice))
    return true;
  if (host == NULL && control__host_of(e, id, url, &host) != 0)
    return false;
  return failed_choice_fits_host(choice, host->name, host->origin);
}

/* ---- one task ---------------------------------------------------------------
 */

static void refuse_unknown(struct engine *e, const struct command *c) {
  control__refuse(e, ERR_NOTFOUND, "there is no task %llu",
                  (unsigned long long)c->task);
}

/* True when it is answered. */
static bool act(struct engine *e, const struct command *c,
                const struct session_standing *standing) {
  if (idmap_find(&e->tasks, c->task) != NULL ||
      control__recent_failed(e, c->task) != NULL) /* it came meanwhile */
    return control_obey(e, c);
  if (standing->code != 0)
    control__refuse(e, standing->code, "%s", standing->text);
  else if (standing->stands == SESSION_UNKNOWN)
    refuse_unknown(e, c);
  else if (standing->stands == SESSION_DONE)
    control__refuse(e, ERR_USAGE, "the task is complete already");
  else if (command_info(c->kind)->args == ARGS_TASK_URL)
    return control__url_unseen(e, c);
  else if (standing->stands == SESSION_OPEN)
    control__refuse(e, ERR_USAGE, "the task has not had its turn yet");
  else
    control__ended(e, c);
  return true;
}

static void on_standing(void *arg, const struct session_standing *standing) {
  struct question *question = arg;
  struct engine *e = begin_answer(question);
  if (act(e, &question->command, standing))
    control__answer(e, &question->command);
  free_question(question);
}

bool control__unseen(struct engine *e, const struct command *c) {
  struct question *question = NULL;
  int code = ERR_NOMEM;
  if (control__is_done(e, c->task)) {
    control__refuse(e, ERR_USAGE, "the task is complete already");
    return true;
  }
  if (e->stopping)
    code = ERR_CLOSED;
  else
    question = question_new(e, c);
  if (question != NULL)
    code = session_stands(e->session, c->task, on_standing, question);
  if (code == 0) {
    e->adds++;
    return false;
  }
  if (question != NULL)
    free_question(question);
  if (code == ERR_NOTFOUND)
    refuse_unknown(e, c);
  else
    control__refuse(e, code, "%s",
                    code == ERR_CLOSED ? "the run is ending" : err_text(code));
  return true;
}
