/* SPDX-License-Identifier: MIT
 *
 * What becomes of a task when its transfer or its sink has let go: settled,
 * waiting, queued again, paused, cancelled. See fetch.c for the way there.
 *
 * A sink lets go on the pool's time; until then task->after says what comes.
 *
 * Thread: the loop's.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "checksum_file.h"
#include "engine_priv.h"
#include "finish.h"
#include "leftover.h"
#include "mend.h"
#include "partial.h"
#include "request.h"
#include "split.h"
#include "verify.h"

/* ---- ends --------------------------------------------------------------- */

/* The line of --results about it. */
static void add_result(struct engine *e, struct task *task,
                       const struct session_result *result) {
  const struct results_record record = {
      .task = task->id,
      .state = task_state_name(result->state),
      .url = task_shown_url(task),
      .path = result->state == TASK_DONE ? result->path : NULL,
      .digest = task->digest,
      .error = result->reason,
      .status = result->status,
      .attempts = result->attempts,
      .bytes = result->bytes,
      .started_unix_ms = task->started_unix_ms,
      .ended_unix_ms = engine__unix_ms()};
  if (results_line(&e->results, &record) == 0)
    session_list_add(e->session, SESSION_RESULTS, e->results.data,
                     e->results.length);
  else
    session_list_lost(e->session);
}

/* The line of --write-checksums about it. A lone dash would be read as the
 * standard input. */
static void add_checksum(struct engine *e, struct task *task) {
  char line[2 * NAME_CAP + DIGEST_TEXT];
  struct digest digest;
  int length = ERR_NOTFOUND;
  if (task->digest != NULL && task->name != NULL &&
      digest_parse(task->digest, &digest, NULL) == 0)
    length = checksum_line_format(
        &digest, strcmp(task->name, "-") == 0 ? "./-" : task->name, line,
        sizeof(line));
  if (length > 0)
    session_list_add(e->session, SESSION_CHECKSUMS, line, (size_t)length);
  else
    eventlog_add(&e->log, LOG_ERROR, task->id,
                 "%s: no checksum of it could be written down",
                 task->name != NULL ? task->name : task->url);
}

/* Whoever fails has a reason; it may only have found no memory. */
static const char *reason_of(const struct task *task, enum task_state state) {
  if (task->reason != NULL)
    return task->reason;
  return state == TASK_FAILED ? err_text(ERR_NOMEM) : "";
}

static void settle(struct engine *e, struct task *task, enum task_state state) {
  struct session_result result;
  memset(&result, 0, sizeof(result));
  result.id = task->id;
  result.state = state;
  result.bytes = task->got;
  result.status = task->status;
  result.attempts = task->attempts;
  result.reason = reason_of(task, state);
  result.path = task->name != NULL ? task->name : "";
  result.renamed = task->renamed;
  result.told = !gathering(e);
  result.owns = (task->ours || task->own_part ? OWNS_PART : 0) |
                (task->ours_named ? OWNS_NAME : 0);
  result.once = !request_may_repeat(task->fields);
  result.left = state != TASK_DONE && task->name != NULL && !gathering(e) &&
                (result.owns & OWNS_PART) != 0;
  result.object = leftover_object(task);
  result.digest = task->digest != NULL ? task->digest : "";
  result.host = task->host != NULL ? task->host->origin : NULL;
  if (task->status != 0) { /* else they are an earlier attempt's */
    result.type = task->type;
    result.latency_us = task->times.first_byte_us;
  }
  session_group_begin(e->session);
  if (e->config.results_file != NULL)
    add_result(e, task, &result);
  if (e->config.checksums_file != NULL && state == TASK_DONE)
    add_checksum(e, task);
  session_settle(e->session, &result);
  session_group_end(e->session);
}

void fetch_fail(struct engine *e, struct task *task, const char *why) {
  if (why != NULL)
    task_set_reason(task, why);
  eventlog_add(&e->log, LOG_ERROR, task->id, "%s: %s",
               task->name != NULL ? task->name : task->url,
               task->reason != NULL ? task->reason : "failed");
  settle(e, task, TASK_FAILED);
  task_set_state(&e->counts, task, TASK_FAILED);
  engine__retire(e, task);
}

