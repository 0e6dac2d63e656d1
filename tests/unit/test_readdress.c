/* SPDX-License-Identifier: MIT
 *
 * URLs that a person has given tasks: read as typed, kept as a text, read back.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "readdress.h"

static void words_become_a_url_and_mirrors(void **state) {
  struct readdress a;
  struct errmsg msg;
  (void)state;
  assert_int_equal(
      readdress_read(&a, "  http://a/x?s=1 \thttp://b/x\thttp://c/x\n", &msg),
      0);
  assert_string_equal(a.url, "http://a/x?s=1");
  assert_int_equal(a.mirror_count, 2);
  assert_string_equal(a.mirror[0], "http://b/x");
  assert_string_equal(a.mirror[1], "http://c/x");
  readdress_fini(&a);
}

static void what_is_no_url_is_refused_with_a_sentence(void **state) {
  struct readdress a;
  struct errmsg msg = {""};
  (void)state;
  assert_int_equal(readdress_read(&a, " \t ", &msg), ERR_SYNTAX);
  assert_string_equal(msg.text, "there is no URL");
  assert_int_equal(readdress_read(&a, "http://a/x?sig=***", &msg), ERR_SYNTAX);
  assert_non_null(strstr(msg.text, "secret"));
  char many[40 * 16] = "http://a/";
  for (int i = 0; i < READDRESS_MIRRORS + 1; i++)
    snprintf(many + strlen(many), sizeof many - strlen(many), " http://m/%d",
             i);
  assert_int_equal(readdress_read(&a, many, &msg), ERR_SYNTAX);
  assert_non_null(strstr(msg.text, "31"));
}

static void a_text_brings_all_of_it_back(void **state) {
  struct readdress a, b;
  struct errmsg msg;
  (void)state;
  assert_int_equal(readdress_read(&a, "http://a/x http://b/x", &msg), 0);
  a.of = readdress_of("http://old/x?s=0");
  char *text = readdress_text(&a);
  assert_non_null(text);
  assert_int_equal(readdress_parse(&b, text), 0);
  assert_true(b.of == a.of);
  assert_string_equal(b.url, "http://a/x");
  assert_int_equal(b.mirror_count, 1);
  assert_string_equal(b.mirror[0], "http://b/x");
  readdress_fini(&a);
  memset(&a, 0x55, sizeof a);
  assert_int_equal(readdress_parse(&a, "nonsense"), ERR_SYNTAX);
  assert_null(a.url);
  memset(&a, 0x55, sizeof a);
  assert_int_equal(readdress_parse(&a, "00ff "), ERR_SYNTAX);
  assert_null(a.url);
  readdress_fini(&b);
  free(text);
}

static void the_digest_sees_the_query(void **state) {
  (void)state;
  assert_true(readdress_of("http://a/x?s=1") != readdress_of("http://a/x?s=2"));
  assert_true(readdress_of("") != 0);
}

static void mirrors_are_added_once_each(void **state) {
  struct readdress a;
  struct errmsg msg;
  char url[32];
  (void)state;
  assert_int_equal(readdress_read(&a, "http://a/x", &msg), 0);
  a.of = 7;
  assert_int_equal(readdress_add(&a, "http://a/x"), ERR_EXISTS);
  for (int i = 0; i < READDRESS_MIRRORS; i++) {
    snprintf(url, sizeof url, "http://m/%d", i);
    assert_int_equal(readdress_add(&a, url), 0);
    assert_int_equal(readdress_add(&a, url), ERR_EXISTS);
  }
  assert_int_equal(readdress_add(&a, "http://one/more"), ERR_TOOBIG);
  assert_true(a.of == 7);
  assert_string_equal(a.url, "http://a/x");
  assert_string_equal(a.mirror[READDRESS_MIRRORS - 1], "http://m/30");
  readdress_fini(&a);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(words_become_a_url_and_mirrors),
      cmocka_unit_test(what_is_no_url_is_refused_with_a_sentence),
      cmocka_unit_test(a_text_brings_all_of_it_back),
      cmocka_unit_test(the_digest_sees_the_query),
      cmocka_unit_test(mirrors_are_added_once_each),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
