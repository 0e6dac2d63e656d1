/* SPDX-License-Identifier: MIT
 *
 * redirect: which answers send on to another place, and where that may be.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hosts.h"
#include "redirect.h"

static struct hosts hosts;
static unsigned count;
static char *hop;
static struct errmsg msg;

static int setup(void **state) {
  (void)state;
  count = 0;
  hop = NULL;
  return hosts_init(&hosts);
}

static int teardown(void **state) {
  (void)state;
  free(hop);
  hosts_fini(&hosts);
  return 0;
}

static int go(enum redirect_rule rule, int status, const char *own,
              const char *where) {
  struct host *host = NULL;
  const struct redirect redirect = {rule, &count, &hop, own};
  int code = redirect_to(&redirect, &hosts, status, where, 1, &host, &msg);
  assert_int_equal(code == 1, host != NULL);
  if (code == 1)
    assert_string_equal(hop, where);
  return code;
}

static void these_answers_name_another_place(void **state) {
  (void)state;
  static const int follows[] = {301, 302, 303, 307, 308};
  static const int stays[] = {0, 200, 300, 304, 305, 306, 309, 404};
  for (size_t i = 0; i < sizeof follows / sizeof *follows; i++)
    assert_int_equal(go(REDIRECT_ANY, follows[i], "http://a/x", "http://b/x"),
                     1);
  assert_int_equal(count, 5);
  for (size_t i = 0; i < sizeof stays / sizeof *stays; i++)
    assert_int_equal(go(REDIRECT_ANY, stays[i], "http://a/x", "http://b/x"), 0);
  assert_int_equal(go(REDIRECT_ANY, 302, "http://a/x", NULL), 0);
  assert_int_equal(count, 5);
}

static void more_than_twenty_are_a_ring(void **state) {
  (void)state;
  for (int i = 0; i < REDIRECTS_MAX; i++)
    assert_int_equal(go(REDIRECT_HTTP, 302, "http://a/x", "http://b/x"), 1);
  assert_true(go(REDIRECT_HTTP, 302, "http://a/x", "http://b/x") < 0);
  assert_non_null(strstr(msg.text, "20 redirects"));
  assert_string_equal(hop, "http://b/x"); /* what it had stays */
}

static void no_redirect_leads_to_keys_or_files(void **state) {
  (void)state;
  hosts.protocols =
      PROTOCOL_HTTP | PROTOCOL_HTTPS | PROTOCOL_FTP | PROTOCOL_SFTP;
  assert_true(go(REDIRECT_ANY, 302, "http://a/x", "sftp://b/x") < 0);
  assert_non_null(strstr(msg.text, "sftp"));
  assert_true(go(REDIRECT_ANY, 302, "http://a/x", "file:///etc/passwd") < 0);
  assert_true(go(REDIRECT_HTTP, 302, "http://a/x", "ftp://b/x") < 0);
  assert_int_equal(go(REDIRECT_ANY, 302, "http://a/x", "ftp://b/x"), 1);
  hosts.protocols = PROTOCOL_HTTPS;
  assert_true(go(REDIRECT_ANY, 302, "https://a/x", "http://b/x") < 0);
  assert_int_equal(count, 1);
}

static void a_digest_does_not_come_over_a_lesser_line(void **state) {
  (void)state;
  assert_int_equal(go(REDIRECT_AS_SAFE, 302, "http://a/x", "http://b/x"), 1);
  assert_int_equal(go(REDIRECT_AS_SAFE, 302, "http://a/x", "HTTPS://c/x"), 1);
  /* from where it is now, not from where it began */
  assert_true(go(REDIRECT_AS_SAFE, 302, "http://a/x", "http://b/x") < 0);
  assert_string_equal(hop, "HTTPS://c/x");
  assert_int_equal(go(REDIRECT_HTTP, 302, "https://a/x", "http://b/x"), 1);
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
  const struct CMUnitTest tests[] = {
      T(these_answers_name_another_place),
      T(more_than_twenty_are_a_ring),
      T(no_redirect_leads_to_keys_or_files),
      T(a_digest_does_not_come_over_a_lesser_line),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
