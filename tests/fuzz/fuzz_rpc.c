/* SPDX-License-Identifier: MIT
 *
 * ctl_rpc.c: lines that clients and servers of the control socket may get, and
 * the answers made of them: always one line of JSON.
 */
#include "config.h"

#include "ctl_rpc.h"
#include "fuzz.h"

static void need_line(char *line) {
  size_t n = line != NULL ? strlen(line) : 0;
  json_t *value;
  FUZZ_NEED(n > 1 && strchr(line, '\n') == line + n - 1);
  value = json_loadb(line, n, 0, NULL);
  FUZZ_NEED(json_is_object(value));
  json_decref(value);
  free(line);
}

static void as_request(const char *line, size_t size) {
  struct rpc_request request;
  struct errmsg msg = {""};
  int code = rpc_parse(line, size, &request, &msg);
  if (code == 0) {
    FUZZ_NEED(request.method != NULL);
    FUZZ_NEED(request.rows <= RPC_TASK_ROWS_MAX);
    FUZZ_NEED(request.interval_ms <= RPC_INTERVAL_MAX_MS);
    FUZZ_NEED((unsigned)request.limit < LIMIT_COUNT);
    if (request.id != NULL)
      need_line(rpc_result(request.id, json_string("done")));
  } else {
    FUZZ_NEED(code >= RPC_NOT_JSON && code <= RPC_REFUSED);
    FUZZ_NEED(code == RPC_NO_MEMORY || msg.text[0] != '\0');
    need_line(rpc_error(request.id, code, msg.text));
  }
  rpc_request_fini(&request);
}

static void as_answer(const char *line, size_t size) {
  struct errmsg msg = {""};
  json_t *result = NULL;
  json_int_t id = 0;
  int code = rpc_answer_id(line, size, &id, &result, &msg);
  FUZZ_NEED(code != 0 || result != NULL);
  if (code == 0)
    json_decref(result);
  result = NULL;
  FUZZ_NEED(rpc_answer(line, size, &result, &msg) == code);
  if (code == 0)
    json_decref(result);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  char *line = fuzz_alloc(size);
  memcpy(line, data, size);
  as_request(line, size);
  as_answer(line, size);
  free(line);
  return 0;
}
