/* SPDX-License-Identifier: MIT
 *
 * What clients of the control socket ask: commands, looks at the run, and
 * subscriptions, whether as JSON or as frames of the wire. See ctl_impl.h for
 * tickets and the thread.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "ctl_impl.h"
#include "member.h"
#include "snapshot_json.h"

/* ---- tickets ----------------------------------------------------------------
 */

static struct ticket *ticket_take(struct ctl_server *server,
                                  struct client *client,
                                  struct rpc_request *request) {
  for (size_t i = 0; i < TICKETS; i++) {
    struct ticket *ticket = &server->tickets[i];
    if (ticket->used)
      continue;
    *ticket = (struct ticket){.used = true,
                              .server = server,
                              .client = client,
                              .id = json_incref(request->id),
                              .kind = request->method->kind,
                              .look = request->method->look,
                              .limit = request->limit,
                              .rows = request->rows};
    client->open++;
    return ticket;
  }
  return NULL;
}

static void ticket_free(struct ticket *ticket) {
  if (ticket->client != NULL)
    ticket->client->open--;
  json_decref(ticket->id);
  memset(ticket, 0, sizeof *ticket);
}

/* The engine still holds a command's ticket of a client that has gone. */
static void ticket_abandon(struct ticket *ticket) {
  if (ticket->kind != RPC_COMMAND) {
    ticket_free(ticket);
    return;
  }
  json_decref(ticket->id);
  ticket->id = NULL;
  ticket->client = NULL;
}

void ctl__abandon(struct ctl_server *server, const struct client *client) {
  for (size_t i = 0; i < TICKETS; i++)
    if (server->tickets[i].used && server->tickets[i].client == client)
      ticket_abandon(&server->tickets[i]);
}

/* Closes a ticket with its answer, when one is wanted. */
static void answer(struct ticket *ticket, json_t *result) {
  if (ticket->client != NULL && ticket->id != NULL)
    ctl__send_line(ticket->client, rpc_result(ticket->id, result));
  else
    json_decref(result);
  ticket_free(ticket);
}

static void answer_error(struct ticket *ticket, int code, const char *text) {
  if (ticket->client != NULL && ticket->id != NULL)
    ctl__send_error(ticket->client, ticket->id, code, text);
  ticket_free(ticket);
}

/* ---- looking ----------------------------------------------------------------
 */

static json_t *what_is_seen(const struct ticket *ticket,
                            const struct snapshot *snap) {
  switch (ticket->look) {
  case LOOK_GET:
    return snapshot_json_limit(snap, ticket->limit);
  case LOOK_LIST:
    return snapshot_json_limits(snap);
  case LOOK_STATUS:
    return snapshot_json_status(snap);
  case LOOK_SNAPSHOT:
    break;
  }
  return snapshot_json_whole(snap, ticket->rows);
}

/* Tickets of a client that is behind wait for a later snapshot. */
static bool show_tickets(struct ctl_server *server,
                         const struct snapshot *snap) {
  bool more = false;
  for (size_t i = 0; i < TICKETS; i++) {
    struct ticket *ticket = &server->tickets[i];
    if (!ticket->used || ticket->kind != RPC_LOOK)
      continue;
    if (outbuf_full(&ticket->client->out))
      more = true;
    else
      answer(ticket, what_is_seen(ticket, snap));
  }
  return more;
}

/* One that has not read the last frame gets none: the next says more. */
static void show_frame(struct client *client, const struct snapshot *snap) {
  size_t len;
  if (outbuf_pending(&client->out))
    return;
  const uint8_t *frame = wire_write(client->wire, snap, ctl__now_ms(), &len);
  if (frame == NULL)
    client->gone = true;
  else
    ctl__send_frame(client, RPC_FRAME_SNAPSHOT, frame, len);
}

static void show_subscribers(struct ctl_server *server,
                             const struct snapshot *snap) {
  uint64_t now = ctl__now_ms();
  for (size_t i = 0; i < CTL_CLIENTS; i++) {
    struct client *client = &server->clients[i];
    if (client->fd < 0 || client->interval_ms == 0 || client->due_ms > now)
      continue;
    client->due_ms = now + client->interval_ms;
    if (client->wire != NULL)
      show_frame(client, snap);
    else if (outbuf_full(&client->out))
      client->gone = true; /* it does not read */
    else
      ctl__send_line(client,
                     rpc_notification("snapshot",
                                      snapshot_json_whole(snap, client->rows)));
  }
}

static void show(struct ctl_server *server, const struct snapshot *snap) {
  server->looking = show_tickets(server, snap);
  show_subscribers(server, snap);
}

void ctl__look(struct ctl_server *server) {
  if (server->looking)
    return;
  ctl__take_news(server);
  const struct snapshot *snap =
      engine_watch_take(server->engine, &server->watch);
  server->looking = true;
  if (snap != NULL && snap->finished)
    show(server, snap);
  snapshot_unref(snap);
}

void ctl__see(struct ctl_server *server) {
  if (!server->looking || !ctl__take_news(server))
    return;
  const struct snapshot *snap =
      engine_watch_take(server->engine, &server->watch);
  if (snap != NULL)
    show(server, snap);
  snapshot_unref(snap);
}

