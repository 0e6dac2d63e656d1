/* SPDX-License-Identifier: MIT
 *
 * From a delivered manifest line to a task that may start.
 *
 * A line becomes a task with a host and a safe output name. Whether a file of
 * that name is there already is looked up for many tasks in one job, before
 * any request is made: what must not be replaced fails without a request, what
 * is there and whole needs none.
 *
 * Thread: the loop's, but look_up(), which is the job.
 */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "checksum_fetch.h"
#include "engine_priv.h"
#include "expiry.h"
#include "order.h"
#include "partial.h"
#include "regain.h"
#include "request.h"
#include "twins.h"
#include "verify.h"

#define DEADLINE_GUARD_S 2 /* on its way when the URL expires */
#define BATCH 64
#define LOOKUPS_MAX 4
#define WINDOW_BASE 512u
#define HELD_LEAST 32 /* ready tasks that may not start: a host may be full */
#define WINDOW_TASKS 12288u /* tasks in memory, waiting ones included */
#define WINDOW_WEIGHT ((uint64_t)16 << 20) /* of their lines, in bytes */
#define WEIGHT_GUESS ((size_t)64 << 10)    /* a line, before one is known */
#define MEAN_OF 64u

struct lookup {
  struct task *task; /* the loop's; not touched by the job */
  uint64_t id;
  const char *name; /* the task's own; it does not change meanwhile */
  const struct session_unflushed *unflushed; /* the task's; likewise */
  bool want_part, gathered;
  int names_fd;            /* of a name that is to be recorded; else -1 */
  enum unpack_kind unpack; /* that it stands for */
  char body[GATHER_NAME];  /* a file of the session that is its name */
  /* answers */
  int error; /* errno of a look that told nothing; 0 none */
  bool exists, regular, flushed;
  int64_t size, ctime_ns;
  uint64_t inode;
  int64_t part_size; /* -1 no such file */
};

struct intake_batch {
  struct job job;
  struct engine *engine;
  int dirfd;
  size_t count;
  struct lookup lookup[BATCH];
};

/* ---- the job ----------------------------------------------------------------
 */

static int64_t nanoseconds(const struct stat *st) {
#ifdef HAVE_STRUCT_STAT_ST_MTIM
  return (int64_t)st->st_ctim.tv_sec * 1000000000 + st->st_ctim.tv_nsec;
#else
  return (int64_t)st->st_ctime * 1000000000;
#endif
}

/* Whether there is something. What cannot be told is no sign that there is
 * nothing; what cannot be reached will say more when it is created. */
static bool found(struct lookup *lookup, int dirfd, const char *name,
                  struct stat *st) {
  if (fstatat(dirfd, name, st, AT_SYMLINK_NOFOLLOW) == 0)
    return true;
  if (errno != ENOENT && errno != ENOTDIR && errno != ENAMETOOLONG &&
      errno != ELOOP && errno != EACCES)
    lookup->error = errno;
  return false;
}

static void look_at_file(struct lookup *lookup, int dirfd) {
  struct stat st;
  if (!found(lookup, dirfd, lookup->name, &st))
    return;
  lookup->exists = true;
  lookup->regular = S_ISREG(st.st_mode);
  lookup->size = (int64_t)st.st_size;
  lookup->inode = (uint64_t)st.st_ino;
  lookup->ctime_ns = nanoseconds(&st);
}

static void look_at_part(struct lookup *lookup, int dirfd) {
  char part[NAME_CAP];
  struct stat st;
  if (snprintf(part, sizeof(part), "%s.part", lookup->name) >= NAME_CAP)
    return;
  if (lookup->unflushed != NULL)
    lookup->flushed =
        regain_flush(dirfd, part, lookup->unflushed, &lookup->part_size);
  else if (found(lookup, dirfd, part, &st) && S_ISREG(st.st_mode))
    lookup->part_size = (int64_t)st.st_size;
}

void intake__numbered(const char *name, enum unpack_kind unpack, char *text,
                      size_t cap) {
  snprintf(text, cap, "/%d/%s", (int)unpack, name);
}

/* Before there is a file of that name: the number depends on which other tasks
 * are in memory, and the next run would look for its files under another. */