void fetch_expire(struct engine *e, struct task *task) {
  if (task->reason == NULL)
    task_set_reason(task, "the URL has expired");
  eventlog_add(&e->log, LOG_ERROR, task->id, "%s: %s", task->name,
               task->reason != NULL ? task->reason : "expired");
  settle(e, task, TASK_EXPIRED);
  task_set_state(&e->counts, task, TASK_EXPIRED);
  engine__retire(e, task);
}

void fetch_adopt(struct engine *e, struct task *task, int64_t bytes) {
  task->size = task->got = bytes;
  task_set_state(&e->counts, task, TASK_VERIFYING);
  finish_adopted(e, task);
}

void fetch_done(struct engine *e, struct task *task) {
  settle(e, task, TASK_DONE);
}

void fetch_committed(void *arg, const uint64_t *ids, size_t count) {
  struct engine *e = arg;
  for (size_t i = 0; i < count; i++) {
    struct task *task = idmap_find(&e->tasks, ids[i]);
    if (task == NULL || task->state != TASK_VERIFYING)
      continue;
    task_set_state(&e->counts, task, TASK_DONE);
    engine__retire(e, task);
  }
}

void fetch_lost(void *arg, uint64_t id) {
  struct engine *e = arg;
  struct task *task = idmap_find(&e->tasks, id);
  if (task == NULL || task->state != TASK_VERIFYING)
    return;
  task_set_reason(task, "the system lost what was written");
  if (gathering(e)) /* behind the gap nothing can be kept in this run */
    engine__stop(e);
  task_set_state(&e->counts, task, TASK_FAILED);
  engine__retire(e, task);
}

/* ---- partial files ------------------------------------------------------- */

void fetch__forget_partial(struct engine *e, struct task *task) {
  if (task->has_partial)
    session_partial_put(e->session, task->id, NULL);
  session_unflushed_put(e->session, task->id, false, NULL);
  task->has_partial = false;
  ranges_clear(&task->kept);
  task->got = 0;
}

void fetch__start_over(struct engine *e, struct task *task) {
  fetch__forget_partial(e, task);
  task->etag[0] = task->last_modified[0] = '\0';
  task->size = -1;
  task->attempts = 0;
  task->in_doubt = false;
}

static void describe(const struct task *task, const struct ranges *set,
                     struct session_partial *partial) {
  memset(partial, 0, sizeof(*partial));
  partial_set_ranges(partial, set);
  partial->size = task->size;
  memcpy(partial->etag, task->etag, sizeof(partial->etag));
  memcpy(partial->last_modified, task->last_modified,
         sizeof(partial->last_modified));
}

static void remember(struct engine *e, struct task *task,
                     const struct ranges *durable) {
  struct session_partial partial;
  describe(task, durable, &partial);
  if (!task->has_partial) /* whoever else had one of that name has none */
    session_left_claim(e->session, task->id, task->name);
  session_partial_put(e->session, task->id, &partial);
  task->has_partial = true;
}

static int64_t clock_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void say_written(struct task *task, const struct ranges *set, bool busy,
                        uint64_t inode) {
  struct session_unflushed known = {.inode = inode, .said_ns = clock_ns()};
  describe(task, set, &known.partial);
  session_unflushed_put(task->engine->session, task->id, busy, &known);
}

/* The session's row is on its way, and what was said before may be more. */
static void go_on_behind(struct engine *e, struct task *task, uint64_t inode) {
  task->got = ranges_total(&task->kept);
  remember(e, task, &task->kept);
  if (inode != 0)
    say_written(task, &task->kept, false, inode);
  else
    session_unflushed_put(e->session, task->id, false, NULL);
}

void fetch__keep_partial(struct engine *e, struct task *task,
                         const struct sink_result *result) {
  ranges_clear(&task->kept);
  if (result->durable->count == 0 ||
      ranges_add_all(&task->kept, result->durable) != 0)
    fetch__forget_partial(e, task);
  else
    go_on_behind(e, task, result->inode);
}

