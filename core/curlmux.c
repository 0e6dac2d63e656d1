/* SPDX-License-Identifier: MIT
 *
 * libcurl's multi interface on a libuv loop: see curlmux.h.
 */
#include "config.h"

#include "curlmux.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LANES_MAX 128
#define LANE_CONNECTIONS 256L /* kept connections in one multi handle */
#define AGAIN_MS 100          /* after libcurl has failed */

struct lane {
  struct curlmux *mux;
  CURLM *multi;
  uv_timer_t timer;
  unsigned active;
};

struct watcher {
  uv_poll_t poll;
  struct lane *lane;
  struct watcher *next_free;
  curl_socket_t fd;
  int armed;       /* UV_READABLE | UV_WRITABLE as given to libuv */
  bool wanted;     /* libcurl has a transfer on this socket */
  bool connection; /* else libcurl closes it without asking close_socket() */
};

struct curlmux {
  uv_loop_t *loop;
  struct loopwatch *watch;
  curlmux_done done;
  void *arg;
  struct lane *lanes[LANES_MAX];
  unsigned lane_count;
  struct watcher **by_fd;
  size_t by_fd_count;
  struct watcher *free_watchers;
  unsigned handles; /* loop handles that are not closed yet */
  bool closing;
};

static void release(struct curlmux *mux) {
  struct watcher *watcher;
  if (--mux->handles > 0 || !mux->closing)
    return;
  while ((watcher = mux->free_watchers) != NULL) {
    mux->free_watchers = watcher->next_free;
    free(watcher);
  }
  for (unsigned i = 0; i < mux->lane_count; i++)
    free(mux->lanes[i]);
  free(mux->by_fd);
  free(mux);
}

/* Reports what has finished. The message is invalid once the handle is
 * removed, so its parts are copied first. */
static void reap(struct lane *lane) {
  struct curlmux *mux = lane->mux;
  CURLMsg *msg;
  int left;
  for (msg = curl_multi_info_read(lane->multi, &left); msg != NULL;
       msg = curl_multi_info_read(lane->multi, &left)) {
    CURL *easy = msg->easy_handle;
    CURLcode code = msg->data.result;
    if (msg->msg != CURLMSG_DONE)
      continue;
    curl_multi_remove_handle(lane->multi, easy);
    lane->active--;
    mux->done(mux->arg, easy, code);
  }
}

static void on_timeout(uv_timer_t *timer);

/* Where libcurl gets no memory it comes back before it has asked for its next
 * time-out: nobody would wake the lane's transfers any more. */
static void act(struct lane *lane, curl_socket_t fd, int flags) {
  int running;
  CURLMcode code = curl_multi_socket_action(lane->multi, fd, flags, &running);
  if (code != CURLM_OK)
    uv_timer_start(&lane->timer, on_timeout, AGAIN_MS, 0);
  reap(lane);
}

/* ---- sockets ------------------------------------------------------------ */

static void on_socket(uv_poll_t *poll, int status, int events);

static void disarm(struct watcher *watcher) {
  uv_poll_stop(&watcher->poll);
  watcher->armed = 0;
}

static void arm(struct watcher *watcher, int events) {
  if (watcher->armed == events)
    return;
  watcher->armed = events;
  if (uv_poll_start(&watcher->poll, events, on_socket) != 0)
    watcher->armed = 0;
}

static void on_socket(uv_poll_t *poll, int status, int events) {
  struct watcher *watcher = poll->data;
  struct lane *lane = watcher->lane;
  int flags = 0;
  if (!watcher->wanted) {
    /* An idle connection: the server closed it or talks out of turn. libcurl
     * finds out when it wants to use it again. */
    disarm(watcher);
    return;
  }
  loopwatch_enter(lane->mux->watch, "socket");
  if (status < 0) {
    /* libuv stopped the watcher. With IN libcurl reads, and sees whether a
     * kept connection was closed while it was used again: then it takes a new
     * one by itself. With ERR alone it would just fail. */
    flags = CURL_CSELECT_ERR | CURL_CSELECT_IN;
    watcher->armed = 0;
  }
  if (events & UV_READABLE)
    flags |= CURL_CSELECT_IN;
  if (events & UV_WRITABLE)
    flags |= CURL_CSELECT_OUT;
  act(lane, watcher->fd, flags);
  loopwatch_leave(lane->mux->watch);
}

