/* SPDX-License-Identifier: MIT
 *
 * See ctl_rpc.h. What comes in is from anybody who may open the socket: the
 * size of a line is bounded by who reads it, its depth by jansson.
 */
#include "config.h"

#include "ctl_rpc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json_read.h"
#include "member.h"
#include "wire.h"

static const struct rpc_method looks[] = {
    {.name = "get", RPC_LOOK, PARAMS_NAME, .look = LOOK_GET},
    {.name = "list", RPC_LOOK, PARAMS_NONE, .look = LOOK_LIST},
    {.name = "status", RPC_LOOK, PARAMS_NONE, .look = LOOK_STATUS},
    {.name = "snapshot", RPC_LOOK, PARAMS_ROWS, .look = LOOK_SNAPSHOT},
    {.name = "subscribe", RPC_SUBSCRIBE, PARAMS_INTERVAL},
    {.name = "attach", RPC_ATTACH, PARAMS_ATTACH},
    {.name = "watch", RPC_WATCH, PARAMS_WATCH},
};

/* One for each command, in their order. */
static const struct rpc_method commands[COMMAND_COUNT] = {
#define COMMAND_METHOD(sym, title, args, help) \
  {.name = title, RPC_COMMAND, PARAMS_NONE, .command = sym},
    COMMAND_TABLE(COMMAND_METHOD)
#undef COMMAND_METHOD
};

/* ---- parameters -------------------------------------------------------------
 */

static json_t *parameter(json_t *params, const char *name, size_t place) {
  if (json_is_object(params))
    return json_object_get(params, name);
  return json_array_get(params, place);
}

static int read_limit(struct rpc_request *request, json_t *given,
                      struct errmsg *msg) {
  const char *name = json_string_value(given);
  if (name == NULL)
    return err_set(msg, RPC_BAD_PARAMS, "'name', the limit's name, is missing");
  int id = limit_find(name);
  if (id < 0)
    return err_set(msg, RPC_BAD_PARAMS,
                   "there is no limit '%.40s'; 'list' names them all", name);
  request->limit = (enum limit_id)id;
  return 0;
}

/* Values are text as on the command line; bare numbers are taken too, and true
 * and false for what is on or off. */
static int read_value(struct rpc_request *request, json_t *params, size_t place,
                      struct errmsg *msg) {
  json_t *given = parameter(params, "value", place);
  bool is_switch = limit_info(request->limit)->unit == UNIT_SWITCH;
  bool bare = json_is_number(given) || (is_switch && json_is_boolean(given));
  char *number = bare ? json_text(given, JSON_ENCODE_ANY) : NULL;
  const char *text = number != NULL ? number : json_string_value(given);
  int rc = RPC_BAD_PARAMS;
  if (text == NULL)
    err_set(msg, rc, "'value' is missing: text such as \"64\" or \"200/s\"");
  else if (limit_parse(request->limit, text, &request->value, msg) == 0)
    rc = 0;
  free(number);
  return rc;
}

static int read_task(struct rpc_request *request, json_t *params,
                     struct errmsg *msg) {
  json_t *task = parameter(params, "task", 0);
  if (!json_is_integer(task) || json_integer_value(task) <= 0)
    return err_set(msg, RPC_BAD_PARAMS,
                   "'task' is missing: a task's number, as snapshots give it");
  request->task = (uint64_t)json_integer_value(task);
  return 0;
}

static int read_count(json_t *given, const char *name, json_int_t least,
                      json_int_t most, unsigned *value, struct errmsg *msg) {
  json_int_t number = json_integer_value(given);
  if (given == NULL)
    return 0;
  if (!json_is_integer(given) || number < least || number > most)
    return err_set(msg, RPC_BAD_PARAMS, "'%s' is a number from %lld to %lld",
                   name, (long long)least, (long long)most);
  *value = (unsigned)number;
  return 0;
}

static int read_interval(struct rpc_request *request, json_t *params,
                         struct errmsg *msg) {
  json_t *given = parameter(params, "interval_ms", 0);
  int rc = read_count(parameter(params, "tasks", 1), "tasks", 0,
                      RPC_TASK_ROWS_MAX, &request->rows, msg);
  if (given == NULL)
    return err_set(msg, RPC_BAD_PARAMS, "'interval_ms' is missing");
  if (rc != 0 || (json_is_integer(given) && json_integer_value(given) == 0))
    return rc; /* 0 ends the subscription */
  return read_count(given, "interval_ms", RPC_INTERVAL_MIN_MS,
                    RPC_INTERVAL_MAX_MS, &request->interval_ms, msg);
}

