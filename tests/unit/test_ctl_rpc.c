/* SPDX-License-Identifier: MIT
 *
 * The language of the control socket: what is taken, what is refused with which
 * code, and that answers can be read back.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ctl_client.h"
#include "ctl_rpc.h"

static int parse(const char *line, struct rpc_request *request,
                 struct errmsg *msg) {
  msg->text[0] = '\0';
  return rpc_parse(line, strlen(line), request, msg);
}

#define CALL(method, params)                                                   \
  "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"" method "\",\"params\":" params \
  "}"

static void test_set_by_name_and_by_place(void **state) {
  static const char *const lines[] = {
      CALL("set", "{\"name\":\"rate\",\"value\":\"30/m\"}"),
      CALL("set", "[\"rate\",\"30/m\"]"),
      CALL("set", "[\"--rate\",\"0.5\"]"),
      CALL("set", "[\"rate\",0.5]"),
  };
  (void)state;
  for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
    struct rpc_request r;
    struct errmsg msg;
    if (parse(lines[i], &r, &msg) != 0)
      fail_msg("%s: %s", lines[i], msg.text);
    assert_string_equal(r.method->name, "set");
    assert_int_equal(r.method->command, CMD_SET_LIMIT);
    assert_int_equal(r.limit, LIMIT_RATE);
    assert_true(r.value == 0.5);
    assert_int_equal(json_integer_value(r.id), 7);
    rpc_request_fini(&r);
  }
}

static void test_a_switch_may_be_a_word_or_a_truth_value(void **state) {
  static const char *const values[] = {"\"on\"", "true", "1", "\"yes\""};
  (void)state;
  for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
    struct rpc_request r;
    struct errmsg msg;
    char line[128];
    snprintf(line, sizeof line, CALL("set", "[\"adaptive\",%s]"), values[i]);
    if (parse(line, &r, &msg) != 0)
      fail_msg("%s: %s", line, msg.text);
    assert_int_equal(r.limit, LIMIT_ADAPTIVE);
    assert_true(r.value == 1);
    rpc_request_fini(&r);
  }
}

static void test_what_is_refused_and_why(void **state) {
  static const struct {
    const char *line;
    int code;
    const char *said;
  } wrong[] = {
      {"", RPC_NOT_JSON, "JSON"},
      {"{", RPC_NOT_JSON, "JSON"},
      {"rubbish", RPC_NOT_JSON, "JSON"},
      {"\xff\xfe", RPC_NOT_JSON, "JSON"},
      {"{} x", RPC_NOT_JSON, "JSON"},
      {"{\"id\":1,\"id\":2}", RPC_NOT_JSON, "duplicate"},
      {"[]", RPC_NOT_REQUEST, "batches"},
      {"{}", RPC_NOT_REQUEST, "jsonrpc"},
      {"{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"get\"}", RPC_NOT_REQUEST,
       "2.0"},
      {"{\"jsonrpc\":\"2.0\",\"id\":1}", RPC_NOT_REQUEST, "method"},
      {"{\"jsonrpc\":\"2.0\",\"id\":{},\"method\":\"stop\"}", RPC_NOT_REQUEST,
       "'id'"},
      {CALL("explode", "[]"), RPC_NO_METHOD, "explode"},
      {CALL("get", "[]"), RPC_BAD_PARAMS, "'name'"},
      {CALL("set", "[\"adaptive\",2]"), RPC_BAD_PARAMS, "on or off"},
      {CALL("get", "[7]"), RPC_BAD_PARAMS, "'name'"},
      {CALL("get", "\"rate\""), RPC_BAD_PARAMS, "'params'"},
      {CALL("get", "[\"speed\"]"), RPC_BAD_PARAMS, "'speed'"},
      {CALL("set", "[\"rate\"]"), RPC_BAD_PARAMS, "'value'"},
      {CALL("set", "[\"rate\",\"fast\"]"), RPC_BAD_PARAMS, "fast"},
      {CALL("set", "[\"concurrency\",0]"), RPC_BAD_PARAMS, "out of range"},
      {CALL("set", "[\"concurrency\",true]"), RPC_BAD_PARAMS, "'value'"},
      {CALL("cancel", "[]"), RPC_BAD_PARAMS, "'task'"},
      {CALL("cancel", "[-1]"), RPC_BAD_PARAMS, "'task'"},
      {CALL("cancel", "[1.5]"), RPC_BAD_PARAMS, "'task'"},
      {CALL("subscribe", "{}"), RPC_BAD_PARAMS, "interval_ms"},
      {CALL("subscribe", "[10]"), RPC_BAD_PARAMS, "50"},
      {CALL("subscribe", "[1e300]"), RPC_BAD_PARAMS, "interval_ms"},
      {CALL("snapshot", "[2001]"), RPC_BAD_PARAMS, "2000"},
  };
  (void)state;
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
    struct rpc_request r;
    struct errmsg msg;
    int code = parse(wrong[i].line, &r, &msg);
    if (code != wrong[i].code)
      fail_msg("%s: %d, not %d", wrong[i].line, code, wrong[i].code);
    if (strstr(msg.text, wrong[i].said) == NULL)
      fail_msg("%s: '%s' is not in '%s'", wrong[i].line, wrong[i].said,
               msg.text);
    assert_non_null(r.id); /* an answer is due */
    rpc_request_fini(&r);
  }
}

