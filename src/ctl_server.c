/* SPDX-License-Identifier: MIT
 *
 * The control socket's server: its start and end from the main thread, its poll
 * loop, and what the engine's thread calls. See ctl_impl.h.
 */
#include "config.h"

#include "ctl_server.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "ctl_impl.h"
#include "ctl_socket.h"
#include "sigmask.h"

#define WATCH_MS 20      /* the engine's own pace is slower */
#define STALLED_MS 10000 /* without taking a byte of what waits */
#define GOODBYE_MS 1000

uint64_t ctl__now_ms(void) {
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

void ctl__on_reply(void *arg, uint64_t seq, int code, const char *text) {
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

bool ctl__take_news(struct ctl_server *server) {
  pthread_mutex_lock(&server->mutex);
  bool news = server->news;
  server->news = false;
  pthread_mutex_unlock(&server->mutex);
  return news;
}

/* ---- the loop ---------------------------------------------------------------
 */

static void sweep(struct ctl_server *server) {
  uint64_t now = ctl__now_ms();
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
      ctl__drop(server, client);
  }
}

static uint64_t sooner(uint64_t a, uint64_t b) {
  return a < b ? a : b;
}

/* Milliseconds until somebody is due; looks for those who are. */
static int next_due(struct ctl_server *server) {
  uint64_t now = ctl__now_ms(), next = now + 60000;
  if (server->deaf_until_ms > now)
    next = server->deaf_until_ms;
  for (size_t i = 0; i < CTL_CLIENTS; i++) {
    const struct client *client = &server->clients[i];
    if (client->fd < 0)
      continue;
    if (client->unread > 0)
      next = sooner(next, client->moved_ms + STALLED_MS + 1);
    if (client->interval_ms > 0 && client->due_ms <= now)
      ctl__look(server);
    if (client->interval_ms > 0 && client->due_ms > now)
      next = sooner(next, client->due_ms);
  }
  return next > now ? (int)(next - now) : 0;
}

static void turn(struct ctl_server *server) {
  struct pollfd p[CTL_CLIENTS + 2] = {
      {.fd = server->pipe[0], .events = POLLIN},
      {.fd = server->listener, .events = POLLIN}};
  char bytes[64];
  int timeout_ms = next_due(server);
  if (server->deaf_until_ms > ctl__now_ms())
    p[1].fd = -1;
  for (size_t i = 0; i < CTL_CLIENTS; i++)
    p[i + 2] = ctl__poll_of(&server->clients[i]);
  if (poll(p, CTL_CLIENTS + 2, timeout_ms) < 0)
    return;
  while (read(server->pipe[0], bytes, sizeof bytes) > 0)
    continue;
  ctl__collect(server);
  ctl__see(server);
  for (size_t i = 0; i < CTL_CLIENTS; i++)
    if (server->clients[i].fd >= 0)
      ctl__attend(server, &server->clients[i], p[i + 2].revents);
  sweep(server);
  if (p[1].revents != 0)
    ctl__accept_all(server);
}

/* The last answers, for those who read them. */
static void say_goodbye(struct ctl_server *server) {
  uint64_t end = ctl__now_ms() + GOODBYE_MS;
  ctl__conclude(server);
  for (size_t i = 0; i < CTL_CLIENTS; i++) {
    struct client *client = &server->clients[i];
    while (client->fd >= 0 && outbuf_pending(&client->out) &&
           ctl__now_ms() < end) {
      struct pollfd p = {.fd = client->fd, .events = POLLOUT};
      poll(&p, 1, (int)(end - ctl__now_ms()));
      outbuf_flush(&client->out);
    }
    if (client->fd >= 0)
      ctl__drop(server, client);
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