/* ---- commands ---------------------------------------------------------------
 */

static void send_command(struct ctl_server *server, struct client *client,
                         const struct rpc_request *request,
                         struct ticket *ticket) {
  struct command command = {.kind = request->method->command,
                            .task = request->task,
                            .limit = request->limit,
                            .value = request->value,
                            .text = request->text,
                            .origin = "socket",
                            .reply = ctl__on_reply,
                            .reply_arg = ticket};
  memcpy(command.detail, client->who, sizeof command.detail);
  int rc = engine_command(server->engine, &command);
  if (rc == ERR_CLOSED)
    answer_error(ticket, RPC_ENDED, "the run has ended");
  else if (rc != 0)
    answer_error(ticket, RPC_NO_MEMORY, err_text(rc));
}

static json_t *sentence(const char *text) {
  json_t *o = json_object();
  member_text(o, "text", text);
  return o;
}

void ctl__collect(struct ctl_server *server) {
  for (size_t i = 0; i < TICKETS; i++) {
    struct ticket *ticket = &server->tickets[i];
    if (!ticket->used || ticket->kind != RPC_COMMAND)
      continue;
    pthread_mutex_lock(&server->mutex);
    bool answered = ticket->answered;
    pthread_mutex_unlock(&server->mutex);
    if (!answered)
      continue;
    if (ticket->code == 0)
      answer(ticket, sentence(ticket->text));
    else
      answer_error(ticket, RPC_REFUSED, ticket->text);
  }
}

/* ---- requests ---------------------------------------------------------------
 */

static void subscribe(struct client *client,
                      const struct rpc_request *request) {
  client->interval_ms = request->interval_ms;
  client->rows = request->rows;
  client->due_ms = ctl__now_ms();
  if (request->id != NULL)
    ctl__send_line(
        client, rpc_result(request->id, json_pack("{s:i}", "interval_ms",
                                                  (int)request->interval_ms)));
}

/* From the answer on, all that is sent to it is frames. */
static void attach(struct client *client, const struct rpc_request *request) {
  char why[160];
  if (request->wire != wire_version()) {
    snprintf(why, sizeof why,
             "the run is another version of spate (%s, wire %08lx): attach "
             "with that one",
             PACKAGE_VERSION, (unsigned long)wire_version());
    ctl__send_error(client, request->id, RPC_REFUSED, why);
    return;
  }
  if (client->wire != NULL) {
    ctl__send_error(client, request->id, RPC_REFUSED, "it is attached already");
    return;
  }
  ctl__send_line(client,
                 rpc_result(request->id, json_pack("{s:I}", "wire",
                                                   (json_int_t)request->wire)));
  client->wire = wire_writer_new();
  client->gone = client->gone || client->wire == NULL;
  client->interval_ms = request->interval_ms;
  client->due_ms = ctl__now_ms();
}

static void watch(struct client *client, const struct rpc_request *request) {
  if (client->wire == NULL) {
    ctl__send_error(client, request->id, RPC_REFUSED, "attach first");
    return;
  }
  if (request->tasks != NULL)
    wire_writer_watch(client->wire, request->tasks, request->task_count);
  if (request->interval_ms > 0)
    client->interval_ms = request->interval_ms;
  client->due_ms = ctl__now_ms();
  if (request->id != NULL)
    ctl__send_line(client, rpc_result(request->id, json_object()));
}

/* True when it was one of a subscription. */
static bool follows(struct client *client, const struct rpc_request *request) {
  switch (request->method->kind) {
  case RPC_SUBSCRIBE:
    subscribe(client, request);
    return true;
  case RPC_ATTACH:
    attach(client, request);
    return true;
  case RPC_WATCH:
    watch(client, request);
    return true;
  default:
    return false;
  }
}

void ctl__obey(struct ctl_server *server, struct client *client,
               struct rpc_request *request) {
  if (follows(client, request))
    return;
  struct ticket *ticket = ticket_take(server, client, request);
  if (ticket == NULL)
    ctl__send_error(client, request->id, RPC_BUSY,
                    "too many requests are open");
  else if (request->method->kind == RPC_COMMAND)
    send_command(server, client, request, ticket);
  else
    ctl__look(server);
}

void ctl__conclude(struct ctl_server *server) {
  const struct snapshot *last =
      engine_watch_take(server->engine, &server->watch);
  ctl__collect(server);
  for (size_t i = 0; i < TICKETS; i++)
    if (server->tickets[i].used)
      answer_error(&server->tickets[i], RPC_ENDED, "the run has ended");
  for (size_t i = 0; i < CTL_CLIENTS && last != NULL; i++) {
    struct client *client = &server->clients[i];
    size_t len;
    if (client->fd < 0 || client->wire == NULL || client->gone)
      continue;
    const uint8_t *frame = wire_write(client->wire, last, ctl__now_ms(), &len);
    if (frame != NULL)
      ctl__send_frame(client, RPC_FRAME_SNAPSHOT, frame, len);
  }
  snapshot_unref(last);
}