static void record_name(struct lookup *lookup) {
  char text[NAME_CAP + 8];
  intake__numbered(lookup->name, lookup->unpack, text, sizeof(text));
  lookup->error = titles_append(lookup->names_fd, lookup->id, text);
}

/* A look only: what it finds is made sure of when a file is created, so that
 * a link on the way is no danger here. */
static void look_up(struct job *job) {
  struct intake_batch *batch = (struct intake_batch *)(void *)job;
  for (size_t i = 0; i < batch->count; i++) {
    struct lookup *lookup = &batch->lookup[i];
    lookup->part_size = -1;
    if (lookup->names_fd >= 0)
      record_name(lookup);
    if (!lookup->gathered && lookup->error == 0)
      look_at_file(lookup, batch->dirfd);
    if (lookup->want_part && lookup->error == 0)
      look_at_part(lookup, batch->dirfd);
  }
}

/* ---- what follows from it
 * ----------------------------------------------------- */

static void drop_partial(struct engine *e, struct task *task) {
  session_partial_put(e->session, task->id, NULL);
  task->has_partial = false;
  ranges_clear(&task->kept);
  task->got = 0;
  task->etag[0] = task->last_modified[0] = '\0';
  task->size = -1;
}

/* 0: it may start. 1: it has come to an end. */
static int judge_existing(struct engine *e, struct task *task,
                          const struct lookup *lookup) {
  bool written = task->ours_named && task->no_request;
  bool ours =
      task->ours_named || (task->ours_since_unix_ns > 0 &&
                           lookup->ctime_ns >= task->ours_since_unix_ns);
  /* A body has its NAME or its .part, never both; and what may be renamed is
   * never written under NAME itself. */
  if (lookup->part_size >= 0 || e->config.exists == EXISTS_RENAME)
    ours = false;
  task->ours_named = ours && lookup->regular;
  if (lookup->regular && written) {
    task->ours_named = true;
    fetch_adopt(e, task, lookup->size);
    return 1;
  }
  if (lookup->regular && ours) {
    task->replace = true;
    task->unname = e->config.exists != EXISTS_OVERWRITE;
    return 0;
  }
  task->taken = true;
  switch (e->config.exists) {
  case EXISTS_OVERWRITE:
    task->replace = true;
    return 0;
  case EXISTS_RENAME:
    return 0;
  case EXISTS_SKIP:
    fetch_adopt(e, task, lookup->size);
    return 1;
  case EXISTS_FAIL:
    break;
  }
  fetch_fail(e, task, INTAKE_EXISTS);
  return 1;
}

/* A .part gets its name when it is whole (and, durable, on the disk): where
 * the session knows a .part of this size, and there is a file of ours instead,
 * the run was killed between the naming and the word about it. */
static bool was_named(const struct engine *e, const struct task *task,
                      const struct lookup *lookup) {
  bool sure = e->config.durable || task->ours_since_unix_ns == 0;
  if (lookup->regular && regain_named(task, lookup->inode, lookup->size))
    return true;
  return sure && task->ours_named && task->has_partial && lookup->regular &&
         lookup->part_size < 0 && task->size > 0 && task->size == lookup->size;
}

static void enter(struct engine *e, struct lookup *lookup) {
  struct task *task = lookup->task;
  task->in_intake = false;
  if (task->restart_wanted) {
    task->restart_wanted = false;
    regain_take(e, task, false);
    fetch__start_over(e, task);
  }
  if (task->cancel_wanted || task->pause_wanted) {
    task->unseen = true;
    fetch_cut(e, task);
    return;
  }
  if (task->deadline_unix <= (int64_t)time(NULL) + task->host->skew_s &&
      !(lookup->exists && task->no_request)) {
    fetch_expire(e, task);
    return;
  }
  if (lookup->error != 0) {
    char why[160];
    snprintf(why, sizeof(why), "cannot look whether the file is there: %s",
             strerror(lookup->error));
    fetch_fail(e, task, why);
    return;
  }
  if (task->twin_done && lookup->regular) {
    fetch_adopt(e, task, lookup->size);
    return;
  }
  if (task->twin_done && task->output_hash == 0) { /* it was taken away */
    task->twin_done = false;
    intake__place(e, task);
    return;
  }
  task->twin_done = false;
  if (was_named(e, task, lookup)) {
    task->ours_named = true;
    fetch_adopt(e, task, lookup->size);
    return;
  }
  task->ours_named = task->ours_named && lookup->exists;
  regain_take(e, task, lookup->flushed);
  if (task->has_partial && lookup->part_size < ranges_end(&task->kept))
    drop_partial(e, task);
  if (lookup->exists && !task->unnamed && judge_existing(e, task, lookup) != 0)
    return;
  task->no_request = false;
  scheduler_ready(&e->scheduler, task, engine_now());
}