void fetch__regained(struct engine *e, struct task *task, uint64_t inode) {
  task->own_part = true;
  go_on_behind(e, task, inode);
}

static void on_durable(void *owner, const struct ranges *durable) {
  struct task *task = owner;
  if (durable->count > 0) /* else the first bytes are on their way */
    remember(task->engine, task, durable);
}

static void on_written(void *owner, const struct ranges *written,
                       uint64_t inode) {
  say_written(owner, written, true, inode);
}

/* ---- what comes after a cut ------------------------------------------------
 */

/* True when it failed for that: whoever wants it all the same asks for it by
 * name. */
static bool failed_in_doubt(struct engine *e, struct task *task) {
  char why[300];
  if (!task->in_doubt)
    return false;
  snprintf(why, sizeof(why), "%s; not sent again: it may have been carried out",
           task->reason != NULL && task->reason[0] != '\0' ? task->reason
                                                           : "cut off");
  fetch_fail(e, task, why);
  return true;
}

static void to_queue(struct engine *e, struct task *task) {
  if (failed_in_doubt(e, task))
    return;
  if (task->state != TASK_QUEUED)
    task_set_state(&e->counts, task, TASK_QUEUED);
  scheduler_ready(&e->scheduler, task, engine_now());
}

/* What is there of the file stays, with what the session knows of it, unless
 * it is to be deleted. */
static void cancel(struct engine *e, struct task *task, bool discard) {
  bool part = task->own_part || task->has_partial || task->ours;
  task_set_reason(task, "cancelled");
  if (discard) {
    fetch__forget_partial(e, task);
    if (part)
      control__remove_part(e, task);
    task->ours = task->own_part = false; /* what comes there is another's */
  }
  settle(e, task, TASK_CANCELLED);
  task_set_state(&e->counts, task, TASK_CANCELLED);
  engine__retire(e, task);
}

void fetch_cancel(struct engine *e, struct task *task) {
  cancel(e, task, false);
}

static void act_after(struct engine *e, struct task *task) {
  enum task_after after = task->after;
  task->after = AFTER_NOTHING;
  switch (after) {
  case AFTER_WAIT:
    if (failed_in_doubt(e, task))
      break;
    task_set_state(&e->counts, task, TASK_WAITING);
    if (scheduler_wait(&e->scheduler, task, task->after_due_ns) != 0)
      fetch_fail(e, task, err_text(ERR_NOMEM));
    break;
  case AFTER_FAIL:
    fetch_fail(e, task, NULL);
    break;
  case AFTER_PAUSE:
    if (failed_in_doubt(e, task))
      break;
    task_set_state(&e->counts, task, TASK_PAUSED);
    break;
  case AFTER_CANCEL:
  case AFTER_DISCARD:
    cancel(e, task, after == AFTER_DISCARD);
    break;
  case AFTER_RESTART:
    fetch__start_over(e, task);
    to_queue(e, task);
    break;
  case AFTER_EXPIRE:
    fetch_expire(e, task);
    break;
  case AFTER_QUEUE:
  case AFTER_NOTHING:
    to_queue(e, task);
    break;
  }
}

/* The transfer is gone; the sink, if any, lets go first. */
void fetch__let_go(struct engine *e, struct task *task, enum task_after after,
                   bool keep) {
  split_drop(e, task);
  task->after = after;
  if (task->sink != NULL)
    sink_cut(task->sink, keep);
  else
    act_after(e, task);
}

void fetch__drop_transfers(struct engine *e, struct task *task) {
  struct host *host;
  struct scheduler_answer gone = {0, GOVERNOR_GONE, NULL};
  naming_forget(e, task);
  if (task->split != NULL)
    split_drop(e, task);
  if (task->transfer == NULL)
    return;
  host = task->transfer->host;
  gone.sent_ns = task->transfer->sent_ns;
  if (fetch__may_be_done(task, task->transfer))
    task->in_doubt = true;
  else
    fetch__not_done(e, task);
  scheduler_answered(&e->scheduler, host, &gone, engine_now());
  fetch__leave_lines(e, task);
  transfer_cancel(task->transfer);
  task->transfer = NULL;
  scheduler_ended(&e->scheduler, host, engine_now());
}

