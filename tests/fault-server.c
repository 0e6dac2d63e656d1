/* SPDX-License-Identifier: MIT
 *
 * An HTTP/1.1 server for the tests, which does on request what real servers
 * do by accident: it delays, throttles, resets, truncates, stalls and lies.
 *
 *   fault-server [--port N] [--listen ADDRESS]... [--log FILE]
 *
 * It prints "PORT n" when it can be asked (the first address's port, used for
 * all of them; 0 = any), and ends with SIGTERM, SIGINT or its parent. Targets:
 * /data/SEED/SIZE[/ANY/NAME][?OPTIONS], /stats, /reset. The options are
 * the table in faultd-request.h, the bodies those of faultd-body.h. One
 * thread, one loop.
 */
#include "config.h"

#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <uv.h>

#include "faultd-body.h"
#include "faultd-conn.h"
#include "faultd-gates.h"
#include "faultd-journal.h"

#define LISTENERS 8
#define BACKLOG 4096

struct server {
  uv_loop_t loop;
  uv_tcp_t listener[LISTENERS];
  size_t listeners;
  uv_signal_t terminate, interrupt;
  uv_timer_t parent_watch;
  uv_check_t journal_writer;
  pid_t parent;
  int port;
};

static void close_handle(uv_handle_t *handle, void *arg) {
  (void)arg;
  if (!uv_is_closing(handle))
    uv_close(handle, NULL);
}

static void stop(struct server *server) {
  conn_close_all();
  uv_walk(&server->loop, close_handle, NULL);
}

static void on_signal(uv_signal_t *handle, int number) {
  (void)number;
  stop(handle->data);
}

/* A server whose test was killed must not stay behind. */
static void on_parent_watch(uv_timer_t *timer) {
  struct server *server = timer->data;

  if (getppid() != server->parent)
    stop(server);
}

static void on_check(uv_check_t *check) {
  (void)check;
  journal_flush();
}

static int bind_address(const char *address, int port, uv_tcp_t *tcp) {
  struct sockaddr_storage to;

  int rc = strchr(address, ':')
               ? uv_ip6_addr(address, port, (struct sockaddr_in6 *)&to)
               : uv_ip4_addr(address, port, (struct sockaddr_in *)&to);
  if (rc == 0)
    rc = uv_tcp_bind(tcp, (struct sockaddr *)&to, 0);
  if (rc == 0)
    rc = uv_listen((uv_stream_t *)tcp, BACKLOG, conn_accept);
  return rc;
}

static int bound_port(uv_tcp_t *tcp) {
  struct sockaddr_storage name;
  int len = sizeof name;

  if (uv_tcp_getsockname(tcp, (struct sockaddr *)&name, &len) < 0)
    return -1;
  return ntohs(name.ss_family == AF_INET6
                   ? ((struct sockaddr_in6 *)&name)->sin6_port
                   : ((struct sockaddr_in *)&name)->sin_port);
}

static int add_listener(struct server *server, const char *address) {
  if (server->listeners == LISTENERS)
    return UV_E2BIG;
  uv_tcp_t *tcp = &server->listener[server->listeners++];
  uv_tcp_init(&server->loop, tcp);
  int rc = bind_address(address, server->port, tcp);
  if (rc == 0 && server->port == 0)
    server->port = bound_port(tcp);
  if (rc < 0)
    fprintf(stderr, "faultd: %s: %s\n", address, uv_strerror(rc));
  return rc;
}

static int parse_options(struct server *server, int argc, char **argv,
                         const char **addresses, size_t *count) {
  static const struct option options[] = {
      {"port", required_argument, NULL, 'p'},
      {"listen", required_argument, NULL, 'l'},
      {"log", required_argument, NULL, 'o'},
      {NULL, 0, NULL, 0}};
  int option;

  while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
    if (option == 'p') {
      server->port = (int)strtol(optarg, NULL, 10);
    } else if (option == 'l' && *count < LISTENERS) {
      addresses[(*count)++] = optarg;
    } else if (option == 'o') {
      if (journal_open(optarg) < 0) {
        perror(optarg);
        return -1;
      }
    } else {
      return -1;
    }
  }
  return optind == argc ? 0 : -1;
}

/* A shell starts its background jobs so: Ctrl-C is not for them. */
static bool ignored(int number) {
  struct sigaction action;

  return sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

static void start_watches(struct server *server) {
  uv_signal_init(&server->loop, &server->terminate);
  uv_signal_init(&server->loop, &server->interrupt);
  uv_timer_init(&server->loop, &server->parent_watch);
  uv_check_init(&server->loop, &server->journal_writer);
  server->terminate.data = server->interrupt.data = server;
  server->parent_watch.data = server;
  uv_signal_start(&server->terminate, on_signal, SIGTERM);
  if (!ignored(SIGINT))
    uv_signal_start(&server->interrupt, on_signal, SIGINT);
  uv_timer_start(&server->parent_watch, on_parent_watch, 1000, 1000);
  uv_check_start(&server->journal_writer, on_check);
}

static void raise_file_limit(void) {
  struct rlimit limit;

  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
  }
}

int main(int argc, char **argv) {
  static struct server server;
  const char *addresses[LISTENERS];
  size_t count = 0;

  server.parent = getppid();
  if (parse_options(&server, argc, argv, addresses, &count) < 0) {
    fprintf(stderr, "usage: %s [--port N] [--listen ADDRESS]... [--log FILE]\n",
            argv[0]);
    return 2;
  }
  if (count == 0)
    addresses[count++] = "127.0.0.1";
  signal(SIGPIPE, SIG_IGN);
  raise_file_limit();
  body_init();
  uv_loop_init(&server.loop);
  for (size_t i = 0; i < count; i++)
    if (add_listener(&server, addresses[i]) < 0)
      return 1;
  start_watches(&server);
  printf("PORT %d\n", server.port);
  fflush(stdout);
  uv_run(&server.loop, UV_RUN_DEFAULT);
  journal_close();
  gates_fini();
  return uv_loop_close(&server.loop) < 0;
}
