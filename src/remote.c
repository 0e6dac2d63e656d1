/* SPDX-License-Identifier: MIT
 *
 * See remote.h. Until the answer to `attach` lines come, frames from there on.
 */
#include "config.h"

#include "remote.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ctl_client.h"
#include "ctl_rpc.h"
#include "ctl_socket.h"
#include "outbuf.h"
#include "session.h"
#include "wire.h"

#define FIRST_MS 500
#define SEND_MS 1000 /* the run reads quickly, or not at all */
#define FRAMES_KEPT 4

/* A snapshot of the wire is one block of memory; who holds it is counted here.
 */
struct held {
  struct snapshot *snap;
  unsigned references;
};

struct remote {
  int fd;
  char *dir; /* the run's, as a path that holds here */
  struct wire_reader *reader;
  struct outbuf out;
  char *in;
  size_t len, cap;
  bool fresh; /* frames have come since the last snapshot */
  bool any;   /* some frame has come */
  struct held held[FRAMES_KEPT];
  struct snapshot *newest; /* among held; NULL none */
  uint64_t reply_seq;
  char reply_text[256];
  bool replied; /* and not shown yet */
  uint64_t watched[WIRE_WATCH];
  size_t watch_count;
  bool lost;
  char why[256];
};

static void lose(struct remote *r, const char *why) {
  if (!r->lost)
    snprintf(r->why, sizeof r->why, "%s", why);
  r->lost = true;
}

/* ---- out ------------------------------------------------------------------
 */

static int64_t now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Takes object over. */
static int send_object(struct remote *r, json_t *object) {
  char *line = rpc_line(object);
  int64_t end = now_ms() + SEND_MS;
  if (line == NULL)
    return ERR_NOMEM;
  if (strlen(line) > RPC_LINE_MAX) { /* the run would drop us */
    free(line);
    return ERR_TOOBIG;
  }
  bool taken = !r->lost && outbuf_put(&r->out, line, strlen(line));
  free(line);
  outbuf_flush(&r->out);
  while (taken && outbuf_pending(&r->out) && now_ms() < end) {
    struct pollfd p = {.fd = r->fd, .events = POLLOUT};
    if (poll(&p, 1, (int)(end - now_ms())) < 0 && errno != EINTR)
      break;
    outbuf_flush(&r->out);
  }
  return taken ? 0 : ERR_CLOSED;
}

static json_t *params_of(const struct command *c) {
  char text[64];
  const char *value = "";
  const struct command_info *info = command_info(c->kind);
  json_int_t task = (json_int_t)c->task;
  if (info->args == ARGS_LIMIT || info->args == ARGS_HOST_LIMIT)
    value = limit_format(c->limit, c->value, text, sizeof text);
  else if (info->args == ARGS_TASK_BYTES)
    value = limit_format(LIMIT_TRANSFER_BANDWIDTH, c->value, text, sizeof text);
  switch (info->args) {
  case ARGS_TASK:
    return json_pack("{s:I}", "task", task);
  case ARGS_TASK_COUNT:
    return json_pack("{s:I, s:I}", "task", task, "value", (json_int_t)c->value);
  case ARGS_TASK_BYTES:
    return json_pack("{s:I, s:s}", "task", task, "value", value);
  case ARGS_TASK_URL:
    return json_pack("{s:I, s:s}", "task", task, "url", c->text);
  case ARGS_LIMIT:
    return json_pack("{s:s, s:s}", "name", limit_info(c->limit)->name, "value",
                     value);
  case ARGS_HOST:
    return json_pack("{s:s}", "host", c->text);
  case ARGS_HOST_LIMIT:
    return json_pack("{s:s, s:s, s:s}", "host", c->text, "name",
                     limit_info(c->limit)->name, "value", value);
  case ARGS_CHOICE:
    return json_pack("{s:s}", "which", c->text != NULL ? c->text : "");
  case ARGS_PATH:
    return json_pack("{s:s}", "path", c->text);
  case ARGS_LINES:
    return json_pack("{s:s}", "lines", c->text);
  case ARGS_LOCAL:
  case ARGS_NONE:
    break;
  }
  return json_object();
}

