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
#include "url.h"

struct entry {
  uint64_t task;
  char *text; /* taken */
};

struct note {
  struct job job;
  struct engine *engine;
  int dirfd; /* the session's, which outlives the loop */
  struct entry *entries;
  size_t count, cap;
  control_done_fn *done; /* NULL: nobody waits, and the tasks know */
  void *arg;
  int saved_errno;
};

static void free_note(struct note *note) {
  for (size_t i = 0; note != NULL && i < note->count; i++)
    free(note->entries[i].text);
  if (note != NULL)
    free(note->entries);
  free(note);
}

/* ---- the session's file -----------------------------------------------------
 */

static void write_down(struct job *job) {
  struct note *note = (struct note *)(void *)job;
  int fd = name_open(note->dirfd, TITLES_URLS, O_RDWR | O_APPEND | O_CREAT,
                     0600, false);
  note->saved_errno = fd >= 0 ? 0 : errno;
  for (size_t i = 0; i < note->count && note->saved_errno == 0; i++)
    note->saved_errno =
        titles_append(fd, note->entries[i].task, note->entries[i].text);
  if (fd >= 0 && note->saved_errno == 0 && fsync(fd) != 0)
    note->saved_errno = errno;
  if (fd >= 0)
    close(fd);
}

/* ---- the task ---------------------------------------------------------------
 */

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
  if (!url_same_object(task->url, url) || task->mirror != 0)
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
  bool fits = readdress_fits(&address, line);
  int code = fits ? replace(e, task, &address) : 0;
  if (fits && address.of == 0) {
    address.of = readdress_of(line);
    control__note_url(e, task->id, &address);
  }
  readdress_fini(&address);
  return code;
}

static int turn(struct engine *e, struct task *task,
                const struct readdress *address) {
  bool moved = task->state == TASK_ACTIVE && fetch_moves(task);
  bool queued = !task->in_intake && !task->unseen &&
                (task->state == TASK_QUEUED || task->state == TASK_WAITING);
  if (moved)
    fetch__drop_transfers(e, task);
  if (queued)
    scheduler_remove(&e->scheduler, task);
  int code = replace(e, task, address);
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
  return code;
}

/* ---- one that is kept -------------------------------------------------------
 */

/* In force from now on; a task that is in no list comes back with it. */
static int take_effect(struct note *note, const struct entry *entry) {
  struct engine *e = note->engine;
  struct readdress address;
  struct task *task = idmap_find(&e->tasks, entry->task);
  int code = readdress_parse(&address, entry->text);
  if (code != 0)
    return code;
  code = titles_put(&e->urls, entry->task, entry->text);
  if (code == 0 && note->done != NULL && task != NULL)
    code = turn(e, task, &address);
  else if (code == 0 && note->done != NULL)
    control__redeliver(e, entry->task, true);
  readdress_fini(&address);
  return code;
}

static void on_written(struct job *job) {
  struct note *note = (struct note *)(void *)job;
  struct errmsg msg = {""};
  int code = 0;
  note->engine->adds--;
  if (note->saved_errno != 0)
    code = err_set(&msg, ERR_IO, "the URL could not be kept: %s",
                   strerror(note->saved_errno));
  for (size_t i = 0; i < note->count && code == 0; i++)
    code = take_effect(note, &note->entries[i]);
  if (note->done != NULL)
    note->done(note->arg, code,
               msg.text[0] != '\0' || code == 0 ? msg.text : err_text(code));
  free_note(note);
}

static struct note *note_new(struct engine *e) {
  struct note *note = calloc(1, sizeof *note);
  if (note == NULL)
    return NULL;
  note->engine = e;
  note->dirfd = session_dirfd(e->session);
  return note;
}

static int note_add(struct note *note, uint64_t task,
                    const struct readdress *address) {
  if (note->count == note->cap) {
    size_t cap = note->cap > 0 ? note->cap * 2 : 1;
    struct entry *grown = realloc(note->entries, cap * sizeof(*grown));
    if (grown == NULL)
      return ERR_NOMEM;
    note->entries = grown;
    note->cap = cap;
  }
  char *text = readdress_text(address);
  if (text == NULL)
    return ERR_NOMEM;
  note->entries[note->count++] = (struct entry){task, text};
  return 0;
}