static bool grow_table(struct curlmux *mux, curl_socket_t fd) {
  size_t count = mux->by_fd_count ? mux->by_fd_count : 64;
  struct watcher **grown;
  if ((size_t)fd < mux->by_fd_count)
    return true;
  while (count <= (size_t)fd)
    count *= 2;
  grown = realloc(mux->by_fd, count * sizeof(struct watcher *));
  if (grown == NULL)
    return false;
  memset(grown + mux->by_fd_count, 0,
         (count - mux->by_fd_count) * sizeof(struct watcher *));
  mux->by_fd = grown;
  mux->by_fd_count = count;
  return true;
}

/* libcurl's resolver talks to its thread over a pair of local sockets. */
static bool is_connection(curl_socket_t fd) {
  struct sockaddr_storage name;
  socklen_t length = sizeof(name);
  return getsockname(fd, (struct sockaddr *)&name, &length) == 0 &&
         (name.ss_family == AF_INET || name.ss_family == AF_INET6);
}

static struct watcher *watcher_for(struct lane *lane, curl_socket_t fd) {
  struct curlmux *mux = lane->mux;
  struct watcher *watcher;
  if (!grow_table(mux, fd))
    return NULL;
  if (mux->by_fd[fd] != NULL)
    return mux->by_fd[fd];
  watcher = mux->free_watchers;
  if (watcher != NULL)
    mux->free_watchers = watcher->next_free;
  else
    watcher = malloc(sizeof(*watcher));
  if (watcher == NULL)
    return NULL;
  memset(watcher, 0, sizeof(*watcher));
  if (uv_poll_init_socket(mux->loop, &watcher->poll, fd) != 0) {
    watcher->next_free = mux->free_watchers;
    mux->free_watchers = watcher;
    return NULL;
  }
  watcher->poll.data = watcher;
  watcher->lane = lane;
  watcher->fd = fd;
  watcher->connection = is_connection(fd);
  mux->handles++;
  mux->by_fd[fd] = watcher;
  return watcher;
}

static void on_watcher_closed(uv_handle_t *handle) {
  struct watcher *watcher = handle->data;
  struct curlmux *mux = watcher->lane->mux;
  watcher->next_free = mux->free_watchers;
  mux->free_watchers = watcher;
  release(mux);
}

static void forget(struct curlmux *mux, struct watcher *watcher) {
  mux->by_fd[watcher->fd] = NULL;
  uv_poll_stop(&watcher->poll);
  uv_close((uv_handle_t *)&watcher->poll, on_watcher_closed);
}

static int socket_callback(CURL *easy, curl_socket_t fd, int what, void *arg,
                           void *socket_arg) {
  struct lane *lane = arg;
  struct watcher *watcher;
  (void)easy;
  (void)socket_arg;
  if (what == CURL_POLL_REMOVE) {
    watcher = (size_t)fd < lane->mux->by_fd_count ? lane->mux->by_fd[fd] : NULL;
    if (watcher != NULL && watcher->connection)
      watcher->wanted = false;
    else if (watcher != NULL)
      forget(lane->mux, watcher);
    return 0;
  }
  watcher = watcher_for(lane, fd);
  if (watcher == NULL)
    return 0; /* -1 would kill every transfer; this one will time out */
  watcher->lane = lane;
  watcher->wanted = true;
  if (what == CURL_POLL_IN)
    arm(watcher, UV_READABLE);
  else if (what == CURL_POLL_OUT)
    arm(watcher, UV_WRITABLE);
  else if (what == CURL_POLL_INOUT)
    arm(watcher, UV_READABLE | UV_WRITABLE);
  else if (watcher->armed)
    disarm(watcher); /* CURL_POLL_NONE: paused, must not spin */
  return 0;
}

/* The descriptor's number comes back at once, so libuv must forget it before
 * it is closed. */
static int close_socket(void *arg, curl_socket_t fd) {
  struct curlmux *mux = arg;
  if ((size_t)fd < mux->by_fd_count && mux->by_fd[fd] != NULL)
    forget(mux, mux->by_fd[fd]);
  return close(fd);
}

/* ---- timers ------------------------------------------------------------- */

static void on_timeout(uv_timer_t *timer) {
  struct lane *lane = timer->data;
  loopwatch_enter(lane->mux->watch, "curl timer");
  act(lane, CURL_SOCKET_TIMEOUT, 0);
  loopwatch_leave(lane->mux->watch);
}