static void on_looked_up(struct job *job) {
  struct intake_batch *batch = (struct intake_batch *)(void *)job;
  struct engine *e = batch->engine;
  e->lookups--;
  for (size_t i = 0; i < batch->count; i++)
    enter(e, &batch->lookup[i]);
  free(batch);
}

static void send_batch(struct engine *e) {
  struct intake_batch *batch = calloc(1, sizeof(*batch));
  struct link *link;
  if (batch == NULL)
    return; /* tried again in the next turn */
  batch->engine = e;
  batch->dirfd = session_dirfd(e->session);
  while (batch->count < BATCH && (link = list_take(&e->incoming)) != NULL) {
    struct lookup *lookup = &batch->lookup[batch->count++];
    lookup->task = LINK_ENTRY(link, struct task, queued);
    lookup->name = gather_name(e, lookup->task, lookup->body, GATHER_NAME);
    lookup->gathered = gathering(e);
    lookup->id = lookup->task->id;
    lookup->names_fd = lookup->task->numbered ? e->titles.fd : -1;
    lookup->unpack = lookup->task->unpack;
    lookup->unflushed = lookup->task->unflushed;
    lookup->want_part = lookup->task->has_partial || lookup->task->ours ||
                        lookup->task->ours_since_unix_ns > 0 ||
                        lookup->unflushed != NULL;
    e->incoming_count--;
  }
  e->lookups++;
  pool_submit(&e->pool, &batch->job, JOB_DISK, "names looked up", look_up,
              on_looked_up);
}

/* In an empty directory there is nothing to find, and what comes into it while
 * we work is found when a file is created: O_EXCL tells. */
bool intake_dir_is_empty(int dirfd) {
  int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
  const struct dirent *entry;
  bool empty = dir != NULL;
  if (dir == NULL && fd >= 0)
    close(fd);
  errno = 0; /* readdir() tells an error only by it */
  while (empty && (entry = readdir(dir)) != NULL)
    empty = strcmp(entry->d_name, ".") == 0 ||
            strcmp(entry->d_name, "..") == 0 ||
            strcmp(entry->d_name, SESSION_DIR) == 0;
  empty = empty && errno == 0;
  if (dir != NULL)
    closedir(dir);
  return empty;
}

/* Without a look: nothing was there, or nothing that is to be flushed. */
static void enter_unseen(struct engine *e) {
  struct link looked_at;
  struct link *link;
  list_init(&looked_at);
  while ((link = list_take(&e->incoming)) != NULL) {
    struct lookup lookup;
    memset(&lookup, 0, sizeof(lookup));
    lookup.task = LINK_ENTRY(link, struct task, queued);
    if (lookup.task->unflushed != NULL || lookup.task->twin_done ||
        lookup.task->numbered) {
      list_append(&looked_at, link);
      continue;
    }
    lookup.part_size = gathering(e) ? INT64_MAX : -1; /* its sink will see */
    e->incoming_count--;
    enter(e, &lookup);
  }
  while ((link = list_take(&looked_at)) != NULL)
    list_append(&e->incoming, link);
}

/* ---- delivery
 * ------------------------------------------------------------------- */

/* Below the directory that the line names, as if it were part of the name. */
static int name_below(const char *dir, const char *url, const char *out,
                      enum layout layout, char *name, size_t cap) {
  char joined[2 * NAME_CAP];
  int code = 0;
  if (out == NULL)
    code = name_from_url(url, layout == LAYOUT_HASH ? LAYOUT_FLAT : layout,
                         name, cap);
  if (code != 0)
    return code;
  if (snprintf(joined, sizeof(joined), "%s/%s", dir,
               out != NULL ? out : name) >= (int)sizeof(joined))
    return ERR_TOOBIG;
  return name_from_person(joined, layout, name, cap);
}