/* To the session's file; the note is taken. */
static void send_note(struct note *note, control_done_fn *done, void *arg) {
  struct engine *e = note->engine;
  note->done = done;
  note->arg = arg;
  e->adds++; /* the run does not end meanwhile */
  pool_submit(&e->pool, &note->job, JOB_DISK, "URLs kept", write_down,
              on_written);
}

void control__note_url(struct engine *e, uint64_t task,
                       const struct readdress *address) {
  struct note *note = note_new(e);
  if (note != NULL && note_add(note, task, address) == 0) {
    send_note(note, NULL, NULL);
    return;
  }
  free_note(note);
  eventlog_add(&e->log, LOG_ERROR, task, "no memory for its URL");
}

/* ---- signed anew
 * -------------------------------------------------------------
 */

/* The URL that is in force for a task of this line, but for what the line
 * itself says: NULL. */
static const char *in_force(const struct engine *e, uint64_t task, uint64_t of,
                            struct readdress *address) {
  const char *known = titles_find(&e->urls, task);
  if (known == NULL || readdress_parse(address, known) != 0)
    return NULL;
  return address->of == 0 || address->of == of ? address->url : NULL;
}

bool control__is_news(struct engine *e, const struct session_again *again) {
  struct readdress address = {.of = 0};
  const struct task *task = idmap_find(&e->tasks, again->task);
  if (again->done || control__is_done(e, again->task) ||
      (task != NULL && task->state == TASK_VERIFYING))
    return false;
  const char *known = in_force(e, again->task, again->of, &address);
  bool same = known != NULL ? strcmp(known, again->url) == 0
                            : readdress_of(again->url) == again->of;
  readdress_fini(&address);
  return !same;
}

static int note_news(struct note *note, const struct session_again *again) {
  struct errmsg msg;
  struct readdress address = {.of = 0};
  int code = readdress_read(&address, again->url, &msg);
  address.of = again->of;
  if (code == 0)
    code = note_add(note, again->task, &address);
  readdress_fini(&address);
  return code;
}

int control__signed_anew(struct engine *e, const struct session_again *again,
                         size_t count, control_done_fn *done, void *arg) {
  struct note *note = note_new(e);
  int code = note != NULL ? 0 : ERR_NOMEM;
  for (size_t i = 0; i < count && code == 0; i++)
    if (control__is_news(e, &again[i]))
      code = note_news(note, &again[i]);
  if (code == 0 && note->count > 0) {
    send_note(note, done, arg);
    return 1;
  }
  free_note(note);
  return code;
}

/* ---- the order
 * ---------------------------------------------------------------
 */

struct order {
  struct engine *engine;
  struct command command; /* its text is not kept */
};

static void on_kept(void *arg, int code, const char *text) {
  struct order *order = arg;
  struct engine *e = order->engine;
  const struct command *c = &order->command;
  e->said[0] = '\0';
  e->reply_code = 0;
  if (code != 0) {
    control__refuse(e, code, "%s", text);
  } else {
    control__say(e, c->kind == CMD_TASK_MIRROR
                        ? "the task has another mirror"
                        : "the task goes on with the new URL");
    control__log(e, c, "task %llu: another URL", (unsigned long long)c->task);
  }
  control__answer(e, c);
  free(order);
}

static int send_order(struct engine *e, const struct command *c,
                      const struct readdress *address) {
  struct order *order = calloc(1, sizeof *order);
  struct note *note = note_new(e);
  int code = order != NULL && note != NULL ? note_add(note, c->task, address)
                                           : ERR_NOMEM;
  if (code != 0) {
    free(order);
    free_note(note);
    return code;
  }
  order->engine = e;
  order->command = *c;
  order->command.text = NULL;
  send_note(note, on_kept, order);
  return 0;
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
  const char *given = in_force(e, task, readdress_of(line), &address);
  int code = hosts_get(&e->hosts, given != NULL ? given : line, engine_now(),
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
    code = send_order(e, c, &address);
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