static int read_pace(struct rpc_request *request, json_t *params, size_t place,
                     struct errmsg *msg) {
  return read_count(parameter(params, "interval_ms", place), "interval_ms",
                    RPC_INTERVAL_MIN_MS, RPC_INTERVAL_MAX_MS,
                    &request->interval_ms, msg);
}

static int read_attach(struct rpc_request *request, json_t *params,
                       struct errmsg *msg) {
  json_t *wire = parameter(params, "wire", 0);
  if (!json_is_integer(wire) || json_integer_value(wire) < 0 ||
      json_integer_value(wire) > UINT32_MAX)
    return err_set(msg, RPC_BAD_PARAMS,
                   "'wire' is missing: the version of the frames");
  request->wire = (uint32_t)json_integer_value(wire);
  request->interval_ms = RPC_ATTACH_MS;
  return read_pace(request, params, 1, msg);
}

static int read_watch(struct rpc_request *request, json_t *params,
                      struct errmsg *msg) {
  json_t *tasks = parameter(params, "tasks", 0);
  size_t count = json_array_size(tasks);
  if (tasks != NULL && (!json_is_array(tasks) || count > WIRE_WATCH))
    return err_set(msg, RPC_BAD_PARAMS, "'tasks' is a list of at most %d",
                   WIRE_WATCH);
  if (tasks != NULL) {
    request->tasks = calloc(count + 1, sizeof *request->tasks);
    if (request->tasks == NULL)
      return RPC_NO_MEMORY;
  }
  for (size_t i = 0; i < count; i++) {
    json_t *task = json_array_get(tasks, i);
    if (!json_is_integer(task) || json_integer_value(task) <= 0)
      return err_set(msg, RPC_BAD_PARAMS, "'tasks' holds numbers of tasks");
    request->tasks[request->task_count++] = (uint64_t)json_integer_value(task);
  }
  return read_pace(request, params, 1, msg);
}

/* A whole number, of either sign. */
static int read_number(struct rpc_request *request, json_t *params,
                       struct errmsg *msg) {
  json_t *given = parameter(params, "value", 1);
  if (!json_is_integer(given) || json_integer_value(given) > INT32_MAX ||
      json_integer_value(given) < INT32_MIN)
    return err_set(msg, RPC_BAD_PARAMS, "'value' is a whole number");
  request->value = (double)json_integer_value(given);
  return 0;
}

static int read_text(struct rpc_request *request, json_t *given,
                     const char *name, struct errmsg *msg) {
  const char *text = json_string_value(given);
  if (text == NULL || strlen(text) > COMMAND_TEXT_MAX)
    return err_set(msg, RPC_BAD_PARAMS, "'%s' is missing, or no text", name);
  request->text = strdup(text);
  return request->text != NULL ? 0 : RPC_NO_MEMORY;
}

/* An array of lines, or one text with line feeds. */
static int read_lines(struct rpc_request *request, json_t *params,
                      struct errmsg *msg) {
  json_t *given = parameter(params, "lines", 0);
  size_t have = 0, count = json_array_size(given);
  if (json_is_string(given))
    return read_text(request, given, "lines", msg);
  request->text = malloc(COMMAND_TEXT_MAX + 1);
  if (request->text == NULL)
    return RPC_NO_MEMORY;
  for (size_t i = 0; i < count; i++) {
    const char *line = json_string_value(json_array_get(given, i));
    size_t len = line != NULL ? strlen(line) : 0;
    if (line == NULL || strchr(line, '\n') != NULL ||
        have + len + 1 > COMMAND_TEXT_MAX)
      return err_set(msg, RPC_BAD_PARAMS,
                     "'lines' holds a text a line, %zu bytes in all",
                     COMMAND_TEXT_MAX);
    memcpy(request->text + have, line, len);
    have += len;
    request->text[have++] = '\n';
  }
  request->text[have] = '\0';
  return have > 0 ? 0
                  : err_set(msg, RPC_BAD_PARAMS,
                            "'lines' is missing: a list of lines");
}

static int read_rate(struct rpc_request *request, json_t *params,
                     struct errmsg *msg) {
  request->limit = LIMIT_TRANSFER_BANDWIDTH;
  return read_value(request, params, 1, msg);
}

