/* SPDX-License-Identifier: MIT
 *
 * The engine as a front end uses it: started on a session of its own against
 * a small HTTP server in this process, driven by commands. The server hands
 * out N bytes for /N/NAME, and a 500 as often as the test says.
 */
#include "config.h"

#include <arpa/inet.h>
#include <ftw.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include <curl/curl.h>

#include "engine.h"
#include "session.h"

/* ---- the server: a thread a connection ----------------------------------- */

struct server {
  int fd;
  unsigned short port;
  pthread_t thread;
  unsigned failures; /* answers with 500 that are left */
  unsigned requests;
  pthread_mutex_t lock;
};

static struct server server;

static void send_all(int fd, const char *data, size_t length) {
  while (length > 0) {
    ssize_t n = send(fd, data, length, MSG_NOSIGNAL);
    if (n <= 0)
      return;
    data += n;
    length -= (size_t)n;
  }
}

static void answer(int fd, const char *target) {
  static const char block[16384];
  char head[200];
  long long size = strtoll(target + 1, NULL, 10);
  bool fails;
  pthread_mutex_lock(&server.lock);
  server.requests++;
  fails = server.failures > 0;
  server.failures -= fails;
  pthread_mutex_unlock(&server.lock);
  if (fails)
    size = 0;
  snprintf(head, sizeof(head),
           "HTTP/1.1 %s\r\nContent-Length: %lld\r\nETag: \"e\"\r\n\r\n",
           fails ? "500 No" : "200 OK", size);
  send_all(fd, head, strlen(head));
  for (; size > 0; size -= (long long)sizeof(block))
    send_all(fd, block,
             size < (long long)sizeof(block) ? (size_t)size : sizeof(block));
}

static void *serve(void *arg) {
  int fd = (int)(intptr_t)arg;
  char data[4096];
  size_t length = 0;
  for (;;) {
    ssize_t n = recv(fd, data + length, sizeof(data) - 1 - length, 0);
    char *end, *target;
    if (n <= 0)
      break;
    length += (size_t)n;
    data[length] = '\0';
    while ((end = strstr(data, "\r\n\r\n")) != NULL) {
      target = strchr(data, ' ');
      answer(fd, target + 1);
      length -= (size_t)(end + 4 - data);
      memmove(data, end + 4, length + 1);
    }
  }
  close(fd);
  return NULL;
}

static void *accept_all(void *arg) {
  (void)arg;
  for (;;) {
    pthread_t thread;
    int fd = accept(server.fd, NULL, NULL);
    if (fd < 0)
      return NULL;
    if (pthread_create(&thread, NULL, serve, (void *)(intptr_t)fd) == 0)
      pthread_detach(thread);
  }
}

