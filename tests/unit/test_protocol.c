/* SPDX-License-Identifier: MIT
 *
 * Protocols by their scheme, sets of them as people write them, and paths that
 * name no file.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "protocol.h"

static void schemes(void **state) {
  (void)state;
  assert_int_equal(protocol_find("FTP", 3)->port, 21);
  assert_int_equal(protocol_find("ftps", 4)->port, 990);
  assert_int_equal(protocol_find("sftp", 4)->port, 22);
  assert_true(protocol_find("https", 5)->http);
  assert_false(protocol_find("sftp", 4)->http);
  assert_null(protocol_find("ft", 2));
  assert_null(protocol_find("file", 4));
  assert_null(protocol_find("", 0));
}

static void sets(void **state) {
  unsigned set;
  char text[PROTOCOL_TEXT];
  (void)state;
  assert_int_equal(protocol_set_parse("http,https", &set), 0);
  assert_int_equal(set, PROTOCOL_USUAL);
  assert_int_equal(protocol_set_parse(" SFTP , ftp", &set), 0);
  assert_int_equal(set, PROTOCOL_SFTP | PROTOCOL_FTP);
  assert_string_equal(protocol_set_text(set, ", ", text, sizeof text),
                      "ftp, sftp");
  assert_string_equal(protocol_set_text(PROTOCOL_ALL, ", ", text, sizeof text),
                      "http, https, ftp, ftps, sftp");
  assert_string_equal(protocol_set_text(PROTOCOL_ALL, ",", text, 6), "http,");
}

static void wrong_sets(void **state) {
  static const char *const wrong[] = {
      "",         ",",        "http,",     ",http",  "file",
      "http ftp", "http;ftp", "http,,ftp", "gopher", "http,tftp"};
  unsigned set;
  struct errmsg msg;
  (void)state;
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    if (protocol_set_parse(wrong[i], &set) != ERR_SYNTAX)
      fail_msg("accepted: '%s'", wrong[i]);
    assert_int_equal(protocol_set_check(wrong[i], &msg), ERR_USAGE);
    assert_non_null(strstr(msg.text, "http, https, ftp, ftps, sftp"));
  }
}

static void libcurl_has_the_usual_ones(void **state) {
  struct errmsg msg;
  (void)state;
  assert_int_equal(protocol_set_check("http,https", &msg), 0);
}

static bool names_file(const char *path) {
  return protocol_path_fault(path, strlen(path), false) == NULL;
}

static void paths(void **state) {
  (void)state;
  assert_true(names_file("/f"));
  assert_true(names_file("/%2fetc/f"));
  assert_true(names_file("/%2"));
  assert_true(names_file("/f;typ"));
  assert_false(names_file(""));
  assert_false(names_file("/"));
  assert_false(names_file("/d/"));
  assert_false(names_file("/d%2F"));
  assert_false(names_file("/%2f"));
  assert_false(names_file("/f;TYPE=a"));
  assert_non_null(protocol_path_fault("/f", 2, true));
}

static void replies_have_words(void **state) {
  (void)state;
  assert_string_equal(protocol_reply_text(226), "");
  for (int reply = 421; reply <= 426; reply += 4)
    assert_true(strlen(protocol_reply_text(reply)) > 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(schemes),
      cmocka_unit_test(sets),
      cmocka_unit_test(wrong_sets),
      cmocka_unit_test(libcurl_has_the_usual_ones),
      cmocka_unit_test(paths),
      cmocka_unit_test(replies_have_words),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
