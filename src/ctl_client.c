/* SPDX-License-Identifier: MIT
 *
 * See ctl_client.h.
 */
#include "config.h"

#include "ctl_client.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "ctl_rpc.h"
#include "ctl_socket.h"

#define ANSWER_MAX ((size_t)8 * 1024 * 1024)

#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0
#endif

static int64_t now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* True when fd is ready before the time is over. */
static bool wait_for(int fd, short events, int64_t end_ms) {
  struct pollfd p = {.fd = fd, .events = events};
  for (;;) {
    int64_t left = end_ms - now_ms();
    int ready = left > 0 ? poll(&p, 1, (int)left) : 0;
    if (ready >= 0 || errno != EINTR)
      return ready > 0;
  }
}

/* A run that has turned us away has said why: that is read, then. */
static int send_all(int fd, const char *line, int64_t end_ms) {
  for (size_t len = strlen(line); len > 0;) {
    ssize_t n = send(fd, line, len, MSG_NOSIGNAL);
    if (n > 0) {
      line += n;
      len -= (size_t)n;
    } else if (n < 0 && errno == EPIPE) {
      return 0;
    } else if (n < 0 && errno != EAGAIN && errno != EINTR) {
      return ERR_IO;
    } else if (!wait_for(fd, POLLOUT, end_ms)) {
      return ERR_IO;
    }
  }
  return 0;
}

struct answer {
  char *data;
  size_t len, cap;
  size_t read; /* with what came behind the line */
};

static int make_room(struct answer *answer) {
  if (answer->len < answer->cap)
    return 0;
  size_t cap = answer->cap > 0 ? answer->cap * 2 : 16384;
  char *grown = cap <= ANSWER_MAX ? realloc(answer->data, cap) : NULL;
  if (grown == NULL)
    return ERR_NOMEM;
  answer->data = grown;
  answer->cap = cap;
  return 0;
}

/* Reads up to a line feed. */
static int read_line(int fd, struct answer *answer, int64_t end_ms) {
  for (;;) {
    if (make_room(answer) != 0)
      return ERR_NOMEM;
    if (!wait_for(fd, POLLIN, end_ms))
      return ERR_IO;
    char *at = answer->data + answer->len;
    ssize_t n = read(fd, at, answer->cap - answer->len);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
      continue;
    if (n <= 0)
      return ERR_IO;
    char *end = memchr(at, '\n', (size_t)n);
    answer->len += (size_t)n;
    answer->read = answer->len;
    if (end == NULL)
      continue;
    answer->len = (size_t)(end - answer->data);
    return 0;
  }
}

static int exchange(int fd, const char *line, int timeout_ms,
                    struct answer *answer, json_t **result,
                    struct errmsg *msg) {
  int64_t end_ms = now_ms() + timeout_ms;
  int rc = send_all(fd, line, end_ms);
  if (rc == 0)
    rc = read_line(fd, answer, end_ms);
  if (rc == 0)
    return rpc_answer(answer->data, answer->len, result, msg);
  return err_set(msg, rc, "the run gives no answer; it may just have ended");
}

int ctl_ask_on(int fd, const char *method, json_t *params, int timeout_ms,
               json_t **result, char **rest, size_t *rest_len,
               struct errmsg *msg) {
  struct answer answer = {0};
  char *line = rpc_call(method, params);
  int rc = line != NULL ? exchange(fd, line, timeout_ms, &answer, result, msg)
                        : err_set(msg, ERR_NOMEM, "%s", err_text(ERR_NOMEM));
  *rest_len = rc == 0 ? answer.read - answer.len - 1 : 0;
  if (*rest_len > 0)
    memmove(answer.data, answer.data + answer.len + 1, *rest_len);
  if (rc != 0) {
    free(answer.data);
    answer.data = NULL;
  }
  *rest = answer.data;
  free(line);
  return rc;
}

int ctl_ask(const char *dir, const char *method, json_t *params, int timeout_ms,
            json_t **result, struct errmsg *msg) {
  char *rest = NULL;
  size_t rest_len;
  int fd = ctl_socket_connect(dir, msg);
  if (fd < 0) {
    json_decref(params);
    return fd;
  }
  int rc =
      ctl_ask_on(fd, method, params, timeout_ms, result, &rest, &rest_len, msg);
  free(rest);
  close(fd);
  return rc;
}

int ctl_exit_status(int code) {
  if (code == RPC_REFUSED || code == RPC_BUSY)
    return 1;
  return code == RPC_BAD_PARAMS || code == RPC_NO_METHOD ? 2 : 3;
}
