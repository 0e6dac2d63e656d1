/* SPDX-License-Identifier: MIT
 *
 * What the files of the control socket's server share; nobody else includes
 * this.
 *
 *   ctl_server.c  its start and end, its loop
 *   ctl_peer.c    clients: who may come, lines in, answers out
 *   ctl_ticket.c  what is asked: commands, looks, subscriptions
 *
 * A request takes a ticket until it is answered. A command's answer comes on
 * the engine's thread, which writes it into the ticket and wakes the poll loop
 * by a pipe; what looks at the run waits for the next snapshot, so that `get`
 * after `set` sees what was set.
 *
 * Thread: the server's, but for ctl__on_reply() and ctl__on_snapshot(), which
 * the engine's calls, maybe with its own mutex held: no function of the engine
 * is called with ours held.
 */
#ifndef SPATE_CTL_IMPL_H
#define SPATE_CTL_IMPL_H

#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ctl_rpc.h"
#include "ctl_server.h"
#include "outbuf.h"
#include "wire.h"

#define TICKETS (CTL_CLIENTS * CTL_REQUESTS)

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
  struct wire_writer *wire;   /* attached: it takes frames; NULL lines */
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

uint64_t ctl__now_ms(void);

/* ---- ctl_server.c ---- */
void ctl__on_reply(void *arg, uint64_t seq, int code, const char *text);
bool ctl__take_news(struct ctl_server *server);

/* ---- ctl_peer.c ---- */
void ctl__accept_all(struct ctl_server *server);
void ctl__drop(struct ctl_server *server, struct client *client);
/* Takes line over; one that cannot be sent ends the client. */
void ctl__send_line(struct client *client, char *line);
void ctl__send_error(struct client *client, json_t *id, int code,
                     const char *text);
/* A frame for one that is attached: its kind, its length, its bytes. */
void ctl__send_frame(struct client *client, char kind, const void *data,
                     size_t len);
/* What has come, as whole lines. */
void ctl__attend(struct ctl_server *server, struct client *client,
                 short revents);
struct pollfd ctl__poll_of(const struct client *client);

/* ---- ctl_ticket.c ---- */
void ctl__obey(struct ctl_server *server, struct client *client,
               struct rpc_request *request);
/* Nobody is left to be answered. */
void ctl__abandon(struct ctl_server *server, const struct client *client);
/* Asks for a snapshot that is younger than this moment; the last one of a run
 * does as well. */
void ctl__look(struct ctl_server *server);
/* It has come, maybe. */
void ctl__see(struct ctl_server *server);
/* What the engine has said to commands meanwhile. */
void ctl__collect(struct ctl_server *server);
/* The run has ended: the last snapshot for those who are attached, an error
 * for those who still wait. */
void ctl__conclude(struct ctl_server *server);

#endif
