/* SPDX-License-Identifier: MIT
 *
 * Clients of the control socket: who may come in, lines in, lines and frames
 * out. Nothing here waits for a client. See ctl_impl.h for the thread.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ctl_impl.h"

#define DEAF_MS 1000 /* after running out of descriptors */

void ctl__drop(struct ctl_server *server, struct client *client) {
  ctl__abandon(server, client);
  close(client->fd);
  free(client->line);
  wire_writer_free(client->wire);
  outbuf_fini(&client->out);
  memset(client, 0, sizeof *client);
  client->fd = -1;
}

/* ---- out --------------------------------------------------------------------
 */

void ctl__send_frame(struct client *client, char kind, const void *data,
                     size_t len) {
  char head[RPC_FRAME_HEAD] = {kind, (char)(len & 255), (char)(len >> 8 & 255),
                               (char)(len >> 16 & 255), (char)(len >> 24)};
  if (!outbuf_put(&client->out, head, sizeof head) ||
      !outbuf_put(&client->out, data, len))
    client->gone = true;
  outbuf_flush(&client->out);
}

void ctl__send_line(struct client *client, char *line) {
  if (line == NULL)
    client->gone = true;
  else if (client->wire != NULL)
    ctl__send_frame(client, RPC_FRAME_LINE, line, strlen(line));
  else if (!outbuf_put(&client->out, line, strlen(line)))
    client->gone = true;
  free(line);
  outbuf_flush(&client->out);
}

void ctl__send_error(struct client *client, json_t *id, int code,
                     const char *text) {
  ctl__send_line(client, rpc_error(id, code, text));
}

/* ---- in ---------------------------------------------------------------------
 */

/* The directory keeps others out already; this holds should its mode have been
 * changed. False: not one of ours. */
static bool know(struct client *client) {
#if defined(SO_PEERCRED) && defined(__linux__)
  struct ucred peer;
  socklen_t len = sizeof peer;
  if (getsockopt(client->fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0)
    return false;
  snprintf(client->who, sizeof client->who, "pid %ld uid %ld", (long)peer.pid,
           (long)peer.uid);
  return peer.uid == geteuid() || peer.uid == 0;
#elif defined(HAVE_GETPEEREID)
  uid_t uid;
  gid_t gid;
  if (getpeereid(client->fd, &uid, &gid) != 0)
    return false;
  snprintf(client->who, sizeof client->who, "uid %ld", (long)uid);
  return uid == geteuid() || uid == 0;
#else
  client->who[0] = '\0';
  return true;
#endif
}

static void turn_away(int fd, const char *why) {
  char *line = rpc_error(NULL, RPC_BUSY, why);
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
    turn_away(fd, "there are too many clients already");
    return;
  }
  fcntl(fd, F_SETFD, FD_CLOEXEC);
  fcntl(fd, F_SETFL, O_NONBLOCK);
  *client = (struct client){.fd = fd, .line = line};
  outbuf_init(&client->out, fd);
  if (know(client))
    return;
  turn_away(fd, "only the owner of the run may ask");
  free(client->line);
  memset(client, 0, sizeof *client);
  client->fd = -1;
}

void ctl__accept_all(struct ctl_server *server) {
  for (int i = 0; i < CTL_CLIENTS; i++) {
    int fd = accept(server->listener, NULL, NULL);
    if (fd >= 0) {
      welcome(server, fd);
    } else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM) {
      server->deaf_until_ms = ctl__now_ms() + DEAF_MS;
      return;
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      return;
    }
  }
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
    ctl__obey(server, client, &request);
  else if (request.id != NULL)
    ctl__send_error(client, request.id, rc, msg.text);
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
    ctl__send_error(client, NULL, RPC_NOT_REQUEST,
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

void ctl__attend(struct ctl_server *server, struct client *client,
                 short revents) {
  if (revents & (POLLIN | POLLHUP))
    read_some(client);
  on_lines(server, client);
  outbuf_flush(&client->out);
  if (client->eof && revents & (POLLHUP | POLLERR))
    client->gone = true; /* nobody is left to read */
}

struct pollfd ctl__poll_of(const struct client *client) {
  struct pollfd p = {.fd = client->fd};
  if (takes_lines(client) && !client->eof && client->len <= RPC_LINE_MAX)
    p.events |= POLLIN;
  if (outbuf_pending(&client->out))
    p.events |= POLLOUT;
  return p;
}