static enum task_after what_is_wanted(struct task *task) {
  enum task_after after = AFTER_QUEUE;
  if (task->cancel_wanted)
    after = task->discard_wanted ? AFTER_DISCARD : AFTER_CANCEL;
  else if (task->restart_wanted)
    after = AFTER_RESTART;
  else if (task->pause_wanted)
    after = AFTER_PAUSE;
  task->cancel_wanted = task->discard_wanted = task->restart_wanted =
      task->pause_wanted = false;
  return after;
}

/* Nothing of the body is worth keeping then. */
static bool throws_away(enum task_after after) {
  return after == AFTER_DISCARD || after == AFTER_RESTART;
}

void fetch_cut(struct engine *e, struct task *task) {
  enum task_after after = what_is_wanted(task);
  switch (task->state) {
  case TASK_ACTIVE:
    if (fetch_moves(task)) {
      if (after != AFTER_CANCEL && task->attempts > 0)
        task->attempts--; /* it did not fail */
      fetch__drop_transfers(e, task);
      fetch__let_go(e, task, after, !throws_away(after));
    } else if (after != AFTER_QUEUE) {
      task->after = after; /* it is letting go already */
    }
    break;
  case TASK_QUEUED:
  case TASK_WAITING:
  case TASK_PAUSED:
    scheduler_remove(&e->scheduler, task);
    task->after = after;
    if (after != AFTER_QUEUE)
      act_after(e, task);
    break;
  case TASK_VERIFYING:
    if (after != AFTER_CANCEL && after != AFTER_DISCARD && !e->stopping)
      break; /* its file is being finished; that is quicker than undoing it */
    if (task->sink == NULL)
      (void)finish_cancel(e, task);
    else if (task->after == AFTER_NOTHING)
      fetch__let_go(e, task, after, !throws_away(after));
    break;
  default:
    break;
  }
}

/* ---- the sink ends ----------------------------------------------------------
 */

static void take_name(struct task *task, const char *name) {
  char *copy;
  if (strcmp(task->name, name) == 0)
    return;
  copy = strdup(name);
  if (copy == NULL)
    return;
  free(task->name);
  task->name = copy;
  task->renamed = true;
}

static void hold_for_space(struct engine *e, const struct task *task,
                           const struct sink_result *result) {
  char text[ENGINE_HOLD_TEXT];
  int64_t need = task->size - ranges_total(&task->kept);
  if (result->lacking <= 0) {
    engine__hold(e, ERR_FULL,
                 result->saved_errno == EDQUOT
                     ? "the disk quota is used up: free some space, or ask "
                       "for more"
                     : "the disk is full: free some space");
    return;
  }
  snprintf(text, sizeof(text),
           "the disk is full: free %lld bytes more for %s, or cancel it",
           (long long)result->lacking, task->name);
  engine__hold(e, ERR_FULL, text);
  if (need > 0 && e->hold_need < (uint64_t)need)
    e->hold_need = (uint64_t)need;
}