int intake__set_name(struct engine *e, struct task *task, const char *name) {
  char stem[NAME_CAP];
  char *copy;
  snprintf(stem, sizeof(stem), "%s", name);
  if (e->config.decompress) {
    size_t length;
    task->unpack = unpack_kind_of(stem, &length);
    stem[length] = '\0';
  }
  copy = strdup(stem);
  if (copy == NULL)
    return ERR_NOMEM;
  free(task->name);
  task->name = copy;
  return 0;
}

/* What a server has named before keeps that name, and what was begun without
 * one its own. */
static const char *server_name(struct engine *e, struct task *task,
                               const struct session_item *item) {
  const char *known;
  if (item->out != NULL || gathering(e))
    return NULL;
  known = titles_find(&e->titles, task->id);
  if (known != NULL && known[0] == '/')
    known = NULL; /* of nothing that is there any more */
  if (known != NULL)
    task->renamed = true;
  else if (e->config.content_disposition && !item->begun &&
           item->partial == NULL)
    task->unnamed = true;
  return known;
}

/* What an earlier run has begun under a name with a number goes on there. 1:
 * it has it. */
static int number_before(struct engine *e, struct task *task,
                         const struct session_item *item) {
  const char *known = titles_find(&e->titles, task->id);
  if (known == NULL || known[0] != '/' || gathering(e) ||
      (!item->begun && item->partial == NULL && item->unflushed == NULL))
    return 0;
  if (known[1] < '0' || known[1] > '9' || known[2] != '/')
    return 0;
  task->unpack = (enum unpack_kind)(known[1] - '0');
  task->name = strdup(known + 3);
  task->renamed = true;
  return task->name != NULL ? 1 : ERR_NOMEM;
}

static int name_task(struct engine *e, struct task *task,
                     const struct session_item *item) {
  enum layout layout = e->config.layout;
  int code = number_before(e, task, item);
  if (code != 0)
    return code < 0 ? code : 0;
  const char *known = server_name(e, task, item);
  char name[NAME_CAP];
  if (known != NULL)
    return intake__set_name(e, task, known);
  if (item->dir != NULL)
    code =
        name_below(item->dir, item->url, item->out, layout, name, sizeof(name));
  else if (item->out != NULL)
    code = name_from_person(item->out, layout, name, sizeof(name));
  else
    code = name_from_url(item->url, layout, name, sizeof(name));
  if (code != 0)
    return code;
  if (!task->unnamed)
    return intake__set_name(e, task, name);
  task->name = strdup(name); /* whole: the answer may give none */
  return task->name != NULL ? 0 : ERR_NOMEM;
}

static const char *name_unsafe(const struct session_item *item, char *why,
                               size_t cap) {
  const char *dir = item->dir != NULL ? item->dir : "";
  snprintf(why, cap, "%s: '%.100s%s%.100s'", err_text(ERR_UNSAFE), dir,
           *dir != '\0' ? "/" : "", item->out != NULL ? item->out : "");
  return why;
}

/* What it had begun is under a name that is another task's now. */
static void forget_begun(struct engine *e, struct task *task) {
  if (task->has_partial)
    drop_partial(e, task);
  regain_take(e, task, false);
  task->ours_named = task->own_part = task->no_request = false;
  if (!request_may_repeat(task->fields))
    return; /* that it was sent is not to be forgotten */
  task->ours = false;
  session_mark_foreign(e->session, task->id);
}

/* Another number for a name that a task in memory has; what is on the disk is
 * found out when the file gets its name. */
static int number_name(struct engine *e, struct task *task) {
  char name[NAME_CAP];
  for (unsigned n = 1;; n++) {
    int code = name_numbered(task->name, n, name, sizeof(name));
    if (code != 0)
      return code;
    if (outputs_find(&e->outputs, name) != NULL)
      continue;
    char *copy = strdup(name);
    if (copy == NULL)
      return ERR_NOMEM;
    free(task->name);
    task->name = copy;
    task->renamed = task->numbered = true;
    forget_begun(e, task);
    return 0;
  }
}