static int read_host_limit(struct rpc_request *request, json_t *params,
                           struct errmsg *msg) {
  json_t *name = parameter(params, "name", 1);
  int rc = read_text(request, parameter(params, "host", 0), "host", msg);
  if (rc == 0)
    rc = read_limit(request, name, msg);
  return rc == 0 ? read_value(request, params, 2, msg) : rc;
}

static int read_command(struct rpc_request *request, json_t *params,
                        struct errmsg *msg) {
  json_t *which = parameter(params, "which", 0);
  int rc = 0;
  switch (command_info(request->method->command)->args) {
  case ARGS_LOCAL:
  case ARGS_NONE:
    break;
  case ARGS_TASK:
    return read_task(request, params, msg);
  case ARGS_TASK_COUNT:
    rc = read_task(request, params, msg);
    return rc == 0 ? read_number(request, params, msg) : rc;
  case ARGS_TASK_BYTES:
    rc = read_task(request, params, msg);
    return rc == 0 ? read_rate(request, params, msg) : rc;
  case ARGS_TASK_URL:
    rc = read_task(request, params, msg);
    return rc == 0 ? read_text(request, parameter(params, "url", 1), "url", msg)
                   : rc;
  case ARGS_LIMIT:
    rc = read_limit(request, parameter(params, "name", 0), msg);
    return rc == 0 ? read_value(request, params, 1, msg) : rc;
  case ARGS_HOST:
    return read_text(request, parameter(params, "host", 0), "host", msg);
  case ARGS_HOST_LIMIT:
    return read_host_limit(request, params, msg);
  case ARGS_CHOICE:
    return which == NULL ? 0 : read_text(request, which, "which", msg);
  case ARGS_PATH:
    return read_text(request, parameter(params, "path", 0), "path", msg);
  case ARGS_LINES:
    return read_lines(request, params, msg);
  }
  return rc;
}

static int read_params(struct rpc_request *request, json_t *params,
                       struct errmsg *msg) {
  if (params != NULL && !json_is_object(params) && !json_is_array(params))
    return err_set(msg, RPC_BAD_PARAMS,
                   "'params' is neither an object nor an array");
  if (request->method->kind == RPC_COMMAND)
    return read_command(request, params, msg);
  switch (request->method->params) {
  case PARAMS_NONE:
    break;
  case PARAMS_NAME:
    return read_limit(request, parameter(params, "name", 0), msg);
  case PARAMS_ROWS:
    return read_count(parameter(params, "tasks", 0), "tasks", 0,
                      RPC_TASK_ROWS_MAX, &request->rows, msg);
  case PARAMS_INTERVAL:
    return read_interval(request, params, msg);
  case PARAMS_ATTACH:
    return read_attach(request, params, msg);
  case PARAMS_WATCH:
    return read_watch(request, params, msg);
  }
  return 0;
}

/* ---- requests ---------------------------------------------------------------
 */

static const struct rpc_method *find_method(const char *name) {
  int command = command_find(name);
  for (size_t i = 0; i < sizeof looks / sizeof looks[0]; i++)
    if (strcmp(looks[i].name, name) == 0)
      return &looks[i];
  if (command < 0 ||
      command_info((enum command_kind)command)->args == ARGS_LOCAL)
    return NULL;
  return &commands[command];
}

/* All members that every request has; what is wrong is an error of the request
 * as such. */
static int read_envelope(struct rpc_request *request, json_t *object,
                         struct errmsg *msg) {
  json_t *id = json_object_get(object, "id");
  const char *version = json_string_value(json_object_get(object, "jsonrpc"));
  const char *name = json_string_value(json_object_get(object, "method"));
  if (json_is_array(object))
    return err_set(msg, RPC_NOT_REQUEST,
                   "batches are not taken; send a request a line");
  if (!json_is_object(object))
    return err_set(msg, RPC_NOT_REQUEST, "a request is an object");
  if (id != NULL && !json_is_string(id) && !json_is_number(id) &&
      !json_is_null(id))
    return err_set(msg, RPC_NOT_REQUEST, "'id' is a text or a number");
  request->id = json_incref(id);
  if (version == NULL || strcmp(version, "2.0") != 0)
    return err_set(msg, RPC_NOT_REQUEST, "'jsonrpc' must be \"2.0\"");
  if (name == NULL)
    return err_set(msg, RPC_NOT_REQUEST, "'method' is missing");
  request->method = find_method(name);
  if (request->method == NULL)
    return err_set(msg, RPC_NO_METHOD, "there is no method '%.40s'", name);
  return 0;
}