static int timer_callback(CURLM *multi, long timeout_ms, void *arg) {
  struct lane *lane = arg;
  (void)multi;
  if (timeout_ms < 0) {
    uv_timer_stop(&lane->timer);
    return 0;
  }
  /* 0 means the next iteration; a stale loop clock would fire early. */
  uv_update_time(lane->mux->loop);
  uv_timer_start(&lane->timer, on_timeout, (uint64_t)timeout_ms, 0);
  return 0;
}

/* ---- lanes -------------------------------------------------------------- */

static struct lane *open_lane(struct curlmux *mux) {
  struct lane *lane;
  if (mux->lane_count == LANES_MAX)
    return NULL;
  lane = calloc(1, sizeof(*lane));
  if (lane == NULL)
    return NULL;
  lane->mux = mux;
  lane->multi = curl_multi_init();
  if (lane->multi == NULL || uv_timer_init(mux->loop, &lane->timer) != 0) {
    if (lane->multi != NULL)
      curl_multi_cleanup(lane->multi);
    free(lane);
    return NULL;
  }
  lane->timer.data = lane;
  curl_multi_setopt(lane->multi, CURLMOPT_SOCKETFUNCTION, socket_callback);
  curl_multi_setopt(lane->multi, CURLMOPT_SOCKETDATA, lane);
  curl_multi_setopt(lane->multi, CURLMOPT_TIMERFUNCTION, timer_callback);
  curl_multi_setopt(lane->multi, CURLMOPT_TIMERDATA, lane);
  curl_multi_setopt(lane->multi, CURLMOPT_MAXCONNECTS, LANE_CONNECTIONS);
  mux->handles++;
  mux->lanes[mux->lane_count++] = lane;
  return lane;
}

int curlmux_new(struct curlmux **out, uv_loop_t *loop, struct loopwatch *watch,
                curlmux_done done, void *arg) {
  struct curlmux *mux = calloc(1, sizeof(*mux));
  if (mux == NULL)
    return ERR_NOMEM;
  mux->loop = loop;
  mux->watch = watch;
  mux->done = done;
  mux->arg = arg;
  if (open_lane(mux) == NULL) {
    free(mux);
    return ERR_NOMEM;
  }
  *out = mux;
  return 0;
}

void curlmux_adopt(struct curlmux *mux, CURL *easy) {
  curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, close_socket);
  curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, mux);
}

unsigned curlmux_lane(const struct curlmux *mux, unsigned host) {
  unsigned home = host % mux->lane_count;
  for (unsigned i = 0; i < mux->lane_count; i++) {
    unsigned lane = (home + i) % mux->lane_count;
    if (mux->lanes[lane]->active < LANE_TRANSFERS)
      return lane;
  }
  return mux->lane_count < LANES_MAX ? mux->lane_count : home;
}

int curlmux_add(struct curlmux *mux, unsigned lane, CURL *easy) {
  if (lane >= mux->lane_count) {
    if (open_lane(mux) == NULL)
      return ERR_NOMEM;
    lane = mux->lane_count - 1;
  }
  if (curl_multi_add_handle(mux->lanes[lane]->multi, easy) != CURLM_OK)
    return ERR_NOMEM;
  mux->lanes[lane]->active++;
  return 0;
}

void curlmux_remove(struct curlmux *mux, unsigned lane, CURL *easy) {
  if (curl_multi_remove_handle(mux->lanes[lane]->multi, easy) == CURLM_OK)
    mux->lanes[lane]->active--;
}

void curlmux_kick(struct curlmux *mux, unsigned lane) {
  timer_callback(mux->lanes[lane]->multi, 0, mux->lanes[lane]);
}

static void on_lane_closed(uv_handle_t *handle) {
  struct lane *lane = handle->data;
  release(lane->mux);
}

void curlmux_close(struct curlmux *mux, bool curtly) {
  mux->closing = true;
  for (size_t i = 0; curtly && i < mux->by_fd_count; i++)
    if (mux->by_fd[i] != NULL)
      shutdown((int)i, SHUT_RDWR);
  for (unsigned i = 0; i < mux->lane_count; i++) {
    struct lane *lane = mux->lanes[i];
    curl_multi_cleanup(lane->multi);
    uv_timer_stop(&lane->timer);
    uv_close((uv_handle_t *)&lane->timer, on_lane_closed);
  }
}