static int start_server(void **state) {
  struct sockaddr_in at = {.sin_family = AF_INET,
                           .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof(at);
  (void)state;
  pthread_mutex_init(&server.lock, NULL);
  server.fd = socket(AF_INET, SOCK_STREAM, 0);
  if (bind(server.fd, (struct sockaddr *)&at, sizeof(at)) != 0 ||
      listen(server.fd, 128) != 0 ||
      getsockname(server.fd, (struct sockaddr *)&at, &length) != 0)
    return -1;
  server.port = ntohs(at.sin_port);
  return pthread_create(&server.thread, NULL, accept_all, NULL);
}

static int stop_server(void **state) {
  (void)state;
  shutdown(server.fd, SHUT_RDWR);
  close(server.fd);
  return pthread_join(server.thread, NULL);
}

/* ---- a run -----------------------------------------------------------------
 */

struct run {
  char dir[64];
  struct engine *engine;
  const struct snapshot *snap;
};

static void begin(struct run *run, const char *const *names, size_t count,
                  double bandwidth, double tries) {
  struct engine_config config;
  struct session *session;
  struct errmsg msg;
  char line[8][120];
  const char *lines[8];
  memset(run, 0, sizeof(*run));
  memset(&config, 0, sizeof(config));
  for (int i = 0; i < LIMIT_COUNT; i++)
    config.limit[i] = limit_default((enum limit_id)i);
  config.limit[LIMIT_BANDWIDTH] = bandwidth;
  config.limit[LIMIT_TRIES] = tries;
  config.limit[LIMIT_RETRY_WAIT] = 0.01;
  config.user_agent = "test";
  snprintf(run->dir, sizeof(run->dir), "/tmp/spate-engine-XXXXXX");
  assert_non_null(mkdtemp(run->dir));
  assert_int_equal(session_open(&session, run->dir, false, &msg), 0);
  for (size_t i = 0; i < count; i++) {
    snprintf(line[i], sizeof(line[i]), "http://127.0.0.1:%u/%s", server.port,
             names[i]);
    lines[i] = line[i];
  }
  assert_int_equal(session_add_lines(session, lines, count, &msg), 0);
  assert_int_equal(engine_start(&run->engine, session, &config, NULL, &msg), 0);
  engine_snapshot_every(run->engine, 20);
}

static void look(struct run *run) {
  const struct snapshot *fresh = engine_snapshot(run->engine);
  snapshot_unref(run->snap);
  run->snap = fresh;
}

/* The first snapshot for which good() holds; NULL after seconds. */
static const struct snapshot *until(struct run *run, double seconds,
                                    bool (*good)(const struct snapshot *)) {
  for (int i = 0; i < seconds * 500; i++) { /* patient on a busy machine */
    look(run);
    if (run->snap != NULL && good(run->snap))
      return run->snap;
    usleep(10000);
  }
  return NULL;
}

static void command(struct run *run, enum command_kind kind, uint64_t task) {
  struct command c;
  memset(&c, 0, sizeof(c));
  c.kind = kind;
  c.task = task;
  c.origin = "test";
  assert_int_equal(engine_command(run->engine, &c), 0);
}

static void set(struct run *run, enum limit_id id, double value) {
  struct command c;
  memset(&c, 0, sizeof(c));
  c.kind = CMD_SET_LIMIT;
  c.limit = id;
  c.value = value;
  c.origin = "test";
  assert_int_equal(engine_command(run->engine, &c), 0);
}

static int remove_entry(const char *path, const struct stat *st, int type,
                        struct FTW *at) {
  (void)st;
  (void)type;
  (void)at;
  return remove(path);
}

static void end(struct run *run) {
  engine_join(run->engine);
  snapshot_unref(run->snap);
  engine_free(run->engine);
  assert_int_equal(nftw(run->dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS), 0);
}

static bool finished(const struct snapshot *s) {
  return s->finished;
}

static bool flowing(const struct snapshot *s) {
  return s->total.bytes > 100000;
}

static bool all_paused(const struct snapshot *s) {
  return s->paused;
}

static bool one_paused(const struct snapshot *s) {
  return s->total.paused == 1;
}

static bool one_active(const struct snapshot *s) {
  return s->total.active == 1;
}

/* ---- tests ------------------------------------------------------------------
 */

/* Transfers that stand in line for bytes are told to go on by a person. */
static void pausing_in_line_for_bytes(void **state) {
  const char *const names[] = {"3000000/a", "3000000/b", "3000000/c",
                               "3000000/d"};
  struct run run;
  (void)state;
  begin(&run, names, 4, 400000, 3);
  assert_non_null(until(&run, 5, flowing));
  for (int i = 0; i < 10; i++) {
    command(&run, CMD_PAUSE_ALL, 0);
    usleep(30000);
    command(&run, CMD_RESUME_ALL, 0);
    usleep(30000);
  }
  set(&run, LIMIT_BANDWIDTH, 0);
  if (until(&run, 10, finished) == NULL) {
    print_error("done %u active %u bytes %llu\n",
                (unsigned)run.snap->total.done,
                (unsigned)run.snap->total.active,
                (unsigned long long)run.snap->total.bytes);
    fail();
  }
  assert_int_equal(run.snap->total.done, 4);
  assert_int_equal(run.snap->total.bytes, 12000000);
  end(&run);
}

/* A pause comes with the very start: nothing may flow. */
static void paused_at_once_stays_paused(void **state) {
  const char *const names[] = {"30000000/a", "30000000/b"};
  struct run run;
  uint64_t before;
  (void)state;
  begin(&run, names, 2, 0, 3);
  command(&run, CMD_PAUSE_ALL, 0);
  assert_non_null(until(&run, 5, all_paused));
  usleep(300000);
  look(&run); /* the one that was waiting */
  usleep(100000);
  look(&run);
  before = run.snap->total.bytes;
  assert_true(before < 60000000);
  usleep(300000);
  look(&run);
  usleep(100000);
  look(&run);
  assert_int_equal(run.snap->total.bytes, before);
  command(&run, CMD_RESUME_ALL, 0);
  assert_non_null(until(&run, 10, finished));
  assert_int_equal(run.snap->total.done, 2);
  end(&run);
}

/* A person's pause is no try. */
static void pausing_a_task_costs_no_try(void **state) {
  const char *const names[] = {"3000000/a"};
  struct run run;
  (void)state;
  begin(&run, names, 1, 300000, 2);
  for (int i = 0; i < 3; i++) {
    assert_non_null(until(&run, 5, one_active));
    command(&run, CMD_PAUSE_TASK, run.snap->tasks[0].id);
    assert_non_null(until(&run, 5, one_paused));
    pthread_mutex_lock(&server.lock);
    server.failures = i == 2;
    pthread_mutex_unlock(&server.lock);
    command(&run, CMD_RESUME_TASK, run.snap->tasks[0].id);
  }
  set(&run, LIMIT_BANDWIDTH, 0);
  assert_non_null(until(&run, 10, finished));
  assert_int_equal(run.snap->total.done, 1);
  end(&run);
}

/* Paused, then stopped: everything is let go. */
static void stopping_while_paused(void **state) {
  const char *const names[] = {"30000000/a", "30000000/b"};
  struct run run;
  (void)state;
  begin(&run, names, 2, 400000, 3);
  assert_non_null(until(&run, 5, flowing));
  command(&run, CMD_PAUSE_ALL, 0);
  usleep(100000);
  command(&run, CMD_STOP, 0);
  assert_non_null(until(&run, 5, finished));
  assert_int_equal(run.snap->exit_status, 4);
  end(&run);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(pausing_in_line_for_bytes),
      cmocka_unit_test(paused_at_once_stays_paused),
      cmocka_unit_test(pausing_a_task_costs_no_try),
      cmocka_unit_test(stopping_while_paused),
  };
  curl_global_init(CURL_GLOBAL_DEFAULT);
  return cmocka_run_group_tests(tests, start_server, stop_server);
}
