/* SPDX-License-Identifier: MIT
 *
 * A task gets another URL, or one more mirror: it is written to the session
 * first (readdress.h), and answered when it is there. A task that runs is cut
 * and goes on from the new place with what it has; one that has ended badly is
 * delivered again.
 *
 * Thread: the loop's, but write_down(), which is the job.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine_priv.h"
#include "readdress.h"

struct note {
  struct job job;
  struct engine *engine;
  struct command command; /* its text is not kept */
  bool asked;             /* somebody waits for the answer */
  int dirfd;              /* the session's, which outlives the loop */
  uint64_t task;
  char *text; /* taken */
  int saved_errno;
};

static void free_note(struct note *note) {
  if (note != NULL)
    free(note->text);
  free(note);
}

/* ---- the session's file -----------------------------------------------------
 */

static void write_down(struct job *job) {
  struct note *note = (struct note *)(void *)job;
  int fd = name_open(note->dirfd, TITLES_URLS, O_RDWR | O_APPEND | O_CREAT,
                     0600, false);
  note->saved_errno =
      fd >= 0 ? titles_append(fd, note->task, note->text) : errno;
  if (fd >= 0 && note->saved_errno == 0 && fsync(fd) != 0)
    note->saved_errno = errno;
  if (fd >= 0)
    close(fd);
}

/* ---- the task ---------------------------------------------------------------
 */

/* The same but for the query: signed anew. */
static bool same_object(const char *a, const char *b) {
  size_t len = strcspn(a, "?#");
  return len == strcspn(b, "?#") && strncmp(a, b, len) == 0;
}

/* The URL and the mirrors of the task are those of the address from now on;
 * nothing of the old ones may be under way. */
static int replace(struct engine *e, struct task *task,
                   const struct readdress *address) {
  struct task_fields fields;
  struct host *host;
  task_fields_init(&fields);
  if (task->fields != NULL)
    fields = *task->fields;
  fields.mirrors = address->mirror;
  fields.mirror_count = address->mirror_count;
  bool says = task->fields != NULL || address->mirror_count > 0;
  struct task_fields *copy = says ? task_fields_copy(&fields) : NULL;
  char *url = strdup(address->url);
  int code = url == NULL || (says && copy == NULL)
                 ? ERR_NOMEM
                 : hosts_get(&e->hosts, url, engine_now(), &host, NULL);
  if (code != 0) {
    free(url);
    free(copy);
    return code;
  }
  /* Another server may name the same thing otherwise: then its size decides. */
  if (!same_object(task->url, url) || task->mirror != 0)
    task->validator_of = UINT_MAX;
  free(task->url);
  free(task->fields);
  free(task->hop);
  free(task->shown_url);
  task->url = url;
  task->fields = copy;
  task->hop = task->shown_url = NULL;
  task->host = task->home = host;
  task->as_get = task->following = false;
  task->redirects = task->mirror = task->bad_mirrors = 0;
  task->attempts = 0;
  task->deadline_unix = INT64_MAX;
  intake__set_deadline(e, task);
  return 0;
}

int control__take_url(struct engine *e, struct task *task, const char *line) {
  struct readdress address;
  const char *known = titles_find(&e->urls, task->id);
  if (known == NULL || readdress_parse(&address, known) != 0)
    return 0;
  bool fits = address.of == 0 || address.of == readdress_of(line);
  int code = fits ? replace(e, task, &address) : 0;
  if (fits && address.of == 0) {
    address.of = readdress_of(line);
    control__note_url(e, task->id, &address);
  }
  readdress_fini(&address);
  return code;
}

static void turn(struct engine *e, struct task *task,
                 const struct readdress *address) {
  bool moved = task->state == TASK_ACTIVE && fetch_moves(task);
  bool queued = !task->in_intake && !task->unseen &&
                (task->state == TASK_QUEUED || task->state == TASK_WAITING);
  if (moved)
    fetch__drop_transfers(e, task);
  if (queued)
    scheduler_remove(&e->scheduler, task);
  int code = replace(e, task, address);
  if (code != 0)
    control__refuse(e, code, "%s", err_text(code));
  if (moved) {
    fetch__let_go(e, task, AFTER_QUEUE, true);
  } else if (queued) {
    if (task->state != TASK_QUEUED)
      task_set_state(&e->counts, task, TASK_QUEUED);
    scheduler_ready(&e->scheduler, task, engine_now());
  } else if (task->after == AFTER_WAIT || task->after == AFTER_FAIL ||
             task->after == AFTER_EXPIRE) {
    task->after = AFTER_QUEUE; /* it is letting go of the old one */
  }
}

/* ---- the order --------------------------------------------------------------
 */

static void on_written(struct job *job) {
  struct note *note = (struct note *)(void *)job;
  struct engine *e = note->engine;
  struct readdress address;
  struct task *task = idmap_find(&e->tasks, note->task);
  e->adds--;
  e->said[0] = '\0';
  e->reply_code = 0;
  int code = readdress_parse(&address, note->text);
  if (code == 0 && note->saved_errno == 0)
    code = titles_put(&e->urls, note->task, note->text);
  if (note->saved_errno != 0)
    control__refuse(e, ERR_IO, "the URL could not be kept: %s",
                    strerror(note->saved_errno));
  else if (code != 0)
    control__refuse(e, code, "%s", err_text(code));
  else if (note->asked && task != NULL)
    turn(e, task, &address);
  else if (note->asked && !control__forget_recent(e, note->task))
    control__redeliver(e, note->task);
  if (note->asked && e->reply_code == 0) {
    control__say(e, note->command.kind == CMD_TASK_MIRROR
                        ? "the task has another mirror"
                        : "the task goes on with the new URL");
    control__log(e, &note->command, "task %llu: another URL",
                 (unsigned long long)note->task);
  }
  if (note->asked)
    control__answer(e, &note->command);
  readdress_fini(&address);
  free_note(note);
}