/* Two tasks at once must not write to one file: the second one fails, or takes
 * another name where that is wished. Says why when it fails. */
int intake__claim_name(struct engine *e, struct task *task, char *why,
                       size_t cap) {
  const struct task *first = outputs_find(&e->outputs, task->name);
  if (first != NULL && !gathering(e)) {
    bool same_list =
        first->id >> TASK_ORDINAL_BITS == task->id >> TASK_ORDINAL_BITS;
    snprintf(why, cap, "line %llu%s has the same output, %s",
             (unsigned long long)first->line,
             same_list ? "" : " of another list", task->name);
    if (!task->rename)
      return ERR_EXISTS;
    int code = number_name(e, task);
    if (code != 0)
      return code;
    eventlog_add(&e->log, LOG_WARN, task->id, "%s: this one becomes %s", why,
                 task->name);
  }
  why[0] = '\0';
  if (gathering(e)) /* keys may repeat */
    return 0;
  return outputs_add(&e->outputs, task);
}

/* What the line says goes before what the URL does. */
void intake__set_deadline(const struct engine *e, struct task *task) {
  int64_t at = INT64_MAX;
  if (e->config.deadline_mode != 0 && task->deadline_unix != INT64_MAX)
    return;
  if (e->config.deadline_mode == 2)
    at = e->config.deadline_unix;
  else if (e->config.deadline_mode == 1 && expiry_from_url(task->url, &at) == 0)
    at -= DEADLINE_GUARD_S;
  task->deadline_unix = at;
}

void intake_again(struct engine *e, struct task *task) {
  task->unseen = false;
  task->in_intake = true;
  list_append(&e->incoming, &task->queued);
  e->incoming_count++;
}

/* What is to be dropped is dropped, whatever stands in its way: as a failure it
 * would be tried again. What is there under its name is another's. */
static void turn_away(struct engine *e, struct task *task, const char *why) {
  if (!task->cancel_wanted) {
    fetch_fail(e, task, why);
    return;
  }
  task->cancel_wanted = task->discard_wanted = false;
  fetch_cancel(e, task);
}

/* Its name is its own now, or it has none yet. */
static void begin(struct engine *e, struct task *task) {
  struct digest promised;
  struct errmsg msg;
  if (verify_promise(e, task, &promised, &msg) != 0)
    turn_away(e, task, msg.text);
  else
    intake_again(e, task);
}

void intake__place(struct engine *e, struct task *task) {
  char why[NAME_CAP + 100];
  int code = intake__claim_name(e, task, why, sizeof(why));
  if (code == 0) {
    task->twin_done = e->config.exists == EXISTS_FAIL && twins_have_it(e, task);
    begin(e, task);
    return;
  }
  if (code != ERR_EXISTS || task->cancel_wanted || !twins_hold(e, task))
    turn_away(e, task, why[0] != '\0' ? why : err_text(code));
}

/* A request that may not be repeated of its own accord (RFC 9110, section
 * 9.2.2), and its file is not whole. */
static bool sent_before(const struct task *task,
                        const struct session_item *item) {
  return item->begun && !item->written && !item->again &&
         !request_may_repeat(task->fields);
}