int remote_command(struct remote *r, const struct command *command) {
  const struct command_info *info = command_info(command->kind);
  if (info->args == ARGS_LOCAL)
    return 0; /* of this process; the run has not been suspended */
  json_t *params = params_of(command);
  if (params == NULL)
    return ERR_SYNTAX; /* text that is no UTF-8 */
  return send_object(
      r, rpc_request_object((json_int_t)command->seq, info->name, params));
}

void remote_every(struct remote *r, unsigned interval_ms) {
  if (interval_ms < RPC_INTERVAL_MIN_MS)
    interval_ms = RPC_INTERVAL_MIN_MS;
  int rc = send_object(
      r, rpc_request_object(
             -1, "watch", json_pack("{s:i}", "interval_ms", (int)interval_ms)));
  (void)rc; /* one that is lost is told by remote_lost() */
}

void remote_watch(struct remote *r, const uint64_t *ids, size_t count) {
  if (count > WIRE_WATCH)
    count = WIRE_WATCH;
  if (count == r->watch_count &&
      (count == 0 || memcmp(ids, r->watched, count * sizeof *ids) == 0))
    return;
  if (count > 0)
    memcpy(r->watched, ids, count * sizeof *ids);
  r->watch_count = count;
  json_t *list = json_array();
  for (size_t i = 0; i < count; i++)
    (void)json_array_append_new(list, json_integer((json_int_t)ids[i]));
  int rc = send_object(
      r, rpc_request_object(-1, "watch", json_pack("{s:o}", "tasks", list)));
  (void)rc;
}

/* ---- in -------------------------------------------------------------------
 */

/* An answer to a command: shown with the next snapshot. */
static void take_answer(struct remote *r, const char *line, size_t len) {
  struct errmsg msg = {""};
  json_t *result = NULL;
  json_int_t id = 0;
  int rc = rpc_answer_id(line, len, &id, &result, &msg);
  const char *text = json_string_value(json_object_get(result, "text"));
  if (id > 0 && (uint64_t)id >= r->reply_seq) {
    r->reply_seq = (uint64_t)id;
    snprintf(r->reply_text, sizeof r->reply_text, "%s",
             rc != 0        ? msg.text
             : text != NULL ? text
                            : "");
    r->replied = true;
  }
  json_decref(result);
}

static void take_frame(struct remote *r, char kind, const char *data,
                       size_t len) {
  if (kind == RPC_FRAME_LINE) {
    take_answer(r, data, len);
  } else if (kind != RPC_FRAME_SNAPSHOT ||
             wire_read(r->reader, (const uint8_t *)data, len) != 0) {
    lose(r, "what the run sends is not understood");
  } else {
    r->fresh = r->any = true;
  }
}

static size_t length_of(const char *head) {
  const unsigned char *b = (const unsigned char *)head;
  return (size_t)b[1] | (size_t)b[2] << 8 | (size_t)b[3] << 16 |
         (size_t)b[4] << 24;
}

static void take_frames(struct remote *r) {
  size_t at = 0;
  while (!r->lost && r->len - at >= RPC_FRAME_HEAD) {
    size_t len = length_of(r->in + at);
    if (len > WIRE_FRAME_MAX) {
      lose(r, "what the run sends is not understood");
      break;
    }
    if (r->len - at - RPC_FRAME_HEAD < len)
      break;
    take_frame(r, r->in[at], r->in + at + RPC_FRAME_HEAD, len);
    at += RPC_FRAME_HEAD + len;
  }
  r->len -= at;
  memmove(r->in, r->in + at, r->len);
}

static bool make_room(struct remote *r) {
  if (r->cap - r->len > 0)
    return true;
  size_t cap = r->cap > 0 ? r->cap * 2 : 65536;
  char *grown = cap <= WIRE_FRAME_MAX * 2 ? realloc(r->in, cap) : NULL;
  if (grown == NULL) {
    lose(r, err_text(ERR_NOMEM));
    return false;
  }
  r->in = grown;
  r->cap = cap;
  return true;
}

