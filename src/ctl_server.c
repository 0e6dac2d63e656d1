/* SPDX-License-Identifier: MIT
 *
 * See ctl_server.h. A request takes a ticket until it is answered. A command's
 * answer comes on the engine's thread, which writes it into the ticket and
 * wakes the poll loop by a pipe; what looks at the run waits for the next
 * snapshot, so that `get` after `set` sees what was set.
 *
 * Thread: all of it is the server's, but on_reply() and on_snapshot(), which
 * the engine's calls, maybe with its own mutex held: no function of the engine
 * is called with ours held.
 */
#include "config.h"

#include "ctl_server.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "ctl_rpc.h"
#include "ctl_socket.h"
#include "member.h"
#include "outbuf.h"
#include "sigmask.h"
#include "snapshot_json.h"

#define TICKETS (CTL_CLIENTS * CTL_REQUESTS)
#define WATCH_MS 20      /* the engine's own pace is slower */
#define STALLED_MS 10000 /* without taking a byte of what waits */
#define GOODBYE_MS 1000
#define DEAF_MS 1000 /* after running out of descriptors */

struct client {
  int fd;     /* -1: this place is free */
  char *line; /* RPC_LINE_MAX + 1 bytes */
  size_t len;
  struct outbuf out;
  size_t unread; /* of out, when it was last looked at */
  uint64_t moved_ms;
  bool eof;                   /* it sends nothing more */
  bool leaving;               /* is dropped once it has read what waits */
  bool gone;                  /* is dropped at the end of the turn */
  unsigned open;              /* tickets */
  unsigned interval_ms, rows; /* of its subscription; 0 none */
  uint64_t due_ms;
  char who[COMMAND_DETAIL];
};

struct ticket {
  bool used;
  struct ctl_server *server;
  struct client *client; /* NULL: gone, nobody wants the answer */
  json_t *id;            /* NULL: a notification */
  enum rpc_kind kind;
  enum rpc_look look;
  enum limit_id limit;
  unsigned rows;
  /* of a command, guarded by the mutex */
  bool answered;
  int code;
  char text[256];
};

struct ctl_server {
  struct engine *engine; /* borrowed */
  struct engine_watch watch;
  int dirfd, listener, pipe[2];
  pthread_t thread;
  bool started;
  struct client clients[CTL_CLIENTS];
  struct ticket tickets[TICKETS];
  uint64_t deaf_until_ms;
  bool looking; /* a snapshot was asked for and has not come */
  pthread_mutex_t mutex;
  bool ending, news; /* guarded */
};

static uint64_t now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* ---- called on the engine's thread ------------------------------------------
 */

static void wake(struct ctl_server *server) {
  ssize_t n = write(server->pipe[1], "", 1);
  (void)n; /* a full pipe wakes just as well */
}

static void on_reply(void *arg, uint64_t seq, int code, const char *text) {
  struct ticket *ticket = arg;
  struct ctl_server *server = ticket->server;
  (void)seq;
  pthread_mutex_lock(&server->mutex);
  ticket->answered = true;
  ticket->code = code;
  snprintf(ticket->text, sizeof ticket->text, "%s", text);
  pthread_mutex_unlock(&server->mutex);
  wake(server);
}

static void on_snapshot(void *arg) {
  struct ctl_server *server = arg;
  pthread_mutex_lock(&server->mutex);
  server->news = true;
  pthread_mutex_unlock(&server->mutex);
  wake(server);
}

static bool take_news(struct ctl_server *server) {
  pthread_mutex_lock(&server->mutex);
  bool news = server->news;
  server->news = false;
  pthread_mutex_unlock(&server->mutex);
  return news;
}

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

/* ---- clients ----------------------------------------------------------------
 */

static void drop(struct ctl_server *server, struct client *client) {
  for (size_t i = 0; i < TICKETS; i++)
    if (server->tickets[i].used && server->tickets[i].client == client)
      ticket_abandon(&server->tickets[i]);
  close(client->fd);
  free(client->line);
  outbuf_fini(&client->out);
  memset(client, 0, sizeof *client);
  client->fd = -1;
}

/* Takes line over. */
static void send_line(struct client *client, char *line) {
  if (line == NULL || !outbuf_put(&client->out, line, strlen(line)))
    client->gone = true;
  free(line);
  outbuf_flush(&client->out);
}

static void send_error(struct client *client, json_t *id, int code,
                       const char *text) {
  send_line(client, rpc_error(id, code, text));
}