void intake_item(void *arg, const struct session_item *item) {
  struct engine *e = arg;
  const char *why = NULL;
  char unsafe[300];
  struct task *task = task_new(item);
  uint64_t now = engine_now();
  int code;
  if (item->again)
    control__drop_recent(e, item->id);
  if (task == NULL || idmap_add(&e->tasks, task) != 0) {
    task_free(task);
    e->untaken++; /* it stays open in the session */
    engine__hold(e, ERR_NOMEM, err_text(ERR_NOMEM));
    return;
  }
  task->engine = e;
  task->rename = e->config.exists == EXISTS_RENAME;
  task_enter(&e->counts, task);
  list_append(&e->live, &task->all);
  e->live_weight += task->weight;
  e->mean_weight =
      e->mean_weight == 0
          ? task->weight
          : (e->mean_weight * (MEAN_OF - 1) + task->weight) / MEAN_OF;
  meter_init(&task->rate, 10, now);
  task_take_partial(task, item->partial);
  regain_note(task, item->unflushed);
  control_delivered(e, task);
  intake__set_deadline(e, task);
  if (e->last_room > 0)
    e->last_room--;
  code = hosts_get(&e->hosts, task->url, now, &task->host, &why);
  task->home = task->host;
  if (code == ERR_UNSUPPORTED && fetch__other_source(e, task))
    code = 0;
  if (code == 0 && !task->host->protocol->http &&
      !request_is_get(task->fields)) {
    why = "a method or a body is for http and https alone";
    code = ERR_UNSUPPORTED;
  }
  if (code == 0)
    code = control__take_url(e, task, item->url);
  if (code == 0)
    code = name_task(e, task, item);
  if (code == ERR_UNSAFE)
    why = name_unsafe(item, unsafe, sizeof(unsafe));
  if (code != 0) {
    turn_away(e, task, why != NULL ? why : err_text(code));
    return;
  }
  if (sent_before(task, item)) {
    turn_away(e, task,
              "an earlier run sent it, and it may have been carried out: "
              "'spate retry' sends it again");
    return;
  }
  if (task->unnamed)
    begin(e, task);
  else
    intake__place(e, task);
}

/* The manifest is read past lines of hosts that are full, so that the window
 * does not fill with what may not start while others could. */
bool intake_accepts(void *arg, const char *url) {
  struct engine *e = arg;
  struct host *host;
  uint64_t held = e->scheduler.ready - e->scheduler.runnable;
  if (e->scheduler.full_hosts == 0 && held < HELD_LEAST)
    return true;
  if (hosts_get(&e->hosts, url, engine_now(), &host, NULL) != 0)
    return true;
  return !scheduler_is_full(&e->scheduler, host);
}

uint64_t intake_full(void *arg) {
  struct engine *e = arg;
  uint64_t full = 0, others = 0;
  for (struct link *l = e->hosts.list.next; l != &e->hosts.list; l = l->next) {
    const struct host *host = LINK_ENTRY(l, struct host, all);
    *(host->full_at > 0 ? &full : &others) |= order_host_bit(host->origin);
  }
  return full & ~others;
}

/* How many more tasks fit into memory, if they are as heavy as the last were:
 * their bodies, headers and mirrors wait here with them. */
static uint64_t light_room(const struct engine *e) {
  size_t each = e->mean_weight > 0 ? e->mean_weight : WEIGHT_GUESS;
  if (e->live_weight >= WINDOW_WEIGHT)
    return 0;
  return (WINDOW_WEIGHT - e->live_weight + each - 1) / each;
}

/* How many more tasks fit. Ready tasks of hosts that may not start count only
 * against the ceiling, or one throttled host would stop the others. */
static unsigned room(const struct engine *e) {
  uint64_t window = WINDOW_BASE + 4 * (uint64_t)e->limit[LIMIT_CONCURRENCY];
  uint64_t near =
      e->scheduler.runnable + e->incoming_count + (uint64_t)e->lookups * BATCH;
  /* Files that wait for their program or their commit take part, or a slow one
   * would let their number grow without end. */
  uint64_t open = e->tasks.count, fit = light_room(e);
  if (e->stopping || near >= window || open >= WINDOW_TASKS ||
      checksum_fetch_busy(e))
    return 0;
  if (fit > WINDOW_TASKS - open)
    fit = WINDOW_TASKS - open;
  return (unsigned)(window - near < fit ? window - near : fit);
}

void intake_run(struct engine *e) {
  unsigned now;
  if (e->empty_dir || gathering(e)) /* keys of shards may repeat */
    enter_unseen(e);
  while (!list_empty(&e->incoming) && e->lookups < LOOKUPS_MAX) {
    unsigned before = e->lookups;
    send_batch(e);
    if (e->lookups == before)
      break;
  }
  if (e->session_stopping)
    return;
  if (e->scheduler.relieved) {
    e->scheduler.relieved = false;
    session_hosts_changed(e->session);
  }
  now = room(e);
  /* Asking for a handful at a time costs more than it brings. */
  if (now == e->last_room ||
      (now != 0 && e->last_room != 0 && now < e->last_room + BATCH))
    return;
  e->last_room = now;
  session_want(e->session, now);
}