/* Thousands of brackets are a classic way to exhaust a parser's stack. */
static void test_deep_nesting_is_refused(void **state) {
  static char line[60000];
  struct rpc_request r;
  struct errmsg msg;
  (void)state;
  memset(line, '[', sizeof line);
  assert_int_equal(rpc_parse(line, sizeof line, &r, &msg), RPC_NOT_JSON);
  rpc_request_fini(&r);
}

static void test_notifications_want_no_answer(void **state) {
  struct rpc_request r;
  struct errmsg msg;
  (void)state;
  assert_int_equal(parse("{\"jsonrpc\":\"2.0\",\"method\":\"stop\"}", &r, &msg),
                   0);
  assert_null(r.id);
  assert_int_equal(r.method->command, CMD_STOP);
  rpc_request_fini(&r);
  assert_int_equal(
      parse("{\"jsonrpc\":\"2.0\",\"method\":\"no-such\"}", &r, &msg),
      RPC_NO_METHOD);
  assert_null(r.id);
  rpc_request_fini(&r);
}

static void test_subscriptions(void **state) {
  struct rpc_request r;
  struct errmsg msg;
  (void)state;
  assert_int_equal(
      parse(CALL("subscribe", "{\"interval_ms\":100,\"tasks\":0}"), &r, &msg),
      0);
  assert_int_equal(r.interval_ms, 100);
  assert_int_equal(r.rows, 0);
  rpc_request_fini(&r);
  assert_int_equal(parse(CALL("subscribe", "[0]"), &r, &msg), 0);
  assert_int_equal(r.interval_ms, 0);
  assert_int_equal(r.rows, RPC_TASK_ROWS);
  rpc_request_fini(&r);
}

static int answer_of(char *line, json_t **result, struct errmsg *msg) {
  assert_non_null(line);
  size_t len = strlen(line);
  assert_int_equal(line[len - 1], '\n');
  assert_ptr_equal(strchr(line, '\n'), line + len - 1);
  int rc = rpc_answer(line, len - 1, result, msg);
  free(line);
  return rc;
}

static void test_answers_are_read_back(void **state) {
  json_t *result = NULL, *id = json_string("\n\xe2\x82\xac");
  struct errmsg msg = {""};
  (void)state;
  assert_int_equal(
      answer_of(rpc_result(id, json_pack("{s:i}", "a", 3)), &result, &msg), 0);
  assert_int_equal(json_integer_value(json_object_get(result, "a")), 3);
  json_decref(result);
  assert_int_equal(
      answer_of(rpc_error(id, RPC_REFUSED, "no\nway"), &result, &msg),
      RPC_REFUSED);
  assert_string_equal(msg.text, "no\nway");
  json_decref(id);
}

static void test_answers_that_are_none(void **state) {
  static const char *const lines[] = {
      "",
      "{}",
      "[]",
      "null",
      "{\"error\":7}",
      "{\"error\":{\"code\":\"x\"}}",
      "{\"error\":{\"code\":5,\"message\":[]}}"};
  (void)state;
  for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
    json_t *result = NULL;
    struct errmsg msg = {""};
    assert_true(rpc_answer(lines[i], strlen(lines[i]), &result, &msg) < 0);
    assert_true(msg.text[0] != '\0');
    assert_null(result);
  }
}

static void test_calls_are_requests(void **state) {
  struct rpc_request r;
  struct errmsg msg = {""};
  char *line = rpc_call("retry", json_pack("{s:I}", "task", (json_int_t)5));
  (void)state;
  assert_non_null(line);
  assert_int_equal(rpc_parse(line, strlen(line), &r, &msg), 0);
  assert_int_equal(r.method->command, CMD_RETRY_TASK);
  assert_int_equal(r.task, 5);
  rpc_request_fini(&r);
  free(line);
}

/* By a run that has said why and hung up before it was asked. */
static void test_who_is_turned_away_is_told_why(void **state) {
  struct errmsg msg = {""};
  json_t *result = NULL;
  char *rest = NULL, *line = rpc_error(NULL, RPC_BUSY, "too many clients");
  size_t rest_len;
  int fds[2];
  (void)state;
  assert_non_null(line);
  assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
  assert_int_equal(write(fds[1], line, strlen(line)), strlen(line));
  close(fds[1]);
  assert_int_equal(
      ctl_ask_on(fds[0], "status", NULL, 5000, &result, &rest, &rest_len, &msg),
      RPC_BUSY);
  assert_non_null(strstr(msg.text, "too many clients"));
  close(fds[0]);
  free(rest);
  free(line);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_set_by_name_and_by_place),
      cmocka_unit_test(test_a_switch_may_be_a_word_or_a_truth_value),
      cmocka_unit_test(test_what_is_refused_and_why),
      cmocka_unit_test(test_deep_nesting_is_refused),
      cmocka_unit_test(test_notifications_want_no_answer),
      cmocka_unit_test(test_subscriptions),
      cmocka_unit_test(test_answers_are_read_back),
      cmocka_unit_test(test_answers_that_are_none),
      cmocka_unit_test(test_calls_are_requests),
      cmocka_unit_test(test_who_is_turned_away_is_told_why),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