/* address to the session's file; c: who is to be told, NULL nobody. */
static int send_note(struct engine *e, uint64_t task,
                     const struct readdress *address, const struct command *c) {
  struct note *note = calloc(1, sizeof *note);
  if (note == NULL)
    return ERR_NOMEM;
  note->engine = e;
  note->task = task;
  note->dirfd = session_dirfd(e->session);
  note->text = readdress_text(address);
  if (note->text == NULL) {
    free_note(note);
    return ERR_NOMEM;
  }
  if (c != NULL) {
    note->asked = true;
    note->command = *c;
    note->command.text = NULL;
  }
  e->adds++; /* the run does not end meanwhile */
  pool_submit(&e->pool, &note->job, JOB_DISK, "URLs kept", write_down,
              on_written);
  return 0;
}

void control__note_url(struct engine *e, uint64_t task,
                       const struct readdress *address) {
  if (send_note(e, task, address, NULL) != 0)
    eventlog_add(&e->log, LOG_ERROR, task, "no memory for its URL");
}

/* Each of them may be asked. */
static int check(struct engine *e, const struct readdress *address,
                 struct errmsg *msg) {
  for (size_t i = 0; i <= address->mirror_count; i++) {
    const char *url = i == 0 ? address->url : address->mirror[i - 1];
    const char *why = NULL;
    struct host *host;
    int code = hosts_get(&e->hosts, url, engine_now(), &host, &why);
    if (code != 0)
      return err_set(msg, code, "%s: %s",
                     i == 0 ? "the URL" : "one of the mirrors",
                     why != NULL ? why : err_text(code));
  }
  return 0;
}

/* What a task in memory is asked at now. */
static int present(const struct engine *e, const struct task *task,
                   struct readdress *address) {
  struct readdress known = {.of = 0};
  const char *text = titles_find(&e->urls, task->id);
  int code = text != NULL ? readdress_parse(&known, text) : ERR_NOTFOUND;
  if (code == 0 && strcmp(known.url, task->url) == 0) {
    *address = known;
    return 0;
  }
  readdress_fini(&known);
  *address = (struct readdress){.of = readdress_of(task->url),
                                .url = strdup(task->url)};
  code = address->url != NULL ? 0 : ERR_NOMEM;
  size_t count = task->fields != NULL ? task->fields->mirror_count : 0;
  for (size_t i = 0; i < count && code == 0; i++) {
    code = readdress_add(address, task->fields->mirrors[i]);
    if (code == ERR_EXISTS)
      code = 0;
  }
  return code;
}

static int compose(struct engine *e, const struct task *task,
                   const struct command *c, struct readdress *address,
                   struct errmsg *msg) {
  struct readdress given;
  int code = readdress_read(&given, c->text != NULL ? c->text : "", msg);
  if (code != 0)
    return code;
  code = check(e, &given, msg);
  if (code == 0 && task != NULL)
    code = present(e, task, address);
  if (code == 0 && c->kind == CMD_TASK_URL) {
    given.of = address->of;
    readdress_fini(address);
    *address = given;
    return 0;
  }
  if (code == 0 && task == NULL)
    code = err_set(msg, ERR_NOTFOUND, "the task is not in the window");
  for (size_t i = 0; code == 0 && i <= given.mirror_count; i++)
    code = readdress_add(address, i == 0 ? given.url : given.mirror[i - 1]);
  if (code != 0 && msg->text[0] == '\0')
    err_set(msg, code, "%s",
            code == ERR_EXISTS   ? "the task has that URL already"
            : code == ERR_TOOBIG ? "the task has mirrors enough"
                                 : err_text(code));
  readdress_fini(&given);
  return code;
}

int control__host_of(struct engine *e, uint64_t task, const char *line,
                     struct host **host) {
  struct readdress address = {.of = 0};
  const char *known = titles_find(&e->urls, task);
  bool given = known != NULL && readdress_parse(&address, known) == 0 &&
               (address.of == 0 || address.of == readdress_of(line));
  int code = hosts_get(&e->hosts, given ? address.url : line, engine_now(),
                       host, NULL);
  readdress_fini(&address);
  return code;
}

static bool change(struct engine *e, struct task *task,
                   const struct command *c) {
  struct readdress address = {.of = 0};
  struct errmsg msg = {""};
  int code = 0;
  if (e->stopping)
    code = err_set(&msg, ERR_CLOSED, "the run is ending");
  else if (task != NULL && task->state == TASK_VERIFYING)
    code = err_set(&msg, ERR_USAGE, "the task is complete already");
  if (code == 0)
    code = compose(e, task, c, &address, &msg);
  if (code == 0)
    code = send_note(e, c->task, &address, c);
  readdress_fini(&address);
  if (code == 0)
    return false;
  control__refuse(e, code, "%s",
                  msg.text[0] != '\0' ? msg.text : err_text(code));
  return true;
}

bool control__url_unseen(struct engine *e, const struct command *c) {
  return change(e, NULL, c);
}

bool control__url(struct engine *e, const struct command *c) {
  struct task *task = idmap_find(&e->tasks, c->task);
  if (task == NULL)
    task = control__recent_failed(e, c->task);
  return task != NULL ? change(e, task, c) : control__unseen(e, c);
}
