/* SPDX-License-Identifier: MIT
 *
 * The language of the control socket: JSON-RPC 2.0, an object a line. Here are
 * the methods, the reading of requests and the writing of answers; who carries
 * them is ctl_server.c and ctl_client.c.
 *
 * Parameters go by name ({"name":"rate"}) or by place (["rate"]). Batches are
 * refused. A request without an id is done and not answered.
 *
 * Pure; any thread.
 */
#ifndef SPATE_CTL_RPC_H
#define SPATE_CTL_RPC_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "command.h"
#include "err.h"

#define CTL_SOCKET "ctl" /* in the session's directory */
#define RPC_LINE_MAX ((size_t)64 * 1024)
#define RPC_TASK_ROWS 100 /* of a snapshot unless asked otherwise */
#define RPC_TASK_ROWS_MAX 2000
#define RPC_INTERVAL_MIN_MS 50
#define RPC_ATTACH_MS 500
#define RPC_INTERVAL_MAX_MS 3600000

/* Codes of JSON-RPC 2.0, section 5.1, and our own. */
enum rpc_code {
  RPC_NOT_JSON = -32700,
  RPC_NOT_REQUEST = -32600,
  RPC_NO_METHOD = -32601,
  RPC_BAD_PARAMS = -32602,
  RPC_NO_MEMORY = -32603,
  RPC_REFUSED = -32000, /* the engine will not, and says why */
  RPC_ENDED = -32001,   /* the run is over */
  RPC_BUSY = -32002     /* a ceiling is reached */
};

/* What an attached client is sent: a byte, four of the length (the lowest
 * first), the content. */
#define RPC_FRAME_HEAD 5
#define RPC_FRAME_SNAPSHOT 'S' /* see wire.h */
#define RPC_FRAME_LINE 'J'     /* a line of this language */

enum rpc_kind { RPC_COMMAND, RPC_LOOK, RPC_SUBSCRIBE, RPC_ATTACH, RPC_WATCH };
enum rpc_look { LOOK_GET, LOOK_LIST, LOOK_STATUS, LOOK_SNAPSHOT };
enum rpc_params {
  PARAMS_NONE,
  PARAMS_NAME,     /* name of a limit */
  PARAMS_ROWS,     /* optional: rows of tasks */
  PARAMS_INTERVAL, /* interval_ms, optional rows */
  PARAMS_ATTACH,   /* wire, interval_ms */
  PARAMS_WATCH     /* tasks in sight and interval_ms, both optional */
};

struct rpc_method {
  const char *name;
  enum rpc_kind kind;
  enum rpc_params params;    /* not of an RPC_COMMAND */
  enum command_kind command; /* RPC_COMMAND: see command.h for its params */
  enum rpc_look look;        /* RPC_LOOK */
};

struct rpc_request {
  json_t *id; /* owned; NULL for a notification */
  const struct rpc_method *method;
  enum limit_id limit;
  double value;
  uint64_t task;
  char *text; /* owned; NULL none */
  unsigned rows, interval_ms;
  uint32_t wire;
  uint64_t *tasks; /* owned; NULL none given */
  size_t task_count;
};

/* Reads a line (without its end). Returns 0, or an rpc_code with a sentence in
 * msg; id is set as far as it was found, so that the error can be answered. */
int rpc_parse(const char *line, size_t len, struct rpc_request *request,
              struct errmsg *msg) MUST_CHECK;
void rpc_request_fini(struct rpc_request *request);

/* Lines with a line feed at their end, the caller's to free; NULL without
 * memory. result is taken over, id borrowed (NULL: null). */
char *rpc_result(json_t *id, json_t *result);
char *rpc_error(json_t *id, int code, const char *text);
char *rpc_notification(const char *method, json_t *params);

/* A request as an object, params taken over (NULL none); id -1: without one.
 * rpc_line() makes it, or any object, a line, and takes it over. */
json_t *rpc_request_object(json_int_t id, const char *method, json_t *params);
char *rpc_line(json_t *object);

/* params is taken over, NULL none. */
char *rpc_call(const char *method, json_t *params);

/* Reads an answer: *result is the caller's. Returns 0, or the rpc_code of an
 * error with its sentence in msg. */
int rpc_answer(const char *line, size_t len, json_t **result,
               struct errmsg *msg) MUST_CHECK;
/* The same; *id is the answer's when it is a whole number, else 0. */
int rpc_answer_id(const char *line, size_t len, json_int_t *id, json_t **result,
                  struct errmsg *msg) MUST_CHECK;

#endif