/* Closes a ticket with its answer, when one is wanted. */
static void answer(struct ticket *ticket, json_t *result) {
  if (ticket->client != NULL && ticket->id != NULL)
    send_line(ticket->client, rpc_result(ticket->id, result));
  else
    json_decref(result);
  ticket_free(ticket);
}

static void answer_error(struct ticket *ticket, int code, const char *text) {
  if (ticket->client != NULL && ticket->id != NULL)
    send_error(ticket->client, ticket->id, code, text);
  ticket_free(ticket);
}

static void describe(struct client *client) {
#if defined(SO_PEERCRED) && defined(__linux__)
  struct ucred peer;
  socklen_t len = sizeof peer;
  if (getsockopt(client->fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0)
    snprintf(client->who, sizeof client->who, "pid %ld uid %ld", (long)peer.pid,
             (long)peer.uid);
#else
  client->who[0] = '\0';
#endif
}

static void turn_away(int fd) {
  char *line = rpc_error(NULL, RPC_BUSY, "there are too many clients already");
  if (line != NULL) {
    ssize_t n = write(fd, line, strlen(line));
    (void)n;
  }
  free(line);
  close(fd);
}

static void welcome(struct ctl_server *server, int fd) {
  struct client *client = NULL;
  for (size_t i = 0; i < CTL_CLIENTS && client == NULL; i++)
    if (server->clients[i].fd < 0)
      client = &server->clients[i];
  char *line = client != NULL ? malloc(RPC_LINE_MAX + 1) : NULL;
  if (line == NULL) {
    turn_away(fd);
    return;
  }
  fcntl(fd, F_SETFD, FD_CLOEXEC);
  fcntl(fd, F_SETFL, O_NONBLOCK);
  *client = (struct client){.fd = fd, .line = line};
  outbuf_init(&client->out, fd);
  describe(client);
}

static void accept_all(struct ctl_server *server) {
  for (int i = 0; i < CTL_CLIENTS; i++) {
    int fd = accept(server->listener, NULL, NULL);
    if (fd >= 0) {
      welcome(server, fd);
    } else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM) {
      server->deaf_until_ms = now_ms() + DEAF_MS;
      return;
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      return;
    }
  }
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

static void show_subscribers(struct ctl_server *server,
                             const struct snapshot *snap) {
  uint64_t now = now_ms();
  for (size_t i = 0; i < CTL_CLIENTS; i++) {
    struct client *client = &server->clients[i];
    if (client->fd < 0 || client->interval_ms == 0 || client->due_ms > now)
      continue;
    client->due_ms = now + client->interval_ms;
    if (outbuf_full(&client->out))
      client->gone = true; /* it does not read */
    else
      send_line(client, rpc_notification("snapshot", snapshot_json_whole(
                                                         snap, client->rows)));
  }
}

static void show(struct ctl_server *server, const struct snapshot *snap) {
  server->looking = show_tickets(server, snap);
  show_subscribers(server, snap);
}

/* Asks for a snapshot that is younger than this moment; the last one of a run
 * does as well. */
static void look(struct ctl_server *server) {
  if (server->looking)
    return;
  take_news(server);
  const struct snapshot *snap =
      engine_watch_take(server->engine, &server->watch);
  server->looking = true;
  if (snap != NULL && snap->finished)
    show(server, snap);
  snapshot_unref(snap);
}

static void see(struct ctl_server *server) {
  if (!server->looking || !take_news(server))
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
                            .reply = on_reply,
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

/* What the engine has said to commands meanwhile. */
static void collect(struct ctl_server *server) {
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
  client->due_ms = now_ms();
  if (request->id != NULL)
    send_line(client,
              rpc_result(request->id, json_pack("{s:i}", "interval_ms",
                                                (int)request->interval_ms)));
}

static void obey(struct ctl_server *server, struct client *client,
                 struct rpc_request *request) {
  if (request->method->kind == RPC_SUBSCRIBE) {
    subscribe(client, request);
    return;
  }
  struct ticket *ticket = ticket_take(server, client, request);
  if (ticket == NULL)
    send_error(client, request->id, RPC_BUSY, "too many requests are open");
  else if (request->method->kind == RPC_COMMAND)
    send_command(server, client, request, ticket);
  else
    look(server);
}

static void on_line(struct ctl_server *server, struct client *client,
                    const char *line, size_t len) {
  struct rpc_request request;
  struct errmsg msg = {""};
  if (len > 0 && line[len - 1] == '\r')
    len--;
  if (len == 0)
    return;
  int rc = rpc_parse(line, len, &request, &msg);
  if (rc == 0)
    obey(server, client, &request);
  else if (request.id != NULL)
    send_error(client, request.id, rc, msg.text);
  rpc_request_fini(&request);
}

static bool takes_lines(const struct client *client) {
  return !client->gone && !client->leaving && client->open < CTL_REQUESTS &&
         !outbuf_full(&client->out);
}

/* Whole lines of what has come, as long as answers are being read. */
static void on_lines(struct ctl_server *server, struct client *client) {
  size_t done = 0;
  while (takes_lines(client) && done < client->len) {
    char *line = client->line + done;
    char *end = memchr(line, '\n', client->len - done);
    if (end == NULL && !client->eof)
      break;
    size_t len = end != NULL ? (size_t)(end - line) : client->len - done;
    on_line(server, client, line, len);
    done += len + (end != NULL);
  }
  client->len -= done;
  memmove(client->line, client->line + done, client->len);
  if (done == 0 && client->len > RPC_LINE_MAX && takes_lines(client)) {
    send_error(client, NULL, RPC_NOT_REQUEST,
               "a line may have 65536 bytes at most");
    client->leaving = true;
  }
}

static void read_some(struct client *client) {
  size_t room = RPC_LINE_MAX + 1 - client->len;
  if (room == 0 || client->eof)
    return;
  ssize_t n = read(client->fd, client->line + client->len, room);
  if (n > 0)
    client->len += (size_t)n;
  else if (n == 0)
    client->eof = true;
  else if (errno != EAGAIN && errno != EINTR)
    client->gone = true;
}

/* ---- the loop ---------------------------------------------------------------
 */

static void attend(struct ctl_server *server, struct client *client,
                   short revents) {
  if (revents & (POLLIN | POLLHUP))
    read_some(client);
  on_lines(server, client);
  outbuf_flush(&client->out);
  if (client->eof && revents & (POLLHUP | POLLERR))
    client->gone = true; /* nobody is left to read */
}

static void sweep(struct ctl_server *server) {
  uint64_t now = now_ms();
  for (size_t i = 0; i < CTL_CLIENTS; i++) {
    struct client *client = &server->clients[i];
    if (client->fd < 0)
      continue;
    size_t unread = outbuf_waiting(&client->out);
    bool idle = unread == 0 && client->open == 0;
    if (unread == 0 || unread < client->unread || client->unread == 0)
      client->moved_ms = now;
    client->unread = unread;
    if (client->gone || now - client->moved_ms > STALLED_MS ||
        (client->leaving && unread == 0) ||
        (client->eof && idle && client->len == 0 && client->interval_ms == 0))
      drop(server, client);
  }
}

static uint64_t sooner(uint64_t a, uint64_t b) {
  return a < b ? a : b;
}

/* Milliseconds until somebody is due; looks for those who are. */
static int next_due(struct ctl_server *server) {
  uint64_t now = now_ms(), next = now + 60000;
  if (server->deaf_until_ms > now)
    next = server->deaf_until_ms;
  for (size_t i = 0; i < CTL_CLIENTS; i++) {
    const struct client *client = &server->clients[i];
    if (client->fd < 0)
      continue;
    if (client->unread > 0)
      next = sooner(next, client->moved_ms + STALLED_MS + 1);
    if (client->interval_ms > 0 && client->due_ms <= now)
      look(server);
    if (client->interval_ms > 0 && client->due_ms > now)
      next = sooner(next, client->due_ms);
  }
  return next > now ? (int)(next - now) : 0;
}

static struct pollfd poll_of(const struct client *client) {
  struct pollfd p = {.fd = client->fd};
  if (takes_lines(client) && !client->eof && client->len <= RPC_LINE_MAX)
    p.events |= POLLIN;
  if (outbuf_pending(&client->out))
    p.events |= POLLOUT;
  return p;
}

static void turn(struct ctl_server *server) {
  struct pollfd p[CTL_CLIENTS + 2] = {
      {.fd = server->pipe[0], .events = POLLIN},
      {.fd = server->listener, .events = POLLIN}};
  char bytes[64];
  int timeout_ms = next_due(server);
  if (server->deaf_until_ms > now_ms())
    p[1].fd = -1;
  for (size_t i = 0; i < CTL_CLIENTS; i++)
    p[i + 2] = poll_of(&server->clients[i]);
  if (poll(p, CTL_CLIENTS + 2, timeout_ms) < 0)
    return;
  while (read(server->pipe[0], bytes, sizeof bytes) > 0)
    continue;
  collect(server);
  see(server);
  for (size_t i = 0; i < CTL_CLIENTS; i++)
    if (server->clients[i].fd >= 0)
      attend(server, &server->clients[i], p[i + 2].revents);
  sweep(server);
  if (p[1].revents != 0)
    accept_all(server);
}

/* The last answers, for those who read them. */
static void say_goodbye(struct ctl_server *server) {
  uint64_t end = now_ms() + GOODBYE_MS;
  collect(server);
  for (size_t i = 0; i < TICKETS; i++)
    if (server->tickets[i].used)
      answer_error(&server->tickets[i], RPC_ENDED, "the run has ended");
  for (size_t i = 0; i < CTL_CLIENTS; i++) {
    struct client *client = &server->clients[i];
    while (client->fd >= 0 && outbuf_pending(&client->out) && now_ms() < end) {
      struct pollfd p = {.fd = client->fd, .events = POLLOUT};
      poll(&p, 1, (int)(end - now_ms()));
      outbuf_flush(&client->out);
    }
    if (client->fd >= 0)
      drop(server, client);
  }
}

static bool is_ending(struct ctl_server *server) {
  pthread_mutex_lock(&server->mutex);
  bool ending = server->ending;
  pthread_mutex_unlock(&server->mutex);
  return ending;
}

static void *serve(void *arg) {
  struct ctl_server *server = arg;
  sigmask_block();
  while (!is_ending(server))
    turn(server);
  say_goodbye(server);
  return NULL;
}

/* ---- from the main thread ---------------------------------------------------
 */

static int open_all(struct ctl_server *server, int dirfd, const char *dir,
                    struct errmsg *msg) {
  char path[4096];
  snprintf(path, sizeof path, "%s/%s", dir, SESSION_DIR);
  server->dirfd =
      openat(dirfd, SESSION_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (server->dirfd < 0 || pipe(server->pipe) != 0)
    return err_set(msg, ERR_IO, "no control socket: %s", strerror(errno));
  for (int i = 0; i < 2; i++) {
    fcntl(server->pipe[i], F_SETFD, FD_CLOEXEC);
    fcntl(server->pipe[i], F_SETFL, O_NONBLOCK);
  }
  server->listener = ctl_socket_listen(server->dirfd, path, msg);
  return server->listener < 0 ? server->listener : 0;
}

int ctl_server_new(struct ctl_server **out, int dirfd, const char *dir,
                   struct errmsg *msg) {
  struct ctl_server *server = calloc(1, sizeof *server);
  *out = NULL;
  if (server == NULL)
    return err_set(msg, ERR_NOMEM, "%s", err_text(ERR_NOMEM));
  server->dirfd = server->listener = -1;
  server->pipe[0] = server->pipe[1] = -1;
  for (size_t i = 0; i < CTL_CLIENTS; i++)
    server->clients[i].fd = -1;
  pthread_mutex_init(&server->mutex, NULL);
  int rc = open_all(server, dirfd, dir, msg);
  if (rc == 0)
    *out = server;
  else
    ctl_server_free(server);
  return rc;
}

int ctl_server_start(struct ctl_server *server, struct engine *engine,
                     struct errmsg *msg) {
  server->engine = engine;
  engine_watch_add(engine, &server->watch, WATCH_MS, on_snapshot, server);
  int rc = pthread_create(&server->thread, NULL, serve, server);
  server->started = rc == 0;
  if (rc == 0)
    return 0;
  engine_watch_remove(engine, &server->watch);
  return err_set(msg, ERR_NOMEM, "cannot start a thread: %s", strerror(rc));
}

static void close_one(int fd) {
  if (fd >= 0)
    close(fd);
}

void ctl_server_free(struct ctl_server *server) {
  if (server == NULL)
    return;
  if (server->started) {
    pthread_mutex_lock(&server->mutex);
    server->ending = true;
    pthread_mutex_unlock(&server->mutex);
    wake(server);
    pthread_join(server->thread, NULL);
    engine_watch_remove(server->engine, &server->watch);
  }
  /* Without a start the session, and with it the lock, may be another's by
   * now; a socket that nobody listens on does no harm. */
  if (server->started)
    unlinkat(server->dirfd, CTL_SOCKET, 0);
  close_one(server->listener);
  close_one(server->pipe[0]);
  close_one(server->pipe[1]);
  close_one(server->dirfd);
  pthread_mutex_destroy(&server->mutex);
  free(server);
}
