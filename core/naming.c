/* SPDX-License-Identifier: MIT
 *
 * A task that gets its name from the answer (--content-disposition): between
 * the head and the first byte of the body the name is made safe, claimed among
 * the outputs, looked up on the disk and recorded. Meanwhile the body waits.
 *
 * From then on it is a task like those that had their name from the beginning,
 * in later runs too (titles.h).
 *
 * Invariant: while task->naming is set its transfer is there and its sink is
 * not.
 *
 * Thread: the loop's, but look(), which is the job.
 */
#include "config.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "engine_priv.h"

struct naming {
  struct job job;
  struct engine *engine;
  struct task *task; /* NULL: it was cut meanwhile */
  int dirfd, fd;
  enum exists_policy policy;
  bool over; /* the transfer has ended, with this code: */
  CURLcode code;
  char name[NAME_CAP];       /* as it was chosen */
  char record[NAME_CAP + 8]; /* and is recorded */
  char file[NAME_CAP];       /* the output: unpacked, or with a number */
  char why[NAME_CAP + 120];  /* it cannot have it; "" */
  /* answers */
  bool exists;
  int64_t size;
  int saved_errno;
};

/* The job. What it sees is made sure of when the file is created. */
static void look(struct job *job) {
  struct naming *n = (struct naming *)(void *)job;
  struct stat st;
  if (n->why[0] != '\0')
    return;
  if (fstatat(n->dirfd, n->file, &st, AT_SYMLINK_NOFOLLOW) == 0) {
    n->exists = true;
    n->size = (int64_t)st.st_size;
  }
  if (n->exists && (n->policy == EXISTS_FAIL || n->policy == EXISTS_SKIP))
    return;
  n->saved_errno = titles_append(n->fd, n->job.task, n->record);
}

/* The task goes back to the name that it had. */
void naming_forget(struct engine *e, struct task *task) {
  struct naming *n = task->naming;
  char *copy;
  if (n == NULL)
    return;
  outputs_remove(&e->outputs, task);
  copy = strdup(n->name);
  if (copy != NULL) {
    free(task->name);
    task->name = copy;
  }
  n->task = NULL;
  task->naming = NULL;
}

bool naming_over(struct task *task, CURLcode code) {
  if (task->naming == NULL)
    return false;
  task->naming->over = true;
  task->naming->code = code;
  return true;
}

static void give_up(struct engine *e, struct task *task, const char *why) {
  fetch__drop_transfers(e, task);
  task_set_reason(task, why);
  fetch__let_go(e, task, AFTER_FAIL, false);
}

static void go_on(struct engine *e, struct naming *n) {
  struct task *task = n->task;
  struct transfer *transfer = task->transfer; /* a split takes it over */
  task->taken = n->exists;
  task->replace = task->replace || (n->exists && n->policy == EXISTS_OVERWRITE);
  fetch__take_answer(e, task, transfer);
  if (n->over)
    transfer->ops->done(transfer->owner, transfer, n->code);
  else if (!e->frozen)
    transfer_unpause(transfer);
}

static void settle(struct engine *e, struct naming *n) {
  struct task *task = n->task;
  char why[160];
  task->naming = NULL;
  task->unnamed = false;
  if (n->why[0] != '\0') {
    give_up(e, task, n->why);
  } else if (n->exists && n->policy == EXISTS_FAIL) {
    give_up(e, task, INTAKE_EXISTS);
  } else if (n->exists && n->policy == EXISTS_SKIP) {
    task->renamed = true;
    fetch__drop_transfers(e, task);
    fetch_adopt(e, task, n->size);
  } else if (n->saved_errno != 0 ||
             titles_put(&e->titles, task->id, n->record) != 0) {
    snprintf(why, sizeof(why), "its name could not be recorded: %s",
             n->saved_errno != 0 ? strerror(n->saved_errno)
                                 : err_text(ERR_NOMEM));
    give_up(e, task, why);
  } else {
    task->renamed = true;
    go_on(e, n);
  }
}

static void on_looked(struct job *job) {
  struct naming *n = (struct naming *)(void *)job;
  if (n->task != NULL)
    settle(n->engine, n);
  free(n);
}

/* The name that the answer gives, else the one that the URL has given. */
static int choose(struct engine *e, struct task *task,
                  const struct transfer *transfer, struct naming *n) {
  const char *said = transfer->answer.filename;
  int code = ERR_NOTFOUND;
  if (said[0] != '\0')
    code = name_from_server(said, task->name, e->config.layout, n->name,
                            sizeof(n->name));
  if (code != 0)
    snprintf(n->name, sizeof(n->name), "%s", task->name);
  code = intake__set_name(e, task, n->name);
  if (code == 0)
    code = intake__claim_name(e, task, n->why, sizeof(n->why));
  snprintf(n->file, sizeof(n->file), "%s", task->name);
  if (task->numbered)
    intake__numbered(task->name, task->unpack, n->record, sizeof(n->record));
  else
    snprintf(n->record, sizeof(n->record), "%s", n->name);
  return code;
}

bool naming_begin(struct engine *e, struct task *task,
                  const struct transfer *transfer) {
  struct naming *n = calloc(1, sizeof(*n));
  int code;
  if (n == NULL)
    return false;
  n->engine = e;
  n->task = task;
  n->dirfd = session_dirfd(e->session);
  n->fd = e->titles.fd;
  n->policy = e->config.exists;
  n->job.task = task->id;
  task->naming = n;
  code = choose(e, task, transfer, n);
  if (code != 0 && n->why[0] == '\0')
    snprintf(n->why, sizeof(n->why), "%s", err_text(code));
  pool_submit(&e->pool, &n->job, JOB_DISK, "names from answers", look,
              on_looked);
  return true;
}