int rpc_parse(const char *line, size_t len, struct rpc_request *request,
              struct errmsg *msg) {
  json_error_t error;
  memset(request, 0, sizeof *request);
  request->rows = RPC_TASK_ROWS;
  bool starved;
  json_t *object =
      json_read(line, len, JSON_REJECT_DUPLICATES, &error, &starved);
  if (object == NULL) {
    request->id = json_null();
    if (starved)
      return err_set(msg, RPC_NO_MEMORY, "%s", err_text(ERR_NOMEM));
    return err_set(msg, RPC_NOT_JSON, "not JSON: %s", error.text);
  }
  int rc = read_envelope(request, object, msg);
  if (rc == 0)
    rc = read_params(request, json_object_get(object, "params"), msg);
  else if (rc == RPC_NOT_REQUEST && request->id == NULL)
    request->id = json_null(); /* nobody knows whether it wanted an answer */
  json_decref(object);
  return rc;
}

void rpc_request_fini(struct rpc_request *request) {
  json_decref(request->id);
  request->id = NULL;
  free(request->text);
  free(request->tasks);
  request->text = NULL;
  request->tasks = NULL;
}

/* ---- answers ----------------------------------------------------------------
 */

char *rpc_line(json_t *object) {
  char *line = json_text(object, MEMBER_FORMAT);
  json_decref(object);
  size_t len = line != NULL ? strlen(line) : 0;
  char *grown = line != NULL ? realloc(line, len + 2) : NULL;
  if (grown == NULL) {
    free(line);
    return NULL;
  }
  grown[len] = '\n';
  grown[len + 1] = '\0';
  return grown;
}

static json_t *envelope(void) {
  json_t *o = json_object();
  member_text(o, "jsonrpc", "2.0");
  return o;
}

static void put_id(json_t *object, json_t *id) {
  member_put(object, "id", id != NULL ? json_incref(id) : json_null());
}

char *rpc_result(json_t *id, json_t *result) {
  json_t *o = envelope();
  put_id(o, id);
  member_put(o, "result", result);
  return rpc_line(o);
}

char *rpc_error(json_t *id, int code, const char *text) {
  json_t *o = envelope(), *error = json_object();
  put_id(o, id);
  member_put(error, "code", json_integer(code));
  member_text(error, "message", text);
  member_put(o, "error", error);
  return rpc_line(o);
}

char *rpc_notification(const char *method, json_t *params) {
  json_t *o = envelope();
  member_text(o, "method", method);
  member_put(o, "params", params);
  return rpc_line(o);
}

json_t *rpc_request_object(json_int_t id, const char *method, json_t *params) {
  json_t *o = envelope();
  if (id >= 0)
    member_put(o, "id", json_integer(id));
  member_text(o, "method", method);
  if (params != NULL)
    member_put(o, "params", params);
  return o;
}

char *rpc_call(const char *method, json_t *params) {
  return rpc_line(rpc_request_object(1, method, params));
}

int rpc_answer(const char *line, size_t len, json_t **result,
               struct errmsg *msg) {
  json_int_t id;
  return rpc_answer_id(line, len, &id, result, msg);
}

int rpc_answer_id(const char *line, size_t len, json_int_t *id, json_t **result,
                  struct errmsg *msg) {
  json_error_t error;
  bool starved;
  json_t *object = json_read(line, len, 0, &error, &starved);
  json_t *failed = json_object_get(object, "error");
  json_t *good = json_object_get(object, "result");
  int rc = 0;
  *id = json_integer_value(json_object_get(object, "id"));
  if (failed != NULL) {
    const char *text = json_string_value(json_object_get(failed, "message"));
    rc = (int)json_integer_value(json_object_get(failed, "code"));
    err_set(msg, rc, "%s", text != NULL ? text : "refused without a word");
    rc = rc < 0 ? rc : RPC_REFUSED;
  } else if (good == NULL) {
    rc = err_set(msg, RPC_NOT_REQUEST, "the answer is not understood");
  } else {
    *result = json_incref(good);
  }
  json_decref(object);
  return rc;
}