/* The disk would not take it. No server's fault: no attempt is lost. */
static void disk_failure(struct engine *e, struct task *task,
                         const struct sink_result *result) {
  char why[200];
  if (result->code == ERR_FULL && result->never) { /* waiting is no use */
    fetch__keep_partial(e, task, result);
    snprintf(why, sizeof(why),
             "no space for it: the whole disk is smaller (%lld bytes are "
             "lacking)",
             (long long)result->lacking);
    fetch_fail(e, task, why);
    return;
  }
  if (result->code == ERR_FULL || result->saved_errno == EROFS) {
    fetch__keep_partial(e, task, result);
    if (task->attempts > 0)
      task->attempts--;
    if (task->in_doubt)
      task_set_reason(task, err_text(result->code));
    if (result->code == ERR_FULL)
      hold_for_space(e, task, result);
    else
      engine__hold(e, ERR_READONLY,
                   "the file system is read-only: mount it for writing");
    to_queue(e, task);
    return;
  }
  if ((result->saved_errno == EMFILE || result->saved_errno == ENFILE) &&
      task->attempts < (int)e->limit[LIMIT_TRIES]) {
    fetch__keep_partial(e, task, result);
    task_set_reason(task, strerror(result->saved_errno));
    fetch__retry(e, task, 0, task->reason, true);
    return;
  }
  if (result->code == ERR_CHANGED) { /* the .part is not what it was */
    fetch__forget_partial(e, task);
    to_queue(e, task);
    return;
  }
  if (result->blocked && leftover_ask(e, task))
    return;
  if (result->code == ERR_EXISTS) {
    session_mark_foreign(e->session, task->id); /* next time neither */
    task->ours = task->own_part = task->ours_named = false;
    snprintf(why, sizeof(why), "%s", err_text(ERR_EXISTS));
  } else if (result->code == ERR_UNSUPPORTED && task->reason != NULL) {
    snprintf(why, sizeof(why), "%s", task->reason); /* a digest's */
  } else {
    snprintf(why, sizeof(why), "cannot write the file: %s",
             result->saved_errno != 0 ? strerror(result->saved_errno)
                                      : err_text(result->code));
  }
  fetch_fail(e, task, why);
}

/* The body was cut: it has a .part at most, and a file that comes to stand
 * under its name is somebody else's. */
static void mark_unnamed(struct engine *e, struct task *task) {
  if (gathering(e) || task->ours_named)
    return;
  if (task->ours || task->own_part || !request_may_repeat(task->fields))
    session_mark_started(e->session, task->id, true);
  else
    session_mark_foreign(e->session, task->id);
}

static void on_sink_ended(void *owner, const struct sink_result *result) {
  struct task *task = owner;
  struct engine *e = task->engine;
  task->sink = NULL;
  verify_close(e, task, result->named);
  task->own_part = task->own_part || result->part;
  if (result->part && task->unname)
    task->ours_named = task->unname = false; /* it went for the .part */
  fetch__drop_transfers(e, task); /* it failed while the body still came */
  if (result->code != 0 &&
      (task->after == AFTER_CANCEL || throws_away(task->after))) {
    act_after(e, task);
    return;
  }
  if (result->code != 0) {
    task->after = AFTER_NOTHING;
    if (result->code == ERR_MISMATCH || result->code == ERR_MALFORMED ||
        result->code == ERR_BOMB) {
      if (result->code == ERR_MISMATCH && mend_begin(e, task, result))
        return;
      if (result->part && result->durable->count == 0) /* it is removed */
        task->ours = task->own_part = false;
      verify_failed(e, task, result->code);
      return;
    }
    disk_failure(e, task, result);
    return;
  }
  if (result->named) {
    task->after = AFTER_NOTHING;
    if (!gathering(e)) {
      session_mark_written(e->session, task->id,
                           strcmp(task->name, result->name) != 0);
      take_name(task, result->name);
    }
    if (task->has_partial)
      session_partial_put(e->session, task->id, NULL);
    if (gathering(e)) /* now, in one transaction with the shard's length */
      settle(e, task, TASK_DONE);
    else
      finish_file(e, task);
    return;
  }
  mark_unnamed(e, task);
  if (throws_away(task->after)) {
    fetch__forget_partial(e, task);
  } else {
    fetch__keep_partial(e, task, result);
  }
  act_after(e, task);
}

static void on_room(void *owner) {
  struct task *task = owner;
  struct engine *e = task->engine;
  if (task->transfer != NULL && !e->frozen)
    transfer_unpause(task->transfer);
  if (task->split != NULL && !e->frozen)
    split_each(task, transfer_unpause);
}

const struct sink_ops fetch_sink_ops = {on_room, on_sink_ended, on_durable,
                                        on_written};