/* All that has come; true unless nothing more will. */
static bool read_some(struct remote *r) {
  ssize_t n;
  do {
    if (!make_room(r))
      return false;
    n = read(r->fd, r->in + r->len, r->cap - r->len);
    if (n > 0)
      r->len += (size_t)n;
  } while (n > 0 || (n < 0 && errno == EINTR));
  return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

/* ---- snapshots ------------------------------------------------------------
 */

static struct held *held_of(struct remote *r, const struct snapshot *snap) {
  for (size_t i = 0; i < FRAMES_KEPT; i++)
    if (r->held[i].snap == snap)
      return &r->held[i];
  return NULL;
}

static void unref(struct remote *r, const struct snapshot *snap) {
  struct held *held = snap != NULL ? held_of(r, snap) : NULL;
  if (held == NULL || --held->references > 0)
    return;
  free(held->snap);
  held->snap = NULL;
}

static void make_snapshot(struct remote *r) {
  struct held *held = held_of(r, NULL);
  struct snapshot *snap =
      held != NULL ? wire_snapshot(r->reader, r->reply_seq, r->reply_text)
                   : NULL;
  if (snap == NULL)
    return; /* the next occasion does */
  if (r->dir != NULL)
    snap->session_dir = r->dir; /* where it is from here */
  *held = (struct held){snap, 1};
  unref(r, r->newest);
  r->newest = snap;
  r->fresh = r->replied = false;
}

const struct snapshot *remote_snapshot(struct remote *r) {
  bool open = r->lost || read_some(r);
  take_frames(r);
  outbuf_flush(&r->out);
  if (!open)
    lose(r, "the run has ended without a word: it was killed, or crashed");
  if (r->any && (r->fresh || r->replied))
    make_snapshot(r);
  struct held *held = r->newest != NULL ? held_of(r, r->newest) : NULL;
  if (held != NULL)
    held->references++;
  return r->newest;
}

void remote_release(struct remote *r, const struct snapshot *snap) {
  unref(r, snap);
}

const char *remote_lost(const struct remote *r) {
  return r->lost ? r->why : NULL;
}

int remote_fd(const struct remote *r) {
  return r->fd;
}

/* ---- opening --------------------------------------------------------------
 */

static int attach(struct remote *r, const char *dir, struct errmsg *msg) {
  json_t *result = NULL;
  json_t *params = json_pack("{s:I, s:i}", "wire", (json_int_t)wire_version(),
                             "interval_ms", FIRST_MS);
  char *rest = NULL;
  int rc = ctl_ask_on(r->fd, "attach", params, CTL_TIMEOUT_MS, &result, &rest,
                      &r->len, msg);
  json_decref(result);
  if (rc != 0)
    return rc;
  r->in = rest; /* the first frames may have come with the answer */
  r->cap = r->len;
  r->dir = realpath(dir, NULL);
  return 0;
}

int remote_open(struct remote **out, const char *dir, struct errmsg *msg) {
  struct remote *r = calloc(1, sizeof *r);
  int rc = ERR_NOMEM;
  if (r == NULL)
    return err_set(msg, rc, "%s", err_text(rc));
  r->fd = ctl_socket_connect(dir, msg);
  rc = r->fd < 0 ? r->fd : 0;
  r->reader = wire_reader_new();
  outbuf_init(&r->out, r->fd);
  if (rc == 0 && r->reader == NULL)
    rc = err_set(msg, ERR_NOMEM, "%s", err_text(ERR_NOMEM));
  if (rc == 0)
    rc = attach(r, dir, msg);
  if (rc == 0)
    *out = r;
  else
    remote_close(r);
  return rc;
}

void remote_close(struct remote *r) {
  if (r == NULL)
    return;
  if (r->fd >= 0)
    close(r->fd);
  for (size_t i = 0; i < FRAMES_KEPT; i++)
    free(r->held[i].snap);
  outbuf_fini(&r->out);
  wire_reader_free(r->reader);
  free(r->in);
  free(r->dir);
  free(r);
}
